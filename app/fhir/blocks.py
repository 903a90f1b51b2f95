"""Turn handles into typed blocks that the server copies from the chart into an answer (`[show L1 L2 M3]`)."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from app.errors import UnknownHandle
from app.fhir import trend
from app.fhir.chart import Chart, Line
from app.fhir.citation import COMPUTED, SearchRecord
from app.fhir.computed_view import computed_block
from app.fhir.dates import day
from app.fhir.display import (
    Block,
    Cell,
    NegativeBlock,
    Piece,
    ResultLine,
    ResultsBlock,
    RowsBlock,
    Series,
    Text,
)  # fmt: skip
from app.fhir.pieces import (
    cite,
    direction,
    is_critical,
    order_row,
    plain,
    record_row,
    search_cite,
    shown_range,
)  # fmt: skip
from app.fhir.reader import LaunchChart
from app.fhir.readings import Grid, Reading, Row
from app.fhir.sections import SECTION_WORDS, SectionName, section_of
from app.fhir.source import Denied
from app.fhir.words import series_label

MOST_LINES, MOST_ROWS = 60, 6
CAPTIONS = {"L": "Results", "V": "Vital signs", "O": "Observations"}
# What a list of several sections' records, or of orders, is called; any other is called as its section.
TITLES = {"M": "Orders", "R": "Orders and reports"}
FINAL = "final"


def show(launch: LaunchChart, handles: Sequence[str]) -> tuple[Block, ...]:
    """Return blocks in the order asked for: results become one table, rows one list per kind, a search a negative.

    Orders asked for together with results also stand under their trend, as bars.

    Raises:
        UnknownHandle: a handle that this launch never issued.
    """
    chart = launch.chart
    for handle in handles:
        chart.evidence(handle)
    out: list[Block] = []
    for prefix, group in groupby(dict.fromkeys(handles), key=_prefix):
        asked = list(group)
        if prefix == COMPUTED:
            out += [computed_block(chart, launch.sources, chart.ledger.computed(h)) for h in asked]
        elif prefix == "S":
            out += [negative(launch, chart.ledger.search(handle)) for handle in asked]
        elif prefix in chart.grids:
            orders = [h for h in dict.fromkeys(handles) if h.startswith("M")]
            out.append(results(launch, asked, orders))
        else:
            out.append(rows(launch, asked))
    return tuple(out)


def _prefix(handle: str) -> str:
    return COMPUTED if handle.startswith(COMPUTED) else handle[0]


# ---------------------------------------------------------------- results


def results(
    launch: LaunchChart, handles: Sequence[str], orders: Sequence[str] = ()
) -> ResultsBlock:
    """Return one table of whole series (`L3`) and single values (`L3b`), newest first."""
    chart, prefix = launch.chart, handles[0][0]
    picked = _picked(chart, handles)
    if not picked:
        raise UnknownHandle("a value that was replaced since; ask for its series")
    grid = chart.grids[prefix]
    moments = sorted({grid.moment(p) for places in picked.values() for p in places}, reverse=True)
    kept = set(moments[:MOST_LINES])
    tests = [next(r for r in grid.rows if r.handle == handle) for handle in picked]
    lines = [
        line
        for moment in moments[:MOST_LINES]
        for line in _lines(launch, grid, tests, picked, moment)
    ]
    shown = {
        row.handle: [
            r for p in picked[row.handle] if grid.moment(p) in kept for r in row.cells[p][:1]
        ]
        for row in tests
    }
    every = [r for found in shown.values() for r in found]
    series = tuple(_series(launch, row, shown[row.handle]) for row in tests)
    return ResultsBlock(
        caption=f"{CAPTIONS[prefix]}, newest first", date_role=_role(every), lines=tuple(lines),
        series=series, note=_note(every, len(moments) - len(kept)),
        trend=trend.of(launch, CAPTIONS[prefix], series, orders),
    )  # fmt: skip


def _picked(chart: Chart, handles: Sequence[str]) -> dict[str, list[str]]:
    """Return row handle to the places asked for, in the order asked."""
    picked: dict[str, list[str]] = {}
    for handle in handles:
        row, cell = chart.row(handle), chart.cell(handle)
        if row:
            picked[row.handle] = list(row.cells)
        elif cell and cell[1] not in picked.get(cell[0].handle, []):
            picked.setdefault(cell[0].handle, []).append(cell[1])
    return picked


def _lines(
    launch: LaunchChart, grid: Grid, tests: list[Row], picked: dict[str, list[str]], moment: str
) -> list[ResultLine]:
    """Return the line of one moment, and another for each second, different result at that moment."""
    at = {row.handle: [p for p in picked[row.handle] if grid.moment(p) == moment] for row in tests}
    height = max(len(places) for places in at.values())
    days = Counter(m[:10] for m in grid.columns.values())
    text = f"{day(moment)} {moment[11:16]}".strip() if days[moment[:10]] > 1 else day(moment)
    return [
        ResultLine(
            date=text or "undated",
            at=trend.moment(moment),
            cells=tuple(
                _cell(launch, row, at[row.handle][i]) if i < len(at[row.handle]) else None
                for row in tests
            ),
        )
        for i in range(height)
    ]


def _cell(launch: LaunchChart, row: Row, place: str) -> Cell:
    item, handle = row.cells[place][0], row.handle + place
    return Cell(
        text=item.text, n=launch.sources.number(handle), label=launch.chart.label(handle),
        flag=item.flag, direction=direction(item.flag), critical=is_critical(item.flag),
        status="" if item.status == FINAL else item.status or "status not sent",
        number=trend.number(item),
    )  # fmt: skip


def _series(launch: LaunchChart, row: Row, shown: Sequence[Reading]) -> Series:
    low, high = trend.edges(launch.chart, shown)
    return Series(
        label=row.name, unit=row.unit, range=shown_range(row.limits), cite_label=series_label(row),
        n=launch.sources.number(row.handle), low=low, high=high, plotted=trend.is_plotted(shown),
    )  # fmt: skip


def _role(shown: Sequence[Reading]) -> str:
    roles = {str(r.evidence[0].date_role) for r in shown}
    return next(iter(roles)).capitalize() if len(roles) == 1 and "" not in roles else "Date"


def _note(shown: Sequence[Reading], older: int) -> str:
    """Return "All 15 results final. Flags as sent by the laboratory." or how many are not final."""
    other = Counter(r.status or "without status" for r in shown if r.status != FINAL)
    count = len(shown)
    if other:
        said = (
            f"{count} results; " + ", ".join(f"{n} {status}" for status, n in other.items()) + "."
        )
    else:
        said = f"All {count} results final." if count > 1 else "1 result, final."
    if any(r.flag for r in shown):
        said += " Flags as sent by the laboratory."
    return said + (f" {older} earlier moments not shown." if older else "")


# ---------------------------------------------------------------- rows


def rows(launch: LaunchChart, handles: Sequence[str]) -> RowsBlock:
    """Return records of one kind; past six the rest is shown on request."""
    chart, sources, prefix = launch.chart, launch.sources, handles[0][0]
    lines = [x for h in handles if (x := chart.line(h))]
    if not lines:
        raise UnknownHandle("a record that is not in this snapshot")
    outside = home_of(chart, launch.context.encounter_id)
    made = [
        order_row(chart, sources, x, outside=is_outside(chart, x.reference, outside))
        if prefix == "M"
        else record_row(chart, sources, x)
        for x in lines
    ]
    # An allergy behind a fold is an allergy that was not seen.
    most = len(made) if prefix == "A" else MOST_ROWS
    return RowsBlock(
        title=_title(chart, prefix, lines), rows=tuple(made[:most]), more=tuple(made[most:])
    )


def _title(chart: Chart, prefix: str, lines: list[Line]) -> str:
    """Return "Active orders, 4 of 9 shown", counting those of the same status."""
    groups = {x.group for x in lines}
    sections = {section_of(x.reference).words for x in lines}
    name = TITLES.get(prefix) or _together(sorted(sections))
    if len(groups) == 1 and next(iter(groups)) in ("active", "pending"):
        group = next(iter(groups))
        every = sum(x.group == group for x in chart.tables[prefix])
        name = f"{group.capitalize()} {name[:1].lower()}{name[1:]}"
    else:
        every = sum(section_of(x.reference).words in sections for x in chart.tables[prefix])
    return f"{name}, {len(lines)} of {every} shown" if len(lines) < every else name


def _together(names: Sequence[str]) -> str:
    """Return "Flags, consents and directives"."""
    return ", ".join([names[0], *(name[:1].lower() + name[1:] for name in names[1:])])


def home_of(chart: Chart, encounter_id: str | None) -> str:
    """Return the reference of the organisation the clinician works in: of this encounter, else the patient's."""
    visit = chart.resources.get(f"Encounter/{encounter_id}") if encounter_id else None
    here = (visit or {}).get("serviceProvider") or chart.patient.get("managingOrganization") or {}
    return str(here.get("reference") or "")


