"""Every section of the table is asked for, guarded, compiled, printed and cited like every other."""

import pytest

from app.errors import BoundaryRefused
from app.fhir.blocks import show
from app.fhir.compartment import belongs
from app.fhir.display import RowsBlock
from app.fhir.reader import LaunchChart
from app.fhir.search import construct
from app.fhir.sections import BY_NAME, FIRST, SECTIONS
from app.fhir.source import Complete, Failed, Query
from app.fhir.source_view import source as shown_source
from app.fhir.tables import table
from tests.ndjson_source import context
from tests.unit.fhir.ehr import BASE, NOW, Answer, Ehr, bundle, source
from tests.unit.fhir.records import EVERY, SUBJECT, record, who

PRINTED = {
    "administrations": "given:\nG1|vancomycin 1,250 mg|1250 mg|125 mL/1 h|intravenous|19-Nov-2026 21:30||R. Nurse, RN",
    "statements": "active:\nU1|naproxen 220 mg tablet|2 tablets when the knee hurts|||18-Nov-2026|daughter",
    "immunizations": "refused:\nI1|Influenza, seasonal|02-Oct-2026||Patient refused",
    "procedures": "completed:\nC1|Colonoscopy|05-Mar-2024|colon||two polyps removed|G. Scope, MD",
    "imaging": "available:\nX1|CT chest|Computed Tomography|chest|01-Nov-2026",
    "specimens": "available:\nZ1|Blood|18-Nov-2026|left arm|venipuncture",
    "flags": "active:\nF1|Contact precautions|18-Nov-2026||active|Infection control",
    "consents": "active:\nF1|Do not resuscitate|deny||health care agent Ana P.|18-Nov-2026||active",
    "diets": "active:\nF1|Formula 1.5||50 mL/h|Hold for residual above 300 mL|19-Nov-2026|D. Diet, RD",
    "devices": "active:\nK1|Implantable defibrillator||Maker|00844588003288",
    "device_use": "active:\nK1|Urinary catheter|urethra|18-Nov-2026 09:00",
    "appointments": "noshow:\nY1|Cardiology|05-Oct-2026 09:00||C. Heart, MD|Heart Clinic",
    "tasks": "requested:\nW1|Schedule referral||Referral to cardiology|18-Sep-2026||Front desk",
    "communications": "completed:\nW1|Result|Potassium 5.6 called to the nurse.|19-Nov-2026|Laboratory",
    "questionnaires": "completed:\nQ1|PHQ-9|18-Sep-2026|Little interest: Several days; Total: 7",
    "care_teams": "active:\nT1|Heart failure team|A. Osei, MD (cardiologist)|01-Jan-2025",
    "related": "active:\nT1|Ana Pell|daughter|555-0100",
    "care_plans": "active:\nT1|Diabetes plan|Foot check (scheduled)||10-Jan-2026",
    "goals": "active:\nT1|HbA1c below 7 %|7.0 %|10-Jan-2026|10-Jan-2027",
    "coverage": "active:\nB1|Plain Health|Gold 500||01-Jan-2026",
    "family": "completed:\nH1|mother|breast cancer, onset at 42 years|died|02-Feb-2020",
    "episodes": "active:\nJ1|Home care|01-Jun-2026",
    "provenance": "Z1|source of records|18-Nov-2026|Outside Hospital",
}


