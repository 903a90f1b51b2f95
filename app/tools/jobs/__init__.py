"""Jobs: fixed reports of a chart, part by part, each part a look-up of the one registry. No model writes them."""
