"""The shipped template for the public SMART launcher, at an EHR with that launcher's wire behaviour.

The pretend EHR stands at the launcher's own address here, so that the registration is used as `new` writes it: only
what only a site knows is filled in.
"""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
from joserfc import jws

from app.cli import main
from sandbox.launcher_codec import LaunchValue, LaunchValueError, decode
from tests.requirements import requirement
from tests.stack import APP, Browser, Launched, Stack, make_stack

ORIGIN = "https://launch.smarthealthit.org"
BASE = f"{ORIGIN}/v/r4"
LAUNCH_URI = f"{APP}/smart/launcher/launch"
MARLENA, OSEI = "me-patient", "me-prac-osei"
FILLED = {
    'name = "FILL-IN"': 'name = "SMART launcher"',
    'time_zone = "FILL-IN"': 'time_zone = "America/Chicago"',
    'help_desk = "FILL-IN"': 'help_desk = "555-0142"',
    "enabled = false": "enabled = true",
}


def template(folder: Path) -> Path:
    """Write the template as IT does, fill in what it says, and return its folder."""
    config = folder / "launch_config"
    config.mkdir()
    environ = {
        "CHARTSIDE_ENVIRONMENT": "development",
        "CHARTSIDE_ORIGIN": APP,
        "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{folder}/cli.db",
        "CHARTSIDE_LAUNCH_CONFIG": str(config),
    }
    assert main(["new", "--vendor", "smarthealthit", "launcher"], environ) == 0
    path = config / "launcher.toml"
    text = path.read_text("utf-8")
    for old, new in FILLED.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return config


def at_launcher(folder: Path, *changes: tuple[str, str], more: str = "") -> Stack:
    config = template(folder)
    path = config / "launcher.toml"
    text = path.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(f"{text}\n{more}\n", "utf-8")
    variables = {"LAUNCHER_SECRET": "a-secret"} if "LAUNCHER_SECRET" in text else {}
    return make_stack(folder, launch_config=config, ehr_origin=ORIGIN, variables=variables)


def browser_of(stack: Stack) -> Browser:
    found = stack.browser()
    found.slug = "launcher"
    return found


def from_launcher(stack: Stack, **query: str) -> str:
    """Open the launcher's own address; return where it sends the browser, as a path of the copilot."""
    asked = {
        "launch_uri": LAUNCH_URI,
        "fhir_ver": "4",
        "patient": MARLENA,
        "provider": OSEI,
        **query,
    }
    answer = stack.ehr.test_client().get(f"/launcher?{urlencode(asked)}", base_url=ORIGIN)
    assert answer.status_code == 302
    # The launcher gives `iss` the scheme of the app's address; behind TLS both are https.
    return answer.location.removeprefix(APP).replace("iss=http%3A", "iss=https%3A")


def launched(stack: Stack, **query: str) -> Launched:
    browser = browser_of(stack)
    page = browser.begin(from_launcher(stack, **query))
    return browser.finish(browser.authorize(page["authorize"]))


def ehr_launch(value: LaunchValue) -> str:
    query = urlencode({"iss": f"{BASE}/fhir", "launch": value.encode()})
    return f"/smart/launcher/launch?{query}"


VALUE = LaunchValue(patient=MARLENA, provider=OSEI)


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


def test_the_template_needs_nothing_but_the_sites_own_facts(tmp_path: Path) -> None:
    text = (template(tmp_path) / "launcher.toml").read_text("utf-8")
    assert "FILL-IN" not in text.replace("says FILL-IN", "")


def test_a_launch_from_the_launchers_address_opens_the_chart_answers_and_ends(
    tmp_path: Path,
) -> None:
    stack = at_launcher(tmp_path)
    one = launched(stack)
    context = stack.services.sessions.context(one.launch_id)
    assert (context.iss, context.patient_id) == (f"{BASE}/fhir", MARLENA)
    # `fhirUser` is relative there, and the launch is outside a simulated frame.
    assert (context.user_reference, context.need_patient_banner) == (f"Practitioner/{OSEI}", True)
    assert context.encounter_id is not None
    assert one.get("/card").get_json()["banner"]["family"] == "EVERGREEN"
    said = "".join(e.get("delta", "") for e in one.ask("What was the last potassium?"))
    assert "5.6" in said
    asked = {entry.path for entry in stack.state.wire.entries("/v/r4/fhir/")}
    assert f"/v/r4/fhir/Patient/{MARLENA}" in asked
    # No revocation is offered, so none is asked for; the launch ends here all the same.
    assert one.delete().status_code == 204
    stack.services.smart.revoker.wait()
    assert stack.state.wire.entries("/v/r4/auth/revoke") == []
    assert one.get("/card").status_code == 401


