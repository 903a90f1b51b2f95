"""Which look-ups a question asks for, and the sentences that are written from their answers."""

import json
import re

import pytest

from app.llm.hang_up import HangUp
from app.llm.intents import read
from app.llm.no_llm import NoLanguageModel, calls
from app.llm.parts import NOT_TAKING
from app.llm.port import (
    Done,
    Entry,
    Reply,
    Request,
    TextDelta,
    ToolCall,
    ToolSpec,
    ToolTurn,
    UserTurn,
)
from app.llm.synonyms import load
from app.llm.templates import write
from tests.ndjson_source import launch
from tests.unit.agent.shown import ask, custom, text, verdicts

SYNONYMS = load()
ALL = tuple(
    ToolSpec(name=name, description="", schema={})
    for name in ("changes_since", "chart_job", "chart_notes", "chart_overview", "chart_pending", "chart_results", "chart_search", "chart_section", "note_read")
)  # fmt: skip


def wanted(question: str) -> list[str]:
    found = calls(read(question, SYNONYMS))
    return [
        f"{name}({', '.join(f'{k}={v}' for k, v in arguments.items())})".replace("'", "")
        for name, arguments in found
    ]


@pytest.mark.parametrize(
    ("question", "look_ups"),
    [
        (
            "Why has her kidney function dropped?",
            [
                "chart_results(tests=[potassium, creatinine, eGFR, urea nitrogen])",
                "chart_section(section=medications, status=active)",
            ],
        ),
        ("What medicines is she on?", ["chart_section(section=medications, status=active)"]),
        ("Any allergies?", ["chart_section(section=allergies)"]),
        ("What was the last potassium?", ["chart_results(tests=[potassium])"]),
        (
            "K and creat since 2026-01-01",
            ["chart_results(tests=[creatinine, potassium], since=2026-01-01)"],
        ),
        ("What are the active problems?", ["chart_section(section=problems, status=active)"]),
        ("Any urine albumin?", ["chart_results(tests=[urine albumin])"]),
        ("is her pressure controlled", ["chart_results(tests=[blood pressure])"]),
        ("When was the last visit, and why?", ["chart_section(section=encounters, limit=12)"]),
        ("What is still pending?", ["chart_pending()"]),
        ("what changed since my last visit?", ["changes_since()"]),
        (
            "Is she anticoagulated?",
            ["chart_section(section=medications, words=anticoagulants, status=active)"],
        ),
        ("ever on a statin?", ["chart_section(section=medications, words=statins)"]),
        ("Pre-visit summary", ["chart_job(name=pre_visit)"]),
        ("Give me a summary", ["chart_overview()"]),
        ("What did cardiology recommend?", ["chart_notes(service=cardiology)"]),
        ("Last 3 notes", ["chart_notes()"]),
        ("notes about back pain", ["chart_notes(words=[back pain])"]),
        ("hx of gout", ["chart_search(words=[gout])"]),
        ("any hx of MI", ["chart_search(words=[MI])"]),
        ("is she on metoprolol", ["chart_search(words=[metoprolol])"]),
        ("Does it say “eating less”?", ["chart_search(words=[eating less])"]),
        (
            "vitals",
            [
                "chart_results(tests=[blood pressure, heart rate, respiratory rate, temperature, oxygen saturation, weight])"
            ],
        ),
        ("show me the labs", ["chart_results(kind=labs)"]),
        (
            "were they filled?",
            ["chart_section(section=fills)", "chart_section(section=home_medications)"],
        ),
        ("hello", []),
        ("vaccines due?", ["chart_section(section=immunizations)"]),
    ],
)
def test_words_ask_for_look_ups(question: str, look_ups: list[str]) -> None:
    assert wanted(question) == look_ups


@pytest.mark.parametrize(
    "question",
    [
        "can I give her amoxicillin?",
        "Is it safe to start naproxen?",
        "may we use contrast",
        "OK to prescribe trimethoprim?",
    ],
)
def test_can_i_give_always_looks_at_allergies_medicines_and_problems(question: str) -> None:
    sections = [
        json.loads(json.dumps(a)).get("section")
        for n, a in calls(read(question, SYNONYMS))
        if n == "chart_section"
    ]
    assert sections == ["allergies", "medications", "problems"]


