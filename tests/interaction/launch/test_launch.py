import re
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.faults import FaultRule
from tests.requirements import requirement
from tests.stack import APP, EHR, ISS, Browser, Stack, page_data

NOT_RETRIED = "Open Chartside again from the chart in the EHR."


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@requirement("smart:launch:aud", "smart:launch:pkce", "smart:launch:state-entropy")
def test_the_authorization_request_names_the_server_and_proves_its_origin(browser: Browser) -> None:
    first, second = (query_of(browser.launch_page()["authorize"]) for _ in range(2))
    assert first["aud"] == ISS
    assert first["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first["code_challenge"])
    # 43 characters of base64url are 256 bits.
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first["state"])
    assert first["state"] != second["state"]
    assert first["nonce"] != second["nonce"]
    assert first["code_challenge"] != second["code_challenge"]
    assert first["redirect_uri"] == f"{APP}/smart/sandbox/callback"


@requirement("smart:launch:public-client")
def test_a_launch_opens_one_patient_for_one_clinician(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    snapshot = launched.get().get_json()
    assert snapshot["patient"]["family"] == "EVERGREEN"
    assert snapshot["user_name"] == "A. Osei, MD"
    kinds = [event.kind for event in stack.services.audit.events(launched.launch_id)]
    assert kinds[0] == "launch"


@requirement(
    "smart:launch:iss-registered",
    "smart:launch:iss-once",
    "attack-01",
    "attack-02",
    "attack-03",
    "attack-04",
)
@pytest.mark.parametrize(
    "query",
    [
        "iss=https://evil.example/fhir&launch=x",
        f"iss={ISS}&iss=https://evil.example/fhir&launch=x",
        f"iss={ISS}&launch=x&launch=y",
        f"iss={ISS}",
        "launch=x",
        f"iss={ISS}/../x&launch=x",
        "iss=http://169.254.169.254/&launch=x",
    ],
)
def test_an_unknown_or_doubled_issuer_is_refused_without_a_request(
    stack: Stack, browser: Browser, query: str
) -> None:
    before = len(stack.state.wire.entries())
    response = browser.open(f"/smart/sandbox/launch?{query}")
    assert response.status_code == 403
    assert page_data(response)["code"] == "launch.unknown_issuer"
    assert len(stack.state.wire.entries()) == before
    assert "evil" not in response.text


@requirement("smart:launch:state-mismatch", "attack-10")
def test_a_foreign_state_is_refused(stack: Stack, browser: Browser) -> None:
    response = browser.complete({"state": "not-mine", "code": "ok"})
    assert (response.status_code, response.get_json()["code"]) == (400, "launch.state_mismatch")
    assert NOT_RETRIED in response.get_json()["detail"]


@requirement("smart:launch:state-bound", "attack-13")
def test_another_browser_cannot_finish_a_launch_and_the_third_try_burns_it(
    stack: Stack, browser: Browser
) -> None:
    page = browser.launch_page()
    callback = browser.authorize(page["authorize"])
    thief = stack.browser()
    for _ in range(3):
        refused = thief.complete(callback, bind="guess")
        assert (refused.status_code, refused.get_json()["code"]) == (403, "launch.unbound")
    assert browser.complete(callback).get_json()["code"] == "launch.state_mismatch"


@pytest.mark.parametrize("carrier", ["cookie", "script"])
def test_either_carrier_alone_binds_a_launch(stack: Stack, carrier: str) -> None:
    browser = stack.browser()
    page = browser.launch_page()
    callback = browser.authorize(page["authorize"])
    if carrier == "cookie":
        browser.binds.clear()
    else:
        browser.client = stack.app.test_client()
    assert browser.complete(callback).status_code == 200


def test_launches_that_cross_each_other_both_succeed(browser: Browser) -> None:
    pages = [browser.launch_page("marlena"), browser.launch_page("typical")]
    callbacks = [browser.authorize(page["authorize"]) for page in reversed(pages)]
    browser.binds.clear()
    assert [browser.complete(callback).status_code for callback in callbacks] == [200, 200]


@requirement("smart:launch:callback-once", "attack-14")
def test_a_callback_counts_once(stack: Stack, browser: Browser) -> None:
    callback = browser.authorize(browser.launch_page()["authorize"])
    assert browser.complete(callback).status_code == 200
    tokens = len(stack.state.wire.entries("/auth/token"))
    assert browser.complete(callback).get_json()["code"] == "launch.state_mismatch"
    assert len(stack.state.wire.entries("/auth/token")) == tokens


@requirement("smart:launch:callback-post", "attack-16")
def test_reading_the_callback_page_consumes_nothing(browser: Browser) -> None:
    callback = browser.authorize(browser.launch_page()["authorize"])
    page = browser.open(
        f"/smart/sandbox/callback?code={callback['code']}&state={callback['state']}"
    )
    assert page_data(page) == {"page": "callback", "slug": "sandbox"}
    assert browser.complete(callback).status_code == 200


@requirement("attack-10")
def test_a_launch_that_waited_too_long_is_refused(stack: Stack, browser: Browser) -> None:
    callback = browser.authorize(browser.launch_page()["authorize"])
    stack.clock.forward(minutes=11)
    assert browser.complete(callback).get_json()["code"] == "launch.state_mismatch"


@requirement("smart:launch:error", "attack-15")
def test_denied_consent_is_one_sentence_and_its_description_is_not_shown(
    stack: Stack, browser: Browser
) -> None:
    stack.state.faults.set(FaultRule(match="authorize", fault="deny_consent"))
    callback = browser.authorize(browser.launch_page()["authorize"])
    assert callback["error"] == "access_denied"
    response = browser.complete({**callback, "error_description": "<b>hello</b>"})
    assert (response.status_code, response.get_json()["code"]) == (403, "launch.denied")
    assert "hello" not in response.text


@requirement("smart:launch:mix-up")
def test_an_answer_from_another_authorization_server_is_refused(browser: Browser) -> None:
    callback = browser.authorize(browser.launch_page()["authorize"])
    response = browser.complete({**callback, "iss": "https://other.example"})
    assert response.get_json()["code"] == "launch.state_mismatch"


@requirement("oidc:id-token:fhir-user", "smart:launch:token-form", "oidc:id-token:signature")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("fhir_user_patient", "launch.user_refused"),
        ("fhir_user_related", "launch.user_refused"),
        ("bad_id_token", "launch.identity_refused"),
        ("missing_patient", "launch.no_patient"),
        ("truncated_json", "launch.token_refused"),
        ("server_error_500", "launch.token_refused"),
        ("forbidden_403", "launch.token_refused"),
    ],
)
def test_a_token_answer_that_does_not_hold_opens_no_session(
    stack: Stack, browser: Browser, fault: str, code: str
) -> None:
    callback = browser.authorize(browser.launch_page()["authorize"])
    stack.state.faults.set(FaultRule(match="token", fault=fault))  # type: ignore[arg-type]  # parametrised
    response = browser.complete(callback)
    assert response.get_json()["code"] == code
    assert "key" not in response.get_json()


