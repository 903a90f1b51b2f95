"""A model is heard in a thread of its own: joined, in order, ended by Stop wherever it waits."""

import threading
from collections.abc import Iterator

import pytest

from app.agent import hearing
from app.agent.hearing import heard
from app.llm.hang_up import HangUp
from app.llm.port import Done, ModelEvent, TextDelta, ToolCall

CALL = ToolCall(id="1", name="chart_results", arguments="{}")


def words(events: Iterator[ModelEvent | None]) -> list[str]:
    return [
        e.text if isinstance(e, TextDelta) else type(e).__name__ for e in events if e is not None
    ]


def test_everything_arrives_in_order_and_text_that_waits_is_joined() -> None:
    written = threading.Event()

    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        yield TextDelta(text="b")
        yield CALL
        yield TextDelta(text="c")
        yield Done(stop="end")
        written.set()

    events = heard(model, HangUp())
    first = next(events)
    assert written.wait(10)
    assert isinstance(first, TextDelta)
    rest = words(events)
    assert [first.text + rest[0], *rest[1:]] in (
        ["ab", "ToolCall", "c", "Done"],
        ["abToolCall", "c", "Done"],
    )


def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "SILENCE_S", 0.01)
    go_on = threading.Event()

    def model(_: HangUp) -> Iterator[ModelEvent]:
        go_on.wait(10)
        yield Done(stop="end")

    events = heard(model, HangUp())
    assert next(events) is None
    go_on.set()
    assert words(events) == ["Done"]


def test_stop_ends_a_model_that_says_nothing() -> None:
    stop, hung_up, waits = HangUp(), threading.Event(), threading.Event()

    def model(hang_up: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        with hang_up.ends(hung_up.set):
            waits.set()
            hung_up.wait(30)

    events = heard(model, stop)
    assert next(events) == TextDelta(text="a")
    assert waits.wait(10)
    threading.Timer(0.05, stop.set).start()
    assert words(events) == []
    assert hung_up.is_set()


def test_leaving_ends_the_call_and_closes_the_stream() -> None:
    closed, stop = threading.Event(), HangUp()

    def model(hang_up: HangUp) -> Iterator[ModelEvent]:
        try:
            while True:
                yield TextDelta(text="word ")
        finally:
            closed.set()

    events = heard(model, stop)
    next(events)
    events.close()
    assert closed.wait(10)
    assert not stop.is_set()


def test_an_error_of_the_model_is_raised_here() -> None:
    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        list(heard(model, HangUp()))


def test_a_model_faster_than_its_reader_waits() -> None:
    written = 0

    def model(_: HangUp) -> Iterator[ModelEvent]:
        nonlocal written
        for _number in range(10 * hearing.MOST_WAITING):
            written += 1
            yield CALL

    events = heard(model, HangUp())
    next(events)
    assert written <= hearing.MOST_WAITING + 3
    events.close()
