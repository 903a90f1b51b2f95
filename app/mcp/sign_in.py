"""Sign-in for hosts outside the EHR: Chartside as the OAuth 2.1 authorization server of its own MCP server, and of nothing else.

The user signs in at the EHR (standalone SMART launch), which has them choose one patient; then they are asked here whether this host may
read this chart; then the host gets a code, and for it a token of `launch_tokens` and a refresh token that lives as long as the launch.
Nothing here signs anybody in by itself, and no EHR token leaves the vault.

Source: OAuth 2.1 (draft-ietf-oauth-v2-1); RFC 8414, RFC 8707, RFC 9207, RFC 7009, RFC 8252; MCP 2026-07-28, authorization
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app.audit.log import AuditLog, Detail, Who
from app.errors import SessionEnded
from app.launch_context import LaunchContext
from app.mcp.clients import Application, Clients
from app.mcp.errors import ClientRefused, OAuthRefused
from app.mcp.grants import Asked, Grant, Grants, shown
from app.mcp.launch_tokens import LaunchTokens, Minted
from app.mcp.scopes import SUPPORTED
from app.mcp.service_accounts import ALGORITHMS, ServiceAccounts
from app.smart.registration import Registration
from app.smart.registry import Registry
from app.smart.session import LaunchSessions, digest, same
from app.smart.switches import Switches

# RFC 7636 4.1 and 4.2: 43 to 128 characters; S256 gives 43.
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
MOST_STATE, MOST_SCOPE = 2_048, 4_096
SERVICE_TOKEN_S = 300
KNOWN = frozenset(
    ("response_type", "client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method", "resource")
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """An authorization request whose client and redirect address hold; anything else goes back to the host as an error."""

    applications: Mapping[str, Application] = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)

    @property
    def redirect_uri(self) -> str:
        """Where the answer goes."""
        return self.parameters["redirect_uri"]


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What the token endpoint gives."""

    minted: Minted
    refresh_token: str = field(repr=False)

    def answer(self) -> dict[str, Any]:
        """Return the token response (RFC 6749 5.1)."""
        return {
            "access_token": self.minted.token, "token_type": "Bearer", "expires_in": self.minted.expires_in_s,
            "scope": self.minted.scope, "refresh_token": self.refresh_token,
        }  # fmt: skip


