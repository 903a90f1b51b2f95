"""Fault switches: make the EHR answer as real ones do on a bad day, a counted number of times."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from sandbox.outcomes import Outcome
from sandbox.settings import SandboxConfigurationError

Fault = Literal[
    "unauthorized_401",
    "forbidden_403",
    "too_many_429",
    "server_error_500",
    "slow",
    "truncated_json",
    "wrong_patient_entry",
    "outcome_entry",
    "deceased",
    "merged",
    "deny_consent",
    "bad_id_token",
    "fhir_user_patient",
    "fhir_user_related",
    "missing_patient",
    "other_patient",
    "invalid_grant",
    "fewer_scopes",
    "no_patient_scope",
    "relative_endpoints",
    "no_revocation",
    "no_introspection",
    "no_pkce_announced",
    "foreign_token_endpoint",
    "fewer_scopes_granted",
    "version_1_scopes",
    "callback_iss",
    "more_context",
    "more_scopes",
    "needs_patient_banner",
    "banner_unsaid",
    "missing_encounter",
    "no_expiry",
    "fhir_user_relative",
    "fhir_user_foreign",
    "no_rotation",
    "refresh_without_id_token",
    "introspection_inactive",
]
Door = Literal["authorize", "token", "revoke", "introspect", "well-known", "fhir"]

DOORS_OF_THE_ORDINARY: tuple[Door, ...] = ("token", "revoke", "introspect", "well-known", "fhir")
DOORS: Mapping[Fault, tuple[Door, ...]] = {
    "unauthorized_401": DOORS_OF_THE_ORDINARY,
    "forbidden_403": DOORS_OF_THE_ORDINARY,
    "too_many_429": DOORS_OF_THE_ORDINARY,
    "server_error_500": DOORS_OF_THE_ORDINARY,
    "slow": DOORS_OF_THE_ORDINARY,
    "truncated_json": DOORS_OF_THE_ORDINARY,
    "wrong_patient_entry": ("fhir",),
    "outcome_entry": ("fhir",),
    "deceased": ("fhir",),
    "merged": ("fhir",),
    "deny_consent": ("authorize",),
    "bad_id_token": ("token",),
    "fhir_user_patient": ("token",),
    "fhir_user_related": ("token",),
    "missing_patient": ("token",),
    "other_patient": ("token",),
    # These five strike refreshes only.
    "invalid_grant": ("token",),
    "fewer_scopes": ("token",),
    "no_patient_scope": ("token",),
    "no_rotation": ("token",),
    "refresh_without_id_token": ("token",),
    **dict.fromkeys(
        (
            "relative_endpoints", "no_revocation", "no_introspection", "no_pkce_announced",
            "foreign_token_endpoint",
        ),
        ("well-known",),
    ),
    **dict.fromkeys(("fewer_scopes_granted", "version_1_scopes", "callback_iss"), ("authorize",)),
    **dict.fromkeys(
        (
            "more_context", "more_scopes", "needs_patient_banner", "banner_unsaid", "missing_encounter", "no_expiry",
            "fhir_user_relative", "fhir_user_foreign",
        ),
        ("token",),
    ),
    "introspection_inactive": ("introspect",),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FaultRule:
    """One switch.

    `match` is a resource type, `token`, `revoke`, `introspect`, `authorize`, `well-known`, or `*` for every door that
    the fault has. `patient` limits it to one patient's requests. It passes over the first `after`
    matching requests, then strikes `times` times, or always when None. `seconds` is the length of
    `slow` and the Retry-After of `too_many_429`; `outcome` chooses the message of `outcome_entry`.
    """

    match: str
    fault: Fault
    patient: str | None = None
    times: int | None = None
    after: int = 0
    seconds: float = 2.0
    outcome: Outcome = "59204"

    @classmethod
    def from_json(cls, body: object) -> "FaultRule":
        """Read a rule from JSON.

        Raises:
            SandboxConfigurationError: an unknown name, or a value of the wrong kind.
        """
        if not isinstance(body, dict):
            raise SandboxConfigurationError("a fault rule is a JSON object")
        unknown = body.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise SandboxConfigurationError(
                f"unknown in a fault rule: {', '.join(sorted(unknown))}"
            )
        _require("fault", body.get("fault") in get_args(Fault))
        _require("match", isinstance(body.get("match"), str))
        _require("patient", isinstance(body.get("patient"), str | None))
        _require("times", isinstance(body.get("times"), int | None))
        _require("after", isinstance(body.get("after", 0), int))
        _require("seconds", isinstance(body.get("seconds", 0), int | float))
        _require("outcome", body.get("outcome", "4130") in get_args(Outcome))
        return cls(**body)


def _require(name: str, condition: object) -> None:
    if not condition:
        raise SandboxConfigurationError(f"{name} is missing or wrong in a fault rule")


@dataclass(kw_only=True)
class _Switch:
    rule: FaultRule
    seen: int = 0


@dataclass(frozen=True, kw_only=True)
class Struck:
    """The rules that strike one request."""

    rules: tuple[FaultRule, ...] = ()

    def rule(self, fault: Fault) -> FaultRule | None:
        """Return the first striking rule of this fault."""
        return next((rule for rule in self.rules if rule.fault == fault), None)


@dataclass(kw_only=True)
class Faults:
    """The switches that are set. Safe for concurrent threads."""

    _switches: list[_Switch] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def rules(self) -> tuple[FaultRule, ...]:
        """The rules in the order they were set, also those that have struck often enough."""
        return tuple(switch.rule for switch in self._switches)

    def set(self, rule: FaultRule) -> None:
        """Add a rule."""
        with self._lock:
            self._switches.append(_Switch(rule=rule))

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self._switches.clear()

    def strike(self, door: Door, name: str, patient: str | None) -> Struck:
        """Count one request at `door` and return the rules that strike it."""
        with self._lock:
            matching = [
                switch for switch in self._switches if _matches(switch.rule, door, name, patient)
            ]
            for switch in matching:
                switch.seen += 1
            return Struck(rules=tuple(switch.rule for switch in matching if _strikes(switch)))


def _matches(rule: FaultRule, door: Door, name: str, patient: str | None) -> bool:
    return (
        door in DOORS[rule.fault] and rule.match in ("*", name) and rule.patient in (None, patient)
    )


def _strikes(switch: _Switch) -> bool:
    count = switch.seen - switch.rule.after
    return count >= 1 and (switch.rule.times is None or count <= switch.rule.times)
