"""Chat Completions: the dialect of vLLM, Ollama, llama.cpp, LM Studio and gateways, and OpenAI's older one.

Servers differ in what they take and in how they end. A compatible one is tried once, before its first answer, with
one tool: a model that cannot look things up in the chart would make things up, so it is not used.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from app.llm import openai_clients
from app.llm.arguments import as_name, as_text, own_ids
from app.llm.asking import Send, ask, opened
from app.llm.call import SLICE_S, Call
from app.llm.config import ModelConfig, Offered, Timeouts
from app.llm.errors import ModelCannotLookUp, ModelFailed, ModelRequestRefused
from app.llm.fields import Json, number, part, parts, text
from app.llm.hang_up import HangUp
from app.llm.port import (
    AssistantTurn,
    Done,
    ModelEvent,
    Request,
    Stop,
    TextDelta,
    ToolCall,
    ToolSpec,
    ToolTurn,
    Turn,
    Usage,
    UserTurn,
)
from app.llm.refusals import BROKEN, TIMEOUTS, ContentRefused, of_event
from app.llm.sse import END
from app.llm.transcript import settle

TokensField = Literal["max_tokens", "max_completion_tokens"]
STOPS: dict[str, Stop] = {
    "stop": "end", "end_turn": "end", "eos": "end", "stop_sequence": "end", "tool_calls": "tools",
    "function_call": "tools", "length": "length", "max_tokens": "length", "content_filter": "refusal",
}  # fmt: skip
PROBE = Request(
    policy="You test whether a tool can be called.",
    tools=(
        ToolSpec(
            name="report_ready",
            description="Say that tools can be called.",
            schema={
                "type": "object",
                "properties": {"ready": {"type": "boolean"}},
                "required": ["ready"],
            },
        ),
    ),
    digest="",
    turns=(UserTurn(text="Call the tool report_ready with ready = true. Write nothing else."),),
    # A model that reasons does so before it calls.
    most_tokens=1024,
)
PROBES = 2


@dataclass(frozen=True, kw_only=True)
class Quirks:
    """How one server differs. `says_done`: it ends a stream with `[DONE]`, as it should."""

    tokens_field: TokensField
    says_done: bool = True


class OpenAIChat:
    """One model behind Chat Completions. `probes` is False for servers that are known to offer tools."""

    language_model = together = True

    def __init__(
        self, sdk: Any, config: ModelConfig, timeouts: Timeouts, *, probes: bool, quirks: Quirks
    ) -> None:
        self._sdk = sdk
        self._config = config
        self._timeouts = timeouts
        self._quirks = quirks
        self._probing = threading.Lock()
        # None until it is known.
        self._looks_up: bool | None = None if probes else True
        self.name = config.label or config.model
        self.version = config.model
        self.key = f"chat:{config.id}:{config.model}"

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        """Yield text and tool calls, then one `Done`; see the port. The first call tries the server."""
        try:
            ready = self._ready(hang_up)
        except (ModelFailed, ContentRefused):
            if hang_up.is_set():
                return
            raise
        if ready:
            yield from self.answer(request, hang_up, self._quirks, _Reading(self._quirks))

    def warm(self, request: Request) -> None:
        """Try the server; have one on the site's own machines read the stable beginning ahead of the question."""
        with contextlib.suppress(ModelFailed, ContentRefused, *TIMEOUTS, *BROKEN):
            self._ready(HangUp())
            if self._config.local:
                body = {**self._body(request, self._quirks), "stream": False}
                body.pop("stream_options")
                body["messages"] = [*_system(request), {"role": "user", "content": "."}]
                body[self._quirks.tokens_field] = 1
                with opened(self._send(body), Call(self._timeouts, HangUp())) as response:
                    response.read()

    def close(self) -> None:
        """Close the connections that are kept for a next call."""
        self._sdk.close()

    def answer(
        self, request: Request, hang_up: HangUp, quirks: Quirks, reading: "_Reading"
    ) -> Iterator[ModelEvent]:
        """Ask with given quirks, without trying the server first."""
        return ask(self._send(self._body(request, quirks)), reading, self._timeouts, hang_up)

    def _ready(self, hang_up: HangUp) -> bool:
        """Try the server unless the outcome is known; False when Stop came first.

        Raises:
            ModelCannotLookUp: it does not call tools; this is remembered.
            ModelFailed: it could not be tried; this is not.
        """
        while self._looks_up is None:
            if hang_up.is_set():
                return False
            if self._probing.acquire(timeout=SLICE_S):
                try:
                    self._try(hang_up)
                finally:
                    self._probing.release()
        if not self._looks_up:
            raise ModelCannotLookUp("the model did not call a tool when it was asked to")
        return not hang_up.is_set()

    def _try(self, hang_up: HangUp) -> None:
        if self._looks_up is not None or hang_up.is_set():
            return
        try:
            found = probe(self, self._quirks, hang_up)
        except ModelCannotLookUp:
            found = None
        if hang_up.is_set():
            return
        if found:
            self._quirks = found
        self._looks_up = found is not None

    def _send(self, body: Json) -> Send:
        create = self._sdk.chat.completions.with_streaming_response.create
        return lambda: create(**body)

    def _body(self, request: Request, quirks: Quirks) -> Json:
        config = self._config
        tools = [
            {
                "type": "function",
                "function": {
                    "name": t.name, "description": t.description, "parameters": t.schema
                },
            }
            for t in request.tools
        ]  # fmt: skip
        return {
            "model": config.model,
            **({"tools": tools} if tools else {}),
            "messages": [*_system(request), *messages(request.turns, self.key)],
            quirks.tokens_field: min(request.most_tokens, config.most_tokens),
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"reasoning_effort": config.effort} if config.effort else {}),
            **self._of_openai(request),
        }

    def _of_openai(self, request: Request) -> Json:
        """Return what OpenAI's own servers take and others may refuse: nothing stored, and the cache's key."""
        if self._config.client == "compatible":
            return {}
        return {
            "store": False,
            **({"prompt_cache_key": request.session} if request.session else {}),
        }


