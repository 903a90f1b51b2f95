"""Turns of a launch: ask, stream, stop. Parses, finds the session, and hands over; nothing else."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
from ag_ui.core import RunErrorEvent
from flask import Blueprint, Response, request

from app.agent.aside import StoppedAside, aside
from app.agent.failing import never_began, stopped_before
from app.agent.running import RunningTurns
from app.agent.stored import TERMINAL
from app.agent.text_content import TextContent, TurnEvent, encoded, is_followed
from app.agent.turn import coalesce, moving
from app.audit.log import Who
from app.errors import ChartsideError, RoleMayNot, TurnRefused, TurnRepeated
from app.launch_context import LaunchContext
from app.llm.errors import ModelFailed
from app.llm.hang_up import HangUp
from app.llm.history import Exchange, pack
from app.llm.streams import Move, begins
from app.web import sse
from app.web.errors import places
from app.web.session import current_launch
from app.wiring import Services

log = logging.getLogger("chartside.web")
TURN_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
MOST_QUESTION = 4_000
MOST_MODEL_ID = 64


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    content: str = ""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One question on its way; `model` is the id of what answers this one only, "" for the launch's own."""

    context: LaunchContext
    turn_id: str
    question: str
    model: str
    stop: HangUp
    together: bool
    begun: Callable[[], None]


