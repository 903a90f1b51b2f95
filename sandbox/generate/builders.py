"""Build FHIR R4 resources from Marlena's rows: people, visits, problems, orders, documents.

Each resource carries `meta.lastUpdated`, the moment its last word was entered, because a reader is
shown when an outside record changed.
"""

import base64
from collections.abc import Sequence

from sandbox.generate.clock import later, local
from sandbox.generate.coding import (
    CVX,
    HL7,
    ICD10,
    LOINC,
    NPI,
    RXNORM,
    SNOMED,
    category,
    coded,
    coding,
    quantity,
    refer,
)
from sandbox.generate.marlena_notes import Note, Scan
from sandbox.generate.marlena_orders import Order
from sandbox.generate.marlena_people import PEOPLE, PLACES, Person, Place, Visit
from sandbox.generate.marlena_problems import Problem
from sandbox.generate.ndjson import Resource, number

PATIENT_ID = "me-patient"
PATIENT = refer("Patient", PATIENT_ID, "Marlena Evergreen")

_CLASSES = {
    "office": ("AMB", "ambulatory", "Office visit"),
    "urgent": ("AMB", "ambulatory", "Urgent care visit"),
    "emergency": ("EMER", "emergency", "Emergency department visit"),
    "inpatient": ("IMP", "inpatient encounter", "Hospital stay"),
}
_ROUTES = {
    "oral": coded("oral", coding(SNOMED, "26643006", "Oral route")),
    "eye": coded("eye", coding(SNOMED, "54485002", "Ophthalmic route")),
}
# UCUM writes these units otherwise than a prescriber does.
_DOSE_UNITS = {"ug": ("mcg", "ug"), "tablet": ("tablet", "{tbl}"), "drop": ("drop", "[drp]")}
_CATEGORIES = {
    "problem-list-item": "Problem List Item",
    "encounter-diagnosis": "Encounter Diagnosis",
}


def meta(updated: str) -> Resource:
    """Return the `meta` of a resource last changed at `updated`."""
    return {"lastUpdated": updated}


def practitioner(key: str) -> dict[str, str]:
    """Return a reference to a clinician, shown as they sign."""
    return refer("Practitioner", f"me-prac-{key}", PEOPLE[key].signs)


def organization(key: str) -> dict[str, str]:
    """Return a reference to an organization by name."""
    return refer("Organization", f"me-org-{key}", PLACES[key].name)


def encounter(key: str) -> dict[str, str]:
    """Return a reference to a visit."""
    return refer("Encounter", f"me-enc-{key}")


def person_resources(key: str, person: Person) -> list[Resource]:
    """Return a clinician and the role in which they work at their place."""
    made = meta("2024-01-02T08:00:00-06:00")
    name = {
        "use": "official",
        "text": person.signs,
        "family": person.family,
        "given": [person.given],
        "suffix": [person.suffix],
    }
    return [
        {
            "resourceType": "Practitioner",
            "id": f"me-prac-{key}",
            "meta": made,
            "identifier": [{"system": NPI, "value": person.npi}],
            "active": True,
            "name": [name],
        },
        {
            "resourceType": "PractitionerRole",
            "id": f"me-role-{key}",
            "meta": made,
            "active": True,
            "practitioner": practitioner(key),
            "organization": organization(person.place),
            "specialty": [{"text": person.specialty}],
            "location": [refer("Location", f"me-loc-{person.place}", PLACES[person.place].name)],
        },
    ]


def place_resources(key: str, place: Place) -> list[Resource]:
    """Return an organization and its one location."""
    made = meta("2024-01-02T08:00:00-06:00")
    telecom = [{"system": "phone", "value": place.phone, "use": "work"}]
    return [
        {
            "resourceType": "Organization",
            "id": f"me-org-{key}",
            "meta": made,
            "active": True,
            "name": place.name,
            "telecom": telecom,
        },
        {
            "resourceType": "Location",
            "id": f"me-loc-{key}",
            "meta": made,
            "status": "active",
            "name": place.name,
            "telecom": telecom,
            "managingOrganization": organization(key),
        },
    ]


