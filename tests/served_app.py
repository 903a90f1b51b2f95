"""A program for gunicorn whose answers are what a test asks for: events before, among, and behind other answers."""

import json
import threading
from collections.abc import Iterator

from flask import Flask, Response, request

from app.llm.streams import Move, pause
from app.web import sse


def create() -> Flask:
    """Return the program: `/stream` says what its query asks for, `/seen` what became of it."""
    app = Flask("served")
    seen: dict[str, list[str]] = {}

    def events(name: str, count: int, size: int, gap_s: float) -> Iterator[bytes | Move | None]:
        here = seen[name] = []
        yield _said("before")
        yield Move.IN
        for number in range(count):
            yield _said(str(number), size)
            pause(gap_s)
        yield None
        yield Move.OUT
        here.append("out")
        yield _said("behind")
        here.append("end")

    @app.post("/stream")
    def stream() -> Response:
        name = request.args["name"]
        asked = (int(request.args["count"]), int(request.args.get("size", 0)), float(request.args.get("gap", 0)))  # fmt: skip
        client = sse.Client.of(request.environ) if request.args.get("together", "1") == "1" else None  # fmt: skip
        return sse.respond(events(name, *asked), lambda: seen[name].append("stop"), client)

    @app.get("/seen")
    def look() -> Response:
        return Response(json.dumps(seen), mimetype="application/json")

    return app


def _said(what: str, size: int = 0) -> bytes:
    return json.dumps({"is": what, "thread": threading.current_thread().name, "more": "x" * size}).encode()  # fmt: skip