def probe(model: OpenAIChat, quirks: Quirks, hang_up: HangUp) -> Quirks | None:
    """Ask a server to call a tool; return how it differs, None when it does not call any.

    Raises:
        ModelFailed: it could not be asked, which says nothing about its tools.
    """
    for _ in range(PROBES):
        reading = _Reading(replace(quirks, says_done=False))
        try:
            said = list(model.answer(PROBE, hang_up, quirks, reading))
        except ModelRequestRefused:
            other = _other_field(quirks)
            reading = _Reading(replace(other, says_done=False))
            said = list(model.answer(PROBE, hang_up, other, reading))
            quirks = other
        if any(isinstance(event, ToolCall) and event.name == "report_ready" for event in said):
            return replace(quirks, says_done=reading.done)
        if hang_up.is_set():
            break
    return None


def _other_field(quirks: Quirks) -> Quirks:
    other: TokensField = (
        "max_completion_tokens" if quirks.tokens_field == "max_tokens" else "max_tokens"
    )
    return replace(quirks, tokens_field=other)


def _system(request: Request) -> list[Json]:
    # One message: many servers' templates take only one, and only first.
    words = "\n\n".join(w for w in (request.policy, request.digest) if w)
    return [{"role": "system", "content": words}] if words else []


def messages(turns: Sequence[Turn], key: str) -> list[Json]:
    """Return a conversation in the dialect's words."""
    found: list[Json] = []
    for turn in settle(turns, key):
        match turn:
            case UserTurn():
                words = "\n\n".join(w for w in (turn.context, turn.text) if w.strip())
                found.append({"role": "user", "content": words})
            case AssistantTurn():
                found.append(_assistant(turn))
            case ToolTurn():
                found += [
                    {"role": "tool", "tool_call_id": r.call_id, "content": r.text}
                    for r in turn.replies
                ]
    return found


