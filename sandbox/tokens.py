"""Codes, access tokens and refresh tokens: opaque values, what they stand for, and their ends.

Everything issued from one authorization shares a `Grant`; revoking the grant ends all of it. State is
in memory: a restart ends every session, and one process serves everybody.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sandbox.launches import Launch


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What one authorization gave: to which client, in which launch, which scopes."""

    grant_id: str
    client_id: str
    launch: Launch
    scopes: tuple[str, ...]
    nonce: str | None


@dataclass(frozen=True, kw_only=True)
class AuthorizationCode:
    """A code's bindings: RFC 6749 4.1.3 and RFC 7636 4.4."""

    grant: Grant
    redirect_uri: str
    code_challenge: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A standalone authorization that waits for its user to choose a patient; `parameters` were checked."""

    client_id: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """What a bearer may do. `scopes` are the grant's, or fewer after a narrowing refresh."""

    grant: Grant
    scopes: tuple[str, ...]


Meaning = TypeVar("Meaning")


@dataclass(frozen=True, kw_only=True)
class Found(Generic[Meaning]):
    """A known value: what it stands for and whether it still counts."""

    meaning: Meaning
    used: bool
    expired: bool


class OneTimeValues(Generic[Meaning]):
    """Opaque values that count once; a used one is remembered, so that its replay is recognized."""

    def __init__(self, lifetime_s: int) -> None:
        self._lifetime = timedelta(seconds=lifetime_s)
        self._issued: dict[str, tuple[Meaning, datetime]] = {}
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def issue(self, meaning: Meaning, now: datetime) -> str:
        """Return a new value for `meaning`."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._issued[value] = (meaning, now + self._lifetime)
        return value

    def peek(self, value: str) -> Meaning | None:
        """Return what the value stands for without using it."""
        meaning, _ = self._issued.get(value, (None, None))
        return meaning

    def use(self, value: str, now: datetime) -> Found[Meaning] | None:
        """Use the value up and return what it stands for; None when it was never issued."""
        with self._lock:
            if value not in self._issued:
                return None
            meaning, expires_at = self._issued[value]
            used = value in self._used
            self._used.add(value)
        return Found(meaning=meaning, used=used, expired=now >= expires_at)


@dataclass(frozen=True, kw_only=True)
class SystemToken:
    """What a client of Backend Services may do, for no user and no launch."""

    client_id: str
    scopes: tuple[str, ...]
    expires_at: datetime


class SystemTokens:
    """Bearer tokens of Backend Services; SMART App Launch 2.2.0 asks for five minutes at most."""

    lifetime_s = 300

    def __init__(self) -> None:
        self._issued: dict[str, SystemToken] = {}

    def issue(self, client_id: str, scopes: tuple[str, ...], now: datetime) -> str:
        """Return a new bearer value."""
        value = secrets.token_urlsafe(32)
        expires_at = now + timedelta(seconds=self.lifetime_s)
        self._issued[value] = SystemToken(client_id=client_id, scopes=scopes, expires_at=expires_at)
        return value

    def find(self, value: str, now: datetime) -> SystemToken | None:
        """Return the token if it counts now."""
        token = self._issued.get(value)
        return token if token is not None and now < token.expires_at else None


class AccessTokens:
    """Bearer tokens in use, and the grants that were revoked."""

    def __init__(self, lifetime_s: int) -> None:
        self.lifetime_s = lifetime_s
        self._issued: dict[str, tuple[AccessToken, datetime]] = {}
        self._revoked_grants: set[str] = set()

    def life_s(self, grant: Grant) -> int:
        """Return how long a bearer value of this grant lives: the EHR's time, or its profile's shorter one."""
        return min(self.lifetime_s, grant.launch.profile.access_token_lifetime_s or self.lifetime_s)

    def issue(self, token: AccessToken, now: datetime) -> str:
        """Return a new bearer value for `token`."""
        value = secrets.token_urlsafe(32)
        self._issued[value] = (token, now + timedelta(seconds=self.life_s(token.grant)))
        return value

    def peek(self, value: str) -> AccessToken | None:
        """Return what the value stands for, expired or not."""
        token, _ = self._issued.get(value, (None, None))
        return token

    def find(self, value: str, now: datetime) -> AccessToken | None:
        """Return the token if it counts now: known, not expired, its grant not revoked."""
        token, expires_at = self._issued.get(value, (None, now))
        if token is None or now >= expires_at or self.is_revoked(token.grant):
            return None
        return token

    def expires_at(self, value: str) -> datetime:
        """Return when a known bearer value ends."""
        return self._issued[value][1]

    def forget(self, value: str) -> None:
        """End one bearer value."""
        self._issued.pop(value, None)

    def revoke(self, grant: Grant) -> None:
        """End everything that was or will be issued from the grant."""
        self._revoked_grants.add(grant.grant_id)

    def is_revoked(self, grant: Grant) -> bool:
        """Tell whether the grant has ended."""
        return grant.grant_id in self._revoked_grants
