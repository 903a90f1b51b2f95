"""The events of a stay by day: what was ordered, done, reported, recorded, and the turns of results."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.fhir.chart import Chart
from app.fhir.dates import days_between
from app.fhir.reader import LaunchChart
from app.fhir.since import DANGEROUS
from app.llm.port import Cell, Entry
from app.tools.entries import line_entry
from app.tools.jobs.picks import stay_of

CONSULT = re.compile(r"\b(?:consult\w*|referr\w*|evaluat\w*)\b", re.IGNORECASE)
WORTH_A_NOTE = re.compile(r"\b(?:consult\w*|operative|procedure|discharge|transfer|admission|history and physical|h&p)\b", re.IGNORECASE)  # fmt: skip
MOST_TURNS = 24
# What an event is, by the section of its record; the order within a day.
VERBS = {
    "encounters": "Visit", "problems": "Problem recorded", "procedures": "Procedure", "reports": "Report",
    "medications": "Ordered", "administrations": "First dose recorded", "requests": "Consult ordered", "notes": "Note",
    "flags": "Flag",
}  # fmt: skip


def by_day(launch: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return the events of the stay, oldest day first; each bears its day's label and what it is."""
    stay = stay_of(launch)
    if stay is None:
        return [e for e in entries if e.section == "search"]
    start, end = stay.field("start"), stay.field("end")
    found = [*_records([*entries, *_of_the_day(launch.chart, start)], stay), *_turns(entries)]
    inside = [
        e for e in found if e.field("when")[:10] >= start[:10] and (not end or e.field("when") <= end)
    ]  # fmt: skip
    inside.sort(
        key=lambda e: (e.field("when")[:10], list(VERBS.values()).index(e.field("what") or "Flag"))
    )
    shown = [e.with_fields(("label", _label(start, e))) for e in inside]
    return shown or [e for e in entries if e.section == "search"]


def _label(start: str, event: Entry) -> str:
    """Return "Day 3": the day of admission is day 1."""
    days = days_between(start, event.field("when"))
    return "Day not known" if days is None else f"Day {days + 1}"


def _of_the_day(chart: Chart, start: str) -> list[Entry]:
    """Return what bears the day of admission without an hour: it is neither before nor after it."""
    lines = [x for prefix in "PCMRN" for x in chart.tables[prefix] if x.date == start[:10]]
    return [line_entry(chart, x) for x in lines]


def _records(entries: Sequence[Entry], stay: Entry) -> Iterator[Entry]:
    given: set[str] = set()
    for entry in sorted(entries, key=lambda e: e.field("sort")):
        if entry.cells or entry.section not in VERBS or entry.handle == stay.handle:
            continue
        if not _is_event(entry, given):
            continue
        yield entry.with_fields(("when", entry.field("sort")), ("what", VERBS[entry.section]))


def _is_event(entry: Entry, given: set[str]) -> bool:
    """Tell whether a record is an event of its own: of doses the first, of notes those that mark a turn."""
    match entry.section:
        case "administrations":
            first = entry.name not in given and entry.group == "given"
            given.update({entry.name} if first else ())
            return first
        case "requests":
            return bool(CONSULT.search(entry.name))
        case "notes":
            return bool(WORTH_A_NOTE.search(entry.name))
        case "reports":
            return entry.group not in ("cancelled", "entered-in-error")
        case _:
            return entry.group != "entered-in-error"


def _turns(entries: Sequence[Entry]) -> list[Entry]:
    """Return the values at which a laboratory flag came, changed or went, the dangerous tests first."""
    found = []
    series = [e for e in entries if e.cells and e.section == "labs"]
    series.sort(key=lambda e: int(e.field("urgency") or len(DANGEROUS)))
    for entry in series:
        before = ""
        for cell in sorted(entry.cells, key=lambda c: c.moment):
            # S, I and R are susceptibilities, no turn of a value.
            flag = cell.flag if cell.flag.startswith(("H", "L", "A")) else ""
            if flag != before:
                found.append(_turn(entry, cell))
            before = flag
    return found[:MOST_TURNS]


def _turn(entry: Entry, cell: Cell) -> Entry:
    return replace(entry, handle=cell.handle, cells=(cell,)).with_fields(("when", cell.moment))
