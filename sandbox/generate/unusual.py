"""Small charts of the patients that a first week brings and a demonstration forgets, written by hand.

Each has the same plain visit, problem, order, allergy, result and note, and one thing that is unusual. Tags of
`urn:chartside:sandbox` are this EHR's own marks: it holds a marked record back as its message number says
(`sandbox.profile_answers`). Labels and links are FHIR's.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.generate.coding import (
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
from sandbox.generate.ndjson import Chart, Resource

TAGS = "urn:chartside:sandbox"
CREATED = "2026-10-12T09:40:00-05:00"
CLASSIFIED = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIAL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who the chart is about. `title` ends in what the chart shows; `more` goes into the Patient as it is."""

    key: str
    folder: str
    family: str
    given: str
    born: str
    sex: str
    mrn: str
    title: str
    more: Resource
    added: Callable[[str], Iterable[Resource]] = lambda _: ()

    @property
    def patient_id(self) -> str:
        """The Patient's id."""
        return f"{self.key}-patient"


def charts() -> list[Chart]:
    """Return all of them, in the order in which the EHR lists them."""
    return [_chart(person) for person in PEOPLE]


def _chart(person: Person) -> Chart:
    return Chart(
        name=f"special/{person.folder}",
        title=f"{person.family.upper()}, {person.given}: {person.title}",
        patient=person.patient_id,
        generator="sandbox.generate.unusual",
        generator_version="1",
        seed=None,
        resources=[*_plain(person), *person.added(person.key)],
        notes=("Hand-made and invented.",),
    )


def _plain(person: Person) -> list[Resource]:
    key, subject = person.key, refer("Patient", person.patient_id)
    doctor, visit = refer("Practitioner", f"{key}-doctor", "L. Varga, MD"), refer("Encounter", f"{key}-visit")  # fmt: skip
    name = {"use": "official", "family": person.family, "given": [person.given]}
    number = coded("MRN", coding(f"{HL7}/v2-0203", "MR", "Medical record number"))
    patient = {
        "resourceType": "Patient",
        "id": person.patient_id,
        "meta": {"lastUpdated": CREATED},
        "identifier": [
            {"use": "usual", "type": number, "system": "urn:harbor:mrn", "value": person.mrn}
        ],
        "active": True,
        "name": [name],
        "gender": person.sex,
        "birthDate": person.born,
    }
    meta = {**patient["meta"], **person.more.get("meta", {})}  # type: ignore[dict-item]  # both are objects
    return [
        {**patient, **person.more, "meta": meta},
        {
            "resourceType": "Practitioner",
            "id": f"{key}-doctor",
            "identifier": [{"system": NPI, "value": "1000000099"}],
            "active": True,
            "name": [{"use": "official", "text": "L. Varga, MD", "family": "Varga"}],
        },
        {
            "resourceType": "Encounter",
            "id": f"{key}-visit",
            "status": "finished",
            "class": coding(f"{HL7}/v3-ActCode", "AMB", "ambulatory"),
            "type": [coded("Office visit")],
            "subject": subject,
            "participant": [{"individual": doctor}],
            "period": {"start": "2026-10-12T09:00:00-05:00", "end": "2026-10-12T09:30:00-05:00"},
        },
        condition(key, "asthma", "Asthma", "195967001"),
        {
            "resourceType": "MedicationRequest",
            "id": f"{key}-salbutamol",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": coded(
                "salbutamol 100 mcg inhaler", coding(RXNORM, "435", "albuterol")
            ),
            "subject": subject,
            "encounter": visit,
            "authoredOn": "2026-10-12T09:25:00-05:00",
            "requester": doctor,
            "dosageInstruction": [{"text": "2 puffs when needed"}],
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": f"{key}-latex",
            "clinicalStatus": coded(
                "active", coding(f"{HL7}/allergyintolerance-clinical", "active", "Active")
            ),
            "code": coded("latex", coding(SNOMED, "111088007", "Latex")),
            "patient": subject,
            "recordedDate": "2024-03-05",
        },
        {
            "resourceType": "Observation",
            "id": f"{key}-potassium",
            "status": "final",
            "category": category("observation-category", "laboratory", "Laboratory"),
            "code": coded("Potassium", coding(LOINC, "2823-3", "Potassium")),
            "subject": subject,
            "effectiveDateTime": "2026-11-18T08:10:00-06:00",
            "valueQuantity": quantity("4.2", "mmol/L", "mmol/L"),
            "referenceRange": [{"text": "3.5–5.1"}],
        },
        note(key, "visit", "Progress note", "11506-3", "Breathes well. Inhaler seldom needed."),
    ]


def condition(key: str, name: str, text: str, snomed: str, **more: object) -> Resource:
    """Return an active problem of the list."""
    return {
        "resourceType": "Condition",
        "id": f"{key}-{name}",
        "clinicalStatus": coded(
            "active", coding(f"{HL7}/condition-clinical", "active", "Active")
        ),
        "category": category("condition-category", "problem-list-item", "Problem List Item"),
        "code": coded(text, coding(SNOMED, snomed, text)),
        "subject": refer("Patient", f"{key}-patient"),
        "onsetDateTime": "2019-04-02",
        "recordedDate": "2019-04-02",
        **more,
    }  # fmt: skip


