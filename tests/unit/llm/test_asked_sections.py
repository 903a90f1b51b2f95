"""Typed questions reach the parts of the chart; what is not in the record is declined by its name, never with silence."""

import json
import re
from typing import Any

import pytest

from app.agent.library import background
from app.agent.uncited import kind_of
from app.fhir.reader import LaunchChart
from app.llm.asked_sections import ASKED, DECLINED, window
from app.llm.hang_up import HangUp
from app.llm.intents import read
from app.llm.no_llm import NoLanguageModel, calls
from app.llm.port import Reply, Request, TextDelta, ToolCall, ToolTurn, UserTurn
from app.llm.synonyms import load
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.unit.agent.evidence import ZONE
from tests.unit.agent.shown import ask, verdicts
from tests.unit.fhir.records import EVERY, SUBJECT, coded, record
from tests.unit.tools.test_section_tool import chart_of, dose, mg

SYNONYMS = load()


def look_ups(question: str) -> list[str]:
    found = calls(read(question, SYNONYMS))
    return [f"{name} {json.dumps(arguments)[1:-1]}".replace('"', "").strip() for name, arguments in found]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Code status? Who decides?", "chart_section section: alerts"),
        ("last dose of enoxaparin?", "chart_section section: administrations, words: enoxaparin"),
        ("PRNs given in the last 12 hours", "chart_section section: administrations, since: 12h"),
        ("What grew, and sensitivities?", "chart_section section: microbiology"),
        ("Which referrals never happened?", "chart_section section: referrals"),
        ("Lines, drains, catheters, since when?", "chart_section section: devices"),
        ("Home vs inpatient vs discharge meds?", "chart_section section: home_medications"),
        ("Home vs inpatient vs discharge meds?", "chart_section section: inpatient_medications"),
        ("Home vs inpatient vs discharge meds?", "chart_section section: discharge_medications"),
        (
            "Vancomycin levels relative to doses",
            "chart_section section: administrations, words: vancomycin",
        ),
        ("Tetanus up to date?", "chart_section section: immunizations"),
        ("Last colonoscopy, result?", "chart_section section: procedures"),
        ("Last echo: EF?", "chart_section section: reports"),
        ("PHQ-9 and GAD-7 trend", "chart_section section: assessments"),
        ("Family history of colon or breast cancer, age", "chart_section section: family"),
        ("Does her plan cover semaglutide?", "chart_section section: coverage"),
        ("Fall risk, isolation, precautions", "chart_section section: alerts"),
        ("NPO? diet? tube feed rate?", "chart_section section: alerts"),
        ("Who is covering now?", "chart_section section: care_team"),
        ("What is overdue?", "chart_section section: care_gaps"),
        ("What happened overnight?", "changes_since anchor: 24h"),
        ("anything new since admission", "changes_since anchor: admission"),
        ("what changed since the last progress note", "changes_since anchor: last_note"),
    ],
)
def test_a_question_reaches_its_part_of_the_chart(question: str, expected: str) -> None:
    assert expected in look_ups(question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Controlled substances elsewhere (PDMP)?", "The prescription monitoring program (PDMP) is not readable here."),
        ("Net I/O and weight, 3 days", "Intake and output are not added up here: flowsheets are not readable, and single volumes stand among the results if the EHR sent them."),
        ("Eligible for trial X?", "Criteria of clinical trials are not matched here."),
        ("Anything confidential before I print for the parent?", "that unlabelled text holds nothing confidential cannot be told here."),
        ("mother's GBS?", "The mother's chart is another record and is not read here."),
        ("Cycle/day, last carboplatin", "Treatment plans, cycles and cumulative doses are not readable here"),
        ("Abnormal results nobody acted on?", "Whether somebody acted on a result cannot be told from the record."),
        ("Interactions with clarithromycin?", "Interactions between medicines are not checked here; use the check of the EHR."),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_declined_by_its_name(question: str, said: str) -> None:
    assert said in answer(chart_of(), question)


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("in the last 24 hours", "24h"), ("past 3 months", "91d"), ("the last three days", "3d"), ("from last week", "7d"), ("past 12 months", "365d"), ("over the last 2 weeks", "14d"), ("in 12 h", "12h"),
        ("in the previous 7 days", "7d"), ("last visit", ""), ("in 2019", ""),
    ],
)  # fmt: skip
def test_a_window_is_read_in_hours_or_days(text: str, since: str) -> None:
    assert window(text) == since


