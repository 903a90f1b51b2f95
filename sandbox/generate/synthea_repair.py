"""Repair what the generator does and no EHR would send.

Each repair is one function over one resource or over the whole list; `repair` runs them in order.
Nothing clinical is invented: a value is rounded, a category corrected, an order or problem that the
generator forgot to end is ended without a made-up date.
"""

import base64
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from sandbox.generate.clock import AS_OF, days_before
from sandbox.generate.ndjson import Resource
from sandbox.generate.rounding import DIGITS, digits_for, round_observation, rounded

HL7 = "http://terminology.hl7.org/CodeSystem"
TODAY = AS_OF.date().isoformat()

# Questionnaire answers and circumstances of life that the generator files under `laboratory`.
SOCIAL_HISTORY = frozenset(
    [
        "32624-9",
        "46240-8",
        "54899-0",
        "55277-8",
        "56051-6",
        "56799-0",
        "63512-8",
        "63513-6",
        "63586-2",
        "67875-5",
        "71802-3",
        "76437-3",
        "76501-6",
        "76690-7",
        "82589-3",
        "93026-3",
        "93027-1",
        "93028-9",
        "93029-7",
        "93030-5",
        "93031-3",
        "93033-9",
        "93034-7",
        "93035-4",
        "93038-8",
    ]
)
SURVEYS = frozenset(
    [
        "38208-5",
        "44261-6",
        "55758-7",
        "59460-6",
        "59461-4",
        "70274-6",
        "72106-8",
        "72514-3",
        "75626-2",
        "76504-0",
        "82667-7",
        "89204-2",
    ]
)
LABORATORY = frozenset({"71425-3"})
PROCEDURE = frozenset({"X9999-1", "X9999-2"})

# Units that disagree with the value or with the reference range beside it.
UNITS = {"10834-0": "g/dL", "33914-3": "mL/min/{1.73_m2}"}
# Values far outside the reference range that the generator gives to every person.
WITHOUT_RANGE = frozenset({"32207-3"})

# A course of these, or a dose given once, is over after two months whatever its order says.
COURSES = (
    "alteplase",
    "amoxicillin",
    "azithromycin",
    "cefuroxime",
    "clindamycin",
    "doxycycline",
    "penicillin v",
)
_SOCIAL_FINDINGS = (
    "criminal record",
    "education",
    "employment",
    "housing",
    "intimate partner",
    "labor force",
    "refugee",
    "risk activity",
    "social",
    "stress",
    "transport",
    "unemployed",
    "violence",
)
_SUFFIX = re.compile(r" \([a-z/ ]+\)$")
_NOTE_VALUE = re.compile(r"^(- )(.+): (-?\d+(?:\.\d+)?)( .+)?$", re.MULTILINE)


