"""What an EHR answers wrongly, what a store no longer opens, and what two do at once: each ends in words."""

import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx2
import orjson
import pytest

from app.errors import EhrRefused, SessionEnded
from app.smart.registry import Registry
from app.smart.user_name import practitioner_name
from app.store.launches import LaunchRows
from sandbox.faults import FaultRule
from tests.databases import ran
from tests.interaction.launch.test_clients import BACKEND, client_of
from tests.requirements import requirement
from tests.stack import ISS, Browser, Launched, Stack, make_stack, registered


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return make_stack(tmp_path)


class Altered:
    """An EHR whose JSON answers below one path are changed, from the moment it is switched on."""

    def __init__(self, path: str, change: Callable[[dict[str, Any]], object], *, on: bool = True):
        self.path, self.change, self.on = path, change, on

    def between(self, ehr: WSGIApplication) -> WSGIApplication:
        def call(environ: WSGIEnvironment, start: StartResponse) -> Any:
            if not self.on or environ["PATH_INFO"] != self.path:
                return ehr(environ, start)
            said: list[Any] = []
            body = orjson.loads(b"".join(ehr(environ, lambda *given: said.extend(given) or str)))  # type: ignore[func-returns-value]  # WSGI's write() is never called
            self.change(body)
            start(said[0], [("Content-Type", "application/json")])
            return [orjson.dumps(body)]

        return call


def database(stack: Stack) -> str:
    return stack.services.settings.database_url


def refused(browser: Browser, **more: Any) -> tuple[int, str]:
    answer = browser.complete(browser.authorize(browser.launch_page(**more)["authorize"]))
    return answer.status_code, answer.get_json()["code"]


# ------------------------------------------------------------ the launch


@pytest.mark.parametrize("missing", ["id_token", "keys"])
def test_nobody_is_let_in_without_a_proved_identity(tmp_path: Path, missing: str) -> None:
    if missing == "id_token":
        altered = Altered("/auth/token", lambda body: body.pop("id_token"))
    else:
        altered = Altered(
            "/fhir/.well-known/smart-configuration",
            lambda body: body.update(jwks_uri="", issuer=f"{ISS}/nowhere"),
        )
    stack = make_stack(tmp_path, between=altered.between)
    assert refused(stack.browser()) == (502, "launch.identity_refused")
    assert stack.state.wire.entries("/fhir/Patient") == []


def test_keys_that_are_no_key_set_let_nobody_in(tmp_path: Path) -> None:
    altered = Altered("/auth/jwks", lambda body: body.update(keys=7))
    stack = make_stack(tmp_path, between=altered.between)
    assert refused(stack.browser()) == (502, "launch.discovery_failed")


@pytest.mark.parametrize("sent", ["yesterday", "2026-11-20T08:42:00"])
def test_a_clinical_time_that_is_none_opens_nothing(stack: Stack, sent: str) -> None:
    assert refused(stack.browser(), more={"__clinical_time": sent}) == (502, "launch.token_refused")


@requirement("smart:scopes:granted")
def test_a_required_scope_that_was_not_granted_opens_nothing(tmp_path: Path) -> None:
    altered = Altered("/auth/token", lambda body: body.update(scope="launch openid fhirUser"))
    stack = make_stack(tmp_path, between=altered.between)
    assert refused(stack.browser()) == (502, "launch.token_refused")


def test_an_ehr_that_is_gone_at_the_code_opens_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = stack.browser()
    callback = browser.authorize(browser.launch_page()["authorize"])

    def gone(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("no answer")

    boundary = stack.services.boundaries["sandbox"]
    monkeypatch.setattr(boundary._client, "_transport", httpx2.MockTransport(gone))
    answer = browser.complete(callback)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "launch.token_refused")


