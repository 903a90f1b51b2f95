"""Which parts of a chart an EHR's MCP server gives: section by section, by which tool, with which limits.

What vendors leave out differs from one to the next; the table makes it visible before a clinician meets it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.fhir.sections import SECTIONS
from app.mcp.calls import Wanted, choose, serves
from app.mcp.pins import Listed, standing, why_not
from app.smart.ehr_mcp import Mcp, McpTool

# Read by a reference that a record carries, beside the sections.
READ = (
    ("Contents of documents", "Binary"), ("Names of medicines", "Medication"),
    ("Clinicians", "Practitioner"),
)  # fmt: skip
WHOLE = "the whole list only: no date, no code"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One part of a chart: what it is called, its FHIR type, the tool that gives it ("": none), and what is missing of it."""

    part: str
    kind: str
    tool: str
    limits: str


def rows(mcp: Mcp, now: Mapping[str, Listed] | None = None) -> list[Row]:
    """Return one row for each section and each kind of reference; `now` are the tools as the server lists them."""
    found = [
        _row(s.words, Wanted(path="", kind=s.kind, params=s.query.params), mcp, now)
        for s in SECTIONS[1:]
    ]
    patient = _row(SECTIONS[0].words, Wanted(path="", kind="Patient", fhir_id="-"), mcp, now)
    read = [_row(words, Wanted(path="", kind=kind, fhir_id="-"), mcp, now) for words, kind in READ]
    return [patient, *found, *read]


def _row(part: str, wanted: Wanted, mcp: Mcp, now: Mapping[str, Listed] | None) -> Row:
    name = choose(mcp.tools, wanted)
    if not name:
        said = next(
            (
                n
                for n, t in mcp.tools.items()
                if t.adapter == "statement" and t.resource_type == wanted.kind
            ),
            "",
        )
        limits = "words only, among the notes" if said else _left_out(mcp, wanted)
        return Row(part=part, kind=wanted.kind, tool=said, limits=limits)
    limits = _now(mcp, name, now) or (WHOLE if _is_whole(mcp.tools[name], wanted) else "")
    return Row(part=part, kind=wanted.kind, tool=name, limits=limits)


def _left_out(mcp: Mcp, wanted: Wanted) -> str:
    others = sorted(
        {c for t in mcp.tools.values() if t.resource_type == wanted.kind for c in t.categories}
    )
    return (
        f"not offered; this type is given for {', '.join(others)} only" if others else "not offered"
    )


def _now(mcp: Mcp, name: str, now: Mapping[str, Listed] | None) -> str:
    return (
        "" if now is None else why_not(name, standing(mcp.tools.get(name), now.get(name)), mcp.name)
    )


def _is_whole(tool: McpTool, wanted: Wanted) -> bool:
    return tool.adapter == "resources" and not wanted.fhir_id and serves(tool, wanted)


def as_markdown(found: Iterable[Row]) -> str:
    """Print rows as a table."""
    head = "| Part of the chart | FHIR type | Tool | Limits |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| {r.part} | {r.kind} | {f'`{r.tool}`' if r.tool else 'none'} | {r.limits} |\n"
        for r in found
    )
