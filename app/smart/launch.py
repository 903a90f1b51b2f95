"""The launch, from the EHR or standalone: begin it, and complete it after the callback. PKCE S256, one patient.

Source: SMART App Launch 2.2.0, EHR launch and standalone launch; RFC 7636 (PKCE); RFC 9207 (`iss` in the authorization response).
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from app.errors import ChartsideError, LaunchError
from app.launch_context import LaunchContext
from app.settings import Secret
from app.smart.admission import Admission
from app.smart.discovery import Discovery, SmartConfiguration
from app.smart.errors import (
    ConsentDenied,
    IdentityRefused,
    LaunchExpired,
    LaunchUnbound,
    NoPatient,
    TenantRefused,
    TokenRefused,
    TooManyLaunches,
)
from app.smart.fhir_context import read_fhir_context, read_intent
from app.smart.id_token import User, verify_id_token
from app.smart.registration import Registration
from app.smart.revocation import Revocation, Revoker
from app.smart.scopes import missing_scopes, narrowed, parse_scopes
from app.smart.session import LaunchSessions, NewLaunch, digest, same
from app.smart.token_endpoint import FhirId, TokenAnswer, TokenEndpoint, read_answer
from app.smart.tokens import Tokens
from app.store.launches import PendingRow
from app.store.ports import LaunchStore
from app.store.seal import Seal, SealBroken

PENDING_S = 600.0
STATE_BYTES = 32  # 256 bits; SMART App Launch 2.2.0 asks for 122 or more
# Addresses longer than this are cut or refused by some server or proxy on the way.
LONG_ADDRESS = 2_000
# The state of a sign-in of an analyst, which opens no chart, begins so; the pending launch has to say the same.
ANALYST, ANALYST_SCOPE = "analyst.", "launch openid fhirUser"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A launch on its way: where the browser goes, and the bind secret it carries in three carriers.

    `form` is what the browser posts there; when it is empty, the browser goes there with what the address holds.
    """

    authorize: str
    state: str
    bind: str
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Callback:
    """What came back to the redirect URI, and the bind secrets that the browser could show."""

    slug: str
    state: str
    code: str | None
    error: str | None
    iss: str | None
    binds: tuple[str | None, ...]


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    """What a pending launch must remember, sealed."""

    iss: str
    nonce: str
    code_verifier: str
    standalone: bool = False
    analyst: bool = False


class _TokenResponse(TokenAnswer, frozen=True, kw_only=True):
    """The members of a token response that a launch needs; others are left alone."""

    scope: str
    encounter: FhirId | None = None
    need_patient_banner: Any = True
    tenant: str = ""
    intent: Any = ""
    smart_style_url: Any = ""
    fhir_context: Any = msgspec.field(default=(), name="fhirContext")
    clinical_time: str = msgspec.field(default="", name="__clinical_time")


