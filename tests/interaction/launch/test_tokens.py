"""The life of a launch's tokens: refreshed in time, each refresh token sent once, taken back at the end."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx2
import pytest

from app import wiring
from app.errors import EhrUnavailable, SessionEnded
from app.smart import tokens as vault_module
from app.smart.token_endpoint import TokenEndpoint
from app.smart.tokens import TokenVault
from app.store.tokens import TokenRows
from app.web.application import make_app
from sandbox.faults import FaultRule
from tests.databases import contents, ran
from tests.requirements import requirement
from tests.stack import Browser, Launched, Stack, make_stack, registered

LIFE_S = 570


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack of its own, whose EHR gives tokens of 570 seconds."""
    return make_stack(tmp_path, access_token_lifetime_s=LIFE_S)


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


def refreshes(stack: Stack) -> int:
    """Return how many token requests followed the launch's own."""
    return len(stack.state.wire.entries("/auth/token")) - 1


def revoked(stack: Stack) -> int:
    stack.services.smart.revoker.wait()
    return len(stack.state.wire.entries("/auth/revoke"))


def end_of(stack: Stack, launched: Launched) -> str:
    ends = [e for e in stack.services.audit.events(launched.launch_id) if e.kind == "end"]
    assert len(ends) == 1
    return ends[0].detail


def second_process(stack: Stack) -> Stack:
    """Return another copilot on the same database, as another process has it: they share nothing else."""
    services = wiring.build(
        stack.services.settings, transport=httpx2.WSGITransport(app=stack.ehr), clock=stack.clock
    )
    return replace(stack, app=make_app(services), services=services)


def bearer(stack: Stack, launched: Launched) -> str:
    return stack.services.sessions.bearer(launched.launch_id)


# ------------------------------------------------------------ in time


