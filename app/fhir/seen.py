"""The same launch's chart as a language model may have it: without what the site lets only the clinician see.

Reads, handles and source numbers are the whole chart's own, so a citation means the same in both; a handle of a record that
is held back here was never issued here. `app.agent.charts` makes one, and only where the two differ.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.fhir.chart import Chart
from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.source import Completeness, Query, Read


class ModelsChart(LaunchChart):
    """A view; everything is read through the chart that it is a view of."""

    def __init__(self, whole: LaunchChart) -> None:
        # Not the base's own: a view has no state but its snapshot.
        self._whole = whole
        self.context, self.sources, self.texts = whole.context, whole.sources, whole.texts
        self._of: Chart | None = None
        self._seen: Chart | None = None
        self._made = {}  # of its own snapshots: what was made of the whole chart holds what is held back

    @property
    def chart(self) -> Chart:
        """Return the newest snapshot without what is held back."""
        whole = self._whole.chart
        if self._seen is None or self._of is not whole:
            self._seen, self._of = self._whole.snapshot_for("model"), whole
        return self._seen

    @property
    def sections(self) -> Mapping[SectionName, Completeness]:
        """How far each section was read, as a model may have it."""
        return self.chart.sections if self._whole.sections else {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the EHR says of the record as a whole."""
        return self._whole.remarks

    @property
    def requests(self) -> int:
        """How many requests this launch's reads have cost so far."""
        return self._whole.requests

    @property
    def now(self) -> datetime:
        """Return clinical time."""
        return self._whole.now

    @property
    def read_at(self) -> datetime:
        """When the chart was read."""
        return self._whole.read_at

    def first_read(self) -> Chart:
        """Read the first pages; raises as the whole chart's."""
        self._whole.first_read()
        return self.chart

    def read_again(self) -> Chart:
        """Read the first pages again; raises as the whole chart's."""
        self._whole.read_again()
        return self.chart

    def ensure(self, *names: SectionName) -> dict[SectionName, Completeness]:
        """Read sections on to their end, and return how far a model may have them."""
        self._whole.ensure(*names)
        sections = self.chart.sections
        return {name: sections[name] for name in dict.fromkeys(names)}

    def read_time(self, name: SectionName) -> datetime:
        """Return when a section was last read."""
        return self._whole.read_time(name)

    def via(self, name: SectionName) -> str:
        """Return what a section was read by where that was not the EHR's FHIR API."""
        return self._whole.via(name)

    def begin_turn(self) -> None:
        """Count the limits of a turn from here."""
        self._whole.begin_turn()

    def search(self, query: Query) -> Read:
        """Return one search beside the chart's own sections."""
        return self._whole.search(query)

    def has_more(self, name: SectionName) -> bool:
        """Tell whether a section stopped at a page's end."""
        return self._whole.has_more(name)

    def is_newest_first(self, name: SectionName) -> bool:
        """Tell whether a section that has more came newest first."""
        return self._whole.is_newest_first(name)

    def export(self) -> dict[str, Any]:
        """Return handles and source numbers."""
        return self._whole.export()
