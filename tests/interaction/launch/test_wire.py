"""What goes over the wire, for every kind of client: what a conformance suite for SMART clients looks at, whole.

Each request is compared as a whole value, so that a parameter too many is seen like one too few.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from sandbox.clients import Client
from tests.interaction.launch.test_clients import BACKEND, KINDS, SECRET, client_of
from tests.requirements import requirement
from tests.stack import APP, EHR, ISS, Stack, make_stack, page_data, registered
from tests.tape import Sent, Tape, once

TOKEN = f"{EHR}/auth/token"
CALLBACK = f"{APP}/smart/sandbox/callback"
FORM = "application/x-www-form-urlencoded"
PUBLIC = 'id = "chartside-sandbox"\nauth = "public"'
LIFE_S = 570


def taped(folder: Path, kind: str, more: str = "") -> tuple[Stack, Tape, str]:
    """Return both parties with a tape between them, and the id of the client of this kind."""
    client_id, changes, clients = "chartside-sandbox", [], []
    if kind != "public":
        client_id = f"chartside-{kind}"
        changes = [(PUBLIC, f'id = "{client_id}"\n{KINDS[kind]}')]
        clients = [client_of(kind)]
    tape = Tape()
    stack = make_stack(
        folder,
        launch_config=registered(folder, *changes, more=more),
        variables={"EHR_SECRET": SECRET},
        between=tape.between,
        extra_clients=tuple(clients),
        access_token_lifetime_s=LIFE_S,
    )
    return stack, tape, client_id


def asked(page: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of an authorization request, each of which stands in it once."""
    return dict(page["form"]) or once(urlsplit(page["authorize"]).query)


# ------------------------------------------------------------ authorization request


@requirement(
    "smart:authorize:response-type", "smart:authorize:client-id", "smart:authorize:redirect-uri",
    "smart:authorize:launch", "smart:authorize:scope", "smart:authorize:identity", "smart:launch:aud",
    "smart:launch:state-entropy", "smart:launch:pkce", "smart:identity:no-max-age", "smart:context:asked",
    "smart:scopes:minimum", "smart:authorize:serialization",
)  # fmt: skip
@pytest.mark.parametrize("quirk", ["", "[quirks]\nauthorize_post = true"])
def test_an_authorization_request_holds_what_it_must_and_nothing_else(
    tmp_path: Path, quirk: str
) -> None:
    stack, _, client_id = taped(tmp_path, "public", quirk)
    launch = stack.state.start(stack.patient("marlena"))
    response = stack.browser().open(
        f"/smart/sandbox/launch?{urlencode({'iss': ISS, 'launch': launch})}"
    )
    page = page_data(response)
    assert (page["form"] != {}) == bool(quirk)
    assert page["authorize"].partition("?")[::2] == (
        f"{EHR}/auth/authorize",
        "" if quirk else urlencode(asked(page)),
    )
    registration = stack.services.registry.get("sandbox")
    assert registration is not None
    sent = asked(page)
    unpredictable = [sent.pop(name) for name in ("state", "nonce", "code_challenge")]
    assert sent == {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": " ".join([*registration.scopes.required, *registration.scopes.optional]),
        "aud": ISS,
        "launch": launch,
        "code_challenge_method": "S256",
    }
    # 43 characters of base64url are 256 bits; the nonce has 192.
    assert [len(value) for value in unpredictable] == [43, 32, 43]


@requirement("smart:authorize:launch")
@pytest.mark.parametrize("launch", ["a b+c/d=%&é", "x" * 1_000, "-"])
def test_the_launch_value_is_opaque_and_goes_back_as_it_came(stack: Stack, launch: str) -> None:
    response = stack.browser().open(
        f"/smart/sandbox/launch?{urlencode({'iss': ISS, 'launch': launch})}"
    )
    assert asked(page_data(response))["launch"] == launch


# ------------------------------------------------------------ tokens


@requirement(
    "smart:token:request", "smart:launch:pkce", "smart:launch:public-client", "smart:client:one-way",
    "smart:client:symmetric", "smart:client:asymmetric", "smart:client:algorithms", "smart:client:no-jku",
    "smart:refresh:request", "smart:refresh:replace", "smart:refresh:no-wider", "smart:authorize:redirect-uri",
    "smart:revocation", "smart:introspection", "attack-26",
)  # fmt: skip
@pytest.mark.parametrize("kind", ["public", *KINDS])
def test_every_request_for_a_token_holds_what_it_must_and_is_proved_anew(
    tmp_path: Path, kind: str
) -> None:
    stack, tape, client_id = taped(
        tmp_path, kind, "[session]\nintrospect_on_resume = true\nidle_minutes = 30"
    )
    browser = stack.browser()
    page = browser.launch_page(client_id=client_id)
    callback = browser.authorize(page["authorize"])
    launch_id = browser.complete(callback).get_json()["launch_id"]
    first = stack.services.smart.vault.held(launch_id)
    stack.clock.forward(seconds=LIFE_S)
    stack.services.sessions.bearer(launch_id)
    second = stack.services.smart.vault.held(launch_id)
    assert browser.resume(launch_id).status_code == 200
    stack.services.sessions.end(launch_id, "user")
    stack.services.smart.revoker.wait()
    assert first is not None
    assert second is not None
    verifier = tape.at("/auth/token")[0].form["code_verifier"]
    requests = [one for one in tape.at("/auth/") if one.method == "POST"]
    left = [
        _without_proof(stack, kind, client_id, one, asker=second.access_token) for one in requests
    ]
    assert left == [
        {
            "grant_type": "authorization_code", "code": callback["code"], "redirect_uri": CALLBACK,
            "code_verifier": verifier,
        },
        {"grant_type": "refresh_token", "refresh_token": first.refresh_token},
        {"token": second.access_token},
        {"token": second.refresh_token, "token_type_hint": "refresh_token"},
        {"token": second.access_token, "token_type_hint": "access_token"},
    ]  # fmt: skip
    assert {(one.method, one.content_type, tuple(one.query)) for one in requests} == {
        ("POST", FORM, ())
    }
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    assert asked(page)["code_challenge"] == challenge.decode().rstrip("=")
    assert re.fullmatch(r"[A-Za-z0-9\-._~]{43,128}", verifier)
    used = [one.form["client_assertion"] for one in requests if "client_assertion" in one.form]
    ids = [str(_claims(stack, one)["jti"]) for one in used]
    assert (len(used), len(set(ids))) == ((5, 5) if kind.endswith("384") else (0, 0))


