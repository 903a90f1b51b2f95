"""The one tool registry: typed functions with docstrings become tools; every call is validated, bounded, audited.

A tool gets the launch's chart and nothing else: no argument can name a patient, so no call can leave the launch.
Its schema is derived from its signature; arguments are checked against it by msgspec before the function runs.
A refusal (unknown tool, bad argument, unknown handle) is a result that the model is told, never an exception.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from app.errors import ChartsideError
from app.fhir.citation import HANDLES
from app.fhir.granular import granted
from app.fhir.reader import LaunchChart
from app.fhir.sections import SECTION_WORDS, SECTIONS, SectionName
from app.fhir.source import STORED, Complete, Completeness, Failed, Truncated
from app.fhir.unsorted import Unsorted
from app.launch_context import LaunchContext
from app.llm.port import Entry, Schema, ToolSpec
from app.tools.bounds import MOST_CHARACTERS, bounded

if TYPE_CHECKING:
    from app.warehouse.cohort.answers import Table

# The argument of a tool that hears the user's words.
TYPED = "typed"
# Answers of a tool that could not run; told to the model, never shown.
# Records that were read longer ago than this are said to be so.
WORTH_SAYING_MIN = 30
NO_SUCH_TOOL = "No such tool. Use one of the tools listed."


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a tool returns. `sections` are those it read; `shown` says how many records of each it gives back.

    `most` is the longest text it may give; a report that stands for many look-ups has more.
    `unsorted` says of which sections records could not be told apart by what was asked (`app.fhir.unsorted`).
    `tables` are counts of many patients.
    """

    text: str
    sections: tuple[SectionName, ...]
    entries: tuple[Entry, ...] = ()
    shown: Mapping[SectionName, int] = field(default_factory=dict)
    most: int = MOST_CHARACTERS
    unsorted: Unsorted = field(default_factory=dict)
    tables: "tuple[Table, ...]" = ()


@dataclass(frozen=True, kw_only=True)
class Look:
    """One section as a tool saw it: how many records there are, how many were given back, how far it was read."""

    section: SectionName
    label: str
    searched: int
    read: int
    completeness: Completeness


