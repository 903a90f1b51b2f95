"""The authorization endpoint of SMART App Launch 2.2.0, for launches from this EHR and standalone ones.

Consent is given by the EHR's signed-in user without a dialogue, unless the fault `deny_consent` is set. A standalone
launch lets that user choose a patient. Not offered, and not announced: dynamic registration.
"""

import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chart_page import banner
from sandbox.clients import Client
from sandbox.faults import Struck
from sandbox.launches import Launch
from sandbox.oauth import OAuthError, required, single_values
from sandbox.scopes import grant
from sandbox.state import SandboxState
from sandbox.tokens import AuthorizationCode, Choice, Grant

# RFC 7636 4.2: the base64url text of a SHA-256 digest, without padding.
S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
NOTHING = Struck()


def blueprint(state: SandboxState) -> Blueprint:
    """Return `/auth/authorize`, by GET and by POST (capability `authorize-post`), and `/auth/choose`."""
    routes = Blueprint("authorization", __name__)

    @routes.route("/auth/authorize", methods=["GET", "POST"])
    def authorize() -> AnyResponse:
        try:
            parameters = single_values(request.form if request.method == "POST" else request.args)
            client, redirect_uri = _trusted_redirect(state, parameters)
        except OAuthError as error:
            # RFC 6749 3.1.2.4: without a trusted address the user is told, and nobody is redirected.
            return _error_page(error)
        try:
            if _is_standalone(parameters):
                return _choices(state, client, parameters)
            answer = _answer(state, client, parameters)
        except OAuthError as error:
            answer = error.parameters()
        return _back(redirect_uri, answer, parameters)

    @routes.get("/auth/choose")
    def choose() -> AnyResponse:
        found = state.choices.use(request.args.get("choice", ""), state.now())
        patient_id = request.args.get("patient", "")
        if found is None or found.used or found.expired or patient_id not in state.charts:
            return _error_page(OAuthError("invalid_request", "this choice is over"))
        parameters = found.meaning.parameters
        client = state.clients[found.meaning.client_id]
        code = _code(state, client, parameters, state.context(patient_id, client.client_id))
        return _back(parameters["redirect_uri"], {"code": code}, parameters)

    return routes


def _back(
    redirect_uri: str, answer: Mapping[str, str], parameters: Mapping[str, str]
) -> AnyResponse:
    echoed = {"state": parameters["state"]} if "state" in parameters else {}
    return redirect(f"{redirect_uri}?{urlencode({**answer, **echoed})}", 302)


def _is_standalone(parameters: Mapping[str, str]) -> bool:
    # SMART App Launch 2.2.0, standalone launch: no launch to refer to, and `launch/patient` asks for a patient.
    return "launch" not in parameters and "launch/patient" in parameters.get("scope", "").split()


def _choices(state: SandboxState, client: Client, parameters: Mapping[str, str]) -> AnyResponse:
    """Check the request and show the patients; each link holds an opaque value instead of the parameters."""
    _checked_challenge(state, parameters)
    _granted_scopes(client, parameters)
    choice = Choice(client_id=client.client_id, parameters=dict(parameters))
    value = state.choices.issue(choice, state.now())
    rows = [banner(chart, state.data_plane) for chart in state.charts.values()]
    page = render_template("choose.html", rows=rows, choice=value, client=client)
    answer = Response(page, mimetype="text/html")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _trusted_redirect(state: SandboxState, parameters: Mapping[str, str]) -> tuple[Client, str]:
    client = state.clients.get(required(parameters, "client_id"))
    if client is None:
        raise OAuthError("invalid_client", "client_id is not registered")
    redirect_uri = required(parameters, "redirect_uri")
    if redirect_uri not in client.redirect_uris:
        raise OAuthError("invalid_request", "redirect_uri is not registered for this client")
    return client, redirect_uri


def _answer(state: SandboxState, client: Client, parameters: Mapping[str, str]) -> dict[str, str]:
    _checked_challenge(state, parameters)
    _granted_scopes(client, parameters)
    value = required(parameters, "launch")
    peeked = state.launches.peek(value)
    struck = state.faults.strike(
        "authorize", "authorize", (peeked.patient_id or None) if peeked else None
    )
    launch = state.launches.redeem(value, client.client_id, state.now())
    if struck.rule("deny_consent"):
        raise OAuthError("access_denied", "the user did not agree")
    # RFC 9207: names the authorization server.
    issuer = {"iss": state.settings.fhir_base} if struck.rule("callback_iss") else {}
    return {"code": _code(state, client, parameters, launch, struck), **issuer}


def _code(
    state: SandboxState,
    client: Client,
    parameters: Mapping[str, str],
    launch: Launch,
    struck: Struck = NOTHING,
) -> str:
    authorization = AuthorizationCode(
        grant=Grant(
            grant_id=secrets.token_hex(8),
            client_id=client.client_id,
            launch=launch,
            scopes=_as_granted(_granted_scopes(client, parameters), struck),
            nonce=parameters.get("nonce"),
        ),
        redirect_uri=parameters["redirect_uri"],
        code_challenge=parameters["code_challenge"],
    )
    return state.codes.issue(authorization, state.now())


def _checked_challenge(state: SandboxState, parameters: Mapping[str, str]) -> None:
    if required(parameters, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    # SMART App Launch 2.2.0, authorization request: `state` is required.
    required(parameters, "state")
    if required(parameters, "aud") != state.settings.fhir_base:
        raise OAuthError("invalid_request", f"aud must be {state.settings.fhir_base}")
    challenge = required(parameters, "code_challenge")
    # SMART App Launch 2.2.0, considerations for PKCE: S256 SHALL, plain SHALL NOT be supported.
    if required(parameters, "code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if S256_CHALLENGE.fullmatch(challenge) is None:
        raise OAuthError("invalid_request", "code_challenge is not an S256 challenge")


def _granted_scopes(client: Client, parameters: Mapping[str, str]) -> tuple[str, ...]:
    scopes = grant(required(parameters, "scope").split(), client.scopes)
    if not {"launch", "launch/patient"}.intersection(scopes):
        raise OAuthError("invalid_scope", "the scope launch or launch/patient is required")
    return scopes


def _as_granted(scopes: tuple[str, ...], struck: Struck) -> tuple[str, ...]:
    """Return the scopes as the striking rules grant them: fewer, or in the syntax of version 1."""
    if struck.rule("fewer_scopes_granted"):
        scopes = tuple(scope for scope in scopes if "Observation" not in scope)
    if struck.rule("version_1_scopes"):
        scopes = tuple(re.sub(r"\.rs?$", ".read", scope) for scope in scopes)
    return scopes


def _error_page(error: OAuthError) -> Response:
    body = render_template("refused.html", error=error)
    return Response(body, error.status, mimetype="text/html")
