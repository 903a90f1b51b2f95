"""One port to every assistant: language models and the deterministic one that runs without a model."""
