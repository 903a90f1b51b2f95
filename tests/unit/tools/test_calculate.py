"""Calculations over a chart: which value is taken, how it is cited, what is missing, and that no other number passes."""

import json
from collections.abc import Iterable

import pytest

from app.errors import UnknownHandle
from app.fhir.reader import LaunchChart
from app.fhir.source import Resource
from app.fhir.source_view import source
from app.tools.bounds import as_data
from app.tools.calculators.catalogue import CALCULATORS, Name
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from tests.ndjson_source import launch
from tests.unit.agent.scripted import Scripted, look, say
from tests.unit.agent.shown import ask, custom, text, verdicts
from tests.unit.tools.calculators.charts import (
    chart,
    given,
    order,
    pressure,
    problem,
    result,
    vital,
)

CREATININE = result("2160-0", "1.20", "mg/dL", "2026-11-19T06:00:00-06:00")
WEIGHT = vital("29463-7", "70", "kg", "2026-08-01")


def calculate(chart: LaunchChart, name: str, *entered: str, typed: str = "") -> ToolResult:
    registry = Registry(CHART_TOOLS, chart, chart.context)
    registry.typed = typed
    return registry.call("calculate", {"name": name, "entered": list(entered)})


def lines(found: ToolResult, *starts: str) -> list[str]:
    """Return the lines of a result that begin with one of some words."""
    return [line for line in found.text.splitlines() if line.startswith(starts)]


def value(
    *resources: Resource,
    name: Name,
    entered: Iterable[str] = (),
    typed: str = "",
    born: str = "1958-03-14",
    sex: str = "female",
) -> str:
    """Return the first line of a calculation over these resources, without its handle."""
    found = calculate(chart(*resources, born=born, sex=sex), name, *entered, typed=typed)
    return found.text.splitlines()[0].partition("|")[2].partition(";")[0]


def test_a_result_stands_with_each_input_its_age_its_rule_and_its_source() -> None:
    found = calculate(chart(CREATININE, WEIGHT), "crcl")
    assert found.text.splitlines() == [
        "CALC1|Creatinine clearance (Cockcroft-Gault): 50 mL/min; cite [CALC1]",
        "input Creatinine: 1.20 mg/dL, collected 19-Nov-2026, 1 day old [L1a]",
        "input Weight: 70 kg, measured 01-Aug-2026, 3 months old [V1a]",
        "input Age: 68 years, born 14-Mar-1958",
        "input Sex: female (administrative gender)",
        "note For steady creatinine; not in acute kidney injury.",
        "note The measured inputs are up to 110 days apart.",
        "rule (140 - age) x actual weight / (72 x creatinine), x 0.85 if female, whole number, from 18 years. "
        "Sex is an input of this rule. Source: Cockcroft and Gault, Nephron 1976;16:31; ideal weight: Devine 1974",
        "Shown with its inputs. Advise nothing from it.",
    ]  # fmt: skip
    assert [(look.section, look.read) for look in found.looks] == [("labs", 1), ("vitals", 1)]


def test_every_calculator_answers_every_chart_with_a_value_or_what_is_missing() -> None:
    for name in ("marlena", "typical"):
        one = launch(name)
        for key in CALCULATORS:
            (entry,) = calculate(one, key).entries
            assert entry.field("value") or entry.field("missing"), (name, key)
            assert one.chart.evidence(entry.handle)
            assert source(one, one.sources.number(entry.handle)).facts


def test_what_is_missing_is_named_and_never_guessed() -> None:
    found = calculate(chart(CREATININE), "crcl")
    assert lines(found, "CALC", "MISSING") == [
        "CALC1|Creatinine clearance (Cockcroft-Gault): not computed; cite [CALC1]",
        "MISSING weight (none recorded that can be used)",
    ]
    shut = calculate(chart(CREATININE, denied=("Observation",)), "egfr")
    assert lines(shut, "MISSING", "NOT") == [
        "MISSING creatinine (not found in what was read: missing permission patient/Observation.rs)",
        "NOT READ TO ITS END: Laboratory results: refused by the EHR (missing permission patient/Observation.rs). Do not say none.",
    ]


