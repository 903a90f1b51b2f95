"""Other FHIR MCP servers on the same data and the same twelve questions: what their host's model is told, and whether it suffices.

`fhir-mcp-server` and `mcp-fhir` (PyPI) run as processes of their own over stdio, asked by the SDK's own client, over the sandbox EHR's
FHIR server on loopback with the access token of a launch. `mcp_peers.toml` says what a model would ask. An answer is correct if
everything that the second program reads from the raw files stands in what was returned: in favour of the server, whatever else stands
there, encoded in base64 too, and without the calls that its own tool list demands first. What a model then makes of it is not measured.
"""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import TextContent

from bench.figures import show
from bench.options import ASKED, OTHER
from bench.options import by_host as by_ours
from bench.options import other_by_host as other_by_ours
from bench.tokens import count
from tests.evals.clinician import Needed, Question, questions, records
from tests.evals.clinician_answers import holds
from tests.evals.clinician_records import MONTHS, happened, text
from tests.peers import NotInstalled, ehr_on_loopback, installed, token_of
from tests.stack import Stack, make_stack, registered

SCRIPTS = Path(__file__).with_suffix(".toml")
TWELVE = len(ASKED) + 1
MOST_PAGES = 20
DAY = re.compile(r"(\d\d)-([A-Z][a-z]{2})-(\d{4})")
Resource = dict[str, Any]
Search = tuple[str, dict[str, str]]
Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server: its version, its command, its variables for a FHIR base and a token, what its search and read and their arguments are called.

    `token`: it takes one; if not, the FHIR server on loopback puts it onto the requests.
    """

    name: str
    version: str
    command: Sequence[str]
    environ: Callable[[str, str], dict[str, str]]
    token: bool
    search: tuple[str, str, str]
    read: tuple[str, str, str]
    next_tool: str = ""


PEERS = (
    Peer(
        name="fhir-mcp-server", version="0.10.0", command=("fhir-mcp-server", "--transport", "stdio"), token=True,
        environ=lambda base, token: {
            "FHIR_SERVER_BASE_URL": base, "FHIR_SERVER_ACCESS_TOKEN": token, "FHIR_SERVER_DISABLE_AUTHORIZATION": "true",
        },
        search=("search", "type", "searchParam"), read=("read", "type", "id"),
    ),
    Peer(
        name="mcp-fhir", version="1.1.1", command=("mcp-fhir",), token=False,
        environ=lambda base, _: {"FHIR_BASE_URL": base},
        search=("fhir_search", "resource_type", "params"), read=("fhir_read", "resource_type", "resource_id"),
        next_tool="fhir_search_next",
    ),
)  # fmt: skip


@dataclass(kw_only=True)
class Told:
    """What one question brought: the texts, as a host's model gets them, and whether one was marked as an error."""

    texts: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.texts)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One question by one server."""

    number: int
    why: str
    told: Told


# ---------------------------------------------------------------- asking


def by_peer(peer: Peer, folder: Path, stack: Stack) -> tuple[list[Answered], str]:
    """Ask everything, each chart in a process of its own; return the answers and the tool list as it is sent."""
    asked = [q for q in questions() if q.number in ASKED]
    scripts = tomllib.loads(SCRIPTS.read_text("utf-8"))
    other = stack.patient(OTHER)
    found: list[Answered] = []
    tools: list[str] = []
    for chart in dict.fromkeys(q.chart for q in asked):
        patient = stack.patient(chart)
        mine = [(q, searches(scripts[str(q.number)], patient)) for q in asked if q.chart == chart]

        async def act(client: Client, mine: Any = mine, chart: str = chart) -> None:
            listed = await client.list_tools()
            sent = [
                t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in listed.tools
            ]
            tools.append(json.dumps(sent, ensure_ascii=False, separators=(",", ":")))
            for question, wanted in mine:
                told = await ask(peer, client, wanted)
                found.append(
                    Answered(number=question.number, why=lacking(question, told), told=told)
                )
            if chart == "messy":
                told = await ask(peer, client, [("AllergyIntolerance", {"patient": other})])
                why = "of another patient" if other in strangers(told) else ""
                found.append(Answered(number=0, why=why, told=told))

        connected(peer, folder, stack, chart, act)
    return found, tools[0]


def searches(script: Mapping[str, Any], patient: str) -> list[Search]:
    """Return the searches of a script for a patient."""
    return [
        (
            where.replace("{patient}", patient),
            {k: v.replace("{patient}", patient) for k, v in given.items()},
        )
        for where, given in script["searches"]
    ]


def connected(
    peer: Peer, folder: Path, stack: Stack, chart: str, act: Callable[[Client], Any]
) -> None:
    """Run a server for a launch of a chart, and act as its host."""
    token = token_of(stack, chart)

    async def run(base: str) -> None:
        server = StdioServerParameters(
            command=str(folder / peer.command[0]), args=list(peer.command[1:]),
            env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **peer.environ(base, token)}, cwd=folder,
        )  # fmt: skip
        with Path(os.devnull).open("w") as nowhere:
            async with Client(stdio_client(server, errlog=nowhere), mode="legacy") as client:
                await act(client)

    with ehr_on_loopback(stack, None if peer.token else lambda: token) as base:
        anyio.run(run, base)


async def ask(peer: Peer, client: Client, wanted: Sequence[Search]) -> Told:
    """Make the searches; what says no count is read page by page to its end."""
    told = Told()
    for where, params in wanted:
        kind, _, fhir_id = where.partition("/")
        name, first, second = peer.read if fhir_id else peer.search
        call: Call | None = (name, {first: kind, second: fhir_id or params})
        for _ in range(MOST_PAGES):
            if call is None:
                break
            found = await client.call_tool(*call)
            texts = [b.text for b in found.content if isinstance(b, TextContent)]
            told.texts += texts
            told.failed = told.failed or bool(found.is_error)
            call = following(peer, kind, texts) if "_count" not in params else None
    return told


def following(peer: Peer, kind: str, texts: Sequence[str]) -> Call | None:
    """Return the call for the next page, as the answer names it."""
    links = [link for b in map(_json, texts) if isinstance(b, dict) for link in b.get("link", [])]
    url = next((link["url"] for link in links if link.get("relation") == "next"), "")
    if not url:
        return None
    if peer.next_tool:
        return peer.next_tool, {"next_url": url}
    name, type_name, params_name = peer.search
    return name, {type_name: kind, params_name: dict(parse_qsl(urlsplit(url).query))}


# ---------------------------------------------------------------- judging


def lacking(question: Question, told: Told, *, decoded: bool = True) -> str:
    """Return the first thing that a true answer needs and what was told does not hold, "" where there is none.

    `decoded`: what stands in base64 counts.
    """
    returned = {
        f"{r['resourceType']}/{r['id']}": r for t in told.texts for r in resources(_json(t))
    }
    for needed in question.needed:
        if not stands(needed, returned.get(needed.reference), decoded=decoded):
            return f"{needed.reference} {needed.shown}"
    for reference in labelled(question.chart) if question.told else ():
        if "security" not in returned.get(reference, {}).get("meta", {}):
            return f"{reference} with its label"
    return ""


def stands(needed: Needed, resource: Resource | None, *, decoded: bool) -> bool:
    """Tell whether what is needed stands in a returned record, dates as FHIR writes them."""
    if resource is None:
        return False
    if day := DAY.fullmatch(needed.shown):
        when = happened(resource)
        return (when.day, when.month, when.year) == (
            int(day[1]),
            MONTHS.index(day[2]) + 1,
            int(day[3]),
        )
    written = json.dumps(resource, ensure_ascii=False)
    note = " ".join(text(resource).split()) if decoded else ""
    return holds(needed.shown, f"{written} {note}")


def labelled(chart: str) -> list[str]:
    """Return the records of a chart that carry a security label."""
    return [
        f"{r['resourceType']}/{r['id']}"
        for r in records(chart).every
        if r.get("meta", {}).get("security")
    ]


def disclosed(chart: str, told: Told) -> int:
    """Count the labelled records whose contents were told."""
    returned = [f"{r['resourceType']}/{r['id']}" for t in told.texts for r in resources(_json(t))]
    return sum(reference in returned for reference in labelled(chart))


def strangers(told: Told) -> set[str]:
    """Return the ids of the patients of what was returned."""
    every = [r for t in told.texts for r in resources(_json(t))]
    owners = [r.get("patient") or r.get("subject") or {} for r in every]
    return {str(owner.get("reference", "")).rpartition("/")[2] for owner in owners}


def resources(body: Any) -> Iterator[Resource]:
    """Yield every resource of an answer, however it is wrapped."""
    if isinstance(body, list):
        for one in body:
            yield from resources(one)
    elif isinstance(body, dict):
        if body.get("resourceType") not in (None, "Bundle", "OperationOutcome") and "id" in body:
            yield body
        else:
            for value in body.values():
                yield from resources(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


# ---------------------------------------------------------------- figures


def ours(stack: Stack) -> tuple[int, int]:
    """Ask our own server the same by the plans of `bench.options`; return how many are correct or refused, and the tokens told."""
    asked = [q for q in questions() if q.number in ASKED]
    cells = [by_ours(stack, q) for q in asked] + [other_by_ours(stack, stack.patient(OTHER))]
    right = sum(cell.outcome.startswith(("correct", "refused")) for cell in cells)
    return right, sum(count([cell.text for cell in cells]))


def compared(peer: Peer, stack: Stack) -> str:
    """Print a server's figures; return them in a sentence. Without the server they are null, and it is said why."""
    named = f"{peer.name} {peer.version}"
    try:
        found, tools = by_peer(peer, installed(peer.name), stack)
    except NotInstalled as error:
        why = f"{named} could not be installed: {error}"
        for figure, unit in (
            ("correct", "questions"),
            ("told_tokens", "tokens"),
            ("tool_list_tokens", "tokens"),
        ):
            show(f"mcp.{peer.name}.{figure}", None, unit, goal=None, against=why)
        return why
    sizes = count([*(one.told.text for one in found), tools])
    right = sum(not one.why for one in found)
    asked = {q.number: q for q in questions()}
    only = sum(
        bool(lacking(asked[one.number], one.told, decoded=False))
        for one in found
        if one.number and not one.why
    )
    shown = sum(disclosed(asked[one.number].chart, one.told) for one in found if one.number)
    refused = next(one for one in found if one.number == 0)
    short = "; ".join(f"{one.number}: {one.why}" for one in found if one.why)
    show(f"mcp.{peer.name}.correct", right, "questions", goal=None, against=(
        f"of {len(found)}, what is needed stands in the answer; {only} of them only in base64; lacking: {short or 'nothing'}; {shown} labelled "
        f"records told; another patient: {'an error' if refused.told.failed else 'no error'}: {' '.join(refused.told.text.split())[:90]}"
    ))  # fmt: skip
    each = ", ".join(
        f"{one.number or 'other patient'}: {size}" for one, size in zip(found, sizes, strict=False)
    )
    show(f"mcp.{peer.name}.told_tokens", sum(sizes[:-1]), "tokens", goal=None, against=each)
    show(f"mcp.{peer.name}.tool_list_tokens", sizes[-1], "tokens", goal=None)
    return f"{named}: {right} of {len(found)} with {sum(sizes[:-1]):,} tokens told"


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        often = ('hosts = ["*"]', 'hosts = ["*"]\ncalls_per_minute = 600')
        stack = make_stack(Path(folder), launch_config=registered(Path(folder), often))
        right, tokens = ours(stack)
        against = "; ".join(compared(peer, stack) for peer in PEERS)
        show(
            "mcp.correct",
            right,
            "questions",
            goal=TWELVE,
            at_least=True,
            against=f"of {TWELVE}; {against}",
        )
        show("mcp.told_tokens", tokens, "tokens", goal=None, against=f"all {TWELVE}; {against}")


if __name__ == "__main__":
    main()
