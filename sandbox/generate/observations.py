"""Build Marlena's Observations and laboratory reports from the tables of her results."""

from collections.abc import Iterator

from sandbox.generate.builders import PATIENT, encounter, meta, organization, practitioner
from sandbox.generate.clock import later, local
from sandbox.generate.coding import HL7, LOINC, category, coded, coding, quantity, refer
from sandbox.generate.marlena_people import VISITS
from sandbox.generate.marlena_results import (
    PANELS,
    SINGLE_RESULTS,
    TESTS,
    VITALS,
    LabTest,
    Panel,
)
from sandbox.generate.ndjson import Resource

LABORATORY = category("observation-category", "laboratory", "Laboratory")
VITAL_SIGNS = category("observation-category", "vital-signs", "Vital Signs")
_FLAGS = {"H": "High", "L": "Low"}

# Draws that came from an order of ours, and who ordered them. Older orders were not carried over.
ORDERED = {
    "2025-12-03": ("2025-12-03", "08:58", "osei"),
    "2026-03-18": ("2026-03-18", "09:05", "osei"),
    "2026-06-11": ("2026-06-11", "08:58", "osei"),
    "2026-10-14": ("2026-09-18", "10:49", "osei"),
    "2026-11-19": ("2026-11-16", "10:05", "osei"),
}

_SIGNS = (
    ("hr", "8867-4", "Heart rate", "beats/min", "/min"),
    ("rr", "9279-1", "Respiratory rate", "breaths/min", "/min"),
    ("temp", "8310-5", "Body temperature", "°C", "Cel"),
    ("spo2", "2708-6", "Oxygen saturation in Arterial blood", "%", "%"),
    ("wt", "29463-7", "Body weight", "kg", "kg"),
)


def rows(table: str) -> Iterator[list[str]]:
    """Return the cells of each line of `table`, without blank lines and remarks."""
    for line in table.splitlines():
        if line.strip() and not line.strip().startswith("#"):
            yield line.split()


def panel_resources() -> Iterator[Resource]:
    """Return every panel's results and the report that holds them."""
    for panel in PANELS:
        for day, collected, resulted, *cells in rows(panel.draws):
            made = [
                lab_result(panel.key, name, (day, collected, resulted), cell)
                for name, cell in zip(panel.tests, cells, strict=True)
            ]
            yield from made
            yield _report(panel, (day, collected, resulted), made)


def single_resources() -> Iterator[Resource]:
    """Return the results that were reported alone."""
    for day, collected, resulted, name, cell in rows(SINGLE_RESULTS):
        yield lab_result(f"single-{collected[:2]}", name, (day, collected, resulted), cell)


def vital_resources() -> Iterator[Resource]:
    """Return the measurements of each visit; a blood pressure is one Observation."""
    for day, time, visit, systolic, diastolic, *cells in rows(VITALS):
        stamp = local(day, time)
        yield {
            **_measurement("bp", "85354-9", "Blood pressure panel", (stamp, visit)),
            "component": [
                _component("8480-6", "Systolic blood pressure", systolic),
                _component("8462-4", "Diastolic blood pressure", diastolic),
            ],
        }
        for (key, loinc, name, unit, ucum), cell in zip(_SIGNS, cells, strict=True):
            if cell != "-":
                value = {"valueQuantity": quantity(cell, unit, ucum)}
                yield {**_measurement(key, loinc, name, (stamp, visit)), **value}


def lab_result(
    group: str, name: str, when: tuple[str, str, str], cell: str, *, status: str = "final"
) -> Resource:
    """Return one result of Mercy Laboratory; `when` is day, time collected, time resulted."""
    day, collected, resulted = when
    test = TESTS[name]
    flag = cell[-1] if cell[-1] in _FLAGS else ""
    issued = local(day, resulted)
    return {
        "resourceType": "Observation",
        "id": result_id(group, name, day),
        "meta": meta(later(issued, 1)),
        **_based_on(group, day),
        "status": status,
        "category": LABORATORY,
        "code": coded(test.text, coding(LOINC, test.loinc, test.display)),
        "subject": PATIENT,
        **_visit_of(day, collected),
        "effectiveDateTime": local(day, collected),
        "issued": issued,
        "performer": [organization("lab")],
        "valueQuantity": quantity(cell.rstrip("HL"), test.unit, test.ucum),
        **_interpretation(flag),
        "referenceRange": [_reference_range(test)],
    }