@pytest.mark.parametrize(
    ("newer", "shown"),
    [
        (result("2160-0", "9.9", "mg/dL", status="entered-in-error"), ["input Creatinine: 1.20 mg/dL"]),
        (result("2160-0", "9.9", "mg/dL", status="cancelled"), ["input Creatinine: 1.20 mg/dL"]),
        (result("2160-0", "2.0", "mg/dL", status="preliminary"), ["input Creatinine: 2.0 mg/dL"]),
        (result("2160-0", "2.1", "mg/dL", status="corrected"), ["input Creatinine: 2.1 mg/dL"]),
        (result("14682-9", "106", "umol/L"), ["input Creatinine: 106 umol/L"]),
        (
            result("2160-0", None, "", valueQuantity={"value": 7, "unit": "mg/dL"}),
            ["input Creatinine: 1.20 mg/dL", "note creatinine 7 mg/dL (20-Nov-2026) is not used: its unit has no UCUM code"],
        ),
        (
            result("2160-0", None, "", valueQuantity={"value": 3, "comparator": ">", "unit": "mg/dL", "code": "mg/dL"}),
            ["input Creatinine: 1.20 mg/dL", "note creatinine >3 mg/dL (20-Nov-2026) is not used: no single number"],
        ),
        (
            result("2160-0", "12", "g/L"),
            ["input Creatinine: 1.20 mg/dL", "note creatinine 12 g/L is not used: g/L is not converted to mg/dL here"],
        ),
        (
            result("2160-0", "106", "mg/dL"),
            ["input Creatinine: 1.20 mg/dL", "note creatinine 106 mg/dL is not used: outside 0.1 to 30 mg/dL"],
        ),
    ],
)  # fmt: skip
def test_the_newest_acceptable_value_is_taken(newer: Resource, shown: list[str]) -> None:
    found = calculate(chart(CREATININE, newer), "egfr")
    said = [
        line.partition(", collected")[0]
        for line in lines(found, "input Creatinine", "note creatinine")
    ]
    assert said == shown


def test_a_status_and_a_conversion_are_shown_beside_the_value() -> None:
    found = calculate(chart(result("14682-9", "106", "umol/L", status="preliminary")), "egfr")
    assert lines(found, "CALC1", "input Creatinine") == [
        "CALC1|eGFR (CKD-EPI 2021): 49 mL/min/1.73 m²; cite [CALC1]",
        "input Creatinine: 106 umol/L, collected 20-Nov-2026, today, preliminary, 106 µmol/L = 1.199 mg/dL [L1a]",
    ]


def test_only_what_the_user_typed_may_be_entered_and_it_is_marked() -> None:
    one = chart(CREATININE, WEIGHT)
    typed = calculate(one, "crcl", "weight=72 kg", typed="CrCl, her weight is 72 kg today")
    assert lines(typed, "input Weight") == ["input Weight: 72 kg, entered by you"]
    pounds = calculate(one, "crcl", "weight=150 lb", typed="at 150 lb")
    assert lines(pounds, "input Weight") == [
        "input Weight: 150 lb, 150 lb = 68.039 kg, entered by you"
    ]
    for entered, said in (
        ("weight=80 kg", "CrCl please"), ("weight=2 kg", "72 kg"), ("confusion=yes", "CURB-65"), ("confusion=yes", "no confusion"),
        ("confusion=no", "with confusion"), ("weight", "weight"),
    ):  # fmt: skip
        assert calculate(one, "curb65", entered, typed=said).is_error, (entered, said)


def test_a_problem_named_as_icd_10_names_it_counts() -> None:
    """ICD-10-CM calls E11.9 "Type 2 diabetes mellitus without complications": the patient has it."""
    named = problem("Type 2 diabetes mellitus without complications")
    assert "4 points" in value(named, name="cha2ds2_vasc", born="1945-01-26")
    assert "3 points" in value(name="cha2ds2_vasc", born="1945-01-26")


def test_a_number_without_a_unit_is_not_taken() -> None:
    found = calculate(chart(CREATININE), "crcl", "weight=72", typed="weight 72")
    assert lines(found, "MISSING") == [
        "MISSING weight in a unit that is converted here (entered: 72)"
    ]


