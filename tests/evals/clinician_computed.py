"""What the sixty questions ask to be computed, by the shortest arithmetic over the raw files."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.evals.clinician_records import Records, happened, select
from tests.evals.gold import Resource, words


def mean_pressure(chart: Records) -> list[str]:
    """Return the mean pressure of three months, of all readings and of the patient's own, to whole mmHg."""
    every = {"kind": "Observation", "code": ["85354-9"], "since": "92d"}
    said = []
    for wanted in (every, {**every, "performer": "Patient/"}):
        values = [
            [Decimal(p["valueQuantity"]["value"]) for p in r["component"]]
            for r in select(chart, wanted)
        ]
        systolic, diastolic = zip(*values, strict=True)
        said.append(rf"\b{_whole(systolic)}/{_whole(diastolic)}\b")
    return said


def _whole(values: tuple[Decimal, ...]) -> Decimal:
    return (sum(values, Decimal()) / len(values)).quantize(Decimal(1), ROUND_HALF_UP)


def mg_kg_day(chart: Records) -> list[str]:
    """Return the ordered amoxicillin for each kg and day, at the newest weight, to a tenth of a mg."""
    kilograms = _newest(chart, "^Body weight")
    (order,) = select(chart, {"kind": "MedicationRequest", "name": "amoxicillin"})
    (instruction,) = order["dosageInstruction"]
    dose = Decimal(instruction["doseAndRate"][0]["doseQuantity"]["value"])
    each_day = dose * Decimal(instruction["timing"]["repeat"]["frequency"])
    return [rf"\b{(each_day / kilograms).quantize(Decimal('0.1'), ROUND_HALF_UP)}\b"]


def creatinine_clearance(chart: Records) -> list[str]:
    """Return Cockcroft and Gault's clearance at the newest creatinine and weight, to whole mL/min."""
    (patient,) = [r for r in chart.every if r["resourceType"] == "Patient"]
    born, today = date.fromisoformat(patient["birthDate"]), chart.now.date()
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    clearance = (140 - age) * _newest(chart, "^Body weight") / (72 * _newest(chart, "^Creatinine"))
    if patient["gender"] == "female":
        clearance *= Decimal("0.85")
    return [rf"\b{clearance.quantize(Decimal(1), ROUND_HALF_UP)}([.]\d)? mL/min"]


def morphine_equivalents(chart: Records) -> list[str]:
    """Return the equivalents of what was given by mouth in 24 hours (CDC 2022), and that what was given by vein is apart."""
    factors = {"oxycodone": Decimal("1.5"), "morphine": Decimal(1)}
    total = Decimal()
    for name, factor in factors.items():
        given = {
            "kind": "MedicationAdministration", "name": f"^{name}", "status": ["completed"], "since": "24h",
        }  # fmt: skip
        total += sum(Decimal(r["dosage"]["dose"]["value"]) for r in select(chart, given)) * factor
    return [rf"\b{total}\b.{{0,40}}(MME|mg)", r"hydromorphone[^.]*(not|without|IV|intravenous)"]


def news2(chart: Records) -> list[str]:
    """Return the NEWS2 totals of the full sets of 24 hours, newest first, and when the last was taken."""
    names = ("Heart rate", "Respiratory rate", "Oxygen saturation", "Body temperature", "Blood pressure panel", "Level of resp")  # fmt: skip
    sets: dict[Any, dict[str, Resource]] = {}
    for name in (*names, "Inhaled oxygen"):
        for r in select(chart, {"kind": "Observation", "name": f"^{name}"}):
            sets.setdefault(happened(r), {})[name] = r
    full = [when for when in sorted(sets, reverse=True) if set(names) <= set(sets[when])]
    day = [when for when in full if (chart.now - when).total_seconds() <= 24 * 3600]
    totals = [_news2({name: _read(r) for name, r in sets[when].items()}) for when in day]
    told = [rf"\b{total}\b.*{when:%H:%M}|{when:%H:%M}.*\b{total}\b" for when, total in zip(day, totals, strict=True)]  # fmt: skip
    return [rf"NEWS2\D+{totals[0]}\b", *told]


def _read(resource: Resource) -> Any:
    if "component" in resource:
        return Decimal(resource["component"][0]["valueQuantity"]["value"])
    if "valueCodeableConcept" in resource:
        return words(resource["valueCodeableConcept"])
    return Decimal(resource["valueQuantity"]["value"])


def _news2(found: dict[str, Any]) -> int:
    """Royal College of Physicians, NEWS2 (2017), scale 1 of oxygen saturation."""
    points = {
        "Respiratory rate": ((9, 3), (12, 1), (21, 0), (25, 2), (999, 3)),
        "Oxygen saturation": ((92, 3), (94, 2), (96, 1), (999, 0)),
        "Blood pressure panel": ((91, 3), (101, 2), (111, 1), (220, 0), (999, 3)),
        "Heart rate": ((41, 3), (51, 1), (91, 0), (111, 1), (131, 2), (999, 3)),
        "Body temperature": (("35.1", 3), ("36.1", 1), ("38.1", 0), ("39.1", 1), (999, 2)),
    }
    total = sum(
        next(score for below, score in scale if found[name] < Decimal(below))
        for name, scale in points.items()
    )
    total += 0 if found["Level of resp"] == "Alert" else 3
    return total + (2 if found.get("Inhaled oxygen", 0) else 0)


def _newest(chart: Records, name: str) -> Decimal:
    (newest,) = select(chart, {"kind": "Observation", "name": name, "newest": 1})
    return Decimal(newest["valueQuantity"]["value"])


COMPUTED: dict[str, Callable[[Records], list[str]]] = {
    "mean_pressure": mean_pressure, "mg_kg_day": mg_kg_day, "creatinine_clearance": creatinine_clearance,
    "morphine_equivalents": morphine_equivalents, "news2": news2,
}  # fmt: skip
