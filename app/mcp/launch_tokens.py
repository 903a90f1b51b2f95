"""Access tokens for MCP hosts, minted after a SMART launch: short, signed here, for one launch and its patient.

A token names its launch; the EHR's own token stays in the vault and never leaves (no token passthrough). At every use the launch must
still live, its registration still name the host, and nothing be switched off. A host's call is no use of the launch: a launch that its
user has left ends although a host goes on asking.

Not protected: a token that is stolen from a host reads this one chart until it expires, at most 15 minutes.

Source: RFC 9068 (JWT access tokens), RFC 8707 (resource indicators), RFC 8725 (JWT best practices)
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from app.audit.log import AuditLog, Detail, Who
from app.errors import SessionEnded
from app.launch_context import Grant, LaunchContext
from app.mcp.authorization import McpCaller, Presented
from app.mcp.errors import McpEnded, McpHostRefused, McpRefused
from app.mcp.refusals import Refusals
from app.settings import Secret
from app.smart.keys import MCP, Keyring, SigningKey
from app.smart.mcp_server import McpServer
from app.smart.registry import Registry
from app.smart.scopes import narrowed, parse_scopes
from app.smart.session import LaunchSessions
from app.smart.switches import Switches
from app.store.seal import opaque

TYPE = "at+jwt"
LEEWAY_S = 5
KEY_S = 60.0
MOST_LIFE_S = 15 * 60
# Far more than one of ours takes.
MOST_CHARACTERS = 8_192
# Scopes that say who signs in or how long, and nothing of the chart, are no part of a token for it.
READING = frozenset("rs")


@dataclass(frozen=True, kw_only=True)
class Minted:
    """A new token and what a host needs to use it."""

    token: str = field(repr=False)
    url: str
    host: str
    scope: str
    expires_in_s: int


class LaunchTokens:
    """Mints and verifies. `issuer` is this Chartside's origin, `url` the MCP server's address, exactly."""

    def __init__(
        self,
        *,
        issuer: str,
        url: str,
        keyring: Keyring,
        sessions: LaunchSessions,
        registry: Registry,
        switches: Switches,
        audit: AuditLog,
        refusals: Refusals,
        key: Secret,
        clock: Callable[[], datetime],
        grant_lives: Callable[[str, str], bool] = lambda _grant, _launch: False,
        of_service: Callable[[Mapping[str, Any]], McpCaller] | None = None,
    ) -> None:
        """`of_service(claims)` returns whom the token of a service account speaks for.

        `grant_lives(grant_id, launch_id)` tells whether a sign-in outside the EHR was not taken back.
        """
        self._grant_lives = grant_lives
        self._of_service = of_service
        self._issuer = issuer
        self._url = url
        self._keyring = keyring
        self._sessions = sessions
        self._registry = registry
        self._switches = switches
        self._audit = audit
        self._refusals = refusals
        self._key = key
        self._clock = clock
        self._signers: dict[str, tuple[SigningKey, float]] = {}

    def mint(
        self, context: LaunchContext, host: str, scope: str = "", grant_id: str = ""
    ) -> Minted:
        """Return a token for a host; `scope` asks for less than the launch has ("": all that reads the chart).

        `grant_id` names the sign-in that it stands on ("": the launch's own page asked for it).

        Raises:
            McpHostRefused: the registration does not name the host, or there is no MCP server.
            SwitchedOff: IT has switched it off.
        """
        self._switches.demand(context.registration, "mcp")
        rules = self._rules(context, host)
        given = self.scope(context, scope)
        claims = {
            "sub": context.user_reference, "client_id": host, "launch": context.launch_id,
            "patient": self._patient(context), "scope": given, **({"grant": grant_id} if grant_id else {}),
        }  # fmt: skip
        token, jti, life_s = self.sign(claims, 60 * rules.token_minutes)
        detail: Detail = {
            "host": host, "scope": given, "token": jti, "seconds": life_s,
        }  # fmt: skip
        self._audit.record("mcp_token", Who.of(context), detail)
        return Minted(token=token, url=self._url, host=host, scope=given, expires_in_s=life_s)

    def sign(self, claims: Mapping[str, Any], life_s: int) -> tuple[str, str, int]:
        """Return a token that says this, for this server, its id, and how many seconds it lives."""
        now, jti = int(self._clock().timestamp()), secrets.token_urlsafe(16)
        whole = {
            "iss": self._issuer, "aud": self._url, "iat": now, "exp": now + life_s, "jti": jti, **claims,
        }  # fmt: skip
        signer = self._keyring.signing(MCP)
        header = {"alg": MCP, "kid": signer.kid, "typ": TYPE}
        return jwt.encode(header, whole, signer, algorithms=[MCP]), jti, life_s

    def scope(self, context: LaunchContext, wanted: str) -> str:
        """Return which scopes a token would have; "" where nothing that is wanted can be given."""
        known = _reading(context.scope)
        return narrowed(known, wanted) if wanted else known

    def grant_of(self, token: str) -> str:
        """Return the sign-in that a token of ours stands on, "" for any other token."""
        try:
            return str(self._claims(token).get("grant", "")) if _is_ours(token) else ""
        except McpRefused:
            return ""

    def verify(self, presented: Presented) -> McpCaller | None:
        """Return who a token of ours speaks for, None for a token of another kind.

        Raises:
            McpRefused: the signature, a claim or the patient does not hold.
            McpEnded: it has expired, or its launch has ended.
            McpHostRefused: the registration does not name its host (any more).
            SwitchedOff: IT has switched it off.
        """
        if not _is_ours(presented.token):
            return None
        try:
            claims = self._claims(presented.token)
        except McpRefused as error:
            # Its claims are a stranger's words: none of them is written down.
            self._refusals.record(Who(), error.code, str(error))
            raise
        host = str(claims["client_id"])
        try:
            return self._caller(claims, host)
        except McpRefused as error:
            self._refusals.record(
                Who(launch_id=str(claims["launch"])), error.code, str(error), host
            )
            raise

    def read(self, token: str) -> dict[str, Any]:
        """Return what a token of ours says, signed for this server and not expired; whom it speaks for is not asked.

        Raises:
            McpRefused: it is none, or of another server.
            McpEnded: it has expired.
        """
        if not _is_ours(token):
            raise McpRefused("no token of ours")
        return self._claims(token)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jws.extract_compact(token.encode()).headers()
            signer = self._signer(str(header.get("kid", "")))
            # RFC 8725 3.1: one algorithm, whatever the header says; never none.
            claims = dict(jwt.decode(token, signer, algorithms=[MCP]).claims)
        except (JoseError, ValueError) as error:
            raise McpRefused(f"token: {type(error).__name__}") from error
        # RFC 8725 3.9: `aud` is this server's address and nothing else; a list would name others too.
        if claims.get("iss") != self._issuer or claims.get("aud") != self._url:
            raise McpRefused("for another server")
        now, made, ends = self._clock().timestamp(), claims.get("iat"), claims.get("exp")
        if not isinstance(made, int) or not isinstance(ends, int) or ends - made > MOST_LIFE_S:
            raise McpRefused("times do not hold")
        if made > now + LEEWAY_S:
            raise McpRefused("made later than now")
        if now >= ends:
            raise McpEnded("expired")
        return claims

    def _signer(self, kid: str) -> SigningKey:
        """Return the key of a signature. An opened one is kept for a minute: opening costs more than verifying."""
        now = self._clock().timestamp()
        known, until = self._signers.get(kid, (None, 0.0))
        if known is not None and now < until:
            return known
        found = self._keyring.verifying(MCP, kid)
        if found is None:
            raise McpRefused("signed by a key that is not ours")
        self._signers = {**self._signers, kid: (found, now + KEY_S)}
        return found

    def _caller(self, claims: dict[str, Any], host: str) -> McpCaller:
        if "service" in claims and self._of_service:
            return self._of_service(claims)
        launch_id, grant_id = str(claims["launch"]), str(claims.get("grant", ""))
        try:
            # A launch that was signed in for a host has no page: its host's requests are its use.
            context = self._sessions.looked_up(launch_id, used=bool(grant_id))
        except SessionEnded as error:
            raise McpEnded("the launch has ended") from error
        if grant_id and not self._grant_lives(grant_id, launch_id):
            raise McpEnded("the sign-in was taken back")
        if not hmac.compare_digest(str(claims["patient"]), self._patient(context)):
            raise McpRefused("bound to another patient")
        self._switches.demand(context.registration, "mcp")
        self._rules(context, host)
        return McpCaller(
            context=_narrow(context, str(claims["scope"])), whole=context, host=host, kind="standalone" if grant_id else "launch",
            token_id=str(claims["jti"]),
        )  # fmt: skip

    def _rules(self, context: LaunchContext, host: str) -> McpServer:
        registration = self._registry.get(context.registration)
        if not self._url or registration is None or not registration.mcp_server.allows(host):
            raise McpHostRefused("[mcp_server] hosts does not name it")
        return registration.mcp_server

    def _patient(self, context: LaunchContext) -> str:
        return opaque(self._key, "mcp-patient", f"{context.iss} {context.patient_id}")


def _is_ours(token: str) -> bool:
    """Tell whether a token has the form of ours; what is in it proves nothing yet."""
    if not token or len(token) > MOST_CHARACTERS:
        return False
    try:
        return str(jws.extract_compact(token.encode()).headers().get("typ", "")) == TYPE
    except (JoseError, ValueError):
        return False


def _reading(scope: str) -> str:
    """Return the scopes that read the chart, as granted."""
    return " ".join(
        item
        for item in scope.split()
        if any(g.level in ("patient", "user") and g.verbs & READING for g in parse_scopes(item))
    )


def _narrow(context: LaunchContext, scope: str) -> LaunchContext:
    """Return a launch's context with no more scopes than the token's, nor than the launch has by now."""
    kept, grants = _both(context.scope, scope)
    return replace(context, scope=kept, grants=grants)


# Asked at every request with the same words; comparing every scope with every other took 10 ms.
@lru_cache(maxsize=1024)
def _both(have: str, wanted: str) -> tuple[str, tuple[Grant, ...]]:
    kept = narrowed(have, wanted)
    return kept, parse_scopes(kept)
