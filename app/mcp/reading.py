"""What an MCP host may read, synchronously: the registry's tools and three resources, audited with the host's name.

Nothing here knows the protocol; `app.mcp.server` speaks it. Every use asks first whether the patient's chart may go to an AI
application at all.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from app.audit.log import AuditLog, Detail, Who
from app.errors import ChartsideError, NotFound, UnknownHandle
from app.fhir.card import build_card
from app.fhir.citation import HANDLE
from app.fhir.reader import LaunchChart
from app.fhir.tables import digest
from app.launch_context import LaunchContext
from app.llm.port import ToolSpec
from app.mcp.answers import McpAnswer, answer
from app.mcp.authorization import Authorization, McpCaller, Presented
from app.mcp.card_text import card_text
from app.mcp.charts import McpCharts
from app.mcp.errors import McpBusy, McpHandleUnknown, McpOptedOut, McpRefused
from app.mcp.limits import Buckets
from app.mcp.scopes import missing
from app.tools.bounds import as_data, bounded, digest_as_data
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, Tool

MOST_EVIDENCE, MOST_VALUE = 40, 2_000
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in CHART_TOOLS}
Asked = Literal["no", "yes", "unread"]


class Reading:
    """Reads charts for hosts. `opted_out(context)` tells whether the patient asked that no AI be used."""

    def __init__(
        self,
        *,
        authorization: Authorization,
        charts: McpCharts,
        opted_out: Callable[[LaunchContext], Asked],
        calls_per_minute: Callable[[LaunchContext], int],
        buckets: Buckets,
        audit: AuditLog,
    ) -> None:
        self._authorization = authorization
        self._charts = charts
        self._opted_out = opted_out
        self._calls_per_minute = calls_per_minute
        self._buckets = buckets
        self._audit = audit

    def enter(self, presented: Presented) -> McpCaller:
        """Return who a request is for; asked at every one of them.

        Raises:
            McpRefused: nobody; `McpBusy` where it is one too many.
            SwitchedOff: IT has switched it off.
        """
        caller = self._authorization.admit(presented)
        wait_s, first = self._buckets.take(caller.launch_id, self._calls_per_minute(caller.context))
        if wait_s:
            # Once a row of refusals: a host in a loop fills no log.
            if first:
                self.refuse(caller, McpBusy.code, f"more than its calls, {wait_s} s to wait")
            raise McpBusy(wait_s)
        return caller

    def refuse(self, caller: McpCaller, code: str, why: str) -> None:
        """Write down that a host that is let in did not get something."""
        detail: Detail = {"act": "refused", "code": code, "why": why, "host": caller.host}
        self._audit.record("mcp", Who.of(caller.context), detail)

    def note(self, caller: McpCaller, act: str, **more: str | int | list[str]) -> None:
        """Write down what a host did; names, never values."""
        detail: Detail = {"act": act, "host": caller.host, "token": caller.token_id, **more}
        self._audit.record("mcp", Who.of(caller.context), detail)

    def tools(self, caller: McpCaller) -> tuple[ToolSpec, ...]:
        """Return the tools that a caller's scopes give something to read; the chart itself is not needed for that."""
        chart = self._charts.get(caller.context)
        return Registry(CHART_TOOLS, chart, caller.context).describe()

    def call(self, caller: McpCaller, name: str, arguments: Mapping[str, Any]) -> McpAnswer:
        """Run a tool; a refusal is an answer that says what is missing."""
        try:
            found = self._call(caller, name, arguments)
        except McpRefused as error:
            self.refuse(caller, error.code, str(error))
            return McpAnswer(text=f"Refused: {error.public}", is_error=True)
        except ChartsideError as error:
            found = McpAnswer(text=f"Refused: {error.public}", is_error=True)
        known = name if name in TOOLS else "unknown"
        result = "error" if found.is_error else "ok"
        self.note(caller, "tools/call", tool=known, result=result, sections=list(found.sections))
        return found

    def _call(self, caller: McpCaller, name: str, arguments: Mapping[str, Any]) -> McpAnswer:
        launch = self._open(caller)
        if name in TOOLS and (lacking := missing(caller.context, name, arguments)):
            text = f"Refused: {name} needs one of {lacking}; this access has none of them."
            return McpAnswer(text=text, is_error=True)
        launch.begin_turn()
        result = Registry(CHART_TOOLS, launch, caller.context).call(name, arguments)
        return answer(launch, result)

    def progress(self, caller: McpCaller) -> int:
        """Return how many requests the EHR was asked for this caller's chart so far."""
        return self._charts.get(caller.context).requests

    def card(self, caller: McpCaller) -> str:
        """Return the launch card as text: what changed and what is dangerous, each row with its handles."""
        launch = self._open(caller)
        card = build_card(launch, launch.sources, launch.now, caller.context.user_reference)
        return bounded(card_text(launch, card), 8_000)

    def overview(self, caller: McpCaller) -> str:
        """Return the overview that the chat's own models are told."""
        return digest_as_data(digest(self._open(caller)))

    def fact(self, caller: McpCaller, handle: str) -> dict[str, Any]:
        """Return what one handle points to: its values, each with record, version, element, status and date.

        Raises:
            McpHandleUnknown: the chart as it is kept for this caller never issued it.
        """
        if not HANDLE.fullmatch(handle):
            raise NotFound("not a handle")
        launch = self._open(caller)
        chart = launch.chart
        try:
            every = chart.evidence(handle)
        except UnknownHandle as error:
            raise McpHandleUnknown(str(error)) from error
        shown = [
            {
                "reference": e.reference, "version": e.version, "path": e.path, "field": e.field, "name": as_data(e.name),
                "value": bounded(as_data(e.value), MOST_VALUE), "unit": as_data(e.unit), "status": e.status,
                "date": e.date, "dateRole": e.date_role,
            }
            for e in every[:MOST_EVIDENCE]
        ]  # fmt: skip
        return {
            "handle": handle, "label": as_data(chart.label(handle)), "summary": as_data(chart.summary(handle)),
            "asOf": launch.read_at.isoformat(timespec="seconds"),
            "evidence": [{name: text for name, text in one.items() if text} for one in shown],
            "evidenceLeftOut": len(every) - len(shown),
        }  # fmt: skip

    def handles(self, caller: McpCaller, begun: str) -> list[str]:
        """Return the handles of a chart that was read, that begin so."""
        if not self._charts.was_read(caller.context):
            return []
        chart = self._charts.get(caller.context).chart
        lines = (line.handle for table in chart.tables.values() for line in table)
        rows = (row.handle for grid in chart.grids.values() for row in grid.rows)
        return [handle for handle in (*lines, *rows) if handle.startswith(begun.upper())]

    def forget_ended(self, lives: Callable[[str], bool]) -> None:
        """Forget the charts of launches that have ended, whoever ended them, and count what was refused."""
        self._authorization.sweep()
        for launch_id in self._charts.launches():
            if not lives(launch_id):
                self._charts.drop(launch_id)

    def demand_consent(self, caller: McpCaller) -> None:
        """Refuse where the patient asked that no AI be used.

        Raises:
            McpOptedOut: they did, or whether they did could not be read.
        """
        asked = self._opted_out(caller.whole)
        if asked != "no":
            raise McpOptedOut("opt-out " + asked)

    def _open(self, caller: McpCaller) -> LaunchChart:
        """Return a caller's chart, read as far as its first pages, unless the patient asked that no AI be used.

        Raises:
            McpOptedOut: they did, or whether they did could not be read.
        """
        self.demand_consent(caller)
        launch = self._charts.get(caller.context)
        launch.first_read()
        return launch
