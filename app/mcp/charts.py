"""The charts that MCP hosts read: one for each launch and set of scopes, without what is restricted to people.

A host's token may have less than its launch, and a chart that was read with more would show more: they are kept apart. So are their
handles from those of the clinician's own screen, because a host's chart may lack what is held back from it. Kept in this process; the
least used are dropped past a limit.

A host's conversation outlives all of that. So no two charts of a launch, in whatever process and with whatever scopes, number alike: a handle
of another one is not known here, and never another fact.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from app.fhir.labels import NOBODY, Audience, Labels
from app.fhir.reader import LaunchChart
from app.fhir.source import Query, Read
from app.launch_context import Grant, LaunchContext

MOST_CHARTS = 320
# More than any chart has of one kind.
NUMBERS = 100_000
HELD_BACK = "not given to MCP hosts"


class McpCharts:
    """Charts as hosts may have them.

    `make(context, after)` builds one over the EHR, with labels and audit, whose handles begin behind the number that `after` gives;
    `numbering(launch_id)` gives each of a launch another number, from 0.
    """

    def __init__(
        self,
        make: Callable[[LaunchContext, Callable[[], int]], LaunchChart],
        numbering: Callable[[str], int],
    ) -> None:
        self._make = make
        self._numbering = numbering
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, frozenset[Grant]], LaunchChart] = OrderedDict()

    def get(self, context: LaunchContext) -> LaunchChart:
        """Return the chart of a launch, as its scopes allow."""
        key = _key(context)
        with self._lock:
            chart = self._kept.get(key) or self._new(context)
            self._kept[key] = chart
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_CHARTS:
                self._kept.popitem(last=False)
        return chart

    def _new(self, context: LaunchContext) -> LaunchChart:
        return self._make(context, lambda: NUMBERS * self._numbering(context.launch_id))

    def read(self, context: LaunchContext, query: Query) -> Read:
        """Return one search beside the chart's own sections, audited like them."""
        return self.get(context).search(query)

    def was_read(self, context: LaunchContext) -> bool:
        """Tell whether a chart is at hand, so that asking it reads nothing."""
        with self._lock:
            chart = self._kept.get(_key(context))
        return chart is not None and bool(chart.sections)

    def launches(self) -> set[str]:
        """Return the launches of which something is kept."""
        with self._lock:
            return {launch_id for launch_id, _ in self._kept}

    def drop(self, launch_id: str) -> None:
        """Forget the charts of an ended launch."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == launch_id]:
                del self._kept[key]


def _key(context: LaunchContext) -> tuple[str, frozenset[Grant]]:
    """Return what makes two charts of a launch the same: what they may read, in whatever words it was granted."""
    return context.launch_id, frozenset(context.grants)


def labels_for_hosts(labels: Labels) -> Labels:
    """Return a site's policy as it holds for MCP hosts: what is open to them and to their user is open, nothing else.

    The chart is then made for nobody but hosts, so its texts, earlier versions and names follow the same policy.
    """
    everybody: frozenset[Audience] = frozenset(("user", "model", "mcp", "bulk"))
    allowed = {
        coding: everybody if {"user", "mcp"} <= audience else NOBODY
        for coding, audience in labels.audiences.items()
    }
    return Labels(audiences=allowed, withheld=HELD_BACK)
