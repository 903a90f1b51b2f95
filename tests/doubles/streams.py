"""Answers of the three dialects as they stand on the wire, one event an item.

TEXT is text; TOOLS is thinking, text and two calls in one turn, arguments in pieces. Written after the published
references, with the events that carry nothing left in.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Events = list[bytes]
SIGNATURE = "c2lnbmVk"
SAID = ("Potassium is ", "4.4 mmol/L", " [L3b].")
CALLS = (
    ("call_a1", "chart_results", '{"tests": ["potassium"]}'),
    ("call_b2", "chart_section", '{"section": "allergies"}'),
)


def event(value: Mapping[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


# ---------------------------------------------------------------- anthropic


def _a(kind: str, **more: Any) -> bytes:
    return event({"type": kind, **more}, kind)


def _a_start() -> bytes:
    usage = {
        "input_tokens": 7, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100,
        "output_tokens": 1,
    }  # fmt: skip
    message: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    return _a("message_start", message=message)


def _a_block(at: int, block: Mapping[str, Any], *deltas: Mapping[str, Any]) -> Events:
    return [
        _a("content_block_start", index=at, content_block=block),
        *(_a("content_block_delta", index=at, delta=delta) for delta in deltas),
        _a("content_block_stop", index=at),
    ]


def _a_text(at: int, pieces: Sequence[str] = SAID) -> Events:
    return _a_block(
        at, {"type": "text", "text": ""}, *({"type": "text_delta", "text": p} for p in pieces)
    )


def _a_end(reason: str) -> Events:
    return [
        _a("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 42}),
        _a("message_stop"),
    ]  # fmt: skip


def anthropic_text(reason: str = "end_turn", pieces: Sequence[str] = SAID) -> Events:
    return [_a_start(), _a("ping"), *_a_text(0, pieces), *_a_end(reason)]


def anthropic_tools(calls: Sequence[tuple[str, str, str]] = CALLS) -> Events:
    thinking = _a_block(
        0, {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Look it "}, {"type": "thinking_delta", "thinking": "up."},
        {"type": "signature_delta", "signature": SIGNATURE},
    )  # fmt: skip
    tools: Events = []
    for at, (name, tool, arguments) in enumerate(calls, 2):
        half = len(arguments) // 2
        tools += _a_block(
            at, {"type": "tool_use", "id": name, "name": tool, "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": arguments[:half]},
            {"type": "input_json_delta", "partial_json": arguments[half:]},
        )  # fmt: skip
    return [_a_start(), *thinking, *_a_text(1), *tools, *_a_end("tool_use")]


# ---------------------------------------------------------------- responses


def _r(kind: str, **more: Any) -> bytes:
    return event({"type": kind, **more}, kind)


def _r_answer(status: str, output: Sequence[Mapping[str, Any]] = (), **more: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 127, "input_tokens_details": {"cached_tokens": 100}, "output_tokens": 42,
        "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 169,
    }  # fmt: skip
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m-1", "status": status,
        "output": list(output), "usage": usage if status != "in_progress" else None, "error": None,
        "incomplete_details": None, **more,
    }  # fmt: skip


REASONING: dict[str, Any] = {
    "id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAA", "status": None,
}  # fmt: skip


def _r_message(pieces: Sequence[str]) -> dict[str, Any]:
    content = {"type": "output_text", "text": "".join(pieces), "annotations": [], "logprobs": []}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [content],
    }  # fmt: skip


def _r_item(at: int, item: Mapping[str, Any], *between: bytes) -> Events:
    return [
        _r("response.output_item.added", output_index=at, item={**item, "status": "in_progress"}),
        *between,
        _r("response.output_item.done", output_index=at, item=item),
    ]


def _r_text(at: int, pieces: Sequence[str]) -> Events:
    deltas = [
        _r("response.output_text.delta", output_index=at, content_index=0, item_id="msg_1", delta=p)
        for p in pieces
    ]
    return _r_item(at, _r_message(pieces), *deltas)


def _r_open() -> Events:
    return [
        _r("response.created", response=_r_answer("in_progress")),
        _r("response.in_progress", response=_r_answer("in_progress")),
    ]


def responses_text(ending: str = "completed", pieces: Sequence[str] = SAID, **more: Any) -> Events:
    answer = _r_answer(ending, [_r_message(pieces)], **more)
    return [*_r_open(), *_r_text(0, pieces), _r(f"response.{ending}", response=answer)]


def responses_tools(calls: Sequence[tuple[str, str, str]] = CALLS) -> Events:
    items = [
        {
            "id": f"fc_{name}", "type": "function_call", "call_id": name, "name": tool,
            "arguments": arguments, "status": "completed",
        }
        for name, tool, arguments in calls
    ]  # fmt: skip
    found: Events = [*_r_open(), *_r_item(0, REASONING), *_r_text(1, SAID)]
    for at, item in enumerate(items, 2):
        half = len(item["arguments"]) // 2
        found += _r_item(
            at, item,
            _r("response.function_call_arguments.delta", output_index=at, delta=item["arguments"][:half]),
            _r("response.function_call_arguments.delta", output_index=at, delta=item["arguments"][half:]),
            _r("response.function_call_arguments.done", output_index=at, arguments=item["arguments"]),
        )  # fmt: skip
    answer = _r_answer("completed", [REASONING, _r_message(SAID), *items])
    return [*found, _r("response.completed", response=answer)]


# ---------------------------------------------------------------- chat


def _c(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return event(
        {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m-1",
            "choices": [choice],
        }
    )


def _c_end(reason: str) -> Events:
    usage = {
        "prompt_tokens": 127, "completion_tokens": 42, "total_tokens": 169,
        "prompt_tokens_details": {"cached_tokens": 100},
    }  # fmt: skip
    return [
        _c({}, reason),
        event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [], "usage": usage}),
        b"data: [DONE]\n\n",
    ]  # fmt: skip


def chat_text(reason: str = "stop", pieces: Sequence[str] = SAID) -> Events:
    return [_c({"role": "assistant", "content": ""}), *(_c({"content": p}) for p in pieces), *_c_end(reason)]  # fmt: skip


def chat_tools(calls: Sequence[tuple[str, str, str]] = CALLS) -> Events:
    pieces: Events = []
    for at, (name, tool, arguments) in enumerate(calls):
        half = len(arguments) // 2
        first = {
            "index": at,
            "id": name,
            "type": "function",
            "function": {"name": tool, "arguments": ""},
        }
        pieces.append(_c({"tool_calls": [first]}))
        pieces += [
            _c({"tool_calls": [{"index": at, "function": {"arguments": part}}]})
            for part in (arguments[:half], arguments[half:])
        ]
    return [
        _c({"role": "assistant", "content": None, "reasoning_content": "Look it up."}),
        *(_c({"content": p}) for p in SAID), *pieces, *_c_end("tool_calls"),
    ]  # fmt: skip
