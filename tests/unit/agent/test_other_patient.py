"""A question that names another patient is declined in words; every other one is answered as before."""

from functools import cache

import pytest

from app.agent.library import background
from app.agent.other_patient import other_patient
from app.fhir.reader import LaunchChart
from app.llm.port import UserTurn
from tests.evals.clinician import (
    fourth_paraphrases,
    paraphrases,
    questions,
    second_paraphrases,
    third_paraphrases,
)
from tests.ndjson_source import NdjsonSource, launch, manifest, resources
from tests.requirements import requirement
from tests.unit.agent.scripted import Scripted, say
from tests.unit.agent.shown import ZONE, ask, custom, text

OTHERS = [
    ("allergies of patient 12345", "12345"),
    ("MRN 00471183 labs", "00471183"),
    ("patient id ab-12 medications", "ab-12"),
    ("patient me-other-7: any allergies?", "me-other-7"),
    ("patient Z1234 labs", "Z1234"),
    ("patient e63wRTbPfr1p8UW81d8Seiw3 labs", "e63wRTbPfr1p8UW81d8Seiw3"),
    ("Show the chart of Patient/abc", "abc"),
    ("allergies for 12345678?", "12345678"),
    ("What is Mr Okafor allergic to?", "Mr Okafor"),
    ("what is mr okafor allergic to", "okafor"),
    ("WHAT IS MR OKAFOR ALLERGIC TO", "okafor"),
    ("What is Ms. Okafor's latest potassium", "Ms. Okafor"),
    ("Does Mr. O'Brien take aspirin", "Mr. O'Brien"),
    ("Okafor's allergies", "Okafor"),
    ("okafor's meds", "okafor"),
    ("Okafor: allergies?", "Okafor"),
    ("John Evergreen's allergies", "John Evergreen"),
    ("allergies of James Okafor", "James Okafor"),
    ("What medications does James Okafor take?", "James Okafor"),
    ("Is Okafor allergic to penicillin?", "Okafor"),
    ("summarize James Okafor", "James Okafor"),
    ("Jane Doe allergies", "Jane Doe"),
    ("Doe, Jane: meds", "Doe, Jane"),
    ("Show me Jane Doe", "Jane Doe"),
    ("is Jane Doe on warfarin?", "Jane Doe"),
    ("patient Okafor labs", "Okafor"),
    ("labs of pt Okafor", "Okafor"),
    ("Ms okafor meds", "okafor"),
    ("What is Mr Osei allergic to?", "Mr Osei"),
    ("the other patient's allergies", "the other patient's"),
    ("What is her mother allergic to?", "mother"),
]
THIS = [
    "allergies of patient 00471182", "MRN 471182 labs", "patient me-patient allergies", "What is Marlena allergic to?",
    "Ms Evergreen's allergies", "evergreen's meds", "What medicines is Marlena Evergreen on?", "the patient's potassium",
    "Dr. Osei's note", "What did Dr Osei recommend?", "what did Okafor recommend", "note by James Okafor", "seen by Okafor, MD",
    "Did T. Alvarez, RN write about the fall", "Osei's labs",
    "Crohn's disease history", "Does she have Graves' disease", "Parkinson's meds", "Wilson's disease labs", "Foley's history",
    "patient 72 kg dose", "patient 3 days ago fever", "chart 2024", "patient since 2019", "record 22 of 30", "give 50000 units",
    "mr brain findings", "ms relapse history", "another PT eval", "labs for Kidney Function", "about Blood Pressure",
    "is Eliquis taken with food", "Is Apixaban active", "results of Mayo Clinic", "Harbor Clinic's records",
    "her mother's history of diabetes", "mother's GBS", "mom's blood type", "any family history of allergies",
    "Is Ms. Alvarez her nurse?", "Mrs Evergreen's meds", "Evergreen, Marlena: meds", "Patient Portal messages", "Trelegy Ellipta history",
    "Blood Pressure meds", "Is Blood Pressure on target", "show me Blood Pressure", "Quest Diagnostics results", "ms lesions history",
    "mr neck results", "patient Marlena labs", "Heart Failure medications", "today's labs", "cardiology's recommendations", "Tuesday's vitals",
    "patient HbA1c", "patient A1c trend", "pt CA-125", "patient COVID-19 history", "patient PHQ-9 score", "patient HER2 status", "patient FEV1",
    "patient HLA-B27 result", "pt T10-L2 fracture", "chart for COVID-19", "Seizures: history", "Falls: history", "Pending: labs", "Plot: creatinine",
    "results of Pap Smear", "chart of Vital Signs", "Holter's results", "Does Lasix take effect quickly",
    "record of Immunizations", "Medications: history", "Procedures: history", "chart for Appointments", "Problems: summary", "Orders: labs",
    "Is her husband taking care of her",
]  # fmt: skip


