"""The same twelve questions by each way to a chart, as docs/options.md: `make options`.

Gold is `tests/evals/clinician60.toml`, read from the raw files by a second program. Chat is the deterministic assistant through
`POST turns`; the host of our MCP server is the SDK's client with a scripted plan, judged by what its model would be told.
"""

import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ag_ui.core import Event
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent, TextResourceContents
from pydantic import TypeAdapter

from app.smart.session import context_from
from bench.tokens import count
from sandbox.mcp.switches import Switches
from tests.evals.clinician import Question, questions
from tests.evals.clinician_answers import handled, holds, judge
from tests.interaction.mcp.hosts import as_host, token_of
from tests.interaction.warehouse.stored import stored_stack
from tests.mcp_ehr import mcp_only
from tests.stack import ROOT, Stack, make_stack, registered
from tests.unit.agent.shown import custom, references, shown

PAGE = ROOT / "docs" / "options.md"
ASKED: Mapping[int, str] = {
    1: "what changed", 2: "problems", 6: "medicines", 8: "pending", 11: "notes", 17: "negative", 23: "laboratory trend",
    25: "aggregate", 28: "calculation", 45: "restricted", 53: "allergies",
}  # fmt: skip
OTHER = "special/adolescent"
ROUTES = (
    "EHR chat over FHIR",
    "EHR's MCP server, FHIR off",
    "Our MCP server, another host",
    "Bulk store",
)
GAP = re.compile(r"(?:does not offer|not offered|could not be read|NOT READ|no tool|cannot search)[^\n\"]{0,60}", re.I)  # fmt: skip
DATED = "the store, data as of"
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One question by one route: the outcome, its text, distinct records cited or told, and seconds; `dated`: it says up to when."""

    outcome: str
    text: str
    records: int
    seconds: float
    tokens: int = 0
    dated: bool = False


def by_chat(stack: Stack, question: Question) -> Cell:
    """Ask in a launch of its own."""
    launched = stack.browser().launch(question.chart)
    opened = stack.services.sessions.open(launched.key)
    assert opened is not None
    chart = stack.services.charts.get(context_from(opened))
    began = time.perf_counter()
    events = [EVENT.validate_python(event) for event in launched.ask(question.text)]
    spent = time.perf_counter() - began
    judged = judge(question, chart, events)
    told = "\n".join((judged.screen, *_unread(events), *_looked_at(events)))
    cited = {r for one in shown(events) for n in one.sources for r in references(chart, n)}
    return Cell(outcome=outcome(judged.outcome, told), text=told, records=len(cited), seconds=spent)


def _unread(events: Sequence[Event]) -> Iterator[str]:
    """Yield what stands under an answer as not readable and touching the question."""
    for said in custom(events, "not_seen"):
        for line in said["not_readable"]:
            if line["touches"]:
                yield "".join(str(piece.get("text", "")) for piece in line["pieces"])


def _looked_at(events: Sequence[Event]) -> Iterator[str]:
    """Yield the names of what was looked at, the last time that it is sent: whole."""
    for said in custom(events, "looked_at")[-1:]:
        yield from (str(line["label"]) for line in said["lines"])


def from_store(stack: Stack, question: Question) -> Cell:
    """Ask in a launch whose chart is read from the store; `dated` tells whether anything of the answer was."""
    return _dated(by_chat(stack, question))


def _dated(cell: Cell) -> Cell:
    return replace(cell, dated=DATED in cell.text)


def outcome(judged: str, text: str) -> str:
    """Return how an answer stands against gold; what it says itself to be missing is a gap with a name."""
    if judged in ("answered", "declined"):
        return "correct"
    return "gap named" if GAP.search(text) else "differs"


def by_host(stack: Stack, question: Question) -> Cell:
    """Make the plan's calls as an MCP host, and look up what stands behind each handle."""

    async def act(client: Client) -> tuple[str, dict[str, str], float]:
        began = time.perf_counter()
        texts = []
        for name, arguments in question.calls:
            found = await client.call_tool(name, dict(arguments))
            texts += [b.text for b in found.content if isinstance(b, TextContent)]
        spent = time.perf_counter() - began
        told = "\n".join(texts)
        reached: dict[str, str] = {}
        for handle, words in handled(told):
            for reference in await _behind(client, handle):
                reached[reference] = f"{reached.get(reference, '')} {words}"
        return told, reached, spent

    told, reached, spent = as_host(stack, token_of(stack.browser().launch(question.chart)), act)
    missing = [n for n in question.needed if not holds(n.shown, reached.get(n.reference, ""))]
    untold = [pattern for pattern in question.told if not re.search(pattern, told)]
    judged = "wrong" if missing or untold else "answered"
    return Cell(outcome=outcome(judged, told), text=told, records=len(reached), seconds=spent)


async def _behind(client: Client, handle: str) -> set[str]:
    try:
        contents = (await client.read_resource(f"chartside://facts/{handle}")).contents[0]
    except MCPError:
        return set()  # Words of the chart that look like a handle.
    assert isinstance(contents, TextResourceContents)
    return {one.get("reference", "") for one in json.loads(contents.text)["evidence"]} - {""}


