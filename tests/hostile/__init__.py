"""Servers that behave badly, questions with a known truth, and a judge of what was said."""
