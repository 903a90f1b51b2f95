"""Which words a text holds, for patterns of whole words: where none of a pattern's words is there, it need not be tried.

A sentence is read by dozens of patterns while it streams, most of them in vain; one look at its words spares those.
"""

import re

_WORD = re.compile(r"[a-z]+")


class Spoken:
    """The words of a text, in lower case and of ASCII letters alone."""

    def __init__(self, text: str) -> None:
        # Patterns that ignore case take a few other letters for those of ASCII: such a text may hold any word.
        self._words = frozenset(_WORD.findall(text.lower())) if text.isascii() else None

    def may_say(self, words: frozenset[str]) -> bool:
        """Tell whether a text may hold one of these; False: it holds none as a whole word."""
        return self._words is None or not self._words.isdisjoint(words)
