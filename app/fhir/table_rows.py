"""Print the records of a table as rows in which what repeats is said once; each record keeps its own handle and date.

A value that all rows share stands in the heading. Rows that differ in nothing but their date are one row, with the
others behind it: `C1|Dental care|09-Jul-2026; also 2026: C5=02-Mar; 2025: C9=11-Nov`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.fhir.chart import Chart, Line
from app.fhir.citation import Evidence
from app.fhir.medicines import plain_dose
from app.fhir.sections import Columns, Table, table_of
from app.fhir.words import supply

USUAL = {"verification": "confirmed"}
ALSO = "also"
ALIKE_FROM = 3  # rows; fewer are as short when written out
YEAR = len("-2026")
# What must stand in a row of its own, however often it repeats: a reader must not have to look for a dose.
KEPT_IN_ROWS = frozenset(("date", "dose", "rate", "reaction"))


def shown(chart: Chart, fact: Evidence, *, timed: bool = False) -> str:
    """Print one fact for a table: dates by the site's zone, doses without trailing zeros, chart text on one line."""
    if fact.value == fact.date and fact.date_role:
        return chart.print_date(fact.value, time=timed)
    value = plain_dose(fact.value) if fact.field == "dose" else fact.value
    return " ".join(f"{value} {fact.unit}".split()).replace("|", "/")


def _cells(chart: Chart, line: Line, columns: Columns, *, brief: bool) -> list[str]:
    cells, timed = [], table_of(line.reference).timed
    for _, field in columns:
        fact = line.fact(field)
        if brief and fact and fact.value == USUAL.get(field):
            fact = None
        if field == "supply" and fact:
            said = supply(line, chart.now.date().isoformat())
            # The days stand in the source; the digest needs only whether the supply has ended.
            cells.append(said.partition("-day ")[2] or said if brief else said)
        elif field == "dose" and fact is None:
            directions = line.fact("directions")
            often = line.fact("frequency")
            unsaid = "" if often else _unsaid("dose", brief)
            cells.append(shown(chart, directions) if directions else unsaid)
        elif field == "reaction" and fact is None and line.group != "stated":
            cells.append(_unsaid("reaction", brief))
        else:
            cells.append(shown(chart, fact, timed=timed) if fact else "")
    reason = line.text("status reason") if _kept_reason(line) and not brief else ""
    more = [x for x in (line.text("more"), f"{line.group}: {reason}" if reason else "") if x]
    return [*cells, *more]


def _kept_reason(line: Line) -> bool:
    """Tell whether a record's table has no column for why its status is what it is: of medication orders."""
    return line.reference.startswith("MedicationRequest/")


def _unsaid(field: str, brief: bool) -> str:
    """Say that something was not sent; the digest says it once, in the heading."""
    return "" if brief else f"{field} not recorded"


def brief_rows(
    chart: Chart, lines: Sequence[tuple[Line, int]], columns: Columns, group: str
) -> list[str]:
    """Print rows of the digest under their statuses, what stands there several times with how often."""
    out = []
    # One status only is said by the records themselves; in the digest its heading is left out.
    status = lines[0][0].group if lines and len({x.group for x, _ in lines}) == 1 else ""
    for line, times in lines:
        if not group and line.group != status:
            status = line.group
            out.append(f"{status}:")
        text = "|".join([line.handle, *_cells(chart, line, columns, brief=True)]).rstrip("|")
        out.append(text + (f" x{times}" if times > 1 else ""))
    return out


def full_rows(
    chart: Chart, kind: Table, lines: Sequence[Line], group: str
) -> tuple[str, list[str]]:
    """Return the header and the rows under their statuses; what all rows share stands in the header."""
    fields = [field for _, field in kind.columns]
    at = fields.index("date") if "date" in fields else -1
    rows = [
        _Printed(
            handle=x.handle, cells=tuple(_cells(chart, x, kind.columns, brief=False)), date_at=at
        )
        for x in lines
    ]
    common = _shared(rows, fields, kind.named)
    names = [name for place, (name, _) in enumerate(kind.columns) if place not in common]
    header = "|".join(names)
    if common:
        said = "|".join(f"{kind.columns[place][0]} {text}" for place, text in common.items())
        header = f"all: {said} | {header}"
    out: list[str] = []
    found = zip(lines, (_without(row, common) for row in rows), strict=True)
    for status, same in groupby(found, key=lambda pair: pair[0].group):
        out += [f"{status}:"] if status and not group else []
        out += _rows_text([row for _, row in same])
    return (
        f"{ALSO}: the same on other dates | {header}" if any(map(_is_several, out)) else header
    ), out


# ---------------------------------------------------------------- what repeats


@dataclass(frozen=True, kw_only=True)
class _Printed:
    """One row: its handle, its cells (one a column, then what stands in none), its date cell as printed."""

    handle: str
    cells: tuple[str, ...]
    date_at: int = -1

    @property
    def date(self) -> str:
        """Return the date as it is printed, empty where the table has none."""
        return self.cells[self.date_at] if self.date_at >= 0 else ""

    @property
    def rest(self) -> tuple[str, ...]:
        """Return everything but the date."""
        return tuple(cell for at, cell in enumerate(self.cells) if at != self.date_at)


def _shared(rows: Sequence[_Printed], fields: Sequence[str], named: str) -> dict[int, str]:
    """Return the columns, by place, in which all rows say the same, and what they say."""
    if len(rows) < ALIKE_FROM:
        return {}
    out = {}
    for at, field in enumerate(fields):
        said = {row.cells[at] for row in rows}
        if len(said) == 1 and field != named and field not in KEPT_IN_ROWS and (one := said.pop()):
            out[at] = one
    return out


def _without(row: _Printed, places: dict[int, str]) -> _Printed:
    """Return a row without the columns that the heading says."""
    kept = tuple(cell for at, cell in enumerate(row.cells) if at not in places)
    moved = sum(at < row.date_at for at in places)
    return _Printed(handle=row.handle, cells=kept, date_at=row.date_at - moved)


def _rows_text(rows: Sequence[_Printed]) -> list[str]:
    """Print rows in their order; those that differ only in their date stand behind the first of them."""
    alike: dict[tuple[str, ...], list[_Printed]] = {}
    for row in rows:
        alike.setdefault(row.rest, []).append(row)
    out = []
    for row in rows:
        same = alike[row.rest]
        if len(same) < ALIKE_FROM or not row.date:
            out.append(_line(row))
        elif row is same[0]:
            out.append(f"{_line(row)}; {ALSO} {_also([r for r in same[1:] if r.date])}")
            out += [_line(r) for r in same[1:] if not r.date]
    return out


def _is_several(text: str) -> bool:
    return f"; {ALSO} " in text


def _line(row: _Printed) -> str:
    return "|".join((row.handle, *row.cells)).rstrip("|")


def _also(rows: Sequence[_Printed]) -> str:
    """Print `2026: C5=02-Mar, C6 C7=11-Jan; 2025: C9=11-Nov`; a time keeps its whole date."""
    parts = []
    for year, of_year in groupby(rows, key=_year):
        days = []
        for date, of_day in groupby(of_year, key=lambda r: r.date):
            handles = " ".join(r.handle for r in of_day)
            days.append(f"{handles}={date[:-YEAR] if year else date}")
        parts.append((f"{year}: " if year else "") + ", ".join(days))
    return "; ".join(parts)


def _year(row: _Printed) -> str:
    """Return the year of a date of a day (dd-MMM-yyyy), empty where more or less than a day is printed."""
    return row.date[-4:] if len(row.date) == len("09-Jul-2026") else ""
