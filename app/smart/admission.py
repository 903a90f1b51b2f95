"""Who may open Chartside here, and what somebody in a role may not do: `[users]` of a registration.

The id_token proves who it is (`id_token`); this decides. Roles are codes: of the token itself where the registration names a
claim, of the PractitionerRoles and the Practitioner's qualifications where they can be read with the launch's own token.
What a rule needs and nobody tells is refused, or counts as the lesser right. Nothing is kept but the codes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.boundary import Boundary
from app.errors import ChartsideError
from app.launch_context import Ability, Grant
from app.smart.errors import NotInPilot, RoleRefused, RoleUnread
from app.smart.id_token import User
from app.smart.policy import Users
from app.smart.registration import Registration
from app.smart.scopes import parse_scopes

Code = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """What is known of a user who may open Chartside: roles as "system|code", and what their role may not do."""

    roles: tuple[str, ...] = ()
    without: tuple[Ability, ...] = ()


class Admission:
    """Asks the EHR for roles only where a registration has a rule about them."""

    def __init__(self, boundary_of: Callable[[Registration], Boundary]) -> None:
        self._boundary_of = boundary_of

    def admit(
        self,
        registration: Registration,
        iss: str,
        user: User,
        access_token: str,
        grants: tuple[Grant, ...],
    ) -> Admitted:
        """Return what a user may do.

        Raises:
            NotInPilot, RoleRefused, RoleUnread: they may not open Chartside here.
        """
        users = registration.users
        if users.pilot and not {user.reference, f"{iss.rstrip('/')}/{user.reference}"} & {*users.pilot}:  # fmt: skip
            raise NotInPilot(user.reference)
        if not users.roles and not users.limited:
            return Admitted()
        known, unread, partly = {(users.role_claim, role) for role in user.roles}, False, False
        if users.asks_the_ehr:
            asked = _Asked(self._boundary_of(registration), iss, access_token, grants)
            known |= asked.codes(user.reference)
            unread = asked.failed or _not_granted(registration, user, grants)
            # A right is lost by a role that nobody tells, wherever the rule looks for one.
            partly = unread or _partly_granted(registration, user, grants)
        allowed = {(role.system, role.code) for role in users.roles}
        if allowed and not allowed & known:
            raise RoleUnread(user.reference) if unread else RoleRefused(user.reference)
        roles = tuple(sorted(f"{system}|{code}" for system, code in known))
        return Admitted(roles=roles, without=_without(users, known, unread=partly))


def _without(users: Users, known: set[Code], *, unread: bool) -> tuple[Ability, ...]:
    """Return what these roles may not do; where roles could not be read, what any limited one may not."""
    taken = {
        ability
        for limit in users.limited
        if unread or (limit.system, limit.code) in known
        for ability in limit.without
    }
    return tuple(sorted(taken))


def _not_granted(registration: Registration, user: User, grants: tuple[Grant, ...]) -> bool:
    """Tell whether what would tell the roles was not granted, though it was asked for; a Person has neither."""
    scopes = registration.scopes
    asked = parse_scopes(" ".join((*scopes.required, *scopes.optional)))
    roles = "PractitionerRole"
    wanted = {roles} if any(_of_user(grant, roles) for grant in asked) else {"Practitioner"}
    if user.reference.startswith("Person/"):
        return True
    return not any(_of_user(grant, kind) for kind in wanted for grant in grants)


def _partly_granted(registration: Registration, user: User, grants: tuple[Grant, ...]) -> bool:
    """Tell whether roles or qualifications were asked for, and one of the two was not granted."""
    scopes = registration.scopes
    asked = parse_scopes(" ".join((*scopes.required, *scopes.optional)))
    kinds = {user.reference.partition("/")[0], "PractitionerRole"}
    return any(
        any(_of_user(grant, kind) for grant in asked)
        and not any(_of_user(grant, kind) for grant in grants)
        for kind in kinds
    )


def _of_user(grant: Grant, kind: str) -> bool:
    return grant.level == "user" and grant.resource_type in (kind, "*") and not grant.params


@dataclass
class _Asked:
    """One user's resources at the EHR; `failed`: something that was granted could not be read."""

    boundary: Boundary
    iss: str
    access_token: str
    grants: tuple[Grant, ...]
    failed: bool = False

    def codes(self, reference: str) -> set[Code]:
        """Return the codes of a user's roles and qualifications, as far as they can be read."""
        kind = reference.partition("/")[0]
        found = []
        if kind in ("Practitioner", "PractitionerRole") and self._may(kind, "r"):
            found.append(self._get(reference))
        if kind == "Practitioner" and self._may("PractitionerRole", "s"):
            found += self._roles(reference)
        return {code for one in found for code in _codes(one)}

    def _roles(self, reference: str) -> list[dict[str, Any]]:
        bundle = self._get(f"PractitionerRole?practitioner={reference}&_count=50")
        entries, links = bundle.get("entry"), bundle.get("link")
        # Roles beyond the first fifty are not known: one of them may be a limited one.
        if bundle.get("resourceType") != "Bundle" or any(
            isinstance(one, dict) and one.get("relation") == "next" for one in _listed(links)
        ):
            self.failed = True
        found = [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []  # fmt: skip
        # An EHR that ignores the parameter sends everybody's roles.
        return [one for one in found if isinstance(one, dict) and self._is_of(one, reference)]

    def _is_of(self, role: dict[str, Any], reference: str) -> bool:
        practitioner = role.get("practitioner")
        sent = practitioner.get("reference") if isinstance(practitioner, dict) else None
        own = (reference, f"{self.iss.rstrip('/')}/{reference}")
        return role.get("resourceType") == "PractitionerRole" and sent in own

    def _get(self, path: str) -> dict[str, Any]:
        try:
            answer = self.boundary.get_json(
                f"{self.iss.rstrip('/')}/{path}", bearer=self.access_token
            )
        except ChartsideError:
            self.failed = True
            return {}
        if answer.status == 200 and isinstance(answer.json, dict):
            return answer.json
        self.failed = True
        return {}

    def _may(self, kind: str, verb: str) -> bool:
        return any(_of_user(grant, kind) and verb in grant.verbs for grant in self.grants)


def _is_over(period: object) -> bool:
    """Tell whether a period ended before today (UTC); an end without month or day lasts as long as it can mean."""
    end = period.get("end") if isinstance(period, dict) else None
    if not isinstance(end, str):
        return False
    day = end[:10]
    return bool(day) and day < datetime.now(UTC).date().isoformat()[: len(day)]


def _codes(resource: dict[str, Any]) -> Iterator[Code]:
    """Yield the codes of a PractitionerRole or of a Practitioner's qualifications; ended roles give none."""
    if resource.get("active") is False or _is_over(resource.get("period")):
        return
    qualifications = resource.get("qualification")
    held = qualifications if isinstance(qualifications, list) else []
    concepts = [
        *_listed(resource.get("code")),
        *_listed(resource.get("specialty")),
        *(one.get("code") for one in held if isinstance(one, dict)),
    ]
    for concept in concepts:
        for coding in _listed(concept.get("coding") if isinstance(concept, dict) else None):
            if isinstance(coding, dict):
                yield str(coding.get("system") or ""), str(coding.get("code") or "")


def _listed(sent: object) -> list[Any]:
    return sent if isinstance(sent, list) else []
