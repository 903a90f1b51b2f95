"""The pretend EHR takes each client in its registered way only, and an assertion in the exact form only."""

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.test import TestResponse

from sandbox import create_app, sandbox_state
from sandbox.assertions import ASSERTION_TYPE, Fetched
from sandbox.clients import Authentication, Client
from sandbox.settings import SandboxSettings
from tests.requirements import requirement
from tests.unit.sandbox.parties import ALBA, BRUNO, CALLBACK, EHR, VERIFIER, Clock, Ehr

SECRET = "a:secret %"
TOKEN = f"{EHR}/auth/token"
JWKS = "http://app.localhost:9001/.well-known/jwks.json"
EC = ECKey.generate_key("P-384", parameters={"kid": "ec", "use": "sig"})
OTHER = ECKey.generate_key("P-384", parameters={"kid": "ec", "use": "sig"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa", "use": "sig"})
SCOPES = ("launch", "openid", "fhirUser", "online_access", "patient/Patient.rs")


def client(kind: Authentication, **more: Any) -> Client:
    return Client(
        client_id=f"c-{kind}",
        name=kind,
        launch_url="http://app.localhost:9001/launch",
        redirect_uris=(CALLBACK,),
        scopes=SCOPES,
        authentication=kind,
        secret=SECRET if "secret" in kind else "",
        jwks_url=JWKS,
        **more,
    )


@pytest.fixture
def keys() -> dict[str, Any]:
    """What the client's key set address answers; a test may change it."""
    return {"body": KeySet([EC, RSA]).as_dict(private=False), "cache": "max-age=3600", "asked": 0}


@pytest.fixture
def ehr(sandbox_folder: Path, keys: dict[str, Any]) -> Any:
    clock = Clock()

    def fetch(url: str) -> Fetched:
        assert url == JWKS
        keys["asked"] += 1
        return Fetched(body=keys["body"], cache_control=keys["cache"])

    app = create_app(
        SandboxSettings(
            data_folder=sandbox_folder / "run",
            chart_folders=(sandbox_folder / ALBA, sandbox_folder / BRUNO),
            extra_clients=(
                client("client_secret_basic"),
                client("client_secret_post"),
                client("private_key_jwt", system_scopes=("system/Patient.rs",)),
            ),
            clock=clock,
            fetch=fetch,
        )
    )
    made = Ehr(state=sandbox_state(app), client=app.test_client(), clock=clock, slept=[])
    yield made
    made.state.data_plane.close()


def assertion(ehr: Ehr, key: Any = EC, alg: str = "ES384", **change: Any) -> str:
    now = int(ehr.clock.now.timestamp())
    claims = {
        "iss": "c-private_key_jwt", "sub": "c-private_key_jwt", "aud": TOKEN, "exp": now + 300,
        "jti": str(id(change)) + str(ehr.clock.now.timestamp()),
    }  # fmt: skip
    header = {"alg": alg, "kid": key.kid, "typ": "JWT"} | change.pop("header", {})
    claims = {k: v for k, v in (claims | change).items() if v is not None}
    return jwt.encode(header, claims, key, algorithms=[alg])


def ask(ehr: Ehr, kind: str, form: dict[str, str], **headers: str) -> TestResponse:
    """Redeem a fresh code of this client."""
    client_id = f"c-{kind}"
    launch = ehr.state.start(ALBA, client_id=client_id)
    code = ehr.code(" ".join(SCOPES), client_id=client_id, launch=launch)
    body = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
    }  # fmt: skip
    return ehr.client.post("/auth/token", data=body | form, headers=headers)


def signed(ehr: Ehr, **change: Any) -> dict[str, str]:
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(ehr, **change),
    }


def basic(user: str = "c-client_secret_basic", password: str = "a%3Asecret+%25") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_each_kind_is_accepted_in_its_own_way(ehr: Ehr) -> None:
    posted = {"client_id": "c-client_secret_post", "client_secret": SECRET}
    assert ask(ehr, "client_secret_basic", {}, Authorization=basic()).status_code == 200
    assert ask(ehr, "client_secret_post", posted).status_code == 200
    assert ask(ehr, "private_key_jwt", signed(ehr)).status_code == 200
    assert ask(ehr, "private_key_jwt", signed(ehr, key=RSA, alg="RS384")).status_code == 200


Form = Callable[[Ehr], dict[str, str]]


