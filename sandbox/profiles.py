"""Vendor profiles: how an EHR product differs from the standard's strict reading, as data.

A launch carries a profile: the instance's (`SANDBOX_PROFILE`), its client's, or the one chosen on the EHR's page, so
that all of them can be tried side by side. What is written here of a vendor was read in public documents, never
measured at that vendor; a profile is called after what it is like, not after what it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class Remark:
    """A message that searches of `types` carry beside their matches; no types: every search."""

    outcome: Outcome
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One EHR product's ways.

    `needs_one_of` names parameters of which a search of the type must have one. `pages` is how many pages of a search
    are served before its session has expired. `omits` is how many entries the first page of a type leaves out.
    `not_asked` is how allergies that nobody asked about are told: by an empty list, or by a resource that says so.
    `fhir_user` is the form of the claim. `relaunch` is what the EHR's page calls its button.
    """

    name: str
    title: str
    remarks: tuple[Remark, ...] = ()
    needs_one_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pages: int | None = None
    omits: Mapping[str, int] = field(default_factory=dict)
    not_asked: Literal["empty", "resource"] = "empty"
    redirects_merged: bool = False
    access_token_lifetime_s: int | None = None
    fhir_user: Literal["absolute", "relative"] = "absolute"
    relaunch: str = "Launch again"

    def says(self, resource_type: str) -> tuple[Outcome, ...]:
        """Return what a search of this type is told beside its matches."""
        return tuple(
            one.outcome for one in self.remarks if not one.types or resource_type in one.types
        )


STRICT = Profile(name="strict", title="Strict, by the standard")
PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        STRICT,
        Profile(
            name="epic-like",
            title="Epic-like",
            remarks=(
                Remark(outcome="4119"),
                # The app was registered for clinical notes, not for every kind of document.
                Remark(outcome="59204", types=frozenset({"DocumentReference"})),
            ),
            needs_one_of={"Observation": frozenset({"category", "code"})},
            pages=1,
            not_asked="resource",
            redirects_merged=True,
        ),
        Profile(
            name="oracle-like",
            title="Oracle-like",
            omits={"Condition": 1},
            access_token_lifetime_s=570,
            relaunch="As Of",
        ),
    )
}
