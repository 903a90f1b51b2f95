"""Prove to a token endpoint which client asks: not at all (public), by a secret, or by a signed assertion.

Source: SMART App Launch 2.2.0, client authentication (asymmetric and symmetric); RFC 6749 2.3.1; RFC 7523.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never
from urllib.parse import quote_plus

from joserfc import jwt

from app.errors import ConfigurationError
from app.settings import Secret
from app.smart.keys import Keyring
from app.smart.registration import Registration
from app.store.seal import SealBroken

# SMART App Launch 2.2.0, authentication JWT: no more than five minutes; a minute is left for clocks that differ.
ASSERTION_S = 240
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What is added to one request: form fields, or the user and password of HTTP Basic."""

    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


class ClientAuth:
    """Makes the proof that each registration asks for; secrets come from the environment, keys from the ring."""

    def __init__(
        self,
        variables: Mapping[str, Secret],
        keyring: Keyring,
        clock: Callable[[], datetime],
    ) -> None:
        self._variables = variables
        self._keyring = keyring
        self._clock = clock

    def check(self, registrations: Iterable[Registration]) -> None:
        """Refuse to start with a client that could not prove itself.

        Raises:
            ConfigurationError: a secret or a key is missing; the message names registration and key.
        """
        for item in registrations:
            if item.client.secret_env and item.client.secret_env not in self._variables:
                raise ConfigurationError(
                    f"{item.slug}: client.secret_env: {item.client.secret_env} is not set"
                )
            for name, signer in (("client", item.client), ("backend", item.backend)):
                if signer is None or not signer.alg:
                    continue
                try:
                    self._keyring.signing(signer.alg, signer.key)
                except ConfigurationError as error:
                    raise ConfigurationError(f"{item.slug}: {name}.key: {error}") from error
                except SealBroken as error:
                    raise ConfigurationError(
                        f"{item.slug}: {name}.key: sealed with another CHARTSIDE_SECRET_KEY"
                    ) from error

    def prove(self, registration: Registration, token_endpoint: str) -> Proof:
        """Return the proof of a registration's client for one request to its authorization server."""
        client = registration.client
        named = {"client_id": client.id}
        # SMART App Launch 2.2.0, token request, `client_id`: required for public clients, omitted for confidential.
        kept = named if registration.quirks.client_id_in_body else {}
        match client.auth:
            case "public":
                return Proof(form=named)
            case "client_secret_basic":
                # RFC 6749 2.3.1: both are form-encoded before they become user and password.
                secret = self._secret(client.secret_env)
                return Proof(form=kept, basic=(quote_plus(client.id), quote_plus(secret)))
            case "client_secret_post":
                return Proof(form={**named, "client_secret": self._secret(client.secret_env)})
            case "private_key_jwt":
                signed = self.assertion(client.id, client.alg, client.key, token_endpoint)
                return Proof(form={**kept, **signed})
            case _ as unknown:
                assert_never(unknown)

    def assertion(self, client_id: str, alg: str, kid: str, token_endpoint: str) -> dict[str, str]:
        """Return the form fields of a fresh assertion; each counts once (`jti`)."""
        key = self._keyring.signing(alg, kid)
        now = int(self._clock().timestamp())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": token_endpoint,
            "iat": now,
            "exp": now + ASSERTION_S,
            "jti": secrets.token_urlsafe(24),
        }
        header = {"alg": alg, "kid": key.kid, "typ": "JWT"}
        signed = jwt.encode(header, claims, key, algorithms=[alg])
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def _secret(self, name: str) -> str:
        return self._variables[name].reveal().decode()