def _without_proof(
    stack: Stack, kind: str, client_id: str, sent: Sent, *, asker: str
) -> dict[str, str]:
    """Check how the client proved itself, in that way only; return the rest of the form."""
    form, basic = dict(sent.form), ""
    match kind:
        case "public":
            assert form.pop("client_id") == client_id
            # RFC 7662 2.1: whoever introspects is authorized; a public client has no more than the token itself.
            basic = f"Bearer {asker}" if sent.path == "/auth/introspect" else ""
        case "client_secret_basic":
            # RFC 6749 2.3.1: form-encoded before it becomes a password.
            basic = (
                f"Basic {base64.b64encode(f'{client_id}:{quote_plus(SECRET)}'.encode()).decode()}"
            )
        case "client_secret_post":
            assert (form.pop("client_id"), form.pop("client_secret")) == (client_id, SECRET)
        case alg:
            assert form.pop("client_assertion_type") == (
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            )
            _proves(stack, alg, client_id, form.pop("client_assertion"))
    assert sent.authorization == basic
    return form


def _proves(stack: Stack, alg: str, client_id: str, assertion: str) -> None:
    served = KeySet.import_key_set(_key_set(stack))
    decoded = jwt.decode(assertion, served, algorithms=[alg])
    # The client of [backend] has a key beside it.
    [kid] = [key.kid for key in served.keys if key.as_dict().get("alg", alg) == alg]
    assert decoded.header == {"alg": alg, "kid": kid, "typ": "JWT"}
    claims = dict(decoded.claims)
    life = claims.pop("exp") - claims.pop("iat")
    assert 0 < life <= 300
    assert len(claims.pop("jti")) >= 22
    assert claims == {"iss": client_id, "sub": client_id, "aud": TOKEN}


def _claims(stack: Stack, assertion: str) -> dict[str, Any]:
    return dict(jwt.decode(assertion, KeySet.import_key_set(_key_set(stack)), ["RS384", "ES384"]).claims)  # fmt: skip


def _key_set(stack: Stack) -> Any:
    return stack.app.test_client().get("/.well-known/jwks.json", base_url=APP).get_json()


@requirement("smart:backend:request", "smart:backend:scopes", "smart:client:asymmetric")
def test_a_backend_token_is_asked_for_by_a_fresh_assertion_and_nothing_else(tmp_path: Path) -> None:
    tape = Tape()
    client = replace_id(client_of("ES384", system_scopes=("system/Patient.rs",)))
    stack = make_stack(
        tmp_path,
        launch_config=registered(tmp_path, more=BACKEND),
        between=tape.between,
        extra_clients=(client,),
    )
    registration = stack.services.registry.get("sandbox")
    assert registration is not None
    for refused in ("", stack.services.smart.backend.get(registration, ISS).access_token):
        stack.services.smart.backend.get(registration, ISS, refused=refused)
    requests = [one for one in tape.at("/auth/") if one.method == "POST"]
    left = [_without_proof(stack, "ES384", "chartside-backend", one, asker="") for one in requests]
    expected = {"grant_type": "client_credentials", "scope": "system/Patient.rs system/Observation.rs"}  # fmt: skip
    assert left == [expected, expected]
    assert {(one.method, one.content_type) for one in requests} == {("POST", FORM)}
    assert requests[0].form["client_assertion"] != requests[1].form["client_assertion"]


def replace_id(client: Client) -> Client:
    return replace(client, client_id="chartside-backend")


# ------------------------------------------------------------ the chart


@requirement("smart:fhir:bearer", "smart:conformance:json", "smart:launch:token-not-in-cookies")
def test_the_token_goes_with_every_read_in_the_header_and_nowhere_else(tmp_path: Path) -> None:
    stack, tape, _ = taped(tmp_path, "public")
    launched = stack.browser().launch()
    first = stack.services.sessions.bearer(launched.launch_id)
    launched.get("/card")
    stack.clock.forward(seconds=LIFE_S)
    launched.get("/card?again=1")
    second = stack.services.sessions.bearer(launched.launch_id)
    reads = [one for one in tape.at("/fhir/") if ".well-known" not in one.path]
    assert len(reads) >= 20
    assert {(one.method, one.authorization) for one in reads} == {
        ("GET", f"Bearer {first}"),
        ("GET", f"Bearer {second}"),
    }
    everything = "".join(f"{one.path}{one.query}{one.form}" for one in reads)
    assert first not in everything
    assert second not in everything
    [configuration] = tape.at("/fhir/.well-known/smart-configuration")
    assert (configuration.method, configuration.accept, configuration.authorization) == (
        "GET",
        "application/json",
        "",
    )