def visit_resource(key: str, visit: Visit) -> Resource:
    """Return the encounter; one without an end is in progress."""
    code, display, kind = _CLASSES[visit.kind]
    start = local(visit.day, visit.start)
    end = local(visit.end_day or visit.day, visit.end) if visit.end else ""
    primary = category("v3-ParticipationType", "PPRF", "primary performer")
    return {
        "resourceType": "Encounter",
        "id": f"me-enc-{key}",
        "meta": meta(end or start),
        "status": "finished" if end else "in-progress",
        "class": coding(f"{HL7}/v3-ActCode", code, display),
        "type": [coded(kind)],
        "subject": PATIENT,
        "participant": [{"type": primary, "individual": practitioner(visit.who)}],
        "period": {"start": start, "end": end} if end else {"start": start},
        "reasonCode": [coded(visit.reason)],
        "location": [
            {"location": refer("Location", f"me-loc-{visit.place}", PLACES[visit.place].name)}
        ],
        "serviceProvider": organization(visit.place),
    }


def problem_resource(problem: Problem) -> Resource:
    """Return the condition; in error it has no clinical status (FHIR R4 Condition, con-5)."""
    in_error = problem.status == "entered-in-error"
    verification = "entered-in-error" if in_error else "confirmed"
    clinical = _status("condition-clinical", problem.status)
    return {
        "resourceType": "Condition",
        "id": f"me-cond-{problem.key}",
        "meta": meta(local(problem.resolved or problem.recorded, "12:00")),
        **({} if in_error else {"clinicalStatus": clinical}),
        "verificationStatus": _status("condition-ver-status", verification),
        "category": category("condition-category", problem.category, _CATEGORIES[problem.category]),
        "code": coded(
            problem.text,
            coding(SNOMED, problem.snomed, problem.display),
            coding(ICD10, problem.icd10, problem.text),
        ),
        "subject": PATIENT,
        **({"encounter": encounter(problem.visit)} if problem.visit else {}),
        "onsetDateTime": problem.onset,
        **({"abatementDateTime": problem.resolved} if problem.resolved else {}),
        "recordedDate": problem.recorded,
        "recorder": practitioner(problem.by),
    }


