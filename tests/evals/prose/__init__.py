"""Sentences that say of the charts what is so, or what is not, in the prose of a language model."""
