"""What each part of the chart gives back, and what it says where it gives nothing."""

from typing import Any

import pytest

from app.fhir.reader import LaunchChart
from app.fhir.sections import SECTIONS
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from app.tools.section_tool import Section
from app.tools.views import VIEWS
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, observation, source
from tests.unit.fhir.records import EVERY, SUBJECT, coded, record


def ask(*found: dict[str, Any], denied: tuple[str, ...] = (), **arguments: Any) -> ToolResult:
    """Ask for one section of a chart that holds these records."""
    return call(chart_of(*found, denied=denied), "chart_section", **arguments)


def chart_of(*found: dict[str, Any], denied: tuple[str, ...] = ()) -> LaunchChart:
    def answer(path: str, query: dict[str, str]) -> Answer:
        if path in denied:
            return 403, {}
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        wanted = set(query.get("category", "").split(",")) - {""}
        return 200, bundle(
            *(r for r in found if r["resourceType"] == path and (not wanted or wanted & said(r)))
        )

    return LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)


def said(resource: dict[str, Any]) -> set[str]:
    sent = resource.get("category") or []
    return {
        c["code"] for x in (sent if isinstance(sent, list) else [sent]) for c in x.get("coding", [])
    }


def call(chart: LaunchChart, name: str, **arguments: Any) -> ToolResult:
    result = Registry(CHART_TOOLS, chart, chart.context).call(name, arguments)
    assert not result.is_error, result.text
    return result


def order(fhir_id: str, drug: str, *settings: str, **more: Any) -> dict[str, Any]:
    return record(
        "MedicationRequest", fhir_id, SUBJECT, status="active", intent="order", authoredOn="2026-11-18",
        medicationCodeableConcept={"text": drug}, category=[coded(s) for s in settings], **more,
    )  # fmt: skip