def test_components_of_a_panel_are_inputs_of_their_own() -> None:
    found = calculate(chart(pressure("120", "81")), "map")
    assert lines(found, "CALC", "input") == [
        "CALC1|Mean arterial pressure: 94 mmHg; cite [CALC1]",
        "input Systolic blood pressure: 120 mmHg, measured 20-Nov-2026, today [V1a]",
        "input Diastolic blood pressure: 81 mmHg, measured 20-Nov-2026, today [V1a]",
    ]


def test_a_score_counts_recorded_problems_and_says_what_is_not_known() -> None:
    problems = [
        problem("Essential hypertension"), problem("Pulmonary hypertension"), problem("Prediabetes"), problem("Family history of stroke"),
        problem("Suspected heart failure"), problem("Cerebral infarction", status="resolved"), problem("Type 2 diabetes", certain="refuted"),
    ]  # fmt: skip
    assert value(*problems, name="cha2ds2_vasc") == "CHA2DS2-VASc: 5 points"
    assert value(name="cha2ds2_vasc", born="1980-01-01", sex="male") == "CHA2DS2-VASc: 0 points"
    shut = calculate(
        chart(problem("Essential hypertension"), denied=("Condition",)), "cha2ds2_vasc"
    )
    assert lines(shut, "CALC") == ["CALC1|CHA2DS2-VASc: 2 points or more; cite [CALC1]"]


def observed(hour: int, breaths: str, saturation: str, *, day: int = 20) -> list[Resource]:
    when = f"2026-11-{day:02d}T{hour:02d}:00:00-06:00"
    return [
        vital("9279-1", breaths, "/min", when), vital("2708-6", saturation, "%", when), vital("8867-4", "95", "/min", when),
        vital("8310-5", "38.5", "Cel", when), pressure("105", "60", when),
    ]  # fmt: skip


def test_news2_is_of_one_set_with_the_trend_of_its_day() -> None:
    sets = [
        *observed(8, "22", "93"),
        *observed(4, "18", "96"),
        *observed(6, "20", "95", day=19),
        *observed(8, "30", "90", day=17),
    ]
    found = calculate(chart(*sets), "news2", "alert=yes", "oxygen=no", typed="alert, oxygen: no")
    assert lines(found, "CALC", "also", "MISSING", "note Points", "note Trend") == [
        "CALC1|NEWS2: 7 points; cite [CALC1]",
        "also NEWS2 20-Nov-2026 04:00: 3 points",
        "note Points: respiratory rate 2, oxygen saturation 2, systolic blood pressure 1, pulse 1, temperature 1.",
        "note Trend: 2 sets in the 24 hours before the newest, 20-Nov-2026 08:00.",
    ]
    least = calculate(chart(*sets), "news2")
    assert lines(least, "CALC", "MISSING") == [
        "CALC1|NEWS2: 7 points or more; cite [CALC1]",
        "MISSING supplemental oxygen at the newest set",
        "MISSING consciousness other than alert at the newest set",
    ]


def test_vital_signs_without_a_time_are_no_set() -> None:
    undated = {**vital("9279-1", "22", "/min"), "effectiveDateTime": ""}
    dated = vital("9279-1", "22", "/min", "2026-11-20")
    for one in (undated, dated):
        assert lines(calculate(chart(one), "news2"), "MISSING") == [
            "MISSING a set of vital signs with a respiratory rate and a time"
        ]


def test_kidney_injury_states_its_baseline_and_what_is_not_seen() -> None:
    results = [
        result("2160-0", "2.1", "mg/dL"), result("2160-0", "1.0", "mg/dL", "2026-09-01"), result("2160-0", "1.1", "mg/dL", "2026-07-01"),
        result("2160-0", "0.9", "mg/dL", "2026-05-01"),
    ]  # fmt: skip
    found = calculate(chart(*results), "aki_stage")
    assert lines(found, "CALC", "also", "note") == [
        "CALC1|KDIGO AKI stage by creatinine: 2; cite [CALC1]",
        "also Baseline creatinine: 1.00 mg/dL",
        "also Newest over baseline: 2.10",
        "note Baseline: median of the results from 365 to 8 days before.",
        "note No result shows whether the rise happened within 7 days, which the definition asks for.",
        "note Urine output and renal replacement are not read here and could make the stage higher.",
    ]
    assert lines(calculate(chart(CREATININE), "aki_stage"), "MISSING") == [
        "MISSING an earlier creatinine of the year before the newest, as a baseline"
    ]


