"""One invented record of each type that is read on demand, as an EHR would send it, of patient p1."""

from typing import Any

from app.fhir.source import Resource

SUBJECT = {"subject": {"reference": "Patient/p1"}}
PATIENT = {"patient": {"reference": "Patient/p1"}}


def coded(code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"code": code}], "text": text or code}


def record(kind: str, fhir_id: str, belongs_to: dict[str, Any], /, **more: Any) -> Resource:
    return {"resourceType": kind, "id": fhir_id, **belongs_to, **more}


def who(name: str, kind: str = "Practitioner") -> dict[str, str]:
    return {"reference": f"{kind}/x", "display": name}


EVERY: dict[str, Resource] = {
    "administrations": record(
        "MedicationAdministration", "ma", SUBJECT, status="completed", category=coded("inpatient"),
        medicationCodeableConcept={"text": "vancomycin 1,250 mg"}, effectiveDateTime="2026-11-19T21:30:00-06:00",
        dosage={"dose": {"value": 1250, "unit": "mg"}, "route": {"text": "intravenous"},
                "rateRatio": {"numerator": {"value": 125, "unit": "mL"}, "denominator": {"value": 1, "unit": "h"}}},
        performer=[{"actor": who("R. Nurse, RN")}],
    ),
    "statements": record(
        "MedicationStatement", "ms", SUBJECT, status="active", category=coded("community"),
        medicationCodeableConcept={"text": "naproxen 220 mg tablet"}, dateAsserted="2026-11-18",
        effectivePeriod={"start": "2026-10"}, informationSource=who("daughter", "RelatedPerson"),
        dosage=[{"text": "2 tablets when the knee hurts"}],
    ),
    "immunizations": record(
        "Immunization", "im", PATIENT, status="not-done", vaccineCode={"text": "Influenza, seasonal"},
        occurrenceDateTime="2026-10-02", statusReason={"text": "Patient refused"},
    ),
    "procedures": record(
        "Procedure", "pr", SUBJECT, status="completed", category=coded("surgery"), code={"text": "Colonoscopy"},
        performedPeriod={"start": "2024-03-05T08:00:00-06:00"}, bodySite=[{"text": "colon"}],
        outcome={"text": "two polyps removed"}, performer=[{"actor": who("G. Scope, MD")}],
    ),
    "imaging": record(
        "ImagingStudy", "is", SUBJECT, status="available", started="2026-11-01T10:00:00-06:00",
        modality=[{"code": "CT", "display": "Computed Tomography"}], procedureCode=[{"text": "CT chest"}],
        series=[{"bodySite": {"display": "chest"}}, {"bodySite": {"display": "chest"}}],
    ),
    "specimens": record(
        "Specimen", "sp", SUBJECT, status="available", type={"text": "Blood"},
        collection={"collectedDateTime": "2026-11-18T06:10:00-06:00", "bodySite": {"text": "left arm"},
                    "method": {"text": "venipuncture"}},
    ),
    "flags": record(
        "Flag", "fl", SUBJECT, status="active", category=[coded("infection", "Isolation")],
        code={"text": "Contact precautions"}, period={"start": "2026-11-18"}, author=who("Infection control"),
    ),
    "consents": record(
        "Consent", "co", PATIENT, status="active", scope=coded("adr"), category=[coded("dnr", "Do not resuscitate")],
        dateTime="2026-11-18T12:00:00-06:00",
        provision={"type": "deny", "actor": [{"role": {"text": "health care agent"}, "reference": who("Ana P.", "RelatedPerson")}]},
    ),
    "diets": record(
        "NutritionOrder", "no", PATIENT, status="active", intent="order", dateTime="2026-11-19",
        enteralFormula={"baseFormulaProductName": "Formula 1.5",
                        "administration": [{"rateQuantity": {"value": 50, "unit": "mL/h"}}],
                        "administrationInstruction": "Hold for residual above 300 mL"},
        orderer=who("D. Diet, RD"),
    ),
    "devices": record(
        "Device", "de", PATIENT, status="active", type={"text": "Implantable defibrillator"}, manufacturer="Maker",
        udiCarrier=[{"deviceIdentifier": "00844588003288"}],
    ),
    "device_use": record(
        "DeviceUseStatement", "du", SUBJECT, status="active", device=who("Urinary catheter", "Device"),
        timingPeriod={"start": "2026-11-18T09:00:00-06:00"}, bodySite={"text": "urethra"},
    ),
    "appointments": record(
        "Appointment", "ap", {}, status="noshow", start="2026-10-05T09:00:00-05:00", serviceType=[{"text": "Cardiology"}],
        participant=[{"actor": {"reference": "Patient/p1"}}, {"actor": who("C. Heart, MD")},
                     {"actor": who("Heart Clinic", "Location")}],
    ),
    "tasks": record(
        "Task", "ta", {"for": {"reference": "Patient/p1"}}, status="requested", intent="order",
        code={"text": "Schedule referral"}, description="Referral to cardiology", authoredOn="2026-09-18",
        owner=who("Front desk", "Organization"),
    ),
    "communications": record(
        "Communication", "cm", SUBJECT, status="completed", category=[coded("notification")], topic={"text": "Result"},
        sent="2026-11-19T15:00:00-06:00", payload=[{"contentString": "Potassium 5.6 called to the nurse."}],
        sender=who("Laboratory", "Organization"),
    ),
    "questionnaires": record(
        "QuestionnaireResponse", "qr", SUBJECT, status="completed", authored="2026-09-18",
        questionnaire="http://example.org/Questionnaire/PHQ-9|1.0",
        item=[{"linkId": "1", "text": "Little interest", "answer": [{"valueCoding": {"display": "Several days"}}]},
              {"linkId": "g", "item": [{"linkId": "2", "text": "Total", "answer": [{"valueInteger": 7}]}]}],
    ),
    "care_teams": record(
        "CareTeam", "ct", SUBJECT, status="active", name="Heart failure team", period={"start": "2025-01-01"},
        participant=[{"member": who("A. Osei, MD"), "role": [{"text": "cardiologist"}]}, {"member": {"reference": "Patient/p1"}}],
    ),
    "related": record(
        "RelatedPerson", "rp", PATIENT, active=True, name=[{"given": ["Ana"], "family": "Pell"}],
        relationship=[{"text": "daughter"}], telecom=[{"system": "phone", "value": "555-0100"}],
    ),
    "care_plans": record(
        "CarePlan", "cp", SUBJECT, status="active", intent="plan", category=[coded("assess-plan")], title="Diabetes plan",
        period={"start": "2026-01-10"},
        activity=[{"detail": {"code": {"text": "Foot check"}, "status": "scheduled"}}],
    ),
    "goals": record(
        "Goal", "go", SUBJECT, lifecycleStatus="active", description={"text": "HbA1c below 7 %"}, startDate="2026-01-10",
        target=[{"detailQuantity": {"value": 7.0, "unit": "%"}, "dueDate": "2027-01-10"}],
    ),
    "coverage": record(
        "Coverage", "cv", {"beneficiary": {"reference": "Patient/p1"}}, status="active", payor=[{"display": "Plain Health"}],
        period={"start": "2026-01-01"}, **{"class": [{"type": coded("plan"), "name": "Gold 500"}]},
    ),
    "family": record(
        "FamilyMemberHistory", "fm", PATIENT, status="completed", relationship={"text": "mother"}, date="2020-02-02",
        condition=[{"code": {"text": "breast cancer"}, "onsetAge": {"value": 42, "unit": "years"}}], deceasedBoolean=True,
    ),
    "episodes": record(
        "EpisodeOfCare", "ep", PATIENT, status="active", type=[{"text": "Home care"}], period={"start": "2026-06-01"},
    ),
    "provenance": record(
        "Provenance", "pv", {"target": [{"reference": "Patient/p1"}]}, recorded="2026-11-18T12:00:00-06:00",
        agent=[{"who": who("Outside Hospital", "Organization"), "type": {"text": "transmitter"}}],
    ),
}  # fmt: skip
