"""Turns of a launch: ask, stream, stop. Parses, finds the session, and hands over; nothing else."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request

from app.agent.running import RunningTurns
from app.agent.turn import TurnEvent, coalesce, run
from app.audit.log import Who
from app.errors import TurnRefused
from app.launch_context import LaunchContext
from app.web import sse
from app.web.session import current_launch
from app.wiring import Services

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
    stop: threading.Event


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
    launch_id, turn_id = asked.context.launch_id, asked.turn_id
    events: list[TurnEvent] = []
    try:
        for event in run(services.turn(asked.context), asked.question, turn_id, asked.stop):
            events.append(event)
            yield _encoded(event)
    finally:
        running.end(launch_id, turn_id)
        kept = [
            event.model_dump(by_alias=True, exclude_none=True, mode="json")
            for event in coalesce(events)
        ]
        value = {"turn_id": turn_id, "question": asked.question, "events": kept}
        services.conversations.add_turn(launch_id, turn_id, value)
        services.charts.keep(asked.context)


def _encoded(event: TurnEvent) -> bytes:
    return event.model_dump_json(by_alias=True, exclude_none=True).encode()


def _question() -> tuple[str, str]:
    """Return the turn id and the question of a request.

    Raises:
        TurnRefused: the body is not a RunAgentInput with a user message of reasonable length.
    """
    try:
        body = msgspec.json.decode(request.get_data(), type=_RunInput)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise TurnRefused("body is not a RunAgentInput") from error
    asked = [message.content for message in body.messages if message.role == "user"]
    question = asked[-1].strip() if asked else ""
    if not question or len(question) > MOST_QUESTION or not TURN_ID.fullmatch(body.run_id):
        raise TurnRefused("no question, too long, or no run id")
    return body.run_id, question
