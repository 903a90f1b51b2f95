"""Ask an EHR's token, revocation and introspection endpoints, as the client that its registration names.

Source: SMART App Launch 2.2.0, token request and refresh; RFC 7009 (revocation); RFC 7662 (introspection).
"""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

import msgspec

from app.boundary import Boundary, Response
from app.smart.client_auth import ClientAuth
from app.smart.discovery import Discovery
from app.smart.registration import Registration

DEFAULT_TOKEN_LIFE_S = 300.0
# An EHR that says longer is asked again all the same: a launch itself lives no longer.
MOST_TOKEN_LIFE_S = 86_400.0
FhirId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The members that every token response has; others are left alone."""

    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    token_type: Annotated[str, msgspec.Meta(pattern=r"^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    refresh_token: str = ""
    id_token: str = ""
    expires_in: Seconds = DEFAULT_TOKEN_LIFE_S
    patient: FhirId | None = None

    @property
    def life_s(self) -> float:
        """Return how long the access token lives."""
        return min(self.expires_in, MOST_TOKEN_LIFE_S)


Answer = TypeVar("Answer", bound=TokenAnswer)


def read_answer(sent: object, kind: type[Answer]) -> Answer:
    """Return a token response; a number or a boolean may be sent as text, as some EHRs do ("3600", "true").

    Raises:
        msgspec.ValidationError: it does not have the required form.
    """
    return msgspec.convert(sent, kind, strict=False)


class Introspected(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an introspection answer."""

    active: bool
    patient: str = ""


class TokenEndpoint:
    """The requests that carry a client's proof. Addresses come from discovery, so from registered hosts only."""

    def __init__(
        self,
        discovery: Discovery,
        boundary_of: Callable[[Registration], Boundary],
        client_auth: ClientAuth,
    ) -> None:
        self._discovery = discovery
        self._boundary_of = boundary_of
        self._client_auth = client_auth

    def ask(self, registration: Registration, iss: str, form: Mapping[str, str]) -> Response:
        """POST a token request with the client's proof; any status comes back.

        Raises:
            DiscoveryFailed: nothing was sent.
            BoundaryRefused, EhrUnavailable: as `Boundary.post_form`.
        """
        address = self._discovery.configuration(registration, iss).token_endpoint
        return self._post(registration, iss, address, form)

    def revoke(self, registration: Registration, iss: str, token: str, hint: str) -> bool:
        """Take a token back, False when the EHR offers no revocation or answered with an error; raises as `ask`."""
        address = self._discovery.configuration(registration, iss).revocation_endpoint
        if not address:
            return False
        form = {"token": token, "token_type_hint": hint}
        return self._post(registration, iss, address, form).status == 200

    def introspect(self, registration: Registration, iss: str, token: str) -> Introspected | None:
        """Return what the EHR says of an access token, None when it does not say; raises as `ask`."""
        address = self._discovery.configuration(registration, iss).introspection_endpoint
        if not address:
            return None
        # RFC 7662 2.1: the endpoint wants authorization; a public client has no other than the token itself.
        public = registration.client.auth == "public"
        headers = {"Authorization": f"Bearer {token}"} if public else None
        answer = self._post(registration, iss, address, {"token": token}, headers)
        try:
            return msgspec.convert(answer.json, Introspected) if answer.status == 200 else None
        except msgspec.ValidationError:
            return None

    def _post(
        self,
        registration: Registration,
        iss: str,
        address: str,
        form: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        # SMART App Launch 2.2.0, authentication JWT, `aud`: the token endpoint, also where another one is asked.
        token_endpoint = self._discovery.configuration(registration, iss).token_endpoint
        proof = self._client_auth.prove(registration, token_endpoint)
        boundary = self._boundary_of(registration)
        return boundary.post_form(address, {**form, **proof.form}, headers, proof.basic)
