"""Tokens for Chartside itself, without a user: SMART Backend Services (client_credentials, private_key_jwt).

A token is used until shortly before it expires, then asked for again: there is no refresh token. Symmetric secrets
are not offered, as the specification asks.

Source: SMART App Launch 2.2.0, Backend Services.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from app.boundary import Boundary
from app.errors import EhrRefused
from app.smart.client_auth import ClientAuth
from app.smart.discovery import Discovery
from app.smart.registration import Backend, Registration
from app.smart.token_endpoint import TokenAnswer, read_answer

RENEW_BEFORE_S = 30.0


class _BackendAnswer(TokenAnswer, frozen=True, kw_only=True):
    """A backend token response; the granted scopes may be fewer than the ones asked for."""

    scope: str


@dataclass(frozen=True, kw_only=True)
class BackendToken:
    """An access token of Chartside itself."""

    access_token: str = field(repr=False)
    scope: str
    expires_at: float


class BackendTokens:
    """The backend token of each registration, in memory only. Thread-safe: one request at a time for each."""

    def __init__(
        self,
        discovery: Discovery,
        boundary_of: Callable[[Registration], Boundary],
        client_auth: ClientAuth,
        clock: Callable[[], datetime],
    ) -> None:
        self._discovery = discovery
        self._boundary_of = boundary_of
        self._client_auth = client_auth
        self._clock = clock
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._kept: dict[tuple[str, str], BackendToken] = {}

    def get(self, registration: Registration, iss: str, *, refused: str = "") -> BackendToken:
        """Return a token for one issuer of a registration, a new one when `refused` is the one that is kept.

        Raises:
            EhrRefused: the registration has no backend client, or the EHR does not accept it.
            LaunchError, EhrUnavailable: the EHR cannot be asked.
        """
        if registration.backend is None:
            raise EhrRefused("the registration has no [backend]", http_status=0)
        place = (registration.slug, iss)
        with self._locks[place]:
            kept = self._kept.get(place)
            now = self._clock().timestamp()
            if kept and kept.access_token != refused and kept.expires_at - now > RENEW_BEFORE_S:
                return kept
            token = self._kept[place] = self._ask(registration, registration.backend, iss)
            return token

    def _ask(self, registration: Registration, backend: Backend, iss: str) -> BackendToken:
        address = self._discovery.configuration(registration, iss).token_endpoint
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(backend.scopes),
            **self._client_auth.assertion(backend.id, backend.alg, backend.key, address),
        }
        answer = self._boundary_of(registration).post_form(address, form).check()
        try:
            given = read_answer(answer.json, _BackendAnswer)
        except msgspec.ValidationError as error:
            raise EhrRefused(
                "the token response does not have the required form", http_status=answer.status
            ) from error
        return BackendToken(
            access_token=given.access_token,
            scope=given.scope,
            expires_at=self._clock().timestamp() + given.life_s,
        )
