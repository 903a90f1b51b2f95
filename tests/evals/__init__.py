"""Answers of the product against what the charts say."""
