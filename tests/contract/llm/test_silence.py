"""A provider that falls silent is heard of each second by whoever reads it, in all dialects."""

from contextlib import closing
from itertools import islice

import pytest

from app.llm import connections
from app.llm.config import Timeouts
from app.llm.errors import ModelSlow
from app.llm.hang_up import HangUp
from app.llm.silence import apart
from tests.doubles.dialects import REQUEST, Wire
from tests.doubles.provider import Provider, stalls_after


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