def failed_of(looks: Iterable[Look]) -> dict[SectionName, str]:
    """Return why sections were not read, or could not be sorted by what was asked."""
    states = {look.section: look.completeness for look in looks}
    return {name: state.reason for name, state in states.items() if isinstance(state, Failed)}


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What a call gave: `text` for a model, `entries` for an assistant in this process, `looks` and `tables` for the screen.

    `ran` False: there is no such tool, or the arguments did not fit it.
    """

    text: str
    is_error: bool = False
    handles: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    looks: tuple[Look, ...] = ()
    tables: "tuple[Table, ...]" = ()
    ran: bool = True

    @property
    def failed(self) -> dict[SectionName, str]:
        """Why sections were not read, or not sorted."""
        return failed_of(self.looks)

    @property
    def completeness(self) -> dict[SectionName, Completeness]:
        """How far each section that the call used was read."""
        return {look.section: look.completeness for look in self.looks}


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function with a chart as its first argument; `reads` are the FHIR types it cannot do without (any of them).

    `hears`: it also takes `typed`, the user's own words, which no caller of the tool can set.
    """

    function: Callable[..., Found]
    reads: tuple[str, ...]
    hears: bool = False

    @property
    def name(self) -> str:
        """Return the name that a model calls."""
        return self.function.__name__


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the audit is told of a call: names, not values. `ran` False: no such tool, or arguments that do not fit."""

    name: str
    is_error: bool
    sections: tuple[str, ...]
    ran: bool = True


class Guarded:
    """Tools over one subject: described, called with arguments that were checked, and refused in words.

    What a result is made of is the subject's: `Registry` for one launch's chart, `app.tools.cohort_tools` for many patients.
    """

    def __init__(
        self, tools: Iterable[Tool], subject: object, on_call: Callable[[Call], None] | None
    ) -> None:
        able = sorted(tools, key=lambda tool: tool.name)
        self._subject = subject
        self._on_call = on_call
        self._tools = {tool.name: tool for tool in able}
        self._arguments = {tool.name: arguments_of(tool) for tool in able}

    def describe(self) -> tuple[ToolSpec, ...]:
        """Return the tools that may be used, by name; byte-stable."""
        return tuple(
            specification(tool, self._arguments[name]) for name, tool in self._tools.items()
        )

    def call(self, name: str, arguments: str | Mapping[str, object]) -> ToolResult:
        """Run a tool. `arguments` is JSON as a model sent it, or a mapping."""
        result = self._run(name, arguments)
        if self._on_call:
            sections = tuple(look.section for look in result.looks)
            known = name if name in self._tools else ""
            self._on_call(
                Call(name=known, is_error=result.is_error, sections=sections, ran=result.ran)
            )
        return result

    def _run(self, name: str, arguments: str | Mapping[str, object]) -> ToolResult:
        tool = self._tools.get(name)
        if tool is None:
            return ToolResult(text=NO_SUCH_TOOL, is_error=True, ran=False)
        try:
            given = _validated(arguments, self._arguments[name])
        except msgspec.ValidationError as error:
            return ToolResult(text=f"Refused: {error}.", is_error=True, ran=False)
        except (msgspec.DecodeError, RecursionError):
            text = "Refused: the arguments are not a JSON object."
            return ToolResult(text=text, is_error=True, ran=False)
        try:
            found = tool.function(self._subject, **given, **self._heard(tool))
        except ChartsideError as error:
            return ToolResult(text=f"Refused: {error.public} {error}", is_error=True)
        return self._result(found)

    def _heard(self, tool: Tool) -> dict[str, str]:
        """Return what a tool is told that no caller of it can set."""
        del tool
        return {}

    def _result(self, found: Found) -> ToolResult:
        """Return what a call gave."""
        return ToolResult(text=found.text, entries=found.entries, tables=found.tables)


class Registry(Guarded):
    """The tools of one launch."""

    def __init__(
        self,
        tools: Iterable[Tool],
        launch: LaunchChart,
        context: LaunchContext,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        able = (tool for tool in tools if any(readable(context, kind) for kind in tool.reads))
        super().__init__(able, launch, on_call)
        self._launch = launch
        # What the user typed in this conversation: what a tool takes as entered has to stand in it.
        self.typed = ""

    def _heard(self, tool: Tool) -> dict[str, str]:
        return {TYPED: self.typed} if tool.hears else {}

    def _result(self, found: Found) -> ToolResult:
        looks = tuple(self._look(section, found) for section in found.sections)
        unread = [
            f"{look.label}: {told(look.completeness)}"
            for look in looks
            if not isinstance(look.completeness, Complete)
        ]
        aged = self._aged(found.sections)
        # What was not read is never what is cut.
        end = f"\nNOT READ TO ITS END: {'; '.join(unread)}. Do not say none." if unread else ""
        end += self._dated(found.sections) + aged
        text = bounded(found.text, found.most - len(end)) + end
        handles = tuple(dict.fromkeys(HANDLES.findall(text)))
        return ToolResult(text=text, handles=handles, entries=found.entries, looks=looks)

    def _dated(self, names: Sequence[SectionName]) -> str:
        """Say what was read from the store, and up to when it was exported: newer records may exist."""
        stored = dict.fromkeys(v for name in names if (v := self._launch.via(name)).startswith(STORED))  # fmt: skip
        return f"\nFROM {'; '.join(stored)}." if stored else ""

    def _aged(self, names: Sequence[SectionName]) -> str:
        """Say how old the oldest read of these sections is, once it is worth knowing."""
        oldest = min((self._launch.read_time(name) for name in names), default=self._launch.now)
        minutes = int((self._launch.now - oldest).total_seconds() // 60)
        if minutes < WORTH_SAYING_MIN:
            return ""
        at = self._launch.chart.print_date(oldest.isoformat(), time=True)
        return f"\nAS READ {at}, {minutes} minutes ago; newer records may exist."

    def _look(self, section: SectionName, found: Found) -> Look:
        state = self._launch.sections.get(section, Complete(n=0))
        searched = self._launch.chart.counts[section]
        lost = found.unsorted.get(section)
        if lost and isinstance(state, Complete | Truncated):
            state = Failed(reason=lost, n=searched)
        return Look(
            section=section, label=named(self._launch, section), searched=searched,
            read=found.shown.get(section, searched), completeness=state,
        )  # fmt: skip


def named(launch: LaunchChart, section: SectionName) -> str:
    """Name a section, and what it was read by where that was not the EHR's FHIR API."""
    via = launch.via(section)
    return f"{SECTION_WORDS[section]} ({via})" if via else SECTION_WORDS[section]


