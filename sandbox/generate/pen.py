"""Write the FHIR R4 resources of one invented patient: whose they are, when they were entered, how they are coded.

A `Pen` belongs to one chart. What it writes gets an id that starts with the chart's prefix, the element by which its
type names the patient, and `meta.lastUpdated`. Moments are written `2026-11-14 21:30`, Chicago's own time.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.generate.clock import later, local
from sandbox.generate.coding import (
    CVX,
    HL7,
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
from sandbox.generate.ndjson import Resource

Reference = dict[str, str]
Test = tuple[str, str, str, str, str, str]

# The element that names the patient; `subject` where a type is not listed.
OWNERS = {
    "AllergyIntolerance": "patient",
    "Consent": "patient",
    "Coverage": "beneficiary",
    "Device": "patient",
    "EpisodeOfCare": "patient",
    "FamilyMemberHistory": "patient",
    "Immunization": "patient",
    "NutritionOrder": "patient",
    "RelatedPerson": "patient",
    "Task": "for",
    "Binary": "securityContext",
}
OF_NOBODY = frozenset(
    (
        "Appointment", "Location", "Medication", "Organization",
        "Patient", "Practitioner", "PractitionerRole", "Provenance",
    )
)  # fmt: skip
CLASSES = {
    "AMB": "ambulatory",
    "EMER": "emergency",
    "IMP": "inpatient encounter",
    "OBSENC": "observation encounter",
    "VR": "virtual",
}
FLAGS = {"H": "High", "L": "Low", "HH": "Critical high", "LL": "Critical low", "N": "Normal"}
_CELL = re.compile(r"([<>]?[\d.]+)(HH|LL|H|L)?")


def at(moment: str) -> str:
    """Return `2026-11-14 21:30` as a FHIR dateTime with Chicago's offset; a day alone stays a day."""
    day, _, time = moment.partition(" ")
    return local(day, time) if time else day


def stamp(moment: str) -> str:
    """Return `moment` as a FHIR instant; a day alone is noon of it."""
    return at(moment if " " in moment else f"{moment} 12:00")


def status(system: str, code: str) -> Resource:
    """Return a status of one HL7 code."""
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def period(start: str, end: str = "") -> Resource:
    """Return a Period; without an end it lasts."""
    return {"start": at(start), **({"end": at(end)} if end else {})}


def loinc(code: str, text: str) -> Resource:
    """Return a concept of LOINC."""
    return coded(text, coding(LOINC, code, text))


def snomed(code: str, text: str) -> Resource:
    """Return a concept of SNOMED CT."""
    return coded(text, coding(SNOMED, code, text))


def rxnorm(code: str, text: str) -> Resource:
    """Return a drug of RxNorm."""
    return coded(text, coding(RXNORM, code, text))


def absent(code: str, display: str) -> Resource:
    """Return why a value is missing."""
    return coded(display, coding(f"{HL7}/data-absent-reason", code, display))


def attachment(content: bytes, kind: str, title: str) -> Resource:
    """Return an Attachment with its content inside."""
    data = base64.b64encode(content).decode()
    return {"contentType": kind, "data": data, "title": title}


