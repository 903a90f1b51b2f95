"""Write a tool's hash into a registration's file: a line is changed or a table is added, the rest stays as it was written."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from app.errors import ConfigurationError
from app.mcp.calls import USUAL
from app.mcp.pins import Listed
from app.smart.ehr_mcp import Adapter

BARE = re.compile(r"[A-Za-z0-9_-]+")


def approve(
    path: Path,
    tool: Listed,
    *,
    adapter: str,
    kind: str,
    reads_only: bool,
    check: Callable[[], object],
) -> None:
    """Pin a tool as it is listed now; `adapter` and `kind` are for one that the file does not name yet.

    `reads_only`: the site answers for it that a tool which says nothing about it changes nothing.

    Raises:
        ConfigurationError: it may change something, its adapter is not known, or `check` finds the file wrong (which is then
            put back).
    """
    if not (tool.reads_only or (reads_only and tool.silent)):
        told = (
            "; if the site answers for it: --reads-only" if tool.silent else ": it is never called"
        )
        raise ConfigurationError(f"{tool.name} does not say that it only reads{told}")
    before = path.read_text("utf-8")
    answered = reads_only and tool.silent
    path.write_text(_pinned(before, tool, adapter, kind, answered), "utf-8")
    try:
        check()
    except ConfigurationError:
        path.write_text(before, "utf-8")
        raise


def _pinned(text: str, tool: Listed, adapter: str, kind: str, answered: bool) -> str:
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if _is_head(line, tool.name)), None)
    if at is None:
        return text.rstrip("\n") + "\n\n" + _table(tool, adapter or _adapter(tool), kind, answered)
    after = range(at + 1, len(lines))
    own = range(at + 1, next((n for n in after if lines[n].lstrip().startswith("[")), len(lines)))
    if answered and not any(re.match(r"\s*reads_only\s*=", lines[n]) for n in own):
        lines[at] += "\nreads_only = true"
    for n in own:
        if re.match(r"\s*sha256\s*=", lines[n]):
            lines[n] = f'sha256 = "{tool.sha256}"'
            return "\n".join(lines) + "\n"
    raise ConfigurationError(f"{lines[at]} has no line sha256")


def _is_head(line: str, name: str) -> bool:
    """Tell whether a line begins the tool's table, however its name is quoted."""
    if not line.lstrip().startswith("["):
        return False
    try:
        return tomllib.loads(line) == {"mcp": {"tools": {name: {}}}}
    except tomllib.TOMLDecodeError:
        return False


def _table(tool: Listed, adapter: str, kind: str, answered: bool) -> str:
    if adapter not in get_args(Adapter):
        raise ConfigurationError(
            f"--adapter: say how {tool.name} is asked: {', '.join(get_args(Adapter))}; and --type, for what one type's tool gives"
        )
    name = tool.name if BARE.fullmatch(tool.name) else _quoted(tool.name)
    given = f"resource_type = {_quoted(kind)}\n" if kind else ""
    given += "reads_only = true\n" if answered else ""
    return f'[mcp.tools.{name}]\nsha256 = "{tool.sha256}"\nadapter = "{adapter}"\n{given}'


def _quoted(text: str) -> str:
    """Return a basic string: JSON's escapes are TOML's, which wants one for DEL too (TOML 1.0.0, string)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _adapter(tool: Listed) -> str:
    """Return the adapter that a tool's arguments plainly fit, "" if they fit none."""
    has = {role for role, names in USUAL.items() if any(name in tool.properties for name in names)}
    if "path" in has:
        return "fhir_request"
    # Before a search: a read may take parameters beside the id.
    if {"type", "id"} <= has:
        return "read"
    return "search" if {"type", "params"} <= has else ""
