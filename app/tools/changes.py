"""What changed since a moment: the last visit, the admission, the last note, 24 hours ago, or a date."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, assert_never

from app.fhir.chart import Chart, Line
from app.fhir.dates import is_within, later, local
from app.fhir.reader import LaunchChart
from app.fhir.readings import Row
from app.fhir.sections import SectionName
from app.fhir.unsorted import joined, results_without_date, without_date
from app.fhir.visits import is_admission
from app.launch_context import LaunchContext
from app.llm.port import Entry
from app.tools.entries import (
    line_entry,
    none_records,
    none_text,
    row_entry,
    search_entry,
    section_of,
    unanswered,
)
from app.tools.registry import Found

TITLES = {
    "M": "ORDERS", "P": "PROBLEMS", "N": "NOTES", "R": "ORDERS AND REPORTS", "E": "VISITS", "G": "DOSES",
    "F": "ALERTS", "C": "PROCEDURES",
}  # fmt: skip
AnchorKind = Literal["my_last_visit", "admission", "last_note", "24h", "date"]
# Of a stay or a day, what was given, done and flagged is news too.
SHORT: tuple[AnchorKind, ...] = ("admission", "last_note", "24h")
OVER = ("finished", "onleave", "unknown")


def anchor(launch: LaunchChart, kind: AnchorKind, date: str) -> tuple[str, Line | None, str]:
    """Return the ISO moment to count from, the record it is, and what it is called; "" where there is none.

    A visit, stay or note counts from its own date: what happened on that day is part of what changed since.
    """
    chart = launch.chart
    match kind:
        case "date":
            return date, None, "that date"
        case "24h":
            day_before = later(launch.now, -timedelta(hours=24))
            return local(day_before.isoformat(), chart.zone), None, "24 hours ago"
        case "admission":
            line = _stay(chart)
            return (line.date if line else ""), line, "admission"
        case "last_note":
            line = next((x for x in _dated(chart.tables["N"])), None)
            return (line.date if line else ""), line, "last note"
        case "my_last_visit":
            line = _visit(chart, launch.context)
            return (line.date if line else ""), line, "visit"
    assert_never(kind)


def _dated(lines: Sequence[Line]) -> list[Line]:
    return sorted((x for x in lines if x.date), key=lambda x: x.date, reverse=True)


def _stay(chart: Chart) -> Line | None:
    """Return the stay that goes on, else the newest one that was begun."""
    stays = [
        x for x in _dated(chart.tables["E"]) if is_admission(chart.resources.get(x.reference, {}))
    ]
    begun = [x for x in stays if x.group not in ("planned", "cancelled")]
    return next((x for x in begun if x.group == "in-progress"), None) or next(iter(begun), None)


def _visit(chart: Chart, context: LaunchContext) -> Line | None:
    """Return this user's last visit before today, else the last one of anybody."""
    today = chart.now.date().isoformat()
    past = [x for x in _dated(chart.tables["E"]) if x.group in OVER and x.date[:10] < today]
    mine = [
        x for x in past
        if context.user_reference and _with(chart, x, context.user_reference)
    ]  # fmt: skip
    return next(iter(mine or past), None)


def _with(chart: Chart, line: Line, user: str) -> bool:
    encounter = chart.resources.get(line.reference, {})
    people = [
        (p.get("individual") or {}).get("reference") for p in encounter.get("participant") or []
    ]
    return user in people


def changed(
    chart: Chart,
    start: str,
    visit: Line | None,
    names: Sequence[SectionName],
    called: str = "visit",
) -> Found:
    """Print and state what is newer than `start`: flagged results first."""
    since = chart.print_date(start, time=called != "visit") if start else "the first record"
    head = f"SINCE {since}" + (f" ({called} [{visit.handle}])" if visit else "")
    head += "" if start else f" ({called}: none found in the record)"
    rows = [
        row_entry(chart, p, row, start)
        for p in ("L", "V")
        for row in chart.grids[p].rows
        if _newer(chart, p, row, start)
    ]
    rows.sort(key=lambda e: not e.cells[0].flag)
    every = [
        x
        for p in ("M", "G", "P", "N", "E", "R", "F", "C")
        for x in unanswered(chart, chart.tables[p])
        if x is not visit and section_of(x) in names
    ]
    lines = [x for x in every if is_since(x.date, start)]
    unsorted = _unsorted(chart, every, start)
    entries = [*rows, *(line_entry(chart, x) for x in lines)]
    text = [head, *(_series(e) for e in rows), *(_line(chart, x) for x in lines)]
    if not entries:
        records = none_records(chart, f"changes since {since}", names, unsorted)
        text += [none_text(record) for record in records]
        entries = [search_entry(record) for record in records]
    mark = Entry(section="anchor", handle=visit.handle if visit else "", name=since, group=called)
    shown = {name: sum(_in(e, name) for e in entries) for name in names}
    return Found(
        text="\n".join(text), sections=tuple(names), entries=(mark, *entries), shown=shown, unsorted=unsorted
    )  # fmt: skip


def is_since(moment: str, start: str) -> bool:
    """Tell whether a date is later than `start`, or is the day of `start` without an hour: it is printed as that day."""
    same_day = len(moment) == len("2026-11-19") < len(start) and start.startswith(moment)
    return moment > start or same_day


def _unsorted(chart: Chart, lines: Sequence[Line], start: str) -> dict[SectionName, str]:
    """Count what may be newer than `start` and does not say when it was."""
    day = start[: len("2026-11-19")]
    moments = [
        (name, grid.moment(place))
        for prefix, name in (("L", "labs"), ("V", "vitals"))
        for grid in [chart.grids[prefix]]
        for row in grid.rows
        for place in row.cells
    ]
    return joined(without_date(lines, day), results_without_date(moments, start))


def _in(entry: Entry, name: SectionName) -> int:
    return (len(entry.cells) or 1) if entry.section == name else 0


def _newer(chart: Chart, prefix: str, row: Row, start: str) -> bool:
    return any(
        m > start and is_within(m, start) for m in map(chart.grids[prefix].moment, row.cells)
    )


def _series(entry: Entry) -> str:
    cells = " ".join(
        f"{c.handle.removeprefix(entry.handle)}{c.text}{c.flag} {c.date}" for c in entry.cells[:4]
    )
    return f"{entry.handle} {entry.name} {entry.unit}: {cells}"


def _line(chart: Chart, line: Line) -> str:
    entry, title = line_entry(chart, line), TITLES[line.handle[0]]
    said = [entry.field(n) for n in ("role", "date", "dose", "frequency", "author", "site")]
    return f"{title}|{'|'.join([line.handle, entry.name, line.group, *(s for s in said if s)])}"
