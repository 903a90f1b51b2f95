"""State what a tool found as fields, beside its text: lines, series, note passages, searches."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.fhir import sections, words
from app.fhir.chart import SECTION_OF, Chart, Line, searched, section_dates
from app.fhir.citation import SearchRecord
from app.fhir.dates import days_between, is_within
from app.fhir.note import Note
from app.fhir.note_conflicts import Conflict
from app.fhir.readings import Grid, Reading, Row
from app.fhir.sections import SectionName
from app.fhir.short_names import SHORT
from app.fhir.since import DANGEROUS
from app.fhir.table_rows import shown
from app.fhir.unsorted import SORTED, Unsorted
from app.llm.port import Cell, Entry
from app.tools.bounds import as_data

YEAR = 365


def section_of(line: Line) -> SectionName:
    """Return the section a line came from; some share a table."""
    return sections.section_of(line.reference).name


def line_entry(chart: Chart, line: Line) -> Entry:
    """State a record."""
    timed = sections.table_of(line.reference).timed
    fields = [(f.field, shown(chart, f, timed=timed)) for f in line.facts if f.field != "supply"]
    date = line.fact("date")
    if date:
        fields.append(("role", date.date_role))
    if line.fact("supply"):
        fields.append(("supply", words.supply(line, chart.now.date().isoformat())))
    name = next((f.name for f in line.facts if f.name), "")
    return Entry(
        section=section_of(line), handle=line.handle, name=as_data(name), group=as_data(line.group),
        fields=(*((field, as_data(text)) for field, text in fields), ("sort", line.date)),
    )  # fmt: skip


def row_entry(chart: Chart, prefix: str, row: Row, since: str = "", until: str = "") -> Entry:
    """State a series, newest first; `age` of a newest result older than a year, `urgency` of a dangerous test."""
    grid = chart.grids[prefix]
    cells = tuple(_cells(chart, grid, row, since, until))
    name = SHORT.get(row.code, "")
    urgency = str(DANGEROUS.index(name)) if name in DANGEROUS else ""
    return Entry(
        section=SECTION_OF[prefix], handle=row.handle, name=as_data(row.name), unit=as_data(row.unit),
        limits=as_data(row.limits),
        codes=(row.code,), cells=cells,
        fields=(("age", _age(chart, cells[0].moment) if cells else ""), ("urgency", urgency)),
    )  # fmt: skip


def _age(chart: Chart, moment: str) -> str:
    """Return "more than 7 years ago" of a result older than a year."""
    if len(moment) < len("2026-01-01"):
        return ""
    years = (days_between(moment[:10], chart.now.date().isoformat()) or 0) // YEAR
    return f"more than {years} year{'s' if years > 1 else ''} ago" if years else ""


def _cells(chart: Chart, grid: Grid, row: Row, since: str, until: str) -> Iterable[Cell]:
    for place, readings in row.cells.items():
        moment = grid.moment(place)
        if is_within(moment, since, until):
            yield _cell(chart, row.handle + place, readings[0], moment)


def _cell(chart: Chart, handle: str, reading: Reading, moment: str) -> Cell:
    return Cell(
        handle=handle, text=as_data(reading.text), flag=as_data(reading.flag), status=reading.status,
        date=chart.print_date(reading.moment), moment=moment, limits=as_data(reading.limits),
        role=reading.evidence[0].date_role,
    )  # fmt: skip


def note_entry(
    chart: Chart,
    note: Note,
    passage: str,
    first: Note | None = None,
    *,
    whole: bool = False,
    days: str = "",
) -> Entry:
    """State a passage of a note; `first` is the note it was copied from, `whole`: all of it stands there.

    `days` says which days its words mean ("yesterday").
    """
    line = chart.line(note.handle)
    date = line.fact("date") if line else None
    fields = [
        ("date", chart.print_date(note.date)), ("role", date.date_role if date else ""),
        ("author", note.author), ("standing", note.standing), ("passage", passage), ("days", days),
        ("sort", note.date),
    ]  # fmt: skip
    if first:
        fields += [
            ("copied from" if whole else "part from", first.handle),
            ("copied name", first.kind),
            ("copied date", chart.print_date(first.date)),
            ("copied author", first.author),
        ]
    return Entry(
        section="notes", handle=note.handle, name=as_data(note.kind),
        fields=tuple((field, as_data(text)) for field, text in fields),
    )  # fmt: skip


def conflict_entry(chart: Chart, found: Conflict) -> Entry:
    """State what a note and the record say differently: the note's sentence, and the records by their handles."""
    first = found.first
    against = "; ".join(
        f"{x.handle} {next((f.name for f in x.facts if f.name), '')} ({x.group})"
        for x in found.lines
    )
    stated = note_entry(chart, found.note, found.sentence, first, whole=first is not None)
    more = (("against", as_data(against)), ("rows", " ".join(x.handle for x in found.lines)))
    return replace(stated, section="conflict", group=found.about).with_fields(*more)


