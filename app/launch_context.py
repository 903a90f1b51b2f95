"""Who this launch is and what it may: the frozen context that every layer above receives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Verb = Literal["c", "r", "u", "d", "s"]
# What a role may be denied (`[users] limited`): asking questions, having something drafted, writing to the EHR.
Ability = Literal["chat", "draft", "write"]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One granted scope, already expanded: level (patient, user, system), resource type or `*`, verbs of SMART v2.

    `params` holds a granular restriction (`category=...`) as sent, empty when there is none.

    Source: SMART App Launch 2.2.0, scopes for requesting FHIR resources.
    """

    level: str
    resource_type: str
    verbs: frozenset[str]
    params: str = ""


@dataclass(frozen=True, kw_only=True)
class ContextReference:
    """Something else that was open in the EHR, and the role it plays: "launch" unless said.

    Named by at least one of `reference` (a relative `Type/id`), `canonical` (an address with or without a version)
    and `identifier` (`system|value`); what is not said is "". Nothing is fetched from any of them.
    """

    reference: str = ""
    role: str = "launch"
    canonical: str = ""
    identifier: str = ""
    resource_type: str = ""

    @property
    def named(self) -> str:
        """Return the first of its names."""
        return self.reference or self.canonical or self.identifier


@dataclass(frozen=True, kw_only=True)
class LaunchContext:
    """One launch, one patient. Nothing here is secret; tokens stay in the vault.

    `clinical_time` is the sandbox chart's own "now" and None for every real EHR. `intent` is what the user wanted to
    do, in the EHR's words: one that is known is the first question suggested. `style_url` is where the EHR's look lies,
    as sent. `roles` ("system|code") are known only where the site has a rule about them; `without` is what the user's
    role may not do.
    """

    launch_id: str
    registration: str
    iss: str
    tenant: str
    patient_id: str
    encounter_id: str | None
    user_reference: str
    user_name: str
    client_id: str
    scope: str
    grants: tuple[Grant, ...]
    need_patient_banner: bool
    time_zone: str
    launched_at: datetime
    clinical_time: datetime | None = None
    fhir_context: tuple[ContextReference, ...] = ()
    intent: str = ""
    style_url: str = ""
    roles: tuple[str, ...] = ()
    without: tuple[Ability, ...] = ()

    def may(self, ability: Ability) -> bool:
        """Tell whether the user's role may do something at all, whatever is granted."""
        return ability not in self.without

    def can(self, resource_type: str, verb: Verb) -> bool:
        """Tell whether any granted scope allows `verb` on `resource_type` for this launch.

        A granular grant counts; what it leaves out is told by `restrictions`.
        """
        return bool(self._grants(resource_type, verb))

    def restrictions(self, resource_type: str, verb: Verb) -> tuple[str, ...]:
        """Return the search parameters that every grant of `verb` on `resource_type` carries, () when one has none."""
        found = [grant.params for grant in self._grants(resource_type, verb)]
        return tuple(dict.fromkeys(found)) if all(found) else ()

    def _grants(self, resource_type: str, verb: Verb) -> list[Grant]:
        return [
            grant
            for grant in self.grants
            if grant.level in ("patient", "user")
            and grant.resource_type in (resource_type, "*")
            and verb in grant.verbs
        ]