def allergy_resource(
    *, key: str, substance: Resource, manifestation: Resource, criticality: str, recorded: str
) -> Resource:
    """Return an active, confirmed medication allergy with one reaction."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"me-allergy-{key}",
        "meta": meta(local(recorded, "10:00")),
        "clinicalStatus": _status("allergyintolerance-clinical", "active"),
        "verificationStatus": _status("allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "category": ["medication"],
        "criticality": criticality,
        "code": substance,
        "patient": PATIENT,
        "recordedDate": recorded,
        "recorder": practitioner("osei"),
        "reaction": [{"manifestation": [manifestation]}],
    }


def order_resource(order: Order) -> Resource:
    """Return the medication order; an outside one names the organization it was reported by."""
    written = local(order.ordered, order.time)
    stopped = {"statusReason": coded(order.stopped_because)} if order.stopped_because else {}
    return {
        "resourceType": "MedicationRequest",
        "id": f"me-med-{order.key}",
        "meta": meta(later(written, 1)),
        "status": order.status,
        **stopped,
        "intent": "order",
        "category": category(
            "medicationrequest-category",
            "community" if order.outside else "outpatient",
            "Community" if order.outside else "Outpatient",
        ),
        **({"reportedReference": organization(order.outside)} if order.outside else {}),
        "medicationCodeableConcept": coded(order.drug, coding(RXNORM, order.rxnorm, order.display)),
        "subject": PATIENT,
        **({"encounter": encounter(order.visit)} if order.visit else {}),
        "authoredOn": written,
        "requester": practitioner(order.by),
        **_reason(order),
        "dosageInstruction": [_dosage(order)],
        "dispenseRequest": _supply(order),
    }


def note_resource(note: Note) -> Resource:
    """Return a signed note with its whole text inside, as base64."""
    text = base64.b64encode(note.text.encode()).decode()
    attachment = {"contentType": "text/plain; charset=utf-8", "data": text, "title": note.title}
    kind = coded(note.title, coding(LOINC, note.loinc, note.display))
    document = _document(f"me-doc-{note.key}", kind, local(note.day, note.time), attachment)
    return {
        **document,
        "author": [practitioner(note.author)],
        "custodian": organization("harbor"),
        **({"context": {"encounter": [encounter(note.visit)]}} if note.visit else {}),
    }


def scan_resource(scan: Scan) -> Resource:
    """Return a scanned document: pages to look at, no text to read."""
    attachment = {
        "contentType": scan.content_type,
        "url": f"Binary/me-bin-scan-{scan.key}",
        "size": scan.size_bytes,
        "title": scan.title,
    }
    kind = coded("Scanned document", coding(LOINC, "34109-9", "Note"))
    stamp = local(scan.day, "13:00")
    document = _document(f"me-doc-scan-{scan.key}", kind, stamp, attachment)
    return {**document, "description": scan.title, "custodian": organization("harbor")}


def vaccine_resource(row: Sequence[str]) -> Resource:
    """Return an immunization from `day, CVX, name`."""
    day, cvx, name = row
    return {
        "resourceType": "Immunization",
        "id": f"me-imm-{day}-{cvx}",
        "meta": meta(local(day, "10:30")),
        "status": "completed",
        "vaccineCode": coded(name, coding(CVX, cvx, name)),
        "patient": PATIENT,
        "occurrenceDateTime": day,
        "primarySource": True,
    }


def procedure_resource(row: Sequence[str]) -> Resource:
    """Return a completed procedure from `day, SNOMED, visit or dash, name`."""
    day, snomed, visit, name = row
    return {
        "resourceType": "Procedure",
        "id": f"me-proc-{day}-{snomed}",
        "meta": meta(local(day, "16:00")),
        "status": "completed",
        "code": coded(name, coding(SNOMED, snomed, name)),
        "subject": PATIENT,
        **({} if visit == "-" else {"encounter": encounter(visit)}),
        "performedDateTime": day,
    }


def _status(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def _reason(order: Order) -> Resource:
    """An outside order says its reason in its own words; it does not know our problem list."""
    if order.outside:
        return {"reasonCode": [coded(order.reason, coding(SNOMED, "279039007", "Low back pain"))]}
    return {"reasonReference": [refer("Condition", f"me-cond-{order.reason}")]}


def _dosage(order: Order) -> Resource:
    unit, ucum = _DOSE_UNITS.get(order.unit, (order.unit, order.unit))
    _, per_take = _DOSE_UNITS[order.form]
    ordered = {
        "type": coded("ordered", coding(f"{HL7}/dose-rate-type", "ordered", "Ordered")),
        "doseQuantity": quantity(order.dose, unit, ucum),
    }
    taken = {
        "type": coded("admin-amount"),
        "doseQuantity": quantity(order.per_take, order.form, per_take),
    }
    timing = coding(f"{HL7}/v3-GTSAbbreviation", order.code, order.code)
    return {
        "sequence": 1,
        "text": order.sig,
        "timing": {
            "repeat": {"frequency": order.times, "period": 1, "periodUnit": "d"},
            "code": coded(order.frequency, timing),
        },
        "route": _ROUTES[order.route],
        "doseAndRate": [ordered]
        if ordered["doseQuantity"] == taken["doseQuantity"]
        else [ordered, taken],
    }


def _supply(order: Order) -> Resource:
    in_millilitres = order.form == "drop"
    return {
        "validityPeriod": {"start": order.ordered},
        "numberOfRepeatsAllowed": order.refills,
        "quantity": (
            quantity(order.quantity, "mL", "mL")
            if in_millilitres
            else quantity(order.quantity, f"{order.form}s", "{tbl}")
        ),
        "expectedSupplyDuration": {
            "value": number(str(order.days)),
            "unit": "days",
            "system": "http://unitsofmeasure.org",
            "code": "d",
        },
    }


def _document(fhir_id: str, kind: Resource, stamp: str, attachment: Resource) -> Resource:
    system = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
    return {
        "resourceType": "DocumentReference",
        "id": fhir_id,
        "meta": meta(later(stamp, 1)),
        "status": "current",
        "docStatus": "final",
        "type": kind,
        "category": [coded("Clinical Note", coding(system, "clinical-note", "Clinical Note"))],
        "subject": PATIENT,
        "date": stamp,
        "content": [{"attachment": {**attachment, "creation": stamp}}],
    }