def _assistant(turn: AssistantTurn) -> Json:
    calls = [
        {
            "id": c.id, "type": "function",
            "function": {"name": as_name(c.name), "arguments": as_text(c.arguments)},
        }
        for c in turn.calls
    ]  # fmt: skip
    # An empty text, not null: some templates print "None".
    return {
        "role": "assistant",
        "content": turn.text,
        **({"tool_calls": calls} if calls else {}),
    }


@dataclass(kw_only=True)
class _Growing:
    """A tool call as it comes, in pieces."""

    id: str
    name: str = ""
    arguments: str = ""


class _Reading:
    """The chunks of one answer: text, pieces of tool calls, a reason to stop, usage, `[DONE]`."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._calls: list[_Growing] = []
        self._places: dict[int, _Growing] = {}
        self._reason = ""
        self._refused = False
        self._usage: Json = {}
        self.done = False

    def ended(self, *, closed: bool = False) -> bool:
        whole = self.done or (closed and not self._quirks.says_done)
        return bool(self._reason) and whole

    def read(self, event: Json) -> Iterator[TextDelta]:
        if event is END:
            self.done = True
            return
        if event.get("error"):
            raise of_event(event)
        self._usage = part(event, "usage") or self._usage
        for choice in parts(event, "choices"):
            delta = part(choice, "delta")
            self._refused = self._refused or bool(text(delta, "refusal"))
            for piece in parts(delta, "tool_calls"):
                self._grow(piece)
            self._reason = text(choice, "finish_reason").casefold() or self._reason
            if words := text(delta, "content"):
                yield TextDelta(text=words)

    def end(self) -> Iterator[ModelEvent]:
        if self._reason == "error":
            raise ModelFailed("the server ended its answer with an error")
        # A reason that is not known is no end of a whole answer.
        stop: Stop = "refusal" if self._refused else STOPS.get(self._reason, "length")
        if stop == "end" and self._calls:
            stop = "tools"
        if stop == "tools":
            yield from self._called()
        yield Done(stop=stop, usage=self._counted())

    def _grow(self, piece: Json) -> None:
        """Add a piece to its call. Some servers give every call the same place: another id is another call."""
        at, sent = number(piece, "index"), text(piece, "id")
        name = text(piece, "function", "name")
        known = self._places.get(at)
        if known is None or (sent and name and known.id and sent != known.id):
            known = self._places[at] = _Growing(id=sent)
            self._calls.append(known)
        known.id = known.id or sent
        known.name = known.name or name
        arguments = part(piece, "function").get("arguments")
        if isinstance(arguments, dict):
            known.arguments = msgspec.json.encode(arguments).decode()
        elif isinstance(arguments, str):
            known.arguments += arguments

    def _called(self) -> Iterator[ToolCall]:
        """Yield the calls, each under a name of its own."""
        if not self._calls:
            raise ModelFailed("the model asked for tools and named none")
        for call, own in zip(self._calls, own_ids([c.id for c in self._calls]), strict=True):
            yield ToolCall(id=own, name=call.name, arguments=call.arguments or "{}")

    def _counted(self) -> Usage:
        return Usage(
            input_tokens=number(self._usage, "prompt_tokens"),
            output_tokens=number(self._usage, "completion_tokens"),
            cached_tokens=number(self._usage, "prompt_tokens_details", "cached_tokens"),
        )


def build(config: ModelConfig, secret: str, timeouts: Timeouts = Timeouts()) -> OpenAIChat:  # noqa: B008  # frozen
    """Return the adapter of one configured model; nothing is sent.

    Raises:
        ConfigurationError: see `openai_clients.client`.
    """
    sdk = openai_clients.client(config.client, config, secret)
    compatible = config.client == "compatible"
    # OpenAI's reasoning models refuse the older field, many other servers know no other.
    quirks = Quirks(tokens_field="max_tokens" if compatible else "max_completion_tokens")
    return OpenAIChat(sdk, config, timeouts, probes=compatible, quirks=quirks)


def offered(config: ModelConfig, secret: str) -> tuple[Offered, ...]:
    """Return the provider's own list; raises as `openai_clients.offered`."""
    return openai_clients.offered(config, secret)
