"""Client assertions (`private_key_jwt`), checked as strictly as SMART App Launch 2.2.0 words them.

A client's key set is kept exactly as long as its Cache-Control allows, and not read again in between for a key that
is not in it: a client that signs with a key before its old set has run out is refused here, as it would be elsewhere.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox.clients import Client
from sandbox.oauth import OAuthError

# SMART App Launch 2.2.0, asymmetric authentication: both SHALL be supported, nothing else is.
ALGORITHMS = ["RS384", "ES384"]
LONGEST = timedelta(minutes=5)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_AGE = re.compile(r"max-age=(\d+)")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A JSON document and what its server says about keeping it."""

    body: Any
    cache_control: str


class Assertions:
    """Checks assertions, remembers every `jti` until its assertion has expired, and keeps key sets."""

    def __init__(self, fetch: Callable[[str], Fetched]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], datetime] = {}
        self._key_sets: dict[str, tuple[KeySet, datetime]] = {}

    def check(self, assertion: str, client: Client, audience: str, now: datetime) -> None:
        """Accept one assertion, once.

        Raises:
            OAuthError: `invalid_client`, with the reason.
        """
        header, claims = _parts(assertion)
        if header.get("typ") != "JWT" or header.get("alg") not in ALGORITHMS:
            raise _refused("header: typ must be JWT, alg RS384 or ES384")
        if header.get("jku", client.jwks_url) != client.jwks_url:
            raise _refused("jku is not the registered address")
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise _refused("iss and sub must be the client_id")
        if claims.get("aud") != audience:
            raise _refused(f"aud must be {audience}")
        expires_at = _time(claims.get("exp"))
        if not now < expires_at <= now + LONGEST:
            raise _refused("exp must lie within the next five minutes")
        self._verify(assertion, client, str(header.get("kid", "")), now)
        self._use(client.client_id, claims.get("jti"), expires_at, now)

    def _verify(self, assertion: str, client: Client, kid: str, now: datetime) -> None:
        keys = self._keys(client, now)
        known = [key for key in keys.keys if key.kid == kid]
        if not kid or not known:
            raise _refused("kid is not in the key set")
        try:
            jws.deserialize_compact(assertion, known[0], algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise _refused("the signature does not verify") from error

    def _keys(self, client: Client, now: datetime) -> KeySet:
        kept = self._key_sets.get(client.jwks_url)
        if kept is not None and now < kept[1]:
            return kept[0]
        try:
            fetched = self._fetch(client.jwks_url)
            keys = KeySet.import_key_set(fetched.body)
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            raise _refused("the key set cannot be read") from error
        if any(key.is_private for key in keys.keys):
            raise _refused("the key set shows a private key")
        age = MAX_AGE.search(fetched.cache_control)
        self._key_sets[client.jwks_url] = keys, now + timedelta(seconds=int(age[1]) if age else 0)
        return keys

    def _use(self, client_id: str, jti: object, expires_at: datetime, now: datetime) -> None:
        if not isinstance(jti, str) or not jti:
            raise _refused("jti is missing")
        with self._lock:
            self._used = {name: end for name, end in self._used.items() if end > now}
            if (client_id, jti) in self._used:
                raise _refused("jti was used before")
            self._used[client_id, jti] = expires_at


def claimed_client(assertion: str) -> str:
    """Return whom an assertion speaks of, before anything about it is proved."""
    return str(_parts(assertion)[1].get("sub", ""))


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        found = jws.extract_compact(assertion.encode())
        claims = orjson.loads(found.payload)
    except (JoseError, ValueError) as error:
        raise _refused("not a signed JWT") from error
    if not isinstance(claims, dict):
        raise _refused("not a signed JWT")
    return found.headers(), claims


def _time(sent: object) -> datetime:
    if isinstance(sent, bool) or not isinstance(sent, int):
        raise _refused("exp is missing")
    try:
        return datetime.fromtimestamp(sent, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _refused("exp is no time") from error


def _refused(why: str) -> OAuthError:
    return OAuthError("invalid_client", f"client_assertion: {why}", 401)