class Launcher:
    """Begins and completes launches."""

    def __init__(
        self,
        *,
        rows: LaunchStore,
        sessions: LaunchSessions,
        discovery: Discovery,
        endpoint: TokenEndpoint,
        admission: Admission,
        revoker: Revoker,
        key: Secret,
        clock: Callable[[], datetime],
        demand: Callable[[str, str], None],
    ) -> None:
        """`demand(slug, action)` raises where IT has switched an action off."""
        self._rows = rows
        self._sessions = sessions
        self._discovery = discovery
        self._endpoint = endpoint
        self._admission = admission
        self._revoker = revoker
        self._seal = Seal(key, "pending-launch")
        self._clock = clock
        self._demand = demand

    def begin(
        self, registration: Registration, iss: str, launch: str | None, *, analyst: bool = False
    ) -> Begun:
        """Keep a pending launch and return the authorization request; `launch` is None for a standalone one.

        `analyst`: the EHR is asked who its user is, and for nothing else.
        """
        configuration = self._discovery.configuration(registration, iss)
        state, bind = secrets.token_urlsafe(STATE_BYTES), secrets.token_urlsafe(32)
        pending = _Pending(
            iss=iss, nonce=secrets.token_urlsafe(24), code_verifier=secrets.token_urlsafe(64),
            standalone=launch is None, analyst=analyst,
        )  # fmt: skip
        state = f"{ANALYST}{state}" if analyst else state
        self._keep(registration, pending, state, bind)
        query = _request(registration, pending, state, launch)
        endpoint = configuration.authorization_endpoint
        address = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"
        # SMART App Launch 2.2.0, authorization request: long scopes are better posted, where the EHR can.
        too_long = configuration.authorize_post and len(address) > LONG_ADDRESS
        if registration.quirks.authorize_post or too_long:
            return Begun(authorize=endpoint, state=state, bind=bind, form=query)
        return Begun(authorize=address, state=state, bind=bind)

    def _keep(self, registration: Registration, pending: _Pending, state: str, bind: str) -> None:
        now = self._clock().timestamp()
        state_hash = digest(state)
        kept = self._rows.add_pending(
            PendingRow(
                state_hash=state_hash,
                registration=registration.slug,
                bind_hash=digest(bind),
                sealed=self._seal.close(msgspec.to_builtins(pending), f"pending:{state_hash}"),
                expires_at=now + PENDING_S,
            ),
            now,
        )
        if not kept:
            raise TooManyLaunches("pending launches are at their limit")

    def complete(
        self, registration: Registration, callback: Callback
    ) -> tuple[NewLaunch, LaunchContext]:
        """Redeem the code and open the launch session.

        Raises:
            LaunchError: one of its kinds, each with a sentence for the clinician.
            SwitchedOff: the launch was standalone, and that has been switched off since it began.
        """
        pending = self._claim(callback, analyst=False)
        if pending.standalone:
            self._demand(registration.slug, "standalone")
        configuration, answer = self._answered(registration, pending, callback)
        try:
            user = self._identify(registration, configuration, pending, answer)
            patient_id = _patient_id(registration, answer)
            admitted = self._admission.admit(
                registration, pending.iss, user, answer.access_token, parse_scopes(answer.scope)
            )
        except LaunchError:
            # A launch that is refused keeps nothing, and leaves nothing at the EHR that could still be used.
            self._revoke(registration, pending.iss, answer)
            raise
        now = self._clock()

        def context_of(launch_id: str) -> LaunchContext:
            found = _context(registration, pending.iss, answer, user, patient_id, launch_id, now)
            return replace(found, roles=admitted.roles, without=admitted.without)

        tokens = Tokens(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            issuer=configuration.issuer,
            subject=user.subject,
            life_s=answer.life_s,
        )
        return self._sessions.create(context_of, tokens)

    def identify(self, registration: Registration, callback: Callback) -> tuple[str, User]:
        """Redeem the code of an analyst's sign-in; return at which EHR, and who it is. Its tokens are revoked: nothing is read by them.

        Raises:
            LaunchError: one of its kinds.
        """
        pending = self._claim(callback, analyst=True)
        configuration, answer = self._answered(registration, pending, callback)
        try:
            _demand_tenant(registration, answer)
            return pending.iss, self._identify(registration, configuration, pending, answer)
        finally:
            self._revoke(registration, pending.iss, answer)

    def _answered(
        self, registration: Registration, pending: _Pending, callback: Callback
    ) -> tuple[SmartConfiguration, _TokenResponse]:
        configuration = self._discovery.configuration(registration, pending.iss)
        # RFC 9207: names the authorization server, which need not be the FHIR base.
        if callback.iss is not None and callback.iss != configuration.issuer:
            raise LaunchExpired("iss of the authorization response differs")
        if callback.error is not None or callback.code is None:
            raise ConsentDenied(_error_code(callback.error))
        return configuration, self._redeem(registration, pending, callback.code)

    def _revoke(self, registration: Registration, iss: str, answer: _TokenResponse) -> None:
        gone = Revocation(
            registration=registration, iss=iss, access_token=answer.access_token, refresh_token=answer.refresh_token
        )  # fmt: skip
        self._revoker.submit(gone)

    def _claim(self, callback: Callback, *, analyst: bool) -> _Pending:
        """Return the pending launch of a callback, exactly once, to the browser that began it."""
        state_hash = digest(callback.state)
        row = self._rows.pending(state_hash, self._clock().timestamp())
        if row is None or row.registration != callback.slug:
            raise LaunchExpired("unknown state")
        if not any(same(bind, row.bind_hash) for bind in callback.binds):
            self._rows.count_bad_bind(state_hash)
            raise LaunchUnbound("no carrier held the bind secret")
        if not self._rows.take_pending(state_hash):
            raise LaunchExpired("callback was answered before")
        try:
            opened = self._seal.open(row.sealed, f"pending:{state_hash}")
        except SealBroken as error:
            raise LaunchExpired("pending launch does not open") from error
        pending = msgspec.convert(opened, _Pending)
        if pending.analyst != analyst:
            raise LaunchExpired("a sign-in of another kind")
        return pending

    def _redeem(self, registration: Registration, pending: _Pending, code: str) -> _TokenResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": registration.client.redirect_uri,
            "code_verifier": pending.code_verifier,
        }
        try:
            response = self._endpoint.ask(registration, pending.iss, form)
        except ChartsideError as error:
            raise TokenRefused(str(error)) from error
        if response.status != 200:
            raise TokenRefused(f"token endpoint answered HTTP {response.status}")
        try:
            return read_answer(response.json, _TokenResponse)
        except msgspec.ValidationError as error:
            raise TokenRefused("token response does not have the required form") from error

    def _identify(
        self,
        registration: Registration,
        configuration: SmartConfiguration,
        pending: _Pending,
        answer: _TokenResponse,
    ) -> User:
        if not answer.id_token or not configuration.jwks_uri:
            raise IdentityRefused("no id_token, or no keys to check it")
        return verify_id_token(
            answer.id_token,
            keys_for=lambda kid: self._discovery.keys(registration, configuration, kid),
            issuer=configuration.issuer,
            client_id=registration.client.id,
            nonce=pending.nonce,
            iss=pending.iss,
            now_s=int(self._clock().timestamp()),
            kinds=registration.users.kinds,
            role_claim=registration.users.role_claim,
        )


