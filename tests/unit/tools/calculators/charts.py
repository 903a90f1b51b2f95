"""Small charts made by hand: one patient, and the resources that a test names."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.fhir.reader import LaunchChart
from app.fhir.source import Resource
from tests.ndjson_source import NdjsonSource, context

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 20, 8, 42, tzinfo=ZONE)
UCUM = "http://unitsofmeasure.org"
SUBJECT = {"reference": "Patient/p"}


def chart(
    *found: Resource,
    born: str = "1958-03-14",
    sex: str = "female",
    denied: tuple[str, ...] = (),
    **patient: Any,
) -> LaunchChart:
    """Return a launch of a patient with these resources."""
    own = {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": born,
        "gender": sex,
        "name": [{"family": "Test"}],
        **patient,
    }
    return LaunchChart(NdjsonSource([own, *found], "p", denied=denied), context("p", NOW), NOW)


def result(
    code: str, value: str | None, unit: str, when: str = "2026-11-20T06:00:00-06:00", *, status: str = "final",
    category: str = "laboratory", fhir_id: str = "", **more: Any,
) -> Resource:  # fmt: skip
    """Return an Observation; `unit` is its UCUM code and its display."""
    quantity = (
        {}
        if value is None
        else {
            "valueQuantity": {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit}
        }
    )
    return {
        "resourceType": "Observation", "id": fhir_id or f"{code}-{when[:16]}".replace(":", "").replace("T", "-"), "status": status,
        "subject": SUBJECT, "category": [{"coding": [{"code": category}]}], "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when, **quantity, **more,
    }  # fmt: skip


def vital(
    code: str, value: str, unit: str, when: str = "2026-11-20T06:00:00-06:00", **more: Any
) -> Resource:
    """Return a vital sign."""
    return result(code, value, unit, when, category="vital-signs", **more)


def pressure(systolic: str, diastolic: str, when: str = "2026-11-20T06:00:00-06:00") -> Resource:
    """Return a blood pressure panel with two components."""

    def component(code: str, value: str) -> Resource:
        return {
            "code": {"coding": [{"code": code}]},
            "valueQuantity": {
                "value": Decimal(value),
                "unit": "mmHg",
                "system": UCUM,
                "code": "mm[Hg]",
            },
        }

    panel = result("85354-9", None, "", when, category="vital-signs")
    return {**panel, "component": [component("8480-6", systolic), component("8462-4", diastolic)]}


def problem(name: str, *, status: str = "active", certain: str = "confirmed") -> Resource:
    """Return a problem-list item."""
    return {
        "resourceType": "Condition", "id": name.lower().replace(" ", "-")[:60], "subject": SUBJECT, "code": {"text": name},
        "clinicalStatus": {"coding": [{"code": status}]}, "verificationStatus": {"coding": [{"code": certain}]},
        "category": [{"coding": [{"code": "problem-list-item"}]}], "onsetDateTime": "2020-01-01",
    }  # fmt: skip


def order(
    drug: str, dose: str = "", unit: str = "mg", times: int = 1, *, route: str = "oral", status: str = "active", needed: bool = False,
    ordered: str = "2026-11-10",
) -> Resource:  # fmt: skip
    """Return a medication order: a dose, and how often a day."""
    dosage: Resource = {
        "route": {"text": route},
        "asNeededBoolean": needed,
        "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
    }
    if dose:
        dosage["doseAndRate"] = [
            {"doseQuantity": {"value": Decimal(dose), "unit": unit, "system": UCUM, "code": unit}}
        ]
    return {
        "resourceType": "MedicationRequest", "id": drug.lower().replace(" ", "-")[:60], "subject": SUBJECT, "status": status,
        "intent": "order", "medicationCodeableConcept": {"text": drug}, "authoredOn": ordered, "dosageInstruction": [dosage],
    }  # fmt: skip


def allergy(
    substance: str, *, reaction: str = "", status: str = "active", certain: str = "confirmed"
) -> Resource:
    """Return an allergy."""
    return {
        "resourceType": "AllergyIntolerance", "id": substance.lower().replace(" ", "-")[:60], "patient": SUBJECT, "code": {"text": substance},
        "clinicalStatus": {"coding": [{"code": status}]}, "verificationStatus": {"coding": [{"code": certain}]},
        **({"reaction": [{"manifestation": [{"text": reaction}]}]} if reaction else {}),
    }  # fmt: skip


def given(
    drug: str,
    when: str,
    dose: str = "",
    unit: str = "mg",
    *,
    route: str = "oral",
    status: str = "completed",
) -> Resource:
    """Return an administration."""
    dosage: Resource = {"route": {"text": route}}
    if dose:
        dosage["dose"] = {"value": Decimal(dose), "unit": unit, "system": UCUM, "code": unit}
    return {
        "resourceType": "MedicationAdministration", "id": f"{drug}-{when}".lower().replace(" ", "-").replace(":", "")[:60], "subject": SUBJECT,
        "status": status, "medicationCodeableConcept": {"text": drug}, "effectiveDateTime": when, "dosage": dosage,
    }  # fmt: skip