class _RunInput(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of AG-UI's `RunAgentInput`: the last user message, the ids, and `model` among `forwardedProps`.

    The rest is the client's own claim. So is `model`: the gate decides whether this launch may use it.
    """

    run_id: Annotated[str, msgspec.Meta(max_length=64)] = msgspec.field(name="runId")
    messages: tuple[_Message, ...]
    forwarded_props: object = msgspec.field(name="forwardedProps", default=None)

    @property
    def model(self) -> str:
        """The id of what answers this turn, "" when none is named."""
        props = self.forwarded_props
        named = props.get("model") if isinstance(props, dict) else None
        return named[:MOST_MODEL_ID] if isinstance(named, str) else ""


def blueprint(services: Services) -> Blueprint:
    """Return the routes of a live launch."""
    routes = Blueprint("chat", __name__)
    running = services.running

    @routes.post("/api/launches/<launch_id>/turns")
    def turn(launch_id: str) -> Response:
        begun = begins()
        try:
            return answered(launch_id, begun)
        except BaseException:
            begun()
            raise

    def answered(launch_id: str, begun: Callable[[], None]) -> Response:
        context = current_launch(launch_id, even_off=True)
        # One question to the store for all of it: everything, this registration, this action.
        services.switches.demand(context.registration, "chat")
        if not context.may("chat"):
            raise RoleMayNot("the user's role may not")
        turn_id, question, model = _question()
        if services.conversations.has_turn(launch_id, turn_id):
            raise TurnRepeated("a turn of this id is kept")
        stop = running.start(launch_id, turn_id)
        client = sse.Client.of(request.environ)
        asked = _Asked(
            context=context, turn_id=turn_id, question=question, model=model, stop=stop,
            together=client is not None, begun=begun,
        )  # fmt: skip
        return sse.respond(_turn(services, asked, running), stop.set, client)

    @routes.post("/api/launches/<launch_id>/turns/<turn_id>/stop")
    def stop_turn(launch_id: str, turn_id: str) -> Response:
        context = current_launch(launch_id, even_off=True)
        if running.stop(launch_id, turn_id):
            services.audit.record("stop", Who.of(context), {"turn": turn_id})
        return Response(status=204)

    return routes


def _turn(
    services: Services, asked: _Asked, running: RunningTurns
) -> Iterator[bytes | Move | None]:
    """Run a turn, and keep it when it has ended, however it ended."""
    events: list[TurnEvent] = []
    told: list[Exchange] = []
    unsent: list[bytes] = []
    try:
        for event in _events(services, asked, told.append):
            if type(event) is TextContent and not unsent:
                # Nearly every event of an answer.
                events.append(event)
                yield encoded(event)
                continue
            if event is None:
                yield sse.one_write(unsent) if unsent else None
                unsent.clear()
                continue
            if isinstance(event, Move):
                yield event
                continue
            events.append(event)
            if event.type in TERMINAL:
                continue
            unsent.append(encoded(event))
            if not is_followed(event):
                yield sse.one_write(unsent)
                unsent.clear()
        _keep(services, asked, events, told)
        end = events[-1]
    except Exception as error:  # noqa: BLE001  # the boundary of a turn: above its thread nobody can say it
        end = _failed(error)
        with suppress(Exception):
            _keep(services, asked, [e for e in events if e.type not in TERMINAL] + [end], told)
    finally:
        asked.begun()
        running.end(asked.context.launch_id, asked.turn_id)
    # The end is told when the turn is kept and the next one may start, and never of a turn that was lost.
    yield sse.one_write([*unsent, encoded(end)])


def _events(
    services: Services, asked: _Asked, on_exchange: Callable[[Exchange], None]
) -> Iterator[TurnEvent | Move | None]:
    """Yield a turn's events; one that cannot begin says so like any other that fails."""
    context = asked.context
    try:
        # Held to the end: as long as a turn uses a chart, it stays the launch's only one. Whether the patient opted out
        # may have to be read, and Stop is heard meanwhile; where nothing has to be, a thread to wait for would only cost.
        if services.turns.at_hand(context):
            turn = services.turns.services(context, asked.model, on_exchange, ready=True)
        else:
            turn = yield from aside(
                lambda: services.turns.services(context, asked.model, on_exchange), asked.stop
            )
    except StoppedAside:
        if (why := asked.stop.why) is None:
            yield from stopped_before(context.launch_id, asked.turn_id)
        else:
            yield from never_began(context.launch_id, asked.turn_id, why, ())
        return
    except ModelFailed as error:
        ways = services.gate.ways(context, asked.model)
        yield from never_began(context.launch_id, asked.turn_id, error, ways)
        return
    except ChartsideError as error:
        yield from never_began(context.launch_id, asked.turn_id, error, ())
        return
    services.running.answers(context, asked.turn_id, turn.model_id)
    turn = replace(turn, on_model_asked=asked.begun, together=asked.together)
    yield from moving(turn, asked.question, asked.turn_id, asked.stop)


def _keep(
    services: Services, asked: _Asked, events: Sequence[TurnEvent], told: Sequence[Exchange]
) -> None:
    kept = [
        event.model_dump(by_alias=True, exclude_none=True, mode="json")
        for event in coalesce(events)
    ]
    value = {"turn_id": asked.turn_id, "question": asked.question, "events": kept}
    transcript = [turn for exchange in told for turn in pack(exchange)]
    services.conversations.add_turn(asked.context.launch_id, asked.turn_id, value, transcript)
    services.charts.keep(asked.context)


def _failed(error: Exception) -> RunErrorEvent:
    """Log where it failed, never what the error says (it may quote chart data), and return the public sentence."""
    known = error if isinstance(error, ChartsideError) else ChartsideError()
    log.error("turn.failed", extra={"error": type(error).__name__, "at": places(error)})
    return RunErrorEvent(message=known.public, code=known.code)


def _question() -> tuple[str, str, str]:
    """Return the turn id, the question, and the model asked for, of a request.

    Raises:
        TurnRefused: the body is not a RunAgentInput with a user message of reasonable length.
    """
    try:
        body = msgspec.json.decode(request.get_data(), type=_RunInput)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise TurnRefused("body is not a RunAgentInput") from error
    asked = [message.content for message in body.messages if message.role == "user"]
    question = asked[-1].strip() if asked else ""
    if not question or len(question) > MOST_QUESTION or not TURN_ID.fullmatch(body.run_id):
        raise TurnRefused("no question, too long, or no run id")
    return body.run_id, question, body.model