@requirement("smart:refresh:in-time", "smart:refresh:replace")
def test_a_token_is_refreshed_when_less_than_a_minute_is_left(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    first = bearer(stack, launched)
    stack.clock.forward(seconds=LIFE_S - 70)
    assert (bearer(stack, launched), refreshes(stack)) == (first, 0)
    stack.clock.forward(seconds=15)
    second = bearer(stack, launched)
    assert (second != first, refreshes(stack)) == (True, 1)
    # The new refresh token is the one that is kept: the next refresh goes through at an EHR that ends reuse.
    stack.clock.forward(seconds=LIFE_S - 30)
    assert bearer(stack, launched) not in (first, second)
    assert launched.get("/card").status_code == 200


@requirement("smart:refresh:in-time")
def test_before_a_model_is_asked_two_minutes_must_be_left(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S - 130)
    stack.services.sessions.ready(launched.launch_id)
    assert refreshes(stack) == 0
    stack.clock.forward(seconds=20)
    stack.services.sessions.ready(launched.launch_id)
    assert refreshes(stack) == 1


def test_a_turn_makes_sure_of_its_token_first(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    launched.get("/card")
    stack.clock.forward(seconds=LIFE_S - 110)
    assert launched.ask("Any allergies?")[-1]["type"] == "RUN_FINISHED"
    assert refreshes(stack) == 1


def test_a_token_that_lives_shortly_is_not_refreshed_at_every_request(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, access_token_lifetime_s=40)
    launched = stack.browser().launch()
    for _ in range(5):
        bearer(stack, launched)
    assert refreshes(stack) == 0
    stack.clock.forward(seconds=25)
    bearer(stack, launched)
    assert refreshes(stack) == 1


def test_a_session_outlives_many_short_tokens(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    for _ in range(12):
        stack.clock.forward(seconds=LIFE_S)
        assert launched.get("/card?again=1").status_code == 200
    assert refreshes(stack) == 12


@requirement("smart:scopes:refresh")
def test_without_a_refresh_token_a_launch_lives_as_long_as_its_token(tmp_path: Path) -> None:
    config = registered(tmp_path, ('  "online_access",\n', ""))
    stack = make_stack(tmp_path, launch_config=config, access_token_lifetime_s=LIFE_S)
    launched = stack.browser().launch()
    stack.clock.forward(seconds=LIFE_S - 1)
    assert bearer(stack, launched)
    stack.clock.forward(seconds=1)
    refused = launched.get("/card")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "session.ended")
    assert refreshes(stack) == 0


@requirement("smart:scopes:refresh")
def test_offline_access_is_asked_for_where_the_registration_says_so(tmp_path: Path) -> None:
    config = registered(tmp_path, ("online_access", "offline_access"))
    stack = make_stack(tmp_path, launch_config=config, access_token_lifetime_s=LIFE_S)
    launched = stack.browser().launch()
    stack.clock.forward(seconds=LIFE_S)
    assert bearer(stack, launched)
    assert "offline_access" in stack.services.sessions.context(launched.launch_id).scope


# ------------------------------------------------------------ once


@requirement("attack-24", "smart:refresh:once")
def test_two_processes_with_many_threads_refresh_once(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S)
    both = [stack, second_process(stack)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: bearer(both[n % 2], launched), range(16)))
    assert (len(set(found)), refreshes(stack)) == (1, 1)


class _Held:
    """An EHR whose token endpoint waits until the test lets it go on."""

    def __init__(self, ehr: WSGIApplication) -> None:
        self.ehr, self.shut = ehr, False
        self.arrived, self.go = threading.Event(), threading.Event()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Any:
        if self.shut and environ["PATH_INFO"] == "/auth/token":
            self.arrived.set()
            assert self.go.wait(20)
        return self.ehr(environ, start)


@requirement("attack-24")
def test_others_wait_for_a_refresh_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[_Held] = []

    def between(ehr: WSGIApplication) -> WSGIApplication:
        held.append(_Held(ehr))
        return held[0]

    stack = make_stack(tmp_path, between=between, access_token_lifetime_s=LIFE_S)
    launched = stack.browser().launch()
    stack.clock.forward(seconds=LIFE_S)
    held[0].shut = True
    # The waiting thread's first pause is what lets the refresh go on: no time passes otherwise.
    monkeypatch.setattr(stack.services.smart.vault, "_sleep", lambda _: held[0].go.set())
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(bearer, stack, launched)
        assert held[0].arrived.wait(20)
        second = pool.submit(bearer, stack, launched)
        assert first.result(30) == second.result(30)
    assert refreshes(stack) == 1


class Killed(BaseException):
    """A process that ends at this line."""


@requirement("smart:refresh:once")
@pytest.mark.parametrize("moment", ["before the request", "after the answer", "while saving"])
def test_a_process_that_dies_during_a_refresh_never_has_the_token_sent_again(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    launched = browser.launch()
    first = bearer(stack, launched)
    stack.clock.forward(seconds=LIFE_S - 30)
    owner, name = {
        "before the request": (TokenEndpoint, "ask"),
        "after the answer": (TokenVault, "_take"),
        "while saving": (TokenRows, "keep"),
    }[moment]

    def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        # The death of a process at a line has no public door.
        patch.setattr(owner, name, dies)
        with pytest.raises(Killed):
            bearer(stack, launched)
    sent = refreshes(stack)
    assert sent == (0 if moment == "before the request" else 1)
    # Another process finds the claim: it uses the old access token while that lives, and no refresh token.
    after = second_process(stack)
    monkeypatch.setattr(vault_module, "MOST_POLLS", 2)
    assert bearer(after, launched) == first
    stack.clock.forward(seconds=100)
    with pytest.raises(SessionEnded):
        bearer(after, launched)
    assert refreshes(stack) == sent
    assert end_of(after, launched) == '{"by":"refresh_lost"}'
    assert launched.get().status_code == 401


@requirement("smart:refresh:once")
@pytest.mark.parametrize("cut", ["truncated_json", "504", "html", "other type"])
def test_an_answer_that_does_not_tell_is_never_followed_by_the_same_token(
    tmp_path: Path, cut: str
) -> None:
    ends = _Ends(cut)
    stack = make_stack(tmp_path, between=ends.between, access_token_lifetime_s=LIFE_S)
    launched = stack.browser().launch()
    first = bearer(stack, launched)
    stack.clock.forward(seconds=LIFE_S - 30)
    ends.on = True
    if cut == "truncated_json":
        stack.state.faults.set(FaultRule(match="token", fault="truncated_json"))
    for _ in range(3):
        assert bearer(stack, launched) == first
    ends.on = False
    stack.state.faults.clear()
    stack.clock.forward(seconds=30)
    with pytest.raises(SessionEnded):
        bearer(stack, launched)
    assert refreshes(stack) == 1


class _Ends:
    """Replaces the answer of the token endpoint after the EHR has made it."""

    def __init__(self, how: str) -> None:
        self.how, self.on = how, False

    def between(self, ehr: WSGIApplication) -> WSGIApplication:
        def call(environ: WSGIEnvironment, start: StartResponse) -> Any:
            if not self.on or environ["PATH_INFO"] != "/auth/token" or self.how == "truncated_json":
                return ehr(environ, start)
            b"".join(ehr(environ, lambda *_: lambda _: None))
            status, kind, body = {
                "504": ("504 Gateway Timeout", "text/plain", b"late"),
                "html": ("200 OK", "text/html", b"<html>"),
                "other type": (
                    "200 OK",
                    "application/json",
                    b'{"access_token":"x","token_type":"mac"}',
                ),
            }[self.how]
            start(status, [("Content-Type", kind)])
            return [body]

        return call


@requirement("smart:refresh:once")
@pytest.mark.parametrize("failure", [httpx2.ReadTimeout, httpx2.RemoteProtocolError])
def test_a_refresh_whose_answer_never_came_is_not_sent_again(
    stack: Stack,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[httpx2.TransportError],
) -> None:
    launched = browser.launch()
    old = bearer(stack, launched)
    stack.clock.forward(seconds=LIFE_S - 50)
    boundary = stack.services.boundaries["sandbox"]
    transport = boundary._client._transport

    def lost(request: httpx2.Request) -> httpx2.Response:
        transport.handle_request(request).read()  # the EHR has done its part
        raise failure("lost")

    monkeypatch.setattr(boundary._client, "_transport", httpx2.MockTransport(lost))
    assert bearer(stack, launched) == old
    monkeypatch.setattr(boundary._client, "_transport", transport)
    stack.clock.forward(seconds=30)
    assert (bearer(stack, launched), refreshes(stack)) == (old, 1)
    stack.clock.forward(seconds=20)
    with pytest.raises(SessionEnded):
        bearer(stack, launched)
    assert (refreshes(stack), end_of(stack, launched)) == (1, '{"by":"refresh_lost"}')


@requirement("smart:refresh:once")
def test_a_refresh_that_never_left_is_tried_again(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S - 30)
    boundary = stack.services.boundaries["sandbox"]
    transport = boundary._client._transport

    def unreachable(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    monkeypatch.setattr(boundary._client, "_transport", httpx2.MockTransport(unreachable))
    old = bearer(stack, launched)
    monkeypatch.setattr(boundary._client, "_transport", transport)
    assert (bearer(stack, launched), refreshes(stack)) == (old, 0)
    stack.clock.forward(seconds=11)
    assert bearer(stack, launched) != old
    assert refreshes(stack) == 1


# ------------------------------------------------------------ failures


@requirement("smart:refresh:refused")
@pytest.mark.parametrize("fault", ["server_error_500", "too_many_429"])
def test_an_ehr_that_fails_leaves_the_token_its_life_and_is_asked_again_later(
    stack: Stack, browser: Browser, fault: str
) -> None:
    launched = browser.launch()
    old = bearer(stack, launched)
    stack.clock.forward(seconds=LIFE_S - 30)
    stack.state.faults.set(FaultRule(match="token", fault=fault))  # type: ignore[arg-type]  # parametrised
    assert [bearer(stack, launched) for _ in range(4)] == [old] * 4
    assert refreshes(stack) == 1
    stack.clock.forward(seconds=31)
    with pytest.raises(EhrUnavailable):
        bearer(stack, launched)
    failed = launched.get("/card?again=1")
    assert (failed.status_code, failed.get_json()["code"]) == (503, "ehr.unavailable")
    stack.state.faults.clear()
    stack.clock.forward(seconds=11)
    assert launched.get("/card?again=1").status_code == 200


@requirement("smart:refresh:refused")
def test_a_refused_refresh_ends_the_launch(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S)
    stack.state.faults.set(FaultRule(match="token", fault="invalid_grant"))
    refused = launched.get("/card")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "session.ended")
    assert "Open Chartside again from the chart" in refused.get_json()["detail"]
    assert end_of(stack, launched) == '{"by":"refresh_refused"}'
    assert browser.resume(launched.launch_id).status_code == 401


@requirement("attack-25")
def test_a_refresh_for_another_patient_ends_the_launch_and_is_audited(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S)
    before = len(stack.fhir_requests())
    stack.state.faults.set(FaultRule(match="token", fault="other_patient"))
    assert launched.get("/card").status_code == 401
    assert end_of(stack, launched) == '{"by":"other_patient"}'
    # The token of the stranger's chart was used for nothing, and is given back.
    assert len(stack.fhir_requests()) == before
    assert revoked(stack) >= 2
    assert stack.services.smart.vault.held(launched.launch_id) is None


@requirement("oidc:refresh:same-user")
def test_an_id_token_without_audience_is_tolerated_and_another_users_is_not(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S)
    # The sandbox leaves `aud` and `nonce` out of every id_token after a refresh.
    assert launched.get("/card").status_code == 200
    stack.clock.forward(seconds=LIFE_S)
    stack.state.faults.set(FaultRule(match="token", fault="fhir_user_related"))
    assert launched.get("/card?again=1").status_code == 401
    assert end_of(stack, launched) == '{"by":"other_user"}'


@requirement("smart:refresh:narrower", "attack-21")
def test_scopes_that_a_refresh_takes_away_are_gone(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    launched.get("/card")  # writes values back to the session, as later requests do
    stack.clock.forward(seconds=LIFE_S)
    stack.state.faults.set(FaultRule(match="token", fault="fewer_scopes"))
    bearer(stack, launched)
    context = stack.services.sessions.context(launched.launch_id)
    assert (context.can("Observation", "s"), context.can("Condition", "s")) == (False, True)
    resumed = browser.resume(launched.launch_id).get_json()["key"]
    launched = replace(launched, key=resumed)
    stack.services.charts.drop(launched.launch_id)
    asked = len(stack.state.wire.entries("/fhir/Observation"))
    card = launched.get("/card").text
    assert len(stack.state.wire.entries("/fhir/Observation")) == asked
    assert "Laboratory results could not be read" in card or "could not be read" in card


@requirement("smart:refresh:narrower")
def test_a_required_scope_that_is_taken_away_ends_the_launch(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S)
    stack.state.faults.set(FaultRule(match="token", fault="no_patient_scope"))
    assert launched.get("/card").status_code == 401
    assert end_of(stack, launched) == '{"by":"scopes"}'


# ------------------------------------------------------------ 401


@requirement("smart:token:401")
def test_a_token_that_the_ehr_refuses_is_replaced_once_and_the_read_goes_on(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    token = stack.state.access_tokens.peek(bearer(stack, launched))
    assert token is not None
    stack.state.access_tokens.forget(bearer(stack, launched))
    assert launched.get("/card").status_code == 200
    assert refreshes(stack) == 1


@requirement("smart:token:401")
def test_a_new_token_that_is_refused_too_ends_the_launch(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    for match in ("Patient", "Encounter", "Condition", "Observation"):
        stack.state.faults.set(FaultRule(match=match, fault="unauthorized_401"))
    refused = launched.get("/card")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "session.ended")
    assert refreshes(stack) == 1
    assert end_of(stack, launched) == '{"by":"token_refused"}'


# ------------------------------------------------------------ the end


@requirement("smart:revocation", "attack-38")
def test_the_end_of_a_launch_revokes_both_tokens(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    token = bearer(stack, launched)
    assert launched.delete().status_code == 204
    assert revoked(stack) == 2
    assert stack.state.access_tokens.find(token, stack.state.now()) is None


@requirement("smart:revocation")
def test_a_revocation_that_fails_keeps_nobody_waiting(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = browser.launch()
    ended: list[str] = []

    def fails(*_: object) -> bool:
        ended.append("asked after the end")
        raise EhrUnavailable("no answer in time")

    monkeypatch.setattr(stack.services.smart.endpoint, "revoke", fails)
    assert launched.delete().status_code == 204
    stack.services.smart.revoker.wait()
    assert ended == ["asked after the end"] * 2
    assert stack.browser().launch().get().status_code == 200


def test_an_idle_launch_is_revoked_like_any_other(stack: Stack, browser: Browser) -> None:
    browser.launch()
    stack.clock.forward(minutes=31)
    stack.services.sessions.sweep()
    assert revoked(stack) == 2


@requirement("smart:introspection")
def test_a_resume_notices_a_dead_token_where_the_registration_asks(tmp_path: Path) -> None:
    config = registered(tmp_path, more="[session]\nintrospect_on_resume = true")
    stack = make_stack(tmp_path, launch_config=config)
    browser = stack.browser()
    launched, other = browser.launch(), stack.browser().launch()
    assert browser.resume(launched.launch_id).status_code == 200
    token = stack.state.access_tokens.peek(bearer(stack, launched))
    assert token is not None
    stack.state.access_tokens.revoke(token.grant)
    assert browser.resume(launched.launch_id).status_code == 401
    assert end_of(stack, launched) == '{"by":"token_inactive"}'
    assert other.get().status_code == 200
    assert len(stack.state.wire.entries("/auth/introspect")) == 2


def test_a_resume_asks_nobody_unless_the_registration_says_so(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    assert browser.resume(launched.launch_id).status_code == 200
    assert stack.state.wire.entries("/auth/introspect") == []


# ------------------------------------------------------------ secrets


@requirement(
    "attack-28",
    "smart:launch:token-not-in-cookies",
    "smart:protect:token-storage",
    "chartside:session:sealed",
)
def test_tokens_are_in_no_log_no_answer_no_cookie_and_no_plain_row(
    stack: Stack, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        page = browser.launch_page()
        callback = browser.authorize(page["authorize"])
        completed = browser.complete(callback)
        given = completed.get_json()
        launched = Launched(client=browser.client, launch_id=given["launch_id"], key=given["key"])
        tokens = [_held(stack, launched)]
        shown = [completed.text, launched.get("/card").text, launched.get().text]
        stack.clock.forward(seconds=LIFE_S)
        shown.append(launched.get("/card?again=1").text)
        tokens.append(_held(stack, launched))
        secrets = {value for pair in tokens for value in pair} | {callback["code"]}
        assert len(secrets) == 5
        rows = contents(stack.services.settings.database_url)
        launched.delete()
        stack.services.smart.revoker.wait()
    logged = "".join(repr(vars(record)) for record in caplog.records)
    cookies = "".join(cookie.value for cookie in (browser.client._cookies or {}).values())
    for secret in secrets:
        assert secret not in logged
        assert secret not in cookies
        assert not any(secret in text for text in shown)
        assert secret.encode() not in rows


def _held(stack: Stack, launched: Launched) -> tuple[str, str]:
    held = stack.services.smart.vault.held(launched.launch_id)
    assert held is not None
    assert held.access_token not in repr(held)
    return held.access_token, held.refresh_token


@requirement("attack-36")
@pytest.mark.parametrize("table", ["token", "session"])
def test_rows_that_change_places_do_not_open(stack: Stack, table: str) -> None:
    mine, other = stack.browser().launch("marlena"), stack.browser().launch("typical")
    url = stack.services.settings.database_url
    query = f"SELECT sealed FROM {table} WHERE launch_id = :id"
    rows = [ran(url, query, id=one.launch_id)[0][0] for one in (mine, other)]
    for one, sealed in zip((other, mine), rows, strict=True):
        ran(url, f"UPDATE {table} SET sealed = :sealed WHERE launch_id = :id", sealed=sealed, id=one.launch_id)  # fmt: skip
    assert [one.get("/card").status_code for one in (mine, other)] == [401, 401]


def test_a_token_from_before_refresh_tokens_were_kept_still_works(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    vault = stack.services.smart.vault
    sealed = vault._seal.close(bearer(stack, launched), f"token:{launched.launch_id}")
    ran(stack.services.settings.database_url, "UPDATE token SET sealed = :sealed", sealed=sealed)
    assert launched.get("/card").status_code == 200


def test_every_refresh_is_audited_with_its_result(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.clock.forward(seconds=LIFE_S - 40)
    stack.state.faults.set(FaultRule(match="token", fault="server_error_500"))
    bearer(stack, launched)
    stack.state.faults.clear()
    stack.clock.forward(seconds=20)
    bearer(stack, launched)
    events = [e for e in stack.services.audit.events(launched.launch_id) if e.kind == "refresh"]
    assert [json.loads(event.detail) for event in events] == [
        {"result": "not_done"},
        {"result": "ok"},
    ]
    patient = f"http://ehr.localhost:9000/fhir/Patient/{stack.patient('marlena')}"
    assert {event.who.patient for event in events} == {patient}
