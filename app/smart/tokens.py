"""The token vault: a launch's tokens, sealed to it, refreshed in time, each refresh token sent once.

Before a refresh is sent, its claim is written; its outcome is written before the new tokens are used. So of all
threads and processes one sends it, and where a process dies, or no whole answer comes, the refresh token stays unused:
the access token is used while it lives, and then the clinician opens Chartside again from the chart.

Not protected: a row that somebody rolls back to an older one (the EHR then sees a refresh token twice and ends it).

Source: SMART App Launch 2.2.0, refreshing access tokens; RFC 9700 4.14 (refresh token rotation).
"""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec

from app.boundary import Response, never_sent
from app.errors import ChartsideError, EhrUnavailable, SessionEnded
from app.launch_context import LaunchContext
from app.settings import Secret
from app.smart.errors import DiscoveryFailed
from app.smart.id_token import same_user_claims
from app.smart.registration import Registration
from app.smart.revocation import Revocation, Revoker
from app.smart.scopes import missing_scopes, narrowed
from app.smart.token_endpoint import TokenAnswer, TokenEndpoint, read_answer
from app.store.ports import TokenStore
from app.store.seal import Seal, SealBroken
from app.store.tokens import TokenRow

REFRESH_BEFORE_S = 60.0
READY_S = 120.0
# Longer than the boundary waits for any answer.
LEASE_S = 90.0
TRY_AGAIN_S = 10.0
POLL_S = 0.05
MOST_POLLS = 500
# These say that nothing was done. After any other failure nobody knows whether the refresh token counted.
NOT_DONE = frozenset({429, 500, 503})


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What the token endpoint gave. `forced`: fetched because the EHR refused the one before."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    issuer: str = ""
    subject: str = ""
    life_s: float
    forced: bool = False


class _RefreshAnswer(TokenAnswer, frozen=True, kw_only=True):
    """A refresh response; a `scope` that is left out is the one before (RFC 6749 5.1)."""

    scope: str = ""


class Launches(Protocol):
    """What the vault asks of the launch sessions."""

    def context(self, launch_id: str) -> LaunchContext:
        """Return the context of a live launch; raises `SessionEnded`."""

    def narrow(self, launch_id: str, scope: str) -> None:
        """Let the launch go on with fewer scopes."""

    def end(self, launch_id: str, by: str) -> None:
        """End the launch."""


@dataclass(frozen=True, kw_only=True)
class _Refresh:
    """One refresh under way."""

    row: TokenRow
    held: Tokens
    intent: str
    context: LaunchContext
    registration: Registration


