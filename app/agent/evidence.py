"""Gather what a handle points to, as evidence complete enough to check a sentence against.

The chart's evidence holds values, dates and status. A sentence also names flags, ranges, the words of a note and
the span of a search: they are added here as evidence with `field` flag, range, words and span.
"""

from dataclasses import replace

from app.fhir.chart import Chart
from app.fhir.citation import Evidence
from app.fhir.readings import Reading


def gather(chart: Chart, handle: str, words: str = "") -> tuple[Evidence, ...]:
    """Return the evidence of a handle; `words` is the text of the note it cites.

    Raises:
        UnknownHandle: this launch never issued the handle.
    """
    base = chart.evidence(handle)
    if handle.startswith("S"):
        return base + _span(chart, handle)
    if words:
        return (*base, replace(base[0], path="content", field="words", value=words))
    return base + tuple(e for reading in _readings(chart, handle) for e in _marks(reading))


def _readings(chart: Chart, handle: str) -> tuple[Reading, ...]:
    if row := chart.row(handle):
        return tuple(reading for cell in row.cells.values() for reading in cell)
    cell = chart.cell(handle)
    return cell[2] if cell else ()


def _marks(reading: Reading) -> list[Evidence]:
    """State flag and range of each component; a joint blood pressure flag is not split here."""
    flag = "" if "/" in reading.flag else reading.flag
    marked = [replace(e, field="flag", value=flag, unit="") for e in reading.evidence]
    if reading.limits:
        marked += [replace(e, field="range", value=reading.limits) for e in reading.evidence]
    return marked


def _span(chart: Chart, handle: str) -> tuple[Evidence, ...]:
    record = chart.ledger.search(handle)
    (base,) = chart.evidence(handle)
    return tuple(
        replace(base, field="span", value=text, date="", date_role="")
        for text in (record.first_date, record.last_date, record.searched_at)
        if text
    )
