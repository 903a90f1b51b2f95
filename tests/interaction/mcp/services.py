"""A service account as it asks for tokens: its key, its registration, its signed assertions."""

import json
import secrets
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from tests.interaction.mcp.hosts import URL
from tests.stack import APP, Stack, patient_id

KEY = ECKey.generate_key("P-384", {"kid": "night"}, auto_kid=False)
OTHER = ECKey.generate_key("P-384", {"kid": "night"}, auto_kid=False)
ENDPOINT = f"{APP}/oauth/token"
SCOPES = "patient/Patient.r patient/Condition.rs patient/Observation.rs"


def table(*charts: str, host: str = "night-round") -> str:
    public = ", ".join(f'{name} = "{value}"' for name, value in KEY.as_dict(private=False).items())
    patients = json.dumps([patient_id(chart) for chart in charts])
    return (
        f'[[mcp_server.service]]\nhost = "{host}"\nclient_id = "night-round-service"\njwks = [{{ {public} }}]\n'
        f"patients = {patients}\nscopes = {json.dumps(SCOPES.split())}\n"
    )


BACKEND = '[backend]\nid = "chartside-backend"\nalg = "ES384"\nscopes = ["system/*.rs"]\n'


def assertion(stack: Stack, key: Any = KEY, alg: str = "ES384", **changes: Any) -> str:
    now = int(stack.clock().timestamp())
    claims = {
        "iss": "night-round-service", "sub": "night-round-service", "aud": ENDPOINT, "iat": now, "exp": now + 60,
        "jti": secrets.token_urlsafe(16), **changes,
    }  # fmt: skip
    return jwt.encode({"alg": alg, "kid": "night", "typ": "JWT"}, claims, key, algorithms=[alg])


def asked(stack: Stack, chart: str = "child", signed: str = "", **changes: str) -> TestResponse:
    form = {
        "grant_type": "client_credentials", "resource": URL, "patient": stack.patient(chart),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed or assertion(stack), **changes,
    }  # fmt: skip
    return stack.app.test_client().post("/oauth/token", base_url=APP, data=form)


def token_of(stack: Stack, chart: str = "child", **changes: str) -> str:
    found = asked(stack, chart, **changes)
    assert found.status_code == 200, found.text
    return str(found.get_json()["access_token"])
