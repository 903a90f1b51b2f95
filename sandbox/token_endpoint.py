"""The token and revocation endpoints for public clients (RFC 6749, 7636, 7009; SMART App Launch 2.2.0)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from flask import Blueprint, Response, jsonify, request

from sandbox.clients import Client
from sandbox.faults import Struck
from sandbox.id_tokens import new_key
from sandbox.oauth import OAuthError, required, single_values
from sandbox.ordinary_faults import refusal, truncated
from sandbox.scopes import grant as narrowed
from sandbox.state import SandboxState
from sandbox.tokens import AccessToken, Grant

FORM = "application/x-www-form-urlencoded"
# RFC 7636 4.1.
CODE_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
REFRESH_SCOPES = frozenset({"online_access", "offline_access"})


class Issue(NamedTuple):
    """What a grant type allows to issue."""

    grant: Grant
    scopes: tuple[str, ...]
    first: bool


def blueprint(state: SandboxState) -> Blueprint:
    """Return `/auth/token` and `/auth/revoke`."""
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
            _revoke(state)
        except OAuthError as error:
            return _error(error)
        return Response(status=200)

    return routes


def _issue(state: SandboxState, struck: Struck) -> Response:
    form = _form()
    client = _client(state, form)
    match required(form, "grant_type"):
        case "authorization_code":
            issue = _from_code(state, client, form)
        case "refresh_token":
            issue = _from_refresh_token(state, client, form)
        case other:
            raise OAuthError("unsupported_grant_type", f"grant_type {other!r} is not supported")
    return _not_stored(jsonify(_token_response(state, issue, struck)))


def _form() -> Mapping[str, str]:
    if request.mimetype != FORM:
        raise OAuthError("invalid_request", f"the request must be {FORM}")
    return single_values(request.form)


def _client(state: SandboxState, form: Mapping[str, str]) -> Client:
    # SMART App Launch 2.2.0, token request: a public client names itself in the body; it has no
    # secret that an Authorization header could carry.
    client = state.clients.get(required(form, "client_id"))
    if client is None or "Authorization" in request.headers:
        raise OAuthError("invalid_client", "not a registered public client", 401)
    return client


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


def _from_refresh_token(state: SandboxState, client: Client, form: Mapping[str, str]) -> Issue:
    value = required(form, "refresh_token")
    known = state.refresh_tokens.peek(value)
    if known is None or known.client_id != client.client_id:
        raise OAuthError("invalid_grant", "refresh_token is unknown")
    scopes = known.scopes
    if "scope" in form:
        scopes = narrowed(form["scope"].split(), known.scopes)
        if set(scopes) != set(form["scope"].split()):
            raise OAuthError("invalid_scope", "a refresh may not widen the granted scopes")
    found = state.refresh_tokens.use(value, state.now())
    if found is None or found.used:
        # OAuth 2.0 Security Best Current Practice (RFC 9700) 4.14.2: reuse ends the whole grant.
        state.access_tokens.revoke(known)
        raise OAuthError("invalid_grant", "refresh_token was used before; its grant is revoked")
    if found.expired or state.access_tokens.is_revoked(known):
        raise OAuthError("invalid_grant", "refresh_token has ended")
    return Issue(known, scopes, first=False)


def _token_response(state: SandboxState, issue: Issue, struck: Struck) -> dict[str, object]:
    grant, launch = issue.grant, issue.grant.launch
    token = AccessToken(grant=grant, scopes=issue.scopes)
    body: dict[str, object] = {
        "access_token": state.access_tokens.issue(token, state.now()),
        "token_type": "Bearer",
        "expires_in": state.access_tokens.lifetime_s,
        "scope": " ".join(issue.scopes),
        "need_patient_banner": False,
        # SMART App Launch 2.2.0, launch context extensions: names outside it begin with `__`.
        # The chart's own "now"; no real EHR sends it.
        "__clinical_time": launch.clinical_time.isoformat(),
    }
    if not struck.rule("missing_patient"):
        body["patient"] = launch.patient_id
    if launch.encounter_id is not None:
        body["encounter"] = launch.encounter_id
    if issue.first and "openid" in grant.scopes:
        body["id_token"] = _id_token(state, grant, struck)
    if REFRESH_SCOPES.intersection(grant.scopes):
        body["refresh_token"] = state.refresh_tokens.issue(grant, state.now())
    return body


def _id_token(state: SandboxState, grant: Grant, struck: Struck) -> str:
    user_reference = grant.launch.user_reference
    if struck.rule("fhir_user_patient"):
        user_reference = f"Patient/{grant.launch.patient_id}"
    if struck.rule("fhir_user_related"):
        user_reference = f"RelatedPerson/relative-{grant.launch.patient_id}"
    key = new_key() if struck.rule("bad_id_token") else None
    return state.signer.sign(grant, user_reference, state.now(), key=key)


def _revoke(state: SandboxState) -> None:
    form = _form()
    client = _client(state, form)
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