def is_outside(chart: Chart, reference: str, home: str) -> bool:
    """Tell whether a record was made in a visit of another organisation; unknown is not outside."""
    record = chart.resources.get(reference) or {}
    visit = chart.resources.get(str((record.get("encounter") or {}).get("reference"))) or {}
    if record.get("resourceType") == "Encounter":
        visit = record
    there = str((visit.get("serviceProvider") or {}).get("reference") or "")
    return bool(there and home and there != home)


# ---------------------------------------------------------------- negatives


def negative(launch: LaunchChart, record: SearchRecord) -> NegativeBlock:
    """Return "none found" with its search, or, where the section was not read to its end, that this is not "none"."""
    if record.complete:
        return _none_found(launch, record)
    section = record.section
    state = launch.sections.get(section)
    title = f"{SECTION_WORDS[section]} could not be read."
    if isinstance(state, Denied):
        why = (
            f"The EHR refused ({state.http_status})."
            if state.http_status
            else "The EHR does not give them to this app."
        )
        pieces: list[Piece] = [
            plain(f"{why} This is not “none”: {SECTION_WORDS[section].lower()} may exist.")
        ]
        pieces += [plain(_missing(section, state))] if state.scope else []
        return NegativeBlock(state="unread", title=title, pieces=(*pieces, _see(launch, record)))
    if record.searched:
        title = f"{_sentence(record.what)}: not found in what could be read."
    said = f"Read {record.searched:,} {record.kind}: {record.why_incomplete}. This is not “none”: more may exist."
    return NegativeBlock(state="unread", title=title, pieces=(plain(said), _see(launch, record)))


