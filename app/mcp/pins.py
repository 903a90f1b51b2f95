"""Which tools of an MCP server may be called: those that IT approved, as they were approved.

A tool is pinned by a hash over what a model or a caller would read of it. One that changed or is new waits for IT; one that says
that it has side effects is never called, approved or not, and one that says nothing only where the site answers for it.

Not protected here: a server that lies in its annotations, or a site that answers wrongly. What a tool gives is checked by whose it is.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, assert_never

from app.smart.ehr_mcp import McpTool

KEPT_S = 300.0
HASHED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
Standing = Literal["approved", "changed", "gone", "writes", "silent", "new"]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A tool as its server lists it now."""

    name: str
    definition: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """The hash that a registration pins."""
        kept = {name: self.definition[name] for name in HASHED if name in self.definition}
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reads_only(self) -> bool:
        """Tell whether it says that it changes nothing; silence is no."""
        return self._hints.get("readOnlyHint") is True and not self._destroys

    @property
    def silent(self) -> bool:
        """Tell whether it says nothing about whether it changes something."""
        return self._hints.get("readOnlyHint") is None and not self._destroys

    @property
    def _hints(self) -> Mapping[str, Any]:
        said = self.definition.get("annotations")
        return said if isinstance(said, dict) else {}

    @property
    def _destroys(self) -> bool:
        return self._hints.get("destructiveHint") not in (None, False)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its arguments' schemas by name."""
        schema = self.definition.get("inputSchema")
        found = schema.get("properties") if isinstance(schema, dict) else None
        return found if isinstance(found, dict) else {}


def listed(definitions: list[dict[str, Any]]) -> dict[str, Listed]:
    """Return a server's tools by name."""
    return {one["name"]: Listed(name=one["name"], definition=one) for one in definitions}


def standing(approved: McpTool | None, found: Listed | None) -> Standing:
    """Tell how a tool stands."""
    if found is None:
        return "gone"
    if not (found.reads_only or found.silent):
        return "writes"
    if found.silent and not (approved and approved.reads_only):
        return "silent"
    if approved is None:
        return "new"
    return "approved" if found.sha256 == approved.sha256 else "changed"


def shown(name: str) -> str:
    """Return a tool's name as it may stand in a sentence."""
    return "".join(letter for letter in name[:40] if letter.isalnum() or letter in "-_.")


def why_not(name: str, state: Standing, server: str) -> str:
    """Say why a tool is not called, for the clinician; the server's own words are never repeated."""
    named = f"the tool {shown(name)} of {server}"
    match state:
        case "approved":
            return ""
        case "changed":
            return f"{named} changed since IT approved it; IT must look at it"
        case "new":
            return f"{named} was not approved by IT"
        case "gone":
            return f"{server} has no tool {shown(name)} any more"
        case "writes":
            return f"{named} may change something, so it is never called"
        case "silent":
            return f"{named} does not say that it only reads, so it is not called"
        case _:
            assert_never(state)


class Tools:
    """One launch's view of a server's tools, listed again every few minutes. Thread-safe."""

    def __init__(
        self,
        approved: Mapping[str, McpTool],
        list_tools: Callable[[Callable[[], None]], list[dict[str, Any]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._approved = approved
        self._list = list_tools
        self._clock = clock
        self._lock = Lock()
        self._until = 0.0
        self._found: dict[str, Listed] = {}

    def get(self, name: str, count: Callable[[], None]) -> tuple[Standing, Listed | None]:
        """Return how a tool stands now; `count` is called for a request, and the first of a launch lists them.

        Raises:
            EhrUnavailable: the list could not be read, so that nothing is known to be approved.
        """
        with self._lock:
            if self._clock() >= self._until:
                self._found = listed(self._list(count))
                self._until = self._clock() + KEPT_S
            found = self._found.get(name)
        return standing(self._approved.get(name), found), found
