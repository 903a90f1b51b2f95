"""Anthropic Messages, at Anthropic itself and at the clouds that serve it.

The order on the wire is tools, policy, digest, conversation: what changes least comes first, and a mark after policy
and digest, and one that moves with the conversation, let the provider keep what it has read.

Source: Messages API, version 2023-06-01, https://platform.claude.com/docs/en/api/messages
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

import anthropic
import msgspec

from app.errors import ConfigurationError
from app.llm import clouds
from app.llm.arguments import as_name, as_object, own_ids
from app.llm.asking import ask, listed, opened
from app.llm.call import Call
from app.llm.config import Client, ModelConfig, Offered, Timeouts
from app.llm.errors import ModelFailed
from app.llm.fields import Json, number, part, text
from app.llm.hang_up import HangUp
from app.llm.port import (
    AssistantTurn,
    Done,
    ModelEvent,
    Native,
    Reply,
    Request,
    Stop,
    TextDelta,
    ToolCall,
    ToolTurn,
    Turn,
    Usage,
    UserTurn,
)
from app.llm.refusals import BROKEN, TIMEOUTS, ContentRefused, of_event
from app.llm.transcript import settle
from app.llm.transport import http_client

KEEP: Json = {"type": "ephemeral"}
STOPS: dict[str, Stop] = {
    "end_turn": "end", "stop_sequence": "end", "tool_use": "tools", "max_tokens": "length",
    "model_context_window_exceeded": "length", "refusal": "refusal",
}  # fmt: skip
# What a delta adds to its block: the delta's type, its field, the block's field.
ADDS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
}


class _Messages(Protocol):
    @property
    def with_streaming_response(self) -> Any:
        """Return the same methods with their responses unread."""


class _Sdk(Protocol):
    @property
    def messages(self) -> _Messages:
        """Return the Messages API."""

    def close(self) -> None:
        """Close the connections."""


class AnthropicMessages:
    """One model behind the Messages API."""

    language_model = together = True

    def __init__(self, sdk: _Sdk, config: ModelConfig, timeouts: Timeouts) -> None:
        self._sdk = sdk
        self._config = config
        self._timeouts = timeouts
        self.name = config.label or config.model
        self.version = config.model
        self.key = f"anthropic:{config.id}:{config.model}"

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        """Yield text and tool calls, then one `Done`; see the port."""
        body = {**self._prefix(request), **self._conversation(request), "stream": True}
        create = self._sdk.messages.with_streaming_response.create
        return ask(lambda: create(**body), _Reading(self.key), self._timeouts, hang_up)

    def warm(self, request: Request) -> None:
        """Have the stable beginning read and kept: an answer of no tokens."""
        body = {
            **self._prefix(request), "max_tokens": 0, "messages": [{"role": "user", "content": "."}],
        }  # fmt: skip
        create = self._sdk.messages.with_streaming_response.create
        call = Call(self._timeouts, HangUp())
        with (
            contextlib.suppress(ModelFailed, ContentRefused, *TIMEOUTS, *BROKEN),
            opened(lambda: create(**body), call) as response,
        ):
            response.read()

    def close(self) -> None:
        """Close the connections that are kept for a next call."""
        self._sdk.close()

    def _prefix(self, request: Request) -> Json:
        system: list[Json] = [
            {"type": "text", "text": words, "cache_control": KEEP}
            for words in (request.policy, request.digest)
            if words
        ]
        tools = [
            {"name": t.name, "description": t.description, "input_schema": t.schema}
            for t in request.tools
        ]
        return {
            "model": self._config.model,
            **({"tools": tools} if tools else {}),
            **({"system": system} if system else {}),
        }

    def _conversation(self, request: Request) -> Json:
        config = self._config
        return {
            "messages": messages(request.turns, self.key),
            "max_tokens": min(request.most_tokens, config.most_tokens),
            "cache_control": KEEP,
            **({"thinking": {"type": "adaptive"}} if config.thinking else {}),
            **({"output_config": {"effort": config.effort}} if config.effort else {}),
        }


def messages(turns: Sequence[Turn], key: str) -> list[Json]:
    """Return a conversation in the provider's words; all replies of a turn stand in one user message."""
    found: list[Json] = []
    for turn in settle(turns, key):
        match turn:
            case UserTurn():
                words = [w for w in (turn.context, turn.text) if w.strip()]
                content = [{"type": "text", "text": w} for w in words]
                found.append({"role": "user", "content": content})
            case AssistantTurn():
                blocks = turn.native.blocks if turn.native else _blocks(turn)
                found.append({"role": "assistant", "content": blocks})
            case ToolTurn():
                found.append({"role": "user", "content": [_result(r) for r in turn.replies]})
    return found


