"""The patients of a first week: each is shown, held back or turned away in the right words, and nothing else leaks."""

from typing import Any

import pytest

from tests.requirements import requirement
from tests.stack import Browser, Launched, Stack

GLASS = (
    "The EHR restricts this chart. Open it there if you need it, then relaunch. "
    "Chartside does not break the glass."
)
MERGED = "This record was merged into another. Re-open the chart from the EHR."


def opened(browser: Browser, chart: str, profile: str = "") -> Launched:
    return browser.launch(f"special/{chart}", profile=profile)


def everything(launched: Launched) -> str:
    """Return all that a clinician gets of the launch: card, answers of every section, sources."""
    said = [launched.get("/card").text]
    for at, question in enumerate(("Read me the notes", "List the problems", "Active medicines")):
        said += [str(event) for event in launched.ask(question, f"turn-{at:04d}")]
    for n in range(1, 30):
        said.append(launched.get(f"/sources/{n}").text)
    return "\n".join(said).lower()


def banner(launched: Launched) -> dict[str, Any]:
    found: dict[str, Any] = launched.get("/card").get_json()["banner"]
    return found


def unread(launched: Launched) -> list[str]:
    """Return the rows of what could not be read."""
    sections = {one["id"]: one["rows"] for one in launched.get("/card").get_json()["sections"]}
    return [
        " ".join(piece["text"] for piece in row["pieces"] if piece["kind"] != "cite")
        for row in sections.get("unread", [])
    ]


@requirement("attack-49")
def test_labelled_data_is_counted_and_nothing_of_it_is_shown(browser: Browser) -> None:
    launched = opened(browser, "restricted")
    rows = " ".join(unread(launched))
    assert "labelled restricted by the EHR, not shown here" in rows
    text = everything(launched)
    for hidden in ("opioid", "5602001", "separation", "psychotherapy"):
        assert hidden not in text, hidden
    assert "asthma" in text
    assert "inhaler seldom needed" in text


@requirement("fhir:search:outcome")
@pytest.mark.parametrize("profile", ["strict", "epic-like"])
def test_what_stands_behind_the_glass_makes_its_sections_restricted(
    browser: Browser, profile: str
) -> None:
    launched = opened(browser, "glass", profile)
    rows = " ".join(row.lower() for row in unread(launched) if "break the glass" in row)
    assert "notes" in rows
    assert "problems" in rows
    text = everything(launched)
    assert "psychotic" not in text
    assert "admitted to the ward" not in text
    events = launched.ask("Does she have diabetes?", "turn-0009")
    blocks = [e["value"]["block"] for e in events if e.get("name") == "chartside.block"]
    # The one laboratory result was read to the end; problems and notes were not.
    searched = {block["title"]: block["state"] for block in blocks if block["kind"] == "negative"}
    assert {state for title, state in searched.items() if "diabetes" in title} == {"unread"}


@pytest.mark.parametrize("profile", ["strict", "epic-like"])
def test_a_chart_behind_the_glass_is_not_opened_and_says_where_to_go(
    browser: Browser, profile: str
) -> None:
    launched = opened(browser, "employee", profile)
    for answer in (launched.get("/card"), launched.get("/card?again=1")):
        assert (answer.status_code, answer.get_json()["code"]) == (403, "chart.restricted")
        assert GLASS in f"{answer.get_json()['title']} {answer.get_json()['detail']}"
        assert "PREWITT" not in answer.text


@requirement("fhir:search:outcome")
def test_a_sub_type_that_is_not_given_restricts_the_notes(browser: Browser) -> None:
    launched = opened(browser, "sub-type")
    assert "Notes: the EHR does not return some kinds of results to this app" in unread(launched)
    assert "dear colleague" not in everything(launched)


@requirement("attack-46")
@pytest.mark.parametrize("chart", ["merged-link", "merged-redirect"])
@pytest.mark.parametrize("profile", ["strict", "epic-like"])
def test_a_merged_record_is_turned_away_and_the_other_is_not_followed(
    stack: Stack, browser: Browser, chart: str, profile: str
) -> None:
    before = len(stack.fhir_requests())
    launched = opened(browser, chart, profile)
    answer = launched.get("/card")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "chart.merged")
    said = f"{answer.get_json()['title']} {answer.get_json()['detail']}"
    assert MERGED in said
    assert "TANSY" not in answer.text
    assert "sv-patient" not in answer.text
    asked = stack.fhir_requests()[before:]
    assert not any("sv-patient" in f"{one.path}?{one.query}" for one in asked)


def test_the_record_that_others_were_merged_into_opens(browser: Browser) -> None:
    assert banner(opened(browser, "survivor"))["family"] == "TANSY"


@pytest.mark.parametrize(
    ("chart", "tone", "notice"),
    [
        ("deceased", "deceased", "Died 29-Oct-2026. Care-gap and visit suggestions are off."),
        ("inactive", "rules", "This record is marked as not in use. Check that it is the right one."),
        ("test-patient", "rules", "Test patient: not a real person."),
        ("adolescent", "rules", "Age 12 to 17: confidentiality rules apply"),
        ("survivor", "", ""),
    ],
)  # fmt: skip
def test_what_is_unusual_about_a_patient_stands_under_the_name(
    browser: Browser, chart: str, tone: str, notice: str
) -> None:
    shown = banner(opened(browser, chart))
    assert (shown["notice_tone"], shown["notice"]) == (tone, notice)


def test_the_dead_are_as_old_as_they_became(browser: Browser) -> None:
    shown = banner(opened(browser, "deceased"))
    assert (shown["died"], shown["age"]) == ("29-Oct-2026", "88y")


@requirement("attack-49")
def test_the_confidential_note_of_an_adolescent_is_counted_and_not_shown(browser: Browser) -> None:
    launched = opened(browser, "adolescent")
    shown = banner(launched)
    assert (shown["age"], shown["weight"]) == ("14y 5m", "51.3 kg")
    assert any("labelled restricted" in row for row in unread(launched))
    text = everything(launched)
    assert "contraception" not in text
    assert "seen alone" not in text
    assert "inhaler seldom needed" in text


def test_the_ehr_lists_every_unusual_patient_with_a_word_on_it(stack: Stack) -> None:
    page = stack.ehr.test_client().get("/", base_url="http://ehr.localhost:9000").text
    about = [chart.title for name, chart in stack.state.charts.items() if chart.name.startswith("special/")]  # fmt: skip
    assert len(about) == 11
    for title in about:
        said = title.split(": ", 1)[1]
        assert f"{said[:1].upper()}{said[1:]}" in page