@pytest.mark.parametrize(
    ("kind", "form", "authorization"),
    [
        ("client_secret_basic", lambda _: {}, None),
        ("client_secret_basic", lambda _: {}, basic(password="wrong")),
        ("client_secret_basic", lambda _: {}, "Basic not-base64"),
        ("client_secret_basic", lambda _: {"client_id": "c-client_secret_basic"}, None),
        ("client_secret_basic", lambda _: {"client_id": "c-client_secret_basic"}, basic()),
        ("client_secret_basic", lambda _: {"client_secret": SECRET}, basic()),
        (
            "client_secret_basic",
            lambda _: {"client_id": "c-client_secret_basic", "client_secret": SECRET},
            None,
        ),
        ("client_secret_post", lambda _: {"client_id": "c-client_secret_post"}, None),
        (
            "client_secret_post",
            lambda _: {"client_id": "c-client_secret_post", "client_secret": "wrong"},
            None,
        ),
        ("client_secret_post", lambda _: {}, basic("c-client_secret_post")),
        ("private_key_jwt", lambda _: {"client_id": "c-private_key_jwt"}, None),
        ("private_key_jwt", lambda ehr: signed(ehr) | {"client_id": "c-private_key_jwt"}, None),
        ("private_key_jwt", lambda ehr: signed(ehr) | {"client_secret": SECRET}, None),
        ("private_key_jwt", lambda ehr: signed(ehr) | {"client_assertion_type": "jwt"}, None),
        ("private_key_jwt", lambda _: {"client_assertion_type": ASSERTION_TYPE}, None),
    ],
)
def test_any_other_way_is_refused(
    ehr: Ehr, kind: str, form: Form, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    refused = ask(ehr, kind, form(ehr), **headers)
    assert refused.status_code in (400, 401)
    assert refused.get_json()["error"] in ("invalid_client", "invalid_request")


@requirement("attack-26")
@pytest.mark.parametrize(
    "change",
    [
        {"iss": "another"},
        {"sub": "c-client_secret_basic"},
        {"aud": f"{TOKEN}/"},
        {"aud": f"{EHR}/fhir"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": 10**18},
        {"jti": None},
        {"jti": ""},
        {"header": {"typ": "JOSE"}},
        {"header": {"kid": "unknown"}},
        {"header": {"jku": "https://evil.example/jwks"}},
        {"key": OTHER},
        {"key": ECKey.generate_key("P-256", parameters={"kid": "ec"}), "alg": "ES256"},
    ],
)
def test_an_assertion_that_does_not_hold_is_refused(ehr: Ehr, change: dict[str, Any]) -> None:
    refused = ask(ehr, "private_key_jwt", signed(ehr, **change))
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_client")


@requirement("attack-26")
def test_an_assertion_longer_than_five_minutes_or_replayed_is_refused(ehr: Ehr) -> None:
    long = int((ehr.clock.now + timedelta(seconds=302)).timestamp())
    assert ask(ehr, "private_key_jwt", signed(ehr, exp=long)).status_code == 401
    once = signed(ehr, jti="once")
    assert ask(ehr, "private_key_jwt", once).status_code == 200
    refused = ask(ehr, "private_key_jwt", once)
    assert "jti" in refused.get_json()["error_description"]
    assert ask(ehr, "private_key_jwt", signed(ehr, jti="once", aud=TOKEN)).status_code == 401


def test_a_key_set_is_kept_as_long_as_it_says(ehr: Ehr, keys: dict[str, Any]) -> None:
    assert ask(ehr, "private_key_jwt", signed(ehr)).status_code == 200
    keys["body"] = KeySet([RSA]).as_dict(private=False)
    ehr.clock.forward(3599)
    assert ask(ehr, "private_key_jwt", signed(ehr)).status_code == 200
    assert keys["asked"] == 1
    ehr.clock.forward(1)
    assert ask(ehr, "private_key_jwt", signed(ehr)).status_code == 401
    assert keys["asked"] == 2


def test_a_key_set_with_a_private_key_is_refused(ehr: Ehr, keys: dict[str, Any]) -> None:
    keys["body"] = KeySet([EC]).as_dict(private=True)
    refused = ask(ehr, "private_key_jwt", signed(ehr))
    assert "private" in refused.get_json()["error_description"]


def test_backend_services_give_system_scopes_to_assertions_only(ehr: Ehr) -> None:
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs system/*.cruds"}
    given = ehr.client.post("/auth/token", data=form | signed(ehr))
    body = given.get_json()
    token = body.pop("access_token")
    assert (given.status_code, body) == (
        200, {"token_type": "bearer", "expires_in": 300, "scope": "system/Patient.rs"},
    )  # fmt: skip
    assert ehr.fhir(f"Patient/{ALBA}", token).status_code == 200
    assert ehr.fhir(f"Observation?patient={ALBA}", token).status_code == 403
    for more, authorization in (
        (signed(ehr) | {"scope": "patient/Patient.rs"}, {}),
        ({}, {"Authorization": basic()}),
        ({"client_id": "chartside-sandbox"}, {}),
    ):
        refused = ehr.client.post("/auth/token", data=form | more, headers=authorization)
        assert refused.status_code in (400, 401)


def test_introspection_tells_a_client_of_its_own_tokens(ehr: Ehr) -> None:
    mine = ask(ehr, "client_secret_basic", {}, Authorization=basic()).get_json()["access_token"]
    foreign = ehr.tokens()["access_token"]

    def told(token: str, **form: str) -> Any:
        headers = {} if form else {"Authorization": basic()}
        return ehr.client.post(
            "/auth/introspect", data={"token": token} | form, headers=headers
        ).get_json()

    said = told(mine)
    assert (said["active"], said["patient"], said["client_id"]) == (
        True, ALBA, "c-client_secret_basic",
    )  # fmt: skip
    assert {"scope", "exp", "iss", "sub", "fhirUser", "encounter"} <= said.keys()
    for other in (foreign, "guess"):
        assert told(other) == {"active": False}
    assert told(foreign, client_id="chartside-sandbox")["error"] == "invalid_client"
    ehr.clock.forward(3600)
    assert told(mine) == {"active": False}