def test_morphine_equivalents_are_of_orders_and_name_what_they_leave_out() -> None:
    orders = [
        order("oxycodone 5 mg tablet", "5", times=4, needed=True), order("morphine 15 mg tablet", "15", times=2),
        order("morphine sulfate injection", "2", times=6, route="intravenous"), order("tramadol 50 mg tablet", "50", status="stopped"),
        order("hydrocodone-acetaminophen tablet", "1", "{tbl}"), order("ibuprofen 600 mg tablet", "600", times=3),
    ]  # fmt: skip
    found = calculate(chart(*orders), "mme")
    assert lines(found, "CALC", "input", "MISSING") == [
        "CALC1|Morphine milligram equivalents: 60.0 MME/day or more; cite [CALC1]",
        "input oxycodone 5 mg tablet: 20 mg/day at most, as needed x 1.5 = 30.0 MME, ordered 10-Nov-2026, 10 days old [M1]",
        "input morphine 15 mg tablet: 30 mg/day at most x 1 = 30.0 MME, ordered 10-Nov-2026, 10 days old [M3]",
        "MISSING morphine sulfate injection (M2) in morphine equivalents (the table is for doses by mouth; route: intravenous)",
        "MISSING hydrocodone-acetaminophen tablet (M5) in morphine equivalents (the dose is in {tbl}, not in mg)",
    ]
    assert (
        value(order("ibuprofen 600 mg tablet", "600"), name="mme")
        == "Morphine milligram equivalents: not computed"
    )


def test_opioid_doses_given_by_mouth_stand_beside_what_is_ordered() -> None:
    doses = [
        given("oxycodone 5 mg tablet", "2026-11-20T02:00:00-06:00", "5"), given("oxycodone 5 mg tablet", "2026-11-19T20:00:00-06:00", "10"),
        given("oxycodone 5 mg tablet", "2026-11-18T20:00:00-06:00", "10"), given("oxycodone 5 mg tablet", "2026-11-20T01:00:00-06:00", "5", status="not-done"),
        given("fentanyl injection", "2026-11-20T03:00:00-06:00", "0.05", route="intravenous"),
    ]  # fmt: skip
    found = calculate(chart(order("oxycodone 5 mg tablet", "5", times=4), *doses), "mme")
    assert lines(found, "CALC", "also", "note A dose") == [
        "CALC1|Morphine milligram equivalents: 30.0 MME/day; cite [CALC1]",
        "also Given by mouth in the last 24 hours (2 doses): 22.5 MME",
        "note A dose of fentanyl injection given 20-Nov-2026 03:00 (G1) is not counted.",
    ]


def test_antibiotic_days_are_days_with_a_dose_given() -> None:
    doses = [
        given("vancomycin 1 g in 250 mL", f"2026-11-{d:02d}T{h:02d}:00:00-06:00") for d in (18, 19, 20) for h in (2, 8)
    ] + [
        given("ceftriaxone 1 g", "2026-11-19T21:30:00-06:00"), given("ceftriaxone 1 g", "2026-11-20T05:00:00-06:00", status="not-done"),
        given("ibuprofen 400 mg tablet", "2026-11-19T08:00:00-06:00"),
    ]  # fmt: skip
    found = calculate(chart(*doses), "antibiotic_days")
    assert lines(found, "CALC", "also") == [
        "CALC1|Antibiotic days of therapy: 4 days; cite [CALC1]",
        "also Ceftriaxone, 19-Nov-2026 to 19-Nov-2026: 1 days",
        "also Vancomycin, 18-Nov-2026 to 20-Nov-2026: 3 days",
    ]
    shut = calculate(chart(*doses, denied=("MedicationAdministration",)), "antibiotic_days")
    assert lines(shut, "MISSING") == [
        "MISSING an antibiotic dose recorded as given (last 60 days: not found in what was read: missing permission "
        "patient/MedicationAdministration.rs)"
    ]