def result_id(group: str, name: str, day: str) -> str:
    """Return an id, e.g. `me-obs-k-2026-11-19`; a second draw of a day names its hour."""
    again = f"-{group.removeprefix('single-')}" if group == "single-18" else ""
    return f"me-obs-{name}-{day}{again}"


def order_id(key: str, day: str) -> str:
    """Return the id of the laboratory order that a draw answers."""
    return f"me-sr-{key}-{day}"


def lab_orders() -> Iterator[Resource]:
    """Return the completed orders of the basic metabolic panel."""
    panel = PANELS[0]
    for day, (ordered, time, who) in ORDERED.items():
        code = coded(panel.text, coding(LOINC, panel.loinc, panel.display))
        yield lab_order(order_id("bmp", day), code, local(ordered, time), who, status="completed")


def lab_order(fhir_id: str, code: Resource, ordered: str, who: str, *, status: str) -> Resource:
    """Return a laboratory order."""
    return {
        "resourceType": "ServiceRequest",
        "id": fhir_id,
        "meta": meta(later(ordered, 1)),
        "status": status,
        "intent": "order",
        "category": [
            coded(
                "Laboratory procedure",
                coding("http://snomed.info/sct", "108252007", "Laboratory procedure"),
            )
        ],
        "code": code,
        "subject": PATIENT,
        "authoredOn": ordered,
        "requester": practitioner(who),
        "performer": [organization("lab")],
    }


def _interpretation(flag: str) -> Resource:
    if not flag:
        return {}
    system = f"{HL7}/v3-ObservationInterpretation"
    return {"interpretation": [coded(_FLAGS[flag], coding(system, flag, _FLAGS[flag]))]}


def _report(panel: Panel, when: tuple[str, str, str], made: list[Resource]) -> Resource:
    day, collected, resulted = when
    issued = local(day, resulted)
    return {
        "resourceType": "DiagnosticReport",
        "id": f"me-dr-{panel.key}-{day}",
        "meta": meta(later(issued, 1)),
        **_based_on(panel.key, day),
        "status": "final",
        "category": category("v2-0074", "LAB", "Laboratory"),
        "code": coded(panel.text, coding(LOINC, panel.loinc, panel.display)),
        "subject": PATIENT,
        **_visit_of(day, collected),
        "effectiveDateTime": local(day, collected),
        "issued": issued,
        "performer": [organization("lab")],
        "result": [refer("Observation", result["id"]) for result in made],
    }


def _based_on(group: str, day: str) -> Resource:
    if group != "bmp" or day not in ORDERED:
        return {}
    return {"basedOn": [refer("ServiceRequest", order_id("bmp", day))]}


def _visit_of(day: str, collected: str) -> Resource:
    """The visit during whose hours the specimen was collected, if there was one."""
    for key, visit in VISITS.items():
        ends = "24:00" if visit.end_day else visit.end
        if visit.day == day and visit.start <= collected <= ends:
            return {"encounter": encounter(key)}
    return {}


def _reference_range(test: LabTest) -> Resource:
    low = {"low": quantity(test.low, test.unit, test.ucum)} if test.low else {}
    high = {"high": quantity(test.high, test.unit, test.ucum)} if test.high else {}
    return {**low, **high, "text": test.range_text or f"{test.low}–{test.high}"}


def _measurement(key: str, loinc: str, name: str, when: tuple[str, str]) -> Resource:
    stamp, visit = when
    return {
        "resourceType": "Observation",
        "id": f"me-obs-{key}-{stamp[:10]}",
        "meta": meta(later(stamp, 2)),
        "status": "final",
        "category": VITAL_SIGNS,
        "code": coded(name, coding(LOINC, loinc, name)),
        "subject": PATIENT,
        "encounter": encounter(visit),
        "effectiveDateTime": stamp,
    }


def _component(loinc: str, name: str, value: str) -> Resource:
    return {
        "code": coded(name, coding(LOINC, loinc, name)),
        "valueQuantity": quantity(value, "mmHg", "mm[Hg]"),
    }
