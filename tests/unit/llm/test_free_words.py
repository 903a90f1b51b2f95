"""Free words: what is said of diabetes, allergies, smoking, slips and medicines nobody ordered, on three charts."""

from functools import cache
from typing import Any

import pytest

from app.agent.text_content import TurnEvent
from app.fhir.reader import LaunchChart
from app.llm.synonyms import one_edit
from tests.ndjson_source import launch
from tests.unit.agent.shown import ask, custom, text, verdicts


@cache
def opened(name: str, *denied: str) -> LaunchChart:
    return launch(name, denied=denied)


@cache
def answered(name: str, question: str, *denied: str) -> tuple[TurnEvent, ...]:
    return tuple(ask(opened(name, *denied), question))


def said(name: str, question: str, *denied: str) -> str:
    return text(answered(name, question, *denied))


def blocks(name: str, question: str, *denied: str) -> list[dict[str, Any]]:
    return [v["block"] for v in custom(answered(name, question, *denied), "block")]


def titles(name: str, question: str, *denied: str) -> list[str]:
    found = blocks(name, question, *denied)
    return [str(b.get("title") or b.get("caption")) for b in found]


def rows(name: str, question: str, title: str) -> list[str]:
    """Return the first words of the rows of the first block whose title begins so."""
    block = next(b for b in blocks(name, question) if str(b.get("title")).startswith(title))
    return [r["pieces"][0]["text"].split(":")[0].strip() for r in (*block["rows"], *block["more"])]


def none_found(name: str, question: str, *denied: str) -> list[str]:
    found = blocks(name, question, *denied)
    return [b["title"] for b in found if b["kind"] == "negative" and b["state"] == "none_found"]


@pytest.mark.parametrize(
    ("name", "question", "problem"),
    [
        ("marlena", "is she diabetic", "Type 2 diabetes"),
        ("large", "is she diabetic", "Diabetes mellitus type 2"),
        ("marlena", "dm?", "Type 2 diabetes"),
        ("large", "afib", "Atrial fibrillation"),
        ("typical", "atrial fib", "Atrial fibrillation"),
        ("marlena", "high blood pressure", "Hypertension"),
        ("marlena", "htn", "Hypertension"),
        ("large", "heart attack", "History of myocardial infarction"),
        ("typical", "asthmatic?", "Asthma"),
        ("large", "cancer", "Malignant neoplasm of breast"),
    ],
)
def test_a_word_for_a_problem_finds_it(name: str, question: str, problem: str) -> None:
    assert none_found(name, question) == []
    assert problem in rows(name, question, "Active problems" if name == "marlena" else "")


@pytest.mark.parametrize("question", ["smoker?", "smoking"])
def test_smoking_is_read_from_observations(question: str) -> None:
    assert "Tobacco smoking status Ex-smoker" in said("large", question)
    assert none_found("large", question) == []


def test_plural_and_ejection_fraction_are_found() -> None:
    assert said("marlena", "last 3 creatinines").startswith("Creatinine 1.64 mg/dL H")
    assert "ejection fraction 60%" in said("marlena", "EF on last echo")
    assert none_found("marlena", "EF on last echo") == []


@pytest.mark.parametrize("question", ["potasium", "last serum potasium"])
def test_a_slip_is_asked_about_and_nothing_is_denied(question: str) -> None:
    assert said("marlena", question).startswith("Did you mean potassium?")
    assert titles("marlena", question) == []


def test_one_edit_is_one_letter() -> None:
    assert one_edit("potasium", "potassium")
    assert one_edit("sodimu", "sodium")
    assert one_edit("creatinina", "creatinine")
    assert not one_edit("sodium", "sodium")
    assert not one_edit("calcium", "lithium")


def test_an_unknown_word_is_denied_as_a_word_in_one_block() -> None:
    assert [b["title"] for b in blocks("typical", "flurbs?")] == ["The word “flurbs”: none found."]
    (block,) = blocks("marlena", "flurbs?")
    assert block["title"] == "The word “flurbs”: not found in what could be read."
    assert "scanned documents" in block["pieces"][0]["text"]


def test_what_could_not_be_read_comes_before_what_was_not_found() -> None:
    states = [b["state"] for b in blocks("marlena", "flurbs?", "DocumentReference")]
    assert states == ["unread", "none_found"]
    shut = titles("marlena", "is she diabetic", "Condition")
    assert shut[0] == "Problems could not be read."


@pytest.mark.parametrize(
    ("name", "question", "first"),
    [
        ("typical", "allergic to peanuts?", "Peanut"),
        ("typical", "allergic to amoxicillin?", "Penicillin V"),
        ("marlena", "penicillin allergy?", "penicillin"),
        ("marlena", "sulfa allergy", "sulfonamides"),
        ("marlena", "Any allergies?", "penicillin"),
        ("marlena", "summary", "penicillin"),
    ],
)
def test_allergies_come_with_the_named_or_the_gravest_first(
    name: str, question: str, first: str
) -> None:
    assert rows(name, question, "Active allergies")[0] == first
    assert none_found(name, question) == []
    assert "Not matched" not in said(name, question)


