"""Which words of a note stand in an earlier one, and where words stand in a text.

A run of sentences with ten or more words that stands in an earlier note, whatever the format of either, is attributed to
its first author and date. Not recognised: copies that were reworded, and copies of notes that were not read.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.fhir.note import COPIED_WORDS, Note, normal, words_in

SENTENCE = re.compile(r".+?(?:[.!?:;](?=\s|$)|\n|$)", re.DOTALL)
# Between two notes in the text of all of them: no word, so no copy reaches across.
APART = " \x00 "


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of sentences of one paragraph; `first` is the earlier note it was copied from, None if new."""

    text: str
    first: Note | None


class Copies:
    """The words of all notes, oldest first, in one text: where some stand first is one look."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = sorted(notes, key=lambda n: (n.date, n.reference))
        parts = [f" {note.normal} " for note in self._notes]
        self._text = APART.join(parts)
        self._ends = list(accumulate(len(part) + len(APART) for part in parts))
        self._twice = _in_two(self._notes)

    def first(self, words: str, before: Note) -> Note | None:
        """Return the earliest note older than `before` that holds these words (as `normal` gives them)."""
        if _beginning(words.split()) not in self._twice:
            return None
        at = self._text.find(f" {words} ")
        if at < 0:
            return None
        found = self._notes[bisect_right(self._ends, at)]
        return found if found.date < before.date and found.reference != before.reference else None

    def runs(self, note: Note) -> list[list[Run]]:
        """Split each paragraph into runs of sentences, copied ones with the earliest note that holds them."""
        return [self.runs_of(note, paragraph) for paragraph in note.paragraphs]

    def runs_of(self, note: Note, paragraph: str) -> list[Run]:
        """Split one paragraph of a note into the longest runs that stand whole in one earlier note."""
        sentences = [s for s in SENTENCE.findall(paragraph) if s.strip()]
        out: list[Run] = []
        at = 0
        while at < len(sentences):
            end, first = self._longest(sentences, at, note)
            text = "".join(sentences[at:end])
            if first is None and out and out[-1].first is None:
                out[-1] = Run(text=out[-1].text + text, first=None)
            else:
                out.append(Run(text=text, first=first))
            at = end
        return out

    def _longest(self, sentences: list[str], at: int, note: Note) -> tuple[int, Note | None]:
        """Grow a run while one earlier note holds it: one that is not held is not held with more words either."""
        words: list[str] = []
        best: tuple[int, Note | None] = (at + 1, None)
        for end in range(at, len(sentences)):
            words += normal(sentences[end]).split()
            if len(words) < COPIED_WORDS:
                continue
            first = self.first(" ".join(words), note)
            if first is None:
                break
            best = (end + 1, first)
        return best


def _in_two(notes: Sequence[Note]) -> frozenset[int]:
    """Return the hashes of all ten words in a row that stand in two notes: most looks end here, without the text."""
    seen: set[int] = set()
    twice: set[int] = set()
    for note in notes:
        words = note.normal.split()
        own = {_beginning(words, at) for at in range(len(words) - COPIED_WORDS + 1)}
        twice |= own & seen
        seen |= own
    return frozenset(twice)


def _beginning(words: Sequence[str], at: int = 0) -> int:
    return hash(tuple(words[at : at + COPIED_WORDS]))


def runs(note: Note, notes: Sequence[Note]) -> list[list[Run]]:
    """Split a note as `Copies.runs` does, among these notes."""
    return Copies(notes).runs(note)


def passages(notes: Sequence[Note], words: str) -> list[tuple[Note, str]]:
    """Return the paragraphs that hold these words in this order (case and punctuation apart), first written first."""
    wanted = normal(words)
    if not wanted:
        return []
    return [(n, p) for n in notes for p in n.paragraphs if f" {wanted} " in f" {normal(p)} "]


def find_words(text: str, words: str) -> list[tuple[int, int]]:
    """Return where these words stand in a text, as (start, end), however they are spaced or punctuated."""
    wanted = normal(words).split()
    if not wanted:
        return []
    found = words_in(text)
    size = len(wanted)
    return [
        (found[i][0], found[i + size - 1][1])
        for i in range(len(found) - size + 1)
        if [w for _, _, w in found[i : i + size]] == wanted
    ]
