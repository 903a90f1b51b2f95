"""Which scopes a call needs: to name what is missing, and to ask a host for a token that has more.

Source: Model Context Protocol 2026-07-28, authorization, scope challenge handling
"""

from collections.abc import Mapping
from typing import Any

from app.fhir.sections import BY_NAME, SECTIONS
from app.launch_context import LaunchContext
from app.mcp.authorization import McpCaller
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import readable
from app.tools.views import VIEWS

READS = {tool.name: tool.reads for tool in CHART_TOOLS}
# What the server can use at all, for its metadata.
SUPPORTED = tuple(
    dict.fromkeys(
        f"patient/{section.kind}.{'r' if section.kind == 'Patient' else 'rs'}"
        for section in SECTIONS
    )
)


def missing(context: LaunchContext, name: str, arguments: Mapping[str, Any]) -> str:
    """Return the scopes of which a call needs one, "" where it has one (or where the tool is not known)."""
    kinds = _kinds(name, arguments)
    if any(readable(context, kind) for kind in kinds):
        return ""
    return " ".join(f"patient/{kind}.rs" for kind in kinds)


def step_up(caller: McpCaller, name: str, arguments: Mapping[str, Any]) -> str:
    """Return the scopes that a token of this launch could have and this one lacks for a call, "" where it lacks none."""
    kinds = _kinds(name, arguments)
    if any(readable(caller.context, kind) for kind in kinds):
        return ""
    return " ".join(f"patient/{kind}.rs" for kind in kinds if readable(caller.whole, kind))


def _kinds(name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the FHIR types of which a call has to read one."""
    section = arguments.get("section")
    view = VIEWS.get(section) if name == "chart_section" and isinstance(section, str) else None
    if view and view.sections:
        return tuple(dict.fromkeys(BY_NAME[one].kind for one in view.sections))
    return READS.get(name, ())
