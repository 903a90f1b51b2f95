"""The port to an assistant: a neutral transcript in, a stream of events out. Adapters translate, nothing else.

A stream ends with exactly one `Done`. A stream that ends without it was cut (the vendors' SDKs do not say so):
the caller treats what was written as a fragment. An adapter never runs a tool; it only reports `ToolCall`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from app.llm.hang_up import HangUp

Stop = Literal["end", "tools", "length", "refusal"]
# A JSON Schema, or a piece of one.
Schema = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """What a model is told about a tool. `schema` is a flat JSON Schema object."""

    name: str
    description: str
    schema: Schema


@dataclass(frozen=True, kw_only=True)
class TextDelta:
    """The next characters of the answer."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A tool the assistant asks for. `arguments` is JSON as sent: a compatible server may send nonsense."""

    id: str
    name: str
    arguments: str
    kind: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; all 0 without a language model."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Native:
    """A provider's own blocks, replayed verbatim to the same `key` (dialect, configured model and its name) and dropped for others."""

    key: str
    blocks: object


@dataclass(frozen=True, kw_only=True)
class Done:
    """The terminal event."""

    stop: Stop
    usage: Usage = field(default_factory=Usage)
    native: Native | None = None
    kind: Literal["done"] = "done"


ModelEvent = TextDelta | ToolCall | Done


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One result of a series: handle, value, flag, range and status as sent; `date` is dd-MMM-yyyy, `role` its meaning.

    `moment` is the same date as sortable ISO, with the time where one was sent.
    """

    handle: str
    text: str
    flag: str = ""
    status: str = ""
    date: str = ""
    role: str = ""
    moment: str = ""
    limits: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing a tool found, as fields; what `Reply.text` says in words and nothing more.

    `section` is the chart's section ("medications", "labs", "search" ...), `group` its status, `codes` the
    codes and words it can be recognised by, `fields` the printed facts by name (dose, frequency, ordered ...).
    """

    section: str
    handle: str
    name: str
    group: str = ""
    codes: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    limits: str = ""
    cells: tuple[Cell, ...] = ()

    def field(self, name: str) -> str:
        """Return the printed fact called `name`, "" when it is not there."""
        return next((text for key, text in self.fields if key == name), "")

    def with_fields(self, *more: tuple[str, str]) -> "Entry":
        """Return the same thing with more facts."""
        return replace(self, fields=(*self.fields, *more))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a tool answered. A model outside this process reads `text` only.

    `entries` are the same facts as fields: an assistant inside the process (no_llm) writes its sentences from
    them and would otherwise parse our own text back. They never leave the process.
    """

    call_id: str
    name: str
    text: str
    is_error: bool = False
    entries: tuple[Entry, ...] = ()
    # Sections that were not read to their end: (words for the section, why).
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class UserTurn:
    """A question. `context` is what changes from turn to turn (the time); an adapter sends it before the question."""

    text: str
    context: str = ""
    kind: Literal["user"] = "user"


@dataclass(frozen=True, kw_only=True)
class AssistantTurn:
    """What the assistant wrote and asked for."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    native: Native | None = None
    kind: Literal["assistant"] = "assistant"


@dataclass(frozen=True, kw_only=True)
class ToolTurn:
    """All answers to one assistant turn's calls, together: some providers refuse them one by one."""

    replies: tuple[Reply, ...]
    kind: Literal["tool"] = "tool"


Turn = UserTurn | AssistantTurn | ToolTurn


@dataclass(frozen=True, kw_only=True)
class Request:
    """One model call. Policy, tools and digest are byte-stable within a launch, so that they are cached.

    `session` is an opaque name of the launch for the provider's cache; it says nothing about who or where.
    """

    policy: str
    tools: tuple[ToolSpec, ...]
    digest: str
    turns: tuple[Turn, ...]
    most_tokens: int = 4096
    session: str = ""


class Model(Protocol):
    """An assistant. `language_model` is False for the deterministic one; then `version` is "".

    `key` names dialect, configured model and its name: blocks of a provider (`Native`) are replayed to the same key only.
    """

    @property
    def name(self) -> str:
        """Return the name shown on every answer."""

    @property
    def version(self) -> str:
        """Return the version as the provider names it."""

    @property
    def language_model(self) -> bool:
        """Tell whether a language model writes the text."""

    @property
    def key(self) -> str:
        """Return the name of dialect, configured model and its name."""

    @property
    def together(self) -> bool:
        """Tell whether its stream, behind the first event, waits only as `app.llm.streams` does."""

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        """Yield text and tool calls, then one `Done`.

        `hang_up` ends the call wherever it waits, the provider's connection too; so does closing the iterator.
        After its first event it is read in the reader's thread: whoever waits calls `silence.waits` before, so that
        the words so far are shown, and `silence.silent` each second of it. Words may be joined with those before them
        once `waits` was called. The first event may come in another thread than the rest.

        Raises:
            ModelFailed: and its kinds (`app.llm.errors`). Ended by `hang_up`, it ends without `Done` and raises
                nothing.
        """

    def warm(self, request: Request) -> None:
        """Have the provider keep the request's stable beginning, where it can; never raises."""