def note(key: str, name: str, title: str, loinc: str, text: str, **more: object) -> Resource:
    """Return a signed note with its text inside."""
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": f"{key}-note-{name}",
        "status": "current",
        "type": coded(title, coding(LOINC, loinc, title)),
        "category": category("us-core-documentreference-category", "clinical-note", "Clinical Note"),
        "subject": refer("Patient", f"{key}-patient"),
        "date": "2026-10-12T09:32:00-05:00",
        "author": [refer("Practitioner", f"{key}-doctor", "L. Varga, MD")],
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data, "title": title}}],
        **more,
    }  # fmt: skip


def mark(number: str) -> Resource:
    """Return the `meta` of a record that this EHR holds back with its message."""
    return {"tag": [{"system": TAGS, "code": number}]}


def labelled(code: str, display: str) -> Resource:
    """Return the `meta` of a record with a sensitivity label, and the confidentiality that goes with it."""
    return {
        "security": [
            coding(CLASSIFIED, code, display),
            coding(CONFIDENTIAL, "R", "restricted"),
        ]
    }


def _labels(key: str) -> Iterable[Resource]:
    part_2 = labelled("42CFRPart2", "42 CFR Part 2")
    yield condition(key, "opioid", "Opioid use disorder", "5602001", meta=part_2)
    therapy = labelled("PSYTHPN", "psychotherapy note")
    words = "Session 4. Speaks of the separation and of sleep."
    yield note(key, "therapy", "Psychotherapy note", "11488-4", words, meta=therapy)


def _behind_glass(key: str) -> Iterable[Resource]:
    yield condition(key, "psychosis", "Psychotic disorder", "69322001", meta=mark("4130"))
    yield note(
        key, "ward", "Psychiatry note", "34788-0", "Admitted to the ward.", meta=mark("4130")
    )


def _other_kinds(key: str) -> Iterable[Resource]:
    yield note(key, "letter", "Letter", "51852-2", "Dear colleague, thank you.", meta=mark("59204"))


def _confidential(key: str) -> Iterable[Resource]:
    meta = labelled("ADOL", "adolescent information sensitivity")
    words = "Seen alone. Asked about contraception and does not want it shared."
    yield note(key, "alone", "Confidential note", "11506-3", words, meta=meta)
    yield {
        "resourceType": "Observation",
        "id": f"{key}-weight",
        "status": "final",
        "category": category("observation-category", "vital-signs", "Vital Signs"),
        "code": coded("Body weight", coding(LOINC, "29463-7", "Body weight")),
        "subject": refer("Patient", f"{key}-patient"),
        "effectiveDateTime": "2026-10-12T09:05:00-05:00",
        "valueQuantity": quantity("51.3", "kg", "kg"),
    }


def _replaced(other: str) -> Resource:
    return {"active": False, "link": [{"other": refer("Patient", other), "type": "replaced-by"}]}


PEOPLE = (
    Person(
        key="sr", folder="restricted", family="Sorrel", given="Anton", born="1979-05-23", sex="male", mrn="70010",
        title="labelled data: substance use (42 CFR Part 2), a psychotherapy note, and a VIP",
        more={"meta": labelled("VIP", "celebrity information sensitivity")}, added=_labels,
    ),
    Person(
        key="gl", folder="glass", family="Whitlock", given="Ines", born="1988-09-14", sex="female", mrn="70011",
        title="part of the chart stands behind break-the-glass (4130)", more={}, added=_behind_glass,
    ),
    Person(
        key="em", folder="employee", family="Prewitt", given="Olu", born="1991-01-30", sex="male", mrn="70012",
        title="the whole chart stands behind break-the-glass (4131)", more={"meta": mark("4131")},
    ),
    Person(
        key="st", folder="sub-type", family="Bramley", given="Yusuf", born="1966-07-07", sex="male", mrn="70013",
        title="some kinds of documents are not given to the app (59204)", more={}, added=_other_kinds,
    ),
    Person(
        key="ml", folder="merged-link", family="Tansy", given="Roberta", born="1954-12-02", sex="female", mrn="70014",
        title="merged into another record, told by a link (replaced-by)", more=_replaced("sv-patient"),
    ),
    Person(
        key="mr", folder="merged-redirect", family="Tansy", given="Bobbie", born="1954-12-02", sex="female",
        mrn="70015", title="merged into another record, told by a redirect (4107)",
        more={**_replaced("sv-patient"), "meta": mark("4107")},
    ),
    Person(
        key="sv", folder="survivor", family="Tansy", given="Roberta", born="1954-12-02", sex="female", mrn="70016",
        title="the record that two others were merged into",
        more={"link": [{"other": refer("Patient", one), "type": "replaces"} for one in ("ml-patient", "mr-patient")]},
    ),
    Person(
        key="de", folder="deceased", family="Kestrel", given="Maud", born="1938-02-19", sex="female", mrn="70017",
        title="has died", more={"deceasedDateTime": "2026-10-29T03:15:00-05:00"},
    ),
    Person(
        key="in", folder="inactive", family="Fennimore", given="Carl", born="1972-08-25", sex="male", mrn="70018",
        title="a record that is no longer in use", more={"active": False},
    ),
    Person(
        key="te", folder="test-patient", family="Zztest", given="Anna", born="1980-01-01", sex="female", mrn="70019",
        title="a test patient, as every EHR has them",
        more={"meta": {"tag": [coding(f"{HL7}/v3-ActReason", "HTEST", "test health data")]}},
    ),
    Person(
        key="ad", folder="adolescent", family="Larkspur", given="Noor", born="2012-06-08", sex="female", mrn="70020",
        title="14 years old, with one confidential note", more={}, added=_confidential,
    ),
)  # fmt: skip
