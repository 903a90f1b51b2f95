"""One patient's chart as tables for a query: `results`, `records` and `clock`, every row with its handle.

What was not sent is NULL. Times are the site's. A date that was sent as a year or a month stands in `date_text` only, so that nothing is compared
with a day that nobody sent. Only plain numbers are numbers; of a blood pressure `number` is systolic, `number2` diastolic.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.fhir.chart import Chart, Line
from app.fhir.dates import as_date, local
from app.fhir.readings import Reading, Row
from app.fhir.sections import GRIDS, section_of

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
PAIR = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)")
Value = str | float | None
IN_COLUMNS = frozenset(
    ("date", "author", "site", "status", "dose", "frequency", "route", "ended", "supply")
)


@dataclass(frozen=True, kw_only=True)
class FactTable:
    """A table: its columns as (name, DuckDB type), and its rows."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[Value, ...]]


RESULTS = (
    ("handle", "VARCHAR"), ("section", "VARCHAR"), ("code", "VARCHAR"), ("test", "VARCHAR"), ("value", "VARCHAR"),
    ("number", "DOUBLE"), ("number2", "DOUBLE"), ("unit", "VARCHAR"), ("flag", "VARCHAR"), ("status", "VARCHAR"),
    ("time", "TIMESTAMP"), ("date", "DATE"), ("date_text", "VARCHAR"), ("site", "VARCHAR"),
)  # fmt: skip
RECORDS = (
    ("handle", "VARCHAR"), ("section", "VARCHAR"), ("name", "VARCHAR"), ("status", "VARCHAR"), ("time", "TIMESTAMP"),
    ("date", "DATE"), ("date_text", "VARCHAR"), ("date_role", "VARCHAR"), ("ended", "DATE"), ("supply_end", "DATE"),
    ("dose", "DOUBLE"), ("dose_unit", "VARCHAR"), ("frequency", "VARCHAR"), ("route", "VARCHAR"),
    ("author", "VARCHAR"), ("site", "VARCHAR"), ("detail", "VARCHAR"),
)  # fmt: skip
CLOCK = (("now", "TIMESTAMP"), ("today", "DATE"))
TABLES = ("results", "records", "clock")
COLUMNS = frozenset(name for table in (RESULTS, RECORDS, CLOCK) for name, _ in table)


def tables(chart: Chart) -> tuple[FactTable, ...]:
    """Return the tables of what was read of a chart."""
    results = [
        _result(prefix, row, place, cell[0])
        for prefix in GRIDS
        for row in chart.grids[prefix].rows
        for place, cell in row.cells.items()
    ]
    records = [_record(chart, line) for lines in chart.tables.values() for line in lines]
    now = local(chart.now.isoformat(), chart.zone)
    return (
        FactTable(name="results", columns=RESULTS, rows=results),
        FactTable(name="records", columns=RECORDS, rows=records),
        FactTable(name="clock", columns=CLOCK, rows=[(now, now[:10])]),
    )


def _result(prefix: str, row: Row, place: str, reading: Reading) -> tuple[Value, ...]:
    number, second = _numbers(reading)
    return (
        row.handle + place, GRIDS[prefix].name, row.code or None, row.name, reading.text, number, second, row.unit or None,
        reading.flag or None, reading.status or None, *_when(reading.moment), reading.site or None,
    )  # fmt: skip


def _numbers(reading: Reading) -> tuple[float | None, float | None]:
    if not reading.numeric:
        return None, None
    if pair := PAIR.fullmatch(reading.text):
        return float(pair[1]), float(pair[2])
    return (float(reading.text) if NUMBER.fullmatch(reading.text) else None), None


def _when(iso: str) -> tuple[Value, Value, Value]:
    """Return time, day and text of a date; what was not sent is None."""
    day = iso[:10] if as_date(iso) else None
    return (iso if day and len(iso) > 10 else None), day, iso or None


def _record(chart: Chart, line: Line) -> tuple[Value, ...]:
    sent, dose, supply = line.fact("date"), line.fact("dose"), line.fact("supply")
    ended = line.fact("ended")
    amount = float(dose.value) if dose and NUMBER.fullmatch(dose.value) else None
    name = next((f.name for f in line.facts if f.name), "")
    return (
        line.handle, section_of(line.reference).name, name, line.group, *_when(line.date),
        sent.date_role if sent else None, _day(local(ended.value, chart.zone) if ended else ""),
        _day(supply.date if supply else ""), amount, dose.unit if dose and amount is not None else None,
        line.text("frequency") or None, line.text("route") or None, line.text("author") or None,
        line.text("site") or None, _detail(line, name) or None,
    )  # fmt: skip


def _day(iso: str) -> str | None:
    return iso[:10] if as_date(iso) else None


def _detail(line: Line, name: str) -> str:
    """Return what has no column of its own: "reaction: rash; criticality: high"."""
    more = (f for f in line.facts if f.field not in IN_COLUMNS and f.value not in (name, f.date))
    return "; ".join(f"{f.field}: {f.value} {f.unit}".strip() for f in more)


def columns_of(table: FactTable) -> list[list[Value]]:
    """Return the rows of a table as one list for each column."""
    return [list(column) for column in zip(*table.rows, strict=True)] or [[] for _ in table.columns]


def described(found: Iterable[tuple[str, tuple[tuple[str, str], ...]]]) -> str:
    """Return the tables with their columns, as a model is told."""
    return "; ".join(f"{name}({', '.join(c for c, _ in columns)})" for name, columns in found)
