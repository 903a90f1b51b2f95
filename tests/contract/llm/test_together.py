"""All dialects in the thread where answers stream together: the same words, none waits for another, Stop is heard."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.agent.hearing import heard
from app.llm import connections, streams
from app.llm.config import Timeouts
from app.llm.errors import ModelCut, ModelSlow
from app.llm.hang_up import HangUp
from app.llm.port import Done, Model, ModelEvent, TextDelta
from app.llm.streams import Streams
from tests.doubles.dialects import REQUEST, Wire
from tests.doubles.provider import STREAM_HEAD, Connection, Provider, stalls_after

pytestmark = pytest.mark.skipif(not streams.HAVE, reason="answers keep their threads here")
PIECES = tuple(f"word{n} " for n in range(12))
SAID = "".join(PIECES)


def _first(events: Iterator[ModelEvent | None]) -> ModelEvent:
    return next(event for event in events if event is not None)


def _read(
    model: Model, stop: HangUp, together: Streams, begun: threading.Event | None = None
) -> list[ModelEvent | None]:
    """Read an answer as a turn does: its first event here, the rest among the others."""
    events = heard(lambda hang_up: model.stream(REQUEST, hang_up), stop)
    found: list[ModelEvent | None] = [_first(events)]
    threads: set[str] = set()

    def rest() -> None:
        if begun:
            begun.set()
        for event in events:
            threads.add(threading.current_thread().name)
            found.append(event)

    together.run(rest)
    assert threads <= {"streams"}
    return found


def _text(events: list[ModelEvent | None]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def _slowly(wire: Wire, gap_s: float, *, step: int = 0) -> Callable[[Connection], None]:
    """Write an answer event by event, or `step` bytes at a time, with gaps."""

    def write(connection: Connection) -> None:
        connection.send(STREAM_HEAD)
        events = wire.text(pieces=PIECES)
        whole = b"".join(events)
        pieces = (
            [whole[at : at + step] for at in range(0, len(whole), step)] if step else list(events)
        )
        for piece in pieces:
            connection.send(piece)
            time.sleep(gap_s)

    return write


@pytest.mark.parametrize("tls_on", [False, True], ids=["plain", "tls"])
def test_answers_of_a_provider_stream_at_once_and_whole(
    wire: Wire, tls: ssl.SSLContext, tls_on: bool
) -> None:
    with Provider(_slowly(wire, 0.02), tls=tls if tls_on else None) as provider:
        model, together = wire.model(provider.url), Streams()
        began_s = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            read = [pool.submit(_read, model, HangUp(), together) for _ in range(6)]
            answers = [one.result(timeout=60) for one in read]
        took_s = time.monotonic() - began_s
    alone_s = 0.02 * len(wire.text(pieces=PIECES))
    assert [_text(answer) for answer in answers] == [SAID] * 6
    assert all(isinstance(answer[-1], Done) for answer in answers)
    # One after the other they would take six times as long.
    assert took_s < 4 * alone_s + 2


def test_an_answer_that_comes_byte_by_byte_is_read_through_tls(
    wire: Wire, tls: ssl.SSLContext
) -> None:
    with Provider(_slowly(wire, 0.0002, step=7), tls=tls) as provider:
        assert _text(_read(wire.model(provider.url), HangUp(), Streams())) == SAID


def test_a_silence_is_told_and_ends_the_answer_when_it_is_too_long(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SILENCE_S", 0.02)
    with Provider(stalls_after(wire.text(pieces=PIECES)[:6])) as provider:
        model = wire.model(provider.url, Timeouts(between_bytes_s=0.15))
        events = heard(lambda hang_up: model.stream(REQUEST, hang_up), HangUp())
        _first(events)
        told: list[object] = []
        with pytest.raises(ModelSlow):
            Streams().run(lambda: told.extend(events))
    assert None in told


def test_stop_ends_an_answer_that_waits_and_the_provider_sees_it(wire: Wire) -> None:
    stop, together, begun = HangUp(), Streams(), threading.Event()
    with Provider(stalls_after(wire.text(pieces=PIECES)[:6])) as provider:
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(_read, wire.model(provider.url), stop, together, begun)
            assert provider.waiting.wait(10)
            assert begun.wait(10)
            stop.set()
            assert not any(isinstance(e, Done) for e in reading.result(timeout=10))
        assert provider.connections[0].left.wait(10)


def test_one_that_breaks_does_not_touch_the_others(wire: Wire) -> None:
    together = Streams()

    def cut(connection: Connection) -> None:
        connection.send(STREAM_HEAD + b"".join(wire.text(pieces=PIECES)[:6]))

    with Provider(cut) as broken, Provider(_slowly(wire, 0.02)) as whole, ThreadPoolExecutor(2) as pool:  # fmt: skip
        good = pool.submit(_read, wire.model(whole.url), HangUp(), together)
        bad = pool.submit(_read, wire.model(broken.url), HangUp(), together)
        with pytest.raises(ModelCut):
            bad.result(timeout=30)
        assert _text(good.result(timeout=30)) == SAID


def test_one_that_never_has_to_wait_leaves_the_others_their_turns(wire: Wire) -> None:
    """A provider that writes faster than is read: nothing would ever be waited for."""
    many = tuple(f"word{n} " * 40 for n in range(400))
    shown: list[str] = []

    def at_once(connection: Connection) -> None:
        connection.send(STREAM_HEAD + b"".join(wire.text(pieces=many)))

    def read(name: str, model: Model, together: Streams) -> None:
        events = heard(lambda hang_up: model.stream(REQUEST, hang_up), HangUp())
        _first(events)

        def rest() -> None:
            for event in events:
                shown.extend([name] if isinstance(event, TextDelta) else [])

        together.run(rest)

    together = Streams()
    with Provider(at_once) as fast, ThreadPoolExecutor(2) as pool:
        both = [pool.submit(read, name, wire.model(fast.url), together) for name in "ab"]
        for one in both:
            one.result(timeout=60)
    last = {name: len(shown) - 1 - shown[::-1].index(name) for name in "ab"}
    first = {name: shown.index(name) for name in "ab"}
    # Their words stand between each other's, unless one was over before the other began.
    assert max(first.values()) < min(last.values()) or shown == sorted(shown)
    assert shown.count("a") > 50


def test_one_that_sends_much_and_says_nothing_leaves_the_others_their_turns(wire: Wire) -> None:
    """Comments, or the arguments of a tool: nothing to hand out, and nothing that is waited for."""
    events = wire.text(pieces=PIECES)
    noise = b": nothing to say\n\n" * 60_000

    def noisy(connection: Connection) -> None:
        connection.send(STREAM_HEAD + b"".join(events[:6]) + noise + b"".join(events[6:]))

    together, over, turns = Streams(), threading.Event(), [0]

    def count() -> None:
        while not over.is_set():
            turns[0] += 1
            streams.pause(0.0005)

    with Provider(noisy) as provider, ThreadPoolExecutor(2) as pool:
        counting = pool.submit(together.run, count)
        said = pool.submit(_read, wire.model(provider.url), HangUp(), together).result(timeout=60)
        over.set()
        counting.result(timeout=10)
    assert _text(said) == SAID
    # A megabyte, and others run at the latest after each 32 kB.
    assert turns[0] > len(noise) / connections.MOST_AT_ONCE / 2
