"""What each adapter makes of an answer that comes whole: text, calls, ends, usage, the provider's own blocks."""

import json
import re
from collections import Counter
from collections.abc import Generator
from dataclasses import replace

import pytest

from app.llm.errors import ModelFailed
from app.llm.hang_up import HangUp
from app.llm.port import AssistantTurn, Reply, TextDelta, ToolTurn, Usage
from tests.doubles import streams
from tests.doubles.dialects import (
    ANTHROPIC,
    CHAT,
    REQUEST,
    RESPONSES,
    WIRES,
    Wire,
    calls_of,
    done_of,
    heard,
    text_of,
)
from tests.doubles.provider import Provider, stalls_after, streams_chunked
from tests.doubles.provider import streams as sends

ENDS = [(wire, name) for wire in WIRES for name in wire.ends]


def test_a_model_says_what_it_is(wire: Wire) -> None:
    model = wire.model("http://127.0.0.1:9")
    said = (model.name, model.version, model.language_model, model.key)
    assert said == ("The model", "m-1", True, f"{wire.name}:m:m-1")
    assert wire.model("http://127.0.0.1:9", label="").name == "m-1"


def test_the_same_model_at_another_provider_is_given_no_blocks_of_the_first(wire: Wire) -> None:
    """Encrypted reasoning is of one account: another refuses the whole conversation for it, at every turn."""
    one, other = (wire.model("http://127.0.0.1:9", id=name) for name in ("openai", "azure"))
    assert one.version == other.version
    assert one.key != other.key


def test_text_comes_in_pieces_then_one_end(wire: Wire) -> None:
    with Provider(sends(wire.text())) as provider:
        events = heard(wire.model(provider.url))
    assert [e.text for e in events if isinstance(e, TextDelta)] == list(streams.SAID)
    assert done_of(events).stop == "end"
    assert provider.asked[0].path == wire.path


def test_tokens_mean_the_same_in_all_dialects(wire: Wire) -> None:
    """Input holds what was read from the provider's cache and what was written to it."""
    with Provider(sends(wire.text())) as provider:
        done = done_of(heard(wire.model(provider.url)))
    assert done.usage == Usage(input_tokens=127, output_tokens=42, cached_tokens=100)


def test_parallel_calls_come_together_with_their_arguments_as_sent(wire: Wire) -> None:
    with Provider(sends(wire.tools())) as provider:
        events = heard(wire.model(provider.url))
    calls = [(c.id, c.name, c.arguments) for c in calls_of(events)]
    assert (calls, text_of(events)) == (list(streams.CALLS), "".join(streams.SAID))
    assert done_of(events).stop == "tools"


@pytest.mark.parametrize(("wire", "name"), ENDS, ids=[f"{w.name}: {n}" for w, n in ENDS])
def test_an_answer_ends_as_the_provider_says(wire: Wire, name: str) -> None:
    """A reason that nobody knows is never "end": the answer may not be whole."""
    with Provider(sends(wire.ends[name])) as provider:
        assert done_of(heard(wire.model(provider.url))).stop == name.partition(" ")[0]


@pytest.mark.parametrize("sent", ["", "{", "[1]", '"x"', "null", '{"a": 1'])
def test_arguments_that_are_no_object_are_passed_on_as_sent(wire: Wire, sent: str) -> None:
    """They become an error that the model is told; they never end the turn."""
    with Provider(sends(wire.tools([("call_a1", "chart_results", sent)]))) as provider:
        (call,) = calls_of(heard(wire.model(provider.url)))
    assert call.arguments == sent or (sent, call.arguments) == ("", "{}")


def test_blocks_of_a_provider_are_plain_data(wire: Wire) -> None:
    """They are stored as JSON or MessagePack; Chat Completions has none."""
    with Provider(sends(wire.tools())) as provider:
        done = done_of(heard(wire.model(provider.url)))
    if wire is CHAT:
        assert done.native is None
        return
    assert done.native is not None
    assert done.native.key == f"{wire.name}:m:m-1"
    assert json.loads(json.dumps(done.native.blocks)) == done.native.blocks


def test_anthropic_keeps_thinking_with_its_signature() -> None:
    with Provider(sends(ANTHROPIC.tools())) as provider:
        done = done_of(heard(ANTHROPIC.model(provider.url)))
    assert done.native is not None
    assert done.native.blocks == [
        {"type": "thinking", "thinking": "Look it up.", "signature": streams.SIGNATURE},
        {"type": "text", "text": "".join(streams.SAID)},
        *(
            {"type": "tool_use", "id": name, "name": tool, "input": json.loads(arguments)}
            for name, tool, arguments in streams.CALLS
        ),
    ]


def test_responses_keeps_encrypted_reasoning_and_no_other() -> None:
    with Provider(sends(RESPONSES.tools())) as provider:
        done = done_of(heard(RESPONSES.model(provider.url)))
    assert done.native is not None
    assert isinstance(done.native.blocks, list)
    assert done.native.blocks[0] == {k: v for k, v in streams.REASONING.items() if v is not None}
    plain = [e.replace(b"gAAAA", b"") for e in RESPONSES.tools()]
    with Provider(sends(plain)) as provider:
        done = done_of(heard(RESPONSES.model(provider.url)))
    assert done.native is not None
    assert isinstance(done.native.blocks, list)
    assert "reasoning" not in [block["type"] for block in done.native.blocks]


