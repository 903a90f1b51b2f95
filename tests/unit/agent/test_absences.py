"""A negative sentence matches only what proves it: a search for the same thing, or a record that denies the same."""

import pytest

from app.agent.denials import denials
from app.fhir.citation import Evidence
from tests.unit.agent.evidence import EVIDENCE, fact, judged

NOTE = "DocumentReference/n"


def search(what: str, *, complete: bool = True) -> tuple[Evidence, ...]:
    status = "complete" if complete else "incomplete"
    return (
        fact("", "search", "412", name=what, status=status, date="20-Nov-2026 08:42", date_role="searched"),
        fact("", "span", "03-Mar-2019"),
        fact("", "span", "20-Nov-2026"),
    )  # fmt: skip


def note(words: str) -> tuple[Evidence, ...]:
    return (fact(NOTE, "words", words, name="Visit note", date="2026-11-14", date_role="signed"),)


def problem(name: str) -> tuple[Evidence, ...]:
    return (fact("Condition/d", "problem", name, name=name, status="active"),)


def allergy(reaction: str) -> tuple[Evidence, ...]:
    same = {"name": "penicillin", "status": "active"}
    return (
        fact("AllergyIntolerance/a", "substance", "penicillin", **same),
        fact("AllergyIntolerance/a", "reaction", reaction, **same),
    )


ALBUMIN = search("urine albumin")
STOOLS = EVIDENCE["N2"]
CASES = (
    # Searches: what is denied, and what was searched.
    ("No penicillin allergy is recorded", ALBUMIN, "unchecked"),
    ("No penicillin allergy is recorded in 412 laboratory results", ALBUMIN, "unchecked"),
    ("Penicillin allergy: none found", ALBUMIN, "unchecked"),
    ("No albumin is recorded", ALBUMIN, "unchecked"),
    ("No urine albumin is recorded", ALBUMIN, "match"),
    ("Urine albumin: none found in 412 laboratory results", ALBUMIN, "match"),
    ("Urine albumin was not found", ALBUMIN, "match"),
    ("None found", ALBUMIN, "match"),
    ("No urine albumin is recorded", search("urine albumin", complete=False), "mismatch"),
    ("No urine albumin or penicillin allergy is recorded", ALBUMIN, "unchecked"),
    # A narrower search proves only the narrower sentence.
    ("No potassium is recorded", search("potassium since 01-Dec-2026"), "unchecked"),
    ("None found", search("potassium since 01-Dec-2026"), "unchecked"),
    ("No potassium since 01-Jan-2026", search("potassium since 01-Dec-2026"), "unchecked"),
    ("No potassium since 01-Dec-2026", search("potassium since 01-Dec-2026"), "match"),
    ("No anticoagulants are recorded", search("active anticoagulants"), "unchecked"),
    ("No active anticoagulants are recorded", search("active anticoagulants"), "match"),
    # Records: only their own name.
    ("There is no diabetes", problem("Type 2 diabetes mellitus without complications"), "mismatch"),
    ("There is no gout", problem("Type 2 diabetes mellitus without complications"), "mismatch"),
    ("She has no penicillin allergy", allergy("rash, not anaphylaxis"), "mismatch"),
    ("No anaphylaxis", allergy("rash, not anaphylaxis"), "mismatch"),
    ("No known allergies", EVIDENCE["A1"], "match"),
    ("No known drug allergies or asthma", EVIDENCE["A1"], "mismatch"),
    ("Blood culture: no growth, preliminary", EVIDENCE["L4a"], "match"),
    ("Blood culture: no Candida, preliminary", EVIDENCE["L4a"], "mismatch"),
    # Notes: the same sentence, the same thing.
    ("No chest pain is documented", STOOLS, "unchecked"),
    ("She denies alcohol", STOOLS, "unchecked"),
    ("She denies alcohol on 14-Nov-2026", STOOLS, "unchecked"),
    ("She has no back pain", STOOLS, "unchecked"),
    ("No black stools are documented", STOOLS, "match"),
    ("No stools", STOOLS, "unchecked"),
    ("No chest pain", note("No fever but has chest pain."), "unchecked"),
    ("No chest pain", note("No fever. Chest pain on exertion."), "unchecked"),
    ("No chest pain", note("No increase in chest pain."), "unchecked"),
    ("No chest pain", note("Denies fever, chest pain or cough."), "match"),
    ("No cough or fever", note("Denies fever, chest pain or cough."), "match"),
    ("No cough or nausea", note("Denies fever, chest pain or cough."), "unchecked"),
    ("No chest pain", note("Chest pain: denied."), "match"),
)  # fmt: skip


@pytest.mark.parametrize(("sentence", "evidence", "verdict"), CASES)
def test_a_negative_needs_its_own_proof(
    sentence: str, evidence: tuple[Evidence, ...], verdict: str
) -> None:
    handle = "S1" if not evidence[0].reference else "X1"
    found = judged(f"{sentence} [{handle}].", evidence={handle: evidence})
    assert found.checks[handle].verdict == verdict


def test_two_searches_prove_two_things() -> None:
    both = {"S1": search("ibuprofen"), "S2": search("naproxen")}
    found = judged("No ibuprofen or naproxen is recorded [S1, S2].", evidence=both).checks
    assert {c.verdict for c in found.values()} == {"match"}


def test_a_value_does_not_lend_its_match_to_a_denial_beside_it() -> None:
    both = {"X1": EVIDENCE["N2"], "S1": ALBUMIN}
    found = judged(
        "Ibuprofen 3 times a day and no fever [X1], no urine albumin [S1].", evidence=both
    )
    assert {h: c.verdict for h, c in found.checks.items()} == {"X1": "unchecked", "S1": "match"}


def test_a_denial_reaches_to_the_end_of_its_clause() -> None:
    items = [d.items for d in denials("No black or tarry stools; denies pain, has fever.")]
    assert items == [(frozenset({"black"}), frozenset({"tarry", "stool"})), (frozenset({"pain"}),)]
