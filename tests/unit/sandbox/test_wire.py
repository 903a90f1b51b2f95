"""The wire log shows an integration engineer everything but what opens something, and nothing of a chart."""

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox import create_app, sandbox_state
from sandbox.clients import Client
from sandbox.settings import SandboxSettings
from sandbox.wire_words import kind_of, shown_form, shown_json, shown_path, shown_query
from tests.unit.sandbox.parties import ALBA, BASE, BRUNO, CALLBACK, EHR, VERIFIER, Ehr, answer_of

SCOPE = "launch openid fhirUser online_access patient/*.rs"


def test_a_launch_is_told_from_the_menu_to_the_chart(ehr: Ehr) -> None:
    page = ehr.client.get(f"/chart/{ALBA}?app=chartside").text
    address = page.split('data-address="')[1].split('"')[0].replace("&amp;", "&")
    launch = parse_qs(urlsplit(address).query)["launch"][0]
    ehr.client.get("/fhir/.well-known/smart-configuration")
    code = answer_of(ehr.authorize(SCOPE, launch=launch))["code"]
    tokens = ehr.exchange(code).get_json()
    ehr.client.get("/auth/jwks")
    ehr.fhir(f"Observation?patient={ALBA}&_count=10", tokens["access_token"])
    ehr.post_form("/auth/revoke", {"token": tokens["refresh_token"], "client_id": "chartside-sandbox"})  # fmt: skip
    log = ehr.client.get("/wire.json").get_json()
    assert [one["kind"] for one in log] == [
        "launch", "discovery", "authorize", "token", "keys", "fhir", "revoke",
    ]  # fmt: skip
    launched, discovery, authorize, token, _, search, revoke = log
    assert dict(launched["got"]) == {
        "redirects to": "http://app.localhost:9001/smart/sandbox/launch",
        "iss": BASE,
        "launch": f"hidden, {len(launch)} characters",
    }
    assert dict(discovery["got"])["token_endpoint"] == f"{EHR}/auth/token"
    assert dict(authorize["got"]) == {
        "redirects to": CALLBACK, "code": f"hidden, {len(code)} characters", "state": "hidden, 3 characters",
    }  # fmt: skip
    assert f"aud={BASE}" in authorize["query"].replace("%3A", ":").replace("%2F", "/")
    assert dict(token["sent"]) == {
        "grant_type": "authorization_code", "code": f"hidden, {len(code)} characters", "redirect_uri": CALLBACK,
        "client_id": "chartside-sandbox", "code_verifier": "hidden, 43 characters",
    }  # fmt: skip
    got = dict(token["got"])
    assert (got["patient"], got["scope"], got["expires_in"]) == (ALBA, tokens["scope"], "3600")
    assert dict(search["sent"]) == {"Authorization": "Bearer hidden"}
    assert dict(search["got"]) == {"answer": "Bundle: 10 of 50, more on the next page"}
    assert dict(revoke["sent"])["token"].startswith("hidden")


def test_no_secret_and_nothing_of_a_chart_is_kept(sandbox_folder: Path) -> None:
    secret = "a-very-secret-secret"
    client = Client(
        client_id="basic", name="Basic", launch_url="http://app.localhost:9001/launch", redirect_uris=(CALLBACK,),
        scopes=("launch", "openid", "online_access", "patient/*.rs"), authentication="client_secret_basic",
        secret=secret,
    )  # fmt: skip
    app = create_app(
        SandboxSettings(
            data_folder=sandbox_folder / "run",
            chart_folders=(sandbox_folder / ALBA, sandbox_folder / BRUNO),
            extra_clients=(client,),
        )
    )
    state = sandbox_state(app)
    ehr = Ehr(state=state, client=app.test_client(), clock=None, slept=[])  # type: ignore[arg-type]  # not used
    launch = state.start(ALBA, client_id="basic")
    code = ehr.code("launch openid online_access patient/*.rs", launch=launch, client_id="basic", nonce="n-once")  # fmt: skip
    basic = "Basic " + base64.b64encode(f"basic:{secret}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}  # fmt: skip
    tokens = ehr.client.post("/auth/token", data=form, headers={"Authorization": basic}).get_json()
    ehr.fhir(f"AllergyIntolerance?patient={ALBA}", tokens["access_token"])
    ehr.fhir(f"Binary/{ALBA}-note?access_token={tokens['access_token']}", tokens["access_token"])
    ehr.post_form("/auth/token", {"client_assertion": "a.s.s", "client_secret": secret, "unheard_of": "x-unheard"})  # fmt: skip
    shown = ehr.client.get("/wire.json").text + ehr.client.get("/wire").text
    for hidden in (
        secret, basic, launch, code, VERIFIER, "n-once", "s-1", tokens["access_token"], tokens["refresh_token"],
        tokens["id_token"], "a.s.s", "x-unheard", "penicillin", "a note",
    ):  # fmt: skip
        assert hidden not in shown, hidden
    state.data_plane.close()


def test_the_options_of_a_launch_are_not_shown_wherever_they_travel() -> None:
    assert (
        shown_path("/v/r4/sim/WzAsInNlY3JldCJd/fhir/Patient/1") == "/v/r4/sim/hidden/fhir/Patient/1"
    )
    assert shown_query("/auth/authorize", "scope=launch&launch=abc&code_challenge=d") == (
        "scope=launch&launch=hidden&code_challenge=hidden"
    )
    assert shown_query("/fhir/Observation", "patient=p&code=1&token=t") == "patient=p&code=hidden&token=hidden"  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/fhir/Patient/1", "fhir"), ("/fhir/.well-known/smart-configuration", "discovery"), ("/auth/jwks", "keys"),
        ("/v/r4/sim/x/auth/token", "token"), ("/v/r4/fhir/Observation", "fhir"), ("/smart-style.json", "style"), ("/auth/nothing", "other"),
    ],
)  # fmt: skip
def test_an_exchange_is_named_by_its_address(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_what_is_no_object_is_said_and_not_shown() -> None:
    assert shown_json(b"<html>secret") == (("body", "not JSON"),)
    assert shown_json(b'["secret"]') == (("body", "not an object"),)
    assert shown_json(json.dumps({"keys": [{"kid": "k1", "n": "modulus"}]}).encode()) == (("keys", "k1"),)  # fmt: skip
    assert shown_form(b"scope=a&x=secret") == (("scope", "a"), ("x", "hidden, 6 characters"))


def test_only_what_is_new_is_asked_for(ehr: Ehr) -> None:
    ehr.fhir("metadata", None)
    [first] = ehr.client.get("/wire.json").get_json()
    ehr.fhir("metadata", None)
    found = ehr.client.get(f"/wire.json?after={first['number']}").get_json()
    assert [one["number"] for one in found] == [first["number"] + 1]
