import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox import create_app
from sandbox.settings import SandboxConfigurationError, SandboxSettings
from tests.unit.sandbox.parties import ALBA, BASE, BRUNO, CALLBACK, EHR, Ehr, answer_of, make_ehr

FRAME = (
    'sandbox="allow-forms allow-modals allow-pointer-lock allow-popups '
    "allow-popups-to-escape-sandbox allow-same-origin allow-scripts allow-downloads"
    '" allow="microphone *; camera *"'
)


def frames(page: str) -> list[str]:
    return [
        address.replace("&amp;", "&")
        for address in re.findall(r'<iframe .*data-address="([^"]+)"', page)
    ]


def test_the_patient_list_names_every_chart(ehr: Ehr) -> None:
    page = ehr.client.get("/").text
    assert "ALBA, Test" in page
    assert f'href="/chart/{BRUNO}"' in page


def test_the_chart_opens_without_an_app(ehr: Ehr) -> None:
    page = ehr.client.get(f"/chart/{ALBA}").text
    assert frames(page) == []
    assert "14-Mar-1958" in page
    assert "app=chartside" in page


def test_the_app_menu_opens_the_frame_with_a_launch(ehr: Ehr) -> None:
    page = ehr.client.get(f"/chart/{ALBA}?app=chartside&width=350").text
    [address] = frames(page)
    query = parse_qs(urlsplit(address).query)
    assert address.startswith("http://app.localhost:9001/smart/sandbox/launch?iss=")
    assert (sorted(query), query["iss"]) == (["iss", "launch"], [BASE])
    assert FRAME in page
    assert 'data-width="350"' in page
    assert "code" in answer_of(ehr.authorize(launch=query["launch"][0]))


@pytest.mark.parametrize(
    "user", [f"Patient/{ALBA}", f"RelatedPerson/relative-{ALBA}", "Practitioner/osei"]
)
def test_the_signed_in_user_is_the_one_chosen(ehr: Ehr, user: str) -> None:
    page = ehr.client.get(f"/chart/{ALBA}?app=chartside&user={user}").text
    launch = parse_qs(urlsplit(frames(page)[0]).query)["launch"][0]
    bound = ehr.state.launches.peek(launch)
    assert bound is not None
    assert (bound.user_reference, bound.patient_id) == (user, ALBA)


def test_two_frames_hold_two_patients(ehr: Ehr) -> None:
    addresses = frames(ehr.client.get(f"/two?left={ALBA}&right={BRUNO}").text)
    launches = [parse_qs(urlsplit(address).query)["launch"][0] for address in addresses]
    bound = [ehr.state.launches.peek(launch) for launch in launches]
    assert [launch.patient_id for launch in bound if launch] == [ALBA, BRUNO]


def test_a_launch_can_be_repeated_in_the_same_frame(ehr: Ehr) -> None:
    redirected = ehr.client.get(f"/chart/{ALBA}/relaunch").location
    posted = ehr.client.post(f"/chart/{ALBA}/launches").get_json()["url"]
    assert redirected.split("launch=")[0] == posted.split("launch=")[0]
    assert redirected != posted


@pytest.mark.parametrize("path", ["/chart/nobody", "/chart/nobody/relaunch", "/two?left=nobody"])
def test_an_unknown_patient_has_no_page(ehr: Ehr, path: str) -> None:
    assert ehr.client.get(path).status_code == 404


@pytest.mark.parametrize("tab", ["summary", "results", "notes", "nothing"])
def test_every_tab_is_drawn(ehr: Ehr, tab: str) -> None:
    response = ehr.client.get(f"/chart/{ALBA}?tab={tab}")
    assert response.status_code == 200
    assert ("1.10 mg/dL" in response.text) == (tab == "results")


