"""`mcp-tools` and `mcp-gaps`: what an EHR's MCP server offers, what IT approved of it, and what it leaves out."""

import argparse
import difflib
import getpass
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.audit.log import Who
from app.cli.desk import Desk, plain, say
from app.errors import ChartsideError, ConfigurationError
from app.smart.ehr_mcp import Mcp
from app.smart.network import way_out_to_mcp
from app.smart.registration import Registration
from app.smart.registry import load_registration

if TYPE_CHECKING:
    from app.cli.desk import Commands
    from app.mcp.pins import Listed

STANDS = {
    "approved": "approved",
    "changed": "CHANGED since it was approved: not called",
    "gone": "GONE: the server has it no more",
    "writes": "may change something: never called",
    "silent": "does not say that it only reads: not called unless the site answers for it (--reads-only)",
    "new": "not approved: not called",
}
BEARER = "the variable that holds a token, for a server that lists nothing without"


def add(commands: "Commands") -> None:
    """Add the commands."""
    tools = commands.add_parser(
        "mcp-tools", help="the tools of an EHR's MCP server: what stands, what changed"
    )
    tools.add_argument(
        "--approve", metavar="TOOL", default="", help="write its hash into the registration"
    )
    tools.add_argument(
        "--adapter", default="", help="for a tool that the registration does not name yet"
    )
    tools.add_argument("--type", default="", help="the FHIR type that it gives")
    answered = "for a tool that says nothing about it: the site answers for it that it only reads"
    tools.add_argument("--reads-only", action="store_true", help=answered)
    tools.set_defaults(act=_tools)
    gaps = commands.add_parser(
        "mcp-gaps", help="which parts of a chart an EHR's MCP server gives, by which tool"
    )
    gaps.add_argument("--online", action="store_true", help="ask the server how its tools stand")
    gaps.set_defaults(act=_gaps)
    for command in (tools, gaps):
        command.add_argument("name", help="the registration's file, without .toml")
        command.add_argument("--bearer-env", metavar="NAME", default="", help=BEARER)


def _tools(desk: Desk, given: argparse.Namespace) -> int:
    from app.mcp.pins import standing  # noqa: PLC0415  # loads the MCP SDK

    _, mcp = _registered(desk, given.name)
    found = _listed(desk, given)
    kept = _kept(desk.path(given.name))
    if given.approve:
        return _approve(desk, given, found.get(given.approve))
    lines = []
    for name in sorted({*found, *mcp.tools}):
        tool = found.get(name)
        state = standing(mcp.tools.get(name), tool)
        lines.append(f"{plain(name)}: {STANDS[state]}\n")
        if tool is not None and state in ("changed", "new", "silent"):
            lines += [f"    {plain(x)}\n" for x in _difference(kept.get(name), tool.definition)]
    return say("".join(lines) or "The server lists no tool.\n")


def _difference(before: object, now: Mapping[str, Any]) -> list[str]:
    """Return what changed, line by line; all of it where nothing was kept of the approved one."""
    old = _printed(before) if isinstance(before, dict) else []
    changed = difflib.unified_diff(old, _printed(now), "approved", "now", lineterm="", n=1)
    return list(changed)


def _printed(definition: Mapping[str, Any]) -> list[str]:
    return json.dumps(definition, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def _approve(desk: Desk, given: argparse.Namespace, tool: "Listed | None") -> int:
    from app.mcp.approval import approve  # noqa: PLC0415  # loads the MCP SDK

    if tool is None:
        raise ConfigurationError(f"the server lists no tool {given.approve}")
    path = desk.path(given.name)
    approve(
        path,
        tool,
        adapter=given.adapter,
        kind=given.type,
        reads_only=given.reads_only,
        check=lambda: _registered(desk, given.name),
    )
    path.with_suffix(".mcp.json").write_text(
        json.dumps({**_kept(path), tool.name: dict(tool.definition)}, indent=1, sort_keys=True) + "\n", "utf-8"
    )  # fmt: skip
    detail = {
        "act": "approve",
        "kind": "mcp_tool",
        "name": tool.name,
        "reason": tool.sha256,
        "by": getpass.getuser(),
        "reads_only": given.reads_only,
    }
    desk.audit.record("switch", Who(registration=given.name), detail)
    return say(
        f"{plain(tool.name)} is approved as {tool.sha256[:12]}…; it counts from the next start.\n"
    )


def _kept(path: Path) -> dict[str, Any]:
    """Return the definitions that were approved, to show what changed; the registration's hashes alone decide."""
    try:
        found = json.loads(path.with_suffix(".mcp.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _gaps(desk: Desk, given: argparse.Namespace) -> int:
    from app.mcp.gaps import as_markdown, rows  # noqa: PLC0415  # loads the MCP SDK

    _, mcp = _registered(desk, given.name)
    return say(as_markdown(rows(mcp, _listed(desk, given) if given.online else None)))


def _registered(desk: Desk, name: str) -> tuple[Registration, Mcp]:
    registration = load_registration(desk.path(name), origin=desk.settings.origin)
    if registration.mcp is None:
        raise ConfigurationError(f"{name}.toml has no [mcp] table")
    return registration, registration.mcp


def _listed(desk: Desk, given: argparse.Namespace) -> "dict[str, Listed]":
    from app.mcp.client import McpClient  # noqa: PLC0415  # loads the MCP SDK
    from app.mcp.pins import listed  # noqa: PLC0415
    from app.mcp.portal import Portal  # noqa: PLC0415

    registration, mcp = _registered(desk, given.name)
    variables, name = desk.settings.variables, given.bearer_env
    if name and name not in variables:
        raise ConfigurationError(f"--bearer-env: {name} is not set")
    headers = {"Authorization": f"Bearer {variables[name].reveal().decode()}"} if name else {}
    boundary, portal = way_out_to_mcp(registration, mcp, variables, desk.transport), Portal()
    try:
        return listed(McpClient(boundary, mcp.url, portal, mcp.protocol).list_tools(headers))
    except ChartsideError as error:
        raise ConfigurationError(f"{mcp.url}: {error}") from error
    finally:
        portal.close()
        boundary.close()