def test_an_answer_cut_at_its_length_asks_for_nothing() -> None:
    """A call may be incomplete, and its block lacks what must follow."""
    cut = [e.replace(b'"tool_use", "stop_sequence"', b'"max_tokens", "stop_sequence"') for e in ANTHROPIC.tools()]  # fmt: skip
    with Provider(sends(cut)) as provider:
        events = heard(ANTHROPIC.model(provider.url))
    assert (calls_of(events), done_of(events).stop, done_of(events).native) == ([], "length", None)


def test_calls_are_run_whatever_a_server_calls_its_end() -> None:
    """Several compatible servers end a turn with calls by "stop"."""
    stop = [e.replace(b'"finish_reason": "tool_calls"', b'"finish_reason": "stop"') for e in CHAT.tools()]  # fmt: skip
    with Provider(sends(stop)) as provider:
        events = heard(CHAT.model(provider.url))
    assert (len(calls_of(events)), done_of(events).stop) == (2, "tools")


def test_calls_that_share_a_place_or_a_name_stay_apart() -> None:
    """Some servers give every call place 0, some no name at all."""
    same = [e.replace(b'"index": 1, "id": "call_b2"', b'"index": 0, "id": "call_b2"') for e in CHAT.tools()]  # fmt: skip
    same = [e.replace(b'[{"index": 1, "function"', b'[{"index": 0, "function"') for e in same]
    unnamed = CHAT.tools([("", "chart_results", "{}"), ("", "chart_section", "{}")])
    with Provider(sends(same), sends(unnamed)) as provider:
        model = CHAT.model(provider.url)
        first, second = calls_of(heard(model)), calls_of(heard(model))
    assert [(c.id, c.name, c.arguments) for c in first] == list(streams.CALLS)
    assert [(c.id, c.name) for c in second] == [("call_0", "chart_results"), ("call_1", "chart_section")]  # fmt: skip


def test_a_turn_that_asks_for_tools_and_names_none_is_a_failure() -> None:
    with Provider(sends(CHAT.text("tool_calls")), sends(ANTHROPIC.text("tool_use"))) as provider:
        for one in (CHAT, ANTHROPIC):
            with pytest.raises(ModelFailed, match="named none"):
                heard(one.model(provider.url))


def test_usage_may_be_missing() -> None:
    """Not every compatible server counts."""
    bare = [e for e in CHAT.text() if b"prompt_tokens" not in e]
    with Provider(sends(bare)) as provider:
        assert done_of(heard(CHAT.model(provider.url))).usage == Usage()


def test_line_ends_comments_and_pieces_of_any_size_do_not_matter(wire: Wire) -> None:
    whole = b": hello\n\n" + b"".join(wire.text())
    crlf = whole.replace(b"\n", b"\r\n")
    with Provider(
        streams_chunked([crlf[at : at + 7] for at in range(0, len(crlf), 7)])
    ) as provider:
        events = heard(wire.model(provider.url))
    assert text_of(events) == "".join(streams.SAID)


def test_a_connection_serves_the_next_call(wire: Wire) -> None:
    with Provider(streams_chunked(wire.text())) as provider:
        model = wire.model(provider.url)
        assert [done_of(heard(model)).stop for _ in range(3)] == ["end"] * 3
        assert provider.opened == 1


def test_closing_the_stream_ends_the_call(wire: Wire) -> None:
    with Provider(stalls_after(wire.text()[:6])) as provider:
        stream = wire.model(provider.url).stream(REQUEST, HangUp())
        assert isinstance(next(stream), TextDelta)
        assert isinstance(stream, Generator)
        stream.close()
        assert provider.connections[0].left.wait(5)


def test_half_a_character_does_not_end_an_answer(wire: Wire) -> None:
    """Servers written in JavaScript may cut an emoji in two."""
    with Provider(sends(wire.text(pieces=("K ", "\ud83d", "\ude00", " 4.4")))) as provider:
        assert text_of(heard(wire.model(provider.url))) == "K \ufffd\ufffd 4.4"


def test_calls_of_one_id_are_told_apart_in_what_is_run_and_in_what_is_replayed(wire: Wire) -> None:
    """A provider refuses two calls of one id, or takes the result of one for the other's."""
    names = ("same", "same", "", "call_0")
    sent = wire.tools([(name, "chart_results", "{}") for name in names])
    with Provider(sends(sent), sends(wire.text())) as provider:
        model = wire.model(provider.url)
        events = heard(model)
        calls = calls_of(events)
        ids = [call.id for call in calls]
        asked = AssistantTurn(
            text=text_of(events), calls=tuple(calls), native=done_of(events).native
        )
        replies = tuple(Reply(call_id=i, name="chart_results", text="None.") for i in ids)
        turns = (*REQUEST.turns, asked, ToolTurn(replies=replies))
        heard(model, replace(REQUEST, turns=turns))
        replayed = json.dumps(provider.asked[-1].body)
    assert (len(set(ids)), ids[0], ids[-1]) == (4, "same", "call_0")
    asks, answers = {
        "anthropic": ("id", "tool_use_id"), "responses": ("call_id", "call_id"), "chat": ("id", "tool_call_id"),
    }[wire.name]  # fmt: skip
    named = re.findall(rf'"(?:{asks}|{answers})": "([^"]*)"', replayed)
    assert sorted(Counter(named).values()) == [2, 2, 2, 2]
