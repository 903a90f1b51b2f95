"""The three dialects side by side: how to build each adapter, and what its provider's answers look like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.llm import anthropic, openai_chat, openai_responses
from app.llm.config import Client, Dialect, ModelConfig, Timeouts
from app.llm.hang_up import HangUp
from app.llm.port import Done, Model, ModelEvent, Request, TextDelta, ToolCall, ToolSpec, UserTurn
from tests.doubles import streams
from tests.doubles.streams import Events

QUICK = Timeouts(connect_s=2, first_byte_s=5, between_bytes_s=5, total_s=20)
# What tests built and must close; emptied after each.
BUILT: list[Any] = []
TOOLS = tuple(
    ToolSpec(
        name=name,
        description=f"Look up {name}.",
        schema={"type": "object", "properties": {"words": {"type": "string"}}},
    )
    for name in ("chart_results", "chart_section")
)
QUESTION = UserTurn(text="What is the potassium?", context="Now: 20-Nov-2026 08:42.")
REQUEST = Request(
    policy="You answer from the chart.",
    tools=TOOLS,
    digest="P1 Diabetes",
    turns=(QUESTION,),
    session="opaque",
)


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One dialect."""

    name: Dialect
    client: Client
    path: str
    text: Callable[..., Events]
    tools: Callable[..., Events]
    ends: dict[str, Events]
    error_events: dict[str, bytes]
    make: Callable[..., Model]

    def config(self, url: str, **more: Any) -> ModelConfig:
        base = url if self.name == "anthropic" else f"{url}/v1"
        config = ModelConfig(
            id="m", label="The model", dialect=self.name, client=self.client, model="m-1", base_url=base
        )  # fmt: skip
        return replace(config, **more)

    def model(self, url: str, timeouts: Timeouts = QUICK, **more: Any) -> Model:
        model: Model = self.make(self.config(url, **more), "a-key", timeouts)
        BUILT.append(model)
        return model


ANTHROPIC = Wire(
    name="anthropic", client="anthropic", path="/v1/messages",
    text=streams.anthropic_text, tools=streams.anthropic_tools,
    ends={
        "end": streams.anthropic_text("end_turn"),
        "length": streams.anthropic_text("max_tokens"),
        "length (window)": streams.anthropic_text("model_context_window_exceeded"),
        "length (unknown reason)": streams.anthropic_text("something_new"),
        "refusal": streams.anthropic_text("refusal"),
    },
    error_events={
        "overloaded": streams.event(
            {"type": "error", "error": {"type": "overloaded_error", "message": "SECRET"}}, "error"
        ),
        "failed": streams.event(
            {"type": "error", "error": {"type": "api_error", "message": "SECRET"}}, "error"
        ),
        "busy": streams.event(
            {"type": "error", "error": {"type": "rate_limit_error", "message": "SECRET"}}, "error"
        ),
    },
    make=anthropic.build,
)  # fmt: skip

RESPONSES = Wire(
    name="responses", client="openai", path="/v1/responses",
    text=streams.responses_text, tools=streams.responses_tools,
    ends={
        "end": streams.responses_text(),
        "length": streams.responses_text(
            "incomplete", incomplete_details={"reason": "max_output_tokens"}
        ),
        "refusal (filter)": streams.responses_text(
            "incomplete", incomplete_details={"reason": "content_filter"}
        ),
        "refusal": [
            *streams.responses_text()[:2],
            streams.event({"type": "response.refusal.delta", "delta": "I cannot", "output_index": 0}),
            *streams.responses_text()[2:],
        ],
    },
    error_events={
        "overloaded": streams.event(
            {"type": "error", "code": "server_overloaded", "message": "SECRET", "param": None}
        ),
        "failed": streams.event(
            {"type": "response.failed", "response": {
                "status": "failed", "error": {"code": "server_error", "message": "SECRET"}}}
        ),
        "context": streams.event(
            {"type": "response.failed", "response": {
                "status": "failed", "error": {"code": "context_length_exceeded", "message": "SECRET"}}}
        ),
    },
    make=openai_responses.build,
)  # fmt: skip

CHAT = Wire(
    name="chat", client="openai", path="/v1/chat/completions",
    text=streams.chat_text, tools=streams.chat_tools,
    ends={
        "end": streams.chat_text("stop"),
        "length": streams.chat_text("length"),
        "length (unknown reason)": streams.chat_text("something_new"),
        "refusal (filter)": streams.chat_text("content_filter"),
        "refusal": [
            streams.event({"choices": [{"index": 0, "delta": {"refusal": "I cannot"}}]}),
            *streams.chat_text(),
        ],
    },
    error_events={
        "overloaded": streams.event({"error": {"type": "overloaded_error", "message": "SECRET"}}),
        "failed": streams.event({"error": {"code": 500, "message": "SECRET"}}),
        "busy": streams.event({"error": {"code": "rate_limit_exceeded", "message": "SECRET"}}),
        "context": streams.event({"error": {"code": "context_length_exceeded", "message": "SECRET"}}),
    },
    make=openai_chat.build,
)  # fmt: skip

WIRES: tuple[Wire, ...] = (ANTHROPIC, RESPONSES, CHAT)


def heard(
    model: Model, request: Request = REQUEST, hang_up: HangUp | None = None
) -> list[ModelEvent]:
    """Return everything a model says to one request."""
    return list(model.stream(request, hang_up or HangUp()))


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def calls_of(events: Sequence[ModelEvent]) -> list[ToolCall]:
    return [e for e in events if isinstance(e, ToolCall)]


def done_of(events: Sequence[ModelEvent]) -> Done:
    """Return the terminal event: one, and the last."""
    assert [isinstance(e, Done) for e in events] == [False] * (len(events) - 1) + [True]
    last = events[-1]
    assert isinstance(last, Done)
    return last
