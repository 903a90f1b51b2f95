"""Turns of a launch: ask, stream, stop. Parses, finds the session, and hands over; nothing else."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import msgspec
from ag_ui.core import RunErrorEvent
from flask import Blueprint, Response, request

from app.agent.running import RunningTurns
from app.agent.stored import TERMINAL
from app.agent.turn import TurnEvent, coalesce, run
from app.audit.log import Who
from app.errors import ChartsideError, TurnRefused
from app.launch_context import LaunchContext
from app.llm.hang_up import HangUp
from app.web import sse
from app.web.errors import places
from app.web.session import current_launch
from app.wiring import Services

log = logging.getLogger("chartside.web")
TURN_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
MOST_QUESTION = 4_000


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    content: str = ""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One question on its way."""

    context: LaunchContext
    turn_id: str
    question: str
    stop: HangUp


class _RunInput(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of AG-UI's `RunAgentInput`: the last user message and the ids. The rest is the client's own claim."""

    run_id: Annotated[str, msgspec.Meta(max_length=64)] = msgspec.field(name="runId")
    messages: tuple[_Message, ...]


def blueprint(services: Services) -> Blueprint:
    """Return the routes of a live launch."""
    routes = Blueprint("chat", __name__)
    running = services.running

    @routes.post("/api/launches/<launch_id>/turns")
    def turn(launch_id: str) -> Response:
        context = current_launch(launch_id)
        turn_id, question = _question()
        stop = running.start(launch_id, turn_id)
        asked = _Asked(context=context, turn_id=turn_id, question=question, stop=stop)
        return sse.respond(_turn(services, asked, running), stop)

    @routes.post("/api/launches/<launch_id>/turns/<turn_id>/stop")
    def stop_turn(launch_id: str, turn_id: str) -> Response:
        context = current_launch(launch_id)
        if running.stop(launch_id, turn_id):
            services.audit.record("stop", Who.of(context), {"turn": turn_id})
        return Response(status=204)

    return routes


def _turn(services: Services, asked: _Asked, running: RunningTurns) -> Iterator[bytes]:
    """Run a turn, and keep it when it has ended, however it ended."""
    events: list[TurnEvent] = []
    try:
        # Held to the end: as long as a turn uses a chart, it stays the launch's only one.
        turn = services.turn(asked.context)
        for event in run(turn, asked.question, asked.turn_id, asked.stop):
            events.append(event)
            if event.type not in TERMINAL:
                yield _encoded(event)
        _keep(services, asked, events)
        end = events[-1]
    except Exception as error:  # noqa: BLE001  # the boundary of a turn: above its thread nobody can say it
        end = _failed(error)
        with suppress(Exception):
            _keep(services, asked, [e for e in events if e.type not in TERMINAL] + [end])
    finally:
        running.end(asked.context.launch_id, asked.turn_id)
    # The end is told when the turn is kept and the next one may start, and never of a turn that was lost.
    yield _encoded(end)


def _keep(services: Services, asked: _Asked, events: Sequence[TurnEvent]) -> None:
    kept = [
        event.model_dump(by_alias=True, exclude_none=True, mode="json")
        for event in coalesce(events)
    ]
    value = {"turn_id": asked.turn_id, "question": asked.question, "events": kept}
    services.conversations.add_turn(asked.context.launch_id, asked.turn_id, value)
    services.charts.keep(asked.context)


def _failed(error: Exception) -> RunErrorEvent:
    """Log where it failed, never what the error says (it may quote chart data), and return the public sentence."""
    known = error if isinstance(error, ChartsideError) else ChartsideError()
    log.error("turn.failed", extra={"error": type(error).__name__, "at": places(error)})
    return RunErrorEvent(message=known.public, code=known.code)


def _encoded(event: TurnEvent) -> bytes:
    return event.model_dump_json(by_alias=True, exclude_none=True).encode()


def _question() -> tuple[str, str]:
    """Return the turn id and the question of a request.

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
    return body.run_id, question