def test_dose_by_weight_is_arithmetic_over_an_order() -> None:
    one = [order("amoxicillin 400 mg/5 mL", "450", times=2), vital("29463-7", "10", "kg")]
    entered, typed = ["medicine=amoxicillin"], "is the amoxicillin right for weight, mg/kg/day"
    assert (
        value(*one, name="mg_kg_day", entered=entered, typed=typed)
        == "Dose by weight: 90.0 mg/kg/day"
    )


def test_time_in_range_counts_the_last_year() -> None:
    inrs = [
        result("6301-6", v, "{INR}", f"2026-{m}-01")
        for v, m in (("2.5", "10"), ("2.5", "09"), ("4.0", "08"), ("2.5", "03"))
    ]
    found = calculate(chart(*inrs, order("warfarin 5 mg tablet")), "ttr")
    assert lines(found, "CALC", "also", "note") == [
        "CALC1|INR time in therapeutic range: 67 %; cite [CALC1]",
        "also Days counted: 61 days",
        "also INRs used: 4",
        "note Target range 2.0 to 3.0, last 12 months. Whether warfarin was ordered all that time, and taken, is not looked at.",
        "note Intervals of more than 56 days, not counted: 1.",
    ]


def test_ages_of_a_newborn_and_of_a_pregnancy() -> None:
    birth = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                "valueDateTime": "2026-11-18T18:40:00-06:00",
            }
        ]
    }
    child = chart(
        result("11884-4", "36", "wk", "2026-11-18", category="exam"),
        born="2026-11-18",
        _birthDate=birth,
    )
    assert lines(calculate(child, "newborn_age"), "CALC", "also") == [
        "CALC1|Age in weeks: 0 weeks 2 days; cite [CALC1]", "also Age in hours: 38 hours",
    ]  # fmt: skip
    assert lines(calculate(child, "corrected_age"), "CALC") == [
        "CALC2|Corrected age: -3 weeks 5 days; cite [CALC2]"
    ]
    due = result("11778-8", None, "", "2026-06-01", category="exam", valueDateTime="2027-02-12")
    assert value(due, name="gestational_age") == "Gestational age: 28 weeks 0 days"


RISK = (
    result("2085-9", "50", "mg/dL"), result("98979-8", "90", "mL/min/{1.73_m2}"), pressure("140", "85"), vital("29463-7", "91.875", "kg"),
    vital("8302-2", "175", "cm"),
    result("72166-2", None, "", category="social-history", valueCodeableConcept={"coding": [{"code": "266919005"}], "text": "Never smoker"}),
)  # fmt: skip


def test_prevent_takes_its_inputs_from_the_chart_and_keeps_to_its_ranges() -> None:
    """The published example: a man of 55, cholesterol 213, HDL 50, 140 mmHg, eGFR 90, BMI 30: ASCVD 3.9 %."""
    man = chart(result("2093-3", "213", "mg/dL"), *RISK, born="1971-01-01", sex="male")
    found = calculate(man, "prevent")
    assert "also ASCVD, 10 years: 3.9 %" in lines(found, "also")
    outside = chart(result("2093-3", "340", "mg/dL"), *RISK, born="1971-01-01", sex="male")
    assert lines(calculate(outside, "prevent"), "CALC", "MISSING") == [
        "CALC1|PREVENT total CVD risk, 10 years: not computed; cite [CALC1]",
        "MISSING a value of total cholesterol that this rule is made for (130 to 320)",
    ]


def test_growth_percentiles_are_of_the_age_at_the_measurement() -> None:
    child = chart(
        vital("29463-7", "25.6", "kg", "2026-11-13"), vital("8302-2", "128.1", "cm", "2026-11-13"), born="2018-11-01", sex="male",
    )  # fmt: skip
    assert lines(calculate(child, "growth_percentile"), "CALC", "also") == [
        "CALC1|Weight for age: 48.7 percentile; cite [CALC1]",
        "also Stature for age: 50.2 percentile",
        "also BMI 15.6 kg/m² for age: 45.5 percentile",
    ]
    adult = chart(vital("29463-7", "60", "kg", "2026-11-13"), born="2000-11-01", sex="male")
    assert lines(calculate(adult, "growth_percentile"), "MISSING") == [
        "MISSING an age that the charts are made for (birth to under 20 years at the weighing)"
    ]


