"""What changed since a moment: the last visit before today, or a date."""

from collections.abc import Sequence

from app.fhir.chart import Chart, Line
from app.fhir.readings import Row
from app.fhir.sections import SectionName
from app.launch_context import LaunchContext
from app.llm.port import Entry
from app.tools.entries import (
    line_entry,
    none_records,
    none_text,
    row_entry,
    search_entry,
    unanswered,
)
from app.tools.registry import Found

TITLES = {"M": "ORDERS", "P": "PROBLEMS", "N": "NOTES", "R": "ORDERS AND REPORTS", "E": "VISITS"}
OVER = ("finished", "onleave", "unknown")


def anchor(chart: Chart, since: str, context: LaunchContext) -> tuple[str, Line | None]:
    """Return the ISO date to count from, and the visit it is: this user's last finished one, else the last one."""
    if since:
        return since, None
    today = chart.now.date().isoformat()
    past = sorted(
        (x for x in chart.tables["E"] if x.group in OVER and x.date[:10] < today),
        key=lambda x: x.date,
        reverse=True,
    )
    mine = [
        x for x in past
        if context.user_reference and _with(chart, x, context.user_reference)
    ]  # fmt: skip
    visit = next(iter(mine or past), None)
    return (visit.date if visit else "", visit)


def _with(chart: Chart, line: Line, user: str) -> bool:
    encounter = chart.resources.get(line.reference, {})
    people = [
        (p.get("individual") or {}).get("reference") for p in encounter.get("participant") or []
    ]
    return user in people


def changed(chart: Chart, start: str, visit: Line | None, names: Sequence[SectionName]) -> Found:
    """Print and state what is newer than `start`: flagged results first."""
    since = chart.print_date(start) if start else "the first record"
    head = f"SINCE {since}" + (f" (visit [{visit.handle}])" if visit else "")
    rows = [
        row_entry(chart, p, row, start)
        for p in ("L", "V")
        for row in chart.grids[p].rows
        if _newer(chart, p, row, start)
    ]
    rows.sort(key=lambda e: not e.cells[0].flag)
    lines = [
        x
        for p in ("M", "P", "N", "E", "R")
        for x in unanswered(chart, chart.tables[p])
        if x.date > start and x is not visit
    ]
    entries = [*rows, *(line_entry(chart, x) for x in lines)]
    text = [head, *(_series(e) for e in rows), *(_line(chart, x) for x in lines)]
    if not entries:
        records = none_records(chart, f"changes since {since}", names)
        text += [none_text(record) for record in records]
        entries = [search_entry(record) for record in records]
    mark = Entry(section="anchor", handle=visit.handle if visit else "", name=since)
    shown = {name: sum(_in(e, name) for e in entries) for name in names}
    return Found(text="\n".join(text), sections=tuple(names), entries=(mark, *entries), shown=shown)


def _in(entry: Entry, name: SectionName) -> int:
    return (len(entry.cells) or 1) if entry.section == name else 0


def _newer(chart: Chart, prefix: str, row: Row, start: str) -> bool:
    return any(chart.grids[prefix].moment(place) > start for place in row.cells)


def _series(entry: Entry) -> str:
    cells = " ".join(
        f"{c.handle.removeprefix(entry.handle)}{c.text}{c.flag} {c.date}" for c in entry.cells[:4]
    )
    return f"{entry.handle} {entry.name} {entry.unit}: {cells}"


def _line(chart: Chart, line: Line) -> str:
    entry, title = line_entry(chart, line), TITLES[line.handle[0]]
    said = [entry.field(n) for n in ("role", "date", "dose", "frequency", "author", "site")]
    return f"{title}|{'|'.join([line.handle, entry.name, line.group, *(s for s in said if s)])}"
