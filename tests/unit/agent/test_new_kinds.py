"""A sentence that cites a record of any kind is held against that record: its status, date, dose and name."""

import pytest

from app.agent.answer import Answer
from app.agent.events import Citation
from app.agent.library import background, library
from tests.unit.agent.evidence import ZONE
from tests.unit.fhir.records import EVERY
from tests.unit.tools.test_section_tool import chart_of, dose, mg


def verdict(text: str) -> set[str]:
    chart = chart_of(
        dose("a", "2026-11-20T04:00:00-06:00", **mg(4)),
        dose("b", "2026-11-20T06:00:00-06:00", "not-done", statusReason=[{"text": "held: sedated"}]),
        *EVERY.values(),
    )  # fmt: skip
    chart.ensure(*EVERY)
    lines = {x.reference: x.handle for x in chart.chart.tables["G"]}
    named = {
        "GIVEN": lines["MedicationAdministration/a"],
        "HELD": lines["MedicationAdministration/b"],
    }
    for word, handle in named.items():
        text = text.replace(word, handle)
    answer = Answer("m", library(chart), background(chart, ZONE, "What happened?"))
    pieces = [*answer.feed(text), *answer.finish()]
    return {str(p.verdict) for p in pieces if isinstance(p, Citation)} - {"pending"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Morphine 4 mg was given on 20-Nov-2026 04:00 [GIVEN].", "match"),
        ("Morphine 4 mg was given on 19-Nov-2026 [GIVEN].", "mismatch"),
        ("Morphine 8 mg was given on 20-Nov-2026 [GIVEN].", "mismatch"),
        ("Morphine was held on 20-Nov-2026: sedated [HELD].", "match"),
        ("Morphine was given [HELD].", "mismatch"),
        ("Influenza vaccination was refused on 02-Oct-2026 [I1].", "match"),
        ("Influenza, seasonal vaccine was given [I1].", "mismatch"),
        ("Colonoscopy was performed on 05-Mar-2024 [C1].", "match"),
        ("Colonoscopy was performed on 05-Mar-2025 [C1].", "mismatch"),
    ],
)
def test_a_sentence_about_a_new_kind_of_record_is_checked(text: str, expected: str) -> None:
    assert verdict(text) == {expected}