@dataclass(kw_only=True)
class Pen:
    """What is written so far about one patient."""

    prefix: str
    name: str
    tests: dict[str, Test] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)

    @property
    def patient(self) -> Reference:
        """Return a reference to the patient."""
        return refer("Patient", f"{self.prefix}-patient", self.name)

    def to(self, kind: str, key: str, display: str = "") -> Reference:
        """Return a reference to another resource of this chart."""
        return refer(kind, f"{self.prefix}-{key}", display)

    def write(self, kind: str, key: str, entered: str, **elements: Any) -> Reference:
        """Write one resource; an element of None is left out, `class_` and `for_` lose their stroke.

        Returns:
            A reference to it.
        """
        sent = {n.rstrip("_"): v for n, v in elements.items() if v is not None}
        owner = {} if kind in OF_NOBODY else {OWNERS.get(kind, "subject"): self.patient}
        meta = {"lastUpdated": stamp(entered), **sent.pop("meta", {})}
        fhir_id = f"{self.prefix}-{key}"
        self.resources.append({"resourceType": kind, "id": fhir_id, "meta": meta} | owner | sent)
        return refer(kind, fhir_id)

    def person(self, key: str, signs: str, npi: str, specialty: str, place: str) -> Reference:
        """Write a clinician and the role in which they work; `signs` is "A. Osei, MD"."""
        plain, _, suffix = signs.partition(", ")
        given, _, family = plain.partition(" ")
        name = {"use": "official", "text": signs, "family": family, "given": [given], "suffix": [suffix]}  # fmt: skip
        self.write(
            "Practitioner", key, "2024-01-02", active=True, name=[name],
            identifier=[{"system": NPI, "value": npi}],
        )  # fmt: skip
        self.write(
            "PractitionerRole", f"role-{key}", "2024-01-02", active=True,
            practitioner=self.to("Practitioner", key, signs),
            organization=self.to("Organization", place), specialty=[{"text": specialty}],
        )  # fmt: skip
        return self.to("Practitioner", key, signs)

    def place(self, key: str, name: str) -> Reference:
        """Write an organization."""
        self.write("Organization", key, "2024-01-02", active=True, name=name)
        return self.to("Organization", key, name)

    def visit(
        self, key: str, kind: str, text: str, start: str, end: str, who: Reference, reason: str, place: Reference, **more: Any
    ) -> Reference:  # fmt: skip
        """Write an encounter; without an end it is in progress."""
        primary = category("v3-ParticipationType", "PPRF", "primary performer")
        return self.write(
            "Encounter", key, end or start, status="finished" if end else "in-progress",
            class_=coding(f"{HL7}/v3-ActCode", kind, CLASSES[kind]), type=[coded(text)],
            participant=[{"type": primary, "individual": who}], period=period(start, end),
            reasonCode=[coded(reason)], serviceProvider=place, **more,
        )  # fmt: skip

    def problem(self, key: str, code: Resource, onset: str, recorded: str, by: Reference, **more: Any) -> Reference:  # fmt: skip
        """Write a problem of the list, active and confirmed unless `more` says otherwise."""
        return self.write("Condition", key, recorded, **{
            "clinicalStatus": status("condition-clinical", "active"),
            "verificationStatus": status("condition-ver-status", "confirmed"),
            "category": category("condition-category", "problem-list-item", "Problem List Item"),
            "code": code, "onsetDateTime": onset or None, "recordedDate": at(recorded),
            "recorder": by, **more,
        })  # fmt: skip

    def allergy(self, key: str, code: Resource, reaction: str, criticality: str, recorded: str, **more: Any) -> Reference:  # fmt: skip
        """Write an active, confirmed allergy with one reaction."""
        return self.write("AllergyIntolerance", key, recorded, **{
            "clinicalStatus": status("allergyintolerance-clinical", "active"),
            "verificationStatus": status("allergyintolerance-verification", "confirmed"),
            "type": "allergy", "criticality": criticality, "code": code, "recordedDate": at(recorded),
            "reaction": [{"manifestation": [coded(reaction)]}], **more,
        })  # fmt: skip

    def order(
        self, key: str, drug: Resource, written: str, by: Reference, sig: str, dosage: Resource | None = None, **more: Any
    ) -> Reference:  # fmt: skip
        """Write a medication order, active and outpatient unless `more` says otherwise; `kind` is its category."""
        kind = more.pop("kind", "outpatient")
        named = {} if "medicationReference" in more else {"medicationCodeableConcept": drug}
        return self.write("MedicationRequest", key, written, **{
            "status": "active", "intent": "order",
            "category": category("medicationrequest-category", kind, kind.capitalize()), **named,
            "authoredOn": at(written), "requester": by,
            "dosageInstruction": [{"text": sig, **(dosage or {})}], **more,
        })  # fmt: skip

    def given(self, key: str, drug: Resource, when: str, dose: Resource | None, by: Reference, **more: Any) -> Reference:  # fmt: skip
        """Write one administration, completed unless `more` says otherwise; `route` in words."""
        route = more.pop("route", "")
        dosage = {**({"route": coded(route)} if route else {}), **({"dose": dose} if dose else {})}
        named = {} if "medicationReference" in more else {"medicationCodeableConcept": drug}
        return self.write("MedicationAdministration", key, when, **{
            "status": "completed", **named, "effectiveDateTime": at(when), "dosage": dosage or None,
            "performer": [{"actor": by}], **more,
        })  # fmt: skip

    def observe(self, key: str, kind: str, code: Resource, when: str, **more: Any) -> Reference:
        """Write an Observation of a category; its value stands in `more`."""
        return self.write("Observation", key, when, **{
            "status": "final", "category": category("observation-category", kind, kind.replace("-", " ").title()),
            "code": code, "effectiveDateTime": at(when), **more,
        })  # fmt: skip

    def result(self, test: str, when: str, cell: str, **more: Any) -> Reference:
        """Write a result of `tests`; the cell is a number with its flag, e.g. `5.6H`, `<0.5`."""
        text, code, unit, ucum, low, high = self.tests[test]
        found = _CELL.fullmatch(cell)
        if found is None:
            raise ValueError(f"{test}: {cell!r} is no result")
        limits = {
            **({"low": quantity(low, unit, ucum)} if low else {}),
            **({"high": quantity(high, unit, ucum)} if high else {}),
        }
        flag = found[2] or ("N" if limits else "")
        system = f"{HL7}/v3-ObservationInterpretation"
        kind = more.pop("kind", "laboratory")
        read = {"interpretation": [coded(FLAGS[flag], coding(system, flag, FLAGS[flag]))]} if flag else {}  # fmt: skip
        late = {"issued": later(at(when), 50)} if kind == "laboratory" and " " in when else {}
        return self.observe(
            more.pop("key", f"{test}-{re.sub(r'[^0-9]', '', when)}"), kind, loinc(code, text), when,
            **{"valueQuantity": quantity(found[1], unit, ucum), **read, **late,
               **({"referenceRange": [limits]} if limits else {}), **more},
        )  # fmt: skip

    def series(self, table: str, kind: str = "laboratory", **more: Any) -> None:
        """Write a table of results: the first line names tests, each other line is a moment and its cells.

        A moment is `2026-11-14T21:30` or a day, a cell of `-` is no result, `120/70` a blood pressure.
        """
        head, *lines = [line.split() for line in table.strip().splitlines()]
        for moment, *cells in lines:
            when = moment.replace("T", " ")
            for test, cell in zip(head, cells, strict=True):
                if "/" in cell:
                    self.pressure(when, cell, **more)
                elif cell != "-":
                    self.result(test, when, cell, kind=kind, **more)

    def pressure(self, when: str, cell: str, **more: Any) -> Reference:
        """Write a blood pressure as one Observation of two components."""
        key = more.pop("key", f"bp-{re.sub(r'[^0-9]', '', when)}")
        parts = [
            {"code": loinc(code, name), "valueQuantity": quantity(value, "mmHg", "mm[Hg]")}
            for (code, name), value in zip(
                (("8480-6", "Systolic blood pressure"), ("8462-4", "Diastolic blood pressure")),
                cell.split("/"), strict=True,
            )
        ]  # fmt: skip
        panel = loinc("85354-9", "Blood pressure panel")
        return self.observe(key, "vital-signs", panel, when, component=parts, **more)

    def vaccine(self, when: str, cvx: str, name: str, **more: Any) -> Reference:
        """Write an immunization."""
        vaccine = coded(name, coding(CVX, cvx, name))
        return self.write("Immunization", f"imm-{when}-{cvx}", when, **{
            "status": "completed", "vaccineCode": vaccine, "occurrenceDateTime": when,
            "primarySource": True, **more,
        })  # fmt: skip

    def document(
        self, key: str, kind: Resource, when: str, by: Reference | None, contents: Sequence[Resource], **more: Any
    ) -> Reference:  # fmt: skip
        """Write a document, signed unless `more` says otherwise."""
        system = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
        return self.write("DocumentReference", key, when, **{
            "status": "current", "docStatus": "final", "type": kind,
            "category": [coded("Clinical Note", coding(system, "clinical-note", "Clinical Note"))],
            "date": at(when), "author": [by] if by else None,
            "content": [{"attachment": {**one, "creation": at(when)}} for one in contents], **more,
        })  # fmt: skip

    def note(self, key: str, kind: Resource, when: str, by: Reference | None, text: str, **more: Any) -> Reference:  # fmt: skip
        """Write a note of plain text."""
        inside = attachment(text.strip().encode(), "text/plain; charset=utf-8", kind["text"])
        return self.document(key, kind, when, by, [inside], **more)

    def report(
        self, key: str, section: str, code: Resource, when: str, results: Iterable[Reference] = (), **more: Any
    ) -> Reference:  # fmt: skip
        """Write a diagnostic report; `section` is HL7's code of the service, e.g. LAB, RAD, MB, CUS."""
        listed = list(results)
        return self.write("DiagnosticReport", key, when, **{
            "status": "final", "category": category("v2-0074", section, section), "code": code,
            "effectiveDateTime": at(when), "issued": later(stamp(when), 60),
            "result": listed or None, **more,
        })  # fmt: skip

    def request(self, key: str, kind: str, code: Resource, when: str, by: Reference, **more: Any) -> Reference:  # fmt: skip
        """Write an order for a service, active unless `more` says otherwise; `kind` in words."""
        return self.write("ServiceRequest", key, when, **{
            "status": "active", "intent": "order", "category": [coded(kind)], "code": code,
            "authoredOn": at(when), "requester": by, **more,
        })  # fmt: skip

    def appointment(self, key: str, text: str, start: str, end: str, state: str, *others: Reference, **more: Any) -> Reference:  # fmt: skip
        """Write an appointment of the patient and others."""
        actors = [{"actor": actor, "status": "accepted"} for actor in (self.patient, *others)]
        return self.write("Appointment", key, more.pop("created", start), **{
            "status": state, "description": text, "serviceType": [coded(text)], "start": stamp(start),
            "end": stamp(end), "participant": actors, **more,
        })  # fmt: skip
