"""A sign-in outside the EHR step by step: what a host asks for, the user's consent, code, tokens, revocation."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from werkzeug.test import TestResponse

from tests.interaction.mcp.hosts import URL
from tests.interaction.mcp.signing_in import LOCAL, User, user
from tests.stack import APP, Stack

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")  # fmt: skip
ASKED = {
    "response_type": "code", "client_id": "desk-copilot-app", "redirect_uri": LOCAL, "state": "abc",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256", "resource": URL,
    "scope": "patient/Patient.r patient/Condition.rs",
}  # fmt: skip


def told(response: TestResponse) -> dict[str, str]:
    """Return what an authorization response tells the host, at its own address."""
    assert response.status_code in (302, 303), response.text
    assert response.location.startswith(f"{LOCAL}?")
    found = {n: v[0] for n, v in parse_qs(urlsplit(response.location).query).items()}
    # RFC 9207: every answer says who gives it.
    assert found.pop("iss") == APP
    return found


def consent(stack: Stack, person: User, chart: str = "marlena", **changes: str) -> TestResponse:
    return person.sign_in(f"{APP}/oauth/authorize?{urlencode({**ASKED, **changes})}", chart)


def code_of(stack: Stack, chart: str = "marlena", **changes: str) -> str:
    """Sign in, agree, and return the code."""
    person = user(stack)
    return told(person.decide(consent(stack, person, chart, **changes)))["code"]


def redeemed(stack: Stack, code: str, /, **changes: str) -> TestResponse:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": LOCAL, "client_id": "desk-copilot-app",
        "code_verifier": VERIFIER, "resource": URL, **changes,
    }  # fmt: skip
    return stack.app.test_client().post("/oauth/token", base_url=APP, data=form)


def refreshed(stack: Stack, refresh_token: str, /, **changes: str) -> TestResponse:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "desk-copilot-app", **changes}  # fmt: skip
    return stack.app.test_client().post("/oauth/token", base_url=APP, data=form)


def tokens_of(stack: Stack, chart: str = "marlena", **changes: str) -> dict[str, Any]:
    found = redeemed(stack, code_of(stack, chart, **changes))
    assert found.status_code == 200, found.text
    assert found.headers["Cache-Control"] == "no-store"
    return dict(found.get_json())


def revoked(stack: Stack, token: str) -> TestResponse:
    """Sign out: take the grant of a token back."""
    form = {"token": token, "client_id": "desk-copilot-app"}
    return stack.app.test_client().post("/oauth/revoke", base_url=APP, data=form)
