"""The right call finds what the file holds: thirty of the bench's questions, and the measure measured."""

import pytest

from tests.evals.gold import read
from tests.evals.retrieval import Score, answers, ask, score
from tests.evals.retrieval_gold import KINDS, Question, questions
from tests.ndjson_source import launch


def test_thirty_questions_find_every_record_of_the_file_as_it_stands_there() -> None:
    found = answers(questions(30, but=("large",)))
    assert {a.question.kind for a in found} == set(KINDS)
    assert [
        (a.question.arguments, sorted(a.missing), a.wrong) for a in found if a.missing or a.wrong
    ] == []
    assert score(found).precision >= 0.9


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Score(recall=1.0, precision=1.0, medication_recall=1.0, value_exact=1.0)),
        ({"id": "other"}, Score(recall=0.5, precision=0.5, medication_recall=0.5, value_exact=1.0)),
        (
            {"status": "stopped"},
            Score(recall=1.0, precision=1.0, medication_recall=1.0, value_exact=5 / 6),
        ),
    ],
)
def test_a_record_missing_or_said_otherwise_counts_against_the_figures(
    change: dict[str, str], expected: Score
) -> None:
    orders = [r for r in read("newborn") if r["resourceType"] == "MedicationRequest"]
    question = Question(
        kind="medicine orders", chart="newborn", tool="chart_section", arguments={"section": "medications"},
        gold=({**orders[0], **change}, *orders[1:]),
    )  # fmt: skip
    assert len(orders) == 2
    assert score([ask(launch("newborn"), question)]) == expected
