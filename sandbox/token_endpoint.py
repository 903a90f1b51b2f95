"""The token, revocation and introspection endpoints (RFC 6749, 7636, 7009, 7662; SMART App Launch 2.2.0)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from flask import Blueprint, Response, jsonify, request

from sandbox.client_authentication import authenticate
from sandbox.clients import Client
from sandbox.faults import Door, Struck
from sandbox.id_tokens import new_key, subject
from sandbox.oauth import OAuthError, required, single_values
from sandbox.ordinary_faults import refusal, truncated
from sandbox.scopes import grant as narrowed
from sandbox.state import SandboxState
from sandbox.token_faults import changed, named
from sandbox.tokens import AccessToken, Grant

FORM = "application/x-www-form-urlencoded"
# RFC 7636 4.1.
CODE_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
SYSTEM_SCOPE = re.compile(r"system/[A-Z][A-Za-z]+\.r?s?")
REFRESH_SCOPES = frozenset({"online_access", "offline_access"})


class Issue(NamedTuple):
    """What a grant type allows to issue."""

    grant: Grant
    scopes: tuple[str, ...]
    first: bool


def blueprint(state: SandboxState) -> Blueprint:
    """Return `/auth/token`, `/auth/revoke` and `/auth/introspect`."""
    routes = Blueprint("tokens", __name__)

    @routes.post("/auth/token")
    def token() -> Response:
        struck = state.faults.strike("token", "token", _patient(state))
        if fault := refusal(struck, state.settings.sleep):
            answer = _error(OAuthError("temporarily_unavailable", fault.text, fault.status))
            answer.headers.extend(fault.headers)
            return answer
        try:
            answer = _issue(state, struck)
        except OAuthError as error:
            return _error(error)
        return truncated(answer) if struck.rule("truncated_json") else answer

    @routes.post("/auth/revoke")
    def revoke() -> Response:
        try:
            _striking(state, "revoke")
            _revoke(state)
        except OAuthError as error:
            return _error(error)
        return Response(status=200)

    @routes.post("/auth/introspect")
    def introspect() -> Response:
        try:
            struck = _striking(state, "introspect")
            found = _introspected(state)
            inactive = struck.rule("introspection_inactive")
            answer = _not_stored(jsonify({"active": False} if inactive else found))
        except OAuthError as error:
            return _error(error)
        return truncated(answer) if struck.rule("truncated_json") else answer

    return routes


def _striking(state: SandboxState, door: Door) -> Struck:
    struck = state.faults.strike(door, door, None)
    if fault := refusal(struck, state.settings.sleep):
        raise OAuthError("temporarily_unavailable", fault.text, fault.status)
    return struck


def _issue(state: SandboxState, struck: Struck) -> Response:
    form = _form()
    client = authenticate(state, form)
    match required(form, "grant_type"):
        case "authorization_code":
            issue = _from_code(state, client, form)
        case "refresh_token":
            if struck.rule("invalid_grant"):
                raise OAuthError("invalid_grant", "fault invalid_grant")
            issue = _from_refresh_token(state, client, form, struck)
        case "client_credentials":
            return _not_stored(jsonify(_system_token(state, client, form)))
        case other:
            raise OAuthError("unsupported_grant_type", f"grant_type {other!r} is not supported")
    return _not_stored(jsonify(_token_response(state, issue, struck)))


def _form() -> Mapping[str, str]:
    if request.mimetype != FORM:
        raise OAuthError("invalid_request", f"the request must be {FORM}")
    return single_values(request.form)


def _from_code(state: SandboxState, client: Client, form: Mapping[str, str]) -> Issue:
    found = state.codes.use(required(form, "code"), state.now())
    if found is None:
        raise OAuthError("invalid_grant", "code is unknown")
    code = found.meaning
    if found.used:
        # RFC 6749 4.1.2: a code used twice SHOULD revoke the tokens issued from it.
        state.access_tokens.revoke(code.grant)
        raise OAuthError("invalid_grant", "code was used before; its tokens are revoked")
    if found.expired:
        raise OAuthError("invalid_grant", "code has expired")
    if code.grant.client_id != client.client_id:
        raise OAuthError("invalid_grant", "code was issued to another client")
    if code.redirect_uri != required(form, "redirect_uri"):
        raise OAuthError("invalid_grant", "redirect_uri is not that of the authorization request")
    if not _proves(required(form, "code_verifier"), code.code_challenge):
        raise OAuthError("invalid_grant", "code_verifier does not match code_challenge")
    return Issue(code.grant, code.grant.scopes, first=True)


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    well_formed = CODE_VERIFIER.fullmatch(verifier) is not None
    return well_formed and hmac.compare_digest(computed, challenge)


def _system_token(
    state: SandboxState, client: Client, form: Mapping[str, str]
) -> Mapping[str, object]:
    # SMART App Launch 2.2.0, Backend Services: asymmetric authentication only, system scopes only.
    if client.authentication != "private_key_jwt" or not client.system_scopes:
        raise OAuthError("invalid_client", "not a client of Backend Services", 401)
    asked = required(form, "scope").split()
    every = "system/*.rs" in client.system_scopes
    granted = tuple(
        scope
        for scope in asked
        if scope in client.system_scopes or (every and SYSTEM_SCOPE.fullmatch(scope))
    )
    if not granted:
        raise OAuthError("invalid_scope", "none of these scopes is registered")
    return {
        "access_token": state.system_tokens.issue(client.client_id, granted, state.now()),
        "token_type": "bearer",
        "expires_in": state.system_tokens.lifetime_s,
        "scope": " ".join(granted),
    }


def _from_refresh_token(
    state: SandboxState, client: Client, form: Mapping[str, str], struck: Struck
) -> Issue:
    value = required(form, "refresh_token")
    known = state.refresh_tokens.peek(value)
    if known is None or known.client_id != client.client_id:
        raise OAuthError("invalid_grant", "refresh_token is unknown")
    scopes = known.scopes
    if "scope" in form:
        scopes = narrowed(form["scope"].split(), known.scopes)
        if set(scopes) != set(form["scope"].split()):
            raise OAuthError("invalid_scope", "a refresh may not widen the granted scopes")
    if struck.rule("no_rotation"):
        # The same refresh token goes on counting, as at EHRs that do not rotate.
        return Issue(known, scopes, first=False)
    found = state.refresh_tokens.use(value, state.now())
    if found is None or found.used:
        # OAuth 2.0 Security Best Current Practice (RFC 9700) 4.14.2: reuse ends the whole grant.
        state.access_tokens.revoke(known)
        raise OAuthError("invalid_grant", "refresh_token was used before; its grant is revoked")
    if found.expired or state.access_tokens.is_revoked(known):
        raise OAuthError("invalid_grant", "refresh_token has ended")
    if struck.rule("fewer_scopes"):
        scopes = tuple(scope for scope in scopes if "Observation" not in scope)
    if struck.rule("no_patient_scope"):
        scopes = tuple(scope for scope in scopes if "Patient" not in scope)
    return Issue(known, scopes, first=False)


def _token_response(state: SandboxState, issue: Issue, struck: Struck) -> dict[str, object]:
    grant, launch = issue.grant, issue.grant.launch
    token = AccessToken(grant=grant, scopes=issue.scopes)
    body: dict[str, object] = {
        "access_token": state.access_tokens.issue(token, state.now()),
        "token_type": "Bearer",
        "expires_in": state.access_tokens.life_s(grant),
        "scope": " ".join(issue.scopes),
        "need_patient_banner": False,
        # SMART App Launch 2.2.0, launch context extensions: names outside it begin with `__`.
        # The chart's own "now"; no real EHR sends it.
        "__clinical_time": launch.clinical_time.isoformat(),
    }
    body.update(launch.more)
    if launch.patient_id:
        body["patient"] = launch.patient_id
    if launch.encounter_id is not None:
        body["encounter"] = launch.encounter_id
    if "openid" in grant.scopes:
        body["id_token"] = _id_token(state, issue, struck)
    if REFRESH_SCOPES.intersection(grant.scopes):
        body["refresh_token"] = state.refresh_tokens.issue(grant, state.now())
    return changed(body, struck, state.other_patient(launch.patient_id), first=issue.first)


def _id_token(state: SandboxState, issue: Issue, struck: Struck) -> str:
    grant, user_reference = named(issue.grant, struck)
    key = new_key() if struck.rule("bad_id_token") else None
    # As the public launcher does: after a refresh the id_token names no audience and no nonce.
    return state.signer.sign(grant, user_reference, state.now(), key=key, first=issue.first)


def _revoke(state: SandboxState) -> None:
    form = _form()
    client = authenticate(state, form)
    value = required(form, "token")
    access = state.access_tokens.peek(value)
    grant = access.grant if access else state.refresh_tokens.peek(value)
    if grant is None:
        # RFC 7009 2.2: an unknown token is already as good as revoked.
        return
    if grant.client_id != client.client_id:
        raise OAuthError("invalid_grant", "the token was issued to another client")
    if access:
        state.access_tokens.forget(value)
    else:
        state.access_tokens.revoke(grant)


def _introspected(state: SandboxState) -> Mapping[str, object]:
    """Return what a client may know of its own token; anybody else's is as if it were not there (RFC 7662 2.2)."""
    form = _form()
    client = authenticate(state, form)
    value = required(form, "token")
    asker = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if client.authentication == "none" and state.access_tokens.find(asker, state.now()) is None:
        # RFC 7662 2.1: SHALL be authorized, so that nobody scans for tokens; a public client shows one that counts.
        if state.access_tokens.peek(asker) is None:
            raise OAuthError("invalid_client", "introspection needs a bearer token", 401)
        return {"active": False}
    token = state.access_tokens.find(value, state.now())
    if token is None or not (client.introspects or token.grant.client_id == client.client_id):
        return {"active": False}
    launch = token.grant.launch
    return (
        {
            "active": True,
            "scope": " ".join(token.scopes),
            "client_id": token.grant.client_id,
            "exp": int(state.access_tokens.expires_at(value).timestamp()),
            "iss": state.settings.fhir_base,
            "sub": subject(launch.user_reference),
            "fhirUser": f"{state.settings.fhir_base}/{launch.user_reference}",
        }
        | ({"patient": launch.patient_id} if launch.patient_id else {})
        | ({"encounter": launch.encounter_id} if launch.encounter_id else {})
    )


def _patient(state: SandboxState) -> str | None:
    code = state.codes.peek(request.form.get("code", ""))
    grant = code.grant if code else state.refresh_tokens.peek(request.form.get("refresh_token", ""))
    return grant.launch.patient_id if grant else None


def _error(error: OAuthError) -> Response:
    answer = jsonify(error.parameters())
    answer.status_code = error.status
    return _not_stored(answer)


def _not_stored(answer: Response) -> Response:
    # RFC 6749 5.1.
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer
