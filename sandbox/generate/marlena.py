"""Assemble the hand-made chart of Marlena Evergreen, the patient of every picture and demo.

She is invented. What makes her chart hard on purpose: a fall of kidney function that follows two
orders, one of them from outside; a note copied forward; scanned pages without text; a weight three
years old and a later one entered in error; an ordered test without a result; a problem entered in
error; a corrected result, a preliminary one, one below the limit of detection and one that could
not be performed.
"""

from collections.abc import Iterator

from sandbox.generate import builders
from sandbox.generate.builders import (
    PATIENT,
    PATIENT_ID,
    encounter,
    meta,
    organization,
    practitioner,
)
from sandbox.generate.clock import local
from sandbox.generate.coding import HL7, LOINC, SNOMED, category, coded, coding, quantity, refer
from sandbox.generate.marlena_notes import NOTES, SCANS
from sandbox.generate.marlena_orders import ORDERS
from sandbox.generate.marlena_people import PEOPLE, PLACES, VISITS
from sandbox.generate.marlena_problems import PROBLEMS, PROCEDURES, VACCINES
from sandbox.generate.marlena_results import HEIGHT_CM
from sandbox.generate.ndjson import Chart, Resource
from sandbox.generate.observations import (
    LABORATORY,
    VITAL_SIGNS,
    lab_order,
    lab_orders,
    lab_result,
    panel_resources,
    single_resources,
    vital_resources,
)

VERSION = "1"


def chart() -> Chart:
    """Return Marlena's whole chart."""
    return Chart(
        name="marlena",
        title="EVERGREEN, Marlena: kidney function falls after two orders",
        patient=PATIENT_ID,
        generator="sandbox.generate.marlena",
        generator_version=VERSION,
        seed=None,
        resources=list(_resources()),
        notes=(
            "Hand-made and invented; no count is padded to match a picture.",
            "MedicationDispense is absent: this EHR does not give medication fills to the app.",
            "Binary is absent: the scanned documents have pages but no text.",
        ),
    )


def _resources() -> Iterator[Resource]:
    yield _patient()
    for key, person in PEOPLE.items():
        yield from builders.person_resources(key, person)
    for key, place in PLACES.items():
        yield from builders.place_resources(key, place)
    yield from (builders.visit_resource(key, visit) for key, visit in VISITS.items())
    yield from map(builders.problem_resource, PROBLEMS)
    yield from _allergies()
    yield from map(builders.order_resource, ORDERS)
    yield from panel_resources()
    yield from single_resources()
    yield from vital_resources()
    yield from _unusual_results()
    yield from lab_orders()
    yield from _pending()
    yield from _other_reports()
    yield from map(builders.note_resource, NOTES)
    yield from map(builders.scan_resource, SCANS)
    yield from (builders.vaccine_resource(row.split(maxsplit=2)) for row in _lines(VACCINES))
    yield from (builders.procedure_resource(row.split(maxsplit=3)) for row in _lines(PROCEDURES))
    yield from _social_history()
    yield _care_team()
    yield _coverage()


