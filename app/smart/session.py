"""The launch session: how a launch is addressed and proved, and where its tokens lie.

A launch is named by an unguessable launch id and proved by a launch key in the `Authorization` header. No cookie
names a patient: the only cookies are the bind secret of one pending launch and the resume secret of one launch,
each scoped so that another launch never sends it. Keys, states and secrets are stored as SHA-256.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app.errors import SessionEnded
from app.launch_context import LaunchContext
from app.settings import Secret
from app.smart.registry import Registry
from app.smart.scopes import parse_scopes
from app.smart.tokens import READY_S, Tokens, TokenVault
from app.store.launches import LaunchRow
from app.store.ports import LaunchStore
from app.store.seal import Seal, SealBroken

TOUCH_EVERY_S = 30.0
# WCAG 2.2, 2.2.1 asks for 20 s at least; a clinician may be with the patient.
WARN_S = 120


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret as hex: what the store may keep of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(secret: str | None, known_digest: str) -> bool:
    """Compare a secret with a stored digest in constant time."""
    return secret is not None and hmac.compare_digest(digest(secret), known_digest)


@dataclass(frozen=True, kw_only=True)
class NewLaunch:
    """The secrets of a new launch, shown to the browser once."""

    launch_id: str
    key: str
    resume: str


@dataclass(frozen=True, kw_only=True)
class TimeLeft:
    """Seconds until a launch ends: without use, and whatever is done; `warn_s`: how long before either it is said."""

    idle_s: int
    absolute_s: int
    warn_s: int


class LaunchSessions:
    """Opens, proves, resumes and ends launch sessions; their tokens lie apart, in the vault."""

    def __init__(
        self,
        rows: LaunchStore,
        key: Secret,
        registry: Registry,
        vault: TokenVault,
        clock: Callable[[], datetime],
        on_end: Callable[[LaunchContext, str], None],
    ) -> None:
        """`on_end(context, by)` is called once for every launch that ends, whatever ended it."""
        self._rows = rows
        self._registry = registry
        self._vault = vault
        self._clock = clock
        self._on_end = on_end
        self._session_seal = Seal(key, "session")

    def create(
        self, context_of: Callable[[str], LaunchContext], tokens: Tokens
    ) -> tuple[NewLaunch, LaunchContext]:
        """Keep a new launch; `context_of(launch_id)` builds its context."""
        new = NewLaunch(
            launch_id=secrets.token_urlsafe(16),
            key=secrets.token_urlsafe(32),
            resume=secrets.token_urlsafe(32),
        )
        context = context_of(new.launch_id)
        registration = self._registry.get(context.registration)
        if registration is None:
            raise SessionEnded("registration is gone")
        now = self._clock().timestamp()
        session_id = digest(new.key)
        self._rows.add_launch(
            LaunchRow(
                launch_id=new.launch_id,
                registration=context.registration,
                session_id=session_id,
                resume_hash=digest(new.resume),
                last_used_at=now,
                expires_at=now + 60 * registration.session.absolute_minutes,
            ),
            session_sealed=self.seal({"context": msgspec.to_builtins(context)}, session_id),
            token_sealed=self._vault.seal(tokens, new.launch_id),
            token_expires_at=now + tokens.life_s,
        )
        return new, context

    def open(self, key: str, *, used: bool = True) -> dict[str, Any] | None:
        """Return the session that a launch key proves, None when it proves nothing or has ended.

        `used` False: somebody only looks how long it lives, and it lives no longer for that.
        """
        session_id = digest(key)
        found = self._rows.opened(session_id)
        if found is None:
            return None
        row, sealed = found
        if not self._lives(row, used=used):
            return None
        try:
            return _with_scope(row, self.unseal(sealed, session_id))
        except SessionEnded:  # changed bytes, or another secret key: the launch key proves nothing
            return None

    def live(self, launch_id: str, *, used: bool = True) -> bool:
        """Tell whether a launch is within its limits, and note that it is used; one that is past them, ends."""
        row = self._rows.launch(launch_id)
        return row is not None and self._lives(row, used=used)

    def _lives(self, row: LaunchRow, *, used: bool) -> bool:
        now = self._clock().timestamp()
        if self._is_over(row, now):
            self.end(row.launch_id, "limit")
            return False
        if used and (row.parked_at is not None or now - row.last_used_at >= TOUCH_EVERY_S):
            self._rows.touch(row.launch_id, now)
        return True

    def extend(self, launch_id: str) -> TimeLeft:
        """Let the time without use begin now; the absolute limit stays where it is.

        Raises:
            SessionEnded: the launch has ended.
        """
        if self.live(launch_id):
            self._rows.touch(launch_id, self._clock().timestamp())
        return self.left(launch_id)

    def left(self, launch_id: str) -> TimeLeft:
        """Return how long a launch lives if nothing is done, and at most.

        Raises:
            SessionEnded: the launch has ended.
        """
        row = self._rows.launch(launch_id)
        registration = self._registry.get(row.registration) if row else None
        if row is None or registration is None:
            raise SessionEnded("no such launch")
        now, limits = self._clock().timestamp(), registration.session
        ends = row.last_used_at + 60 * limits.idle_minutes
        if row.parked_at is not None:
            ends = min(ends, row.parked_at + 60 * limits.parked_minutes)
        # A session of a few minutes is not all warning.
        warn = min(WARN_S, 30 * limits.idle_minutes, 30 * limits.absolute_minutes)
        return TimeLeft(
            idle_s=max(0, int(ends - now)),
            absolute_s=max(0, int(row.expires_at - now)),
            warn_s=warn,
        )

    def sweep(self) -> None:
        """End every launch that is past its limits, so that nothing of it waits to be asked for."""
        now = self._clock().timestamp()
        for row in self._rows.launches():
            if self._is_over(row, now):
                self.end(row.launch_id, "limit")

    def _is_over(self, row: LaunchRow, now: float) -> bool:
        registration = self._registry.get(row.registration)
        if registration is None or now >= row.expires_at:
            return True
        limits = registration.session
        left = row.parked_at is not None and now - row.parked_at >= 60 * limits.parked_minutes
        return left or now - row.last_used_at >= 60 * limits.idle_minutes

    def park(self, launch_id: str) -> None:
        """Note that the page of a launch was left: without a page that comes back it ends soon."""
        self._rows.park(launch_id, self._clock().timestamp())

    def resume(self, launch_id: str, resume_secret: str | None) -> tuple[str, LaunchContext]:
        """Return a new launch key for a page that was loaded again; the key before it stops working.

        Raises:
            SessionEnded: no such launch, a wrong secret, or it has ended.
        """
        row = self._rows.launch(launch_id)
        if row is None or not same(resume_secret, row.resume_hash) or not self.live(launch_id):
            raise SessionEnded("not resumable")
        found = self._rows.session(row.session_id)
        if found is None:
            raise SessionEnded("no session")
        value = _with_scope(row, self.unseal(found[1], row.session_id))
        self._introspect(launch_id, row.registration)
        key = secrets.token_urlsafe(32)
        sealed = self.seal(value, digest(key))
        if not self._rows.rotate_session(
            launch_id, old=row.session_id, new=digest(key), sealed=sealed
        ):
            raise SessionEnded("resumed twice at once")
        return key, context_from(value)

    def end(self, launch_id: str, by: str) -> None:
        """End a launch: its key, its resume secret and its tokens are gone; `by` is user or limit."""
        row = self._rows.launch(launch_id)
        found = self._rows.session(row.session_id) if row else None
        sealed = self._rows.end(launch_id)
        if sealed is None or row is None or found is None:
            return
        try:
            context = context_from(self.unseal(found[1], row.session_id))
        except SessionEnded:
            # Sealed with an earlier secret key. It is gone, and must not stop whoever swept it away (a new launch).
            return
        self._vault.revoke_sealed(context, sealed)
        self._on_end(context, by)

    def bearer(self, launch_id: str) -> str:
        """Return an access token of a launch that lives, refreshed when it soon would not; for the boundary only.

        Raises:
            SessionEnded: there is none any more.
            EhrUnavailable: it has expired, and the EHR does not answer.
        """
        return self._vault.bearer(self, launch_id)

    def ready(self, launch_id: str, seconds: float = READY_S) -> None:
        """Refresh the access token of a launch unless it lives `seconds` more: before a model is asked.

        Raises:
            SessionEnded, EhrUnavailable: as `bearer`.
        """
        self._vault.bearer(self, launch_id, seconds)

    def is_ready(self, launch_id: str, seconds: float = READY_S) -> bool:
        """Tell whether the access token of a launch lives `seconds` more, or as long as new ones do."""
        return self._vault.lives(launch_id, seconds)

    def refused(self, launch_id: str, access_token: str) -> None:
        """Note that the EHR answered 401 to this token; the next `bearer` gives a newer one, once.

        Raises:
            SessionEnded: the newer one was refused as well.
        """
        self._vault.refused(self, launch_id, access_token)

    def context(self, launch_id: str) -> LaunchContext:
        """Return the context of a launch that has not ended.

        Raises:
            SessionEnded: there is no such launch.
        """
        row = self._rows.launch(launch_id)
        found = self._rows.session(row.session_id) if row else None
        if row is None or found is None:
            raise SessionEnded("no such launch")
        value = self.unseal(found[1], row.session_id)
        return context_from(_with_scope(row, value))

    def looked_up(self, launch_id: str, *, used: bool) -> LaunchContext:
        """Return the context of a launch that is within its limits, and note whether it is used; one that is past them, ends.

        Raises:
            SessionEnded: there is no such launch (any more).
        """
        found = self._rows.opened_launch(launch_id)
        if found is None or not self._lives(found[0], used=used):
            raise SessionEnded("no such launch")
        row, sealed = found
        return context_from(_with_scope(row, self.unseal(sealed, row.session_id)))

    def narrow(self, launch_id: str, scope: str) -> None:
        """Let a launch go on with fewer scopes, from its next request on."""
        self._rows.narrow(launch_id, scope)

    def _introspect(self, launch_id: str, slug: str) -> None:
        registration = self._registry.get(slug)
        if registration is None or not registration.session.introspect_on_resume:
            return
        if not self._vault.active(self, launch_id):
            self.end(launch_id, "token_inactive")
            raise SessionEnded("the EHR has ended the token")

    def seal(self, value: dict[str, Any], session_id: str) -> bytes:
        """Seal session values to their session id."""
        return self._session_seal.close(value, f"session:{session_id}")

    def unseal(self, sealed: bytes, session_id: str) -> dict[str, Any]:
        """Open session values.

        Raises:
            SessionEnded: the bytes were changed or belong to another session.
        """
        try:
            return dict(self._session_seal.open(sealed, f"session:{session_id}"))
        except SealBroken as error:
            raise SessionEnded("session does not open") from error


def _with_scope(row: LaunchRow, value: dict[str, Any]) -> dict[str, Any]:
    """Return session values with the scopes that refreshes left: values written back late bring none back."""
    if row.scope is None:
        return value
    grants = msgspec.to_builtins(parse_scopes(row.scope))
    return {**value, "context": {**value["context"], "scope": row.scope, "grants": grants}}


def context_from(value: dict[str, Any]) -> LaunchContext:
    """Return the launch context that a session holds."""
    return msgspec.convert(value["context"], LaunchContext)
