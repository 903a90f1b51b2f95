"""One chat turn: ask the model, run the tools it asks for, check every sentence while it streams, say what was not seen.

The turn yields AG-UI events and our payloads. It ends with RUN_FINISHED, or with RUN_ERROR and a public sentence;
nothing it yields holds a token, an address or another patient's data.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

import msgspec
from ag_ui.core import (
    PROTOCOL_VERSION,
    CustomEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunFinishedSuccessOutcome,
    RunStartedEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
)

from app.agent.answer import Answer, Delta, Piece
from app.agent.aside import StoppedAside, aside
from app.agent.budget import Budget
from app.agent.criteria import criteria
from app.agent.events import CUSTOM_NAMES, BlockShown, CustomPayload
from app.agent.failing import failed
from app.agent.foot import foot
from app.agent.hearing import heard
from app.agent.library import background, library, numbers_in
from app.agent.look_ups import LookUps
from app.agent.looked import Looked, looked_at
from app.agent.other_patient import only_this, other_patient
from app.agent.prompt import compose, question_turn
from app.agent.said import Said
from app.agent.services import ModelCall, TurnServices
from app.agent.stored import coalesce
from app.agent.text_content import READING, WRITING, TextContent, TurnEvent
from app.errors import ChartsideError
from app.llm.errors import ModelCut, ModelEmpty, ModelFailed
from app.llm.hang_up import HangUp
from app.llm.history import Recorder
from app.llm.port import (
    AssistantTurn,
    Done,
    ModelEvent,
    Request,
    TextDelta,
    ToolCall,
)
from app.llm.streams import Move

__all__ = ["ModelCall", "TurnEvent", "TurnServices", "coalesce", "run"]

DECLINED = "The language model declined to answer this question."
DECLINED_LATE = "The language model declined to go on: this answer is not complete."
TOO_LONG = "Stopped at the longest answer the language model can give: this answer is not complete."
MOST_AT_ONCE, UNSEEN = 1_000, 2


class _Stopped(Exception):  # not an error: a person pressed Stop
    """Leave the turn at once."""


def run(
    services: TurnServices, question: str, turn_id: str, stop: HangUp
) -> Iterator[TurnEvent | None]:
    """Yield the events of one turn; `stop` ends it within one event. None: nothing happened for a second."""
    for event in moving(replace(services, together=False), question, turn_id, stop):
        if not isinstance(event, Move):
            yield event


def moving(
    services: TurnServices, question: str, turn_id: str, stop: HangUp
) -> Iterator[TurnEvent | Move | None]:
    """Yield the events of one turn as `run` does, and where it may change its thread (`services.together`)."""
    thread_id = services.launch_chart.context.launch_id
    yield RunStartedEvent(thread_id=thread_id, run_id=turn_id, protocol_version=PROTOCOL_VERSION)
    turn = _Run(services, question, turn_id, stop)
    end: TurnEvent
    try:
        with closing(turn.events()) as events:
            for event in events:
                yield event
                if not turn.together:
                    turn.check()
        end = RunFinishedEvent(
            thread_id=thread_id, run_id=turn_id, outcome=RunFinishedSuccessOutcome()
        )
    except (_Stopped, StoppedAside):
        if stop.why is None:
            yield from turn.stopped()
            end = RunFinishedEvent(
                thread_id=thread_id, run_id=turn_id, outcome=RunFinishedCancelledOutcome()
            )
        else:
            yield from turn.broken(stop.why)
            end = RunErrorEvent(message=stop.why.public, code=stop.why.code)
    except ChartsideError as error:
        yield from turn.broken(error)
        end = RunErrorEvent(message=error.public, code=error.code)
    turn.tell()
    yield end


class _Run:
    """The state of one turn."""

    def __init__(self, services: TurnServices, question: str, turn_id: str, stop: HangUp) -> None:
        self._services = services
        self._launch = services.launch_chart
        self._question = question
        self._turn_id = turn_id
        self._stop = stop
        services.registry.typed = services.typed(question)
        self._budget = Budget.start(services.limits, services.clock)
        self._looked = Looked()
        self._look_ups = LookUps(services, turn_id, stop, self._budget, self._looked)
        self._answer: Answer | None = None
        self._recorder: Recorder | None = None
        self._messages = 0
        self._heard = 0
        self._open = False
        self._step = ""
        self._ending = False
        self._remarked = False
        self._shown: set[int] = set()
        self._other = ""
        # It streams among other answers: to leave it here would do here what waits for the store.
        self.together = False

    def events(self) -> Generator[TurnEvent | Move | None, None, None]:
        """Yield everything between start and end."""
        yield from self._begin(READING)
        # A chart that was read is at hand; a thread to wait for would only cost.
        opened = (
            self._open_chart()
            if self._launch.sections
            else (yield from aside(self._open_chart, self._stop))
        )
        self._answer, self._recorder, base = opened
        if not self._services.model.language_model and (other := self._other):
            self._refused("question.other_patient", 1)
            told = only_this(self._launch.chart, other)
            self._answer.own(told)
            yield from self._remark(told)
            yield from self._end("end")
            return
        while True:
            said = Said()
            sent = (*self._services.history, *self._recorder.sent())
            yield from self._ask(replace(base, turns=sent), said)
            stop = said.done.stop if said.done else "end"
            if stop != "tools" or not said.calls:
                break
            yield from self._close_message()
            yield from self._look(said, self._recorder)
            if spent := self._budget.looking(self._written()):
                yield from self._remark(spent)
                break
        yield from self._end(stop)

    def _open_chart(self) -> tuple[Answer, Recorder, Request]:
        """Read the first pages, and what the model is told of them."""
        self._launch.first_read()
        known = background(self._launch, self._services.zone, self._question)
        self._other = other_patient(self._question, self._launch.chart, known)
        answer = Answer(self._message_id(), library(self._launch), known)
        recorder = Recorder(question=question_turn(self._launch, self._question, self._other))
        return answer, recorder, compose(self._services, ())

    # ------------------------------------------------------------ the model

    def _ask(self, request: Request, said: Said) -> Iterator[TurnEvent | Move | None]:
        """Stream one model call."""
        self._budget.rounds += 1
        model = self._services.model
        if self._services.on_model_begun:
            self._services.on_model_begun()
        stream = heard(
            lambda hang_up: model.stream(request, hang_up),
            self._stop,
            self._services.on_model_asked,
        )
        raised: Exception | None = None
        try:
            try:
                # A model that goes on after Stop would go on costing: leaving the stream ends the call.
                with closing(stream):
                    yield from self._hear(stream, said)
            except Exception as error:  # noqa: BLE001  # raised again where there is time to note it
                raised = error
            if self.together:
                self.together = False
                yield Move.OUT
        finally:
            self._called(said, raised.code if isinstance(raised, ModelFailed) else "")
        if raised:
            raise raised
        if said.done is None:
            # Hung up by Stop, a model ends without its end.
            self.check()
            raise ModelCut("a model's stream ended without its end")

    def _hear(
        self, stream: Iterator[ModelEvent | None], said: Said
    ) -> Iterator[TurnEvent | Move | None]:
        """Take in what a model says, until its end, Stop, or a spent budget."""
        moves = self._services.together and self._services.model.together
        for event in stream:
            self.check()
            if isinstance(event, TextDelta):
                # Most of all that is heard: words that are shown as they are.
                if (plain := self._plain(event.text, said)) is not None:
                    yield plain
                else:
                    yield from self._write(event.text, said)
            elif event is None:
                yield None
            else:
                self._note(event, said)
                # What follows is read in the thread that reads the second event.
                moves = False
                continue
            if said.done is None and (spent := self._spent()):
                yield from self._cut(spent, said)
            if said.done is not None:
                return
            if moves and event is not None:
                # It has begun: what follows waits for its provider alone.
                moves, self.together = False, True
                yield Move.IN

    def _note(self, event: ToolCall | Done, said: Said) -> None:
        if isinstance(event, ToolCall):
            said.note(event)
            return
        said.done = event
        if self._recorder and event.stop == "end":
            self._recorder.native = event.native

    def _plain(self, text: str, said: Said) -> TextContent | None:
        """Note words that need no look, and return them as they are shown; None where nothing was noted."""
        if not self._open or self._answer is None or len(text) > MOST_AT_ONCE:
            return None
        if (shown := self._answer.plain(text)) is None:
            return None
        said.text.append(text)
        self._record(text)
        self._heard += len(text)
        return TextContent(message_id=self._message_id(), delta=shown)

    def _write(self, text: str, said: Said) -> Iterator[TurnEvent]:
        """Write a text in pieces, so that one without end is cut like many."""
        for at in range(0, len(text), MOST_AT_ONCE):
            piece = text[at : at + MOST_AT_ONCE]
            said.text.append(piece)
            self._record(piece)
            yield from self._say(piece)
            self._heard += len(piece)
            if spent := self._spent():
                yield from self._cut(spent, said)
                return

    def _spent(self) -> str:
        """Return the sentence for a limit of the answer's time or length, "" before it."""
        # What is heard and not shown (tags, made-up citations) has an end too: it is kept and sent again.
        return self._budget.writing(max(self._written(), self._heard // UNSEEN))

    def _cut(self, spent: str, said: Said) -> Iterator[TurnEvent]:
        """End the answer with a sentence that says why."""
        said.done = Done(stop="end")
        yield from self._remark(spent)

    def _written(self) -> int:
        return self._answer.tally.characters if self._answer else 0

    def _called(self, said: Said, failure: str) -> None:
        if hook := self._services.on_model_call:
            hook(said.call(self._services.model, self._look_ups.known, failure))

    def _refused(self, code: str, count: int) -> None:
        if self._services.on_refusal:
            self._services.on_refusal(code, count)

    # ------------------------------------------------------------ tools

    def _look(self, said: Said, recorder: Recorder) -> Iterator[TurnEvent | None]:
        """Run the tools of one round, and say what was looked at so far."""
        native = said.done.native if said.done else None
        recorder.asks(
            AssistantTurn(text="".join(said.text), calls=tuple(said.calls), native=native)
        )
        for event in self._look_ups.run(said.calls, recorder.gets):
            yield event
            self.check()
        yield _custom(looked_at(self._message_id(), self._looked, self._launch.chart))

    # ------------------------------------------------------------ the answer

    def _message_id(self) -> str:
        return f"{self._turn_id}-m{max(1, self._messages)}"

    def _say(self, text: str) -> Iterator[TurnEvent]:
        if self._answer is not None:
            yield from self._send(self._answer.feed(text))

    def _remark(self, sentence: str) -> Iterator[TurnEvent]:
        """Write a sentence of ours, in emphasis, on a line of its own."""
        self._remarked = True
        self._record(f"\n\n{sentence}\n")
        yield from self._say(f"\n\n*{sentence}*\n")

    def _record(self, text: str) -> None:
        """Note what is written; a provider's own blocks stand for an answer only if nothing was added to it."""
        if self._recorder:
            self._recorder.answer.append(text)
            self._recorder.native = None

    def _send(self, pieces: Iterator[Piece]) -> Iterator[TurnEvent]:
        for piece in pieces:
            self.check()
            if isinstance(piece, Delta):
                yield from self._open_message()
                yield TextContent(message_id=self._message_id(), delta=piece.text)
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
            yield from self._remark(DECLINED_LATE if self._written() else DECLINED)
        elif stop == "length":
            yield from self._remark(TOO_LONG)
        elif not self._remarked and (spent := self._look_ups.spent):
            yield from self._remark(spent)
        if self._answer:
            yield from self._send(self._answer.finish())
        if not self._open:
            raise ModelEmpty("a model ended its answer and had shown nothing")
        if self._answer and stop == "end":
            cited = self._answer.tally.sources
            yield from self._send(
                criteria(self._services, self._question, self._message_id(), cited, self._shown)
            )
        yield from self._foot(stopped=False)

    def stopped(self) -> Iterator[TurnEvent]:
        """Yield the end of a turn that was stopped: what was written stays, judged, and says so."""
        self._ending = True
        if self._answer:
            yield from self._send(self._answer.finish(cut=True))
        yield from self._foot(stopped=True)

    def broken(self, error: ChartsideError) -> Iterator[TurnEvent]:
        """Yield the verdicts of what was written before an error, and of a model's error the ways on."""
        self._ending = True
        if self._answer:
            yield from self._send(self._answer.finish(cut=True))
        yield from self._close_message()
        yield from self._finish_step()
        if not isinstance(error, ModelFailed):
            return
        self._refused(error.code, 1)
        payload = failed(
            self._message_id(),
            error,
            self._services.ways(),
            written=bool(self._written()),
            look_ups=self._look_ups.kept,
        )
        yield _custom(payload)

    def tell(self) -> None:
        """Give away what a model needs of this turn later."""
        if self._recorder and self._services.on_exchange:
            self._services.on_exchange(self._recorder.exchange())

    def _foot(self, *, stopped: bool) -> Iterator[TurnEvent]:
        yield from self._close_message()
        yield from self._finish_step()
        answer = self._answer
        if answer is None:
            return
        if answer.tally.unknown_handles:
            self._refused("citation.unknown", answer.tally.unknown_handles)
        for payload in foot(
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


def _custom(payload: CustomPayload) -> CustomEvent:
    return CustomEvent(name=CUSTOM_NAMES[type(payload)], value=msgspec.to_builtins(payload))