def test_an_ehr_that_does_not_answer_is_said_at_the_door(stack: Stack) -> None:
    # A new copilot: the first one may remember the configuration.
    stack.state.faults.set(FaultRule(match="well-known", fault="server_error_500"))
    stack.services.launcher._discovery._configurations.clear()
    launch = stack.state.start(stack.patient("marlena"))
    response = stack.browser().open(f"/smart/sandbox/launch?iss={ISS}&launch={launch}")
    assert (response.status_code, page_data(response)["code"]) == (502, "launch.discovery_failed")


@requirement("chartside:framing", "attack-39")
def test_only_the_registered_ehr_may_frame_a_page(browser: Browser) -> None:
    launched = browser.launch()
    for path in (f"/l/{launched.launch_id}/", "/smart/sandbox/callback", "/l/unknown/"):
        policy = browser.open(path).headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors {EHR}")
        assert "unsafe" not in policy
    assert launched.get().headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


@requirement("smart:protect:no-code")
def test_no_page_runs_anything_but_our_own_files(browser: Browser) -> None:
    launched = browser.launch()
    for path in (
        f"/l/{launched.launch_id}/",
        "/smart/sandbox/callback?error=<script>alert(1)</script>",
        "/smart/sandbox/launch?iss=<script>&launch=<script>",
    ):
        page = browser.open(path)
        sent = page.headers["Content-Security-Policy"].split(";")
        policy = dict(one.strip().partition(" ")[::2] for one in sent)
        assert {name: policy[name] for name in sorted(policy) if "frame" not in name} == {
            "base-uri": "'none'",
            "connect-src": "'self'",
            "default-src": "'none'",
            "font-src": "'self'",
            "form-action": "'none'",
            "img-src": "'self'",
            "object-src": "'none'",
            "require-trusted-types-for": "'script'",
            "script-src": "'self'",
            "style-src": "'self'",
            "trusted-types": "'none'",
        }
        inline = re.findall(r"<script(?![^>]*\b(?:src=|type=\"application/json\"))", page.text)
        assert (inline, "alert(1)" in page.text) == ([], False)


@requirement("chartside:errors:problem")
def test_an_api_error_is_a_problem_without_patient_data(browser: Browser) -> None:
    response = browser.client.get("/api/launches/nothing", base_url=APP)
    assert response.mimetype == "application/problem+json"
    assert response.get_json().keys() == {
        "status", "code", "title", "detail", "reference", "help_desk", "retry_after_s",
    }  # fmt: skip
    assert (response.status_code, response.get_json()["code"]) == (401, "session.ended")
