"""The two programs that the stream bench compares under the same gunicorn: Chartside, and the least Flask can do.

Both stream the same words at the same pace. Chartside's model is scripted: everything after the model is real, from
the launch key to the grounding, the audit and the sealed conversation.
"""

import gc
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask, Response

from app.launch_context import LaunchContext
from app.llm.catalog import Catalog
from app.llm.config import ModelConfig
from app.llm.hang_up import HangUp
from app.llm.no_llm import NoLanguageModel
from app.llm.port import Done, ModelEvent, Request, TextDelta
from app.llm.silence import waits
from app.llm.streams import pause
from app.llm.synonyms import load
from app.smart.tokens import Tokens
from tests.ndjson_source import NdjsonSource, launch, manifest, resources
from tests.stack import Stack, make_stack

SENTENCE = (
    "The chart shows no change that a rule can compare, and this sentence goes on for a while. "
)
WORDS = [f"{word} " for word in SENTENCE.split()]
TOKEN_S = 0.02


def paced(
    tokens: int,
    before_wait: Callable[[], None] = lambda: None,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Yield words, one each 20 ms from now on; a late word does not move the next one, and is not waited for."""
    started_s = time.monotonic()
    for number in range(tokens):
        wait_s = started_s + (number + 1) * TOKEN_S - time.monotonic()
        if wait_s > 0:
            before_wait()
            wait(wait_s)
        yield WORDS[number % len(WORDS)]


def bare() -> Flask:
    """Return a Flask app that streams and does nothing else."""
    app = Flask("bare")

    def body() -> Iterator[bytes]:
        for word in paced(int(os.environ["STREAM_TOKENS"])):
            event = {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m1", "delta": word}
            yield b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"
        yield b'data: {"type":"RUN_FINISHED"}\n\n'

    @app.post("/api/launches/<launch_id>/turns")
    def turns(launch_id: str) -> Response:  # noqa: ARG001  # the address is the same
        return Response(body(), mimetype="text/event-stream")

    return app


class Paced:
    """A language model that writes at the pace of the bench."""

    name, version, key = "Paced", "1", "paced:1"
    language_model = together = True

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:  # noqa: ARG002  # as the port
        """Yield the words, then the end; it tells before it waits and waits among others, as a provider's connection does."""
        for word in paced(int(os.environ["STREAM_TOKENS"]), waits, pause):
            yield TextDelta(text=word)
        yield Done(stop="end")

    def warm(self, request: Request) -> None:
        """Do nothing."""


def chartside() -> Flask:
    """Return Chartside with live launches, their keys in STREAM_KEYS; each has read its chart."""
    source = NdjsonSource(resources("marlena"), manifest("marlena")["patient"])
    template = launch("marlena").context
    model = ModelConfig(
        id="paced", label="Paced", dialect="chat", client="compatible", model="1", local=True
    )
    adapter: Any = SimpleNamespace(build=lambda *_: Paced(), offered=lambda *_: ())
    catalog = Catalog([(model, "")], NoLanguageModel(load()), adapter=lambda _: adapter)
    stack = make_stack(Path(tempfile.mkdtemp(prefix="chartside-bench-")), catalog=catalog)
    services = stack.services
    services.charts._source_of = lambda _: source  # the EHR is not what is measured
    keys = []
    for _ in range(int(os.environ["STREAM_LAUNCHES"])):
        launch_id, key, found = _launched(stack, template)
        # What a launch does as soon as its card was read.
        services.charts.get(found).first_read()
        services.turns._warm(found)
        keys.append((launch_id, key))
    # Charts of launches are many small objects that live long.
    gc.collect()
    gc.freeze()
    Path(os.environ["STREAM_KEYS"]).write_text(json.dumps(keys))
    return stack.app


def _launched(stack: Stack, template: LaunchContext) -> tuple[str, str, LaunchContext]:
    tokens = Tokens(access_token="bench", life_s=86_400.0)
    new, found = stack.services.sessions.create(
        lambda launch_id: replace(template, launch_id=launch_id, registration="sandbox"), tokens
    )
    return new.launch_id, new.key, found
