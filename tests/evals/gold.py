"""What a true answer to each of the ten questions holds, read from the charts by a second program.

It is naive on purpose, and shares nothing with the product: plain loops over the raw NDJSON, no
search, no index, no server. Where the two disagree, one of them is wrong and a person looks.

A number is the text of the file (`1.10`), so a server that drops zeros is compared by value, not by
text. It does not judge: whether one thing caused another (question 1), or what a note's words mean.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

Resource = dict[str, Any]

CHARTS = Path(__file__).resolve().parents[2] / "sandbox" / "charts"

EGFR = {"33914-3", "62238-1", "98979-8", "48642-3", "48643-1", "77147-7", "50044-7"}
CREATININE = {"2160-0", "38483-4"}
POTASSIUM = {"2823-3", "6298-4"}
UREA = {"3094-0", "6299-2"}
URINE_ALBUMIN = {"9318-7", "14957-5", "14958-3", "14959-1", "30000-4", "1754-1", "32294-1"}
BLOOD_PRESSURE = {"85354-9"}

ANTICOAGULANTS = (
    "apixaban",
    "rivaroxaban",
    "dabigatran",
    "edoxaban",
    "warfarin",
    "heparin",
    "enoxaparin",
    "dalteparin",
    "fondaparinux",
)
ANTIPLATELETS = ("clopidogrel", "prasugrel", "ticagrelor", "aspirin")

RESULT_STATUSES = {"final", "amended", "corrected", "preliminary"}
PAST_VISIT_STATUSES = {"finished", "onleave", "unknown"}


class Fact(NamedTuple):
    """One thing the chart says: where, which field, the value and unit as sent, the day as sent."""

    reference: str
    field: str
    value: str
    unit: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Gold:
    """The measure of one answer.

    A true answer holds every fact of `must`, cites nothing outside `may_cite`, and says "not in
    this chart" exactly when `absent`.
    """

    must: frozenset[Fact]
    may_cite: frozenset[str]
    absent: bool


def gold(chart_name: str) -> dict[int, Gold]:
    """Return the measure of every question for one chart, by the question's number."""
    resources = read(chart_name)
    now = as_of(chart_name)
    questions: dict[int, Callable[[], Gold]] = {
        1: lambda: kidney_function(resources),
        2: lambda: medicines(resources),
        3: lambda: allergies(resources),
        4: lambda: last_potassium(resources),
        5: lambda: active_problems(resources),
        6: lambda: urine_albumin(resources),
        7: lambda: last_blood_pressure(resources),
        8: lambda: last_visit(resources, now),
        9: lambda: pending(resources),
        10: lambda: blood_thinners(resources),
    }
    return {number: answer() for number, answer in questions.items()}


def read(chart_name: str) -> list[Resource]:
    """Return the chart's resources; every number is its text."""
    path = CHARTS / chart_name / "chart.ndjson.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line, parse_float=str, parse_int=str) for line in lines]


def as_of(chart_name: str) -> datetime:
    """Return the chart's own "now"."""
    manifest = json.loads((CHARTS / chart_name / "manifest.json").read_text(encoding="utf-8"))
    return datetime.fromisoformat(manifest["as_of"])


def kidney_function(resources: list[Resource]) -> Gold:
    """Newest and previous eGFR and creatinine, newest potassium; orders and notes may explain."""
    must: set[Fact] = set()
    for codes, how_many in ((EGFR, 2), (CREATININE, 2), (POTASSIUM, 1)):
        must.update(measured(o) for o in newest(results(resources, codes), how_many))
    usable = results(resources, EGFR | CREATININE | POTASSIUM | UREA)
    context = [
        r
        for r in resources
        if r["resourceType"] in {"MedicationRequest", "Condition", "DocumentReference"}
    ]
    return measure(must, usable + context)


def medicines(resources: list[Resource]) -> Gold:
    """Every active order: the drug, and its dose where the order states a unit."""
    orders = active_orders(resources)
    must = {Fact(ref(o), "medication", drug(o), "", day(o["authoredOn"])) for o in orders}
    for order in orders:
        must.update(doses(order))
    return measure(must, orders)