def repair(resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources repaired; the dictionaries are changed in place."""
    kept = _without_split_pressures(resources)
    for resource in kept:
        fix = _BY_TYPE.get(resource["resourceType"])
        if fix:
            fix(resource)
        name_concepts(resource)
    _end_orders([r for r in kept if r["resourceType"] == "MedicationRequest"])
    _sort_problems([r for r in kept if r["resourceType"] == "Condition"])
    _round_notes(kept)
    _add_requesters(kept)
    return kept


def first_code(concept: Resource) -> str:
    """Return the first code of a CodeableConcept, or an empty string."""
    codings = concept.get("coding") or [{}]
    return str(codings[0].get("code", ""))


def _without_split_pressures(resources: Sequence[Resource]) -> list[Resource]:
    """Drop laboratory copies of a pressure that its vital sign holds, and their reports."""
    copies = {
        f"urn:uuid:{r['id']}"
        for r in resources
        if r["resourceType"] == "Observation" and first_code(r["code"]) in {"8480-6", "8462-4"}
    }
    kept = []
    for resource in resources:
        if f"urn:uuid:{resource['id']}" in copies:
            continue
        if resource["resourceType"] == "DiagnosticReport":
            results = [r for r in resource["result"] if r["reference"] not in copies]
            if not results:
                continue
            resource["result"] = results
        kept.append(resource)
    return kept


def _observation(observation: Resource) -> None:
    code = first_code(observation["code"])
    for codes, category in (
        (SOCIAL_HISTORY, "social-history"),
        (SURVEYS, "survey"),
        (LABORATORY, "laboratory"),
        (PROCEDURE, "procedure"),
    ):
        if code in codes:
            observation["category"][0]["coding"][0]["code"] = category
    if code in UNITS and "valueQuantity" in observation:
        observation["valueQuantity"] |= {"unit": UNITS[code], "code": UNITS[code]}
    if code in WITHOUT_RANGE:
        observation.pop("referenceRange", None)
        observation.pop("interpretation", None)
    round_observation(observation)
    if not any(key.startswith("value") or key == "component" for key in observation):
        absent = {"system": f"{HL7}/data-absent-reason", "code": "unknown", "display": "Unknown"}
        observation["dataAbsentReason"] = {"coding": [absent]}


def _patient(patient: Resource) -> None:
    """Keep the medical record number only: no app needs a passport or a home's coordinates."""
    patient["identifier"] = [
        i for i in patient["identifier"] if first_code(i.get("type", {})) == "MR"
    ]
    for address in patient["address"]:
        address.pop("extension", None)


def _location(location: Resource) -> None:
    location.pop("position", None)


def _practitioner(practitioner: Resource) -> None:
    name = practitioner["name"][0]
    name["text"] = f"{' '.join(name['given'])} {name['family']}, MD"
    name["suffix"] = ["MD"]


def _encounter(encounter: Resource) -> None:
    """Give a reason in words and a length of half an hour to a visit that ends when it starts."""
    for reason in encounter.get("reasonCode", []):
        if "text" in reason:
            reason["text"] = reason["text"].replace("_", " ").capitalize()
    period = encounter["period"]
    if period.get("end") == period["start"]:
        hour, minute = int(period["start"][11:13]), int(period["start"][14:16]) + 30
        hour, minute = (hour + 1, minute - 60) if minute >= 60 else (hour, minute)
        if hour < 24:
            period["end"] = f"{period['start'][:11]}{hour:02}:{minute:02}{period['start'][16:]}"


_BY_TYPE: dict[str, Callable[[Resource], None]] = {
    "Observation": _observation,
    "Patient": _patient,
    "Location": _location,
    "Practitioner": _practitioner,
    "Encounter": _encounter,
}


def name_concepts(value: object) -> None:
    """Give every CodeableConcept a `text`, its display without the terminology's suffix."""
    if isinstance(value, list):
        for item in value:
            name_concepts(item)
    elif isinstance(value, dict):
        codings = value.get("coding")
        if codings and "text" not in value and "display" in codings[0]:
            value["text"] = _SUFFIX.sub("", codings[0]["display"])
        for item in value.values():
            name_concepts(item)


def _end_orders(orders: Sequence[Resource]) -> None:
    """Complete each active order that a newer one of its drug replaces, and each old course."""
    newest: dict[str, str] = {}
    active = [order for order in orders if order["status"] == "active"]
    for order in active:
        drug = first_code(order["medicationCodeableConcept"])
        newest[drug] = max(newest.get(drug, ""), order["authoredOn"])
    for order in active:
        concept = order["medicationCodeableConcept"]
        name = concept["coding"][0]["display"].lower()
        over = name.startswith(COURSES) or any(f" {course}" in name for course in COURSES)
        old = order["authoredOn"][:10] < days_before(TODAY, 60)
        if order["authoredOn"] < newest[first_code(concept)] or (over and old):
            order["status"] = "completed"


def _sort_problems(conditions: Sequence[Resource]) -> None:
    """Put each lasting problem on the problem list once; the rest stay diagnoses of their visit."""
    listed: set[str] = set()
    for condition in sorted(conditions, key=lambda c: str(c["onsetDateTime"])):
        clinical = condition["clinicalStatus"]["coding"][0]
        if clinical["code"] != "active":
            continue
        code, name = first_code(condition["code"]), condition["code"]["coding"][0]["display"]
        old = condition["onsetDateTime"][:10] < days_before(TODAY, 180)
        if name.startswith(("Acute ", "Medication review")) and old:
            clinical["code"] = "inactive"
        elif code in listed or name.startswith("Medication review"):
            _categorize(condition, f"{HL7}/condition-category", "encounter-diagnosis")
        elif any(word in name.lower() for word in _SOCIAL_FINDINGS):
            listed.add(code)
            system = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
            _categorize(condition, system, "health-concern")
        else:
            listed.add(code)
            _categorize(condition, f"{HL7}/condition-category", "problem-list-item")


def _categorize(condition: Resource, system: str, code: str) -> None:
    condition["category"] = [{"coding": [{"system": system, "code": code}]}]


def _round_notes(resources: Sequence[Resource]) -> None:
    """Round the measurements that a note repeats, so that the note and the record agree."""
    digits: dict[str, int] = {}
    for resource in resources:
        if resource["resourceType"] == "Observation":
            for part in (resource, *resource.get("component", [])):
                code = part["code"]["coding"][0]
                if code["code"] in DIGITS:
                    digits[code.get("display", "").lower()] = DIGITS[code["code"]]

    def print_rounded(match: re.Match[str]) -> str:
        dash, name, value, unit = match.groups(default="")
        places = digits.get(name.lower(), digits_for("", unit.strip(), Decimal(value)))
        return f"{dash}{name}: {rounded(Decimal(value), places)}{unit}"

    for resource in resources:
        if resource["resourceType"] == "DocumentReference":
            attachment = resource["content"][0]["attachment"]
            text = base64.b64decode(attachment["data"]).decode()
            tidy = _NOTE_VALUE.sub(print_rounded, text)
            attachment["data"] = base64.b64encode(tidy.encode()).decode()


def _add_requesters(resources: Sequence[Resource]) -> None:
    """US Core MedicationRequest, `requester`: the performer of the order's visit."""
    performers = {
        f"urn:uuid:{r['id']}": r["participant"][0]["individual"]
        for r in resources
        if r["resourceType"] == "Encounter" and r.get("participant")
    }
    for resource in resources:
        if resource["resourceType"] == "MedicationRequest" and "requester" not in resource:
            performer = performers.get(resource.get("encounter", {}).get("reference", ""))
            if performer:
                resource["requester"] = dict(performer)
