"""What a tool call tells an MCP host: compact text, and the same facts as fields, each with its handle and its record.

Text is what the chat's models read, bounded by the registry. The fields are bounded here: what does not fit is counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.errors import UnknownHandle
from app.fhir.chart import Chart
from app.fhir.reader import LaunchChart
from app.fhir.source import Denied, Restricted, Truncated
from app.llm.port import Cell, Entry, Schema
from app.tools.bounds import as_data, bounded
from app.tools.registry import Look, ToolResult, told

MOST_FACTS, MOST_CELLS, MOST_CHARACTERS = 60, 3, 6_000
# Read from what a tool found, not fields of a record: how it is sorted, and how pressing it is.
OURS = frozenset(("sort", "age", "urgency"))
# Loose on purpose: every tool has it, and a host's model pays for each. docs/mcp.md says what stands in it.
SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "asOf": {"type": "string"},
        "facts": {"type": "array"},
        "sections": {"type": "array"},
    },
    "required": ["asOf", "facts", "sections"],
}


@dataclass(frozen=True, kw_only=True)
class McpAnswer:
    """The answer to a call; `sections` and `scopes` are for the audit: what was read, what was missing."""

    text: str
    is_error: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    sections: tuple[str, ...] = ()


def answer(launch: LaunchChart, result: ToolResult) -> McpAnswer:
    """Return what a host is told of a result of the registry."""
    if not result.looks:
        return McpAnswer(text=result.text, is_error=result.is_error, facts=_nothing(launch))
    read = min(launch.read_time(look.section) for look in result.looks)
    text = f"{result.text}\nDATA AS OF {launch.chart.print_date(read.isoformat(), time=True)}"
    return McpAnswer(
        text=text,
        is_error=result.is_error or all(map(_shut, result.looks)),
        facts=_fields(launch.chart, result, read),
        sections=tuple(look.section for look in result.looks),
    )


def _nothing(launch: LaunchChart) -> dict[str, Any]:
    return {"asOf": launch.now.isoformat(timespec="seconds"), "facts": [], "sections": []}


def _fields(chart: Chart, result: ToolResult, read: datetime) -> dict[str, Any]:
    every = list(_facts(chart, result))
    shown: list[dict[str, str]] = []
    size = 0
    for fact in every[:MOST_FACTS]:
        size += sum(len(name) + len(text) for name, text in fact.items())
        if size > MOST_CHARACTERS:
            break
        shown.append(fact)
    left = {"factsLeftOut": len(every) - len(shown)} if len(every) > len(shown) else {}
    sections = [_section(look) for look in result.looks]
    return {
        "asOf": read.isoformat(timespec="seconds"),
        "facts": shown,
        "sections": sections,
        **left,
    }


def _facts(chart: Chart, result: ToolResult) -> Iterator[dict[str, str]]:
    """Yield what the text shows, in its order: an entry that the text cut is none."""
    shown = set(result.handles)
    for entry in result.entries:
        if entry.handle in shown:
            if entry.cells:
                for cell in entry.cells[:MOST_CELLS]:
                    yield _result(chart, entry, cell)
            else:
                yield _record(chart, entry)


def _record(chart: Chart, entry: Entry) -> dict[str, str]:
    said = {name: text for name, text in entry.fields if name not in OURS and text}
    fact = {
        "handle": entry.handle,
        "section": entry.section,
        "name": entry.name,
        "status": entry.group,
    }
    if entry.section == "search":
        said = {"found": chart.summary(entry.handle)}
    return _full({**said, **fact, "reference": _reference(chart, entry.handle)})


def _result(chart: Chart, entry: Entry, cell: Cell) -> dict[str, str]:
    return _full(
        {
            "handle": cell.handle, "section": entry.section, "name": entry.name, "value": as_data(cell.text),
            "unit": entry.unit, "flag": as_data(cell.flag), "range": as_data(cell.limits), "status": cell.status,
            "date": cell.date, "role": cell.role, "reference": _reference(chart, cell.handle),
        }
    )  # fmt: skip


def _full(fact: Mapping[str, str]) -> dict[str, str]:
    return {name: bounded(text, 600) for name, text in fact.items() if text}


def _reference(chart: Chart, handle: str) -> str:
    """Return the record that a handle points to; "" for what was searched or computed."""
    try:
        return next((e.reference for e in chart.evidence(handle)), "")
    except UnknownHandle:
        return ""


def _section(look: Look) -> dict[str, Any]:
    state = look.completeness
    found: dict[str, Any] = {
        "section": look.section, "label": look.label, "state": state.kind,
        "searched": look.searched, "shown": look.read,
    }  # fmt: skip
    if state.kind != "complete":
        found["why"] = told(state)
    if isinstance(state, Denied) and state.scope:
        found["missingScope"] = state.scope
    if isinstance(state, Truncated) and state.total is not None:
        found["total"] = state.total
    return found


def _shut(look: Look) -> bool:
    """Tell whether nothing of a section was read: then its answer is no answer."""
    state = look.completeness
    if isinstance(state, Restricted | Truncated):
        return False
    return state.kind != "complete" and not getattr(state, "n", 0)
