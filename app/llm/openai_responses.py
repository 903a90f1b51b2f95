"""OpenAI Responses, at OpenAI and at the clouds that serve it.

Nothing is stored by the provider: `store` is false, reasoning comes back encrypted and is sent again, and no answer
refers to an earlier one. The digest is a message of its own, first, so that what is before it stays cached.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from collections.abc import Iterator, Sequence
from typing import Any

from app.llm import openai_clients
from app.llm.arguments import as_name, as_text, own_ids
from app.llm.asking import ask
from app.llm.config import ModelConfig, Offered, Timeouts
from app.llm.errors import ModelFailed
from app.llm.fields import Json, number, part, parts, text
from app.llm.hang_up import HangUp
from app.llm.port import (
    AssistantTurn,
    Done,
    ModelEvent,
    Native,
    Request,
    Stop,
    TextDelta,
    ToolCall,
    ToolTurn,
    Turn,
    Usage,
    UserTurn,
)
from app.llm.refusals import of_event
from app.llm.transcript import settle


class OpenAIResponses:
    """One model behind the Responses API."""

    language_model = together = True

    def __init__(self, sdk: Any, config: ModelConfig, timeouts: Timeouts) -> None:
        self._sdk = sdk
        self._config = config
        self._timeouts = timeouts
        self.name = config.label or config.model
        self.version = config.model
        self.key = f"responses:{config.id}:{config.model}"

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        """Yield text and tool calls, then one `Done`; see the port."""
        body = self._body(request)
        create = self._sdk.responses.with_streaming_response.create
        reading = _Reading(self.key, number(body, "max_output_tokens"))
        return ask(lambda: create(**body), reading, self._timeouts, hang_up)

    def warm(self, request: Request) -> None:
        """Do nothing: the provider keeps a beginning once it has read it, and reads none without an answer."""

    def close(self) -> None:
        """Close the connections that are kept for a next call."""
        self._sdk.close()

    def _body(self, request: Request) -> Json:
        config = self._config
        tools = [
            {
                "type": "function", "name": t.name, "description": t.description,
                "parameters": t.schema, "strict": False,
            }
            for t in request.tools
        ]  # fmt: skip
        digest = [{"role": "developer", "content": request.digest}] if request.digest else []
        return {
            "model": config.model,
            **({"tools": tools} if tools else {}),
            "instructions": request.policy,
            "input": [*digest, *items(request.turns, self.key)],
            "max_output_tokens": min(request.most_tokens, config.most_tokens),
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "stream": True,
            **({"prompt_cache_key": request.session} if request.session else {}),
            **({"reasoning": {"effort": config.effort}} if config.effort else {}),
        }


def items(turns: Sequence[Turn], key: str) -> list[Json]:
    """Return a conversation in the provider's words."""
    found: list[Json] = []
    for turn in settle(turns, key):
        match turn:
            case UserTurn():
                words = "\n\n".join(w for w in (turn.context, turn.text) if w.strip())
                found.append({"role": "user", "content": words})
            case AssistantTurn():
                found += _items(turn)
            case ToolTurn():
                found += [
                    {"type": "function_call_output", "call_id": r.call_id, "output": r.text}
                    for r in turn.replies
                ]
    return found


def _items(turn: AssistantTurn) -> list[Json]:
    if turn.native and isinstance(turn.native.blocks, list):
        return list(turn.native.blocks)
    said: list[Json] = [{"role": "assistant", "content": turn.text}] if turn.text.strip() else []
    calls: list[Json] = [
        {
            "type": "function_call", "call_id": c.id, "name": as_name(c.name),
            "arguments": as_text(c.arguments),
        }
        for c in turn.calls
    ]  # fmt: skip
    return [*said, *calls]


