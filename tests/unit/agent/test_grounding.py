"""Every kind of claim, true and false, and that no small change of a true sentence passes."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.agent.events import Difference
from app.agent.facts import Lexicon
from app.agent.grounding import Background, judge
from tests.unit.agent.evidence import EVIDENCE, ZONE, checked, fact, judged, order, parts, result

TRUE = (
    ("Potassium 5.6 mmol/L H (3.5-5.1), collected 19-Nov-2026, final [L3a].", ("value", "flag", "range", "collected date", "status")),
    ("K was 5.6 on 2026-11-19 [L3a].", ("value", "date")),
    ("Potassium 5.6 mmol/L (high), collected 19-Nov-2026 09:10 [L3a].", ("value", "flag", "collected date")),
    ("eGFR went from 52 on 11-Jun-2026 to 34 mL/min/1.73 m2 on 19-Nov-2026 [L2].", ("value", "date")),
    ("eGFR 34 L (≥ 60) on November 19, 2026 [L2].", ("value", "flag", "range", "date")),
    ("Troponin I <6 ng/L [L5a].", ("value",)),
    ("Hemoglobin 12.41 g/dL [L6a].", ("value",)),
    ("Blood pressure 148/84 mmHg, measured 02-Oct-2026 [V1a].", ("value", "measured date")),
    ("Active order: ibuprofen 600 mg tablet, 600 mg three times a day, ordered 02-Oct-2026, 30-day supply ended 01-Nov-2026 unless refilled (2 refills) [M2].",
     ("dose", "supply", "refills", "ordered date", "ended date", "frequency", "status", "drug")),
    ("metformin 1,000 mg twice daily [M4]", ("dose", "frequency", "drug")),
    ("Losartan 50 mg, stopped [M3].", ("dose", "status", "drug")),
    ("She said “eating and drinking less” on 14-Nov-2026 [N2].", ("words", "date")),
    ("She takes ibuprofen 3 times a day [N2].", ("frequency",)),
    ("Chronic kidney disease stage 3a, onset 09-May-2023 [P1].", ("onset date", "problem")),
    ("penicillin, recorded 10-Sep-2019 [A2]", ("recorded date", "substance")),
    ("No known allergies, recorded 01-Jan-2020 [A1].", ("recorded date", "substance", "words")),
    ("Urine albumin: none found. Searched 412 laboratory results, 03-Mar-2019 to 20-Nov-2026 [S1].", ("count", "searched date", "date", "search")),
    ("Urine albumin/creatinine ratio, ordered 18-Sep-2026, no result [R1].", ("ordered date", "order")),
)  # fmt: skip


@pytest.mark.parametrize(("sentence", "fields"), TRUE)
def test_a_true_sentence_matches_and_names_the_fields(
    sentence: str, fields: tuple[str, ...]
) -> None:
    found = checked(sentence)
    assert (found.verdict, found.differences) == ("match", ())
    assert set(found.fields) == set(fields)


FALSE = (
    ("Potassium 5.7 mmol/L [L3a].", "value", "5.7 mmol/L", "5.6 mmol/L"),
    ("Potassium 5.6 mg/dL [L3a].", "value", "5.6 mg/dL", "5.6 mmol/L"),
    ("Potassium 5.6 mmol/L L [L3a].", "flag", "L", "H"),
    ("Potassium 5.6 (3.5-5.2) [L3a].", "range", "5.2", "3.5–5.1"),
    ("Potassium 5.6 on 18-Nov-2026 [L3a].", "date", "18-Nov-2026", "19-Nov-2026"),
    ("Potassium 5.6, collected 19-Nov-2026 10:10 [L3a].", "date", "19-Nov-2026 10:10", "19-Nov-2026"),
    ("Potassium 5.6, resulted 19-Nov-2026 [L3a].", "date", "resulted 19-Nov-2026", "collected 19-Nov-2026"),
    ("Potassium 5.6, preliminary [L3a].", "status", "preliminary", "final"),
    ("Chloride 5.6 mmol/L [L3a].", "test", "chloride", "Potassium"),
    ("Troponin I 6 ng/L [L5a].", "value", "6 ng/L", "<6 ng/L"),
    ("eGFR went from 34 on 11-Jun-2026 to 52 on 19-Nov-2026 [L2].", "date", "11-Jun-2026", "19-Nov-2026"),
    ("eGFR fell by 18 mL/min/1.73 m² [L2].", "value", "18 mL/min/1.73 m²", "34 mL/min/1.73 m²"),
    ("Blood pressure 184/84 mmHg [V1a].", "value", "184/84", "148 mmHg"),
    ("ibuprofen 800 mg three times a day [M2]", "dose", "800 mg", "600 mg"),
    ("metformin 500 mg twice a day [M4]", "dose", "500 mg", "1000 mg"),
    ("ibuprofen twice a day [M2]", "frequency", "twice a day", "three times a day"),
    ("ibuprofen 600 mg, started 02-Oct-2026 [M2]", "date", "started 02-Oct-2026", "ordered 02-Oct-2026"),
    ("warfarin 600 mg three times a day [M2]", "drug", "warfarin", "ibuprofen 600 mg tablet"),
    ("heparinoid 600 mg three times a day [M2]", "drug", "heparinoid", "ibuprofen 600 mg tablet"),
    ("Ibuprofen was stopped [M2].", "status", "stopped", "active"),
    ("Losartan 50 mg once daily, ordered 09-Nov-2021 [M3].", "status", "no status", "stopped"),
    ("Blood culture: no growth, collected 19-Nov-2026 [L4a].", "", "", ""),
    ("spironolactone, supply to 16-Dec-2026 [M1]", "date", "supply to 16-Dec-2026", "ended 17-Dec-2026"),
    ("ibuprofen, 60-day supply [M2]", "supply", "60", "30 days"),
    ("She said “eating and drinking more” [N2].", "words", "“eating and drinking more”", "these words do not stand there"),
    ("She takes ibuprofen twice a day [N2].", "frequency", "twice a day", "not in this source"),
    ("Chronic kidney disease stage 4 [P1].", "problem", "stage 4", "Chronic kidney disease stage 3a"),
    ("No urine albumin in 421 laboratory results [S1].", "count", "421", "412"),
    ("No gout [S2].", "search", "No", "not read to its end"),
    ("There is no other NSAID order [M1].", "", "", ""),
    ("No NSAID is recorded [M1].", "absence", "No", "no search is cited"),
    ("penicillin, recorded 10-Sep-2020 [A2]", "date", "recorded 10-Sep-2020", "recorded 10-Sep-2019"),
    ("amoxicilin 500 mg, recorded 10-Sep-2019 [A2]", "value", "", ""),
)  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "field", "says", "record"), [row for row in FALSE if row[1] and row[2]]
)
def test_a_false_sentence_names_both_sides(
    sentence: str, field: str, says: str, record: str
) -> None:
    found = checked(sentence)
    assert found.verdict == "mismatch"
    assert Difference(field=field, says=says, record=record) in found.differences


@pytest.mark.parametrize("value", ["5.6", "34", "1.640"])
def test_two_tests_in_one_citation_do_not_lend_each_other_values(value: str) -> None:
    assert judged(f"Creatinine {value} and eGFR 52 [L1a, L2].").checks["L1a"].verdict == (
        "match" if value == "1.640" else "mismatch"
    )


def test_a_preliminary_result_without_the_word_is_a_mismatch() -> None:
    said = judged(
        "Troponin I 7 ng/L [X1].",
        evidence={"X1": result("t", "Troponin I", "7", "ng/L", "2026-11-19", status="preliminary")},
    )
    assert said.checks["X1"].differences == (
        Difference(field="status", says="no status", record="preliminary"),
    )


def test_every_citation_proves_the_words_before_it() -> None:
    found = judged(
        "Potassium 5.6 mmol/L H on 19-Nov-2026 [L3a], with active orders for spironolactone [M1] and ibuprofen 800 mg [M2]."
    ).checks
    assert {h: c.verdict for h, c in found.items()} == {
        "L3a": "match",
        "M1": "match",
        "M2": "mismatch",
    }


def test_a_cell_beside_a_cited_row_may_repeat_a_value_cited_elsewhere() -> None:
    found = judged("| spironolactone 25 mg [M1] | Potassium 5.6 H [L3a] |").checks
    assert {c.verdict for c in found.values()} == {"match"}


def test_counts_durations_and_thresholds_are_not_held_against_values() -> None:
    for sentence in (
        "3 of 9 active orders [M1].",
        "spironolactone in 4 weeks [M1]",
        "eGFR below 45 [L2].",
        "Potassium: last 3 results [L3a].",
    ):
        assert checked(sentence).differences == (), sentence


def test_words_without_claims_are_unchecked() -> None:
    assert checked("Potassium rose [L3a].").verdict == "unchecked"


def test_times_are_compared_in_the_zone_of_the_site() -> None:
    late = {"X1": result("k", "Potassium", "5.6", "mmol/L", "2026-11-20T03:30:00Z")}
    assert (
        judged("Potassium 5.6, collected 19-Nov-2026 21:30 [X1].", evidence=late)
        .checks["X1"]
        .verdict
        == "match"
    )
    assert (
        judged("Potassium 5.6, collected 20-Nov-2026 [X1].", evidence=late).checks["X1"].verdict
        == "mismatch"
    )


@pytest.mark.parametrize(
    ("sentence", "needs"),
    [
        ("Potassium was 5.6 mmol/L.", True),
        ("She was seen on 18-Sep-2026.", True),
        ("Ibuprofen is on the list.", True),
        ("No bleeding was found.", True),
        ("She reports “eating and drinking less”.", True),
        ("Ibuprofen with apixaban raises the risk of bleeding. (General knowledge)", False),
        ("Metformin is not used below 30 mL/min/1.73 m². (General knowledge)", False),
        ("She bled on 18-Sep-2026. (General knowledge)", True),
        ("*Matched words: “ibuprofen” = ibuprofen. Nothing is explained or compared.*", False),
        ("*Potassium is 5.6 mmol/L.*", True),
        ("*No allergies.*", True),
        ("The order of events does not prove a cause.", False),
        ("Active orders for ibuprofen:", False),
        ("4 of 9 shown.", False),
    ],
)
def test_facts_of_the_chart_need_a_source(sentence: str, needs: bool) -> None:
    assert judged(sentence).no_source is needs


def test_what_the_question_said_needs_no_source() -> None:
    asked = "Was potassium above 5.5 mmol/L since 01-Jun-2026?"
    assert judged("Potassium above 5.5 mmol/L since 01-Jun-2026:", asked).no_source is False


VERDICTS = (
    ("Seen 10/02/2026 about ibuprofen [M2].", "match", ()),
    ("Since 01-Jan-2026: ibuprofen 600 mg [M2].", "match", ()),
    ("1. Potassium 5.6 [L3a]", "match", ()),
    ("eGFR from 52 to 34 on 19-Nov-2026 [L2].", "match", ()),
    ("On 19-Nov-2026 eGFR was 34 [L2].", "match", ()),
    ("On 11-Jun-2026 eGFR was 34 [L2].", "mismatch", ("date",)),
    ("eGFR 34 (≤ 60) [L2].", "mismatch", ("range",)),
    ("eGFR 34 in 2026 [L2].", "match", ()),
    ("eGFR 34 in Nov 2026, 19-Nov [L2].", "match", ()),
    ("eGFR 34 in Nov 2025 [L2].", "mismatch", ("date", "date")),
    ("Potassium 5.6, critically high [L3a].", "mismatch", ("flag",)),
    ("Potassium 5.6 critically high [L3a].", "mismatch", ("flag",)),
    ("Potassium 5.6 critically low [L3a].", "mismatch", ("flag",)),
    ("spironolactone (1-2) [M1]", "match", ()),
    ("Potassium 5.9 mmol/L was noted [N2].", "mismatch", ("words",)),
    ("Ibuprofen twice a day is a usual dose [M2]. (General knowledge)", "match", ()),
    ("Warfarin 5 mg interacts [M2]. (General knowledge)", "mismatch", ("drug",)),
    ("Potassium 5.6 and creatinine 1.64 rose [L3a].", "mismatch", ("value",)),
    ("It was ordered 02-Oct-2026, 600 mg [M2].", "match", ()),
    ("Dose 600 mg, ordered 02-Oct-2026 [M2].", "match", ()),
    ("ibuprofen, 2 refills, 3 refills [M2]", "mismatch", ("refills",)),
    ("Reaction: anaphylaxis [A2].", "unchecked", ()),
    ("Ordered 18-Sep-2026 [N2].", "mismatch", ("date",)),
    ("Metformin in the note, 3 notes [N2].", "unchecked", ()),
    ("Troponin I, stage 4 [L5a]", "unchecked", ()),
    ("No result yet [L3a]; none found [S1].", "", ()),
    ("Reported 3 times a day; 90 tablets [M2].", "match", ()),
    ("It was 7 [L3a].", "mismatch", ("value",)),
    ("Ibuprofen 800 mg is a high dose [M2]. (General knowledge)", "match", ()),
    ("Since the fall an order of 02-Oct-2026 for ibuprofen [M2].", "match", ()),
    ("Ordered long since then on 02-Oct-2026: ibuprofen [M2].", "match", ()),
    ("A final word on spironolactone [M1].", "match", ()),
    ("“Ordered at home” [S1].", "mismatch", ("words",)),
)


@pytest.mark.parametrize(("sentence", "verdict", "fields"), [row for row in VERDICTS if row[1]])
def test_odd_sentences_get_the_verdict_they_deserve(
    sentence: str, verdict: str, fields: tuple[str, ...]
) -> None:
    found = checked(sentence)
    assert (found.verdict, tuple(d.field for d in found.differences)) == (verdict, fields)


def test_a_date_of_another_citation_in_the_sentence_is_not_held_against_this_one() -> None:
    found = judged("On 19-Nov-2026, with ibuprofen [M2], potassium was 5.6 [L3a].").checks
    assert [c.verdict for c in found.values()] == ["match", "match"]


def test_a_value_of_another_citation_may_be_named_beside_this_one() -> None:
    series = {"X1": EVIDENCE["L3a"], "X2": result("k2", "Potassium", "5.0", "mmol/L", "2026-10-14")}
    found = judged(
        "Potassium 5.6 [X1]. Potassium 5.0, now potassium 5.6 [X2].", evidence=series
    ).checks
    assert [c.verdict for c in found.values()] == ["match", "match"]


def test_a_draft_order_is_said_to_be_one() -> None:
    drafted = {
        "X1": order("d", "ibuprofen", "600", "mg", "once daily", "2026-10-02", status="draft")
    }
    assert (
        judged("Draft order: ibuprofen 600 mg [X1].", evidence=drafted).checks["X1"].verdict
        == "match"
    )
    assert judged("ibuprofen 600 mg [X1].", evidence=drafted).checks["X1"].verdict == "mismatch"


def test_a_source_without_words_decides_no_quotation() -> None:
    bare = {"X1": (fact("DocumentReference/x", "type", "", name=""),)}
    assert judged("“one two three” [X1].", evidence=bare).checks["X1"].verdict == "unchecked"


REPORT = {
    "X1": (
        fact("DiagnosticReport/x", "order", "Urine culture", name="Urine culture", status="final"),
        fact("DiagnosticReport/x", "conclusion", "Klebsiella isolated. Ceftriaxone=S, meropenem 2.5 mg/L ….", name="Urine culture", status="final"),
        fact("DiagnosticReport/x", "words", "Gram-negative rods in pairs. No growth on day one.", name="Urine culture", status="final"),
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("quote", "verdict"),
    [
        ("Klebsiella isolated. Ceftriaxone=S, meropenem 2.5 mg/L ….", "match"),
        ("Klebsiella isolated. Ceftriaxone=S", "match"),
        ("Gram-negative rods in pairs", "match"),
        ("Klebsiella isolated. Ceftriaxone=R", "mismatch"),
        ("Klebsiella isolated … rods in pairs", "mismatch"),
        ("5 mg/L …", "mismatch"),
    ],
)
def test_a_report_is_quoted_from_its_conclusion_as_from_its_text(quote: str, verdict: str) -> None:
    assert (
        judged(f"Urine culture: “{quote}” [X1].", evidence=REPORT).checks["X1"].verdict == verdict
    )


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("Blood culture: No growth at 48 hours, collected 18-Nov-2026", "match"),
        ("Blood culture: No organism, collected 18-Nov-2026", "mismatch"),
    ],
)
def test_a_result_that_denies_is_said_with_its_date(said: str, verdict: str) -> None:
    culture = {"X1": (fact("Observation/x", "value", "No growth at 48 hours", name="Blood culture", status="final", date="2026-11-18", date_role="collected"),)}  # fmt: skip
    assert judged(f"{said} [X1].", evidence=culture).checks["X1"].verdict == verdict


def test_a_quotation_does_not_begin_or_end_within_a_number() -> None:
    note = {"X1": (fact("DocumentReference/x", "words", "Took 2.5 mg daily for 10.5 days.", name="Note"),)}  # fmt: skip
    found = [judged(f"“{quote}” [X1].", evidence=note).checks["X1"].verdict
             for quote in ("2.5 mg daily for", "5 mg daily for", "daily for 10.5", "mg daily for 10")]  # fmt: skip
    assert found == ["match", "unchecked", "match", "unchecked"]


def test_a_shared_date_belongs_to_both_values() -> None:
    found = judged("Potassium 5.6 and creatinine 1.64 on 18-Nov-2026 [L3a, L1a].").checks
    assert {c.verdict for c in found.values()} == {"mismatch"}


def test_a_record_without_a_date_cannot_prove_one() -> None:
    bare = {"X1": (fact("Condition/x", "problem", "Gout", name="Gout", status="active"),)}
    found = judged("Gout, recorded 01-Jan-2020 [X1].", evidence=bare).checks["X1"]
    assert found.differences == (
        Difference(field="date", says="01-Jan-2020", record="not in this source"),
    )


def test_an_absence_is_proved_by_the_search_of_its_own_sentence() -> None:
    found = judged("No result yet [L3a]; none found [S1].").checks
    assert found["S1"].verdict == "match"
    assert found["L3a"].differences == ()


def test_a_chart_without_names_is_still_checked() -> None:
    bare = Background(
        lexicon=Lexicon(tests={}, drugs=frozenset(), chart_drugs=frozenset()), zone=ZONE
    )
    assert (
        judge(parts("Potassium 5.6 mmol/L [L3a]."), EVIDENCE, bare).checks["L3a"].verdict == "match"
    )
    assert (
        judge(parts("Potassium 6.6 mmol/L [L3a]."), EVIDENCE, bare).checks["L3a"].verdict
        == "mismatch"
    )


# ---------------------------------------------------------------- no small change passes

DAYS = st.dates(
    min_value=date(2015, 1, 1),
    max_value=date(2026, 11, 20),
)
UNITS = ("mmol/L", "mg/dL", "g/dL", "ng/L", "U/L", "%", "mL/min/1.73 m²", "kg", "10^3/µL")
ROLES = (
    "ordered",
    "started",
    "dispensed",
    "given",
    "collected",
    "resulted",
    "measured",
    "recorded",
    "signed",
)
numbers = st.decimals(min_value=1, max_value=999, places=1).map(str)


def _verdict(sentence: str, evidence: Any) -> str:
    return judged(f"{sentence} [X1].", evidence={"X1": evidence}).checks["X1"].verdict


@settings(deadline=None)
@given(value=numbers, unit=st.sampled_from(UNITS), when=DAYS, data=st.data())
def test_any_change_of_a_result_is_caught(
    value: str, unit: str, when: Any, data: st.DataObject
) -> None:
    evidence = result("k", "Potassium", value, unit, when.isoformat())
    day = when.strftime("%d-%b-%Y")
    assert _verdict(f"Potassium {value} {unit}, collected {day}, final", evidence) == "match"
    other = data.draw(numbers.filter(lambda n: n != value), label="value")
    assert _verdict(f"Potassium {other} {unit}, collected {day}, final", evidence) == "mismatch"
    wrong = data.draw(st.sampled_from([u for u in UNITS if u != unit]), label="unit")
    assert _verdict(f"Potassium {value} {wrong}, collected {day}, final", evidence) == "mismatch"
    later = data.draw(DAYS.filter(lambda d: d != when), label="date").strftime("%d-%b-%Y")
    assert _verdict(f"Potassium {value} {unit}, collected {later}, final", evidence) == "mismatch"
    role = data.draw(st.sampled_from([r for r in ROLES if r != "collected"]), label="role")
    assert _verdict(f"Potassium {value} {unit}, {role} {day}, final", evidence) == "mismatch"


@settings(deadline=None)
@given(dose=st.integers(min_value=1, max_value=2000), when=DAYS, data=st.data())
def test_any_change_of_an_order_is_caught(dose: int, when: Any, data: st.DataObject) -> None:
    evidence = order("m", "spironolactone", str(dose), "mg", "twice a day", when.isoformat())
    day = when.strftime("%d-%b-%Y")
    true = f"Active order: spironolactone {dose:,} mg twice a day, ordered {day}"
    assert _verdict(true, evidence) == "match"
    other = data.draw(
        st.integers(min_value=1, max_value=2000).filter(lambda n: n != dose), label="dose"
    )
    changes = [
        (f"{dose:,} mg", f"{other:,} mg"), (" mg", " mcg"), ("twice", "once"), ("ordered", data.draw(st.sampled_from([r for r in ROLES if r != "ordered"]))),
        ("Active", "Stopped"), ("spironolactone", "warfarin"),
        (day, data.draw(DAYS.filter(lambda d: d != when)).strftime("%d-%b-%Y")),
    ]  # fmt: skip
    for before, after in changes:
        assert _verdict(true.replace(before, after), evidence) == "mismatch", after


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_rules(text: str) -> None:
    judged(text.replace("[", "("))
    judged(f"{text.replace('[', '(')} [L3a, M2, N2, S1]")