def search_entry(record: SearchRecord, word: str = "") -> Entry:
    """State a search that found nothing; `word` is what was asked for, where other words were searched."""
    fields = (
        ("word", word), ("section", record.section),
        ("searched", str(record.searched)), ("kind", record.kind), ("first", record.first_date),
        ("last", record.last_date), ("complete", "yes" if record.complete else ""),
        ("why", record.why_incomplete),
    )  # fmt: skip
    return Entry(section="search", handle=record.handle, name=record.what, fields=fields)


def declined(why: str) -> Entry:
    """State that something cannot be answered here, and what is missing."""
    return Entry(section="missing", handle="", name=why)


def none_text(record: SearchRecord) -> str:
    """Say what a search that found nothing means, for a model: only a complete one allows "none"."""
    span = f", {record.first_date} to {record.last_date}" if record.first_date else ""
    if record.complete:
        return f"{record.handle}|{record.what}: none found in {record.searched} {record.kind}{span}; cite [{record.handle}]"
    return f"{record.handle}|{record.what}: not found in what was read ({record.why_incomplete}); do not say none"


def literal(words: Sequence[str]) -> str:
    """Name words as words: what was looked for is the spelling, not the thing that it stands for."""
    many = len(words) > 1 or any(" " in word for word in words)
    return f"the word{'s' if many else ''} {', '.join(f'“{word}”' for word in words)}"


def none_records(
    chart: Chart, what: str, names: Sequence[SectionName], unsorted: Unsorted = SORTED
) -> list[SearchRecord]:
    """Record one search of several sections: what could not be read at all first, each alone; the rest as one.

    The one is complete only if each of its sections was read to its end, and all of its records could be sorted.
    """
    every = [but(searched(chart, what, name, ""), unsorted.get(name, "")) for name in names]
    shut = [record for record in every if not record.complete and not record.searched]
    rest = [record for record in every if record not in shut]
    full = [record for record in rest if record.searched] or rest[:1]
    out = [chart.ledger.record(record) for record in shut]
    return [*out, chart.ledger.record(_together(chart, full))] if full else out


def but(record: SearchRecord, why: str) -> SearchRecord:
    """Return a search that is not complete, for this reason too; itself where there is none."""
    if not why or why in record.why_incomplete:
        return record
    whole = "; ".join(filter(None, (record.why_incomplete, why)))
    return replace(record, complete=False, why_incomplete=whole)


def _together(chart: Chart, full: Sequence[SearchRecord]) -> SearchRecord:
    """Join searches of the same words; a section that was not read to its end speaks for all."""
    partly = [record for record in full if not record.complete]
    dates = sorted(d for record in full for d in section_dates(chart, record.section) if d)
    kinds = [full[0].kind, *(f"{record.searched:,} {record.kind}" for record in full[1:])]
    return replace(
        full[0], kind=", ".join(kinds), complete=not partly,
        why_incomplete="; ".join(record.why_incomplete for record in partly),
        section=partly[0].section if partly else full[0].section,
        first_date=chart.print_date(dates[0]) if dates else "",
        last_date=chart.print_date(dates[-1]) if dates else "",
    )  # fmt: skip


def unanswered(chart: Chart, lines: Sequence[Line]) -> list[Line]:
    """Leave out an order whose report is among the lines: one waiting thing, not two."""
    reported = {
        str(order.get("reference"))
        for line in lines
        for order in chart.resources.get(line.reference, {}).get("basedOn") or []
    }
    return [line for line in lines if line.reference not in reported]
