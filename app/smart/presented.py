"""Prove an EHR's access token that somebody else presents: whose it is, for which patient, and with which scopes.

The EHR itself is asked, twice: what the token is (introspection), and for the Patient with it. A token that says that it reaches other
patients proves nothing, whatever patient it names. Where there is no introspection only the second is left, and the caller decides
whether that is enough. The token goes to its own EHR and nowhere else; nothing is kept.

Not protected: an EHR that tells the wrong patient of its own token. What is read is held to the patient all the same (`app.fhir`).

Source: RFC 7662 (token introspection); SMART App Launch 2.2.0, token introspection
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from app.boundary import Boundary
from app.errors import ChartsideError, EhrUnavailable
from app.launch_context import Grant
from app.smart.admission import Admission, Admitted
from app.smart.client_auth import ClientAuth
from app.smart.discovery import Discovery
from app.smart.errors import Unproved
from app.smart.id_token import FHIR_ID, User, read_user
from app.smart.registration import Registration
from app.smart.scopes import parse_scopes

# Of these a user may see more than one patient's without reaching a chart: the care team, not the cared for.
STAFF = frozenset(("Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService"))  # fmt: skip


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an introspection answer; a `scope` is one text (RFC 7662 2.2)."""

    active: bool
    scope: str = ""
    client_id: str = ""
    patient: str = ""
    exp: float | None = None


@dataclass(frozen=True, kw_only=True)
class Proved:
    """What an EHR says of a token. `told` False: it offers no introspection, and nothing but the Patient is known."""

    told: bool
    scope: str = ""
    client_id: str = ""
    user_reference: str = ""
    admitted: Admitted = field(default_factory=Admitted)
    expires_at: float | None = None


class TokenProver:
    """Asks EHRs about tokens, as the client of `[backend]` where there is one, else as the one of `[client]`."""

    def __init__(
        self,
        *,
        discovery: Discovery,
        client_auth: ClientAuth,
        boundary_of: Callable[[Registration], Boundary],
        clock: Callable[[], datetime],
    ) -> None:
        self._discovery = discovery
        self._client_auth = client_auth
        self._boundary_of = boundary_of
        self._clock = clock
        self._admission = Admission(boundary_of)

    def prove(self, registration: Registration, iss: str, token: str, patient_id: str) -> Proved:
        """Return what the EHR says of a token that shall read one patient's chart, and no other's.

        Raises:
            Unproved: it does not, or it does more.
            EhrUnavailable, LaunchError: nobody knows, because the EHR does not answer.
        """
        found = self._introspected(registration, iss, token, patient_id)
        self._read_patient(registration, iss, token, patient_id)
        return found

    def _introspected(
        self, registration: Registration, iss: str, token: str, patient_id: str
    ) -> Proved:
        sent = self._ask(registration, iss, token)
        if sent is None:
            return Proved(told=False)
        try:
            said = msgspec.convert(sent, _Said)
        except msgspec.ValidationError as error:
            raise Unproved("refused", "the introspection answer has no form") from error
        self._check(said, patient_id)
        user, admitted = self._user(registration, iss, token, sent, parse_scopes(said.scope))
        return Proved(
            told=True, scope=said.scope, client_id=said.client_id, user_reference=user.reference,
            admitted=admitted, expires_at=said.exp,
        )  # fmt: skip

    def _ask(self, registration: Registration, iss: str, token: str) -> dict[str, Any] | None:
        configuration = self._discovery.configuration(registration, iss)
        address = configuration.introspection_endpoint
        if not address:
            return None
        form, basic = {"token": token, "token_type_hint": "access_token"}, None
        headers: dict[str, str] = {}
        if backend := registration.backend:
            # RFC 7662 2.1: who asks proves itself; a resource server of the EHR's may ask of any client's token.
            form |= self._client_auth.assertion(
                backend.id, backend.alg, backend.key, configuration.token_endpoint
            )
        else:
            proof = self._client_auth.prove(registration, configuration.token_endpoint)
            form, basic = {**form, **proof.form}, proof.basic
            if registration.client.auth == "public":
                headers["Authorization"] = f"Bearer {token}"
        answer = self._boundary_of(registration).post_form(address, form, headers, basic)
        if answer.status >= 500 or answer.status == 429:
            raise EhrUnavailable(f"introspection answered HTTP {answer.status}")
        # A 4xx is about who asks or about the token: neither proves it.
        if answer.status != 200 or not isinstance(answer.json, dict):
            raise Unproved("refused", f"introspection answered HTTP {answer.status}")
        return answer.json

    def _check(self, said: _Said, patient_id: str) -> None:
        if not said.active or (said.exp is not None and said.exp <= self._clock().timestamp()):
            raise Unproved("refused", "the token is not active")
        if not said.patient:
            raise Unproved("unknown", "introspection names no patient")
        if said.patient != patient_id:
            raise Unproved("other_patient", "the token is for another patient")
        if beyond := [grant for grant in parse_scopes(said.scope) if _reaches_others(grant)]:
            kinds = sorted({f"{grant.level}/{grant.resource_type}" for grant in beyond})
            raise Unproved("reaches_others", f"the token reaches other patients: {' '.join(kinds)}")

    def _user(
        self,
        registration: Registration,
        iss: str,
        token: str,
        sent: dict[str, Any],
        grants: tuple[Grant, ...],
    ) -> tuple[User, Admitted]:
        users = registration.users
        try:
            user = read_user({"sub": "", **sent}, iss, users.kinds, users.role_claim)
            return user, self._admission.admit(registration, iss, user, token, grants)
        except ChartsideError as error:
            raise Unproved("user", f"user: {error.code}") from error

    def _read_patient(
        self, registration: Registration, iss: str, token: str, patient_id: str
    ) -> None:
        if not FHIR_ID.fullmatch(patient_id):
            raise Unproved("other_patient", "not a patient id")
        address = f"{iss.rstrip('/')}/Patient/{patient_id}"
        answer = self._boundary_of(registration).get_json(address, bearer=token)
        if answer.status >= 500 or answer.status == 429:
            raise EhrUnavailable(f"the Patient answered HTTP {answer.status}")
        read = answer.json if answer.status == 200 and isinstance(answer.json, dict) else {}
        if answer.status == 401:
            raise Unproved("refused", "the EHR does not take the token")
        if read.get("resourceType") != "Patient" or read.get("id") != patient_id:
            raise Unproved("other_patient", f"the Patient was not given: HTTP {answer.status}")


def _reaches_others(grant: Grant) -> bool:
    return grant.level != "patient" and grant.resource_type not in STAFF
