"""The charts of live launches, one each, and the overview that each launch's model is told."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import msgspec

from app.agent.prompt import first_digest
from app.audit.log import AuditLog, Detail, Who
from app.fhir.labels import DEFAULT, Labels
from app.fhir.reader import LaunchChart
from app.fhir.seen import ModelsChart
from app.fhir.source import ChartSource, Query, Read
from app.launch_context import LaunchContext
from app.store.ports import ConversationStore

# As many as there are threads to ask them.
MOST_CHARTS = 320


class Charts:
    """Charts are kept in this process; the least used are dropped past a limit.

    A chart that was dropped is read again from the EHR when it is asked for, and its handles mean what they meant.
    """

    def __init__(
        self,
        *,
        source_of: Callable[[LaunchContext], ChartSource],
        conversations: ConversationStore,
        audit: AuditLog,
        clock: Callable[[], datetime],
        labels_of: Callable[[LaunchContext], Labels] = lambda _: DEFAULT,
    ) -> None:
        """`labels_of` is the policy of the launch's registration: who may have what is labelled."""
        self._source_of = source_of
        self._conversations = conversations
        self._audit = audit
        self._clock = clock
        self._labels_of = labels_of
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, LaunchChart] = OrderedDict()
        # A chart past the limit that a turn still uses stays the launch's only one: two would number sources apart.
        self._used: WeakValueDictionary[str, LaunchChart] = WeakValueDictionary()

    def get(self, context: LaunchContext) -> LaunchChart:
        """Return the chart of a launch."""
        with self._lock:
            chart = self._used.get(context.launch_id) or self._new(context)
            self._kept[context.launch_id] = self._used[context.launch_id] = chart
            self._kept.move_to_end(context.launch_id)
            while len(self._kept) > MOST_CHARTS:
                self._kept.popitem(last=False)
        return chart

    def for_models(self, context: LaunchContext) -> LaunchChart:
        """Return the chart of a launch as a language model may have it."""
        whole = self.get(context)
        return ModelsChart(whole) if whole.labels.differ else whole

    def was_read(self, context: LaunchContext) -> bool:
        """Tell whether the chart of a launch is at hand, so that asking it reads nothing."""
        with self._lock:
            chart = self._used.get(context.launch_id)
        return chart is not None and bool(chart.sections)

    def keep(self, context: LaunchContext) -> None:
        """Keep what this launch's handles mean, so that a restart changes no citation."""
        with self._lock:
            chart = self._used.get(context.launch_id)
        if chart is None:
            return
        # An answer that cites nothing new changes nothing: not written again.
        meant = chart.export()
        if (mark := hash(msgspec.msgpack.encode(meant))) == chart.kept:
            return
        if self._conversations.keep_ledger(context.launch_id, meant):
            chart.kept = mark
        else:
            self.drop(context.launch_id)

    def drop(self, launch_id: str) -> None:
        """Forget the chart of an ended launch."""
        with self._lock:
            self._kept.pop(launch_id, None)
            self._used.pop(launch_id, None)

    def read_again(self, context: LaunchContext) -> None:
        """Read the first pages again because a person asked for it; its model is told a new overview."""
        chart = self.get(context)
        chart.begin_turn()
        chart.read_again()
        self._conversations.drop_digest(context.launch_id)

    def digest(self, context: LaunchContext) -> str:
        """Return the overview of a launch: made once and kept, so that every process tells the same bytes."""
        if known := self._conversations.digest(context.launch_id):
            return known
        text = first_digest(self.for_models(context))
        # Its handles are kept before it is: nobody is told one that could come to mean something else.
        self.keep(context)
        return self._conversations.keep_digest(context.launch_id, text)

    def read(self, context: LaunchContext, query: Query) -> Read:
        """Return one search beside the chart's own sections, audited like them."""
        return self.get(context).search(query)

    def now(self, context: LaunchContext) -> datetime:
        """Return clinical time in the site's zone: a sandbox chart's own, else real time."""
        return (context.clinical_time or self._clock()).astimezone(ZoneInfo(context.time_zone))

    def _new(self, context: LaunchContext) -> LaunchChart:
        return LaunchChart(
            self._source_of(context),
            context,
            self.now(context),
            self.on_read(context),
            restored=self._conversations.ledger(context.launch_id),
            labels=self._labels_of(context),
        )

    def on_read(self, context: LaunchContext) -> Callable[[Query, Read], None]:
        """Return what tells the audit of every read of a chart."""
        who = Who.of(context)

        def on_read(query: Query, read: Read) -> None:
            ids = [f"{item['resourceType']}/{item.get('id', '')}" for item in read.resources]
            detail: Detail = {
                "type": query.resource_type,
                "result": read.completeness.kind,
                "records": ids,
                "dropped_foreign": read.dropped_foreign,
                **({"via": read.via} if read.via else {}),
            }
            self._audit.record("read", who, detail)

        return on_read
