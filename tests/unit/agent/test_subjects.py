"""A value matches only under the cited test's name, for this patient, as the record says it."""

import pytest

from app.agent.facts import Lexicon
from app.agent.grounding import Background, judge
from tests.unit.agent.evidence import EVIDENCE, LEXICON, ZONE, fact, judged, parts, result

# As in a real launch: the reviewed list knows sodium and magnesium, and not lithium.
KNOWN = Lexicon(
    tests={
        **LEXICON.tests,
        "sodium": "sodium",
        "magnesium": "magnesium",
        "systolic bp": "systolic bp",
    },
    drugs=LEXICON.drugs,
    chart_drugs=LEXICON.chart_drugs,
)
EVERY = {
    **EVIDENCE,
    "L7a": result("n1", "Sodium", "140", "mmol/L", "2026-11-19"),
    "L8a": result("n2", "Sodium", "141", "mmol/L", "2026-11-19", flag="N"),
    "V2": EVIDENCE["V1a"]
    + result("c", "Systolic BP", "132", "mmHg", "2026-06-02", role="measured")
    + result("c", "Diastolic BP", "76", "mmHg", "2026-06-02", role="measured"),
    "N3": (
        fact("DocumentReference/m", "words", "Takes ibuprofen for pain. Asked for more days of rest.\n\nNo black stools at all.",
             name="Visit note", date="2026-11-14", date_role="signed"),
    ),
}  # fmt: skip
CASES = (
    # A name that is not the cited test's.
    ("Sodium 5.6 mmol/L [L3a].", "mismatch"),
    ("Magnesium 5.6 mmol/L [L3a].", "mismatch"),
    ("Lithium 5.6 mmol/L [L3a].", "unchecked"),
    ("Lithium was 5.6 mmol/L, collected 19-Nov-2026 [L3a].", "unchecked"),
    ("Potassium rose; lithium 5.6 mmol/L [L3a].", "unchecked"),
    ("Urine potassium 5.6 mmol/L [L3a].", "unchecked"),
    ("Her latest serum potassium was 5.6 mmol/L [L3a].", "match"),
    ("Potassium suddenly increased to 5.6 mmol/L [L3a].", "match"),
    ("K+ 5.6 mmol/L [L3a].", "match"),
    # The halves of a blood pressure.
    ("Blood pressure 148/84 mmHg [V1a].", "match"),
    ("BP 84/148 mmHg [V1a].", "mismatch"),
    ("Blood pressure 84/148 [V1a].", "mismatch"),
    ("Blood pressure 148/148 [V1a].", "mismatch"),
    ("Blood pressure 84/84 [V1a].", "mismatch"),
    ("Blood pressure 132/76 [V2].", "match"),
    ("Blood pressure 148/76 [V2].", "mismatch"),
    # The level as sent.
    ("Potassium 5.6 is low [L3a].", "mismatch"),
    ("Potassium was normal at 5.6 [L3a].", "mismatch"),
    ("Potassium 5.6 is within normal limits [L3a].", "mismatch"),
    ("Potassium 5.6 is high [L3a].", "match"),
    ("An elevated potassium of 5.6 [L3a].", "match"),
    ("Potassium 5.6 is critically high [L3a].", "mismatch"),
    ("Sodium was normal at 140 [L7a].", "unchecked"),
    ("Sodium was normal at 141 [L8a].", "match"),
    # Denied, or of another person.
    ("Potassium is not 5.6 [L3a].", "mismatch"),
    ("Potassium isn’t 5.6 [L3a].", "mismatch"),
    ("Her sister's potassium was 5.6 [L3a].", "mismatch"),
    ("Ibuprofen 600 mg is not being taken [M2].", "unchecked"),
    ("Ibuprofen 600 mg was never taken [M2].", "mismatch"),
    ("Her husband takes ibuprofen 600 mg [M2].", "mismatch"),
    # Quotations.
    ("“ibuprofen … for … No” [N2].", "unchecked"),
    ("“No” [N2].", "unchecked"),
    ("“No black stools” [N2].", "match"),
    ("“Reports ibuprofen 3 times … eating and drinking less” [N2].", "match"),
    ("“eating and drinking less … Reports ibuprofen 3 times” [N2].", "unchecked"),
    ("“Takes ibuprofen for pain … No black stools” [N3].", "unchecked"),
    ("“Takes ibuprofen for pain … more days of rest” [N3].", "match"),
    ("“penicillin” [A2].", "match"),
)  # fmt: skip


@pytest.mark.parametrize(("sentence", "verdict"), CASES)
def test_a_value_stands_under_its_own_name(sentence: str, verdict: str) -> None:
    known = Background(lexicon=KNOWN, zone=ZONE)
    (found,) = judge(parts(sentence), EVERY, known).checks.values()
    assert found.verdict == verdict


def test_a_foreign_name_is_caught_without_any_list() -> None:
    bare = Background(
        lexicon=Lexicon(tests={}, drugs=frozenset(), chart_drugs=frozenset()), zone=ZONE
    )
    (found,) = judge(parts("Sodium 5.6 mmol/L [L3a]."), EVERY, bare).checks.values()
    assert found.verdict == "unchecked"


def test_what_is_unchecked_names_no_equal_field() -> None:
    found = judged("Lithium 5.6 mmol/L, collected 19-Nov-2026 [L3a].").checks["L3a"]
    assert (found.verdict, found.fields) == ("unchecked", ())
