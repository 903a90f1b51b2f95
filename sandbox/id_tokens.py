"""OpenID Connect id_tokens: RS256, and the key set that verifies them."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import orjson
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from sandbox.tokens import Grant

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class IdTokenSigner:
    """Signs in the name of one issuer, which is the FHIR base."""

    issuer: str
    key: RSAKey

    def sign(
        self,
        grant: Grant,
        user_reference: str,
        now: datetime,
        *,
        key: RSAKey | None = None,
        first: bool = True,
    ) -> str:
        """Return the signed id_token; `key` replaces the published key, for the fault of that name.

        After a refresh (not `first`) it has neither `aud` nor `nonce`.

        SMART App Launch 2.2.0, scopes for identity data: `fhirUser` is an address, absolute unless the profile says otherwise.
        """
        claims: dict[str, str | int] = {
            "iss": self.issuer,
            "sub": subject(user_reference),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        if first:
            claims["aud"] = grant.client_id
        if first and grant.nonce is not None:
            claims["nonce"] = grant.nonce
        if "fhirUser" in grant.scopes:
            absolute = grant.launch.profile.fhir_user == "absolute"
            user = f"{self.issuer}/{user_reference}" if absolute else user_reference
            claims["fhirUser"] = claims["profile"] = user
        header = {"alg": "RS256", "typ": "JWT", "kid": self.key.kid}
        return jwt.encode(header, claims, key or self.key)

    def key_set(self) -> Mapping[str, object]:
        """Return the public key set."""
        return KeySet([self.key]).as_dict(private=False)


def subject(user_reference: str) -> str:
    """Return this issuer's own name of a user."""
    return hashlib.sha256(user_reference.encode()).hexdigest()


def new_key() -> RSAKey:
    """Return a fresh key, named by its thumbprint."""
    return RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"}, auto_kid=True)


def stored_key(folder: Path) -> RSAKey:
    """Return this sandbox's own key, made at the first start and readable by its user only."""
    path = folder / "signing_key.json"
    if path.exists():
        return _read_key(path.read_bytes())
    key = new_key()
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"signing_key.{os.getpid()}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(key.as_dict(private=True)))
    partial.replace(path)
    return key


@lru_cache(maxsize=8)  # checking the parts of an RSA key takes a tenth of a second
def _read_key(text: bytes) -> RSAKey:
    return RSAKey.import_key(orjson.loads(text))
