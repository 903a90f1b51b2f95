"""The public launcher's codes and tokens: signed statements, of which nothing is remembered.

That is its way, with what follows from it: a code counts as often as it is shown, a refresh token is never replaced,
nothing can be revoked, and any of the three opens the FHIR door.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=365)


class Statements:
    """Signs and opens statements of one running launcher."""

    def __init__(self) -> None:
        self._key = OctKey.import_key(secrets.token_bytes(32))

    def sign(self, claims: Mapping[str, Any], now: datetime, life: timedelta) -> str:
        """Return the statement as text."""
        times = {"iat": int(now.timestamp()), "exp": int((now + life).timestamp())}
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, {**claims, **times}, self._key)

    def open(self, text: str, now: datetime) -> dict[str, Any] | None:
        """Return the claims, None where it is not one of ours or has ended."""
        try:
            claims = jwt.decode(text, self._key, algorithms=["HS256"]).claims
        except (JoseError, ValueError):
            return None
        return dict(claims) if claims["exp"] > now.timestamp() else None
