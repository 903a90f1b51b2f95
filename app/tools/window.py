"""What narrows a search: dates and an author. It is said in the search's record, and so is what it cannot place.

A record without a date, or with a year only where a day was asked for, may lie inside or outside: then a search that
found nothing is not complete.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from app.fhir.chart import Chart, searched
from app.fhir.citation import SearchRecord
from app.fhir.dates import day, is_unplaced, is_within, later, local
from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.unsorted import SORTED, Unsorted
from app.llm.port import Entry
from app.tools.bounds import as_data
from app.tools.entries import but, none_text

Since = Annotated[
    str,
    Meta(
        pattern=r"^(\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2})?)?)?|\d{1,3}[hd])?$",
        description="YYYY-MM-DD, or 24h, 7d",
    ),
]


def moment(launch: LaunchChart, since: str) -> str:
    """Return the ISO moment that `since` means: 24h and 7d count back from clinical time, in the site's zone."""
    if not since[-1:] or since[-1] not in "hd":
        return since
    n = int(since[:-1])
    # Hours are counted as they pass; days by the calendar, to the same hour.
    hours, days = later(launch.now, -timedelta(hours=n)), launch.now - timedelta(days=n)
    start = hours if since[-1] == "h" else days
    return local(start.isoformat(), launch.chart.zone)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The limits of a search as asked; dates are ISO, as precise as asked, `until` is not included."""

    since: str = ""
    until: str = ""
    author: str = ""

    def holds(self, moment: str) -> bool:
        """Tell whether a date lies inside for certain."""
        return is_within(moment, self.since, self.until)

    def unplaced(self, moment: str) -> bool:
        """Tell whether a date is missing, or too coarse to say whether it lies inside."""
        return is_unplaced(moment, self.since, self.until)

    @property
    def words(self) -> str:
        """Say the limits: " by Mensah since 01-Dec-2026 until 05-Dec-2026"."""
        parts = (("by", self.author), ("since", day(self.since)), ("until", day(self.until)))
        return "".join(f" {word} {limit}" for word, limit in parts if limit)


def none_within(
    chart: Chart,
    what: str,
    section: SectionName,
    window: Window,
    moments: Iterable[str] = (),
    unsorted: Unsorted = SORTED,
) -> SearchRecord:
    """Record a search that found nothing inside a window; `moments` are the dates of all that bears these words."""
    found = searched(chart, as_data(f"{what}{window.words}"), section, "")
    lost = sum(window.unplaced(moment) for moment in moments)
    why = f"{lost} without a date that could be compared" if lost else ""
    return chart.ledger.record(but(but(found, why), unsorted.get(section, "")))


def told(record: SearchRecord, outside: str) -> str:
    """Say for a model that nothing was found inside the limits, and what exists outside them."""
    text = none_text(record)
    return f"{text}\nOUTSIDE these limits it exists; last: {outside}" if outside else text


def newest(series: Iterable[Entry]) -> Entry | None:
    """Return the series with the newest value, with that value only; None where there is none."""
    filled = [entry for entry in series if entry.cells]
    last = max(filled, key=lambda entry: entry.cells[0].moment, default=None)
    return replace(last, cells=last.cells[:1]) if last else None