def _missing(section: SectionName, state: Denied) -> str:
    """Return "Missing permission: notes (DocumentReference). Ask the help desk."""
    kind = state.scope.partition("/")[2].partition(".")[0]
    return f"Missing permission: {SECTION_WORDS[section].lower()} ({kind}). Ask the help desk."


def _none_found(launch: LaunchChart, record: SearchRecord) -> NegativeBlock:
    span = f", {record.first_date} to {record.last_date}" if record.first_date else ""
    title = f"{_sentence(record.what)}: none found."
    said = f"Searched {record.searched:,} {record.kind}{span}, all that the EHR shows you."
    if not record.searched:
        said = f"The EHR shows this app no {record.kind}."
    if record.section == "allergies" and not record.searched:
        # An empty list is not "no known allergies": nobody stated that.
        title = "Allergies not recorded."
        said = "The EHR lists no allergy, and does not state that there is none. Ask, and record it in the EHR."
    return NegativeBlock(
        state="none_found", title=title,
        pieces=(plain(said), _see(launch, record), *_open_orders(launch, record)),
    )  # fmt: skip


def _see(launch: LaunchChart, record: SearchRecord) -> Piece:
    return search_cite(launch.sources, record, "See the search")


def _open_orders(launch: LaunchChart, record: SearchRecord) -> tuple[Piece, ...]:
    """Name orders without a result whose name holds every word of what was searched for."""
    chart, words = launch.chart, record.what.lower().split()
    waiting = [
        x for x in chart.tables.get("R", [])
        if x.group == "pending" and words and all(w in x.text("order").lower() for w in words)
    ]  # fmt: skip
    if not waiting:
        return ()
    line, sent = waiting[0], waiting[0].fact("date")
    dated = f", {sent.date_role} {chart.print_date(sent.value)}" if sent else ""
    count = "One order has" if len(waiting) == 1 else f"{len(waiting)} orders have"
    said = f"{count} no result: {line.text('order')[:1].lower()}{line.text('order')[1:]}{dated}"
    return (plain(said), cite(chart, launch.sources, line.handle), Text(text="."))


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:]
