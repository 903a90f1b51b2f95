"""The deterministic checks: what the lists name of a chart, what was checked, and what could not be read."""

import pytest

from app.fhir.reader import LaunchChart
from app.tools.chart_tools import CHART_TOOLS
from app.tools.checks.lists import load
from app.tools.registry import Registry, ToolResult
from tests.ndjson_source import launch
from tests.unit.agent.scripted import Scripted, look, say
from tests.unit.agent.shown import ask, custom, verdicts
from tests.unit.tools.calculators.charts import allergy, chart, order, problem, result, vital


def checks(chart: LaunchChart, kind: str = "all", medicine: str = "") -> ToolResult:
    return Registry(CHART_TOOLS, chart, chart.context).call(
        "safety_checks", {"kind": kind, "medicine": medicine}
    )


def test_no_words_of_a_models_own_stand_beside_the_chart() -> None:
    one = chart(allergy("Penicillin"))
    for words in ("amoxicillin, which is safe here", "ignore the allergy", "<b>x</b>"):
        assert checks(one, "allergy", words).is_error, words
    registry = Registry(CHART_TOOLS, one, one.context)
    registry.typed = "can she have zorblaxin?"
    assert not registry.call("safety_checks", {"kind": "allergy", "medicine": "zorblaxin"}).is_error


def named(found: ToolResult) -> list[str]:
    """Return the lines about records, without their handles of the check."""
    return [
        line.partition(": ")[2]
        for line in found.text.splitlines()
        if line[:4] == "CALC" and "|" not in line[:8]
    ]


def test_an_allergy_is_held_against_the_class_of_each_active_order() -> None:
    found = checks(
        chart(
            allergy("Penicillin V", reaction="anaphylaxis"), allergy("Sulfa drugs"), allergy("Aspirin", status="resolved"),
            allergy("Codeine", certain="refuted"), order("cephalexin 500 mg capsule"), order("ibuprofen 400 mg tablet"),
            order("sulfamethoxazole-trimethoprim tablet"), order("amoxicillin 500 mg capsule", status="stopped"),
        ),
        "allergy",
    )  # fmt: skip
    assert found.text.splitlines()[0] == (
        "CALC1|Allergy against medicine class: 2 matches. Checked for 24 allergy classes, against 2 allergies and 3 active orders; "
        "no match is not a clearance. Cite [CALC1]"
    )
    assert named(found) == [
        "Recorded allergy: Sulfa drugs – reaction not recorded [A1]",
        "Sulfamethoxazole-trimethoprim tablet: same class as the recorded allergy to Sulfa drugs: sulfonamide antibiotics, "
        "ordered 10-Nov-2026, 10 days old [M1]",
        "Recorded allergy: Penicillin V – anaphylaxis [A2]",
        "Cephalexin 500 mg capsule: related class (cephalosporins and penicillins) to the recorded allergy to Penicillin V, "
        "ordered 10-Nov-2026, 10 days old [M3]",
    ]


def test_a_medicine_that_is_not_ordered_is_checked_by_name() -> None:
    found = checks(chart(allergy("Penicillin")), "allergy", "amoxicillin")
    assert named(found) == [
        "Recorded allergy: Penicillin – reaction not recorded [A1]",
        "Amoxicillin: same class as the recorded allergy to Penicillin: penicillins",
    ]
    assert named(checks(chart(allergy("Penicillin")), "allergy", "azithromycin")) == []


def test_an_empty_or_unread_list_of_allergies_is_never_a_clearance() -> None:
    none = checks(chart(order("ibuprofen 400 mg tablet")), "allergy").text
    assert (
        "No allergy to a substance is recorded; that is not “no allergies” unless it is stated."
        in none
    )
    shut = checks(
        chart(order("ibuprofen 400 mg tablet"), denied=("AllergyIntolerance",)), "allergy"
    ).text
    assert "MISSING allergies: missing permission patient/AllergyIntolerance.rs." in shut
    assert "No allergy to a substance is recorded" not in shut
    assert "no match is not a clearance" in shut


def test_what_could_not_be_read_is_never_said_to_be_not_recorded() -> None:
    drug = order("haloperidol 5 mg tablet")
    read = checks(chart(drug, born="1995-01-01"), "qt").text
    assert "QTc: none recorded that can be used." in read
    assert "Pregnancy: not recorded; Breast-feeding: not recorded." in read
    shut = checks(
        chart(drug, problem("Pregnancy"), born="1995-01-01", denied=("Observation", "Condition")), "qt"
    )  # fmt: skip
    assert (
        "QTc: not found in what was read: missing permission patient/Observation.rs." in shut.text
    )
    assert "Pregnancy: not found in what was read: problems: missing permission" in shut.text
    assert "not recorded" not in shut.text
    assert {"problems", "other"} <= {s for s, state in shut.completeness.items() if state.kind == "denied"}  # fmt: skip


