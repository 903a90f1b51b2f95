"""A record of an impossible shape is counted where it belongs; the rest of the chart stands and opens."""

from datetime import timedelta
from typing import Any

import pytest

from app.fhir.banner import banner
from app.fhir.card import build_card
from app.fhir.display import Text
from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.source import Complete, Failed, Resource
from app.fhir.source_view import source as shown_source
from app.tools.chart_tools import changes_since, chart_overview, chart_pending
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, observation, source

OWN = {"subject": {"reference": "Patient/p1"}}


def record(kind: str, **more: Any) -> Resource:
    return {"resourceType": kind, "id": "bad", **OWN, **more}


VISIT = {"status": "finished", "period": {"start": "2026-11-01"}}
ORDER = {"status": "active", "intent": "order", "medicationCodeableConcept": {"text": "aspirin"}}
WRONG: list[tuple[SectionName, Resource]] = [
    ("labs", observation("bad", status=["final"])),
    ("labs", observation("bad", status={"value": "final"})),
    ("labs", observation("bad", category=5)),
    ("labs", observation("bad", note=["text"])),
    ("labs", observation("bad", note={"text": "x"})),
    ("labs", observation("bad", basedOn=[["x"]])),
    ("labs", observation("bad", effectiveDateTime=["2026"])),
    ("labs", observation("bad", encounter="Encounter/1")),
    ("encounters", record("Encounter", **VISIT, **{"class": {"code": ["AMB"]}})),
    ("encounters", record("Encounter", **VISIT, **{"class": ["AMB"]})),
    ("encounters", record("Encounter", **VISIT, participant=["x"])),
    ("encounters", record("Encounter", **VISIT, serviceProvider=["x"])),
    ("encounters", record("Encounter", **{**VISIT, "status": ["finished"]})),
    ("medications", record("MedicationRequest", **ORDER, dosageInstruction=["daily"])),
    ("medications", record("MedicationRequest", **ORDER, dosageInstruction=[{"text": "daily"}, 5])),
    ("medications", record("MedicationRequest", **ORDER, dosageInstruction="daily")),
    ("medications", record("MedicationRequest", **ORDER, encounter=["x"])),
    ("medications", record("MedicationRequest", **{**ORDER, "status": ["active"]})),
    ("medications", record("MedicationRequest", **{**ORDER, "intent": ["order"]})),
    ("notes", record("DocumentReference", status="current", content=["x"])),
    ("notes", record("DocumentReference", status="current", content={"attachment": {}})),
    ("notes", record("DocumentReference", status="current", context={"encounter": {"reference": "x"}})),
    ("requests", record("ServiceRequest", status=["active"])),
    ("requests", record("ServiceRequest", status="active", code={"coding": [{"code": ["x"]}]}, reasonCode=5)),
    ("reports", record("DiagnosticReport", status=["final"])),
    ("reports", record("DiagnosticReport", status="final", basedOn=5)),
    ("requests", record("ServiceRequest", status="active", category=5)),
    ("problems", record("Condition", category=5)),
]  # fmt: skip


def held(section: SectionName, bad: Resource) -> LaunchChart:
    """Return a launch with one good record of each kind and the bad one."""
    good = [
        observation("good"),
        {**record("Encounter", **VISIT), "id": "good"},
        {**record("MedicationRequest", **ORDER), "id": "good"},
        {**record("DocumentReference", status="current"), "id": "good"},
        {**record("ServiceRequest", status="active"), "id": "good"},
        {**record("DiagnosticReport", status="final"), "id": "good"},
        {**record("Condition", code={"text": "gout"}), "id": "good"},
    ]

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        wanted = query.get("category", "laboratory") == "laboratory"
        return 200, bundle(*(r for r in [*good, bad] if r["resourceType"] == path and wanted))

    return LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)


@pytest.mark.parametrize(("section", "bad"), WRONG)
def test_a_wrongly_typed_record_is_counted_and_everything_else_opens(
    section: SectionName, bad: Resource
) -> None:
    launch = held(section, bad)
    build_card(launch, launch.sources, NOW + timedelta(days=1), "Practitioner/none")
    banner(launch)
    for tool in (chart_overview, changes_since, chart_pending):
        tool(launch)
    chart = launch.chart
    assert chart.sections[section] == Failed(reason="1 record could not be read", n=1)
    others = {n: s for n, s in chart.sections.items() if n != section}
    assert all(isinstance(state, Complete) for state in others.values())
    assert all(not ref.endswith("/bad") for ref in chart.resources)
    handles = [line.handle for lines in chart.tables.values() for line in lines]
    handles += [r.handle + p for g in chart.grids.values() for r in g.rows for p in r.cells]
    assert len(handles) == 7
    for handle in handles:
        shown_source(launch, launch.sources.number(handle))


def test_several_are_counted_in_their_own_section_only() -> None:
    bad = observation("bad", status=["final"])
    other = observation("vital", category=[{"coding": [{"code": "vital-signs"}]}])
    worse = observation("worse", component=5)

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        labs = query.get("category") == "laboratory"
        return 200, bundle(*(([bad, worse] if labs else [other]) if path == "Observation" else []))

    launch = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)
    launch.first_read()
    assert launch.sections["labs"] == Failed(reason="2 records could not be read", n=0)
    assert launch.sections["vitals"] == Complete(n=1)
    assert launch.chart.left_out["Observation not understood"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 5},
        {"name": [{"family": "X", "use": ["old"]}]},
        {"name": [{"given": [["X"]]}]},
        {"identifier": True},
        {"managingOrganization": ["x"]},
        {"deceasedDateTime": ["2026"]},
    ],
)
def test_a_wrongly_typed_patient_is_shown_by_what_can_be_read(wrong: dict[str, Any]) -> None:
    sent = {"resourceType": "Patient", "id": "p1", "birthDate": "1958-03-14", **wrong}
    ehr = Ehr(lambda path, _: (200, sent if path.startswith("Patient/") else bundle()))
    launch = LaunchChart(source(ehr), context("p1", NOW), NOW)
    card = build_card(launch, launch.sources, NOW, "Practitioner/none")
    assert card.banner.born == "14-Mar-1958"
    assert launch.sections["patient"] == Failed(reason="1 record could not be read", n=0)


def test_the_class_of_a_visit_is_shown_as_sent_and_its_type_names_it() -> None:
    """A class is no kind of visit: an urgent care visit is AMB, as an office visit is."""
    visits = [
        record("Encounter", **VISIT, type=[{"text": "Urgent care visit"}], **{"class": sent})
        for sent in (
            {"code": "AMB"},
            {"code": "AMB", "display": "Outpatient"},
            {"code": "XYZ"},
            {"display": "Clinic"},
        )
    ]
    every = [{**visit, "id": f"e{n}"} for n, visit in enumerate(visits)]

    def answer(path: str, _query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        return 200, bundle(*(every if path == "Encounter" else ()))

    launch = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)
    lines = {x.reference: x for x in launch.first_read().tables["E"]}
    assert [lines[f"Encounter/e{n}"].text("class") for n in range(4)] == [
        "ambulatory",
        "Outpatient",
        "XYZ",
        "Clinic",
    ]
    shown = shown_source(launch, launch.sources.number(lines["Encounter/e0"].handle))
    facts = {f.label: [p.text for p in f.pieces if isinstance(p, Text)] for f in shown.facts}
    assert (facts["Class"], facts["Type"]) == (["ambulatory"], ["Urgent care visit"])
