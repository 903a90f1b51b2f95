"""Sum up administrations by medicine: how often given, held and refused, the last dose, the total in a window.

A total is only of doses that were given, in one unit, each with a number; what is left out of it is said.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from app.fhir.chart import Chart, Line

DONE = ("given", "in-progress", "stopped")


def by_medicine(chart: Chart, lines: Sequence[Line]) -> list[str]:
    """Return one line for each medicine, newest last dose first."""
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda x: x.date, reverse=True):
        groups[line.text("drug")].append(line)
    return [_told(chart, drug, found) for drug, found in groups.items()]


def _told(chart: Chart, drug: str, lines: Sequence[Line]) -> str:
    counts = Counter(line.group for line in lines)
    given = [line for line in lines if line.group in DONE]
    said = ", ".join(f"{status} {n}" for status, n in counts.items())
    last = f"last given {_when(chart, given[0])} {given[0].handle}" if given else "none given"
    return "|".join(filter(None, (drug.replace("|", "/"), said, last, _total(given))))


def _when(chart: Chart, line: Line) -> str:
    sent = line.fact("date")
    return chart.print_date(sent.value, time=True) if sent else "at an unknown time"


def _total(given: Sequence[Line]) -> str:
    """Return "total 2,500 mg of 2 doses"; doses without a number, or in another unit, are counted apart."""
    doses = [fact for line in given if (fact := line.fact("dose"))]
    units = {fact.unit for fact in doses}
    if len(units) != 1:
        return "doses in different units, no total" if units else ""
    try:
        total = sum((Decimal(fact.value) for fact in doses), Decimal(0))
    except InvalidOperation:
        return "doses that are no plain numbers, no total"
    without = len(given) - len(doses)
    apart = f" ({without} without a dose)" if without else ""
    plain = f"{total.normalize():f}"
    return f"total {plain} {next(iter(units))} of {len(doses)} dose{'s' if len(doses) != 1 else ''}{apart}".strip()