def test_a_qtc_that_cannot_be_used_is_named() -> None:
    qtc = result("8636-3", None, "", category="exam")
    qtc["valueQuantity"] = {"value": 510, "unit": "msec"}
    found = checks(chart(order("haloperidol 5 mg tablet"), qtc), "qt")
    assert "QTc 510 msec (20-Nov-2026) is not used: its unit has no UCUM code" in found.text


def test_two_orders_of_one_group_or_one_name_are_shown_together() -> None:
    found = checks(
        chart(
            order("ibuprofen 400 mg tablet"), order("naproxen 500 mg tablet"), order("lactulose 10 g solution"),
            order("lactulose 20 g solution"), order("insulin glargine 100 unit/mL"), order("insulin lispro 100 unit/mL"),
            order("meloxicam 15 mg tablet", status="completed"),
        ),
        "duplicates",
    )  # fmt: skip
    assert sorted(line.partition(", ordered")[0] for line in named(found)) == [
        "Ibuprofen 400 mg tablet: group: NSAIDs",
        "Lactulose 10 g solution: ordered more than once: lactulose",
        "Lactulose 20 g solution: ordered more than once: lactulose",
        "Naproxen 500 mg tablet: group: NSAIDs",
    ]


KIDNEY = (
    result("2160-0", "2.0", "mg/dL"),
    result("98979-8", "28", "mL/min/{1.73_m2}"),
    vital("29463-7", "60", "kg"),
)


def test_kidney_rules_are_shown_where_the_measured_value_lies_below_their_number() -> None:
    orders = [
        order("metformin 500 mg tablet"),
        order("gabapentin 300 mg capsule"),
        order("rosuvastatin 10 mg tablet"),
        order("amlodipine 5 mg tablet"),
    ]
    found = checks(chart(*KIDNEY, *orders), "renal")
    assert sorted(line.partition(", ordered")[0] for line in named(found)) == [
        "Creatinine clearance (Cockcroft-Gault): 26 mL/min [CALC1]",
        "Gabapentin 300 mg capsule: by CrCl: dose table below 60; here CrCl 26",
        "Metformin 500 mg tablet: by eGFR: contraindicated below 30; starting is not recommended from 30 to 45; here eGFR 28",
        "Rosuvastatin 10 mg tablet: by CrCl: start with 5 mg, at most 10 mg daily below 30; here CrCl 26",
        "eGFR: 28 mL/min/{1.73_m2}, collected 20-Nov-2026, today [L2a]",
    ]
    assert (
        "CALC2|Kidney function and dose: 3 matches. Checked for 81 medicines with a kidney rule, against 4 active orders"
        in found.text
    )


def test_apixaban_stands_with_its_three_criteria_and_their_dates() -> None:
    found = checks(chart(*KIDNEY, order("apixaban 5 mg tablet"), born="1940-01-01"), "renal")
    (line,) = [one for one in named(found) if one.startswith("Apixaban")]
    assert line == (
        "Apixaban 5 mg tablet: label, atrial fibrillation: 2.5 mg twice daily with two of three. age 80 or more: 86, met; "
        "weight 60 kg or less: 60, met; creatinine 1.5 mg/dL or more: 2, met (weight 20-Nov-2026, creatinine 20-Nov-2026), "
        "ordered 10-Nov-2026, 10 days old [M1]"
    )
    unknown = checks(chart(order("apixaban 5 mg tablet")), "renal")
    assert (
        "weight 60 kg or less: not known; creatinine 1.5 mg/dL or more: not known" in unknown.text
    )


def test_kidney_rules_without_a_clearance_name_what_is_missing_and_hide_nothing() -> None:
    found = checks(
        chart(order("gabapentin 300 mg capsule"), order("metformin 500 mg tablet")), "renal"
    )
    assert "here CrCl not known" in found.text
    assert "here eGFR not known" in found.text
    assert "MISSING weight (none recorded that can be used), for CrCl." in found.text


def test_a_medicine_above_its_number_is_said_to_be_on_the_list() -> None:
    well = (
        result("2160-0", "0.7", "mg/dL"),
        result("98979-8", "95", "mL/min/{1.73_m2}"),
        vital("29463-7", "80", "kg"),
    )
    found = checks(chart(*well, order("metformin 500 mg tablet")), "renal")
    assert "Kidney function and dose: 0 matches" in found.text
    assert "On the list, and above its number: metformin 500 mg tablet." in found.text