def _lines(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


def _patient() -> Resource:
    return {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "meta": meta("2026-09-18T10:18:00-05:00"),
        "identifier": [
            {
                "use": "usual",
                "type": coded("MRN", coding(f"{HL7}/v2-0203", "MR", "Medical record number")),
                "system": "https://harbor.example/mrn",
                "value": "00471182",
                "assigner": organization("harbor"),
            }
        ],
        "active": True,
        "name": [
            {
                "use": "official",
                "text": "Ms Marlena Evergreen",
                "family": "Evergreen",
                "given": ["Marlena"],
                "prefix": ["Ms"],
            }
        ],
        "telecom": [{"system": "phone", "value": "555-0177", "use": "home"}],
        "gender": "female",
        "birthDate": "1958-03-14",
        "address": [
            {
                "use": "home",
                "line": ["14 Larkspur Lane"],
                "city": "Harbor",
                "state": "IL",
                "postalCode": "60099",
                "country": "US",
            }
        ],
        "communication": [
            {
                "language": coded("English", coding("urn:ietf:bcp:47", "en", "English")),
                "preferred": True,
            }
        ],
        "generalPractitioner": [practitioner("osei")],
        "managingOrganization": organization("harbor"),
    }


def _allergies() -> Iterator[Resource]:
    yield builders.allergy_resource(
        key="penicillin",
        substance=coded("penicillin", coding(SNOMED, "764146007", "Penicillin")),
        manifestation=coded("anaphylaxis", coding(SNOMED, "39579001", "Anaphylaxis")),
        criticality="high",
        recorded="2019-09-10",
    )
    yield builders.allergy_resource(
        key="sulfonamides",
        substance=coded("sulfonamides", coding(SNOMED, "387406002", "Sulfonamide")),
        manifestation=coded("rash", coding(SNOMED, "271807003", "Eruption of skin")),
        criticality="low",
        recorded="2021-08-20",
    )


def _unusual_results() -> Iterator[Resource]:
    """Results whose status or value a reader can get wrong; none is in a drawn series."""
    yield {
        **lab_result("single", "a1c", ("2025-12-03", "09:05", "14:52"), "7.4H", status="corrected"),
        "note": [{"text": "Corrected 04-Dec-2025: reported as 8.4 on 03-Dec-2025."}],
    }
    not_performed = lab_result("single", "mg", ("2024-08-20", "09:40", "15:05"), "0")
    del not_performed["valueQuantity"]
    yield {
        **not_performed,
        "dataAbsentReason": coded(
            "Specimen hemolyzed, not performed",
            coding(f"{HL7}/data-absent-reason", "not-performed", "Not Performed"),
        ),
    }
    yield {
        "resourceType": "Observation",
        "id": "me-obs-urine-culture-2021-08-16",
        "meta": meta(local("2021-08-17", "11:21")),
        "status": "preliminary",
        "category": LABORATORY,
        "code": coded(
            "Urine culture",
            coding(LOINC, "630-4", "Bacteria identified in Urine by Culture"),
        ),
        "subject": PATIENT,
        "encounter": encounter("2021-08-16"),
        "effectiveDateTime": local("2021-08-16", "10:30"),
        "issued": local("2021-08-17", "11:20"),
        "performer": [organization("lab")],
        "valueString": "More than 100,000 colonies/mL gram-negative rods; identification to follow",
    }
    yield _body_size("wt", "29463-7", "Body weight", ("2024-08-20", "09:16"), "171.0", "kg") | {
        "status": "entered-in-error"
    }
    yield _body_size("ht", "8302-2", "Body height", ("2019-09-10", "08:50"), HEIGHT_CM, "cm")
    yield _body_size("ht", "8302-2", "Body height", ("2023-05-09", "08:40"), HEIGHT_CM, "cm")


def _body_size(
    key: str, loinc: str, name: str, when: tuple[str, str], value: str, unit: str
) -> Resource:
    day, time = when
    return {
        "resourceType": "Observation",
        "id": f"me-obs-{key}-{day}",
        "meta": meta(local(day, time)),
        "status": "final",
        "category": VITAL_SIGNS,
        "code": coded(name, coding(LOINC, loinc, name)),
        "subject": PATIENT,
        "encounter": encounter(day),
        "effectiveDateTime": local(day, time),
        "valueQuantity": quantity(value, unit, unit),
    }


def _pending() -> Iterator[Resource]:
    """A blood count without a result yet, and an order with nothing behind it."""
    count = coded(
        "Complete blood count",
        coding(LOINC, "58410-2", "CBC panel - Blood by Automated count"),
    )
    order = "me-sr-cbc-2026-11-19"
    yield lab_order(order, count, local("2026-11-16", "10:05"), "osei", status="active")
    yield {
        "resourceType": "DiagnosticReport",
        "id": "me-dr-cbc-2026-11-19",
        "meta": meta(local("2026-11-19", "09:31")),
        "basedOn": [refer("ServiceRequest", order)],
        "status": "registered",
        "category": category("v2-0074", "LAB", "Laboratory"),
        "code": count,
        "subject": PATIENT,
        "effectiveDateTime": local("2026-11-19", "09:10"),
        "performer": [organization("lab")],
    }
    ratio = coded(
        "Urine albumin/creatinine ratio",
        coding(LOINC, "9318-7", "Albumin/Creatinine [Mass Ratio] in Urine"),
    )
    urine = lab_order(
        "me-sr-uacr-2026-09-18", ratio, local("2026-09-18", "10:49"), "osei", status="active"
    )
    yield {**urine, "encounter": encounter("2026-09-18")}


def _other_reports() -> Iterator[Resource]:
    yield {
        "resourceType": "DiagnosticReport",
        "id": "me-dr-echo-2024-02-12",
        "meta": meta(local("2024-02-12", "15:40")),
        "status": "final",
        "category": category("v2-0074", "CUS", "Cardiac Ultrasound"),
        "code": coded("Echocardiogram", coding(LOINC, "42148-7", "US Heart")),
        "subject": PATIENT,
        "encounter": encounter("hosp-2024"),
        "effectiveDateTime": local("2024-02-12", "14:10"),
        "issued": local("2024-02-12", "15:39"),
        "performer": [organization("mercy")],
        "conclusion": (
            "Ejection fraction 60%. Left atrium mildly enlarged. No significant valve disease."
        ),
    }


def _social_history() -> Iterator[Resource]:
    for day, time in (("2019-09-10", "08:52"), ("2025-03-12", "08:52")):
        yield {
            "resourceType": "Observation",
            "id": f"me-obs-smoking-{day}",
            "meta": meta(local(day, time)),
            "status": "final",
            "category": category("observation-category", "social-history", "Social History"),
            "code": coded(
                "Tobacco smoking status", coding(LOINC, "72166-2", "Tobacco smoking status")
            ),
            "subject": PATIENT,
            "encounter": encounter(day),
            "effectiveDateTime": local(day, time),
            "valueCodeableConcept": coded(
                "Never smoker", coding(SNOMED, "266919005", "Never smoked tobacco")
            ),
        }
    yield {
        "resourceType": "Observation",
        "id": "me-obs-phq2-2025-03-12",
        "meta": meta(local("2025-03-12", "08:54")),
        "status": "final",
        "category": category("observation-category", "survey", "Survey"),
        "code": coded(
            "PHQ-2 total score",
            coding(LOINC, "55758-7", "Patient Health Questionnaire 2 item (PHQ-2) total score"),
        ),
        "subject": PATIENT,
        "encounter": encounter("2025-03-12"),
        "effectiveDateTime": local("2025-03-12", "08:54"),
        "valueQuantity": quantity("1", "points", "{score}"),
    }


def _care_team() -> Resource:
    roles = {
        "osei": "Primary care physician",
        "mensah": "Cardiologist",
        "brandt": "Physician assistant",
    }
    return {
        "resourceType": "CareTeam",
        "id": "me-careteam",
        "meta": meta(local("2024-02-27", "13:45")),
        "status": "active",
        "name": "Harbor Clinic team",
        "subject": PATIENT,
        "participant": [
            {"role": [coded(role)], "member": practitioner(key)} for key, role in roles.items()
        ],
    }


def _coverage() -> Resource:
    return {
        "resourceType": "Coverage",
        "id": "me-coverage",
        "meta": meta("2023-03-01T08:00:00-06:00"),
        "status": "active",
        "type": coded("Medicare"),
        "subscriberId": "0X00-XX0-XX00",
        "beneficiary": PATIENT,
        "relationship": coded("Self", coding(f"{HL7}/subscriber-relationship", "self", "Self")),
        "period": {"start": "2023-03-01"},
        "payor": [{"display": "Medicare"}],
    }