def test_a_large_chart_is_read_page_by_page_at_the_launchers_address(tmp_path: Path) -> None:
    stack = at_launcher(tmp_path)
    one = launched(stack, patient="la-patient", provider="")
    events = one.ask("Any urine albumin?")
    look = [e["value"] for e in events if e.get("name") == "chartside.looked_at"][-1]
    [labs] = [line for line in look["lines"] if line["label"] == "Laboratory results"]
    assert (labs["state"], labs["total"] > 500) == ("complete", True)


@requirement("oidc:refresh:same-user")
def test_a_token_is_refreshed_although_the_new_id_token_names_no_audience(tmp_path: Path) -> None:
    stack = at_launcher(tmp_path)
    one = launched(stack)
    for _ in range(3):  # a launch that nobody uses for half an hour would end
        stack.clock.forward(minutes=19, seconds=50)
        assert one.get().status_code == 200
    assert one.get("/card").status_code == 200
    assert [entry.status for entry in stack.state.wire.entries("/v/r4/auth/token")] == [200, 200]


@pytest.mark.parametrize(
    ("client", "value"),
    [
        (
            'auth = "client_secret_basic"\nsecret_env = "LAUNCHER_SECRET"',
            LaunchValue(client_type="confidential-symmetric", client_secret="a-secret"),
        ),
        (
            'auth = "private_key_jwt"\nalg = "RS384"',
            LaunchValue(client_type="confidential-asymmetric", jwks_url=f"{APP}/.well-known/jwks.json"),
        ),
        (
            'auth = "private_key_jwt"\nalg = "ES384"',
            LaunchValue(client_type="confidential-asymmetric", jwks_url=f"{APP}/.well-known/jwks.json"),
        ),
    ],
    ids=["basic", "RS384", "ES384"],
)  # fmt: skip
def test_every_kind_of_client_that_the_launcher_knows_launches(
    tmp_path: Path, client: str, value: LaunchValue
) -> None:
    stack = at_launcher(tmp_path, ('auth = "public"', client))
    browser = browser_of(stack)
    page = browser.begin(ehr_launch(replace(value, patient=MARLENA, provider=OSEI)))
    one = browser.finish(browser.authorize(page["authorize"]))
    assert one.get("/card").status_code == 200


def test_a_wrong_secret_is_refused(tmp_path: Path) -> None:
    change = ('auth = "public"', 'auth = "client_secret_basic"\nsecret_env = "LAUNCHER_SECRET"')
    stack = at_launcher(tmp_path, change)
    browser = browser_of(stack)
    value = replace(VALUE, client_type="confidential-symmetric", client_secret="another")
    page = browser.begin(ehr_launch(value))
    refused = browser.complete(browser.authorize(page["authorize"]))
    assert refused.get_json()["code"] == "launch.token_refused"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("auth_invalid_client_id", "launch.denied"),
        ("auth_invalid_scope", "launch.denied"),
        ("token_invalid_token", "launch.token_refused"),
    ],
)
def test_a_simulated_error_ends_the_launch_in_words(tmp_path: Path, error: str, code: str) -> None:
    stack = at_launcher(tmp_path)
    browser = browser_of(stack)
    page = browser.begin(from_launcher(stack, auth_error=error))
    refused = browser.complete(browser.authorize(page["authorize"]))
    assert refused.get_json()["code"] == code


@requirement("smart:launch:standalone")
def test_a_standalone_launch_comes_from_an_address_that_holds_its_options(tmp_path: Path) -> None:
    """The pattern of the template lets one segment differ; the token is for exactly that address."""
    stack = at_launcher(tmp_path, more="[launch]\nstandalone = true")
    browser = browser_of(stack)
    sim = LaunchValue(launch_type="provider-standalone", provider=OSEI).encode()
    iss = f"{BASE}/sim/{sim}/fhir"
    page = browser.begin(f"/smart/launcher/standalone?{urlencode({'iss': iss})}")
    asked = parse_qs(urlsplit(page["authorize"]).query)
    assert asked["aud"] == [iss]
    ehr = stack.ehr.test_client()
    to_choose = ehr.get(page["authorize"].removeprefix(ORIGIN), base_url=ORIGIN).location
    choices = ehr.get(to_choose, base_url=ORIGIN).text
    [link] = [
        one.split('"')[0].replace("&amp;", "&")
        for one in choices.split('href="')[1:]
        if one.split('"')[0].endswith(f"patient={MARLENA}")
    ]
    one = browser.finish(browser.authorize(f"{ORIGIN}{link}"))
    context = stack.services.sessions.context(one.launch_id)
    assert (context.iss, context.patient_id) == (iss, MARLENA)
    assert one.get("/card").status_code == 200


