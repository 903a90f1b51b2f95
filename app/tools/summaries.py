"""Print results as their last three and extremes: what a model reads before it asks for every value of a test."""

from collections.abc import Sequence

from app.fhir.chart import Chart
from app.fhir.grid_text import cell_text, dates_text, head
from app.fhir.readings import Row
from app.fhir.statistics import Point, Statistics, rows_in
from app.fhir.tables import unread_text
from app.llm.port import Entry
from app.tools.entries import row_entry

LAST, BLOCK_ROWS, MOST_WITH_MEAN = 3, 12, 10


def summary(
    chart: Chart, prefix: str, rows: Sequence[Row], since: str = "", until: str = ""
) -> tuple[str, list[Entry]]:
    """Return the text of a grid's rows in a window, and each row as an entry with its extremes."""
    if unread := unread_text(chart, prefix):
        return unread, []
    grid = chart.grids[prefix]
    found = rows_in(grid, since, until, rows)
    with_mean = len(found) <= MOST_WITH_MEAN
    out: list[str] = []
    for start in range(0, len(found), BLOCK_ROWS):
        block = found[start : start + BLOCK_ROWS]
        used = {p.place.rstrip("'") for _, stats in block for p in _shown(stats)}
        out.append(dates_text(grid, [p for p in grid.columns if p in used]))
        out += [_line(row, stats, mean=with_mean) for row, stats in block]
    entries = [_entry(chart, prefix, row, stats, since, until) for row, stats in found]
    return "\n".join(out), entries


def _shown(stats: Statistics) -> list[Point]:
    extremes = [p for p in (stats.least, stats.greatest) if p]
    return list({p.place: p for p in (*stats.points[:LAST], *extremes)}.values())


def _line(row: Row, stats: Statistics, *, mean: bool) -> str:
    """Print `L3 Potassium mmol/L 3.5-5.1: a5.6H c5.0 d4.6 | min k3.9 max a5.6H | n 12 mean 4.6`."""
    last = [cell_text(p.place, row.cells[p.place]) for p in stats.points[:LAST]]
    parts = [f"{head(row, limits=True)}: {' '.join(last)}"]
    older = [p for p in (stats.least, stats.greatest) if p and p not in stats.points[:LAST]]
    if stats.least and stats.greatest and (older or mean) and len(stats.points) > 1:
        low, high = (_extreme(row, p) for p in (stats.least, stats.greatest))
        parts.append(f"min {low} max {high}")
    if mean and stats.mean:
        parts.append(f"n {stats.numbers} mean {stats.mean}")
    elif len(stats.points) > LAST:
        parts.append(f"n{len(stats.points)}")
    if mean and stats.others and stats.numbers:
        parts.append(f"{stats.others} not plain numbers")
    return (" | " if mean else " ").join(parts)


def _extreme(row: Row, point: Point) -> str:
    return cell_text(point.place, row.cells[point.place])


def _entry(chart: Chart, prefix: str, row: Row, stats: Statistics, since: str, until: str) -> Entry:
    entry = row_entry(chart, prefix, row, since, until)
    named = (("least", stats.least), ("greatest", stats.greatest))
    extremes = tuple((name, row.handle + p.place) for name, p in named if p)
    counted = (("n", str(stats.numbers)), ("mean", stats.mean))
    return entry.with_fields(*extremes, *counted)
