"""Who asks: exactly the one way in which each client is registered to authenticate.

Source: RFC 6749 2.3 and SMART App Launch 2.2.0, client authentication.
"""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import unquote_plus

from flask import request

from sandbox.assertions import ASSERTION_TYPE, claimed_client
from sandbox.clients import Authentication, Client
from sandbox.oauth import OAuthError, required
from sandbox.state import SandboxState


def authenticate(state: SandboxState, form: Mapping[str, str]) -> Client:
    """Return the client of a request.

    Raises:
        OAuthError: `invalid_client`, or `invalid_request` where the request says it in two ways.
    """
    method = _method(form)
    match method:
        case "client_secret_basic":
            client_id, secret = _basic()
        case "private_key_jwt":
            client_id, secret = claimed_client(form["client_assertion"]), ""
        case _:
            client_id, secret = required(form, "client_id"), form.get("client_secret", "")
    client = state.clients.get(client_id)
    if client is None or client.authentication != method:
        raise OAuthError("invalid_client", "not a client registered for this authentication", 401)
    _check_body(client, form)
    if method == "private_key_jwt":
        audience = f"{state.settings.ehr_origin}/auth/token"
        state.assertions.check(form["client_assertion"], client, audience, state.now())
    elif method != "none" and not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise OAuthError("invalid_client", "the secret is wrong", 401)
    return client


def _method(form: Mapping[str, str]) -> Authentication:
    header = request.headers.get("Authorization", "")
    used: list[Authentication] = []
    # A bearer token (introspection) is no client's authentication.
    if header and not header.startswith("Bearer "):
        used.append("client_secret_basic")
    if "client_secret" in form:
        used.append("client_secret_post")
    if "client_assertion" in form or "client_assertion_type" in form:
        used.append("private_key_jwt")
    if len(used) > 1:
        # RFC 6749 2.3: one method in each request.
        raise OAuthError("invalid_request", "more than one way to authenticate")
    if used == ["private_key_jwt"] and form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_client", "client_assertion_type is missing or wrong", 401)
    if used == ["private_key_jwt"] and "client_assertion" not in form:
        raise OAuthError("invalid_client", "client_assertion is missing", 401)
    return used[0] if used else "none"


def _check_body(client: Client, form: Mapping[str, str]) -> None:
    # SMART App Launch 2.2.0, token request: a public client names itself, a confidential one leaves it out.
    named = form.get("client_id")
    if client.authentication in ("none", "client_secret_post"):
        return
    if named != (client.client_id if client.client_id_in_body else None):
        raise OAuthError("invalid_request", "client_id is demanded, or does not belong here")


def _basic() -> tuple[str, str]:
    scheme, _, encoded = request.headers["Authorization"].partition(" ")
    try:
        user, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", "not HTTP Basic", 401) from error
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "not HTTP Basic", 401)
    return unquote_plus(user), unquote_plus(password)
