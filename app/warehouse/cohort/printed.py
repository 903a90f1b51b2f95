"""Answers as text, as CSV and as series for a chart: each only of what may be shown.

A series has a number where a count is shown and None where it is not, so that no length, axis or total tells more than the table.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.warehouse.cohort.answers import Table

# How a cell begins that a spreadsheet takes for a formula, in narrow and in wide characters.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One row of a series: its label, its count if it is shown, and the words that stand in the table."""

    label: str
    n: int | None
    shown: str


def series(table: Table) -> tuple[Mark, ...]:
    """Return the rows of a table of one count each, without its total; () for any other table."""
    if len(table.columns) < 2 or table.columns[-1] != "patients":
        return ()
    found = []
    for *names, shown in table.rows:
        if names[0] != "all":
            n = int(shown) if shown.isdigit() else None
            found.append(Mark(label=", ".join(names), n=n, shown=shown))
    return tuple(found)


def as_csv(tables: Sequence[Table]) -> str:
    """Return tables as CSV, one behind the other; what each counts and leaves out stands in lines of its own, behind a #."""
    parts = []
    for table in tables:
        said = [(f"# {one}",) for one in (table.words, *table.notes)]
        parts.append(csv_of([table.columns, *table.rows, *said]))
    return "\n".join(parts)


def csv_of(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV in which no cell begins as a formula does."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: str) -> str:
    return (
        f"'{cell}"
        if cell.lstrip(" '\u00a0\ufeff").startswith(FORMULA) or cell[:1] in FORMULA
        else cell
    )
