"""The measure itself is measured: what it says about Marlena, against the design by hand."""

import tomllib
from pathlib import Path

import pytest

from tests.evals.gold import Fact, gold

QUESTIONS = Path(__file__).with_name("questions.toml")


def test_every_question_has_a_measure_for_every_chart() -> None:
    numbers = [q["number"] for q in tomllib.loads(QUESTIONS.read_text())["question"]]
    assert numbers == list(range(1, 11))
    for chart in ("marlena", "typical", "large"):
        assert list(gold(chart)) == numbers


def test_kidney_question_needs_the_last_two_results_and_the_last_potassium() -> None:
    assert gold("marlena")[1].must == {
        Fact(
            "Observation/me-obs-egfr-2026-11-19",
            "valueQuantity",
            "34",
            "mL/min/1.73 m²",
            "2026-11-19",
        ),
        Fact(
            "Observation/me-obs-egfr-2026-10-14",
            "valueQuantity",
            "43",
            "mL/min/1.73 m²",
            "2026-10-14",
        ),
        Fact("Observation/me-obs-cr-2026-11-19", "valueQuantity", "1.64", "mg/dL", "2026-11-19"),
        Fact("Observation/me-obs-cr-2026-10-14", "valueQuantity", "1.34", "mg/dL", "2026-10-14"),
        Fact("Observation/me-obs-k-2026-11-19", "valueQuantity", "5.6", "mmol/L", "2026-11-19"),
    }


def test_medicines_are_the_nine_active_orders() -> None:
    drugs = [fact for fact in gold("marlena")[2].must if fact.field == "medication"]
    assert len(drugs) == 9
    assert (
        Fact("MedicationRequest/me-med-ibuprofen", "doseQuantity", "600", "mg", "2026-10-02")
        in gold("marlena")[2].must
    )


def test_urine_albumin_is_absent_though_it_was_ordered() -> None:
    measure = gold("marlena")[6]
    assert measure.absent
    assert measure.may_cite == {"ServiceRequest/me-sr-uacr-2026-09-18"}


def test_last_visit_is_the_one_outside_not_the_one_of_today() -> None:
    assert gold("marlena")[8].must == {
        Fact("Encounter/me-enc-bayside", "reasonCode", "low back pain", "", "2026-10-02")
    }


def test_pending_is_a_registered_report_and_an_order_without_an_answer() -> None:
    assert gold("marlena")[9].must == {
        Fact(
            "DiagnosticReport/me-dr-cbc-2026-11-19",
            "code",
            "Complete blood count",
            "",
            "2026-11-19",
        ),
        Fact(
            "ServiceRequest/me-sr-uacr-2026-09-18",
            "code",
            "Urine albumin/creatinine ratio",
            "",
            "2026-09-18",
        ),
    }


@pytest.mark.parametrize(
    ("chart", "absent"),
    [("marlena", {6}), ("typical", {6, 9}), ("large", {3, 9})],
)
def test_some_true_answers_are_that_the_chart_does_not_say(chart: str, absent: set[int]) -> None:
    assert {number for number, measure in gold(chart).items() if measure.absent} == absent


@pytest.mark.parametrize("chart", ["marlena", "typical", "large"])
def test_what_must_be_said_may_be_cited(chart: str) -> None:
    for measure in gold(chart).values():
        assert {fact.reference for fact in measure.must} <= measure.may_cite