def other_by_chat(stack: Stack, other: str) -> Cell:
    """Ask for another patient by id: whatever is cited must be of this chart."""
    asked = replace(
        questions()[0], text=f"Show me the allergies of Patient/{other}", needed=(), says=()
    )
    cell = by_chat(stack, asked)
    # The assistant repeats, in quotation marks, the words of the question that it could not match.
    shows = other in re.sub("“[^”]*”", "", cell.text)
    return replace(cell, outcome="differs" if shows else "refused or this chart only")


def other_by_host(stack: Stack, other: str) -> Cell:
    """Name another patient in a call: no argument can."""

    async def act(client: Client) -> tuple[bool, str]:
        found = await client.call_tool("chart_section", {"section": "allergies", "patient": other})
        return bool(found.is_error), " ".join(b.text for b in found.content if isinstance(b, TextContent))  # fmt: skip

    refused, text = as_host(stack, token_of(stack.browser().launch("messy")), act)
    return Cell(outcome="refused" if refused else "differs", text=text, records=0, seconds=0)


def written(rows: Sequence[tuple[str, str, Sequence[Cell | None]]]) -> str:
    """Return the page."""
    return "\n".join([*_lines(rows), ""])


def _lines(rows: Sequence[tuple[str, str, Sequence[Cell | None]]]) -> Iterator[str]:
    yield from ("# Ways to a chart, compared", "")
    yield (
        "The same twelve questions by each way, over the sandbox's charts. Generated by `make options`. Correct: everything that a second program "
        "reads from the raw files is shown or told with its record. Gap named: something is missing, and the answer says, in it or under it, what could not be read. "
        "Differs: something is missing without such a word. Tokens (o200k) are of the chat's answer as shown, and of what a host's model is told; records are those "
        "cited or told; seconds are of one machine, with the chart not yet read; what an export and its snapshot take is not in them. From the bulk store a section is shown only where the EHR, asked for its newest ten records, shows this user the same (docs/store.md); "
        "what is in doubt is read from the EHR. Tokens of the chat and tokens of a host are two things and not to be compared. The eleven questions were taken from the sixty of `tests/evals/clinician60.toml` after seventeen had been tried by the first two ways; chat answered all of those."
    )
    yield ""
    yield f"| Question | About | {' | '.join(ROUTES)} |"
    yield f"| --- | --- |{' --- |' * len(ROUTES)}"
    for text, about, cells in rows:
        yield f"| {text} | {about} | {' | '.join(map(_cell, cells))} |"
    totals = [_total([cells[n] for *_, cells in rows]) for n in range(len(ROUTES))]
    yield f"| **All twelve** | | {' | '.join(totals)} |"


def _cell(one: Cell | None) -> str:
    if one is None:
        return "not measured"
    return f"{one.outcome}; {one.records} records, {one.tokens} tokens, {one.seconds:.1f} s"


def _total(cells: Sequence[Cell | None]) -> str:
    there = [one for one in cells if one]
    if not there:
        return "not measured"
    right = sum(one.outcome.startswith(("correct", "refused")) for one in there)
    dated = sum(one.dated for one in there)
    said = (
        f"; {dated} say “data as of”, {len(there) - dated} read all from the EHR" if dated else ""
    )
    return f"{right} of {len(there)} correct or refused, {sum(one.tokens for one in there)} tokens{said}"


def main() -> None:
    """Ask everything and write the page."""
    asked = [q for q in questions() if q.number in ASKED]
    with tempfile.TemporaryDirectory() as folder:
        live, mcp, store = (Path(folder) / name for name in ("live", "mcp", "store"))
        for place in (live, mcp, store):
            place.mkdir()
        often = ('hosts = ["*"]', 'hosts = ["*"]\ncalls_per_minute = 600')
        ours = make_stack(live, launch_config=registered(live, often))
        ehrs = make_stack(mcp, launch_config=mcp_only(mcp, "typed"), mcp=Switches())
        stored = stored_stack(store, {*(q.chart for q in asked), OTHER})
        rows = [
            (q.text, ASKED[q.number], [by_chat(ours, q), by_chat(ehrs, q), by_host(ours, q), from_store(stored, q)])
            for q in asked
        ]  # fmt: skip
        other = ours.patient(OTHER)
        cells = [
            other_by_chat(ours, other), other_by_chat(ehrs, other), other_by_host(ours, other), _dated(other_by_chat(stored, other)),
        ]  # fmt: skip
        rows.append(("Another patient's allergies, by id", "wrong patient", cells))
        ehrs.transport.close()
    there = [one for *_, cells in rows for one in cells if one]
    sizes = iter(count([one.text for one in there]))
    counted = [
        (text, about, [one and replace(one, tokens=next(sizes)) for one in cells])
        for text, about, cells in rows
    ]
    PAGE.write_text(written(counted), "utf-8")


if __name__ == "__main__":
    main()
