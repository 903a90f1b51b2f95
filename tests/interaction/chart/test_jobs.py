"""Jobs over the real protocol: asked for in words, every part cited with sources that open, refusals said in their part."""

from typing import Any

import pytest

from sandbox.faults import FaultRule
from tests.stack import Browser, Launched, Stack


def text(events: list[dict[str, Any]]) -> str:
    return "".join(e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT")


def custom(events: list[dict[str, Any]], name: str) -> list[Any]:
    return [e["value"] for e in events if e.get("name") == f"chartside.{name}"]


def asked(launched: Launched, question: str) -> list[dict[str, Any]]:
    events = launched.ask(question)
    assert events[-1]["type"] == "RUN_FINISHED"
    (foot,) = custom(events, "answered")
    assert (foot["mismatches"], foot["without_source"]) == (0, 0)
    return events


@pytest.mark.parametrize(
    ("chart", "question", "headings"),
    [
        ("marlena", "Pre-visit summary", ("Since the last visit", "Allergies", "Care gaps")),
        ("messy", "SBAR handoff", ("Situation", "Background", "Assessment", "Recommendation")),
        ("child", "med review", ("Checks", "Active orders", "Allergies")),
        ("stay-heart", "Hospital course", ("Admission", "Day 1", "Day 3", "Pending")),
    ],
)
def test_a_job_is_answered_and_its_sources_open(
    stack: Stack, browser: Browser, chart: str, question: str, headings: tuple[str, ...]
) -> None:
    launched = browser.launch(chart)
    events = asked(launched, question)
    for heading in headings:
        assert f"**{heading}**" in text(events)
    numbers = sorted({c["n"] for c in custom(events, "citation")})
    assert numbers
    for n in (*numbers[:2], *numbers[-2:]):
        assert launched.get(f"/sources/{n}").get_json()["heading"]


def test_a_failing_section_is_said_in_its_part_and_the_rest_is_there(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    stack.state.faults.set(FaultRule(match="Immunization", fault="server_error_500"))
    events = asked(launched, "Pre-visit summary")
    gaps = text(events).partition("**Care gaps**")[2].partition("**Code status")[0]
    assert "Not read to its end: immunizations: not read" in gaps
    (block,) = [
        b["block"]
        for b in custom(events, "block")
        if b["block"].get("title") == "Checked: Care gaps"
    ]
    zoster = [
        " ".join(p.get("text", "") for p in row["pieces"])
        for row in (*block["rows"], *block["more"])
        if "Zoster" in str(row["pieces"][0])
    ]
    assert "cannot tell" in zoster[0]
    assert "Potassium 5.6" in text(events)


def test_a_refused_section_is_never_none(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.state.faults.set(FaultRule(match="AllergyIntolerance", fault="forbidden_403"))
    events = asked(launched, "medication review")
    part = text(events).partition("**Allergies**")[2]
    assert "Not read to its end: allergies: refused by the EHR" in part
    assert "states no absence" not in part