def dose(fhir_id: str, when: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    return record(
        "MedicationAdministration", fhir_id, SUBJECT, status=status, effectiveDateTime=when,
        medicationCodeableConcept={"text": "morphine"}, **more,
    )  # fmt: skip


def mg(value: float) -> dict[str, Any]:
    return {"dosage": {"dose": {"value": value, "unit": "mg"}}}


def test_every_view_is_offered_and_every_section_stands_in_a_view() -> None:
    assert set(Section.__args__) == set(VIEWS)  # type: ignore[attr-defined]  # a Literal's values
    shown = {name for view in VIEWS.values() for name in view.sections}
    assert {s.name for s in SECTIONS} - shown == {"patient"}


@pytest.mark.parametrize("section", [name for name, view in VIEWS.items() if not view.computed])
def test_an_empty_part_is_none_found_and_a_refused_one_never_is(section: str) -> None:
    none = ask(section=section)
    assert "do not say none" not in none.text.lower()
    assert {e.field("complete") for e in none.entries} == {"yes"}
    kinds = tuple({s.kind for s in SECTIONS if s.name in VIEWS[section].sections})
    refused = ask(section=section, denied=kinds)
    assert "none found" not in refused.text
    assert "Do not say none" in refused.text
    assert {e.field("complete") for e in refused.entries} == {""}


@pytest.mark.parametrize("name", EVERY)
def test_every_record_stands_in_a_view_with_its_handle(name: str) -> None:
    view = next(v for v, found in VIEWS.items() if name in found.sections)
    if name in ("requests", "appointments", "tasks"):
        view = {"tasks": "messages", "appointments": "appointments"}[name]
    result = ask(EVERY[name], section=view)
    assert result.handles, result.text
    assert [e.section for e in result.entries if e.handle in result.handles] == [name]


def test_a_status_of_ones_own_making_is_refused_with_those_listed() -> None:
    chart = chart_of(order("a", "aspirin"))
    result = Registry(CHART_TOOLS, chart, chart.context).call(
        "chart_section", {"section": "medications", "status": "ongoing"}
    )
    assert (result.is_error, result.text) == (
        True,
        "Refused: A look-up was refused. no such status; listed here: active",
    )


# ---------------------------------------------------------------- medicines


def test_home_inpatient_and_discharge_orders_stand_apart_and_silent_ones_are_counted() -> None:
    orders = [
        order("a", "aspirin", "community"),
        order("b", "heparin", "inpatient"),
        order("c", "apixaban", "discharge"),
        order("d", "metformin"),
    ]
    found = {
        section: [e.name for e in ask(*orders, EVERY["statements"], section=section).entries]
        for section in ("home_medications", "inpatient_medications", "discharge_medications")
    }
    assert found == {
        "home_medications": ["aspirin", "naproxen 220 mg tablet"],
        "inpatient_medications": ["heparin"],
        "discharge_medications": ["apixaban"],
    }
    text = ask(*orders, section="inpatient_medications").text
    assert "1 active order does not say whether for home, the stay or discharge." in text


def test_orders_that_do_not_say_their_setting_forbid_none_of_a_setting() -> None:
    (search,) = ask(order("d", "metformin"), section="discharge_medications").entries
    assert (search.name, search.field("complete"), search.field("why")) == (
        "discharge medications",
        "",
        "1 active order does not say whether for home, the stay or discharge",
    )
    (none,) = ask(order("d", "metformin", "inpatient"), section="discharge_medications").entries
    assert none.field("complete") == "yes"


def test_doses_are_summed_by_medicine_with_the_last_one_and_what_was_not_given() -> None:
    result = ask(
        dose("a", "2026-11-19T22:00:00-06:00", **mg(2)),
        dose("b", "2026-11-20T04:00:00-06:00", **mg(4.5)),
        dose("c", "2026-11-20T06:00:00-06:00", "not-done", statusReason=[{"text": "held: sedated"}]),
        dose("d", "2026-11-18T04:00:00-06:00", **mg(10)),
        section="administrations", since="24h",
    )  # fmt: skip
    assert result.text.splitlines() == [
        "BY MEDICINE since 19-Nov-2026 08:42",
        "morphine|held 1, given 2|last given 20-Nov-2026 04:00 G2|total 6.5 mg of 2 doses",
        "MEDICATION ADMINISTRATIONS 3 of 4 | drug|dose|rate|route|date|why not|by",
        "held:",
        "G1|morphine|dose not recorded|||20-Nov-2026 06:00|held: sedated",
        "given:",
        "G2|morphine|4.5 mg|||20-Nov-2026 04:00",
        "G3|morphine|2 mg|||19-Nov-2026 22:00",
    ]  # fmt: skip


def test_doses_in_different_units_have_no_total() -> None:
    units: dict[str, Any] = {"dosage": {"dose": {"value": 1, "unit": "tablet"}}}
    text = ask(
        dose("a", "2026-11-19", **mg(2)), dose("b", "2026-11-19", **units), section="administrations"
    ).text  # fmt: skip
    assert "doses in different units, no total" in text


def test_a_dose_of_an_unknown_hour_makes_a_window_of_hours_incomplete() -> None:
    result = ask(dose("a", "2026-11-19", **mg(2)), section="administrations", since="24h")
    (search,) = result.entries
    assert (search.field("complete"), search.field("why")) == (
        "",
        "1 record without a date that could be compared was not sorted",
    )


# ---------------------------------------------------------------- results


def test_results_are_summed_up_as_last_three_extremes_and_mean() -> None:
    values = ("4.1", "5.6", "3.2", "4.0", "<3.0")
    found = [
        observation(
            f"o{n}", effectiveDateTime=f"2026-11-{10 + n}",
            valueQuantity={"value": float(v.strip("<")), "unit": "mmol/L", **({"comparator": "<"} if "<" in v else {})},
        )
        for n, v in enumerate(values)
    ]  # fmt: skip
    result = ask(*found, section="labs")
    assert result.text.splitlines()[1] == (
        "L1 Potassium mmol/L: a<3.0 b4.0 c3.2 | min c3.2 max d5.6 | n 4 mean 4.2 | 1 not plain numbers"
    )
    (entry,) = result.entries
    assert [entry.field(n) for n in ("least", "greatest", "n", "mean")] == [
        "L1c",
        "L1d",
        "4",
        "4.2",
    ]


# ---------------------------------------------------------------- microbiology


def test_a_culture_is_joined_with_its_organism_and_what_it_is_susceptible_to() -> None:
    def micro(fhir_id: str, name: str, value: str, **more: Any) -> dict[str, Any]:
        return observation(
            fhir_id, code={"coding": [{"code": name, "display": name}]}, valueQuantity=None,
            valueCodeableConcept={"text": value}, **more,
        )  # fmt: skip

    def tested(fhir_id: str, drug: str, flag: str) -> dict[str, Any]:
        return micro(
            fhir_id, f"{drug} [Susceptibility]", "see flag", interpretation=[{"coding": [{"code": flag}]}]
        )  # fmt: skip

    found = [
        micro("g", "Bacteria identified", "Staphylococcus aureus",
              hasMember=[{"reference": "Observation/s1"}, {"reference": "Observation/s2"}]),
        tested("s1", "Oxacillin", "R"),
        tested("s2", "Vancomycin", "S"),
        record("DiagnosticReport", "r", SUBJECT, status="preliminary", code={"text": "Blood culture"},
               effectiveDateTime="2026-11-18", result=[{"reference": "Observation/g"}]),
        record("DiagnosticReport", "u", SUBJECT, status="final", code={"text": "Urine culture"},
               effectiveDateTime="2026-11-17", conclusion="No growth."),
        observation("k"),
    ]  # fmt: skip
    for one in found:
        one.pop("valueQuantity", None) if one.get("valueCodeableConcept") else None
    result = ask(*found, section="microbiology")
    lines = result.text.splitlines()
    assert lines[0] == "CULTURES: report, organism, susceptibility (S, I, R as sent)"
    assert lines[1] == "R1|Blood culture|collected 18-Nov-2026|preliminary"
    assert lines[2].endswith("Bacteria identified: Staphylococcus aureus")
    assert lines[3].strip().split(", ")[0].endswith("see flag R")
    assert lines[3].strip().split(", ")[1].endswith("see flag S")
    assert lines[4:6] == [
        "R2|Urine culture|collected 17-Nov-2026|final",
        " no result is linked; conclusion: “No growth.”",
    ]
    assert "Potassium" not in result.text


# ---------------------------------------------------------------- alerts, referrals


def test_alerts_are_gathered_from_flags_consents_diets_orders_notes_and_observations() -> None:
    pregnant = observation(
        "preg", category=[coded("social-history")],
        code={"coding": [{"code": "82810-3", "display": "Pregnancy status"}]}, valueQuantity=None,
        valueCodeableConcept={"text": "Not pregnant"},
    )  # fmt: skip
    pregnant.pop("valueQuantity")
    directive = record(
        "DocumentReference", "d", SUBJECT, status="current", type={"text": "Advance directive"}, date="2025-01-01",
    )  # fmt: skip
    code_status = record(
        "ServiceRequest", "c", SUBJECT, status="active", code={"text": "Full code status"}, authoredOn="2026-11-18",
    )  # fmt: skip
    other = record("ServiceRequest", "o", SUBJECT, status="active", code={"text": "Chest X-ray"})
    found = [EVERY["flags"], EVERY["consents"], EVERY["diets"], pregnant, directive, code_status]
    result = ask(*found, other, section="alerts")
    assert {e.name for e in result.entries} == {
        "Contact precautions", "Do not resuscitate", "Formula 1.5", "Pregnancy status", "Advance directive",
        "Full code status",
    }  # fmt: skip
    # An order for full code beside a directive against resuscitation: both are shown, neither is chosen.
    assert "Chest X-ray" not in result.text


def test_one_source_of_alerts_that_was_refused_is_said_beside_the_others() -> None:
    text = ask(EVERY["flags"], section="alerts", denied=("Consent",)).text
    assert "F1|Contact precautions" in text
    assert "NOT READ TO ITS END: Consents and directives: refused by the EHR" in text


def test_referrals_stand_with_their_appointments_and_tasks() -> None:
    referral = record(
        "ServiceRequest", "r", SUBJECT, status="active", code={"text": "Referral to cardiology"}, authoredOn="2026-09-18",
    )  # fmt: skip
    other = record("ServiceRequest", "o", SUBJECT, status="active", code={"text": "Lipid panel"})
    found = ask(referral, other, EVERY["appointments"], EVERY["tasks"], section="referrals")
    assert [(e.name, e.group) for e in found.entries] == [
        ("Referral to cardiology", "active"), ("Cardiology", "noshow"), ("Schedule referral", "requested"),
    ]  # fmt: skip


# ---------------------------------------------------------------- changes


def visit(fhir_id: str, start: str, code: str, status: str) -> dict[str, Any]:
    return record(
        "Encounter", fhir_id, SUBJECT, status=status, period={"start": start}, **{"class": {"code": code}}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "head", "doses"),
    [
        ({}, "SINCE 02-Oct-2026 (visit [E2])", 0),
        ({"anchor": "admission"}, "SINCE 18-Nov-2026 09:00 (admission [E1])", 2),
        ({"anchor": "last_note"}, "SINCE 19-Nov-2026 20:00 (last note [N1])", 1),
        ({"anchor": "24h"}, "SINCE 19-Nov-2026 08:42", 1),
        ({"date": "2026-11-19"}, "SINCE 19-Nov-2026", 0),
    ],
)
def test_changes_count_from_the_anchor_that_is_asked_for(
    arguments: dict[str, str], head: str, doses: int
) -> None:
    note = record(
        "DocumentReference", "n", SUBJECT, status="current", type={"text": "Progress note"},
        date="2026-11-19T20:00:00-06:00",
    )  # fmt: skip
    chart = chart_of(
        visit("e1", "2026-11-18T09:00:00-06:00", "IMP", "in-progress"),
        visit("e2", "2026-10-02T09:00:00-05:00", "AMB", "finished"),
        note,
        dose("a", "2026-11-18T22:00:00-06:00", **mg(2)),
        dose("b", "2026-11-20T04:00:00-06:00", **mg(2)),
    )  # fmt: skip
    result = call(chart, "changes_since", **arguments)
    assert result.text.splitlines()[0] == head
    assert sum(e.section == "administrations" for e in result.entries) == doses


def test_a_missing_anchor_is_said_and_everything_counts() -> None:
    result = call(chart_of(observation()), "changes_since", anchor="admission")
    assert result.text.splitlines()[0] == (
        "SINCE the first record (admission: none found in the record)"
    )
    assert [e.name for e in result.entries if e.cells] == ["Potassium"]
