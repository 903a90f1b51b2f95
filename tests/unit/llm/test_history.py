"""What a model is told of earlier turns: well-formed however they ended, and shortened in steps."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.history import (
    NOT_COMPLETE,
    NOT_RUN,
    SHORT,
    Exchange,
    Recorder,
    history,
    most_characters,
    pack,
    unpack,
)
from app.llm.port import AssistantTurn, Native, Reply, ToolCall, ToolTurn, Turn, UserTurn

HANDLES = re.compile(r"[A-Z]\d+")


def call(n: int) -> ToolCall:
    return ToolCall(id=f"c{n}", name="chart_results", arguments="{}")


def exchange(n: int, size: int = 3_000) -> Exchange:
    text = f"L{n} potassium, L{n + 100} sodium " + "x" * size
    reply = Reply(call_id="c1", name="chart_results", text=text)
    return (
        UserTurn(text=f"Question {n}?", context="Now: today."),
        AssistantTurn(text="", calls=(call(1),)),
        ToolTurn(replies=(reply,)),
        AssistantTurn(text=f"Answer {n} [L{n}]."),
    )


def told(exchanges: list[Exchange], most: int, key: str = "k") -> tuple[Turn, ...]:
    return history(exchanges, key, HANDLES.findall, most)


def well_formed(turns: tuple[Turn, ...]) -> bool:
    """Every look-up is answered in the next turn, and a question follows an end only."""
    for at, turn in enumerate(turns):
        after = turns[at + 1] if at + 1 < len(turns) else None
        if isinstance(turn, AssistantTurn) and turn.calls:
            replies = after.replies if isinstance(after, ToolTurn) else ()
            if [c.id for c in turn.calls] != [r.call_id for r in replies]:
                return False
        if isinstance(turn, AssistantTurn) and not turn.calls and not turn.text:
            return False
    return not turns or (isinstance(turns[0], UserTurn) and isinstance(turns[-1], AssistantTurn))


@given(
    st.lists(st.integers(0, 3), max_size=4),
    st.integers(0, 3),
    st.lists(st.text(max_size=20), max_size=3),
)
def test_however_a_turn_ended_its_transcript_is_well_formed(
    rounds: list[int], answered: int, words: list[str]
) -> None:
    recorder = Recorder(question=UserTurn(text="?"))
    for at, calls in enumerate(rounds):
        recorder.asks(AssistantTurn(text="", calls=tuple(call(n) for n in range(calls + 1))))
        last = at == len(rounds) - 1
        for n in range(min(answered, calls + 1) if last else calls + 1):
            recorder.gets(Reply(call_id=f"c{n}", name="t", text="found"))
    recorder.answer.extend(words)
    assert well_formed(recorder.exchange())
    assert unpack(pack(recorder.exchange())) == recorder.exchange()


def test_a_stopped_turn_says_what_was_not_run_and_that_it_is_not_complete() -> None:
    recorder = Recorder(question=UserTurn(text="?"))
    recorder.asks(AssistantTurn(text="Well.", calls=(call(1), call(2))))
    recorder.gets(Reply(call_id="c1", name="t", text="found"))
    _, _, tools, end = recorder.exchange()
    assert [(r.text, r.is_error) for r in tools.replies] == [  # type: ignore[union-attr]
        ("found", False),
        (NOT_RUN, True),
    ]
    assert end == AssistantTurn(text=NOT_COMPLETE)


def test_a_turn_that_left_nothing_is_not_told() -> None:
    assert Recorder(question=UserTurn(text="?")).exchange() == ()


def test_a_providers_own_blocks_go_to_their_own_model_only() -> None:
    native = Native(key="k", blocks=[{"type": "thinking", "signature": "s"}])
    one: Exchange = (UserTurn(text="?"), AssistantTurn(text="Yes.", native=native))
    assert unpack(pack(one)) == one
    assert told([one], 10_000, "k") == one
    assert told([one], 10_000, "other") == (one[0], AssistantTurn(text="Yes."))


def test_older_look_ups_become_one_line_that_keeps_their_handles() -> None:
    turns = told([exchange(n) for n in range(1, 6)], 12_000)
    replies = [t.replies[0].text for t in turns if isinstance(t, ToolTurn)]
    assert replies[0] == "Shown before: L1 L101. Look up again for values."
    assert len(replies[-1]) > 3_000
    assert [t.text for t in turns if isinstance(t, UserTurn)] == [
        f"Question {n}?" for n in range(1, 6)
    ]
    assert well_formed(turns)


def test_the_oldest_are_left_out_last_and_it_is_said() -> None:
    every = [exchange(n, SHORT - 40) for n in range(1, 40)]
    turns = told(every, 4_000)
    first = turns[0]
    assert isinstance(first, UserTurn)
    count = int(re.findall(r"^(\d+) earlier questions", first.context)[0])
    assert first.text == f"Question {count + 1}?"
    assert first.context.endswith("Now: today.")
    assert turns[-1] == every[-1][-1]
    assert well_formed(turns)


def test_the_newest_stays_whole_even_if_it_alone_is_too_long() -> None:
    turns = told([exchange(1), exchange(2, 50_000)], 10_000)
    assert turns[-3:] == exchange(2, 50_000)[-3:]
    assert told([exchange(1, 50_000)], 10_000) == exchange(1, 50_000)


@pytest.mark.parametrize("size", [150, 1_000, 3_000, 9_000])
def test_the_beginning_stays_the_same_for_most_turns(size: int) -> None:
    """Each rewritten beginning costs the provider's cache once; a step must last for several turns."""
    most = 96_000
    every: list[Exchange] = []
    before: tuple[Turn, ...] = ()
    rewritten = 0
    for n in range(60):
        every.append(exchange(n, size))
        now = told(every, most)
        rewritten += now[: len(before)] != before
        before = now
        assert sum(len(str(t)) for t in now) < 2 * most
    # Half of the limit is freed at each step: that many characters of new turns fit before the next.
    freed = most / 2
    assert rewritten <= 60 * (size + 700) / freed + 1


def test_it_depends_on_the_exchanges_alone() -> None:
    every = [exchange(n, 2_000) for n in range(30)]
    assert told(every, 20_000) == told([unpack(pack(one)) for one in every], 20_000)


def test_a_small_context_leaves_less_to_earlier_turns() -> None:
    assert most_characters(0) == most_characters(200_000) == 96_000
    assert most_characters(8_192) == 5_406