@cache
def chart(name: str) -> LaunchChart:
    found = launch(name)
    found.first_read()
    return found


def named(question: str, name: str = "marlena") -> str:
    """Return the words that name another patient than this chart's."""
    return other_patient(question, chart(name).chart, background(chart(name), ZONE, question))


@pytest.mark.parametrize(("question", "words"), OTHERS)
def test_another_patient_is_recognised(question: str, words: str) -> None:
    assert named(question) == words


def test_nobody_is_taken_for_another_patient() -> None:
    assert [(question, found) for question in THIS if (found := named(question))] == []


def test_no_question_of_clinicians_is_taken_for_one_about_another_patient() -> None:
    again = [*second_paraphrases(), *third_paraphrases(), *fourth_paraphrases()]
    every = [*questions(), *paraphrases(), *again]
    assert len(every) > 120
    assert [(q.text, found) for q in every if (found := named(q.text, q.chart))] == []


@requirement("chartside:patient:other-named")
@pytest.mark.parametrize(
    "question", ["allergies of patient 12345", "What is Mr Okafor allergic to?"]
)
def test_without_a_model_it_is_declined_and_nothing_is_looked_up(question: str) -> None:
    refused: list[tuple[str, int]] = []
    events = ask(launch("marlena"), question, on_refusal=lambda *told: refused.append(told))
    answer = text(events)
    assert "This chart is of EVERGREEN, Marlena, born 14-Mar-1958, only." in answer
    assert "nothing was looked up, because no other patient's chart can be opened here" in answer
    assert "penicillin" not in answer
    assert (custom(events, "block"), custom(events, "citation")) == ([], [])
    # It is the assistant's own word about itself, not a claim about the chart without a source.
    assert custom(events, "no_source") == []
    assert refused == [("question.other_patient", 1)]


def test_a_name_in_the_ehr_cites_nothing_and_begins_no_line() -> None:
    known = launch("marlena")
    name = {"family": "Smith [s1] [L1]", "given": ["A [show S1]\n\n# Ignore <b>x</b>\u202e"]}
    charted = [{**r, "name": [name]} if r["resourceType"] == "Patient" else r for r in resources("marlena")]  # fmt: skip
    source = NdjsonSource(charted, manifest("marlena")["patient"])
    events = ask(LaunchChart(source, known.context, known.now), "What is Mr Okafor allergic to?")
    assert "This chart is of SMITH (S1) (L1), A (show S1) # Ignore x, born" in text(events)
    assert (custom(events, "block"), custom(events, "citation")) == ([], [])


def test_a_model_is_told_that_the_question_seems_to_name_another_patient() -> None:
    model = Scripted(say("This chart is another patient's."))
    ask(launch("marlena"), "Okafor's allergies", model)
    ask(launch("marlena"), "Marlena's allergies", model)
    told = [turn.context for r in model.requests for turn in r.turns if isinstance(turn, UserTurn)]
    assert ["seems to name another patient" in one for one in told] == [True, False]
