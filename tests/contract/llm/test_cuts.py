"""A stream without its end is never an answer, wherever and however it is cut."""

import time

import pytest

from app.llm import openai_chat
from app.llm.config import Timeouts
from app.llm.errors import ModelCut, ModelFailed, ModelSlow
from app.llm.hang_up import HangUp
from app.llm.port import Done, Model, ModelEvent
from tests.doubles.dialects import CHAT, REQUEST, WIRES, Wire, heard
from tests.doubles.provider import Provider, Step, answers, drips, stalls_after, streams_chunked
from tests.doubles.provider import streams as sends
from tests.doubles.streams import Events

KINDS = ("text", "tools")
EACH = [(wire, kind) for wire in WIRES for kind in KINDS]
NAMES = [f"{wire.name}: {kind}" for wire, kind in EACH]
MALFORMED = (
    b"data: {not json}\n\n", b"data: [1, 2]\n\n", b"data: \xff\xfe\n\n", b"data: " + b"[" * 100_000 + b"\n\n",
    b'data: {"choices": 7, "type": 7, "usage": "x"}\n\n',
)  # fmt: skip


def fragments(events: Events) -> list[Events]:
    """Return every beginning of a stream: after each event, and in the middle of the next."""
    found: list[Events] = []
    for at in range(len(events)):
        half = events[at][: len(events[at]) // 2]
        found += [events[:at], [*events[:at], half], [*events[:at], events[at].rstrip(b"\n")]]
    return found


def outcome(model: Model) -> tuple[list[ModelEvent], type[Exception] | None]:
    said: list[ModelEvent] = []
    try:
        for event in model.stream(REQUEST, HangUp()):
            said.append(event)  # noqa: PERF402  # what came before the error counts
    except ModelFailed as error:
        return said, type(error)
    return said, None


@pytest.mark.parametrize(("wire", "kind"), EACH, ids=NAMES)
def test_a_stream_that_is_closed_too_early_is_cut(wire: Wire, kind: str) -> None:
    """A clean FIN, as from a proxy that is idle for too long: the vendors' SDKs end without an error."""
    cuts = fragments(wire.text() if kind == "text" else wire.tools())
    with Provider(*(sends(cut) for cut in cuts)) as provider:
        model = wire.model(provider.url)
        outcomes = [outcome(model) for _ in cuts]
    assert [error for _, error in outcomes] == [ModelCut] * len(cuts)
    assert not any(isinstance(event, Done) for said, _ in outcomes for event in said)


@pytest.mark.parametrize(("wire", "kind"), EACH, ids=NAMES)
def test_a_connection_that_breaks_in_the_answer_is_cut(wire: Wire, kind: str) -> None:
    cuts = fragments(wire.text() if kind == "text" else wire.tools())
    steps: list[Step] = [streams_chunked([e for e in cut if e], whole=False) for cut in cuts]
    with Provider(*steps) as provider:
        model = wire.model(provider.url)
        outcomes = [outcome(model) for _ in cuts]
    assert [error for _, error in outcomes] == [ModelCut] * len(cuts)


@pytest.mark.parametrize("bad", MALFORMED, ids=["braces", "list", "not UTF-8", "deep", "types"])
def test_nonsense_in_a_stream_is_a_failure_of_the_model(wire: Wire, bad: bytes) -> None:
    events = wire.text()
    with Provider(sends([*events[:3], bad])) as provider:
        _, error = outcome(wire.model(provider.url))
    assert error in (ModelFailed, ModelCut)


def test_an_answer_that_is_no_stream_is_cut(wire: Wire) -> None:
    """A server that takes no notice of `stream`, and a portal's page."""
    with Provider(answers({"content": "whole"}), answers(b"<html>")) as provider:
        assert [outcome(wire.model(provider.url))[1] for _ in range(2)] == [ModelCut, ModelCut]


def test_silence_in_the_answer_is_slow(wire: Wire) -> None:
    times = Timeouts(connect_s=2, first_byte_s=5, between_bytes_s=0.2, total_s=10)
    with Provider(stalls_after(wire.text()[:6])) as provider, pytest.raises(ModelSlow):
        heard(wire.model(provider.url, times))


def test_no_answer_is_slow(wire: Wire) -> None:
    times = Timeouts(connect_s=2, first_byte_s=0.2, between_bytes_s=5, total_s=10)
    with Provider(stalls_after([])) as provider, pytest.raises(ModelSlow):
        heard(wire.model(provider.url, times))


def test_signs_of_life_without_an_answer_are_slow_in_the_end(wire: Wire) -> None:
    """Comments every few milliseconds never let a wait run out; the whole call does."""
    times = Timeouts(connect_s=2, first_byte_s=5, between_bytes_s=5, total_s=0.4)
    with Provider(drips(b": still here\n\n", 0.02)) as provider, pytest.raises(ModelSlow):
        heard(wire.model(provider.url, times))


def test_what_comes_after_the_end_is_not_waited_for(wire: Wire) -> None:
    """The server keeps its connection open and goes on sending comments."""
    begun = time.monotonic()
    with Provider(drips(b": still here\n\n", 0.02, wire.text())) as provider:
        assert isinstance(heard(wire.model(provider.url))[-1], Done)
        assert time.monotonic() - begun < 4


def test_a_server_that_never_says_done_may_end_by_its_reason() -> None:
    """The trial of a compatible server tells; for the others the reason alone is no end."""
    bare = [e for e in CHAT.text() if b"[DONE]" not in e]
    tried = [e for e in CHAT.tools([("c", "report_ready", "{}")]) if b"[DONE]" not in e]
    with Provider(sends(tried), sends(bare), sends(bare[:-2])) as provider:
        model = openai_chat.build(CHAT.config(provider.url, client="compatible"), "")
        try:
            assert isinstance(heard(model)[-1], Done)
            with pytest.raises(ModelCut):
                heard(model)
        finally:
            model.close()