class SignIn:
    """The authorization server. `issuer` is this Chartside's origin, `resource` the MCP server's address, exactly."""

    def __init__(
        self,
        *,
        issuer: str,
        resource: str,
        clients: Clients,
        grants: Grants,
        tokens: LaunchTokens,
        sessions: LaunchSessions,
        registry: Registry,
        switches: Switches,
        audit: AuditLog,
        services: ServiceAccounts,
    ) -> None:
        self._services = services
        self.issuer = issuer
        self.clients = clients
        self._resource = resource
        self._grants = grants
        self._tokens = tokens
        self._sessions = sessions
        self._registry = registry
        self._switches = switches
        self._audit = audit

    @property
    def is_on(self) -> bool:
        """Tell whether there is anything to sign in for."""
        return bool(self._resource) and (self.clients.any() or self._services.any())

    def metadata(self) -> dict[str, Any]:
        """Return the authorization server's metadata (RFC 8414)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "revocation_endpoint": f"{self.issuer}/oauth/revoke",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
            "client_id_metadata_document_supported": self.clients.documents(),
            "scopes_supported": list(SUPPORTED),
            "protected_resources": [self._resource],
        }

    def read(self, sent: Mapping[str, list[str]]) -> Request:
        """Return an authorization request whose client and redirect address hold.

        Raises:
            ClientRefused, OAuthRefused: they do not, so that nothing is sent to the address.
        """
        try:
            if any(len(values) != 1 for name, values in sent.items() if name in KNOWN):
                raise OAuthRefused("invalid_request", "a parameter twice")
            parameters = {name: values[0] for name, values in sent.items() if name in KNOWN}
            applications = self.clients.find(parameters.get("client_id", ""))
            redirect_uri = parameters.get("redirect_uri", "")
            # OAuth 2.1, 2.3.1: compared as strings; the port of this computer is the host's to choose.
            fitting = {slug: one for slug, one in applications.items() if one.allows(redirect_uri)}
            if not fitting:
                raise OAuthRefused("invalid_request", "redirect_uri is not registered")
        except (ClientRefused, OAuthRefused) as error:
            self._refused(Who(), str(error))
            raise
        return Request(applications=fitting, parameters=parameters)

    def check(self, request: Request) -> None:
        """Refuse what does not hold in the rest of a request.

        Raises:
            OAuthRefused: its code goes back to the host.
        """
        said = request.parameters
        if said.get("response_type") != "code":
            raise OAuthRefused("unsupported_response_type", "response_type is not code")
        # OAuth 2.1, 4.1.1 and 7.5: PKCE always, and S256 only.
        if said.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(said.get("code_challenge", "")):  # fmt: skip
            raise OAuthRefused("invalid_request", "PKCE with S256 is required")
        # RFC 8707 2: a token is for the one address that the host names; ours, or none.
        if said.get("resource") != self._resource:
            raise OAuthRefused("invalid_target", f"resource is not {self._resource}")
        if len(said.get("state", "")) > MOST_STATE or len(said.get("scope", "")) > MOST_SCOPE:
            raise OAuthRefused("invalid_request", "state or scope is too long")

    def choices(self, request: Request) -> list[tuple[Registration, str]]:
        """Return the EHRs at which the user of a request may sign in, each with its FHIR base."""
        return [
            (item, iss)
            for item in self._registry.all()
            if item.slug in request.applications and item.launch.standalone
            for iss in item.fhir.iss
        ]

    def demand(self, registration: Registration) -> None:
        """Refuse what IT has switched off.

        Raises:
            SwitchedOff: signing in outside the EHR, or reading from other applications.
        """
        for action in ("standalone", "mcp"):
            self._switches.demand(registration.slug, action)

    def begin(self, request: Request, registration: Registration, state: str) -> None:
        """Keep a request whose user goes to the EHR with `state`.

        Raises:
            OAuthRefused: too many wait.
        """
        one, said = request.applications[registration.slug], request.parameters
        asked = Asked(
            slug=registration.slug, client_id=one.client_id, host=one.host, name=one.name, origin=one.origin,
            redirect_uri=request.redirect_uri, state=said.get("state", ""), code_challenge=said["code_challenge"],
            scope=said.get("scope", ""),
        )  # fmt: skip
        if not self._grants.begin(asked, state):
            raise OAuthRefused("temporarily_unavailable", "too many sign-ins wait")
        self._note("authorize", Who(registration=registration.slug), asked)

    def launched(self, state: str, context: LaunchContext) -> tuple[Grant, str] | None:
        """Bind a launch that was made with `state` to the request that it was made for; return the secret of its consent page."""
        grant = self._grants.waiting(state)
        if grant is None or grant.asked.slug != context.registration:
            return None
        secret = self._grants.advance(grant, "consent", context.launch_id)
        bound = self._grants.at(grant.grant_id, "consent")
        return None if bound is None else (bound, secret)

    def awaiting(self, grant_id: str, secret: str) -> tuple[Grant, LaunchContext]:
        """Return what a consent page asks about, to the browser that signed in.

        Raises:
            OAuthRefused: nothing waits for this browser.
        """
        grant = self._grants.at(grant_id, "consent")
        if grant is None or not self._grants.proves(grant, secret):
            raise OAuthRefused("access_denied", "no consent is awaited here")
        return grant, self._context(grant)

    def scope(self, grant: Grant, context: LaunchContext) -> str:
        """Return the scopes that a host would get.

        Raises:
            OAuthRefused: none of those that it asked for.
        """
        if found := self._tokens.scope(context, grant.asked.scope):
            return found
        raise OAuthRefused("invalid_scope", "none of these scopes was granted")

    def allow(self, grant: Grant, context: LaunchContext) -> str:
        """Return where the browser goes with the code, because the user agreed.

        Raises:
            OAuthRefused: it was answered before.
            SwitchedOff: IT has switched it off.
        """
        self._switches.demand(context.registration, "mcp")
        secret = self._grants.advance(grant, "code")
        self._note("allowed", Who.of(context), grant.asked)
        return self.back(grant.asked.redirect_uri, grant.asked.state, code=shown(grant, "code", secret))  # fmt: skip

    def deny(self, grant: Grant, context: LaunchContext, error: str = "access_denied") -> str:
        """Return where the browser goes, because the user did not agree, or there is nothing to agree to; the launch ends."""
        self._note("denied", Who.of(context), grant.asked)
        self._grants.end(grant, "consent_denied")
        return self.back(grant.asked.redirect_uri, grant.asked.state, error=error)

    def user_secret(self, grant: Grant) -> str:
        """Return what lets the browser of the user who agreed end the access."""
        return self._grants.user_secret(grant.grant_id)

    def agreed(self, grant_id: str, secret: str) -> Grant | None:
        """Return the access that the user of a browser gave, None where there is none (any more).

        Raises:
            OAuthRefused: it is not this browser's.
        """
        if not same(secret, digest(self._grants.user_secret(grant_id))):
            self._refused(Who(), "consent: not this browser's")
            raise OAuthRefused("access_denied", "no consent is awaited here")
        grant = self._grants.at(grant_id, "live") or self._grants.at(grant_id, "code")
        return grant if grant and self._sessions.live(grant.launch_id, used=False) else None

    def end(self, grant: Grant) -> None:
        """End the access, because the user who gave it says so."""
        who = Who(launch_id=grant.launch_id, registration=grant.asked.slug)
        if self._grants.end(grant, "user"):
            self._note("revoked", who, grant.asked)

    def back(self, redirect_uri: str, state: str, **said: str) -> str:
        """Return the address of an authorization response; RFC 9207: it says who answers."""
        query = urlencode({**said, **({"state": state} if state else {}), "iss": self.issuer})
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer to a token request (RFC 6749 5.1).

        Raises:
            OAuthRefused: it does not hold.
            SwitchedOff, McpHostRefused: no token is given out.
        """
        if form.get("resource", self._resource) != self._resource:
            raise OAuthRefused("invalid_target", f"resource is not {self._resource}")
        match form.get("grant_type"):
            case "authorization_code":
                return self._from_code(form).answer()
            case "refresh_token":
                return self._from_refresh_token(form).answer()
            case "client_credentials":
                return self._of_service(form)
            case _:
                raise OAuthRefused("unsupported_grant_type", "grant_type is not known")

    def revoke(self, form: Mapping[str, str]) -> None:
        """Take a grant back by its refresh token or by an access token; what is unknown is as good as revoked (RFC 7009 2.2)."""
        value = form.get("token", "")
        grant = self._of_refresh_token(value) or self._of_access_token(value)
        if grant is None or grant.asked.client_id != form.get("client_id", grant.asked.client_id):
            return
        who = Who(launch_id=grant.launch_id, registration=grant.asked.slug)
        if self._grants.end(grant, "host_revoked"):
            self._note("revoked", who, grant.asked)

    def _of_service(self, form: Mapping[str, str]) -> dict[str, Any]:
        # RFC 8707 2: a service names the resource too; it has no other way to say where the token goes.
        if form.get("resource") != self._resource:
            raise OAuthRefused("invalid_target", f"resource is not {self._resource}")
        try:
            claims = self._services.claims(form)
        except OAuthRefused as error:
            self._refused(Who(), f"service: {error}")
            raise
        token, _, life_s = self._tokens.sign(claims, SERVICE_TOKEN_S)
        return {"access_token": token, "token_type": "Bearer", "expires_in": life_s, "scope": claims["scope"]}  # fmt: skip

    def _from_code(self, form: Mapping[str, str]) -> Granted:
        grant, counts = self._redeemed(form, form.get("code", ""), "code")
        if not counts:
            self._reused(grant, "a code was used again")
        asked = grant.asked
        # Where it is sent it must be the one of the request (OAuth 2.1, 10.2).
        same = form.get("redirect_uri", asked.redirect_uri) == asked.redirect_uri
        if not same or not _proves(form.get("code_verifier", ""), asked.code_challenge):
            self._reused(grant, "code_verifier or redirect_uri does not fit")
        return self._granted(grant)

    def _from_refresh_token(self, form: Mapping[str, str]) -> Granted:
        grant, counts = self._redeemed(form, form.get("refresh_token", ""), "live")
        if not counts:
            self._reused(grant, "a refresh token was used again")
        return self._granted(grant, form.get("scope", ""))

    def _redeemed(self, form: Mapping[str, str], value: str, stage: Any) -> tuple[Grant, bool]:
        try:
            grant, counts = self._grants.redeem(value, stage)
            if grant.asked.client_id != form.get("client_id"):
                raise OAuthRefused("invalid_grant", "given to another client")
        except OAuthRefused as error:
            self._refused(Who(), f"{stage}: {error}")
            raise
        return grant, counts

    def _reused(self, grant: Grant, why: str) -> None:
        """End a grant whose secret came twice or without its proof: one of the two who have it stole it."""
        who = Who(launch_id=grant.launch_id, registration=grant.asked.slug)
        self._refused(who, why, grant.asked.host)
        self._grants.end(grant, "grant_misused")
        raise OAuthRefused("invalid_grant", why)

    def _granted(self, grant: Grant, scope: str = "") -> Granted:
        context = self._context(grant)
        # The client may be named no longer since the user agreed.
        if context.registration not in self.clients.find(grant.asked.client_id):
            raise OAuthRefused("invalid_client", "the registration does not name it any more")
        agreed = self.scope(grant, context)
        given = _less(agreed, scope)
        if not given:
            raise OAuthRefused("invalid_scope", "more than was agreed")
        # The token first: where none may be given out, the secret still counts.
        minted = self._tokens.mint(context, grant.asked.host, given, grant.grant_id)
        secret = self._grants.advance(grant, "live")
        return Granted(minted=minted, refresh_token=shown(grant, "live", secret))

    def _of_refresh_token(self, value: str) -> Grant | None:
        try:
            grant, counts = self._grants.redeem(value, "live")
        except OAuthRefused:
            return None
        return grant if counts else None

    def _of_access_token(self, value: str) -> Grant | None:
        grant_id = self._tokens.grant_of(value)
        return self._grants.at(grant_id, "live") if grant_id else None

    def _context(self, grant: Grant) -> LaunchContext:
        try:
            if self._sessions.live(grant.launch_id):
                return self._sessions.context(grant.launch_id)
        except SessionEnded:
            pass
        raise OAuthRefused("invalid_grant", "the launch has ended")

    def _note(self, act: str, who: Who, asked: Asked) -> None:
        detail: Detail = {"act": act, "way": "sign_in", "host": asked.host, "client": asked.client_id}  # fmt: skip
        self._audit.record("mcp", who, detail)

    def _refused(self, who: Who, why: str, host: str = "") -> None:
        detail: Detail = {"act": "refused", "code": OAuthRefused.code, "why": why, "host": host}
        self._audit.record("mcp", who, detail)


def _proves(verifier: str, challenge: str) -> bool:
    if not CODE_VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    return hmac.compare_digest(made.rstrip("="), challenge)


def _less(have: str, wanted: str) -> str:
    """Return what of `have` is wanted ("": all), never more."""
    return " ".join(one for one in have.split() if one in wanted.split()) if wanted else have
