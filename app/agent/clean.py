"""Make model text harmless before anything else reads it: no sentinels, no control characters, no HTML.

Works on a stream: what could still become a tag is held back until it is one or cannot be one.
Links and images stay as written; the screen draws links inert and fetches no image.
"""

import re

from app.tools.plain import harmless, without_tags

__all__ = ["Cleaner", "harmless"]

# With what is taken out of its middle gone, `<i<b>mg>` would be one.
MAY_BE_TAG = re.compile(r"<(?:[/!<]*[A-Za-z-][^>\n]{0,400}|[/!<]*)\Z")


class Cleaner:
    """Clean a stream of text."""

    def __init__(self) -> None:
        self._held = ""

    @property
    def waiting(self) -> bool:
        """Tell whether something is held back."""
        return bool(self._held)

    def feed(self, text: str) -> str:
        """Return what is certain so far."""
        shown = harmless(text)
        if not self._held and "<" not in shown:
            return shown
        plain = without_tags(self._held + shown)
        open_tag = MAY_BE_TAG.search(plain)
        self._held = plain[open_tag.start() :] if open_tag else ""
        return plain[: open_tag.start()] if open_tag else plain

    def finish(self) -> str:
        """Return what was held back: it is text after all."""
        held, self._held = self._held, ""
        return without_tags(held)