@requirement("chartside:session:sealed", "attack-36")
def test_a_waiting_launch_that_was_changed_in_the_store_does_not_open(stack: Stack) -> None:
    browser = stack.browser()
    callback = browser.authorize(browser.launch_page()["authorize"])
    ran(database(stack), "UPDATE pending_launch SET sealed = :zeros", zeros=bytes(80))
    assert browser.complete(callback).get_json()["code"] == "launch.state_mismatch"
    assert stack.state.wire.entries("/auth/token") == []


@requirement("smart:launch:callback-once")
def test_of_two_callbacks_at_once_one_redeems_the_code(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = stack.browser()
    callback = browser.authorize(browser.launch_page()["authorize"])
    taken = LaunchRows.take_pending

    def late(rows: LaunchRows, state_hash: str) -> bool:
        # Another worker takes it between our look and our claim.
        assert taken(rows, state_hash)
        return taken(rows, state_hash)

    monkeypatch.setattr(LaunchRows, "take_pending", late)
    assert browser.complete(callback).get_json()["code"] == "launch.state_mismatch"
    assert stack.state.wire.entries("/auth/token") == []


# ------------------------------------------------------------ the session


def test_a_registration_that_is_gone_ends_what_was_opened_by_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = stack.browser().launch()
    context = stack.services.sessions.context(launched.launch_id)
    held = stack.services.smart.vault.held(launched.launch_id)
    assert held is not None
    monkeypatch.setattr(Registry, "get", lambda *_: None)
    monkeypatch.setattr(stack.services.smart.vault, "_registration_of", lambda _: None)
    for ask in (
        lambda: stack.services.sessions.create(lambda _: context, held),
        lambda: stack.services.sessions.left(launched.launch_id),
        lambda: stack.services.smart.vault.active(stack.services.sessions, launched.launch_id),
    ):
        with pytest.raises(SessionEnded):
            ask()
    # Nobody can be asked to take the tokens back; they run out.
    stack.services.smart.vault.revoke(context, held)
    assert launched.get().status_code == 401
    assert stack.state.wire.entries("/auth/revoke") == []


def test_a_launch_that_never_was_has_no_life(stack: Stack) -> None:
    sessions = stack.services.sessions
    assert not sessions.live("nobody")
    for ask in (sessions.context, sessions.left, sessions.extend):
        with pytest.raises(SessionEnded):
            ask("nobody")


@requirement("attack-33")
def test_of_two_reloads_at_once_one_gets_the_launch(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = stack.browser()
    launched = browser.launch()
    rotate = LaunchRows.rotate_session

    def late(rows: LaunchRows, launch_id: str, **values: Any) -> bool:
        # Another worker answers the other reload between our look and our claim.
        assert rotate(rows, launch_id, **{**values, "new": "another"})
        return rotate(rows, launch_id, **values)

    monkeypatch.setattr(LaunchRows, "rotate_session", late)
    assert browser.resume(launched.launch_id).status_code == 401


def test_a_launch_whose_session_is_gone_is_not_resumed(stack: Stack) -> None:
    browser = stack.browser()
    launched = browser.launch()
    ran(database(stack), "DELETE FROM session")
    assert browser.resume(launched.launch_id).status_code == 401
    assert launched.get().status_code == 401


@requirement("chartside:session:warning", "chartside:session:park")
def test_a_parked_launch_says_how_shortly_it_lives(stack: Stack) -> None:
    launched = stack.browser().launch()
    before = stack.services.sessions.left(launched.launch_id)
    launched.post("/park")
    after = stack.services.sessions.left(launched.launch_id)
    assert 1_790 < before.idle_s <= 1_800
    assert 290 < after.idle_s <= 300


# ------------------------------------------------------------ tokens


def dying(stack: Stack, launched: Launched) -> None:
    """Let the access token have less than a minute left."""
    stack.clock.forward(seconds=3_570)


def test_a_configuration_that_cannot_be_read_leaves_the_refresh_token_unused(stack: Stack) -> None:
    launched = stack.browser().launch()
    first = stack.services.sessions.bearer(launched.launch_id)
    dying(stack, launched)
    stack.services.smart.discovery._configurations.clear()
    stack.state.faults.set(FaultRule(match="well-known", fault="server_error_500"))
    assert stack.services.sessions.bearer(launched.launch_id) == first
    assert len(stack.state.wire.entries("/auth/token")) == 1
    stack.state.faults.clear()
    stack.clock.forward(seconds=11)
    assert stack.services.sessions.bearer(launched.launch_id) != first


@requirement("smart:revocation")
def test_tokens_that_come_when_the_launch_is_over_are_given_back(tmp_path: Path) -> None:
    ended: list[Callable[[], None]] = []
    altered = Altered("/auth/token", lambda _: ended.pop()(), on=False)
    stack = make_stack(tmp_path, between=altered.between)
    launched = stack.browser().launch()
    dying(stack, launched)
    ended.append(lambda: stack.services.sessions.end(launched.launch_id, "user"))
    altered.on = True
    with pytest.raises(SessionEnded):
        stack.services.sessions.bearer(launched.launch_id)
    stack.services.smart.revoker.wait()
    # Two of the launch, two that came too late.
    assert len(stack.state.wire.entries("/auth/revoke")) == 4


def test_a_refusal_of_an_older_token_changes_nothing(stack: Stack) -> None:
    launched = stack.browser().launch()
    token = stack.services.sessions.bearer(launched.launch_id)
    stack.services.sessions.refused(launched.launch_id, "an older one")
    assert stack.services.sessions.bearer(launched.launch_id) == token
    assert len(stack.state.wire.entries("/auth/token")) == 1


@requirement("oidc:refresh:same-user")
@pytest.mark.parametrize("sent", ["not a token", "e30.W10.x", "eyJhbGciOiJSUzI1NiJ9.W10.x"])
def test_an_id_token_of_a_refresh_that_is_none_ends_the_launch(tmp_path: Path, sent: str) -> None:
    altered = Altered("/auth/token", lambda body: body.update(id_token=sent), on=False)
    stack = make_stack(tmp_path, between=altered.between, access_token_lifetime_s=570)
    launched = stack.browser().launch()
    stack.clock.forward(seconds=570)
    altered.on = True
    assert launched.get("/card").status_code == 401
    [end] = [e for e in stack.services.audit.events(launched.launch_id) if e.kind == "end"]
    assert end.detail == '{"by":"other_user"}'


@requirement("smart:introspection")
@pytest.mark.parametrize("said", ["nothing offered", "malformed", "refused", "unreachable"])
def test_an_ehr_that_does_not_say_whether_a_token_counts_stops_no_reload(
    tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = Altered("/auth/introspect", lambda body: body.update(active="perhaps"))
    if said == "nothing offered":
        altered = Altered(
            "/fhir/.well-known/smart-configuration",
            lambda body: (body.pop("introspection_endpoint"), body.pop("revocation_endpoint")),
        )
    config = registered(tmp_path, more="[session]\nintrospect_on_resume = true")
    stack = make_stack(tmp_path, launch_config=config, between=altered.between)
    browser = stack.browser()
    launched = browser.launch()
    boundary = stack.services.boundaries["sandbox"]
    transport = boundary._client._transport

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/auth/introspect":
            return transport.handle_request(request)
        if said == "unreachable":
            raise httpx2.ReadTimeout("late")
        return httpx2.Response(500)

    if said in ("refused", "unreachable"):
        monkeypatch.setattr(boundary._client, "_transport", httpx2.MockTransport(answer))
    assert browser.resume(launched.launch_id).status_code == 200
    stack.services.sessions.end(launched.launch_id, "user")
    stack.services.smart.revoker.wait()
    assert len(stack.state.wire.entries("/auth/revoke")) == (0 if said == "nothing offered" else 2)


@requirement("smart:introspection")
def test_a_reload_whose_token_has_run_out_ends_the_launch(tmp_path: Path) -> None:
    config = registered(
        tmp_path, ('  "online_access",\n', ""), more="[session]\nintrospect_on_resume = true\nidle_minutes = 90"
    )  # fmt: skip
    stack = make_stack(tmp_path, launch_config=config)
    browser = stack.browser()
    launched = browser.launch()
    stack.clock.forward(minutes=61)
    assert browser.resume(launched.launch_id).status_code == 401


@requirement("smart:revocation")
def test_a_launch_without_a_refresh_token_revokes_its_access_token(tmp_path: Path) -> None:
    config = registered(tmp_path, ('  "online_access",\n', ""))
    stack = make_stack(tmp_path, launch_config=config)
    stack.browser().launch().delete()
    stack.services.smart.revoker.wait()
    assert len(stack.state.wire.entries("/auth/revoke")) == 1


@requirement("attack-36", "smart:revocation")
def test_tokens_that_do_not_open_are_left_to_run_out(stack: Stack) -> None:
    launched = stack.browser().launch()
    ran(database(stack), "UPDATE token SET sealed = :zeros", zeros=bytes(80))
    assert launched.delete().status_code == 204
    stack.services.smart.revoker.wait()
    assert stack.state.wire.entries("/auth/revoke") == []
    assert launched.get().status_code == 401


@requirement("smart:revocation")
def test_too_many_revocations_at_once_stop_nobody(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: queue.Queue[Any] = queue.Queue(1)
    full.put("one that waits")
    monkeypatch.setattr(stack.services.smart.revoker, "_waiting", full)
    monkeypatch.setattr(stack.services.smart.revoker, "_thread", threading.current_thread())
    assert stack.browser().launch().delete().status_code == 204
    assert (full.qsize(), stack.state.wire.entries("/auth/revoke")) == (1, [])


@requirement("smart:backend")
def test_a_backend_token_of_another_form_is_refused(tmp_path: Path) -> None:
    client = replace(
        client_of("ES384", system_scopes=("system/Patient.rs",)), client_id="chartside-backend"
    )
    altered = Altered("/auth/token", lambda body: body.pop("scope"))
    stack = make_stack(
        tmp_path,
        launch_config=registered(tmp_path, more=BACKEND),
        extra_clients=(client,),
        between=altered.between,
    )
    registration = stack.services.registry.get("sandbox")
    assert registration is not None
    with pytest.raises(EhrRefused):
        stack.services.smart.backend.get(registration, ISS)


# ------------------------------------------------------------ the user's name


@pytest.mark.parametrize("fault", ["server_error_500", "forbidden_403", "truncated_json"])
def test_a_name_that_cannot_be_read_is_left_out(stack: Stack, fault: str) -> None:
    stack.state.faults.set(FaultRule(match="Practitioner", fault=fault))  # type: ignore[arg-type]  # parametrised
    assert stack.browser().launch().get().get_json()["user_name"] == ""


def test_a_name_that_may_not_be_read_is_not_asked_for(tmp_path: Path) -> None:
    config = registered(tmp_path, ('  "user/Practitioner.r",\n', ""))
    stack = make_stack(tmp_path, launch_config=config)
    assert stack.browser().launch().get().get_json()["user_name"] == ""
    assert stack.state.wire.entries("/fhir/Practitioner") == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ([{"text": "Dr Osei", "family": "Osei"}], "Dr Osei"),
        ([{"given": ["Ama", 7, ""], "family": "Osei", "suffix": ["MD", 7]}], "A. Osei, MD"),
        ([{"family": "Osei"}], "Osei"),
        ([], ""),
        (["Osei"], ""),
        (None, ""),
    ],
)
def test_a_name_is_said_shortly_whatever_its_form(name: object, said: str) -> None:
    assert practitioner_name({"name": name}) == said