def stream(question: str, *replies: Reply, tools: tuple[ToolSpec, ...] = ALL) -> list[object]:
    turns = (UserTurn(text=question), *((ToolTurn(replies=replies),) if replies else ()))
    return list(
        NoLanguageModel(SYNONYMS).stream(
            Request(policy="", tools=tools, digest="", turns=turns), HangUp()
        )
    )


def test_it_asks_for_tools_first_and_writes_then() -> None:
    first = stream("Any allergies?")
    assert isinstance(first[0], ToolCall)
    assert first[-1] == Done(stop="tools")
    fields = (("section", "allergies"), ("complete", "yes"))
    none = Entry(section="search", handle="S1", name="allergies", fields=fields)
    then = stream(
        "Any allergies?", Reply(call_id="look-1", name="chart_section", text="", entries=(none,))
    )
    assert then[-1] == Done(stop="end")
    written = "".join(e.text for e in then if isinstance(e, TextDelta))
    assert "states no absence [S1]" in written
    assert len(then) > 3


def test_an_earlier_answer_is_not_mistaken_for_this_one() -> None:
    model = NoLanguageModel(SYNONYMS)
    turns = (
        UserTurn(text="Any allergies?"),
        ToolTurn(replies=()),
        UserTurn(text="What is pending?"),
    )
    events = list(model.stream(Request(policy="", tools=ALL, digest="", turns=turns), HangUp()))
    assert [e.name for e in events if isinstance(e, ToolCall)] == ["chart_pending"]


def test_what_it_may_not_look_up_is_said() -> None:
    events = stream("What did cardiology recommend?", tools=())
    written = "".join(e.text for e in events if isinstance(e, TextDelta))
    assert (
        "Notes could not be looked up: this launch has no permission to read it. It may exist."
        in written
    )


def test_words_that_ask_for_nothing_get_a_list_of_what_can_be_looked_up() -> None:
    written = "".join(e.text for e in stream("hello there") if isinstance(e, TextDelta))
    assert "What can be looked up: a summary" in written
    assert not re.search(r"\bI\b|!|outage", written)


def test_unread_topics_are_named_not_denied() -> None:
    written = write(read("interactions? PDMP?", SYNONYMS), (), SYNONYMS)
    assert (
        "The prescription monitoring program (PDMP) is not readable here.\n\n"
        "Interactions between medicines are not checked here; use the check of the EHR." in written
    )
    assert "none" not in written.casefold()


FORBIDDEN = re.compile(
    r"\b(?:started|because|caused|verified|safe|accurate|taking|QD|IU)\b|no interactions|!",
    re.IGNORECASE,
)
QUESTIONS = (
    "Why has her kidney function dropped since the summer, and which of her medicines does it affect?", "can I give her amoxicillin?", "Pre-visit summary",
    "what changed since my last visit?", "All weights", "ever on a statin?", "is she on metoprolol", "show me the labs", "hx of gout", "her fills", "Is she on ibuprofen?",
    "What did cardiology recommend?", "notes about back pain", "liver function and lipids", "vitals",
)  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", ["marlena", "typical", "large"])
def test_every_sentence_matches_its_source_in_its_own_words(name: str, question: str) -> None:
    events = ask(launch(name), question)
    assert [v for v in verdicts(events) if v["verdict"] != "match"] == []
    assert custom(events, "no_source") == []
    own = re.sub(r"“[^”]*”", "", text(events)).replace(NOT_TAKING, "")
    assert not FORBIDDEN.search(own), own


def test_the_matched_words_stand_in_one_line_in_emphasis() -> None:
    written = text(ask(launch("marlena"), "Why has her kidney function dropped?"))
    assert [x for x in written.splitlines() if x.startswith("*")] == [
        "*Matched words: “kidney function” = potassium, creatinine, eGFR, urea nitrogen. Nothing is explained or compared.*",
        "*Active orders on the kidney and potassium list; not every medicine that matters is on it.*",
    ]


def test_every_word_of_the_table_belongs_to_something() -> None:
    assert all(
        panel.tests and all(SYNONYMS.test(t) for t in panel.tests) for panel in SYNONYMS.panels
    )
    assert all(t.loinc and t.words == tuple(w.casefold() for w in t.words) for t in SYNONYMS.tests)
    codes = [code for t in SYNONYMS.tests for code in t.loinc]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"\d{1,5}-\d", code) for code in codes)
