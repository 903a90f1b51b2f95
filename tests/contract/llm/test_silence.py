"""How a provider is waited for, in all dialects: its silence is told each second, what came meanwhile is one piece."""

import threading
from contextlib import closing
from itertools import islice

import pytest

from app.llm import connections
from app.llm.config import Timeouts
from app.llm.errors import ModelSlow
from app.llm.hang_up import HangUp
from app.llm.port import TextDelta
from app.llm.silence import apart
from tests.doubles.dialects import REQUEST, Wire
from tests.doubles.provider import STREAM_HEAD, Connection, Provider, stalls_after


@pytest.fixture(autouse=True)
def _short_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENCE_S", 0.02)


def test_each_second_of_silence_is_told_below_the_sdk(wire: Wire) -> None:
    with Provider(stalls_after(wire.text()[:6])) as provider:
        hang_up = HangUp()
        stream = wire.model(provider.url).stream(REQUEST, hang_up)
        first = next(stream)
        with closing(apart(stream)) as events:
            silences = list(islice((e for e in events if e is None), 3))
            hang_up.set()
        assert (first is not None, silences) == (True, [None] * 3)
        assert provider.connections[0].left.wait(10)


def test_a_silence_that_is_told_is_still_too_long_in_the_end(wire: Wire) -> None:
    short = Timeouts(between_bytes_s=0.1)
    with Provider(stalls_after(wire.text()[:6])) as provider:
        stream = wire.model(provider.url, short).stream(REQUEST, HangUp())
        told: list[object] = []
        with closing(apart(stream)) as events, pytest.raises(ModelSlow):
            told.extend(events)
    assert None in told


def test_words_that_came_while_nobody_read_are_one_piece(wire: Wire) -> None:
    """A process that is behind then shows many words at the cost of one."""
    go_on = threading.Event()
    pieces = tuple(f"word{n} " for n in range(20))
    written = wire.text(pieces=pieces)
    at = next(n for n, event in enumerate(written) if b"delta" in event and b"word0 " in event) + 1

    def halves(connection: Connection) -> None:
        connection.send(STREAM_HEAD + b"".join(written[:at]))
        go_on.wait(10)
        connection.send(b"".join(written[at:]))

    with Provider(halves) as provider:
        stream = wire.model(provider.url).stream(REQUEST, HangUp())
        first = next(stream)
        with closing(apart(stream)) as events:
            assert next(events) is None
            go_on.set()
            said = [e.text for e in events if isinstance(e, TextDelta)]
    assert isinstance(first, TextDelta)
    assert [first.text, *said] == [pieces[0], "".join(pieces[1:])]