def readable(context: LaunchContext, kind: str) -> bool:
    """Tell whether any search of the chart finds something of this type: a granular scope may leave nothing of it."""
    queries = [section.query for section in SECTIONS if section.kind == kind]
    return any(granted(context, query).share != "none" for query in queries)


@cache
def arguments_of(tool: Tool) -> type[msgspec.Struct]:
    """Return a struct with the tool's arguments, which decodes them strictly; the chart is not one of them."""
    hints = get_type_hints(tool.function, include_extras=True)
    parameters = list(inspect.signature(tool.function).parameters.values())[1:]
    parameters = [p for p in parameters if not (tool.hears and p.name == TYPED)]
    fields: list[Any] = [
        (p.name, hints[p.name]) if p.default is p.empty else (p.name, hints[p.name], p.default)
        for p in parameters
    ]
    return msgspec.defstruct(
        tool.name, fields, forbid_unknown_fields=True, frozen=True, kw_only=True
    )


@cache  # derived from what the program is made of: the same for every launch
def specification(tool: Tool, arguments: type[msgspec.Struct]) -> ToolSpec:
    """Derive what a model is told: the docstring, and a flat JSON Schema from the signature."""
    (_,), parts = msgspec.json.schema_components([arguments])
    sent = parts.pop(tool.name)
    properties = {name: _plain(part) for name, part in sent["properties"].items()}
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if sent.get("required"):
        schema["required"] = sent["required"]
    if parts:
        schema["$defs"] = {name: _trimmed(part) for name, part in parts.items()}
    return ToolSpec(name=tool.name, description=inspect.getdoc(tool.function) or "", schema=schema)


def _trimmed(part: Any) -> Any:
    """Drop titles and empty defaults at every depth."""
    if isinstance(part, dict):
        return {k: _trimmed(v) for k, v in _plain(part).items()}
    return [_trimmed(one) for one in part] if isinstance(part, list) else part


def _plain(part: Mapping[str, Any]) -> Schema:
    """Drop what costs tokens and says nothing: empty defaults and titles."""
    return {
        k: v
        for k, v in part.items()
        if k != "title" and not (k == "default" and v in ("", [], None))
    }


def _validated(arguments: str | Mapping[str, object], kind: type[msgspec.Struct]) -> dict[str, Any]:
    if isinstance(arguments, str):
        given = msgspec.json.decode(arguments or "{}", type=kind)
    else:
        given = msgspec.convert(arguments, kind)
    return msgspec.structs.asdict(given)


def told(state: Completeness) -> str:
    """Say how far a section was read, in words a model can pass on."""
    match state:
        case Complete():
            return "complete"
        case _:
            return UNREAD[state.kind](state)


UNREAD: Mapping[str, Callable[[Any], str]] = {
    "truncated": lambda s: f"truncated, {s.n} of {s.total or 'more'} read",
    "denied": lambda s: (
        f"refused by the EHR{f' (missing permission {s.scope})' if s.scope else ''}"
    ),
    "restricted": lambda s: f"restricted by the EHR ({s.why})",
    "failed": lambda s: f"not read ({s.reason})",
    "not_offered": lambda s: f"this EHR does not offer {s.resource_type}",
}


def names(tools: Sequence[ToolSpec]) -> frozenset[str]:
    """Return the names of described tools."""
    return frozenset(tool.name for tool in tools)