def test_qt_medicines_stand_with_the_newest_qtc() -> None:
    found = checks(
        chart(
            order("citalopram 20 mg tablet"),
            order("lisinopril 10 mg tablet"),
            result("8636-3", "478", "ms", category="procedure"),
        ),
        "qt",
    )
    assert [line.partition(", ordered")[0] for line in named(found)] == [
        "Citalopram 20 mg tablet: label warns of QT prolongation", "QTc: 478 ms, collected 20-Nov-2026, today [O1a]".replace("collected", "measured"),
    ]  # fmt: skip
    assert "QT list: 1 match." in found.text


def test_ended_supplies_are_those_of_active_orders() -> None:
    found = checks(launch("marlena"), "supply")
    assert [line.partition(" tablet")[0].partition(" 0.005")[0] for line in named(found)] == [
        "Ibuprofen 600 mg", "Latanoprost", "Atorvastatin 40 mg", "Levothyroxine 75 mcg", "Metoprolol succinate 50 mg extended-release",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((), "Pregnancy: not recorded; Breast-feeding: not recorded."),
        ((problem("Pregnancy"),), "Pregnancy: Pregnancy (P1); Breast-feeding: not recorded."),
    ],
)
def test_pregnancy_and_breast_feeding_are_shown_or_said_to_be_not_recorded(
    found: tuple[dict[str, object], ...], said: str
) -> None:
    assert said in checks(chart(*found, born="1996-01-01"), "qt").text
    assert "Pregnancy" not in checks(chart(born="1950-01-01"), "qt").text
    assert "Pregnancy" not in checks(chart(born="1996-01-01", sex="male"), "qt").text


def test_every_list_states_its_source_and_that_no_pharmacist_reviewed_it() -> None:
    lists = load()
    for source in (
        lists.allergy_source,
        lists.duplicates_source,
        lists.renal_source,
        lists.qt_source,
    ):
        assert "not reviewed by a pharmacist" in source
    assert len({(r.ingredient, r.measure, r.below) for r in lists.renal}) == len(lists.renal)
    assert len(set(lists.qt)) == len(lists.qt)
    names = {g.name for g in lists.allergy}
    assert {name for g in lists.allergy for name in g.related} <= names


def test_no_pair_of_interacting_medicines_is_checked() -> None:
    found = checks(chart(order("warfarin 5 mg tablet"), order("ibuprofen 400 mg tablet")))
    assert (
        "Interactions between medicines are not checked here; the EHR has its own check."
        in found.text
    )
    assert not any(
        "warfarin" in line.casefold() and "ibuprofen" in line.casefold()
        for line in found.text.splitlines()
    )


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("can I give her amoxicillin?", ["Allergy against medicine class"]),
        ("everything needing renal adjustment", ["Kidney function and dose"]),
        ("which drugs prolong the QT", []),
        ("QT drugs", []),
        ("duplicate therapy", []),
        ("which medicines have run out?", ["Ordered supply that has ended"]),
    ],
)
def test_the_assistant_without_a_model_answers_with_the_checks(
    question: str, titles: list[str]
) -> None:
    events = ask(launch("marlena"), question)
    said = [v for v in verdicts(events) if "no match is not a clearance" in v["claim"]]
    assert said
    assert {v["verdict"] for v in said} == {"match"}
    shown = [
        b["block"]["title"]
        for b in custom(events, "block")
        if b["block"].get("title", "").startswith("Checked: ")
    ]
    assert shown == [f"Checked: {title}" for title in titles]


def test_a_check_is_drawn_with_its_count_its_rule_and_its_source() -> None:
    events = ask(chart(allergy("Penicillin"), order("amoxicillin 500 mg capsule")), "allergy check")
    (block,) = [
        b["block"] for b in custom(events, "block") if b["block"]["title"].startswith("Checked")
    ]
    first, *rows = block["rows"]
    assert (block["title"], first["pieces"][0]["text"]) == (
        "Checked: Allergy against medicine class",
        "1 match",
    )
    assert [line[0]["text"] for line in first["meta"]] == [
        "Checked for 24 allergy classes, against 1 allergy and 1 active order; no match is not a clearance.",
        "Interactions between medicines are not checked here; the EHR has its own check.",
        "Source: WHO ATC index and US labels, 27-Nov-2026; list not reviewed by a pharmacist",
    ]
    assert [row["pieces"][0]["text"] for row in rows] == [
        "Recorded allergy:",
        "Amoxicillin 500 mg capsule:",
    ]
    # A sentence of the list wraps: on a narrow screen its end would be cut off.
    assert [row["pieces"][1]["style"] for row in rows] == ["plain", "plain"]


def test_a_wrong_count_of_a_check_is_a_mismatch() -> None:

    model = Scripted(
        look("safety_checks", '{"kind": "allergy"}'),
        say("Allergy against medicine class: 0 matches [CALC1]."),
    )
    events = ask(
        chart(allergy("Penicillin"), order("amoxicillin 500 mg capsule")), "allergies?", model
    )
    assert [v["verdict"] for v in verdicts(events)] == ["mismatch"]
