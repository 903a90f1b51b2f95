"""What each adapter puts on the wire: order, what is kept the same, whole transcripts, other models' blocks."""

import json
from typing import Any

import pytest

from app.llm.config import Timeouts
from app.llm.hang_up import HangUp
from app.llm.port import (
    AssistantTurn,
    Native,
    Reply,
    Request,
    ToolCall,
    ToolTurn,
    Turn,
    UserTurn,
)
from tests.doubles.dialects import (
    ANTHROPIC,
    CHAT,
    QUESTION,
    REQUEST,
    RESPONSES,
    TOOLS,
    Wire,
    calls_of,
    done_of,
    heard,
    text_of,
)
from tests.doubles.provider import Provider, answers
from tests.doubles.provider import streams as sends

KEEP = {"type": "ephemeral"}


def sent(wire: Wire, request: Request, **config: Any) -> Any:
    """Return the body of one call."""
    with Provider(sends(wire.text())) as provider:
        heard(wire.model(provider.url, **config), request)
    return provider.asked[0].body


def asking(*turns: Turn) -> Request:
    return Request(policy="P", tools=TOOLS, digest="D", turns=turns, session="opaque")


def test_anthropic_marks_what_is_kept() -> None:
    body = sent(ANTHROPIC, REQUEST, effort="low", thinking=True)
    assert body == {
        "model": "m-1",
        "tools": [
            {"name": t.name, "description": t.description, "input_schema": t.schema} for t in TOOLS
        ],
        "system": [
            {"type": "text", "text": "You answer from the chart.", "cache_control": KEEP},
            {"type": "text", "text": "P1 Diabetes", "cache_control": KEEP},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Now: 20-Nov-2026 08:42."},
                    {"type": "text", "text": "What is the potassium?"},
                ],
            }
        ],
        "max_tokens": 4096,
        "cache_control": KEEP,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
        "stream": True,
    }
    assert not {"thinking", "output_config"} & set(sent(ANTHROPIC, REQUEST))


def test_responses_stores_nothing_and_refers_to_nothing() -> None:
    body = sent(RESPONSES, REQUEST, effort="low")
    assert body == {
        "model": "m-1",
        "tools": [
            {
                "type": "function", "name": t.name, "description": t.description,
                "parameters": t.schema, "strict": False,
            }
            for t in TOOLS
        ],
        "instructions": "You answer from the chart.",
        "input": [
            {"role": "developer", "content": "P1 Diabetes"},
            {"role": "user", "content": "Now: 20-Nov-2026 08:42.\n\nWhat is the potassium?"},
        ],
        "max_output_tokens": 4096,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "stream": True,
        "prompt_cache_key": "opaque",
        "reasoning": {"effort": "low"},
    }  # fmt: skip


def test_chat_sends_one_system_message() -> None:
    body = sent(CHAT, REQUEST)
    assert body == {
        "model": "m-1",
        "tools": [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": t.schema},
            }
            for t in TOOLS
        ],
        "messages": [
            {"role": "system", "content": "You answer from the chart.\n\nP1 Diabetes"},
            {"role": "user", "content": "Now: 20-Nov-2026 08:42.\n\nWhat is the potassium?"},
        ],
        "max_completion_tokens": 4096,
        "stream": True,
        "stream_options": {"include_usage": True},
        "store": False,
        "prompt_cache_key": "opaque",
    }


def test_the_smaller_bound_holds(wire: Wire) -> None:
    field = {"anthropic": "max_tokens", "responses": "max_output_tokens", "chat": "max_completion_tokens"}[wire.name]  # fmt: skip
    assert sent(wire, REQUEST, most_tokens=100)[field] == 100
    assert sent(wire, REQUEST, most_tokens=9000)[field] == 4096


def test_a_conversation_only_grows_at_its_end(wire: Wire) -> None:
    """Byte for byte, so that the provider reads again what it kept."""
    with Provider(sends(wire.tools()), sends(wire.text())) as provider:
        model = wire.model(provider.url)
        said = heard(model)
        replies = tuple(
            Reply(call_id=c.id, name=c.name, text=f"L3 Potassium {c.name}") for c in calls_of(said)
        )
        turn = AssistantTurn(
            text=text_of(said), calls=tuple(calls_of(said)), native=done_of(said).native
        )
        heard(model, asking(QUESTION, turn, ToolTurn(replies=replies)))
        heard(model, asking(QUESTION, turn, ToolTurn(replies=replies), AssistantTurn(text="4.4."), UserTurn(text="Why?")))  # fmt: skip
    bodies = [
        json.dumps({k: v for k, v in a.body.items() if k not in LAST}) for a in provider.asked
    ]
    long = [json.dumps(a.body[_list(wire)]).removesuffix("]") for a in provider.asked]
    assert bodies[1] == bodies[2]
    assert long[2].startswith(long[1])


LAST = ("messages", "input")


def _list(wire: Wire) -> str:
    return "input" if wire is RESPONSES else "messages"


def test_own_blocks_are_sent_again_as_they_came(wire: Wire) -> None:
    blocks: list[object] = [{"type": "thinking", "thinking": "x", "signature": "s"}, {"type": "text", "text": "4.4"}]  # fmt: skip
    turn = AssistantTurn(text="4.4", native=Native(key=f"{wire.name}:m:m-1", blocks=blocks))
    other = AssistantTurn(text="4.4", native=Native(key=f"{wire.name}:m:m-2", blocks=blocks))
    own, foreign = (
        json.dumps(sent(wire, asking(QUESTION, t, QUESTION))[_list(wire)]) for t in (turn, other)
    )
    assert "signature" not in foreign
    assert ("signature" in own) is (wire is not CHAT)


