"""A note with its words: paragraphs, and the same words without case, spacing and punctuation."""

import re
from dataclasses import dataclass
from functools import cached_property

from app.fhir.chart import Line

COPIED_WORDS = 10
WORD = re.compile(r"[^\W_]+(?:[.,'’/-][^\W_]+)*")
PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note with text: its handle, reference, day (ISO, site zone), author, kind, service and paragraphs.

    `standing` says in words what is unusual about it: unsigned, addendum, superseded; empty for a plain signed note.
    """

    handle: str
    reference: str
    date: str
    author: str
    kind: str
    paragraphs: tuple[str, ...]
    service: str = ""
    standing: str = ""

    @property
    def text(self) -> str:
        """Return the whole text, paragraphs apart by an empty line."""
        return "\n\n".join(self.paragraphs)

    @cached_property
    def normal(self) -> str:
        """Return the words of the whole text as `normal` gives them."""
        return normal(self.text)


def note_of(line: Line, text: str, standing: str = "") -> Note:
    """Return a note with its paragraphs, from the record of a document or of a report."""
    parts = [p.strip() for p in PARAGRAPH.split(text.strip())]
    return Note(
        handle=line.handle, reference=line.reference, date=line.date,
        author=line.text("author") or (line.text("site") if line.handle.startswith("R") else ""),
        kind=line.text("type") or line.text("order"), service=line.text("service"), standing=standing,
        paragraphs=tuple(p for p in parts if p),
    )  # fmt: skip


def words_in(text: str) -> list[tuple[int, int, str]]:
    """Return the words of a text in lower case, each with where it stands."""
    return [(m.start(), m.end(), m[0].lower()) for m in WORD.finditer(text)]


def normal(text: str) -> str:
    """Return only the words, in lower case, so that spacing, case and punctuation do not hide a copy."""
    return " ".join(w.lower() for w in WORD.findall(text))
