"""Free wording: ordinary words are no search terms, what is not understood is said, a slip is asked about."""

import pytest

from app.llm.intents import read
from app.llm.no_llm import calls
from app.llm.ordinary import ORDINARY, parted
from app.llm.port import Reply
from app.llm.synonyms import load
from app.llm.templates import write
from tests.ndjson_source import launch
from tests.unit.agent.shown import ask, custom, text

SYNONYMS = load()


def searched(question: str) -> list[str]:
    """Return every word that a question has looked for in notes and names."""
    found = calls(read(question, SYNONYMS))
    return [w for n, a in found if n in ("chart_search", "chart_notes") for w in a.get("words", [])]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("question", "words", "unexplained"),
    [
        ("potassium before she goes home", [], ["goes home"]),
        ("any events last night?", [], ["events"]),
        ("Morse and Braden scores", ["morse", "braden"], ["scores"]),
        ("creatinine, and her itchy rash without trouble", ["itchy rash"], ["without trouble"]),
        ("is there anything about the usual things", [], ["usual things"]),
    ],
)
def test_ordinary_words_are_named_and_not_searched(
    question: str, words: list[str], unexplained: list[str]
) -> None:
    assert searched(question) == words
    assert read(question, SYNONYMS).ignored == unexplained


def test_what_is_quoted_or_asked_of_notes_is_searched_as_it_stands() -> None:
    assert searched("potassium “goes home”") == ["goes home"]
    assert searched("notes about the evening walk") == ["evening walk"]
    assert parted("again contrast dye without trouble") == (["contrast dye"], ["again", "without trouble"])  # fmt: skip


def test_no_known_word_is_ordinary() -> None:
    assert not ORDINARY & set(SYNONYMS.vocabulary)


def test_the_answer_names_what_it_did_not_understand() -> None:
    answer = text(ask(launch("marlena"), "potassium before she goes home"))
    assert "Not matched: “goes home”." in answer


@pytest.mark.parametrize(
    ("question", "meant"), [("colonoscpy result", "colonoscopy"), ("any colitsi?", "colitis")]
)
def test_a_slip_for_a_word_of_the_chart_is_asked_about(question: str, meant: str) -> None:
    events = ask(launch("messy"), question)
    assert f"Did you mean {meant}?" in text(events)
    assert "none found" not in str([v["block"] for v in custom(events, "block")])


@pytest.mark.parametrize(
    ("question", "sections"),
    [
        ("who is the health care proxy", ["alerts", "care_team"]),
        ("is there an agent", ["alerts", "care_team"]),
        ("does she still have a foley or a central line", ["devices"]),
        ("which doctor is on for her now", ["care_team"]),
        ("what shots does she need at this visit", ["immunizations"]),
        ("which preventive care is she behind on", ["care_gaps"]),
        ("any open consults", ["referrals"]),
        ("what was she on at home and what is she on here", ["home_medications", "inpatient_medications"]),
    ],
)  # fmt: skip
def test_words_of_the_ward_reach_their_part(question: str, sections: list[str]) -> None:
    found = [a["section"] for n, a in calls(read(question, SYNONYMS)) if n == "chart_section"]
    assert list(dict.fromkeys(found)) == sections


def test_may_she_eat_is_no_question_of_giving() -> None:
    plan = read("can she eat? diet order, tube feeds", SYNONYMS)
    assert not plan.give
    assert [asked.section for asked in plan.parts] == ["alerts"]


@pytest.mark.parametrize(
    ("question", "declined"),
    [
        ("how much adriamycin has she had in total", "Cumulative dose: not computed here"),
        ("does she qualify for the lung study", "clinical trials are not matched here"),
        ("results that no one addressed", "acted on a result cannot be told"),
        ("any sensitive notes before giving the parent a copy", "Labelled items are withheld and counted"),
        ("patient instructions en español", "need a language model"),
        ("needs lights?", "thresholds are not held here"),
    ],
)  # fmt: skip
def test_what_is_not_here_is_declined_by_name(question: str, declined: str) -> None:
    assert any(declined in said for said in read(question, SYNONYMS).declined)


def test_a_sum_that_is_declined_lists_the_doses() -> None:
    events = ask(launch("messy"), "how much adriamycin has she had in total")
    assert "Last dose: doxorubicin 76 mg" in text(events)


def test_what_is_taken_for_an_illness_are_medicines() -> None:
    plan = read("what she takes for diabetes", SYNONYMS)
    assert not plan.problems
    assert "insulin" in {word for kind in plan.classes for word in kind.ingredients}


def test_the_count_of_neutrophils_in_its_own_unit_matches_the_record() -> None:
    foot = custom(ask(launch("messy"), "ANC"), "answered")[-1]
    assert foot["mismatches"] == 0


@pytest.mark.parametrize(
    ("question", "sections"),
    [
        ("who speaks for her if she cannot", ["alerts", "care_team"]),
        ("med rec: what was she taking at home?", ["home_medications", "inpatient_medications", "discharge_medications"]),
        ("how many days of abx so far", ["medications", "medications", "medications"]),
        ("whom should I call about her", ["care_team"]),
        ("any specialist visits?", ["referrals"]),
    ],
)  # fmt: skip
def test_other_words_ask_for_the_same_parts(question: str, sections: list[str]) -> None:
    looked = [a["section"] for n, a in calls(read(question, SYNONYMS)) if n == "chart_section"]
    assert looked == sections


@pytest.mark.parametrize(
    ("question", "topic", "anchor"),
    [
        ("catch me up since I signed out last night", "changes", "24h"),
        ("which tests have not come back yet?", "pending", ""),
        ("which cultures haven't come back", "pending", ""),
        ("was he in the ER?", "emergency", ""),
    ],
)
def test_other_words_ask_for_the_same_topic(question: str, topic: str, anchor: str) -> None:
    plan = read(question, SYNONYMS)
    assert (plan.topics, plan.anchor) == ([topic], anchor)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("what fell through the cracks?", "Whether somebody acted on a result"),
        ("which abnormal labs were missed?", "Whether somebody acted on a result"),
        ("statin - the reason it was d/c'd?", "The reason why an order was stopped"),
        ("home meds, and what did we change and why", "The reason why an order was stopped"),
    ],
)
def test_what_cannot_be_told_is_declined_in_other_words_too(question: str, said: str) -> None:
    assert [x for x in read(question, SYNONYMS).declined if x.startswith(said)]


def test_a_dose_for_the_kidneys_is_the_check_and_a_weekday_is_no_search() -> None:
    assert read("which meds need a dose change for her kidneys", SYNONYMS).checks == ["renal"]
    assert searched("potassium since Tuesday") == []


def test_a_change_of_a_chart_stays_one() -> None:
    plan = read("what changed and why", SYNONYMS)
    assert (plan.topics, plan.declined) == (["changes"], [])


def test_a_computation_that_its_tool_refuses_is_said_not_to_be_done() -> None:
    said = "A computation that is asked for was not done"
    refused = Reply(call_id="1", name="calculate", text="months: not said", is_error=True)
    plan = read("average bp", SYNONYMS)
    assert said in write(plan, [refused], SYNONYMS)
    assert said not in write(plan, [], SYNONYMS)
    assert said not in write(plan, [refused], SYNONYMS, ["calculate"])
