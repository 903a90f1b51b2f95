"""Ask this patient's facts by SQL: joins and sums that no other tool gives, each row with its handle.

The query is checked by `warehouse.sql_guard` and run by `warehouse.patient_query`; a model cannot name a patient, a
file or a setting. Parts of the chart that nobody read are named beside the answer: of them, no row says nothing.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta

from app.fhir.chart import Chart, section_lines
from app.fhir.citation import HANDLE
from app.fhir.reader import LaunchChart
from app.fhir.sections import BY_NAME, FIRST, SECTION_WORDS, SECTIONS, SectionName
from app.fhir.unsorted import joined, without_date, without_moment, without_name, without_status
from app.llm.port import Entry
from app.tools.bounds import as_data, table_as_data
from app.tools.entries import line_entry, none_records, none_text, row_entry, search_entry
from app.tools.registry import Found, Tool
from app.warehouse.patient_facts import COLUMNS, TABLES, tables
from app.warehouse.patient_query import MOST_ROWS, Answer, run
from app.warehouse.sql_guard import Checked, check

RESULTS: tuple[SectionName, ...] = ("labs", "vitals", "other")
# What a query reads of each table unless it says which sections count.
BASE: Mapping[str, tuple[SectionName, ...]] = {
    "records": tuple(n for n in FIRST if n not in ("patient", *RESULTS)),
    "results": ("labs", "vitals"),
}
NOT_CITABLE = (
    "No handle column: these rows cannot be cited. Select handle, or arg_max(handle, time)."
)


def chart_query(
    launch: LaunchChart, sql: Annotated[str, Meta(min_length=8, max_length=2000)]
) -> Found:
    """One DuckDB SELECT, at most 100 rows. Select handle to cite.

    results(handle, section labs|vitals|other, code LOINC, test, value, number, number2 diastolic, unit, flag, status,
    time, date, site); records(handle, section, name, status, time, date, date_role, ended, supply_end, dose, dose_unit,
    frequency, route, author, site, detail); clock(now, today).
    Sections of records beyond the first screen are read if named: section = 'administrations'.
    """
    checked = check(sql, TABLES, COLUMNS)
    names = _read(launch, checked)
    chart = launch.chart
    answer = run(checked, tables(chart))
    handles = _handles(answer)
    text = _printed(answer, cited=bool(handles))
    entries = [e for h in handles if (e := _entry(launch, h))]
    if not answer.rows:
        lost = _unsorted(chart, checked, names)
        records = none_records(chart, "rows that match a query", names, lost)
        text, entries = "\n".join(map(none_text, records)), [search_entry(r) for r in records]
    if unread := _unread(chart, checked, found=bool(handles)):
        text += f"\nNOT IN THESE TABLES, not read yet: {', '.join(unread)}"
    shown = {name: sum(e.section == name for e in entries) for name in names}
    return Found(text=text, sections=names, entries=tuple(entries), shown=shown)


def _read(launch: LaunchChart, checked: Checked) -> tuple[SectionName, ...]:
    """Read to their end the sections that can count in the answer, and any other that a literal names."""
    named = [s.name for s in SECTIONS if s.name in checked.literals]
    base: list[SectionName] = []
    for table in sorted(checked.tables & BASE.keys()):
        only = [s.name for s in SECTIONS if s.name in checked.sections.get(table, ())]
        base += only or BASE[table]
    names = tuple(dict.fromkeys([*base, *named])) or ("labs",)
    launch.ensure(*names)
    return names


def _unread(chart: Chart, checked: Checked, *, found: bool) -> list[str]:
    """Name what may belong into the tables of a query and was never asked for; of results where none was found."""
    other = "results" in checked.tables and "results" not in checked.sections and not found
    may = [s.name for s in SECTIONS if "records" in checked.tables or (other and s.name in RESULTS)]
    return [SECTION_WORDS[name].lower() for name in may if name not in chart.sections]


def _unsorted(
    chart: Chart, checked: Checked, names: Sequence[SectionName]
) -> dict[SectionName, str]:
    """Say which records are empty in the columns that a query names: SQL passes them over without a word."""
    words = set(re.findall(r"[a-z]+", checked.sql.lower()))
    lines = [x for name in names if BY_NAME[name].table for x in section_lines(chart, name)]
    return joined(
        without_status(chart, lines) if "status" in words else {},
        without_name(lines) if words & {"name", "detail"} else {},
        without_date(lines, chart.now.date().isoformat()) if words & {"time", "date"} else {},
        without_moment(chart) if words & {"time", "date"} else {},
    )


def _handles(answer: Answer) -> list[str]:
    """Return the handles that stand in cells of their own, in order, each once."""
    cells = (cell for row in answer.rows for cell in row)
    return list(dict.fromkeys(h for cell in cells for h in HANDLE.findall(cell) if _alone(cell)))


def _alone(cell: str) -> bool:
    """Tell whether a cell holds handles and nothing else: `L3b`, or several from string_agg."""
    return all(HANDLE.fullmatch(part) for part in cell.replace(",", " ").split()) and bool(cell)


def _printed(answer: Answer, *, cited: bool) -> str:
    out = ["|".join(as_data(name) for name in answer.columns)]
    out += [table_as_data("|".join(row)) for row in answer.rows]
    out += [f"CUT: more than {MOST_ROWS} rows. Ask for fewer."] if answer.more else []
    return "\n".join([*out, *([] if cited else [NOT_CITABLE])])


def _entry(launch: LaunchChart, handle: str) -> Entry | None:
    chart = launch.chart
    if line := chart.line(handle):
        return line_entry(chart, line)
    row = chart.row(handle)
    cell = chart.cell(handle) if row is None else None
    found = row or (cell[0] if cell else None)
    return row_entry(chart, handle[0], found) if found else None


CHART_QUERY = Tool(
    function=chart_query,
    reads=(
        "Observation",
        "MedicationRequest",
        "Condition",
        "Encounter",
        "MedicationAdministration",
    ),
)