@requirement("attack-01", "attack-03")
@pytest.mark.parametrize(
    "iss",
    [
        f"{BASE}/sim//fhir",
        f"{BASE}/sim/a/b/fhir",
        f"{BASE}/sim/../fhir",
        f"{BASE}/sim/a.b/fhir",
        f"{BASE}/sim/a%2fb/fhir",
        f"{BASE}/sim/a?x=/fhir",
        f"{BASE}/sim/a/fhir#",
        f"{BASE}/sim/{'a' * 2049}/fhir",
        f"{BASE}/sim/a/fhir/x",
        "http://launch.smarthealthit.org/v/r4/sim/a/fhir",
        "https://launch.smarthealthit.org:444/v/r4/sim/a/fhir",
        "https://launch.smarthealthit.org@evil.example/v/r4/sim/a/fhir",
        "https://launchXsmarthealthit.org/v/r4/sim/a/fhir",
        f"{BASE}/sim/a\n/fhir",
    ],
)  # fmt: skip
def test_nothing_but_one_plain_segment_fits_the_pattern(tmp_path: Path, iss: str) -> None:
    stack = at_launcher(tmp_path)
    refused = browser_of(stack).open(f"/smart/launcher/launch?{urlencode({'iss': iss, 'launch': 'x'})}")  # fmt: skip
    assert refused.status_code == 403
    assert stack.state.wire.entries() == []


# ---------------------------------------------------------------- the launcher's own ways, at its door


def token_of(stack: Stack, **more: str) -> dict[str, Any]:
    """Return a token response, asked for by hand without PKCE, as the launcher allows."""
    ehr = stack.ehr.test_client()
    query = {
        "response_type": "code", "client_id": "any", "redirect_uri": LAUNCH_URI, "aud": f"{BASE}/fhir",
        "scope": "launch openid fhirUser offline_access patient/*.rs", "launch": VALUE.encode(), **more,
    }  # fmt: skip
    back = ehr.get(f"/v/r4/auth/authorize?{urlencode(query)}", base_url=ORIGIN)
    [code] = parse_qs(urlsplit(back.location).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": LAUNCH_URI}
    first, second = (
        ehr.post("/v/r4/auth/token", data=form, base_url=ORIGIN).get_json() for _ in range(2)
    )
    # A code counts as often as it is shown.
    assert first.keys() == second.keys()
    found: dict[str, Any] = first
    return found


def test_the_token_response_is_the_launchers(tmp_path: Path) -> None:
    body = token_of(at_launcher(tmp_path))
    assert sorted(body) == [
        "access_token", "encounter", "expires_in", "id_token", "need_patient_banner", "patient",
        "refresh_token", "scope", "smart_style_url", "token_type",
    ]  # fmt: skip
    claims = orjson.loads(jws.extract_compact(body["id_token"].encode()).payload)
    assert claims["fhirUser"] == claims["profile"] == f"Practitioner/{OSEI}"
    assert claims["iss"] == f"{BASE}/fhir"


def test_the_launchers_leniency_is_there_and_proves_nothing(tmp_path: Path) -> None:
    stack = at_launcher(tmp_path)
    body = token_of(stack, aud="http://evil.example/v/r4/fhir")
    ehr = stack.ehr.test_client()

    def get(path: str, token: str = "") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return ehr.get(f"/v/r4/fhir/{path}", base_url=ORIGIN, headers=headers).status_code

    assert get(f"Patient/{MARLENA}") == 200  # no token
    assert get("Patient/la-patient", body["access_token"]) == 200  # another patient
    assert get(f"Patient/{MARLENA}", body["refresh_token"]) == 200
    assert get(f"Patient/{MARLENA}", "made up") == 401
    form = {"token": body["access_token"]}
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    asked = ehr.post("/v/r4/auth/introspect", data=form, base_url=ORIGIN, headers=bearer).get_json()
    assert (asked["active"], asked["patient"], asked["client_id"]) == (True, MARLENA, "any")
    assert ehr.post("/v/r4/auth/introspect", data=form, base_url=ORIGIN).status_code == 401
    assert ehr.post("/v/r4/auth/revoke", data=form, base_url=ORIGIN).status_code == 400


def test_a_launch_value_has_seventeen_places_and_survives_its_journey() -> None:
    value = replace(VALUE, sim_ehr=True, pkce="always", scope="launch", jwks="{}", encounter="NONE")
    text = value.encode()
    padded = text + "=" * (-len(text) % 4)
    assert len(orjson.loads(base64.urlsafe_b64decode(padded))) == 17
    assert decode(text) == value
    for wrong in ("", "WyJ4Il0", "e30", "%%%", base64.urlsafe_b64encode(b"[9,1,2]").decode()):
        with pytest.raises(LaunchValueError):
            decode(wrong)
