"""State what a tool found as fields, beside its text: lines, series, note passages, searches."""

from collections.abc import Iterable

from app.fhir import words
from app.fhir.chart import SECTION_OF, Chart, Line, SectionName
from app.fhir.citation import SearchRecord
from app.fhir.notes import Note
from app.fhir.readings import Grid, Reading, Row
from app.fhir.tables import shown
from app.llm.port import Cell, Entry


def section_of(line: Line) -> SectionName:
    """Return the section a line came from; requests and reports share a table."""
    return (
        "reports" if line.reference.startswith("DiagnosticReport/") else SECTION_OF[line.handle[0]]
    )


def line_entry(chart: Chart, line: Line) -> Entry:
    """State a record."""
    fields = [(f.field, shown(chart, f)) for f in line.facts if f.field != "supply"]
    date = line.fact("date")
    if date:
        fields.append(("role", date.date_role))
    if line.fact("supply"):
        fields.append(("supply", words.supply(line, chart.now.date().isoformat())))
    name = next((f.name for f in line.facts if f.name), "")
    return Entry(
        section=section_of(line), handle=line.handle, name=name, group=line.group,
        fields=(*fields, ("sort", line.date)),
    )  # fmt: skip


def row_entry(chart: Chart, prefix: str, row: Row, since: str = "", until: str = "") -> Entry:
    """State a series, newest first."""
    grid = chart.grids[prefix]
    return Entry(
        section=SECTION_OF[prefix], handle=row.handle, name=row.name, unit=row.unit, limits=row.limits,
        codes=(row.code,), cells=tuple(_cells(chart, grid, row, since, until)),
    )  # fmt: skip


def _cells(chart: Chart, grid: Grid, row: Row, since: str, until: str) -> Iterable[Cell]:
    for place, readings in row.cells.items():
        moment = grid.moment(place)
        if moment >= since and (not until or moment < until):
            yield _cell(chart, row.handle + place, readings[0], moment)


def _cell(chart: Chart, handle: str, reading: Reading, moment: str) -> Cell:
    return Cell(
        handle=handle, text=reading.text, flag=reading.flag, status=reading.status,
        date=chart.print_date(reading.moment), moment=moment, limits=reading.limits,
        role=reading.evidence[0].date_role,
    )  # fmt: skip


def note_entry(
    chart: Chart, note: Note, passage: str, first: Note | None = None, *, whole: bool = False
) -> Entry:
    """State a passage of a note; `first` is the note it was copied from, `whole`: all of it stands there."""
    line = chart.line(note.handle)
    date = line.fact("date") if line else None
    fields = [
        ("date", chart.print_date(note.date)), ("role", date.date_role if date else ""),
        ("author", note.author), ("passage", passage), ("sort", note.date),
    ]  # fmt: skip
    if first:
        fields += [
            ("copied from" if whole else "part from", first.handle),
            ("copied name", first.kind),
            ("copied date", chart.print_date(first.date)),
            ("copied author", first.author),
        ]
    return Entry(section="notes", handle=note.handle, name=note.kind, fields=tuple(fields))


def search_entry(record: SearchRecord) -> Entry:
    """State a search that found nothing."""
    fields = (
        ("searched", str(record.searched)), ("kind", record.kind), ("first", record.first_date),
        ("last", record.last_date), ("complete", "yes" if record.complete else ""),
        ("why", record.why_incomplete),
    )  # fmt: skip
    return Entry(section="search", handle=record.handle, name=record.what, fields=fields)


def none_text(record: SearchRecord) -> str:
    """Say what a search that found nothing means, for a model: only a complete one allows "none"."""
    span = f", {record.first_date} to {record.last_date}" if record.first_date else ""
    if record.complete:
        return f"{record.handle}|{record.what}: none found in {record.searched} {record.kind}{span}; cite [{record.handle}]"
    return f"{record.handle}|{record.what}: not found in what was read ({record.why_incomplete}); do not say none"