def allergies(resources: list[Resource]) -> Gold:
    """Every active allergy and its reactions; those refuted or entered in error are none."""
    must: set[Fact] = set()
    active = []
    for resource in resources:
        if resource["resourceType"] != "AllergyIntolerance" or not stands(resource):
            continue
        if status(resource, "clinicalStatus") not in {"active", ""}:
            continue
        active.append(resource)
        recorded = day(resource.get("recordedDate", ""))
        must.add(Fact(ref(resource), "code", words(resource["code"]), "", recorded))
        for reaction in resource.get("reaction", []):
            for sign in reaction["manifestation"]:
                must.add(Fact(ref(resource), "reaction", words(sign), "", recorded))
    return measure(must, active)


def last_potassium(resources: list[Resource]) -> Gold:
    """Return the newest potassium."""
    found = results(resources, POTASSIUM)
    return measure({measured(o) for o in newest(found, 1)}, found)


def active_problems(resources: list[Resource]) -> Gold:
    """Return the problem list's active entries; a visit's own diagnoses may be cited too."""
    must: set[Fact] = set()
    active = []
    for resource in resources:
        if resource["resourceType"] != "Condition" or not stands(resource):
            continue
        if status(resource, "clinicalStatus") not in {"active", "recurrence", "relapse"}:
            continue
        active.append(resource)
        if "problem-list-item" in codes_of(resource["category"]):
            when = resource.get("recordedDate") or resource.get("onsetDateTime", "")
            must.add(Fact(ref(resource), "code", words(resource["code"]), "", day(when)))
    return measure(must, active)


def urine_albumin(resources: list[Resource]) -> Gold:
    """Return the newest result; an order without a result may be cited, but it is not a result."""
    found = results(resources, URINE_ALBUMIN)
    orders = [
        r
        for r in resources
        if r["resourceType"] == "ServiceRequest" and URINE_ALBUMIN & codes_of([r["code"]])
    ]
    return measure({measured(o) for o in newest(found, 1)}, found + orders)


def last_blood_pressure(resources: list[Resource]) -> Gold:
    """Return the newest pressure, both numbers."""
    found = [o for o in observations(resources, BLOOD_PRESSURE) if o.get("component")]
    must = set()
    for observation in newest(found, 1):
        for part in observation["component"]:
            quantity = part["valueQuantity"]
            must.add(
                Fact(
                    ref(observation),
                    f"component {part['code']['coding'][0]['code']}",
                    quantity["value"],
                    quantity["unit"],
                    day(observation["effectiveDateTime"]),
                )
            )
    return measure(must, found)


def last_visit(resources: list[Resource], now: datetime) -> Gold:
    """Return the newest visit that began before now and is over, with its reasons."""
    past = []
    for resource in resources:
        if resource["resourceType"] != "Encounter":
            continue
        if resource["status"] in PAST_VISIT_STATUSES and moment(resource["period"]["start"]) < now:
            past.append(resource)
    must = set()
    for visit in newest(past, 1):
        for reason in visit.get("reasonCode", []):
            start = day(visit["period"]["start"])
            must.add(Fact(ref(visit), "reasonCode", words(reason), "", start))
    return measure(must, past)


def pending(resources: list[Resource]) -> Gold:
    """Orders that nothing answers, and reports that are registered or preliminary."""
    answered: set[str] = set()
    preliminary = []
    for resource in resources:
        if resource["resourceType"] in {"DiagnosticReport", "Observation"} and stands(resource):
            answered.update(order["reference"] for order in resource.get("basedOn", []))
            if resource["status"] in {"registered", "preliminary"}:
                preliminary.append(resource)
    reports = [r for r in preliminary if r["resourceType"] == "DiagnosticReport"]
    orders = [
        r
        for r in resources
        if r["resourceType"] == "ServiceRequest" and r["status"] in {"active", "on-hold"}
    ]
    waiting = [order for order in orders if ref(order) not in answered]
    must = {Fact(ref(o), "code", words(o["code"]), "", day(o["authoredOn"])) for o in waiting}
    for report in reports:
        when = day(report.get("effectiveDateTime", ""))
        must.add(Fact(ref(report), "code", words(report["code"]), "", when))
    return measure(must, orders + preliminary)