def test_below_two_years_the_charts_of_infants_are_used_and_said_not_to_be_the_advised_ones() -> (
    None
):
    infant = chart(
        vital("29463-7", "8.693", "kg", "2026-11-13"), vital("8302-2", "65.28", "cm", "2026-11-13"), born="2026-01-29", sex="female",
    )  # fmt: skip
    found = calculate(infant, "growth_percentile")
    assert lines(found, "CALC", "also") == [
        "CALC1|Weight for age: 50.6 percentile; cite [CALC1]",
        "also Length for age: 3.1 percentile",
    ]
    assert "Below 2 years CDC and AAP advise the WHO standards" in found.text
    assert "not corrected for birth before term" in found.text


def test_the_neutrophil_count_is_the_laboratorys_own_where_it_has_one() -> None:
    parts = [
        result("6690-2", "1.0", "10*3/uL"),
        result("769-0", "45", "%"),
        result("764-1", "5", "%"),
    ]
    assert value(*parts, name="anc") == "Absolute neutrophil count: 0.50 ×10³/µL"
    assert (
        value(*parts, result("751-8", "0.62", "10*3/uL"), name="anc")
        == "Absolute neutrophil count: 0.62 ×10³/µL"
    )


def test_prevent_refuses_a_chart_with_the_disease_it_predicts() -> None:
    found = calculate(chart(problem("Coronary artery disease")), "prevent")
    assert (
        "MISSING a chart without cardiovascular disease (Coronary artery disease is recorded, P1)"
        in lines(found, "MISSING")
    )
    assert not any("race" in need.casefold() for need in lines(found, "input"))


# ---------------------------------------------------------------- in an answer


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("what is her CrCl?", "Creatinine clearance (Cockcroft-Gault): 50 mL/min, newest input 19-Nov-2026, oldest 01-Aug-2026."),
        ("CrCl with weight 60 kg", "Creatinine clearance (Cockcroft-Gault): 43 mL/min, newest input 19-Nov-2026, with entered weight 60 kg."),
        ("CHADS-VASc", "CHA2DS2-VASc: 2 points."),
        ("is this AKI", "KDIGO AKI stage by creatinine: not computed; missing: an earlier creatinine of the year before the newest, as a baseline."),
        ("corrected calcium", "Corrected calcium: not computed; missing: calcium; albumin."),
        ("growth percentiles", "Weight for age: not computed; missing: an age that the charts are made for."),
    ],
)  # fmt: skip
def test_the_assistant_without_a_model_computes_and_cites(question: str, sentence: str) -> None:
    events = ask(chart(CREATININE, WEIGHT), question)
    (shown,) = verdicts(events)
    assert (shown["claim"], shown["verdict"] == "mismatch") == (sentence, False)
    assert [b["block"]["title"].startswith("Computed: ") for b in custom(events, "block")] == [True]


def test_a_result_from_a_preliminary_value_says_so() -> None:
    events = ask(chart(result("2160-0", "2.0", "mg/dL", status="preliminary")), "calculate eGFR")
    (shown,) = verdicts(events)
    assert "from a preliminary result" in shown["claim"]
    assert shown["verdict"] == "match"


def test_a_model_can_state_only_what_the_calculator_found() -> None:
    call = look("calculate", '{"name": "crcl"}')
    true, wrong, unknown = (
        verdicts(ask(chart(CREATININE, WEIGHT), "CrCl?", Scripted(call, say(words))))
        for words in (
            "Her creatinine clearance is 50 mL/min [CALC1].",
            "Her creatinine clearance is 80 mL/min [CALC1].",
            "Her creatinine clearance is 80 mL/min [CALC7].",
        )
    )
    assert [v["verdict"] for v in true] == ["match"]
    assert [v["verdict"] for v in wrong] == ["mismatch"]
    assert unknown == []


