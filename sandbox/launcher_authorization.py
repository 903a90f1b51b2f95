"""The public launcher's authorization endpoint: it believes the launch value, and asks where that leaves a choice."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chart_page import banner
from sandbox.launcher import BASES, Launcher
from sandbox.launcher_codec import LaunchValue, LaunchValueError, decode
from sandbox.launcher_tokens import CODE_LIFE
from sandbox.oauth import OAuthError, required

REDIRECTED_ERRORS = {
    "auth_invalid_client_id": OAuthError("invalid_client", "Simulated invalid client_id parameter error"),
    "auth_invalid_redirect_uri": OAuthError("invalid_request", "Simulated invalid redirect_uri parameter error"),
    "auth_invalid_scope": OAuthError("invalid_scope", "Simulated invalid scope error"),
}  # fmt: skip


def blueprint(launcher: Launcher) -> Blueprint:
    """Return `/auth/authorize` below both bases, and the page that lets a user choose a patient."""
    routes = Blueprint("launcher_authorization", __name__)

    def authorize(sim: str = "") -> AnyResponse:
        parameters = dict(request.form if request.method == "POST" else request.args)
        redirect_uri = parameters.get("redirect_uri", "")
        try:
            value = _chosen(decode(parameters.get("launch") or sim), parameters)
            _check(launcher, sim, value, parameters)
        except (LaunchValueError, OAuthError) as problem:
            error = problem if isinstance(problem, OAuthError) else OAuthError("invalid_request", str(problem))  # fmt: skip
            return _refused(redirect_uri, error, parameters)
        if not value.patient or "," in value.patient:
            return redirect(f"/select-patient?{urlencode({**parameters, 'to': request.path})}", 302)
        code = launcher.statements.sign(
            _claims(launcher, value, parameters), launcher.state.now(), CODE_LIFE
        )
        return _back(redirect_uri, {"code": code}, parameters)

    for base in BASES:
        routes.route(f"{base}/auth/authorize", methods=["GET", "POST"])(authorize)

    @routes.get("/select-patient")
    def select_patient() -> str:
        parameters = dict(request.args)
        to = parameters.pop("to", "")
        rows = [
            banner(chart, launcher.state.data_plane) for chart in launcher.state.charts.values()
        ]
        links = [
            (row, f"{to}?{urlencode({**parameters, 'patient': row.patient_id})}") for row in rows
        ]
        return render_template("select_patient.html", links=links)

    return routes


def _chosen(value: LaunchValue, parameters: Mapping[str, str]) -> LaunchValue:
    """Return the launch value with what a page of choices sent along."""
    return replace(
        value,
        patient=parameters.get("patient") or value.patient,
        provider=parameters.get("provider") or value.provider,
        encounter=parameters.get("encounter") or value.encounter,
    )


def _check(
    launcher: Launcher, sim: str, value: LaunchValue, parameters: Mapping[str, str]
) -> None:  # fmt: skip
    if required(parameters, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    required(parameters, "redirect_uri")
    # Only port and path are compared: the launcher answers under several names.
    expected, sent = urlsplit(f"{launcher.base(sim)}/fhir"), urlsplit(required(parameters, "aud"))
    if (expected.port, expected.path) != (sent.port, sent.path):
        raise OAuthError("invalid_request", f"Bad audience value. Expected {expected.geturl()}.")
    challenged = "code_challenge_method" in parameters or value.pkce == "always"
    if value.pkce != "none" and challenged:
        if parameters.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "Invalid code_challenge_method. Must be S256.")
        required(parameters, "code_challenge")
    if value.auth_error in REDIRECTED_ERRORS:
        raise REDIRECTED_ERRORS[value.auth_error]
    if value.client_id and value.client_id != parameters.get("client_id"):
        raise OAuthError("invalid_client", "Invalid client_id")
    uris = [one.strip() for one in value.redirect_uris.split(",") if one.strip()]
    if uris and not any(parameters["redirect_uri"].startswith(one) for one in uris):
        raise OAuthError("invalid_request", "Invalid redirect_uri")


def _claims(
    launcher: Launcher, value: LaunchValue, parameters: Mapping[str, str]
) -> dict[str, Any]:
    scopes = parameters.get("scope", "").split()
    context: dict[str, Any] = {
        "need_patient_banner": not value.sim_ehr,
        "smart_style_url": f"{launcher.state.settings.ehr_origin}/smart-style.json",
    }
    if {"launch", "launch/patient"} & set(scopes):
        context["patient"] = value.patient
    encounter = _encounter(launcher, value)
    if encounter and {"launch", "launch/encounter"} & set(scopes):
        context["encounter"] = encounter
    claims: dict[str, Any] = {
        "context": context,
        "client_id": parameters.get("client_id", ""),
        "redirect_uri": parameters["redirect_uri"],
        "scope": " ".join(scopes),
        "nonce": parameters.get("nonce"),
        "client_type": value.client_type,
        "client_secret": value.client_secret,
        "jwks_url": value.jwks_url,
        "auth_error": value.auth_error,
    }
    if "code_challenge" in parameters:
        claims["code_challenge"] = parameters["code_challenge"]
    if "openid" in scopes and {"profile", "fhirUser"} & set(scopes):
        patient_signs_in = value.launch_type.startswith("patient")
        # The real one lists the practitioners for a provider who is not named; here the first of them signs in.
        provider = value.provider.partition(",")[0] or _first_provider(launcher, value.patient)
        claims["user"] = f"Patient/{value.patient}" if patient_signs_in else f"Practitioner/{provider}"  # fmt: skip
    return claims


def _encounter(launcher: Launcher, value: LaunchValue) -> str:
    if value.encounter == "NONE":
        return ""
    if value.encounter not in ("AUTO", "MANUAL", ""):
        return value.encounter
    # It sorts by a name that R4 does not know, so "automatic" is whichever comes first, not the latest.
    found = launcher.state.data_plane.search(
        "Encounter", [("patient", value.patient), ("_count", "1")]
    )
    return next((str(one["resource"]["id"]) for one in found.get("entry", [])), "")


def _first_provider(launcher: Launcher, patient_id: str) -> str:
    users = launcher.state.users.get(patient_id, ())
    return next((one.reference.rpartition("/")[2] for one in users), "")


def _back(
    redirect_uri: str, answer: Mapping[str, str], parameters: Mapping[str, str]
) -> AnyResponse:
    echoed = {"state": parameters["state"]} if parameters.get("state") else {}
    separator = "&" if urlsplit(redirect_uri).query else "?"
    return redirect(f"{redirect_uri}{separator}{urlencode({**answer, **echoed})}", 302)


def _refused(redirect_uri: str, error: OAuthError, parameters: Mapping[str, str]) -> AnyResponse:
    if redirect_uri:
        return _back(redirect_uri, error.parameters(), parameters)
    answer: Response = jsonify(error.parameters())
    answer.status_code = 400
    return answer
