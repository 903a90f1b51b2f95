"""Write a tool's hash into a registration's file: a line is changed or a table is added, the rest stays as it was written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from app.errors import ConfigurationError
from app.mcp.calls import USUAL
from app.mcp.pins import Listed
from app.smart.ehr_mcp import Adapter

BARE = re.compile(r"[A-Za-z0-9_-]+")


def approve(
    path: Path, tool: Listed, *, adapter: str, kind: str, check: Callable[[], object]
) -> None:
    """Pin a tool as it is listed now; `adapter` and `kind` are for one that the file does not name yet.

    Raises:
        ConfigurationError: it may change something, its adapter is not known, or `check` finds the file wrong (which is then
            put back).
    """
    if not tool.reads_only:
        raise ConfigurationError(f"{tool.name} does not say that it only reads: it is never called")
    before = path.read_text("utf-8")
    path.write_text(_pinned(before, tool, adapter, kind), "utf-8")
    try:
        check()
    except ConfigurationError:
        path.write_text(before, "utf-8")
        raise


def _pinned(text: str, tool: Listed, adapter: str, kind: str) -> str:
    heads = (f"[mcp.tools.{tool.name}]", f'[mcp.tools."{tool.name}"]')
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if line.strip() in heads), None)
    if at is None:
        return text.rstrip("\n") + "\n\n" + _table(tool, adapter or _adapter(tool), kind)
    own = range(
        at + 1,
        next(
            (n for n in range(at + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines)
        ),
    )
    for n in own:
        if re.match(r"\s*sha256\s*=", lines[n]):
            lines[n] = f'sha256 = "{tool.sha256}"'
            return "\n".join(lines) + "\n"
    raise ConfigurationError(f"{heads[0]} has no line sha256")


def _table(tool: Listed, adapter: str, kind: str) -> str:
    if adapter not in get_args(Adapter):
        raise ConfigurationError(
            f"--adapter: say how {tool.name} is asked: {', '.join(get_args(Adapter))}; and --type, for what one type's tool gives"
        )
    name = tool.name if BARE.fullmatch(tool.name) else f'"{tool.name}"'
    given = f'resource_type = "{kind}"\n' if kind else ""
    return f'[mcp.tools.{name}]\nsha256 = "{tool.sha256}"\nadapter = "{adapter}"\n{given}'


def _adapter(tool: Listed) -> str:
    """Return the adapter that a tool's arguments plainly fit, "" if they fit none."""
    has = {role for role, names in USUAL.items() if any(name in tool.properties for name in names)}
    if "path" in has:
        return "fhir_request"
    if {"type", "params"} <= has:
        return "search"
    return "read" if {"type", "id"} <= has else ""