def _patient_id(registration: Registration, answer: _TokenResponse) -> str:
    """Return the launched patient's id, of a token that this registration can work with."""
    if answer.patient is None:
        raise NoPatient("no patient in the token response")
    _demand_tenant(registration, answer)
    if missing := missing_scopes(registration.scopes.required, answer.scope):
        raise TokenRefused(f"scopes not granted: {' '.join(missing)}")
    return answer.patient


def _demand_tenant(registration: Registration, answer: _TokenResponse) -> None:
    if registration.fhir.tenants and answer.tenant not in registration.fhir.tenants:
        raise TenantRefused("tenant is not registered")


def _context(
    registration: Registration,
    iss: str,
    answer: _TokenResponse,
    user: User,
    patient_id: str,
    launch_id: str,
    now: datetime,
) -> LaunchContext:
    # What is granted beyond what was asked for is not used.
    scope = narrowed(f"{_scope(registration, standalone=False)} launch/patient", answer.scope)
    return LaunchContext(
        launch_id=launch_id,
        registration=registration.slug,
        iss=iss,
        tenant=answer.tenant,
        patient_id=patient_id,
        encounter_id=answer.encounter,
        user_reference=user.reference,
        user_name=user.name,
        client_id=registration.client.id,
        scope=scope,
        grants=parse_scopes(scope),
        # Anything but a plain false: the banner is there.
        need_patient_banner=answer.need_patient_banner is not False,
        time_zone=registration.site.time_zone,
        launched_at=now,
        clinical_time=_clinical_time(registration, answer.clinical_time),
        fhir_context=read_fhir_context(answer.fhir_context),
        intent=read_intent(answer.intent),
        style_url=answer.smart_style_url if isinstance(answer.smart_style_url, str) else "",
    )


def _clinical_time(registration: Registration, sent: str) -> datetime | None:
    """Return the sandbox chart's own time; no real EHR can set the clock of a launch."""
    if not registration.sandbox or not sent:
        return None
    try:
        time = datetime.fromisoformat(sent)
    except ValueError as error:
        raise TokenRefused("clinical time is not a date and time") from error
    if time.tzinfo is None:
        raise TokenRefused("clinical time has no zone")
    return time


def _request(
    registration: Registration, pending: _Pending, state: str, launch: str | None
) -> dict[str, str]:
    """Return the parameters of the authorization request."""
    return {
        "response_type": "code",
        "client_id": registration.client.id,
        "redirect_uri": registration.client.redirect_uri,
        "scope": ANALYST_SCOPE
        if pending.analyst
        else _scope(registration, standalone=launch is None),
        "state": state,
        # SMART App Launch 2.2.0, authorization request, `aud`: names the FHIR server the token is for,
        # so that a counterfeit server cannot collect a genuine token.
        "aud": pending.iss,
        **({} if launch is None else {"launch": launch}),
        "nonce": pending.nonce,
        "code_challenge": _s256(pending.code_verifier),
        "code_challenge_method": "S256",
    }


def _scope(registration: Registration, *, standalone: bool) -> str:
    scopes = [*registration.scopes.required, *registration.scopes.optional]
    if standalone:
        # SMART App Launch 2.2.0, standalone launch: without a launch to refer to, the EHR is asked for a patient.
        scopes = ["launch/patient" if scope == "launch" else scope for scope in scopes]
    return " ".join(dict.fromkeys(scopes))


def _s256(code_verifier: str) -> str:
    challenge = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(challenge).decode().rstrip("=")


def _error_code(error: str | None) -> str:
    """Return an OAuth error code that is safe to keep; its description is never read."""
    known: Any = error or "no code"
    return known if known.replace("_", "").isalpha() and len(known) <= 64 else "other"
