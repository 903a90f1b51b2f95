"""Run the look-ups that a model asks for: within the budget, each once, none for longer than allowed."""

import json
import threading
from collections.abc import Callable, Generator, Iterator

from ag_ui.core import (
    BaseEvent,
    StepFinishedEvent,
    StepStartedEvent,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)

from app.agent.aside import LateAside, StoppedAside, aside
from app.agent.budget import Budget
from app.agent.looked import Looked
from app.agent.services import TurnServices
from app.fhir.sections import SECTION_WORDS, SECTIONS, SectionName
from app.fhir.source import Failed
from app.llm.hang_up import HangUp
from app.llm.port import Reply, ToolCall
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Look, ToolResult, names, told
from app.tools.views import VIEWS

TOO_MANY = (
    "Refused: no more look-ups in this turn. Answer with what you have and say what is missing."
)
AGAIN = "Already shown above, in this turn: {handles}. Asking again gives the same. Answer with it."
LATE = (
    "Timed out: the EHR did not answer within {seconds:.0f} seconds. This was not read. "
    "Never say none of it; say that it could not be read."
)
MOST_ARGUMENTS = 500
UNKNOWN = "unknown"
READS = {tool.name: tool.reads for tool in CHART_TOOLS}


class LookUps:
    """The look-ups of one turn. `late` is set while a read that was given up still goes on."""

    def __init__(
        self, services: TurnServices, turn_id: str, stop: HangUp, budget: Budget, looked: Looked
    ) -> None:
        self._services = services
        self._turn_id = turn_id
        self._stop = stop
        self._budget = budget
        self._looked = looked
        self._count = 0
        self._done: dict[tuple[str, str], ToolResult] = {}
        self._late: threading.Event | None = None
        self._names = names(services.registry.describe())

    def known(self, name: str) -> str:
        """Return the name of a tool of ours: any other is words of the model, for no audit and no screen."""
        return name if name in self._names else UNKNOWN

    @property
    def reading_on(self) -> bool:
        """Tell whether a read goes on that this turn has left alone."""
        return self._late is not None and not self._late.is_set()

    @property
    def spent(self) -> str:
        """Return the sentence for look-ups that were one too many, "" while there were enough."""
        most = self._services.limits.tool_calls
        if self._budget.tool_calls <= most:
            return ""
        return f"Stopped after {most} look-ups: this answer may not be complete."

    @property
    def kept(self) -> int:
        """How many look-ups gave something."""
        return len(self._done)

    def run(
        self, calls: list[ToolCall], keep: Callable[[Reply], None]
    ) -> Iterator[BaseEvent | None]:
        """Yield the events of one round, then name what was read; `keep` is given each answer at once.

        None: a second of waiting.

        Raises:
            StoppedAside: Stop was pressed while the chart was read.
        """
        steps: list[str] = []
        for call in calls:
            self._count += 1
            call_id = f"{self._turn_id}-c{self._count}"
            yield ToolCallStartEvent(tool_call_id=call_id, tool_call_name=self.known(call.name))
            yield ToolCallArgsEvent(tool_call_id=call_id, delta=call.arguments[:MOST_ARGUMENTS])
            yield ToolCallEndEvent(tool_call_id=call_id)
            result, said = yield from self._call(call)
            keep(_reply(call, result))
            told_steps = self._looked.add(call.name, result) if result.looks else []
            steps += told_steps
            yield ToolCallResultEvent(
                message_id=f"{call_id}-r",
                tool_call_id=call_id,
                content=said or "; ".join(told_steps) or "Nothing read",
                role="tool",
            )
        for step in {step.partition(":")[0]: step for step in steps}.values():
            yield StepStartedEvent(step_name=step)
            yield StepFinishedEvent(step_name=step)

    def _call(self, call: ToolCall) -> Generator[None, None, tuple[ToolResult, str]]:
        """Return what a look-up gives, and what is shown of it if that is not what was read."""
        if self._budget.refuses_call():
            self._refused("tool.budget")
            return ToolResult(text=TOO_MANY, is_error=True), "Refused"
        key = (call.name, _canonical(call.arguments))
        if known := self._done.get(key):
            self._refused("tool.again")
            handles = " ".join(known.handles) or "nothing found"
            return ToolResult(text=AGAIN.format(handles=handles)), "Shown above"
        if self.reading_on:
            return self._timed_out(call), "Timed out"
        try:
            result = yield from self._read(call)
        except LateAside as late:
            self._late = late.done
            return self._timed_out(call), "Timed out"
        if result.is_error:
            self._refused("tool.refused")
            return result, "Refused"
        self._done[key] = result
        return result, ""

    def _read(self, call: ToolCall) -> Generator[None, None, ToolResult]:
        def work() -> ToolResult:
            return self._services.registry.call(call.name, call.arguments)

        try:
            return (yield from aside(work, self._stop, self._services.limits.tool_s))
        except StoppedAside:
            # The thread goes on; nobody waits for it any more.
            self._late = threading.Event()
            raise

    def _timed_out(self, call: ToolCall) -> ToolResult:
        self._refused("tool.timed_out")
        seconds = self._services.limits.tool_s
        counts = self._services.launch_chart.chart.counts
        state = Failed(reason=f"no answer within {seconds:.0f} seconds")
        looks = tuple(
            Look(
                section=name, label=SECTION_WORDS[name], searched=counts[name], read=0, completeness=state,
            )
            for name in _sections(call)
        )  # fmt: skip
        return ToolResult(text=LATE.format(seconds=seconds), is_error=True, looks=looks)

    def _refused(self, code: str) -> None:
        if self._services.on_refusal:
            self._services.on_refusal(code, 1)


def _reply(call: ToolCall, result: ToolResult) -> Reply:
    unread = tuple(
        (look.label, told(look.completeness))
        for look in result.looks
        if look.completeness.kind != "complete"
    )
    return Reply(
        call_id=call.id, name=call.name, text=result.text, is_error=result.is_error,
        entries=result.entries, unread=unread,
    )  # fmt: skip


def _canonical(arguments: str) -> str:
    """Return arguments so that the same ones are equal, however they were written."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments


def _sections(call: ToolCall) -> tuple[SectionName, ...]:
    """Return the sections that a look-up would have read, as far as its name and arguments tell."""
    read = READS.get(call.name, ())
    able = tuple(s.name for s in SECTIONS if s.kind in read)
    try:
        asked = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return able
    one = asked.get("section") if isinstance(asked, dict) else None
    view = VIEWS.get(one) if isinstance(one, str) and call.name == "chart_section" else None
    return view.sections if view else able
