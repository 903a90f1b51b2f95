"""Where a note and the record say different things: both are shown, neither is taken for right.

Three reviewed rules: a note that says "no known allergies" beside a listed allergy; the newest note that says of a medicine
to go on with it or to stop it, beside an order that says the opposite; a code status in a note beside another one in the
record. Not seen: every other way to differ or to say so, and what a note means beyond these words. No match is no agreement.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.fhir.chart import Chart, Line
from app.fhir.note import Note
from app.fhir.standing import is_replaced

NO_ALLERGY = re.compile(
    r"\b(?:no known (?:drug |medication |medicine |food )*allerg(?:y|ies)|NKD?A|denies (?:any )?(?:drug )?allergies)\b",
    re.IGNORECASE,
)
GO_ON = r"(?<!not )(?<!n't )(?<!to )\b(?:continue[sd]?|continuing|keep taking|resumed?)\b"
END = r"(?<!not )(?<!n't )\b(?:stop(?:ped)?|discontinued?|d/c'?d?|hold(?:ing)?|held)\b"
# One statement: no end of a sentence, no other clause, between the verb and the name.
BETWEEN = r"[^.;\n]{0,40}?\b"
COMFORT = re.compile(r"\b(?:DNR|DNAR|do not (?:attempt )?resuscitat\w+)\b", re.IGNORECASE)
FULL = re.compile(r"\bfull code\b", re.IGNORECASE)
STOPPED = frozenset(("stopped", "cancelled"))


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A sentence of a note, and the records that say otherwise; `about` names what they differ on.

    `first` is the older note that it was copied from.
    """

    about: str
    note: Note
    sentence: str
    lines: tuple[Line, ...]
    first: Note | None = None


def conflicts(chart: Chart, notes: Sequence[Note]) -> list[Conflict]:
    """Return where the newest word of the notes (oldest first) and the record differ."""
    current = [n for n in notes if not is_replaced(n.standing)]
    found = [
        *_allergies(chart, current),
        *_medicines(chart, current),
        *_code_status(chart, current),
    ]
    return [replace(one, first=_first_written(notes, one)) for one in found]


def _first_written(notes: Sequence[Note], found: Conflict) -> Note | None:
    """Return the oldest note that holds the sentence, None where that is the note itself."""
    same = (n for n in notes if found.sentence in " ".join(n.text.split()))
    first = next(same, found.note)
    return None if first.reference == found.note.reference else first


def speaks_of_code_status(notes: Sequence[Note]) -> bool:
    """Tell whether any note has a code status, so that the record's own must be read."""
    return any(COMFORT.search(n.text) or FULL.search(n.text) for n in notes)


def _said(notes: Sequence[Note], *patterns: re.Pattern[str]) -> tuple[Note, str, int] | None:
    """Return the newest note that holds one of the patterns, its last such sentence, and which pattern it was."""
    for note in reversed(notes):
        found = [(m, at) for at, pattern in enumerate(patterns) for m in pattern.finditer(note.text)]  # fmt: skip
        if found:
            match, at = max(found, key=lambda item: item[0].start())
            return note, _sentence(note.text, match), at
    return None


def _sentence(text: str, match: re.Match[str]) -> str:
    start = max(text.rfind(".", 0, match.start()), text.rfind("\n", 0, match.start())) + 1
    ends = [at for mark in ".\n" if (at := text.find(mark, match.end())) >= 0]
    return " ".join(text[start : min(ends, default=len(text)) + 1].split())[-300:]


def _allergies(chart: Chart, notes: Sequence[Note]) -> Iterator[Conflict]:
    listed = tuple(x for x in chart.tables.get("A", []) if x.group == "active" and not _refuted(x))
    said = _said(notes, NO_ALLERGY)
    if listed and said:
        yield Conflict(about="allergies", note=said[0], sentence=said[1], lines=listed[:6])


def _refuted(line: Line) -> bool:
    return line.text("verification") in ("refuted", "entered-in-error")


def _medicines(chart: Chart, notes: Sequence[Note]) -> Iterator[Conflict]:
    orders: dict[str, list[Line]] = defaultdict(list)
    for line in chart.tables.get("M", []):
        name = re.split(r"[^a-z-]", line.text("drug").lower(), maxsplit=1)[0]
        if len(name) > 4:
            orders[name].append(line)
    for name, lines in orders.items():
        named = [n for n in notes if name in n.normal]
        active = [x for x in lines if x.group == "active"]
        ended = [x for x in lines if x.group in STOPPED]
        own = active or (ended if len(ended) == len(lines) else [])
        said = _said(named, *(re.compile(f"{verb}{BETWEEN}{name}\\b", re.IGNORECASE) for verb in (GO_ON, END)))  # fmt: skip
        if not own or not said:
            continue
        note, sentence, verb = said
        opposite = verb == (1 if active else 0)
        if opposite and note.date[:10] >= max(x.date for x in own)[:10]:
            yield Conflict(about=name, note=note, sentence=sentence, lines=tuple(own[:3]))


def _code_status(chart: Chart, notes: Sequence[Note]) -> Iterator[Conflict]:
    said = _said(notes, COMFORT, FULL)
    if said is None:
        return
    note, sentence, which = said
    other = (FULL, COMFORT)[which]
    lines = [
        x for x in (*chart.tables.get("F", []), *chart.tables.get("R", []))
        if x.group == "active" and other.search(" ".join(f.value for f in x.facts))
    ]  # fmt: skip
    if lines:
        yield Conflict(about="code status", note=note, sentence=sentence, lines=tuple(lines[:3]))
