"""One chat turn: compose, let the model call tools, check every sentence against its evidence while streaming."""