BROKEN = AssistantTurn(
    text="",
    calls=(
        ToolCall(id="look-1", name="chart results!", arguments="{"),
        ToolCall(id="look-1", name="chart_section", arguments="[1]"),
        ToolCall(id="", name="", arguments='{"a": 1}'),
    ),
)


def test_calls_of_another_model_are_made_acceptable(wire: Wire) -> None:
    """Names repeat, arguments are no objects, the second and third reply are missing."""
    replies = ToolTurn(replies=(Reply(call_id="look-1", name="x", text="L3"),))
    body = sent(wire, asking(QUESTION, BROKEN, replies, UserTurn(text="Why?")))[_list(wire)]
    calls, results = _calls(wire, body), _results(wire, body)
    assert calls == [
        ("cs0000000", "chart_results_", {}), ("cs0000001", "chart_section", {}), ("cs0000002", "unknown", {"a": 1}),
    ]  # fmt: skip
    assert [name for name, _ in results] == [name for name, _, _ in calls]
    assert [text[:13] for _, text in results] == ["L3", "Not looked up", "Not looked up"]


def test_replies_without_a_call_and_empty_turns_are_left_out(wire: Wire) -> None:
    orphan = ToolTurn(replies=(Reply(call_id="x", name="x", text="L3"),))
    body = sent(wire, asking(QUESTION, orphan, AssistantTurn(text=" "), UserTurn(text="Why?")))
    roles = [m["role"] for m in body[_list(wire)] if m.get("role") not in ("system", "developer")]
    assert roles == ["user", "user"]


def test_all_replies_of_a_turn_stand_in_one_message() -> None:
    """Anthropic refuses them one by one."""
    body = sent(ANTHROPIC, asking(QUESTION, BROKEN))
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert [b["is_error"] for b in body["messages"][2]["content"]] == [True] * 3


def _calls(wire: Wire, body: list[Any]) -> list[tuple[str, str, object]]:
    if wire is ANTHROPIC:
        blocks = [b for m in body if m["role"] == "assistant" for b in m["content"]]
        return [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    if wire is RESPONSES:
        items = [i for i in body if i.get("type") == "function_call"]
        return [(i["call_id"], i["name"], json.loads(i["arguments"])) for i in items]
    calls = [c for m in body for c in m.get("tool_calls", ())]
    return [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]


def _results(wire: Wire, body: list[Any]) -> list[tuple[str, str]]:
    if wire is ANTHROPIC:
        blocks = [b for m in body if m["role"] == "user" for b in m["content"]]
        return [(b["tool_use_id"], b["content"]) for b in blocks if b["type"] == "tool_result"]
    if wire is RESPONSES:
        items = [i for i in body if i.get("type") == "function_call_output"]
        return [(i["call_id"], i["output"]) for i in items]
    return [(m["tool_call_id"], m["content"]) for m in body if m["role"] == "tool"]


def test_only_the_given_key_is_sent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that the vendors' SDKs read by themselves are passed over."""
    for name in (
        "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_PROFILE", "OPENAI_API_KEY",
        "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL", "OPENAI_ADMIN_KEY",
    ):  # fmt: skip
        monkeypatch.setenv(name, "http://stray.invalid")
    with Provider(sends(wire.text())) as provider:
        heard(wire.model(provider.url))
    headers = provider.asked[0].headers
    assert "stray" not in json.dumps(headers)
    assert "a-key" in headers.get("authorization", "") + headers.get("x-api-key", "")
    assert headers["accept-encoding"] == "identity"


def test_anthropic_is_warmed_by_an_answer_of_no_tokens() -> None:
    """The same tools and system, byte for byte; nothing of the question."""
    with Provider(answers({}), sends(ANTHROPIC.text())) as provider:
        model = ANTHROPIC.model(provider.url, thinking=True)
        model.warm(REQUEST)
        heard(model)
    warm, real = (a.body for a in provider.asked)
    assert (warm["max_tokens"], "stream" in warm) == (0, False)
    assert [json.dumps(warm[k]) for k in ("tools", "system")] == [json.dumps(real[k]) for k in ("tools", "system")]  # fmt: skip
    assert "potassium" not in json.dumps(warm)


def test_responses_is_not_warmed() -> None:
    with Provider(answers({})) as provider:
        RESPONSES.model(provider.url).warm(REQUEST)
        assert provider.asked == []


def test_a_model_on_the_sites_own_machine_reads_ahead() -> None:
    tried = CHAT.tools([("c", "report_ready", "{}")])
    with Provider(sends(tried), answers({}), sends(CHAT.text())) as provider:
        model = CHAT.model(provider.url, client="compatible", local=True)
        model.warm(REQUEST)
        heard(model)
    _, warm, real = (a.body for a in provider.asked)
    assert (warm["max_tokens"], warm["messages"][0]) == (1, real["messages"][0])
    assert warm["tools"] == real["tools"]


def test_time_limits_have_defaults() -> None:
    assert Timeouts() == Timeouts(connect_s=5, first_byte_s=60, between_bytes_s=30, total_s=300)
    assert HangUp().is_set() is False
