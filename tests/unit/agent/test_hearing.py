"""A model is heard in its reader's thread: in order, each word at once, its silences told, ended by Stop."""

import threading
from collections.abc import Iterator

import pytest

from app.agent import aside
from app.agent.hearing import heard
from app.llm.hang_up import HangUp
from app.llm.port import Done, ModelEvent, TextDelta, ToolCall
from app.llm.silence import MOST_JOINED, silent, waits

CALL = ToolCall(id="1", name="chart_results", arguments="{}")


def words(events: Iterator[ModelEvent | None]) -> list[str]:
    return [
        e.text if isinstance(e, TextDelta) else type(e).__name__ for e in events if e is not None
    ]


def test_everything_arrives_in_order_and_one_by_one() -> None:
    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        yield TextDelta(text="b")
        yield CALL
        yield TextDelta(text="c")
        yield Done(stop="end")

    assert words(heard(model, HangUp())) == ["a", "b", "ToolCall", "c", "Done"]
    assert words(heard(lambda _: iter(()), HangUp())) == []


def test_what_follows_the_first_word_is_heard_in_the_readers_own_thread() -> None:
    """With hundreds of answers, one more thread to wake for each word is what costs."""
    seen: list[threading.Thread] = []

    def model(_: HangUp) -> Iterator[ModelEvent]:
        for word in ("a", "b", "c"):
            seen.append(threading.current_thread())
            yield TextDelta(text=word)

    assert words(heard(model, HangUp())) == ["a", "b", "c"]
    here = threading.current_thread()
    assert [thread is here for thread in seen] == [False, True, True]


def test_a_silence_before_the_first_word_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "SILENCE_S", 0.01)
    go_on = threading.Event()

    def model(_: HangUp) -> Iterator[ModelEvent]:
        go_on.wait(10)
        yield Done(stop="end")

    events = heard(model, HangUp())
    assert next(events) is None
    go_on.set()
    assert words(events) == ["Done"]


def test_a_silence_between_words_is_told_from_deep_within() -> None:
    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        silent()  # as our connections do, below a vendor's SDK
        silent()
        yield TextDelta(text="b")

    assert list(heard(model, HangUp())) == [TextDelta(text="a"), None, None, TextDelta(text="b")]
    silent()  # nobody reads: nothing happens


def test_words_are_joined_until_the_model_waits_and_nothing_is_kept_over_a_wait() -> None:
    """A late answer has several words to read at once, and shows them at the cost of one."""
    seen: list[object] = []

    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="first ")
        yield TextDelta(text="before any wait ")
        waits()  # as our connections do before they read
        yield TextDelta(text="a ")
        yield TextDelta(text="b ")
        yield CALL
        yield TextDelta(text="c ")
        yield TextDelta(text="d ")
        waits()
        assert seen[-1] == TextDelta(text="c d ")
        waits()
        yield TextDelta(text="e ")
        silent()
        yield TextDelta(text="f ")
        yield TextDelta(text="g")
        yield Done(stop="end")

    for event in heard(model, HangUp()):
        seen.append(event)  # noqa: PERF402  # the model looks at it meanwhile
    assert ["" if e is None else words(iter([e]))[0] for e in seen] == [  # type: ignore[list-item]
        "first ", "before any wait ", "a b ", "ToolCall", "c d ", "e ", "", "f g", "Done",
    ]  # fmt: skip
    waits()  # nobody reads: nothing happens


def test_words_that_come_without_end_are_shown_in_pieces() -> None:
    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="first")
        waits()
        while True:
            yield TextDelta(text="word ")

    events = heard(model, HangUp())
    said = words(event for _, event in zip(range(3), events, strict=False))
    events.close()
    assert said == ["first", *["word " * (MOST_JOINED // 5)] * 2]


def test_it_is_told_when_the_provider_is_waited_for_or_has_answered_without() -> None:
    told: list[str] = []

    def waiting(_: HangUp) -> Iterator[ModelEvent]:
        told.append("sent")
        waits()
        told.append("answers")
        waits()
        yield TextDelta(text="a")
        waits()
        yield Done(stop="end")

    def at_once(_: HangUp) -> Iterator[ModelEvent]:
        yield Done(stop="end")

    def broken(_: HangUp) -> Iterator[ModelEvent]:
        yield from ()
        raise ValueError("no key")

    list(heard(waiting, HangUp(), lambda: told.append("asked")))
    list(heard(at_once, HangUp(), lambda: told.append("at once")))
    with pytest.raises(ValueError, match="no key"):
        list(heard(broken, HangUp(), lambda: told.append("broken")))
    assert told == ["sent", "asked", "answers", "at once", "broken"]


def test_words_before_an_error_are_heard_before_it() -> None:
    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="first ")
        waits()
        yield TextDelta(text="a ")
        yield TextDelta(text="b ")
        raise ValueError("cut")

    events = heard(model, HangUp())
    assert words(iter([next(events), next(events)])) == ["first ", "a b "]
    with pytest.raises(ValueError, match="cut"):
        next(events)


def test_stop_ends_a_model_that_says_nothing_yet() -> None:
    stop, hung_up, waits = HangUp(), threading.Event(), threading.Event()

    def model(hang_up: HangUp) -> Iterator[ModelEvent]:
        with hang_up.ends(hung_up.set):
            waits.set()
            hung_up.wait(30)
        yield TextDelta(text="too late")

    def press() -> None:
        assert waits.wait(10)
        stop.set()

    threading.Thread(target=press).start()
    assert words(heard(model, stop)) == []
    assert hung_up.is_set()


def test_stop_ends_a_model_that_fell_silent() -> None:
    stop, hung_up = HangUp(), threading.Event()

    def model(hang_up: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        with hang_up.ends(hung_up.set):
            threading.Thread(target=stop.set).start()
            hung_up.wait(30)

    assert words(heard(model, stop)) == ["a"]
    assert hung_up.is_set()


@pytest.mark.parametrize("where", ["between words", "in a silence"])
def test_leaving_ends_the_call_and_closes_the_stream(where: str) -> None:
    calls: list[HangUp] = []
    closed, stop = threading.Event(), HangUp()

    def model(hang_up: HangUp) -> Iterator[ModelEvent]:
        calls.append(hang_up)
        try:
            while True:
                yield TextDelta(text="word ")
                if where == "in a silence":
                    silent()
        finally:
            silent()  # what is left to read takes long: nobody is told any more
            closed.set()

    events = heard(model, stop)
    assert [next(events), next(events)][-1] in (None, TextDelta(text="word "))
    events.close()
    assert closed.is_set()
    assert (calls[0].is_set(), stop.is_set()) == (True, False)


def test_an_error_of_the_model_is_raised_here() -> None:
    def model(_: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="a")
        raise ValueError("cut")

    def broken(_: HangUp) -> Iterator[ModelEvent]:
        raise ValueError("cut")

    for begin in (model, broken):
        with pytest.raises(ValueError, match="cut"):
            list(heard(begin, HangUp()))


def test_a_model_faster_than_its_reader_waits() -> None:
    written = 0

    def model(_: HangUp) -> Iterator[ModelEvent]:
        nonlocal written
        for _number in range(1_000):
            written += 1
            yield CALL

    events = heard(model, HangUp())
    next(events)
    assert written == 1
    events.close()