def chart_of(*found: dict[str, object]) -> tuple[LaunchChart, Ehr]:
    def answer(path: str, _: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        return 200, bundle(*(r for r in found if r["resourceType"] == path))

    ehr = Ehr(answer)
    return LaunchChart(source(ehr), context("p1", NOW), NOW), ehr


def test_the_table_names_each_section_letter_and_type_once() -> None:
    assert len(BY_NAME) == len(SECTIONS)
    kinds = [s.kind for s in SECTIONS if s.kind != "Observation"]
    assert len(kinds) == len(set(kinds))
    assert {s.name for s in SECTIONS if s.table} - set(FIRST) == set(EVERY) == set(PRINTED)
    # S is the letter of a search.
    assert "S" not in {s.prefix for s in SECTIONS}


@pytest.mark.parametrize("name", EVERY)
def test_a_record_of_every_type_is_read_on_demand_printed_and_citable(name: str) -> None:
    launch, ehr = chart_of(EVERY[name])
    launch.first_read()
    asked = len(ehr.asked)
    assert launch.ensure(name) == {name: Complete(n=1)}
    assert [path for path, _, _ in ehr.asked[asked:]] == [BY_NAME[name].kind]
    printed = table(launch.chart, BY_NAME[name].prefix, section=name)
    assert printed.partition("\n")[2] == PRINTED[name]
    line = launch.chart.tables[BY_NAME[name].prefix][0]
    (block,) = show(launch, [line.handle])
    assert isinstance(block, RowsBlock)
    assert block.title.lower().removeprefix("active ") == BY_NAME[name].words.lower()
    cited = shown_source(launch, launch.sources.number(line.handle))
    own = BY_NAME[name].table
    assert own is not None
    assert (cited.kind_label, cited.reference) == (own.one, line.reference)
    assert launch.chart.label(line.handle).startswith(f"{BY_NAME[name].spoken}, ")


@pytest.mark.parametrize("name", EVERY)
def test_a_record_of_another_patient_is_refused_in_every_section(name: str) -> None:
    theirs = {
        key: (value if key == "participant" else {"reference": "Patient/p2"})
        for key, value in EVERY[name].items()
        if key in ("subject", "patient", "beneficiary", "for", "target", "participant")
    }
    if "participant" in theirs:
        theirs["participant"] = [{"actor": {"reference": "Patient/p2"}}]
    if "target" in theirs:
        theirs["target"] = [{"reference": "Patient/p2"}]
    launch, _ = chart_of({**EVERY[name], **theirs})
    assert launch.ensure(name) == {
        name: Failed(reason="1 entry of another patient was refused", n=0)
    }
    assert launch.chart.tables[BY_NAME[name].prefix] == []


def test_an_appointment_of_a_group_is_not_shown_to_one_of_it() -> None:
    ours = {"actor": {"reference": "Patient/p1"}}
    both = [ours, {"actor": {"reference": "Patient/p2"}}]
    assert belongs(record("Appointment", "a", {}, participant=[ours]), "p1", BASE)
    assert not belongs(record("Appointment", "a", {}, participant=both), "p1", BASE)
    assert not belongs(record("Appointment", "a", {}, participant=[]), "p1", BASE)
    assert not belongs(record("Provenance", "p", {}, target=[who("x", "Observation")]), "p1", BASE)


def test_held_and_refused_doses_are_no_given_ones() -> None:
    dose = {**EVERY["administrations"], "status": "not-done"}
    held = {**dose, "id": "h", "statusReason": [{"text": "Held for low blood pressure"}]}
    refused = {**dose, "id": "r", "statusReason": [{"text": "Patient declined"}]}
    launch, _ = chart_of(held, refused, {**dose, "id": "n"})
    launch.ensure("administrations")
    found = {x.reference: (x.group, x.facts[-3].date_role) for x in launch.chart.tables["G"]}
    assert found == {
        "MedicationAdministration/h": ("held", "recorded"),
        "MedicationAdministration/r": ("refused", "recorded"),
        "MedicationAdministration/n": ("not given", "recorded"),
    }


def test_only_types_of_the_table_are_searched() -> None:
    assert construct(Query(resource_type="Flag"), "p1") == "Flag?patient=p1"
    for kind in ("Patient", "Practitioner", "Group", "List", "Binary", "Element", "", "../Flag"):
        with pytest.raises(BoundaryRefused):
            construct(Query(resource_type=kind), "p1")


def test_the_search_of_each_section_can_be_asked() -> None:
    for section in SECTIONS[1:]:
        assert construct(section.query, "p1").startswith(f"{section.kind}?patient=p1")


def test_what_is_called_the_same_in_another_form_is_well_formed() -> None:
    """Procedure.category is one concept, Coverage.class a list, Goal.description a concept."""
    fill = record(
        "MedicationDispense",
        "d",
        SUBJECT,
        status="completed",
        category={"text": "x"},
        medicationCodeableConcept={"text": "aspirin"},
    )
    launch, _ = chart_of(fill, EVERY["procedures"], EVERY["coverage"], EVERY["goals"])
    launch.ensure("procedures", "coverage", "goals")
    read = {name: launch.chart.sections[name] for name in ("procedures", "coverage", "goals")}
    assert read == dict.fromkeys(read, Complete(n=1))
    assert launch.chart.sections["dispenses"] == Complete(n=1)
