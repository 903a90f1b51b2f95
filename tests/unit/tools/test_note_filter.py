"""What a service recommended: its newest notes, new text only; where notes and record differ both are shown."""

from typing import Any

import pytest

from app.fhir.reader import LaunchChart
from app.fhir.source import Resource
from app.llm.services import SERVICES, of_service, service_named
from app.tools.note_tools import chart_notes
from tests.unit.fhir.test_notes import chart, document

OLD = "Cardiology advises to keep the daily weight log and to call the clinic when weight rises."
NEW = "Recommend to reduce furosemide to 20 mg once daily and repeat potassium in one week."


def consult(n: int, when: str, text: str, service: str = "Cardiology") -> Resource:
    return document(n, when, text, context={"practiceSetting": {"text": service}})


def found(launch: LaunchChart, **asked: Any) -> list[tuple[str, str]]:
    entries = chart_notes(launch, **asked).entries
    return [(e.field("date"), e.field("passage")) for e in entries]


def test_a_services_newest_advice_comes_first_and_what_it_copied_only_once() -> None:
    launch, _ = chart(
        consult(1, "2026-11-01", OLD), document(2, "2026-11-05", "Plan: walk daily.", "N. Nurse, RN"),
        consult(3, "2026-11-09", f"Ejection fraction is 45 percent.\n\n{OLD}\n\n{NEW}"),
    )  # fmt: skip
    assert found(launch, service="cardiologist") == [("09-Nov-2026", NEW), ("01-Nov-2026", OLD)]
    assert found(launch, service="nursing") == [("05-Nov-2026", "Plan: walk daily.")]
    assert found(launch, service="cardiology", words=["ejection"]) == [
        ("09-Nov-2026", "Ejection fraction is 45 percent.")
    ]


def test_a_service_that_wrote_nothing_is_said_before_what_others_say_of_it() -> None:
    launch, _ = chart(document(1, "2026-11-01", "Nephrology was asked to see her.\n\nNo edema."))
    result = chart_notes(launch, service="nephrology")
    assert [(e.section, e.name, e.field("passage")) for e in result.entries] == [
        ("search", "notes by nephrology", ""), ("notes", "Progress note", "Nephrology was asked to see her."),
    ]  # fmt: skip
    assert launch.chart.ledger.search(result.entries[0].handle).complete


def test_notes_are_narrowed_by_their_type() -> None:
    discharge = {**document(1, "2026-11-01", "Went home."), "type": {"text": "Discharge summary"}}
    launch, _ = chart(discharge, document(2, "2026-11-02", "Went well."))
    listed = [e.handle for e in chart_notes(launch, kind="discharge").entries]
    assert (listed, found(launch, kind="discharge", words=["went"])) == (
        ["N2"],
        [("01-Nov-2026", "Went home.")],
    )


@pytest.mark.parametrize(
    ("text", "service", "is_its"),
    [
        ("Cardiac consult | A. Heart, MD", "cardiology", True), ("Progress note | B. Gist, MD", "gastroenterology", False),
        ("GI consult | B. Gist, MD", "gastroenterology", True), ("Note | C. Brandt, RN", "nursing", True),
        ("Note | C. Modern, MD", "nursing", False), ("Hepatology clinic", "hepatology", True),
    ],
)  # fmt: skip
def test_a_note_belongs_to_a_service_by_its_setting_type_or_author(
    text: str, service: str, is_its: bool
) -> None:
    assert of_service(text, service) is is_its


def test_each_word_names_one_service() -> None:
    words = [w.casefold() for name, forms in SERVICES.items() for w in {name, *forms}]
    assert len(words) == len(set(words))
    assert [service_named(w) for w in ("Cardiologist", "rn", "knee")] == [
        "cardiology",
        "nursing",
        "",
    ]


# ---------------------------------------------------------------- conflicts


def allergy(status: str = "active") -> Resource:
    return {
        "resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"},
        "code": {"text": "Penicillin"}, "clinicalStatus": {"coding": [{"code": status}]},
    }  # fmt: skip


def order(n: int, status: str, drug: str = "Furosemide 40 mg tablet") -> Resource:
    return {
        "resourceType": "MedicationRequest", "id": f"m{n}", "status": status, "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": drug}, "authoredOn": "2026-11-02",
    }  # fmt: skip


def flag(text: str) -> Resource:
    return {
        "resourceType": "Flag", "id": "f1", "status": "active", "subject": {"reference": "Patient/p1"},
        "code": {"text": text},
    }  # fmt: skip


def differing(*given: Resource) -> list[tuple[str, str, str]]:
    launch, _ = chart(*given)
    entries = [e for e in chart_notes(launch).entries if e.section == "conflict"]
    text = chart_notes(launch).text
    assert text.count("NOTE AND RECORD DIFFER") == len(entries)
    return [(e.group, e.field("passage"), e.field("against")) for e in entries]


@pytest.mark.parametrize(
    ("note", "record", "said"),
    [
        ("Seen. No known drug allergies.", [allergy()],
         [("allergies", "No known drug allergies.", "A1 Penicillin (active)")]),
        ("NKDA", [allergy()], [("allergies", "NKDA", "A1 Penicillin (active)")]),
        ("NKDA", [allergy("resolved")], []),
        ("NKDA", [], []),
        ("Plan: continue furosemide 40 mg.", [order(1, "stopped")],
         [("furosemide", "Plan: continue furosemide 40 mg.", "M1 Furosemide 40 mg tablet (stopped)")]),
        ("Plan: continue furosemide.", [order(1, "stopped"), order(2, "active")], []),
        ("Discontinue furosemide.", [order(1, "stopped")], []),
        ("Do not continue furosemide.", [order(1, "stopped")], []),
        ("Continue potassium; furosemide stopped.", [order(1, "stopped")], []),
        ("We will hold furosemide today.", [order(1, "active")],
         [("furosemide", "We will hold furosemide today.", "M1 Furosemide 40 mg tablet (active)")]),
        ("Patient is DNR.", [flag("Full code")], [("code status", "Patient is DNR.", "F1 Full code (active)")]),
        ("Full code.", [flag("DNR")], [("code status", "Full code.", "F1 DNR (active)")]),
        ("Full code.", [flag("Full code")], []),
    ],
)  # fmt: skip
def test_a_note_and_the_record_that_differ_are_both_shown(
    note: str, record: list[Resource], said: list[tuple[str, str, str]]
) -> None:
    assert differing(document(1, "2026-11-09", note), *record) == said


def test_only_the_newest_word_of_the_notes_counts_and_none_older_than_the_order() -> None:
    stop, go_on = "Stop furosemide.", "Continue furosemide."
    assert differing(document(1, "2026-11-08", stop), document(2, "2026-11-09", go_on), order(1, "active")) == []  # fmt: skip
    assert differing(document(1, "2026-11-01", stop), order(1, "active")) == []


def test_what_was_replaced_does_not_differ() -> None:
    later = document(2, "2026-11-09", "Penicillin allergy known.", relatesTo=[{"code": "replaces", "target": {"reference": "DocumentReference/d1"}}])  # fmt: skip
    assert differing(document(1, "2026-11-08", "NKDA"), later, allergy()) == []