def test_no_page_and_no_log_shows_a_token_code_or_launch(ehr: Ehr) -> None:
    launch = ehr.state.start(ALBA)
    code = ehr.code("launch openid online_access patient/*.rs", launch=launch)
    tokens = ehr.exchange(code).get_json()
    ehr.fhir(f"Patient/{ALBA}", tokens["access_token"])
    shown = ehr.client.get("/wire").text + ehr.client.get("/wire.json").text
    secrets = [launch, code, tokens["access_token"], tokens["refresh_token"], tokens["id_token"]]
    assert [secret for secret in secrets if secret in shown] == []


def test_the_wire_log_counts_exchanges(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    ehr.fhir(f"Observation?patient={ALBA}&_count=1", token)
    ehr.fhir("metadata", None)
    ehr.client.get("/")
    log = ehr.state.wire.entries()
    assert [(one.method, one.path, one.status, one.bearer) for one in log] == [
        ("GET", "/auth/authorize", 302, False),
        ("POST", "/auth/token", 200, False),
        ("GET", "/fhir/Observation", 200, True),
        ("GET", "/fhir/metadata", 200, False),
    ]
    assert log[2].query == f"patient={ALBA}&_count=1"
    assert ehr.state.wire.entries("/fhir/Obs") == [log[2]]


def test_the_smart_configuration_announces_what_is_there(ehr: Ehr) -> None:
    response = ehr.client.get("/fhir/.well-known/smart-configuration")
    body = response.get_json()
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert body["code_challenge_methods_supported"] == ["S256"]
    assert body["token_endpoint_auth_methods_supported"] == [
        "none", "client_secret_basic", "client_secret_post", "private_key_jwt",
    ]  # fmt: skip
    assert "launch-standalone" in body["capabilities"]
    assert body["issuer"] == BASE
    endpoints = [body[name] for name in body if name.endswith(("_endpoint", "_uri"))]
    statuses = {ehr.client.get(address.removeprefix(EHR)).status_code for address in endpoints}
    assert 404 not in statuses
    openid = ehr.client.get("/fhir/.well-known/openid-configuration").get_json()
    assert (openid["issuer"], openid["jwks_uri"]) == (BASE, body["jwks_uri"])


def test_another_machine_is_refused(ehr: Ehr) -> None:
    response = ehr.client.get("/health", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert response.status_code == 403
    assert ehr.client.get("/health").status_code == 200


def test_pages_run_only_their_own_scripts_and_frame_only_apps(ehr: Ehr) -> None:
    policy = ehr.client.get(f"/chart/{ALBA}").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-src 'self' app.localhost:9001 other.localhost:9005" in policy


def test_settings_come_from_the_environment() -> None:
    environ = {
        "SANDBOX_EHR_ORIGIN": "http://ehr.localhost:9100/",
        "SANDBOX_APP_LAUNCH_URL": "http://app.localhost:9101/smart/sandbox/launch",
        "SANDBOX_CHARTS": "a:b",
        "SANDBOX_LATENCY_MS": "40",
    }
    settings = SandboxSettings.from_env(environ)
    assert settings.fhir_base == "http://ehr.localhost:9100/fhir"
    assert settings.clients[0].redirect_uris == (CALLBACK.replace("9001", "9101"),)
    assert (settings.chart_folders, settings.latency_ms) == ((Path("a"), Path("b")), 40)


@pytest.mark.parametrize("value", ["-1", "fast", ""])
def test_a_wrong_setting_is_named(value: str) -> None:
    with pytest.raises(SandboxConfigurationError, match="SANDBOX_LATENCY_MS"):
        SandboxSettings.from_env({"SANDBOX_LATENCY_MS": value})


def test_a_chart_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxConfigurationError, match=r"manifest\.json"):
        create_app(SandboxSettings(chart_folders=(tmp_path,), data_folder=tmp_path / "run"))


def test_latency_delays_answers_with_a_token(sandbox_folder: Path) -> None:
    ehr = make_ehr(sandbox_folder, latency_ms=40)
    token = ehr.tokens()["access_token"]
    assert ehr.slept == []
    ehr.fhir(f"Patient/{ALBA}", token)
    assert ehr.slept == [0.04]
    ehr.state.data_plane.close()