def answer(chart: LaunchChart, question: str) -> str:
    """Return what the assistant writes after its look-ups, as a turn runs them."""
    registry = Registry(CHART_TOOLS, chart, chart.context)
    model = NoLanguageModel(SYNONYMS)
    turns: list[Any] = [UserTurn(text=question)]
    first = list(model.stream(request(registry, turns), HangUp()))
    asked = [e for e in first if isinstance(e, ToolCall)]
    replies = []
    for call in asked:
        result = registry.call(call.name, call.arguments)
        replies.append(
            Reply(call_id=call.id, name=call.name, text=result.text, is_error=result.is_error, entries=result.entries)
        )  # fmt: skip
    if asked:
        turns.append(ToolTurn(replies=tuple(replies)))
        first = list(model.stream(request(registry, turns), HangUp()))
    return "".join(e.text for e in first if isinstance(e, TextDelta))


def request(registry: Registry, turns: list[Any]) -> Request:
    return Request(policy="", digest="", turns=tuple(turns), tools=registry.describe())


def test_the_last_dose_of_a_named_medicine_is_told_with_its_time_and_others_are_not() -> None:
    chart = chart_of(
        dose("a", "2026-11-20T04:00:00-06:00", **mg(4)),
        dose("b", "2026-11-20T06:00:00-06:00", "not-done", statusReason=[{"text": "held"}]),
        {**dose("c", "2026-11-20T07:00:00-06:00", **mg(40)), "medicationCodeableConcept": {"text": "enoxaparin"}},
    )  # fmt: skip
    written = answer(chart, "last dose of morphine?")
    assert "Last dose: morphine 4 mg, given 20-Nov-2026 04:00 [G3]." in written
    assert "[show G2 G3]" in written
    assert "enoxaparin" not in written
    assert "what was taken at home or elsewhere cannot be told here" in written
    cited = verdicts(ask(chart, "last dose of morphine?"))
    # The claim is checked like any model's: name, dose, role and minute match the record.
    assert {(c["verdict"], c["claim"][:9]) for c in cited} >= {("match", "Last dose")}
    assert {c["verdict"] for c in cited} == {"match"}


def test_code_status_shows_flag_consent_and_order_and_chooses_none() -> None:
    full = record(
        "ServiceRequest", "c", SUBJECT, status="active", code={"text": "Full code status"}
    )
    written = answer(chart_of(EVERY["consents"], full), "code status?")
    assert "[show F1 R1]" in written
    assert "all of them are shown" in written


def test_an_empty_part_cites_its_search_and_a_refused_one_says_so() -> None:
    assert "[show S1]" in answer(chart_of(), "any immunizations?")
    refused = answer(chart_of(denied=("Immunization",)), "any immunizations?")
    assert "[show S1]" in refused
    assert "none" not in refused.casefold()


def test_a_report_of_one_kind_is_picked_and_its_words_are_searched_elsewhere() -> None:
    found = [
        record("DiagnosticReport", "e", SUBJECT, status="final", code={"text": "Echocardiogram"},
               effectiveDateTime="2026-03-01", conclusion="LVEF 35 %.", category=[coded("CUS")]),
        record("DiagnosticReport", "l", SUBJECT, status="final", code={"text": "Lipid panel"}, effectiveDateTime="2026-04-01"),
    ]  # fmt: skip
    written = answer(chart_of(*found), "last echo?")
    assert "[show R2]" in written
    assert "R1" not in written
    assert "images are not read" in written
    none = answer(chart_of(*found), "last CT?")
    assert (
        "The reports listed are about something else; “ct” was searched in the whole chart." in none
    )
    assert "[show S1]" in none


@pytest.mark.parametrize(
    "sentence", [*(f"*{a.note}*" for a in ASKED if a.note), *(sentence for _, sentence in DECLINED)]
)
def test_what_is_said_of_the_record_itself_is_no_claim_without_a_source(sentence: str) -> None:
    chart = chart_of()
    assert kind_of(sentence, background(chart, ZONE, "What?")) != "no_source"


def test_care_gaps_are_listed_with_the_rule_that_each_comes_from() -> None:
    written = answer(chart_of(), "what is overdue?")
    assert re.search(r"^\[show CALC\d+\]$", written, re.MULTILINE)
    assert "a person decides" in written
