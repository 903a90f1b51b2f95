"""Whether a patient asked that AI not be used: a tag or a label of the Patient, or an active Flag.

Which codes say so is the registration's (`[models] opt_out`). The Patient comes with the chart; Flags are read once,
before the first use of a language model, where their scope is granted. What was granted and cannot be read counts as
asked: chart rows work without a model.
"""

import threading
from collections.abc import Iterator
from typing import Any, Literal, Protocol

from app.fhir.reader import LaunchChart
from app.fhir.source import Complete, Query, Read
from app.launch_context import LaunchContext
from app.smart.policy import Coding

Asked = Literal["no", "yes", "unread"]
FLAGS = Query(resource_type="Flag", params=(("_count", "100"),))


class ReadCharts(Protocol):
    """The charts that are asked: those of the chat, or those of MCP hosts."""

    def get(self, context: LaunchContext) -> LaunchChart:
        """Return the chart of a launch."""

    def read(self, context: LaunchContext, query: Query) -> Read:
        """Return one search beside its sections."""

    def was_read(self, context: LaunchContext) -> bool:
        """Tell whether it is at hand."""


class OptOuts:
    """What is known of the patients of live launches."""

    def __init__(self, charts: ReadCharts) -> None:
        self._charts = charts
        self._lock = threading.Lock()
        self._flags: dict[str, Read] = {}
        self._asking: dict[str, threading.Lock] = {}

    def asked(self, context: LaunchContext, codes: tuple[Coding, ...]) -> Asked:
        """Tell whether the patient of a launch asked for it; reads the chart if it was not read yet."""
        if not codes:
            return "no"
        wanted = {(one.system, one.code) for one in codes}
        chart = self._charts.get(context)
        meta = chart.chart.patient.get("meta")
        labels = meta if isinstance(meta, dict) else {}
        if wanted & set(_codings([labels.get("tag"), labels.get("security")])):
            return "yes"
        if not context.can("Flag", "s"):
            return "no"
        read = self._read_flags(context)
        active = [flag for flag in read.resources if flag.get("status") == "active"]
        if wanted & set(_codings([_coding(flag) for flag in active])):
            return "yes"
        return "no" if isinstance(read.completeness, Complete) else "unread"

    def known_not(self, context: LaunchContext, codes: tuple[Coding, ...]) -> bool:
        """Tell whether it is known already, without reading anything, that the patient did not ask for it."""
        if not codes:
            return True
        with self._lock:
            known = self._flags.get(context.launch_id)
        # Flags are read after the chart, and last: without them, only a launch that may not read them is known.
        read = known is not None or not context.can("Flag", "s")
        return read and self._charts.was_read(context) and self.asked(context, codes) == "no"

    def was_read(self, context: LaunchContext) -> bool:
        """Tell whether the chart of a launch is at hand."""
        return self._charts.was_read(context)

    def drop(self, launch_id: str) -> None:
        """Forget what is known: the launch has ended, or its chart is read again."""
        with self._lock:
            self._flags.pop(launch_id, None)
            self._asking.pop(launch_id, None)

    def _read_flags(self, context: LaunchContext) -> Read:
        """Return the Flags of a launch; of a turn and a warm-up that come at once, one asks and the other waits."""
        with self._lock:
            asking = self._asking.setdefault(context.launch_id, threading.Lock())
        with asking:
            with self._lock:
                known = self._flags.get(context.launch_id)
            if known:
                return known
            read = self._charts.read(context, FLAGS)
            with self._lock:
                # Kept only if read to the end, and not if it was dropped meanwhile: then it is asked again.
                current = self._asking.get(context.launch_id) is asking
                if current and isinstance(read.completeness, Complete):
                    self._flags[context.launch_id] = read
            return read


def _coding(flag: dict[str, Any]) -> object:
    code = flag.get("code")
    return code.get("coding") if isinstance(code, dict) else None


def _codings(lists: list[object]) -> Iterator[tuple[str, str]]:
    """Yield (system, code) of codings as sent; what has another shape is none."""
    for sent in lists:
        for one in sent if isinstance(sent, list) else ():
            if isinstance(one, dict):
                yield str(one.get("system") or ""), str(one.get("code") or "")