def blood_thinners(resources: list[Resource]) -> Gold:
    """Active orders of an anticoagulant or an antiplatelet; an answer may not mix the two up."""
    must: set[Fact] = set()
    found = []
    for order in active_orders(resources):
        for kind, ingredients in (
            ("anticoagulant", ANTICOAGULANTS),
            ("antiplatelet", ANTIPLATELETS),
        ):
            if any(
                re.search(rf"\b{ingredient}\b", drug(order).lower()) for ingredient in ingredients
            ):
                must.add(Fact(ref(order), kind, drug(order), "", day(order["authoredOn"])))
                found.append(order)
    return measure(must, found)


def measure(must: Iterable[Fact], citable: Iterable[Resource]) -> Gold:
    """Return a Gold whose answer is "not in this chart" when nothing must be said."""
    facts = frozenset(must)
    return Gold(must=facts, may_cite=frozenset(map(ref, citable)), absent=not facts)


def observations(resources: list[Resource], codes: set[str]) -> list[Resource]:
    """Return the Observations with one of `codes` that were not withdrawn."""
    return [
        r
        for r in resources
        if r["resourceType"] == "Observation"
        and r["status"] in RESULT_STATUSES
        and codes & codes_of([r["code"]])
    ]


def results(resources: list[Resource], codes: set[str]) -> list[Resource]:
    """Return those of `observations` that have a number."""
    return [o for o in observations(resources, codes) if "valueQuantity" in o]


def newest(resources: list[Resource], how_many: int) -> list[Resource]:
    """Return the resources of the `how_many` newest moments; two of one moment count once."""
    moments = sorted({moment(happened(r)) for r in resources}, reverse=True)[:how_many]
    return [r for r in resources if moment(happened(r)) in moments]


def happened(resource: Resource) -> str:
    """Return when a result was collected or a visit began, as sent."""
    return str(resource.get("effectiveDateTime") or resource["period"]["start"])


def measured(observation: Resource) -> Fact:
    """Return the number of a result, with its comparator."""
    quantity = observation["valueQuantity"]
    value = quantity.get("comparator", "") + quantity["value"]
    when = day(observation["effectiveDateTime"])
    return Fact(ref(observation), "valueQuantity", value, quantity["unit"], when)


def active_orders(resources: list[Resource]) -> list[Resource]:
    """Return the medication orders whose status is active, as sent."""
    return [
        r
        for r in resources
        if r["resourceType"] == "MedicationRequest"
        and r["status"] == "active"
        and r["intent"] not in {"proposal", "plan", "option"}
    ]


def doses(order: Resource) -> Iterable[Fact]:
    """Return the first dose of each instruction that states its unit."""
    for instruction in order.get("dosageInstruction", []):
        for dose in instruction.get("doseAndRate", [])[:1]:
            quantity = dose.get("doseQuantity", {})
            if quantity.get("unit"):
                when = day(order["authoredOn"])
                yield Fact(ref(order), "doseQuantity", quantity["value"], quantity["unit"], when)


def drug(order: Resource) -> str:
    """Return the drug as the order names it."""
    return words(order["medicationCodeableConcept"])


def stands(resource: Resource) -> bool:
    """Return whether the record was neither refuted nor entered in error."""
    verification = status(resource, "verificationStatus")
    withdrawn = {"refuted", "entered-in-error"}
    return verification not in withdrawn and resource.get("status") not in withdrawn


def status(resource: Resource, field: str) -> str:
    """Return the code of a status that is a CodeableConcept, or an empty string."""
    codings = resource.get(field, {}).get("coding", [])
    return str(codings[0]["code"]) if codings else ""


def words(concept: Resource) -> str:
    """Return a concept's text, or the display of its first code."""
    return str(concept.get("text") or concept["coding"][0]["display"])


def codes_of(concepts: list[Resource]) -> set[str]:
    """Return every code of some concepts."""
    return {str(c.get("code", "")) for concept in concepts for c in concept.get("coding", [])}


def ref(resource: Resource) -> str:
    """Return `Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def day(stamp: str) -> str:
    """Return the day of a FHIR date as sent, in its own offset."""
    return stamp[:10]


def moment(stamp: str) -> datetime:
    """Return a FHIR dateTime as an instant."""
    return datetime.fromisoformat(stamp)
