"""What EHRs leave out, write otherwise or take away in a launch: each switch of the sandbox, and what becomes of it."""

from pathlib import Path
from typing import Any, get_args

import pytest

from app.launch_context import ContextReference, LaunchContext
from sandbox.faults import DOORS, Fault, FaultRule
from tests.requirements import requirement
from tests.stack import EHR, Browser, Launched, Stack, make_stack, registered


def switch(stack: Stack, match: str, fault: Fault, **more: Any) -> None:
    stack.state.faults.set(FaultRule(match=match, fault=fault, **more))


def context_of(stack: Stack, launched: Launched) -> LaunchContext:
    return stack.services.sessions.context(launched.launch_id)


@pytest.fixture
def fresh(tmp_path: Path) -> Stack:
    """Both parties anew: a SMART configuration is kept for ten minutes."""
    return make_stack(tmp_path)


@requirement("smart:conformance:relative")
def test_relative_endpoints_are_resolved_against_the_fhir_base(fresh: Stack) -> None:
    switch(fresh, "well-known", "relative_endpoints")
    browser = fresh.browser()
    page = browser.launch_page()
    assert page["authorize"].startswith(f"{EHR}/auth/authorize?")
    launched = browser.finish(browser.authorize(page["authorize"]))
    token = fresh.services.sessions.bearer(launched.launch_id)
    launched.delete()
    fresh.services.smart.revoker.wait()
    assert fresh.state.access_tokens.find(token, fresh.clock()) is None


def test_where_no_revocation_is_offered_a_launch_ends_without_asking_for_it(fresh: Stack) -> None:
    switch(fresh, "well-known", "no_revocation")
    launched = fresh.browser().launch()
    assert launched.delete().status_code == 204
    fresh.services.smart.revoker.wait()
    assert fresh.state.wire.entries("/auth/revoke") == []
    assert launched.get().status_code == 401


@pytest.mark.parametrize("fault", ["server_error_500", "forbidden_403", "too_many_429"])
def test_a_revocation_that_fails_does_not_keep_a_launch_open(
    stack: Stack, browser: Browser, fault: Fault
) -> None:
    launched = browser.launch()
    switch(stack, "revoke", fault)
    assert launched.delete().status_code == 204
    stack.services.smart.revoker.wait()
    assert launched.get().status_code == 401


@pytest.mark.parametrize(
    ("door", "fault", "status"),
    [
        ("introspect", "introspection_inactive", 401),
        ("introspect", "server_error_500", 200),
        ("well-known", "no_introspection", 200),
    ],
)
def test_a_token_that_counts_no_more_ends_the_launch_at_a_reload(
    tmp_path: Path, door: str, fault: Fault, status: int
) -> None:
    """Only an answer that says so: an EHR that does not tell takes nothing away."""
    config = registered(tmp_path, more="[session]\nintrospect_on_resume = true")
    stack = make_stack(tmp_path, launch_config=config)
    switch(stack, door, fault)
    browser = stack.browser()
    launched = browser.launch()
    assert browser.resume(launched.launch_id).status_code == status


def test_s256_is_sent_where_the_ehr_forgets_to_announce_it(fresh: Stack) -> None:
    switch(fresh, "well-known", "no_pkce_announced")
    page = fresh.browser().launch_page()
    assert "code_challenge_method=S256" in page["authorize"]


@requirement("attack-05")
def test_a_token_endpoint_on_another_host_gets_nothing(fresh: Stack) -> None:
    switch(fresh, "well-known", "foreign_token_endpoint")
    launch = fresh.state.start(fresh.patient("marlena"))
    refused = fresh.browser().open(f"/smart/sandbox/launch?iss={EHR}/fhir&launch={launch}")
    assert refused.status_code == 502
    assert "launch.discovery_failed" in refused.text


def test_a_kind_that_was_not_granted_is_named_and_the_rest_is_shown(
    stack: Stack, browser: Browser
) -> None:
    switch(stack, "authorize", "fewer_scopes_granted")
    launched = browser.launch()
    before = len(stack.fhir_requests())
    card = launched.get("/card").get_json()
    assert card["banner"]["family"] == "EVERGREEN"
    assert "the EHR does not give them to this app" in str(card["sections"])
    assert not [one for one in stack.fhir_requests()[before:] if one.path.endswith("Observation")]


