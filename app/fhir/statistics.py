"""Statistics of one series, in code: how many, last, the one before a date, least, greatest, mean.

Only plain numbers count: a result with a comparator (<5), a ratio, a word or a waveform is counted apart. A series has
one test in one unit, so nothing is converted. The mean is ours, not the chart's: it cites the series.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from app.fhir.dates import is_within
from app.fhir.readings import Grid, Reading, Row

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
PAIR = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of a series: its place (`a`), moment (ISO, site zone) and reading."""

    place: str
    moment: str
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """A series within a window, newest first. `mean` is "" where fewer than two plain numbers stand in it."""

    points: tuple[Point, ...]
    least: Point | None
    greatest: Point | None
    mean: str
    numbers: int

    @property
    def others(self) -> int:
        """How many values are no plain numbers, and so in neither extreme nor mean."""
        return len(self.points) - self.numbers


def statistics(grid: Grid, row: Row, since: str = "", until: str = "") -> Statistics:
    """Return the statistics of a row between two ISO moments; `until` is not included."""
    points = [
        Point(place=place, moment=grid.moment(place), reading=readings[0])
        for place, readings in row.cells.items()
        if is_within(grid.moment(place), since, until)
    ]
    numbers = [(number, p) for p in points if (number := _number(p.reading)) is not None]
    ordered = sorted(numbers, key=lambda pair: pair[0])
    return Statistics(
        points=tuple(points),
        least=ordered[0][1] if ordered else None,
        greatest=ordered[-1][1] if ordered else None,
        mean=_mean([p.reading.text for _, p in numbers]),
        numbers=len(numbers),
    )


def _number(reading: Reading) -> Decimal | None:
    """Return a plain number; of a blood pressure the systolic one."""
    if not reading.numeric:
        return None
    pair = PAIR.fullmatch(reading.text)
    if pair:
        return Decimal(pair[1])
    return Decimal(reading.text) if NUMBER.fullmatch(reading.text) else None


def _mean(texts: list[str]) -> str:
    """Return the mean with the digits that the values have; of blood pressures both numbers."""
    if len(texts) < 2:
        return ""
    pairs = [PAIR.fullmatch(text) for text in texts]
    if all(pairs):
        return "/".join(_rounded([p[side] for p in pairs if p]) for side in (1, 2))
    return "" if any(pairs) else _rounded(texts)


def _rounded(texts: list[str]) -> str:
    places = max(len(text.partition(".")[2]) for text in texts)
    mean = sum((Decimal(text) for text in texts), Decimal(0)) / len(texts)
    return str(mean.quantize(Decimal(1).scaleb(-min(places, 4)), ROUND_HALF_EVEN))


def before(grid: Grid, row: Row, moment: str) -> Point | None:
    """Return the last value before a moment."""
    points = statistics(grid, row, until=moment).points
    return max(points, key=lambda p: p.moment, default=None)


def rows_in(
    grid: Grid, since: str, until: str, wanted: Iterable[Row]
) -> list[tuple[Row, Statistics]]:
    """Return the rows that have a value in a window, with their statistics."""
    found = [(row, statistics(grid, row, since, until)) for row in wanted]
    return [(row, stats) for row, stats in found if stats.points]
