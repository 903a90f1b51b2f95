"""Make model text harmless before anything else reads it: no sentinels, no control characters, no HTML.

Works on a stream: what could still become a tag is held back until it is one or cannot be one.
Links and images stay as written; the screen draws links inert and fetches no image.
"""

import re
import unicodedata

TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,400}>|<!--.{0,400}?-->|<![A-Za-z][^<>\n]{0,400}>")
MAY_BE_TAG = re.compile(r"<(?:[/!]?[A-Za-z-][^<>\n]{0,400}|[/!]?)\Z")
# Cc: control, Cf: invisible format (zero width, direction overrides, tags), Co: private use, Cs: surrogates.
REFUSED = ("Cc", "Cf", "Co", "Cs", "Cn")


def harmless(text: str) -> str:
    """Return text without private-use, control and invisible characters; line breaks and tabs stay."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in REFUSED)


class Cleaner:
    """Clean a stream of text."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what is certain so far."""
        plain = TAG.sub("", self._held + harmless(text))
        open_tag = MAY_BE_TAG.search(plain)
        self._held = plain[open_tag.start() :] if open_tag else ""
        return plain[: open_tag.start()] if open_tag else plain

    def finish(self) -> str:
        """Return what was held back: it is text after all."""
        held, self._held = self._held, ""
        return TAG.sub("", held)