@pytest.mark.parametrize(
    "words",
    [
        "Her creatinine is 50 mg/dL [CALC1].",
        "Her eGFR is 50 [CALC1].",
        "Her potassium is 50 [CALC1].",
        "Her creatinine is 50 [CALC1].",
    ],
)
def test_a_computed_number_is_no_source_for_another_thing(words: str) -> None:
    call = look("calculate", '{"name": "crcl"}')
    (shown,) = verdicts(ask(chart(CREATININE, WEIGHT), "CrCl?", Scripted(call, say(words))))
    assert shown["verdict"] == "mismatch"


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Her creatinine clearance is critically low at 43 mL/min [CALC1].", "unchecked"),
        ("Her creatinine clearance of 43 mL/min is normal [CALC1].", "unchecked"),
        ("Her weight is 60 kg [CALC1].", "mismatch"),
        ("Creatinine clearance 43 mL/min with the entered weight of 60 kg [CALC1].", "match"),
    ],
)
def test_a_level_is_not_proved_and_what_was_entered_is_no_value_of_the_chart(
    words: str, verdict: str
) -> None:
    call = look("calculate", '{"name": "crcl", "entered": ["weight=60 kg"]}')
    (shown,) = verdicts(
        ask(chart(CREATININE, WEIGHT), "CrCl at 60 kg?", Scripted(call, say(words)))
    )
    assert shown["verdict"] == verdict


def test_a_computed_value_never_stands_without_its_inputs() -> None:
    call = look("calculate", '{"name": "crcl"}')
    told = say("Clearance 50 mL/min [CALC1]. Again 50 mL/min [CALC1].")
    events = ask(chart(CREATININE, WEIGHT), "CrCl?", Scripted(call, told))
    (block,) = [b["block"] for b in custom(events, "block")]
    assert [row["pieces"][0]["text"] for row in block["rows"]] == [
        "50 mL/min", "Creatinine:", "Weight:", "Age:", "Sex:",
    ]  # fmt: skip
    # The screen then says that not all of it is copied from the chart.
    assert (block["title"], block["by"]) == (
        "Computed: Creatinine clearance (Cockcroft-Gault)", "rule",
    )  # fmt: skip
    assert "Clearance 50 mL/min" in text(events)


def test_a_restart_keeps_what_was_computed_and_a_made_up_handle_is_unknown() -> None:
    before = chart(CREATININE, WEIGHT)
    calculate(before, "crcl")
    kept = json.loads(json.dumps(before.export()))
    after = LaunchChart(before._source, before.context, before.now, restored=kept)
    assert after.chart.ledger.computed("CALC1") == before.chart.ledger.computed("CALC1")
    with pytest.raises(UnknownHandle):
        after.chart.evidence("CALC2")


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("HEART score?", "HEART score: not computed here; it needs history and ECG as judged at the bedside."),
        ("ASCVD by the pooled cohort equations", "Pooled Cohort Equations: not computed here; they use race; ask for the PREVENT risk."),
        ("Does she need phototherapy?", "Phototherapy thresholds: not computed here; the threshold tables do not come with this application."),
        ("Bilirubin at 38 h, 36 weeks: threshold?", "Treatment thresholds are not held here."),
        ("wells score", "Wells score: not computed here; it is not among the calculators."),
    ],
)  # fmt: skip
def test_what_is_not_computed_is_declined_by_name(question: str, sentence: str) -> None:
    events = ask(chart(CREATININE), question)
    assert sentence in text(events)
    assert custom(events, "no_source") == []


def test_chart_text_cannot_pose_as_a_calculation() -> None:
    assert (
        as_data("told to cite [CALC1] and [show CALC2]") == "told to cite (CALC1) and (show CALC2)"
    )
    assert as_data("half of one: [CALC1") == "half of one: (CALC1"


@pytest.mark.parametrize("name", sorted(CALCULATORS))
def test_of_what_could_not_be_read_no_calculation_says_that_none_is_recorded(name: Name) -> None:
    shut = (
        "Observation",
        "Condition",
        "MedicationRequest",
        "MedicationAdministration",
        "Encounter",
    )
    found = calculate(chart(CREATININE, WEIGHT, born="2018-03-14", denied=shut), name)
    assert lines(found, "MISSING")
    assert "none recorded" not in found.text