class TokenVault:
    """Gives out access tokens that live, and nothing else of what it holds."""

    def __init__(
        self,
        *,
        rows: TokenStore,
        key: Secret,
        endpoint: TokenEndpoint,
        revoker: Revoker,
        registration_of: Callable[[str], Registration | None],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        on_refresh: Callable[[LaunchContext, str], None] = lambda _context, _result: None,
    ) -> None:
        """`on_refresh(context, result)` is told of every refresh that was tried: ok, not_done, lost, or why it was refused."""
        self._rows = rows
        self._seal = Seal(key, "token")
        self._endpoint = endpoint
        self._revoker = revoker
        self._registration_of = registration_of
        self._clock = clock
        self._sleep = sleep
        self._on_refresh = on_refresh

    def seal(self, tokens: Tokens, launch_id: str) -> bytes:
        """Seal tokens to their launch."""
        return self._seal.close(msgspec.to_builtins(tokens), f"token:{launch_id}")

    def bearer(self, launches: Launches, launch_id: str, seconds: float = REFRESH_BEFORE_S) -> str:
        """Return an access token that lives `seconds` more (half its life where that is less), refreshed if need be.

        Where the EHR cannot refresh it now, one that lives shorter.

        Raises:
            SessionEnded: there is none and will be none.
            EhrUnavailable: it has expired and the EHR does not answer.
        """
        for _ in range(MOST_POLLS):
            row, held = self._read(launch_id)
            if self._lives_on(row, held, seconds):
                return held.access_token
            if not held.refresh_token:
                break
            if row.intent and self._now() < row.lease_until:
                self._sleep(POLL_S)  # another one is at it
            elif row.intent or self._now() < row.lease_until:
                break
            else:
                self._claim_and_refresh(launches, row, held)
        return self._last(launches, launch_id)

    def lives(self, launch_id: str, seconds: float) -> bool:
        """Tell whether `bearer` would give a token without asking the EHR."""
        try:
            return self._lives_on(*self._read(launch_id), seconds)
        except SessionEnded:
            return False

    def _lives_on(self, row: TokenRow, held: Tokens, seconds: float) -> bool:
        return row.expires_at - self._now() > min(seconds, held.life_s / 2)

    def refused(self, launches: Launches, launch_id: str, access_token: str) -> None:
        """Note that the EHR answered 401 to a token: the next `bearer` fetches a new one, once.

        Raises:
            SessionEnded: the token was itself fetched after a 401, so a new one would not help.
        """
        row, held = self._read(launch_id)
        if held.access_token != access_token or not held.refresh_token:
            return
        if held.forced:
            launches.end(launch_id, "token_refused")
            raise SessionEnded("the EHR refuses new tokens too")
        self._rows.expire(row)

    def active(self, launches: Launches, launch_id: str) -> bool:
        """Ask the EHR whether the token of a launch still counts; True where it does not say."""
        context = launches.context(launch_id)
        registration = self._registration(context)
        try:
            token = self.bearer(launches, launch_id)
            said = self._endpoint.introspect(registration, context.iss, token)
        except SessionEnded:
            return False
        except ChartsideError:
            return True
        return said is None or (said.active and said.patient in ("", context.patient_id))

    def held(self, launch_id: str) -> Tokens | None:
        """Return the tokens of a launch, None when there are none to be read."""
        try:
            return self._read(launch_id)[1]
        except SessionEnded:
            return None

    def revoke_sealed(self, context: LaunchContext, sealed: bytes) -> None:
        """Take back what lay in the row of a launch that has ended; what does not open is left to expire."""
        with suppress(SessionEnded):
            self.revoke(context, self._open(sealed, context.launch_id))

    def revoke(self, context: LaunchContext, tokens: Tokens) -> None:
        """Take tokens back at the EHR, soon."""
        registration = self._registration_of(context.registration)
        if registration is not None:
            self._revoker.submit(
                Revocation(
                    registration=registration,
                    iss=context.iss,
                    access_token=tokens.access_token,
                    refresh_token=tokens.refresh_token,
                )
            )

    def _last(self, launches: Launches, launch_id: str) -> str:
        """Return the token that cannot be refreshed while it lives, else say what that means."""
        row, held = self._read(launch_id)
        if row.expires_at > self._now():
            return held.access_token
        if not held.refresh_token:
            raise SessionEnded("the access token has expired")
        if row.intent and self._now() >= row.lease_until:
            launches.end(launch_id, "refresh_lost")
            raise SessionEnded("nobody knows whether the refresh token counted")
        raise EhrUnavailable("the access token has expired and cannot be refreshed now")

    def _claim_and_refresh(self, launches: Launches, row: TokenRow, held: Tokens) -> None:
        context = launches.context(row.launch_id)
        registration = self._registration(context)
        intent, now = secrets.token_hex(16), self._now()
        if not self._rows.claim(row, intent, now=now, until=now + LEASE_S):
            return
        refresh = _Refresh(
            row=row,
            held=held,
            intent=intent,
            context=context,
            registration=registration,
        )
        answer = self._send(refresh)
        if answer is None:
            self._on_refresh(context, "not_done")
            return
        try:
            self._take(launches, refresh, answer)
        except SessionEnded as error:
            self._on_refresh(context, str(error))
            raise
        self._on_refresh(context, "ok" if self._kept(refresh) else "lost")

    def _kept(self, refresh: "_Refresh") -> bool:
        row = self._rows.get(refresh.row.launch_id)
        return row is not None and row.version > refresh.row.version

    def _send(self, refresh: _Refresh) -> Response | None:
        """Send the refresh token; None: the claim was settled, as given back or as lost."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh.held.refresh_token}
        try:
            answer = self._endpoint.ask(refresh.registration, refresh.context.iss, form)
        except DiscoveryFailed:
            self._release(refresh)
        except ChartsideError as error:
            if never_sent(error):
                self._release(refresh)
            else:
                self._rows.lose(refresh.row, refresh.intent)
        else:
            if answer.status not in NOT_DONE:
                return answer
            self._release(refresh)
        return None

    def _take(self, launches: Launches, refresh: _Refresh, answer: Response) -> None:
        """Keep the new tokens, or end the launch when they are refused or belong to something else."""
        launch_id = refresh.row.launch_id
        if 400 <= answer.status < 500 and _error(answer) == "invalid_grant":
            launches.end(launch_id, "refresh_refused")
            raise SessionEnded("the EHR ended the grant")
        try:
            given = read_answer(answer.json if answer.status == 200 else None, _RefreshAnswer)
        except msgspec.ValidationError:
            self._rows.lose(refresh.row, refresh.intent)
            return
        tokens = Tokens(
            access_token=given.access_token,
            # RFC 6749 6: a new refresh token replaces the old one; without one the old one stays good.
            refresh_token=given.refresh_token or refresh.held.refresh_token,
            issuer=refresh.held.issuer,
            subject=refresh.held.subject,
            life_s=given.life_s,
            forced=refresh.row.expires_at == 0.0,
        )
        scope = (
            narrowed(refresh.context.scope, given.scope) if given.scope else refresh.context.scope
        )
        if why := _why_not(refresh, given, scope):
            self.revoke(refresh.context, tokens)
            launches.end(launch_id, why)
            raise SessionEnded(f"the refreshed token does not fit the launch: {why}")
        if scope != refresh.context.scope:
            launches.narrow(launch_id, scope)
        if not self._keep(refresh, tokens):
            self.revoke(refresh.context, tokens)
            raise SessionEnded("the launch ended meanwhile")

    def _keep(self, refresh: _Refresh, tokens: Tokens) -> bool:
        return self._rows.keep(
            refresh.row,
            refresh.intent,
            sealed=self.seal(tokens, refresh.row.launch_id),
            expires_at=self._now() + tokens.life_s,
        )

    def _release(self, refresh: _Refresh) -> None:
        self._rows.release(refresh.row, refresh.intent, until=self._now() + TRY_AGAIN_S)

    def _read(self, launch_id: str) -> tuple[TokenRow, Tokens]:
        row = self._rows.get(launch_id)
        if row is None:
            raise SessionEnded("no tokens")
        return row, self._open(row.sealed, launch_id)

    def _open(self, sealed: bytes, launch_id: str) -> Tokens:
        try:
            value = self._seal.open(sealed, f"token:{launch_id}")
        except SealBroken as error:
            raise SessionEnded("tokens do not open") from error
        # Before refresh tokens were kept, the value was the access token alone.
        if isinstance(value, str):
            return Tokens(access_token=value, life_s=0.0)
        return msgspec.convert(value, Tokens)

    def _registration(self, context: LaunchContext) -> Registration:
        registration = self._registration_of(context.registration)
        if registration is None:
            raise SessionEnded("registration is gone")
        return registration

    def _now(self) -> float:
        return self._clock().timestamp()


def _error(answer: Response) -> str:
    return str(answer.json.get("error", "")) if isinstance(answer.json, dict) else ""


def _why_not(refresh: _Refresh, given: _RefreshAnswer, scope: str) -> str:
    """Say why refreshed tokens do not belong to this launch, "" when they do."""
    context = refresh.context
    if given.patient not in (None, context.patient_id):
        return "other_patient"
    if given.id_token and not same_user_claims(
        given.id_token,
        issuer=refresh.held.issuer,
        subject=refresh.held.subject,
        client_id=context.client_id,
        user_reference=context.user_reference,
        iss=context.iss,
    ):
        return "other_user"
    return "scopes" if missing_scopes(refresh.registration.scopes.required, scope) else ""
