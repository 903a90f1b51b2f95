"""What a result table needs to be drawn over time: numbers, moments, reference edges, and orders as bars.

Numbers are only places on a scale; what is printed beside them stays the text that was sent. Nothing is converted:
a column has one test in one unit. Left to the table: words, ratios, and results with a comparator.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.fhir.chart import Chart, Line
from app.fhir.dates import as_date, day, local
from app.fhir.display import Edge, Series, SupplyBar, Text, Trend
from app.fhir.pieces import medicine
from app.fhir.reader import LaunchChart
from app.fhir.readings import Reading
from app.fhir.source import Resource

NUMBER = re.compile(r"-?\d+(\.\d+)?")
COMPONENT = re.compile(r"component\[(\d+)\]")
# A range as the laboratory wrote it: 0.50-1.10, >=60, < 5.
WRITTEN = re.compile(
    r"(?P<low>\d+(?:\.\d+)?)\s?-\s?(?P<high>\d+(?:\.\d+)?)|[<>]=?\s?(?P<one>\d+(?:\.\d+)?)"
)


def number(item: Reading) -> float | None:
    """Return the value's place on a scale; None where it is no plain number."""
    return float(item.text) if item.numeric and NUMBER.fullmatch(item.text) else None


def moment(sent: str) -> str:
    """Return a moment that has a place on a time axis, else an empty text (a month or a year is not one)."""
    return sent if as_date(sent) else ""


def is_plotted(shown: Sequence[Reading]) -> bool:
    """Tell whether two moments or more have a plain number."""
    return len({r.moment for r in shown if number(r) is not None and moment(r.moment)}) > 1


def edges(chart: Chart, shown: Sequence[Reading]) -> tuple[Edge | None, Edge | None]:
    """Return the ends of the reference range, none where two results were sent with different ones."""
    sent = {r.limits for r in shown if r.limits}
    if len(sent) != 1:
        return None, None
    item = next(r for r in shown if r.limits)
    found = _range(chart.resources.get(item.evidence[0].reference, {}), item.evidence[0].path)
    ends = [_exact((found.get(end) or {}).get("value")) for end in ("low", "high")]
    low, high = (_edge(end, item.limits) for end in ends)
    return low, high


def of(
    launch: LaunchChart, title: str, series: Sequence[Series], orders: Sequence[str]
) -> Trend | None:
    """Return the trend of a table that has a column to draw, with the orders that were asked for beside it."""
    if not any(one.plotted for one in series):
        return None
    chart = launch.chart
    lines = [x for handle in orders if (x := chart.line(handle))]
    bars = [bar for line in lines if (bar := _bar(launch, line))]
    return Trend(
        title=title, until=local(chart.now.isoformat(), chart.zone),
        bars=tuple(sorted(bars, key=lambda b: b.starts)),
    )  # fmt: skip


def _range(resource: Resource, path: str) -> Resource:
    """Return the reference range that a value was sent with: of its component, else of the Observation."""
    inside = COMPONENT.match(path)
    part: Resource = (resource.get("component") or [])[int(inside[1])] if inside else resource
    ranges: list[Resource] = part.get("referenceRange") or []
    return next((r for r in ranges if r.get("low") or r.get("high")), {})


def _exact(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _edge(end: Decimal | None, limits: str) -> Edge | None:
    """Return an edge with the laboratory's own digits (0.50), which its number may lack (0.5)."""
    if end is None:
        return None
    match = WRITTEN.fullmatch(limits)
    written = [digits for digits in match.groups() if digits] if match else []
    text = next((digits for digits in written if Decimal(digits) == end), str(end))
    return Edge(number=float(end), text=text)


def _bar(launch: LaunchChart, line: Line) -> SupplyBar | None:
    """Return the bar of an active order; an order that was stopped says nothing of when its supply ended."""
    sent, supply = line.fact("date"), line.fact("supply")
    if line.group != "active" or sent is None or as_date(sent.value) is None:
        return None
    # Without "dose not recorded" and "2 more dosage steps": the row of the order says them.
    shown = [p for p in medicine(line) if isinstance(p, Text) and p.style != "muted"]
    words = [p.text for p in shown if not p.text.startswith(";")]
    starts = local(sent.value, launch.chart.zone)[:10]
    return SupplyBar(
        label=" ".join(words), n=launch.sources.number(line.handle),
        cite_label=launch.chart.label(line.handle), ordered=day(starts), starts=starts,
        ends=supply.date if supply else "", days=supply.value if supply else "",
        refill=supply is not None and line.text("refills") != "0",
    )  # fmt: skip