def _result(reply: Reply) -> Json:
    return {
        "type": "tool_result", "tool_use_id": reply.call_id, "content": reply.text,
        "is_error": reply.is_error,
    }  # fmt: skip


def _blocks(turn: AssistantTurn) -> list[Json]:
    said: list[Json] = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
    calls: list[Json] = [
        {"type": "tool_use", "id": c.id, "name": as_name(c.name), "input": as_object(c.arguments)}
        for c in turn.calls
    ]
    return [*said, *calls]


class _Reading:
    """The events of one answer: blocks that open, grow and close, a stop reason, an end."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._blocks: dict[int, Json] = {}
        self._arguments: dict[int, list[str]] = {}
        self._open: set[int] = set()
        self._reason = ""
        self._usage: dict[str, int] = {}
        self._ended = False

    def ended(self, *, closed: bool = False) -> bool:  # noqa: ARG002  # an end is said, never guessed
        return self._ended

    def read(self, event: Json) -> Iterator[TextDelta]:
        at = number(event, "index")
        match text(event, "type"):
            case "message_start":
                self._count(part(event, "message", "usage"))
            case "content_block_start":
                block = part(event, "content_block")
                self._blocks[at] = {k: v for k, v in block.items() if v is not None}
                self._open.add(at)
                if text(block, "type") == "text" and (first := text(block, "text")):
                    yield TextDelta(text=first)
            case "content_block_delta":
                yield from self._add(at, part(event, "delta"))
            case "content_block_stop":
                self._open.discard(at)
            case "message_delta":
                self._reason = text(event, "delta", "stop_reason") or self._reason
                self._count(part(event, "usage"))
            case "message_stop":
                self._ended = bool(self._reason) and not self._open
            case "error":
                raise of_event(event)
            case _:
                # A ping, or a kind that is newer than this module.
                return

    def end(self) -> Iterator[ModelEvent]:
        # A reason that is not known is no end of a whole answer.
        stop = STOPS.get(self._reason, "length")
        places = [at for at in sorted(self._blocks) if self._is_call(at)]
        for at, own in zip(
            places, own_ids([text(self._blocks[p], "id") for p in places]), strict=True
        ):
            # The same one in what is replayed.
            self._blocks[at] = {**self._blocks[at], "id": own}
        calls = [self._call(at) for at in places]
        if stop == "end" and calls:
            stop = "tools"
        if stop == "tools":
            if not calls:
                raise ModelFailed("the model asked for tools and named none")
            yield from calls
        yield Done(stop=stop, usage=self._counted(), native=self._native(stop))

    def _add(self, at: int, delta: Json) -> Iterator[TextDelta]:
        kind = text(delta, "type")
        if at not in self._open:
            raise ModelFailed("a piece of a block that is not open")
        block = self._blocks[at]
        if kind == "input_json_delta":
            self._arguments.setdefault(at, []).append(text(delta, "partial_json"))
        elif kind in ADDS:
            source, target = ADDS[kind]
            block[target] = text(block, target) + text(delta, source)
            if kind == "text_delta" and (words := text(delta, "text")):
                yield TextDelta(text=words)

    def _is_call(self, at: int) -> bool:
        return text(self._blocks[at], "type") == "tool_use"

    def _call(self, at: int) -> ToolCall:
        block = self._blocks[at]
        return ToolCall(id=text(block, "id"), name=text(block, "name"), arguments=self._sent(at))

    def _sent(self, at: int) -> str:
        """Return a call's arguments as sent: in pieces, or whole in the block's first event, or none at all."""
        pieces = "".join(self._arguments.get(at, ()))
        return pieces or msgspec.json.encode(part(self._blocks[at], "input")).decode()

    def _native(self, stop: Stop) -> Native | None:
        """Return the blocks as they can be sent again: thinking with its signature, no empty text.

        Of a cut answer none: its last block may lack its signature.
        """
        kept = []
        if stop not in ("end", "tools"):
            return None
        for at, block in sorted(self._blocks.items()):
            kind = text(block, "type")
            if kind == "tool_use":
                block = {**block, "input": as_object(self._sent(at))}  # noqa: PLW2901
            if kind != "text" or text(block, "text").strip():
                kept.append(block)
        return Native(key=self._key, blocks=kept) if kept else None

    def _count(self, usage: Json) -> None:
        for name in usage:
            self._usage[name] = max(number(usage, name), self._usage.get(name, 0))

    def _counted(self) -> Usage:
        """Return the tokens; the provider counts what it read from its cache, or wrote to it, apart."""
        used = self._usage.get
        cached = used("cache_read_input_tokens", 0)
        return Usage(
            input_tokens=used("input_tokens", 0) + used("cache_creation_input_tokens", 0) + cached,
            output_tokens=used("output_tokens", 0),
            cached_tokens=cached,
        )


def client(kind: Client, config: ModelConfig, secret: str) -> Any:
    """Return the vendor's client for one way to reach the model; nothing is sent.

    `secret` is an API key (Anthropic, Foundry, Bedrock) or an access token or service account (Vertex); empty means
    the cloud's own credentials on this machine (Bedrock, Vertex).

    Raises:
        ConfigurationError: a field or a package is missing, or there is no such way.
    """
    clouds.refuse_stray_headers("ANTHROPIC_CUSTOM_HEADERS")
    address = config.base_url or clouds.anthropic_address(kind, config)
    fixed: dict[str, Any] = {
        "base_url": address, "http_client": http_client(address, config.proxy, config.ca_file), "max_retries": 0,
        "open_telemetry": False, "default_headers": {"Accept-Encoding": "identity"},
    }  # fmt: skip
    match kind:
        case "anthropic":
            return anthropic.Anthropic(api_key=clouds.needed(secret, "key", config), **fixed)
        case "foundry":
            return anthropic.AnthropicFoundry(api_key=clouds.needed(secret, "key", config), **fixed)
        case "bedrock":
            region = clouds.needed(config.region, "region", config)
            clouds.need_aws(secret, "boto3")
            return anthropic.AnthropicBedrockMantle(
                aws_region=region, api_key=secret or None, **fixed
            )
        case "vertex":
            return anthropic.AnthropicVertex(
                region=clouds.needed(config.region, "region", config),
                project_id=clouds.needed(config.project, "project", config),
                **clouds.google_keys(secret), **fixed,
            )  # fmt: skip
        case "openai" | "azure" | "compatible":
            raise ConfigurationError(f"model {config.id}: {kind} does not speak this dialect")


def build(config: ModelConfig, secret: str, timeouts: Timeouts = Timeouts()) -> AnthropicMessages:  # noqa: B008  # frozen
    """Return the adapter of one configured model; nothing is sent.

    Raises:
        ConfigurationError: see `client`.
    """
    return AnthropicMessages(cast("_Sdk", client(config.client, config, secret)), config, timeouts)


def offered(config: ModelConfig, secret: str) -> tuple[Offered, ...]:
    """Return the provider's own list; only Anthropic itself has one.

    Raises:
        ConfigurationError: see `client`.
        ModelFailed: and its kinds.
    """
    if config.client != "anthropic":
        return ()
    with client(config.client, config, secret) as sdk:
        return listed(lambda: [_offered(model) for model in sdk.models.list(limit=100)])


def _offered(model: Any) -> Offered:
    return Offered(
        id=model.id,
        name=model.display_name or model.id,
        context_tokens=model.max_input_tokens or 0,
        most_tokens=model.max_tokens or 0,
        retires=model.retires_at.date().isoformat() if model.retires_at else "",
    )