def test_a_substance_that_no_allergy_names_is_denied_below_all_allergies() -> None:
    assert titles("marlena", "latex allergy?") == [
        "Active allergies",
        "The word “latex” among the allergies: none found.",
    ]
    assert titles("marlena", "vancomycin allergy")[1:] == ["Allergy to vancomycin: none found."]


def test_an_allergy_beside_another_question_leaves_neither_out() -> None:
    found = titles("marlena", "is she on a blood thinner and allergic to aspirin")
    assert found[0] == "Active allergies"
    assert found[-1] == "Active orders, 1 of 9 shown"


def test_an_empty_allergy_list_is_not_none() -> None:
    sentence = "Allergies not recorded: the EHR lists none and states no absence"
    assert sentence in said("large", "Any allergies?")
    assert "Ask, and record it in the EHR." in said("large", "Any allergies?")
    assert titles("large", "Any allergies?") == []
    assert {v["verdict"] for v in verdicts(answered("large", "Any allergies?"))} == {"match"}


def test_refused_allergies_are_not_an_empty_list() -> None:
    for question in ("Any allergies?", "allergic to peanuts?"):
        found = titles("large", question, "AllergyIntolerance")
        assert found == ["Allergies could not be read."]
        assert "states no absence" not in said("large", question, "AllergyIntolerance")


def test_urine_protein_is_not_urine_albumin() -> None:
    assert said("typical", "urine protein").startswith("Protein in Urine 223 mg/dL")
    assert none_found("marlena", "proteinuria") == ["Urine protein: none found."]
    assert none_found("marlena", "microalbumin") == ["Urine albumin: none found."]


@pytest.mark.parametrize("question", ["last admission", "hospitalizations", "last inpatient stay"])
def test_an_admission_is_a_stay_not_the_last_visit(question: str) -> None:
    assert "Newest inpatient stay: drug rehabilitation" in said("large", question)
    assert "Last visit" not in said("large", question)
    assert none_found("typical", question) == ["Inpatient stay: none found."]


def test_a_class_of_medicines_is_not_the_whole_list() -> None:
    assert rows("marlena", "diabetes meds", "Active orders") == ["metformin"]
    assert custom(answered("marlena", "diabetes meds"), "no_source") == []


def test_short_words_are_known_or_named_as_not_matched() -> None:
    answer = said("marlena", "Cr, K, Na, Mg, BP, HR, A1c and zz")
    for name in ("Creatinine", "Potassium", "Magnesium", "Blood pressure", "Heart rate"):
        assert f"{name} " in answer
    assert "Not matched: “zz”." in answer


def test_leads_say_how_many_of_the_flagged_are_named_potassium_first() -> None:
    for question in ("Last labs", "Summary"):
        assert said("marlena", question).startswith("Potassium 5.6 mmol/L H")
        assert "6 of 7 flagged results named here." in said("marlena", question)


def test_a_lead_is_the_newest_of_its_test_and_says_its_age() -> None:
    assert "2018" not in said("large", "Summary")
    assert "(more than 2 years ago)" in said("marlena", "Mg")


def test_a_known_medicine_without_an_order_is_said_once_with_its_search() -> None:
    answer = said("large", "is she taking apixaban")
    assert "Apixaban: no order found" in answer
    assert "Not matched" not in answer
    assert {v["verdict"] for v in verdicts(answered("large", "is she taking apixaban"))} == {
        "match"
    }


def test_can_i_give_leads_with_kidney_results_and_notes_of_the_class() -> None:
    answer = said("marlena", "can I give ibuprofen")
    places = [
        answer.index(w) for w in ("Potassium 5.6", "Creatinine 1.64", "eGFR 34", "Avoid NSAIDs")
    ]
    assert places == sorted(places)
    assert titles("marlena", "can I give ibuprofen")[0] == "Active allergies"
    assert rows("marlena", "can I give amoxicillin", "Active allergies")[0] == "penicillin"


def test_taking_and_begun_show_one_medicine() -> None:
    assert rows("marlena", "is she taking apixaban", "Active orders") == ["apixaban"]
    assert "An active order is not proof of taking." in said("marlena", "is she taking apixaban")
    begun = said("marlena", "when was spironolactone started")
    assert "The order date is not a start; earlier orders: 0." in begun


@pytest.mark.parametrize(
    "question", ["stop metoprolol", "please order a CBC", "she is crashing", "call the daughter"]
)
def test_a_wish_for_an_act_is_refused_first(question: str) -> None:
    assert said("marlena", question).startswith(
        "Nothing is ordered, changed or written here. Not for emergencies: use the EHR."
    )


def test_the_chips_answer_as_the_long_questions_do() -> None:
    short, long = "Why did eGFR fall?", "Why has her kidney function dropped?"
    assert blocks("marlena", short) == blocks("marlena", long)
    assert rows("marlena", "Active medicines", "Active orders") == rows(
        "marlena", "What medicines is she on?", "Active orders"
    )
    assert len(rows("marlena", "What is pending?", "Pending")) == 2


def test_no_change_is_said_once() -> None:
    assert len(none_found("typical", "what changed?")) == 1
