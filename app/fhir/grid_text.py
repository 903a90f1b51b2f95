"""Print a grid as labelled sparse rows: `L3 Potassium mmol/L 3.5-5.1: a3.9 b4.4H c3.8~` under a line of dates.

Absent cells cost nothing, nobody counts columns, and every value carries its own label.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from app.fhir.dates import day
from app.fhir.readings import Grid, Reading, Row
from app.fhir.values import brief

# Labels stand beside the values, so width costs no counting; a header is never more than 12 rows away.
BLOCK_COLUMNS, BLOCK_ROWS = 17, 12
CHARS_PER_TOKEN = (
    1.65  # the least measured on these views with o200k_base: 1.68 (dense labs) to 2.5 (digest)
)
CELL_LIKE = re.compile(r"(?:^|[\s,])[a-y]{1,3}'*[:,<>=\-\d]")
STATUS_MARK = {
    "final": "", "preliminary": "~", "registered": "~", "amended": "^", "corrected": "^", "appended": "^",
}  # fmt: skip


def mark(item: Reading) -> str:
    """Return flag and status marks; a flag that was sent wins over the computed `*`."""
    return (item.flag or ("*" if item.outside else "")) + STATUS_MARK.get(item.status, "?")


def words(text: str) -> str:
    """Put chart text on one line, in quotes where it could be read as another cell (`b4.1` inside a comment)."""
    line = " ".join(text.split()).replace('"', "'")
    return f'"{line}"' if CELL_LIKE.search(line) else line


def cell_text(place: str, cell: Sequence[Reading]) -> str:
    """Print `a4.1H`; text results take a colon, so that label and word stay apart."""
    item, twice = cell[0], "=" if len(cell) > 1 else ""
    if item.numeric:
        number = "/".join(brief(part) for part in item.text.split("/"))
        return f"{place}{number}{mark(item)}{twice}"
    return f"{place}{':' if place else ''}{words(item.text)}{mark(item)}{twice}"


def cells_at(row: Row, places: Sequence[str]) -> list[tuple[str, tuple[Reading, ...]]]:
    """Return the cells of `places` and of their primes, newest first."""
    wanted = set(places)
    return [(place, cell) for place, cell in row.cells.items() if place.rstrip("'") in wanted]


def head(row: Row, *, limits: bool) -> str:
    """Print handle, name, unit and range of a row; signs of typography become plain ones."""
    parts = [row.handle, row.name, row.unit, row.limits.replace("–", "-") if limits else ""]
    return " ".join(p for p in parts if p)


def row_text(row: Row, places: Sequence[str], *, limits: bool) -> str:
    """Print a row's cells at `places`; equal text results list their labels together: `a,c:No`."""
    shown: dict[str, list[str]] = {}
    for place, cell in cells_at(row, places):
        if cell[0].numeric:
            shown[cell_text(place, cell)] = []
        else:
            shown.setdefault(cell_text("", cell), []).append(place)
    cells = (",".join(at) + (":" if at else "") + body for body, at in shown.items())
    return " ".join([head(row, limits=limits) + ":", *cells])


def dates_text(grid: Grid, places: Sequence[str]) -> str:
    """Print which date each column is: a year once for 3 or more columns, times where a day has several columns."""
    per_day = Counter(moment[:10] for moment in grid.columns.values())
    years = []
    for year, same_year in groupby(places, key=lambda p: grid.columns[p][:4]):
        columns = list(same_year)
        once = len(columns) > 2 and all(len(grid.columns[p]) >= 7 for p in columns)
        shown = []
        for date, same_day in groupby(columns, key=lambda p: grid.columns[p][:10]):
            text = (day(date)[:-5] if once else day(date)) or "undated"
            if per_day[date] > 1:
                times = (f"{p}={grid.columns[p][11:] or 'no time'}" for p in same_day)
                shown.append(f"{text} {' '.join(times)}")
            else:
                shown.append(f"{next(same_day)}={text}")
        years.append((f"{year}: " if once else "") + ", ".join(shown))
    return "DATES " + "; ".join(years)


def block_text(
    grid: Grid, rows: Sequence[Row], block: Sequence[str], seen: set[str]
) -> tuple[list[str], set[str]]:
    """Print one block, dates again every 12 tests; return it and the rows whose range has been printed."""
    out = []
    for start in range(0, len(rows), BLOCK_ROWS):
        group = rows[start : start + BLOCK_ROWS]
        present = {place.rstrip("'") for r in group for place, _ in cells_at(r, block)}
        out.append(dates_text(grid, [p for p in block if p in present]))
        out += [row_text(r, block, limits=r.handle not in seen) for r in group]
    return out, seen | {r.handle for r in rows}


def blocks_text(
    grid: Grid, rows: Sequence[Row], places: Sequence[str], budget_chars: float
) -> tuple[list[str], int]:
    """Print rows block by block until the budget; return the lines and how many of `places` were printed."""
    out: list[str] = []
    seen: set[str] = set()
    at, width = 0, BLOCK_COLUMNS
    while at < len(places):
        block = places[at : at + width]
        text, now_seen = block_text(grid, [r for r in rows if cells_at(r, block)], block, seen)
        if sum(len(line) + 1 for line in [*out, *text]) > budget_chars:
            if out:
                break
            if width > 1:
                width //= 2
                continue
        out, seen, at = out + text, now_seen, at + width
    return out, min(at, len(places))
