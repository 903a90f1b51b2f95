"""What is recorded and what ends by itself."""

import json

import pytest

from sandbox.faults import FaultRule
from tests.requirements import requirement
from tests.stack import APP, Browser, Stack


def kinds(stack: Stack, launch_id: str) -> list[str]:
    return [event.kind for event in stack.services.audit.events(launch_id)]


def test_every_opened_source_and_the_readers_name_are_audited(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    launched.get()
    launched.get("/card")
    launched.get("/sources/2")
    events = stack.services.audit.events(launched.launch_id)
    (opened,) = [event for event in events if event.kind == "source"]
    assert json.loads(opened.detail)["n"] == 2
    read = [json.loads(event.detail)["type"] for event in events if event.kind == "read"]
    assert {"Patient", "Observation", "Practitioner"} <= set(read)
    assert stack.services.audit.verify() is None


def test_a_refused_resume_and_a_refused_patient_user_are_audited(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    stack.browser().resume(launched.launch_id)
    assert kinds(stack, launched.launch_id)[-1] == "refusal"
    stack.state.faults.set(FaultRule(match="token", fault="fhir_user_patient"))
    browser.complete(browser.authorize(browser.launch_page()["authorize"]))
    last = stack.services.audit.events()[-1]
    assert (last.kind, last.who.user_reference.partition("/")[0]) == ("launch_refused", "Patient")


@requirement("chartside:session:limits")
def test_a_launch_that_was_just_closed_ends_by_itself(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    launched.get("/card")
    stack.clock.forward(minutes=31)
    stack.services.sessions.sweep()
    assert kinds(stack, launched.launch_id)[-1] == "end"
    assert stack.services.smart.vault.held(launched.launch_id) is None
    assert stack.services.conversations.ledger(launched.launch_id) is None


def test_a_flooded_door_is_shut_in_words(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The limit is a constant of the store; the flood itself would take minutes.
    monkeypatch.setattr("app.store.launches.MOST_PENDING", 0)
    launch = stack.state.start(stack.patient("marlena"))
    refused = browser.client.get(
        f"/smart/sandbox/launch?iss=http://ehr.localhost:9000/fhir&launch={launch}", base_url=APP
    )
    assert refused.status_code == 503
    assert "Too many launches" in refused.text


def test_the_card_says_in_its_place_what_news_is_missing(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.state.faults.set(FaultRule(match="Observation", fault="server_error_500"))
    card = launched.get("/card").get_json()
    since = next(section for section in card["sections"] if section["id"] == "since")
    assert since["rows"][-1]["tone"] == "warn"
    assert "Laboratory results could not be read" in json.dumps(since["rows"][-1])
    unread = next(section for section in card["sections"] if section["id"] == "unread")
    assert "Laboratory results" in json.dumps(unread["rows"][0])


def test_no_allergy_stands_behind_a_fold(stack: Stack, browser: Browser) -> None:
    events = browser.launch("typical").ask("Any allergies?")
    blocks = [e["value"]["block"] for e in events if e.get("name") == "chartside.block"]
    (rows,) = [block for block in blocks if block["kind"] == "rows"]
    assert (len(rows["rows"]), rows["more"]) == (9, [])
