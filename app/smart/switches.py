"""What IT has switched off, effective in every process with its next request: a registration, a model, an action, all.

The switches lie in the store and are read whenever something is about to happen (one small table); what runs already is
ended by `app.agent.running`. Nothing is cached, so a process that cannot read them does nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from app.errors import ActionSwitchedOff, SwitchedOff
from app.smart.registration import Registration
from app.smart.registry import Registry
from app.store.ports import SwitchStore
from app.store.switches import SwitchRow

Kind = Literal["registration", "model", "action", "all"]
KINDS: tuple[Kind, ...] = ("registration", "model", "action", "all")
# What a clinician reads, in front of "is switched off".
ACTIONS: Mapping[str, str] = {
    "chat": "Asking questions",
    "models": "Answering with language models",
    "standalone": "Opening Chartside outside the EHR",
    "mcp": "Reading the chart from other applications (MCP)",
    "export": "Exporting records",
    "cohort": "Asking about many patients",
}
MOST_REASON = 200


@dataclass(frozen=True, kw_only=True)
class Off:
    """One thing that is off."""

    kind: str
    name: str
    reason: str
    since: datetime


class Switches:
    """Reads and turns the switches of one database."""

    def __init__(
        self, rows: SwitchStore, registry: Registry, clock: Callable[[], datetime]
    ) -> None:
        self._rows = rows
        self._registry = registry
        self._clock = clock

    def all(self) -> tuple[Off, ...]:
        """Return everything that is off, oldest first."""
        return tuple(
            Off(kind=r.kind, name=r.name, reason=r.reason, since=datetime.fromtimestamp(r.at, UTC))
            for r in self._rows.all()
        )

    def disable(self, kind: Kind, name: str, reason: str) -> None:
        """Switch something off."""
        now = self._clock().timestamp()
        self._rows.put(SwitchRow(kind=kind, name=name, reason=reason, at=now))

    def enable(self, kind: Kind, name: str) -> bool:
        """Switch something on again; False when it was not off."""
        return self._rows.drop(kind, name)

    def demand(self, slug: str, action: str = "") -> None:
        """Refuse what is switched off: everything, this registration, or this action.

        Raises:
            SwitchedOff: with words for the clinician.
        """
        registration = self._registry.get(slug)
        wanted = {("all", ""): "Chartside"}
        if registration is not None:
            wanted["registration", slug] = f"Chartside for {registration.name}"
        if action:
            wanted["action", action] = ACTIONS[action]
        for row in self._rows.all():
            if what := wanted.get((row.kind, row.name)):
                error = ActionSwitchedOff if row.kind == "action" else SwitchedOff
                raise error(
                    f"{row.kind} {row.name or 'all'}", _words(what, row.reason, registration)
                )

    def may(self, slug: str, action: str) -> bool:
        """Tell whether an action is on, and what it stands in."""
        try:
            self.demand(slug, action)
        except SwitchedOff:
            return False
        return True

    def models(self, slug: str, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the ids of `labels` (id to label) that are off, each with words for the clinician."""
        registration = self._registry.get(slug)
        found: dict[str, str] = {}
        for row in self._rows.all():
            if row.kind == "model" and row.name in labels:
                found[row.name] = _words(labels[row.name], row.reason, registration)
            elif (row.kind, row.name) == ("action", "models"):
                words = _words(ACTIONS["models"], row.reason, registration)
                found |= dict.fromkeys(labels, words)
        return found


def _words(what: str, reason: str, registration: Registration | None) -> str:
    said = f"{what} is switched off by the IT department. Reason: {reason.rstrip('.')}."
    return f"{said} Help desk: {registration.site.help_desk}." if registration else said
