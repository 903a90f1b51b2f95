"""The public launcher's token, introspection and revocation endpoints."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify, request
from joserfc import jwt

from sandbox.clients import Client
from sandbox.id_tokens import subject
from sandbox.launcher import BASES, Launcher
from sandbox.launcher_tokens import ACCESS_LIFE, REFRESH_LIFE
from sandbox.oauth import OAuthError, required

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Claims = Mapping[str, Any]


def blueprint(launcher: Launcher) -> Blueprint:
    """Return the endpoints below both bases."""
    routes = Blueprint("launcher_token", __name__)

    def token(sim: str = "") -> Response:
        try:
            answer = jsonify(_issued(launcher, sim))
        except OAuthError as error:
            answer = jsonify(error.parameters())
            answer.status_code = error.status
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Pragma"] = "no-cache"
        return answer

    def introspect(sim: str = "") -> Response:  # noqa: ARG001 - the address has it
        asker = request.headers.get("Authorization", "").partition(" ")[2]
        now = launcher.state.now()
        if launcher.statements.open(asker, now) is None:
            return Response("Authorization is required", 401, mimetype="text/plain")
        found = launcher.statements.open(request.form.get("token", ""), now)
        if found is None:
            return jsonify({"active": False})
        kept = ("scope", "client_id", "exp", "fhirUser")
        shown = {name: found[name] for name in kept if found.get(name) is not None}
        return jsonify({**shown, "active": True, **found["context"]})

    def revoke(sim: str = "") -> tuple[Response, int]:  # noqa: ARG001 - the address has it
        return Response("not supported by this server", mimetype="text/plain"), 400

    for base in BASES:
        routes.post(f"{base}/auth/token")(token)
        routes.post(f"{base}/auth/introspect")(introspect)
        routes.post(f"{base}/auth/revoke")(revoke)
    return routes


def _issued(launcher: Launcher, sim: str) -> dict[str, Any]:
    match request.form.get("grant_type"):
        case "authorization_code":
            claims, first = _of_code(launcher), True
        case "refresh_token":
            claims, first = _of_refresh_token(launcher), False
        case other:
            raise OAuthError("unsupported_grant_type", f"Invalid grant_type {other}")
    _authenticate(launcher, claims)
    if claims.get("auth_error") == "token_invalid_token":
        raise OAuthError("invalid_client", "Simulated invalid client error", 401)
    return _answer(launcher, sim, claims, first=first)


def _of_code(launcher: Launcher) -> Claims:
    found = launcher.statements.open(required(request.form, "code"), launcher.state.now())
    if found is None or "redirect_uri" not in found:
        raise OAuthError("invalid_client", "Invalid token (supplied as code)", 401)
    if found["redirect_uri"] != required(request.form, "redirect_uri"):
        raise OAuthError("invalid_request", "Invalid redirect_uri parameter", 401)
    if "code_challenge" in found:
        digest = hashlib.sha256(required(request.form, "code_verifier").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != found["code_challenge"]:
            raise OAuthError("invalid_grant", "Invalid PKCE verifier", 401)
    return found


def _of_refresh_token(launcher: Launcher) -> Claims:
    found = launcher.statements.open(request.form.get("refresh_token", ""), launcher.state.now())
    if found is None:
        raise OAuthError("invalid_grant", "Invalid refresh token", 401)
    if found.get("auth_error") == "token_expired_refresh_token":
        raise OAuthError("invalid_grant", "Expired refresh token", 403)
    return found


def _authenticate(launcher: Launcher, claims: Claims) -> None:
    """Check what was sent; what was not sent is not missed, except a secret that the launch value names."""
    assertion = request.form.get("client_assertion")
    if assertion and request.form.get("client_assertion_type") == ASSERTION:
        client_id = str(claims.get("client_id", ""))
        registered = Client(
            client_id=client_id, name=client_id, launch_url="", redirect_uris=(), scopes=(),
            authentication="private_key_jwt", jwks_url=str(claims.get("jwks_url", "")),
        )  # fmt: skip
        if registered.jwks_url:
            audience = f"{launcher.state.settings.ehr_origin}{request.path}"
            launcher.state.assertions.check(assertion, registered, audience, launcher.state.now())
    if claims.get("client_type") != "confidential-symmetric":
        return
    if claims.get("auth_error") == "auth_invalid_client_secret":
        raise OAuthError("invalid_client", "Simulated invalid client secret error", 401)
    if claims.get("client_secret") and _basic() != (claims["client_id"], claims["client_secret"]):
        raise OAuthError("invalid_client", "Invalid basic authentication", 401)


def _basic() -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")


def _answer(launcher: Launcher, sim: str, claims: Claims, *, first: bool) -> dict[str, Any]:
    now = launcher.state.now()
    user, scopes = claims.get("user"), claims["scope"].split()
    body: dict[str, Any] = {
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "scope": claims["scope"],
        **claims["context"],
    }
    if user:
        body["id_token"] = _id_token(launcher, sim, claims, first=first)
    kept = {name: claims.get(name) for name in ("context", "scope", "user", "auth_error")}
    if {"offline_access", "online_access"} & set(scopes):
        body["refresh_token"] = launcher.statements.sign(kept, now, REFRESH_LIFE)
    if claims.get("auth_error", "").startswith("request_"):
        # It stands in the answer, not in the token: the chart is given all the same.
        body["sim_error"] = "Token expired" if "expired" in claims["auth_error"] else "Invalid token"  # fmt: skip
    access = {**kept, "client_id": claims.get("client_id"), "fhirUser": user}
    body["access_token"] = launcher.statements.sign(access, now, ACCESS_LIFE)
    return body


def _id_token(launcher: Launcher, sim: str, claims: Claims, *, first: bool) -> str:
    """Return the id_token with a relative `fhirUser`; a refreshed one has neither `aud` nor `nonce`."""
    now, user = launcher.state.now(), str(claims["user"])
    said: dict[str, Any] = {
        "profile": user,
        "fhirUser": user,
        "sub": subject(user),
        "iss": f"{launcher.base(sim)}/fhir",
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFE).timestamp()),
    }
    if first:
        said["aud"] = claims["client_id"]
        said |= {"nonce": claims["nonce"]} if claims.get("nonce") else {}
    signer = replace(launcher.state.signer, issuer=f"{launcher.base(sim)}/fhir")
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": signer.key.kid}, said, signer.key)
