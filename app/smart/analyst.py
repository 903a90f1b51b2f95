"""The session of an analyst: somebody whom the EHR has identified, without a patient and without a token of the EHR.

It proves who asks about many patients and opens no chart: its key is no launch's, and a launch's key is none of these. What it allows is
asked of the registration at every use. Kept like the sign-ins of hosts: the key as its SHA-256, the rest sealed.

Not protected: whoever leaves the EHR keeps the session until it is signed out of, or past its limits (`[session]`).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from app.errors import SessionEnded
from app.settings import Secret
from app.smart.id_token import User
from app.smart.registration import Registration
from app.smart.registry import Registry
from app.smart.session import digest
from app.store.grants import GrantRow
from app.store.ports import GrantStore
from app.store.seal import Seal, SealBroken

STAGE = "analyst"
TOUCH_EVERY_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Analyst:
    """Who is signed in, and where. `ends_at` (seconds since 1970) is when the session ends whatever is done."""

    session_id: str
    slug: str
    iss: str
    user_reference: str
    user_name: str
    ends_at: float


class AnalystSessions:
    """Opens, proves and ends them."""

    def __init__(
        self, rows: GrantStore, key: Secret, registry: Registry, clock: Callable[[], datetime]
    ) -> None:
        self._rows = rows
        self._seal = Seal(key, "analyst")
        self._registry = registry
        self._clock = clock

    def create(self, registration: Registration, iss: str, user: User) -> tuple[str, Analyst]:
        """Keep a new session; return its key, which is shown once.

        Raises:
            SessionEnded: too many wait.
        """
        key, now = secrets.token_urlsafe(32), self._now()
        found = Analyst(
            session_id=secrets.token_urlsafe(16), slug=registration.slug, iss=iss, user_reference=user.reference,
            user_name=user.name, ends_at=now + 60 * registration.session.absolute_minutes,
        )  # fmt: skip
        row = GrantRow(
            grant_id=found.session_id, stage=STAGE, secret_hash=digest(key), launch_id=STAGE,
            sealed=self._seal.close(msgspec.to_builtins(found), found.session_id),
            expires_at=self._until(registration, found, now),
        )  # fmt: skip
        if not self._rows.add(row, now):
            raise SessionEnded("too many sign-ins")
        return key, found

    def open(self, slug: str, key: str | None) -> Analyst:
        """Return whom a key proves at a registration, and let the time without use begin anew.

        Raises:
            SessionEnded: nobody, there.
        """
        row = self._rows.of_secret(STAGE, digest(key or ""), self._now())
        return self._opened(row, slug, used=True)

    def of_id(self, slug: str, session_id: str) -> Analyst:
        """Return whose session has an id, which proves nothing: for tokens that were made in it.

        Raises:
            SessionEnded: there is none (any more).
        """
        return self._opened(self._rows.get(session_id, self._now()), slug, used=False)

    def end(self, session_id: str) -> None:
        """End one."""
        self._rows.drop(session_id)

    def _opened(self, row: GrantRow | None, slug: str, *, used: bool) -> Analyst:
        registration = self._registry.get(slug)
        if row is None or row.stage != STAGE or registration is None:
            raise SessionEnded("no such session")
        try:
            found = msgspec.convert(self._seal.open(row.sealed, row.grant_id), Analyst)
        except SealBroken as error:
            raise SessionEnded("session does not open") from error
        if found.slug != slug:
            raise SessionEnded("of another registration")
        until = self._until(registration, found, self._now())
        if used and until - row.expires_at >= TOUCH_EVERY_S:
            self._rows.advance(row, replace(row, expires_at=until))
        return found

    def _until(self, registration: Registration, found: Analyst, now: float) -> float:
        return min(found.ends_at, now + 60 * registration.session.idle_minutes)

    def _now(self) -> float:
        return self._clock().timestamp()