@requirement("smart:scopes:granted")
def test_scopes_granted_in_the_other_syntax_count_alike(stack: Stack, browser: Browser) -> None:
    switch(stack, "authorize", "version_1_scopes")
    launched = browser.launch()
    [token] = [dict(one.got) for one in stack.state.wire.entries("/auth/token")][-1:]
    assert "patient/Observation.read" in token["scope"].split()
    assert context_of(stack, launched).can("Observation", "s")
    events = launched.ask("What was the last potassium?")
    assert "5.6" in "".join(event.get("delta", "") for event in events)


@requirement("attack-21")
def test_scopes_beyond_what_was_asked_are_not_used(stack: Stack, browser: Browser) -> None:
    switch(stack, "token", "more_scopes")
    context = context_of(stack, browser.launch())
    assert not context.can("DocumentReference", "c")
    assert not context.can("Claim", "s")
    assert context.can("Observation", "s")


def test_an_issuer_in_the_callback_is_the_discovered_one(stack: Stack, browser: Browser) -> None:
    switch(stack, "authorize", "callback_iss")
    callback = browser.authorize(browser.launch_page()["authorize"])
    assert callback["iss"] == f"{EHR}/fhir"
    assert browser.complete(callback).status_code == 200


@requirement("smart:context:intent", "smart:context:fhir-context", "smart:context:tenant")
def test_more_context_than_a_patient_is_read(stack: Stack, browser: Browser) -> None:
    switch(stack, "token", "more_context")
    context = context_of(stack, browser.launch())
    assert (context.intent, context.tenant) == ("summary-timeline-view", "sandbox-tenant")
    assert context.fhir_context == (
        ContextReference(
            reference="ImagingStudy/sandbox-1", role="launch", resource_type="ImagingStudy"
        ),
        ContextReference(reference="DocumentReference/sandbox-2", role="https://roles.example/open"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "shown"), [("needs_patient_banner", True), ("banner_unsaid", True), (None, False)]
)
def test_the_patient_is_named_by_us_unless_the_ehr_says_that_it_does(
    stack: Stack, browser: Browser, fault: Fault | None, *, shown: bool
) -> None:
    if fault:
        switch(stack, "token", fault)
    assert context_of(stack, browser.launch()).need_patient_banner is shown


def test_a_launch_without_an_encounter_opens(stack: Stack, browser: Browser) -> None:
    switch(stack, "token", "missing_encounter")
    launched = browser.launch()
    assert context_of(stack, launched).encounter_id is None
    assert launched.get("/card").status_code == 200


@requirement("oidc:id-token:fhir-user", "attack-23")
@pytest.mark.parametrize(
    ("fault", "status"), [("fhir_user_relative", 200), ("fhir_user_foreign", 403)]
)
def test_a_user_is_known_by_a_relative_address_and_never_on_another_server(
    stack: Stack, browser: Browser, fault: Fault, status: int
) -> None:
    switch(stack, "token", fault)
    answer = browser.complete(browser.authorize(browser.launch_page()["authorize"]))
    assert (answer.status_code == 200) == (status == 200)
    if status == 200:
        context = stack.services.sessions.context(answer.get_json()["launch_id"])
        assert context.user_reference == "Practitioner/me-prac-osei"
    else:
        assert answer.get_json()["code"] == "launch.identity_refused"


@pytest.mark.parametrize("fault", ["no_rotation", "refresh_without_id_token"])
def test_a_refresh_that_answers_less_goes_on(stack: Stack, browser: Browser, fault: Fault) -> None:
    switch(stack, "token", fault)
    launched = browser.launch()
    for _ in range(6):  # two hours: two refreshes by the same token where it is not rotated
        stack.clock.forward(minutes=20)
        assert launched.get("/card").status_code == 200


def test_a_token_that_says_no_lifetime_is_refreshed_after_minutes(
    stack: Stack, browser: Browser
) -> None:
    switch(stack, "token", "no_expiry")
    launched = browser.launch()
    before = len(stack.state.wire.entries("/auth/token"))
    stack.clock.forward(minutes=6)
    assert launched.get("/card").status_code == 200
    assert len(stack.state.wire.entries("/auth/token")) == before + 1


def test_every_switch_has_a_door() -> None:
    assert set(DOORS) == set(get_args(Fault))
    assert all(DOORS.values())
