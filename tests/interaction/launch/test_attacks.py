"""What an attacker may try on a launch, its callback and its session: each is proved to fail."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import orjson
import pytest
from werkzeug.test import EnvironBuilder

from app.errors import SessionEnded
from app.store import launches as launch_rows
from sandbox.faults import FaultRule
from tests.databases import ran
from tests.requirements import requirement
from tests.stack import APP, ISS, ROOT, Browser, Launched, Stack, events_of, make_stack, page_data


@requirement("attack-08")
def test_a_launch_that_is_replayed_gets_a_new_state_and_no_session(
    stack: Stack, browser: Browser
) -> None:
    launch = stack.state.start(stack.patient("marlena"))
    address = f"/smart/sandbox/launch?{urlencode({'iss': ISS, 'launch': launch})}"
    pages = [page_data(browser.open(address)) for _ in range(2)]
    assert pages[0]["state"] != pages[1]["state"]
    answers = [browser.authorize(page["authorize"]) for page in pages]
    assert ("code" in answers[0], "code" in answers[1]) == (True, False)


@requirement("attack-09")
def test_a_flood_of_launches_is_capped_and_runs_out(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.clock.forward(minutes=11)
    browser.launch_page()  # sweeps what other tests left
    monkeypatch.setattr(launch_rows, "MOST_PENDING", 3)
    statuses = [_launch(stack, browser).status_code for _ in range(5)]
    assert statuses == [200, 200, 503, 503, 503]
    stack.clock.forward(minutes=11)
    assert _launch(stack, browser).status_code == 200


def _launch(stack: Stack, browser: Browser) -> Any:
    launch = stack.state.start(stack.patient("marlena"))
    return browser.open(f"/smart/sandbox/launch?{urlencode({'iss': ISS, 'launch': launch})}")


@requirement("attack-10")
@pytest.mark.parametrize("state", ["", "unknown", "x" * 4096])
def test_a_callback_without_a_known_state_is_refused(browser: Browser, state: str) -> None:
    refused = browser.complete({"state": state, "code": "any"})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "launch.state_mismatch")


@requirement("attack-10")
def test_a_callback_without_a_state_at_all_is_refused(browser: Browser) -> None:
    body = {"slug": "sandbox", "code": "any"}
    refused = browser.client.post("/api/launches/complete", base_url=APP, json=body)
    assert refused.status_code == 400


@requirement("attack-11")
def test_a_state_of_one_registration_is_refused_at_another(tmp_path: Path) -> None:
    shipped = (ROOT / "launch_config" / "sandbox.toml").read_text("utf-8")
    config = tmp_path / "launch_config"
    config.mkdir()
    (config / "sandbox.toml").write_text(shipped)
    other = shipped.replace('slug = "sandbox"', 'slug = "other"').replace(ISS, f"{ISS}/other")
    (config / "other.toml").write_text(other.replace("smart/sandbox/", "smart/other/"))
    stack = make_stack(tmp_path, launch_config=config)
    browser = stack.browser()
    page = browser.launch_page()
    callback = browser.authorize(page["authorize"])
    body = {"slug": "other", **callback, "bind": page["bind"]}
    before = len(stack.state.wire.entries("/auth/token"))
    refused = browser.client.post("/api/launches/complete", base_url=APP, json=body)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "launch.state_mismatch")
    assert len(stack.state.wire.entries("/auth/token")) == before
    assert browser.complete(callback).status_code == 200


class _OtherIssuer:
    """An EHR whose issuer is not its FHIR base."""

    def __init__(self, ehr: WSGIApplication) -> None:
        self.ehr = ehr

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Any:
        if not environ["PATH_INFO"].endswith("/smart-configuration"):
            return self.ehr(environ, start)
        raw = b"".join(self.ehr(environ, lambda *_: lambda _: None))
        body = orjson.dumps({**orjson.loads(raw), "issuer": "https://login.example"})
        start("200 OK", [("Content-Type", "application/json")])
        return [body]


@requirement("attack-12", "smart:launch:mix-up")
@pytest.mark.parametrize(
    ("iss", "code"),
    [
        # The FHIR base is not the authorization issuer, and is not taken for it.
        (ISS, "launch.state_mismatch"),
        ("https://evil.example", "launch.state_mismatch"),
        # Past this check: the sandbox's id_token then names another issuer than its configuration.
        ("https://login.example", "launch.identity_refused"),
    ],
)
def test_the_issuer_of_a_callback_is_the_discovered_one(
    tmp_path: Path, iss: str, code: str
) -> None:
    stack = make_stack(tmp_path, between=_OtherIssuer)
    browser = stack.browser()
    callback = browser.authorize(browser.launch_page()["authorize"])
    assert browser.complete({**callback, "iss": iss}).get_json()["code"] == code


@requirement("attack-17", "attack-13")
def test_a_victim_led_to_an_attackers_callback_is_refused(stack: Stack, browser: Browser) -> None:
    attacker = stack.browser()
    callback = attacker.authorize(attacker.launch_page()["authorize"])
    # The victim has a launch of its own under way, and its secret does not open the attacker's.
    own = browser.launch_page()
    refused = browser.complete(callback, bind=own["bind"])
    assert (refused.status_code, refused.get_json()["code"]) == (403, "launch.unbound")
    assert browser.complete(browser.authorize(own["authorize"])).status_code == 200


@requirement("attack-18", "smart:launch:pkce", "smart:launch:token-not-in-cookies")
def test_the_verifier_stays_on_the_server_and_no_code_counts_without_it(
    stack: Stack, browser: Browser
) -> None:
    page = browser.launch_page()
    query = parse_qs(urlsplit(page["authorize"]).query)
    assert page.keys() == {"page", "authorize", "state", "bind", "form"}
    assert "code_verifier" not in query
    callback = browser.authorize(page["authorize"])
    stolen = {
        "grant_type": "authorization_code", "code": callback["code"], "client_id": "chartside-sandbox",
        "redirect_uri": f"{APP}/smart/sandbox/callback",
    }  # fmt: skip
    for verifier in ({}, {"code_verifier": page["bind"]}, {"code_verifier": "v" * 43}):
        refused = stack.ehr.test_client().post("/auth/token", data={**stolen, **verifier})
        assert refused.status_code == 400


@requirement("attack-19", "smart:launch:no-open-redirect")
def test_no_parameter_sends_the_browser_elsewhere(stack: Stack, browser: Browser) -> None:
    launch = stack.state.start(stack.patient("marlena"))
    names = ("next", "return_to", "redirect_uri", "url", "continue")
    more = dict.fromkeys(names, "https://evil.example/")
    query = urlencode({"iss": ISS, "launch": launch, **more})
    launched = browser.open(f"/smart/sandbox/launch?{query}")
    page = page_data(launched)
    browser.binds[page["state"]] = page["bind"]
    callback = browser.authorize(page["authorize"])
    answered = browser.open(f"/smart/sandbox/callback?{urlencode({**callback, **more})}")
    completed = browser.complete({**callback, **more})
    assert completed.status_code == 200
    for response in (launched, answered, completed):
        assert "evil" not in response.text
        assert "Location" not in response.headers
        assert "Refresh" not in response.headers


@requirement("attack-20", "smart:launch:token-form")
def test_no_patient_is_said_and_opens_nothing(stack: Stack, browser: Browser) -> None:
    callback = browser.authorize(browser.launch_page()["authorize"])
    before = len(stack.fhir_requests())
    stack.state.faults.set(FaultRule(match="token", fault="missing_patient"))
    refused = browser.complete(callback)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "launch.no_patient")
    assert "did not name a patient" in refused.get_json()["title"]
    assert len(stack.fhir_requests()) == before


# ------------------------------------------------------------ session


@requirement("attack-33", "attack-31")
def test_a_duplicated_tab_takes_the_launch_over_and_the_first_one_stops(browser: Browser) -> None:
    launched = browser.launch()
    first = replace(launched, key=browser.resume(launched.launch_id).get_json()["key"])
    second = replace(launched, key=browser.resume(launched.launch_id).get_json()["key"])
    assert [one.get().status_code for one in (launched, first, second)] == [401, 401, 200]
    assert second.get().get_json()["patient"]["family"] == "EVERGREEN"


@requirement("attack-35")
def test_a_forged_or_tossed_resume_cookie_opens_nothing(stack: Stack, browser: Browser) -> None:
    mine, other = browser.launch(), stack.browser().launch("typical")
    cookies = {cookie.key: cookie.value for cookie in (browser.client._cookies or {}).values()}
    own = cookies["__Secure-lr"]
    thief = stack.browser()
    for launch_id, value in ((mine.launch_id, "forged"), (other.launch_id, own)):
        thief.client.set_cookie(
            "__Secure-lr", value, domain="app.localhost", path=f"/l/{launch_id}/", secure=True
        )
        assert thief.resume(launch_id).status_code == 401
    assert browser.resume(mine.launch_id, "cross-site").status_code == 401


@requirement("attack-64", "attack-65")
def test_the_same_patient_opened_twice_shares_nothing(stack: Stack) -> None:
    first, second = stack.browser().launch(), stack.browser().launch()
    first.get("/card")
    first.ask("Any allergies?", "turn-0001")
    assert len(first.get().get_json()["conversation"]) == 1
    assert second.get().get_json()["conversation"] == []
    crossed = replace(second, launch_id=first.launch_id)
    for path in ("", "/card", "/sources/1", "/model"):
        assert crossed.get(path).status_code == 404
    assert crossed.post("/turns/turn-0001/stop").status_code == 404
    # A patient is named with the issuer everywhere it is written down.
    patients = {event.who.patient for event in stack.services.audit.events(first.launch_id)}
    assert patients == {f"{ISS}/Patient/{stack.patient('marlena')}"}


@requirement("attack-65")
@pytest.mark.parametrize("guess", ["a", "0" * 22, "../x", "%00"])
def test_a_guessed_launch_tells_nothing(browser: Browser, guess: str) -> None:
    launched = browser.launch()
    refused = replace(launched, launch_id=guess).get()
    assert refused.status_code == 404
    assert "EVERGREEN" not in refused.text


# ------------------------------------------------------------ streams


def read_to_its_end(stack: Stack, launched: Launched, question: str) -> list[dict[str, Any]]:
    """Ask and read as a server does, in this thread; the launch may have ended before the stream."""
    body = {"runId": "turn-0001", "messages": [{"role": "user", "content": question}]}
    request = EnvironBuilder(
        path=f"/api/launches/{launched.launch_id}/turns", base_url=APP, method="POST", json=body,
        headers=[("Authorization", f"Bearer {launched.key}")],
    ).get_environ()  # fmt: skip
    stream = stack.app.wsgi_app(request, lambda *_: lambda _: None)
    return list(events_of(b"".join(stream).decode()))


@requirement("attack-37", "attack-38", "chartside:session:stream-limits")
@pytest.mark.parametrize("by", ["absolute limit", "idle limit", "end", "refused refresh"])
def test_a_stream_in_flight_stops_when_its_launch_ends(tmp_path: Path, by: str) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        reached.set()
        assert go_on.wait(20)

    stack = make_stack(tmp_path, sleep=sleep, access_token_lifetime_s=1200)
    launched = stack.browser().launch()
    # The turn reads the chart, and the EHR is slow: the stream is in flight until the test lets it go on.
    stack.state.faults.set(FaultRule(match="Observation", fault="slow"))
    pool = ThreadPoolExecutor(1)
    stream = pool.submit(read_to_its_end, stack, launched, "What is the potassium?")
    assert reached.wait(20)
    match by:
        case "absolute limit":
            stack.clock.forward(minutes=481)
            stack.services.sessions.sweep()
        case "idle limit":
            stack.clock.forward(minutes=31)
            stack.services.sessions.sweep()
        case "end":
            assert launched.delete().status_code == 204
        case _:
            stack.state.faults.set(FaultRule(match="token", fault="invalid_grant"))
            stack.clock.forward(minutes=20)
            with pytest.raises(SessionEnded):
                stack.services.sessions.bearer(launched.launch_id)
    go_on.set()
    kinds = [event["type"] for event in stream.result(30)]
    assert kinds[-1] == "RUN_ERROR"
    assert "TEXT_MESSAGE_CONTENT" not in kinds
    stack.services.smart.revoker.wait()
    # Two, or four where a read refreshed just before the end: what came too late to be kept is revoked as well.
    assert len(stack.state.wire.entries("/auth/revoke")) in (2, 4)
    assert stack.services.running.stop(launched.launch_id) is False
    assert launched.get().status_code == 401
    assert ran(stack.services.settings.database_url, "SELECT count(*) FROM turn") == [(0,)]
