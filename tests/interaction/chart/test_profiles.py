"""The same questions at EHRs that behave as the large vendors' do: the answer is right, and says what it does not know."""

from typing import Any

import pytest

from tests.requirements import requirement
from tests.stack import Browser, Launched, Stack

QUIET = "The EHR says that this may not be the entire record."


def rows(launched: Launched, section: str) -> list[str]:
    """Return the card's rows of a section as a clinician reads them."""
    card = launched.get("/card").get_json()
    found = [one for one in card["sections"] if one["id"] == section]
    return [words(row["pieces"]) for one in found for row in one["rows"]]


def words(pieces: list[dict[str, Any]]) -> str:
    return " ".join(piece["text"] for piece in pieces if piece["kind"] != "cite")


def spoken(events: list[dict[str, Any]]) -> str:
    return "".join(e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT")


def negatives(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    blocks = [e["value"]["block"] for e in events if e.get("name") == "chartside.block"]
    return [(b["state"], b["title"]) for b in blocks if b["kind"] == "negative"]


def not_seen(events: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    [gaps] = [e["value"] for e in events if e.get("name") == "chartside.not_seen"]
    return [(words(gap["pieces"]), gap["touches"]) for gap in gaps["not_readable"]]


@requirement("fhir:search:outcome")
def test_a_remark_on_every_search_is_one_quiet_line_and_none_may_be_said(browser: Browser) -> None:
    launched = browser.launch(profile="epic-like")
    unread = launched.get("/card").get_json()["sections"]
    [row] = [
        row
        for one in unread
        if one["id"] == "unread"
        for row in one["rows"]
        if words(row["pieces"]) == QUIET
    ]
    assert row["tone"] == "plain"
    events = launched.ask("Any urine albumin?")
    assert negatives(events) == [("none_found", "Urine albumin: none found.")]
    assert (QUIET, False) in not_seen(events)


@requirement("fhir:search:outcome")
def test_a_sub_type_that_is_not_returned_forbids_none_of_its_section(browser: Browser) -> None:
    launched = browser.launch(profile="epic-like")
    said = "Notes: the EHR does not return some kinds of results to this app"
    assert said in rows(launched, "unread")
    events = launched.ask("Is a fall mentioned in the notes?")
    assert [state for state, _ in negatives(events)] != ["none_found"]
    assert (f"{said}.", True) in not_seen(events)


def test_every_request_for_observations_names_a_category(stack: Stack, browser: Browser) -> None:
    before = len(stack.fhir_requests())
    launched = browser.launch(profile="epic-like")
    launched.get("/card")
    launched.ask("What was the last potassium?")
    asked = [one for one in stack.fhir_requests()[before:] if one.path == "/fhir/Observation"]
    assert {one.status for one in asked} == {200}
    assert all("category=" in one.query for one in asked)


@requirement("fhir:search:outcome")
@pytest.mark.parametrize("profile", ["epic-like", "oracle-like", "strict"])
def test_allergies_that_nobody_asked_about_are_never_no_known_allergies(
    browser: Browser, profile: str
) -> None:
    """One vendor sends a resource that says so, another an empty list: both read as not recorded."""
    launched = browser.launch("large", profile=profile)
    shown = launched.get("/card").get_json()["banner"]["allergies"]
    assert (shown["state"], shown["title"]) == ("unasked", "Allergies not recorded")
    events = launched.ask("Any allergies?")
    said = spoken(events)
    assert [e["value"]["mismatches"] for e in events if e.get("name") == "chartside.answered"] == [
        0
    ]
    entry = (
        "Allergies: the EHR's entry says “Not on file”"
        if profile == "epic-like"
        else "not recorded"
    )
    assert entry in said
    assert "Ask, and record it in the EHR." in said
    assert "no known" not in said.lower().replace("not “no known", "")


def test_a_search_whose_second_page_has_expired_is_cut_and_says_how_much_was_read(
    browser: Browser,
) -> None:
    launched = browser.launch("large", profile="epic-like")
    events = launched.ask("Any urine albumin?")
    [look] = [e["value"] for e in events if e.get("name") == "chartside.looked_at"][-1:]
    states = {line["label"]: (line["state"], line["detail"]) for line in look["lines"]}
    state, detail = states["Laboratory results"]
    assert (state, detail.split(" of ")[0]) == ("truncated", "500")
    assert "none found" not in str(negatives(events)).lower()
    assert "See the EHR for the others." in " ".join(rows(launched, "unread"))


@requirement("fhir:search:outcome")
def test_entries_that_were_omitted_leave_a_gap(browser: Browser) -> None:
    launched = browser.launch(profile="oracle-like")
    assert "Problems: the EHR says that more exists than it shows" in rows(launched, "unread")
    events = launched.ask("Does she have asthma?")
    assert not any(state == "none_found" for state, _ in negatives(events))


def test_a_token_of_570_seconds_is_refreshed_and_the_launch_goes_on(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch(profile="oracle-like")
    stack.clock.forward(seconds=569)
    exchanges = len(stack.state.wire.entries("/auth/token"))
    assert launched.get("/card").status_code == 200
    assert len(stack.state.wire.entries("/auth/token")) == exchanges + 1
    stack.clock.forward(seconds=569)
    assert launched.get("/card?again=1").status_code == 200


@pytest.mark.parametrize("profile", ["strict", "epic-like", "oracle-like"])
def test_as_of_launches_the_same_patient_again(browser: Browser, profile: str) -> None:
    """Oracle's As Of: after another patient was opened, the first frame is launched again and shows the first."""
    launches = [
        browser.launch(chart, profile=profile) for chart in ("marlena", "typical", "marlena")
    ]
    families = [one.get("/card").get_json()["banner"]["family"] for one in launches]
    assert families == ["EVERGREEN", "KIRLIN", "EVERGREEN"]
