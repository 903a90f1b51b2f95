"""One chat turn: ask the model, run the tools it asks for, check every sentence while it streams, say what was not seen.

The turn yields AG-UI events and our payloads. It ends with RUN_FINISHED, or with RUN_ERROR and a public sentence;
nothing it yields holds a token, an address or another patient's data.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import msgspec
from ag_ui.core import (
    PROTOCOL_VERSION,
    BaseEvent,
    CustomEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunFinishedSuccessOutcome,
    RunStartedEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)

from app.agent.answer import Answer, Delta, Piece
from app.agent.aside import StoppedAside, T, aside
from app.agent.budget import Budget
from app.agent.events import CUSTOM_NAMES, BlockShown, CustomPayload
from app.agent.foot import bare_foot, foot
from app.agent.library import background, library, numbers_in
from app.agent.looked import Looked, looked_at
from app.agent.prompt import compose, question_turn
from app.agent.services import ModelCall, TurnServices
from app.agent.stored import coalesce
from app.errors import ChartsideError
from app.llm.errors import ModelCut
from app.llm.hang_up import HangUp
from app.llm.port import (
    AssistantTurn,
    Done,
    ModelEvent,
    Reply,
    Request,
    TextDelta,
    ToolCall,
    ToolTurn,
    Turn,
    Usage,
)
from app.tools.registry import told

__all__ = ["ModelCall", "TurnEvent", "TurnServices", "coalesce", "run"]

TurnEvent = BaseEvent
READING, WRITING = "Reading the chart", "Writing the answer"
TOO_MANY = (
    "Refused: no more look-ups in this turn. Answer with what you have and say what is missing."
)
DECLINED = "The model declined to answer this question."
TOO_LONG = "Stopped at the longest answer the model can give: this answer is not complete."
MOST_ARGUMENTS = 500


class _Stopped(Exception):  # not an error: a person pressed Stop
    """Leave the turn at once."""


def run(services: TurnServices, question: str, turn_id: str, stop: HangUp) -> Iterator[TurnEvent]:
    """Yield the events of one turn; `stop` ends it within one event."""
    thread_id = services.launch_chart.context.launch_id
    yield RunStartedEvent(thread_id=thread_id, run_id=turn_id, protocol_version=PROTOCOL_VERSION)
    turn = _Run(services, question, turn_id, stop)
    try:
        with closing(turn.events()) as events:
            for event in events:
                yield event
                turn.check()
        outcome: RunFinishedSuccessOutcome | RunFinishedCancelledOutcome = (
            RunFinishedSuccessOutcome()
        )
    except _Stopped:
        yield from turn.stopped()
        outcome = RunFinishedCancelledOutcome()
    except ChartsideError as error:
        yield from turn.broken()
        yield RunErrorEvent(message=error.public, code=error.code)
        return
    yield RunFinishedEvent(thread_id=thread_id, run_id=turn_id, outcome=outcome)


@dataclass(kw_only=True)
class _Said:
    """What one model call gave."""

    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    done: Done | None = None


class _Run:
    """The state of one turn."""

    def __init__(self, services: TurnServices, question: str, turn_id: str, stop: HangUp) -> None:
        self._services = services
        self._launch = services.launch_chart
        self._question = question
        self._turn_id = turn_id
        self._stop = stop
        self._budget = Budget.start(services.limits, services.clock)
        self._looked = Looked()
        self._answer: Answer | None = None
        self._messages = 0
        self._open = False
        self._step = ""
        self._ending = False
        self._reading_on = False
        self._shown: set[int] = set()
        self._calls = 0

    def events(self) -> Generator[TurnEvent, None, None]:
        """Yield everything between start and end."""
        yield from self._begin(READING)
        self._answer, request = self._aside(self._open_chart)
        while True:
            said = _Said()
            yield from self._ask(request, said)
            stop = said.done.stop if said.done else "end"
            if stop != "tools" or not said.calls:
                break
            yield from self._close_message()
            replies: list[Reply] = []
            yield from self._look(said.calls, replies)
            if spent := self._budget.looking(self._written()):
                yield from self._remark(spent)
                break
            added = (_assistant(said), ToolTurn(replies=tuple(replies)))
            request = replace(request, turns=(*request.turns, *added))
        yield from self._end(stop)

    def _open_chart(self) -> tuple[Answer, Request]:
        """Read the first pages, and what the model is told of them."""
        self._launch.first_read()
        known = background(self._launch, self._services.zone, self._question)
        answer = Answer(self._message_id(), library(self._launch), known)
        turns: list[Turn] = [*self._services.history, question_turn(self._launch, self._question)]
        tools = self._services.registry.describe()
        with_digest = self._services.model.language_model
        return answer, compose(self._launch, tools, turns, with_digest=with_digest)

    def _aside(self, work: Callable[[], T]) -> T:
        """Do what reads the chart where Stop can leave it."""
        try:
            return aside(work, self._stop)
        except StoppedAside:
            self._reading_on = True
            raise _Stopped from None

    # ------------------------------------------------------------ the model

    def _ask(self, request: Request, said: _Said) -> Iterator[TurnEvent]:
        """Stream one model call."""
        self._budget.rounds += 1
        stream = self._services.model.stream(request, self._stop)
        try:
            yield from self._hear(stream, said)
        finally:
            # A model that goes on after Stop would go on costing; an adapter ends its call when closed.
            if close := getattr(stream, "close", None):
                close()
            self._called(said)
        if said.done is None:
            self._refused("model.cut", 1)
            raise ModelCut("a model's stream ended without its end")

    def _hear(self, stream: Iterator[ModelEvent], said: _Said) -> Iterator[TurnEvent]:
        """Take in what a model says, until its end, Stop, or a spent budget."""
        for event in stream:
            self.check()
            match event:
                case TextDelta():
                    said.text.append(event.text)
                    yield from self._say(event.text)
                    if spent := self._budget.writing(self._written()):
                        said.done = Done(stop="end")
                        yield from self._remark(spent)
                        return
                case ToolCall():
                    said.calls.append(event)
                case Done():
                    said.done = event

    def _written(self) -> int:
        return self._answer.tally.characters if self._answer else 0

    def _called(self, said: _Said) -> None:
        model, hook = self._services.model, self._services.on_model_call
        if hook:
            done = said.done
            hook(
                ModelCall(
                    model=model.name, version=model.version, language_model=model.language_model,
                    stop=done.stop if done else "cut", tools=tuple(c.name for c in said.calls),
                    usage=done.usage if done else Usage(),
                )
            )  # fmt: skip

    def _refused(self, code: str, count: int) -> None:
        if self._services.on_refusal:
            self._services.on_refusal(code, count)

    # ------------------------------------------------------------ tools

    def _look(self, calls: list[ToolCall], replies: list[Reply]) -> Iterator[TurnEvent]:
        """Run the tools of one round, then name what was read."""
        steps: list[str] = []
        for call in calls:
            self.check()
            self._calls += 1
            call_id = f"{self._turn_id}-c{self._calls}"
            yield ToolCallStartEvent(tool_call_id=call_id, tool_call_name=call.name)
            yield ToolCallArgsEvent(tool_call_id=call_id, delta=call.arguments[:MOST_ARGUMENTS])
            yield ToolCallEndEvent(tool_call_id=call_id)
            reply, told_steps = self._call(call)
            replies.append(reply)
            steps += told_steps
            short = "Refused" if reply.is_error else "; ".join(told_steps) or "Nothing read"
            yield ToolCallResultEvent(
                message_id=f"{call_id}-r", tool_call_id=call_id, content=short, role="tool"
            )
        for step in {step.partition(":")[0]: step for step in steps}.values():
            yield StepStartedEvent(step_name=step)
            yield StepFinishedEvent(step_name=step)
        yield _custom(looked_at(self._message_id(), self._looked, self._launch.chart))

    def _call(self, call: ToolCall) -> tuple[Reply, list[str]]:
        if self._budget.refuses_call():
            self._refused("tool.budget", 1)
            return Reply(call_id=call.id, name=call.name, text=TOO_MANY, is_error=True), []
        result = self._aside(lambda: self._services.registry.call(call.name, call.arguments))
        if result.is_error:
            self._refused("tool.refused", 1)
        unread = tuple(
            (look.label, told(look.completeness))
            for look in result.looks
            if look.completeness.kind != "complete"
        )
        reply = Reply(
            call_id=call.id, name=call.name, text=result.text, is_error=result.is_error,
            entries=result.entries, unread=unread,
        )  # fmt: skip
        return reply, self._looked.add(call.name, result)

    # ------------------------------------------------------------ the answer

    def _message_id(self) -> str:
        return f"{self._turn_id}-m{max(1, self._messages)}"

    def _say(self, text: str) -> Iterator[TurnEvent]:
        if self._answer is not None:
            yield from self._send(self._answer.feed(text))

    def _remark(self, sentence: str) -> Iterator[TurnEvent]:
        """Write a sentence of ours, in emphasis, on a line of its own."""
        yield from self._say(f"\n\n*{sentence}*\n")

    def _send(self, pieces: Iterator[Piece]) -> Iterator[TurnEvent]:
        for piece in pieces:
            self.check()
            if isinstance(piece, Delta):
                yield from self._open_message()
                yield TextMessageContentEvent(message_id=self._message_id(), delta=piece.text)
                continue
            if isinstance(piece, BlockShown) or getattr(piece, "verdict", "") == "pending":
                yield from self._open_message()
            event = _custom(piece)
            if isinstance(piece, BlockShown):
                self._shown |= numbers_in(event.value)
            yield event

    def _open_message(self) -> Iterator[TurnEvent]:
        if self._open:
            return
        yield from self._begin(WRITING)
        self._open = True
        self._messages += 1
        if self._answer:
            self._answer.message_id = self._message_id()
        yield TextMessageStartEvent(message_id=self._message_id(), role="assistant")

    def _close_message(self) -> Iterator[TurnEvent]:
        if self._open:
            self._open = False
            yield TextMessageEndEvent(message_id=self._message_id())

    def _begin(self, name: str) -> Iterator[TurnEvent]:
        """Name what happens now; the step before it is over."""
        if self._step == name:
            return
        yield from self._finish_step()
        self._step = name
        yield StepStartedEvent(step_name=name)

    def _finish_step(self) -> Iterator[TurnEvent]:
        if self._step:
            yield StepFinishedEvent(step_name=self._step)
            self._step = ""

    # ------------------------------------------------------------ the end

    def _end(self, stop: str) -> Iterator[TurnEvent]:
        if stop == "refusal":
            self._refused("model.refusal", 1)
            yield from self._remark(DECLINED)
        elif stop == "length":
            yield from self._remark(TOO_LONG)
        if self._answer:
            yield from self._send(self._answer.finish())
        yield from self._foot(stopped=False)

    def stopped(self) -> Iterator[TurnEvent]:
        """Yield the end of a turn that was stopped: what was written stays, judged, and says so."""
        self._ending = True
        if self._answer:
            yield from self._send(self._answer.finish(cut=True))
        yield from self._foot(stopped=True)

    def broken(self) -> Iterator[TurnEvent]:
        """Yield the verdicts of what was written before an error."""
        self._ending = True
        if self._answer:
            yield from self._send(self._answer.finish(cut=True))
        yield from self._close_message()
        yield from self._finish_step()

    def _foot(self, *, stopped: bool) -> Iterator[TurnEvent]:
        yield from self._close_message()
        yield from self._finish_step()
        answer = self._answer
        if answer is None:
            return
        if answer.tally.unknown_handles:
            self._refused("citation.unknown", answer.tally.unknown_handles)
        # A read that goes on holds the chart; the end of a stopped turn does not wait for it.
        ending = bare_foot if self._reading_on else foot
        for payload in ending(
            self._services,
            self._message_id(),
            self._looked,
            answer.tally,
            self._shown,
            stopped=stopped,
        ):
            yield _custom(payload)

    def check(self) -> None:
        """Leave the turn if a person pressed Stop, unless it is being ended already."""
        if self._stop.is_set() and not self._ending:
            raise _Stopped


def _assistant(said: _Said) -> AssistantTurn:
    native = said.done.native if said.done else None
    return AssistantTurn(text="".join(said.text), calls=tuple(said.calls), native=native)


def _custom(payload: CustomPayload) -> CustomEvent:
    return CustomEvent(name=CUSTOM_NAMES[type(payload)], value=msgspec.to_builtins(payload))