class _Reading:
    """The events of one answer: text as it comes, the whole answer in the last event."""

    def __init__(self, key: str, most_tokens: int) -> None:
        self._key = key
        self._most_tokens = most_tokens
        self._items: list[Json] = []
        self._refused = False
        self._answer: Json = {}
        self._text = False

    def ended(self, *, closed: bool = False) -> bool:  # noqa: ARG002  # an end is said, never guessed
        return bool(self._answer)

    def read(self, event: Json) -> Iterator[TextDelta]:
        match text(event, "type"):
            case "response.output_text.delta":
                if words := text(event, "delta"):
                    self._text = True
                    yield TextDelta(text=words)
            case "response.refusal.delta" | "response.refusal.done":
                self._refused = True
            case "response.output_item.done":
                self._items.append(part(event, "item"))
            case "response.completed" | "response.incomplete":
                self._answer = part(event, "response")
                self._items = parts(self._answer, "output") or self._items
                yield from self._unsaid()
            case "response.failed" | "response.cancelled" | "error":
                raise of_event(event)
            case _:
                # One of many steps that change nothing, or a kind that is newer than this module.
                return

    def end(self) -> Iterator[ModelEvent]:
        self._own_ids()
        calls = [
            ToolCall(
                id=text(item, "call_id"), name=text(item, "name"),
                arguments=text(item, "arguments"),
            )
            for item in self._items
            if text(item, "type") == "function_call"
        ]  # fmt: skip
        stop = self._stop(bool(calls))
        if stop == "tools":
            yield from calls
        yield Done(stop=stop, usage=self._usage(), native=self._native(stop))

    def _own_ids(self) -> None:
        """Give each call an id of its own, the same one in what is replayed."""
        calls = [item for item in self._items if text(item, "type") == "function_call"]
        ids = own_ids([text(call, "call_id") or text(call, "id") for call in calls])
        renamed = iter([{**call, "call_id": own} for call, own in zip(calls, ids, strict=True)])
        self._items = [
            next(renamed) if text(item, "type") == "function_call" else item for item in self._items
        ]

    def _unsaid(self) -> Iterator[TextDelta]:
        """Yield the text of an answer that came whole, without deltas."""
        if not self._text and (words := "".join(_texts(self._items))):
            self._text = True
            yield TextDelta(text=words)

    def _stop(self, calls: bool) -> Stop:
        reason = text(self._answer, "incomplete_details", "reason")
        refusals = [
            p for i in self._items for p in parts(i, "content") if text(p, "type") == "refusal"
        ]
        if self._refused or refusals or reason == "content_filter":
            return "refusal"
        status = text(self._answer, "status")
        # llama.cpp calls an answer complete that its bound has cut.
        spent = self._usage().output_tokens >= self._most_tokens
        if reason or status == "incomplete" or spent:
            return "length"
        if status not in ("completed", ""):
            raise ModelFailed("an answer that is neither complete nor incomplete")
        return "tools" if calls else "end"

    def _native(self, stop: Stop) -> Native | None:
        """Return the items as they can be sent again; of a cut answer none: reasoning must have what follows it.

        Reasoning that is not encrypted would refer to what is not stored.
        """
        kept: list[Json] = []
        if stop not in ("end", "tools"):
            return None
        for item in self._items:
            kind = text(item, "type")
            if kind == "reasoning" and not text(item, "encrypted_content"):
                continue
            if kind == "function_call":
                item = {  # noqa: PLW2901
                    **item, "name": as_name(text(item, "name")), "arguments": as_text(text(item, "arguments")),
                }  # fmt: skip
            kept.append({k: v for k, v in item.items() if v is not None})
        return Native(key=self._key, blocks=kept) if kept else None

    def _usage(self) -> Usage:
        used = part(self._answer, "usage")
        return Usage(
            input_tokens=number(used, "input_tokens"),
            output_tokens=number(used, "output_tokens"),
            cached_tokens=number(used, "input_tokens_details", "cached_tokens"),
        )


def _texts(items: Sequence[Json]) -> Iterator[str]:
    for item in items:
        for piece in parts(item, "content"):
            if text(piece, "type") == "output_text":
                yield text(piece, "text")


def build(config: ModelConfig, secret: str, timeouts: Timeouts = Timeouts()) -> OpenAIResponses:  # noqa: B008  # frozen
    """Return the adapter of one configured model; nothing is sent.

    Raises:
        ConfigurationError: see `openai_clients.client`.
    """
    return OpenAIResponses(openai_clients.client(config.client, config, secret), config, timeouts)


def offered(config: ModelConfig, secret: str) -> tuple[Offered, ...]:
    """Return the provider's own list; raises as `openai_clients.offered`."""
    return openai_clients.offered(config, secret)
