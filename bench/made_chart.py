"""An invented hospital stay of known size to measure tokens with: 30 tests in 33 draws, 12 problems, 12 orders."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.fhir.reader import LaunchChart
from app.fhir.short_names import SHORT
from tests.ndjson_source import NdjsonSource, context

TESTS, DRAWS = 30, 33
NOW = datetime(2026, 11, 20, 14, 42, tzinfo=UTC)
SUBJECT = {"subject": {"reference": "Patient/made"}}
# Typical value, digits behind the point, range: what stands in a metabolic panel, a blood count, a liver panel.
KINDS = (
    (Decimal("138"), 0, "135", "145", "mmol/L"), (Decimal("4.1"), 1, "3.5", "5.1", "mmol/L"),
    (Decimal("1.25"), 2, "0.70", "1.30", "mg/dL"), (Decimal("221"), 0, "150", "400", "×10³/µL"),
    (Decimal("10.9"), 1, "12.0", "15.5", "g/dL"), (Decimal("41"), 0, "7", "56", "U/L"),
)  # fmt: skip
PROBLEMS = (
    "Heart failure with reduced ejection fraction", "Chronic kidney disease stage 3b", "Type 2 diabetes mellitus",
    "Atrial fibrillation", "Essential hypertension", "Hyperlipidemia", "Osteoarthritis of knee", "Gout",
    "Obstructive sleep apnea", "Iron deficiency anemia", "Hypothyroidism", "Major depressive disorder",
)  # fmt: skip
ORDERS = (
    ("apixaban 5 mg tablet", "5", "mg"), ("metoprolol succinate 50 mg extended-release tablet", "50", "mg"),
    ("spironolactone 25 mg tablet", "25", "mg"), ("furosemide 40 mg tablet", "40", "mg"),
    ("lisinopril 10 mg tablet", "10", "mg"), ("atorvastatin 40 mg tablet", "40", "mg"),
    ("metformin 500 mg tablet", "500", "mg"), ("levothyroxine 75 mcg tablet", "75", "mcg"),
    ("sertraline 50 mg tablet", "50", "mg"), ("allopurinol 100 mg tablet", "100", "mg"),
    ("ferrous sulfate 325 mg tablet", "325", "mg"), ("pantoprazole 40 mg tablet", "40", "mg"),
)  # fmt: skip


def launch() -> LaunchChart:
    """Return a launch of the made chart."""
    now = NOW.astimezone(ZoneInfo("America/Chicago"))
    return LaunchChart(NdjsonSource(resources(), "made"), context("made", now), now)


def resources() -> list[dict[str, Any]]:
    """Return the chart's resources, the same ones each time."""
    chance = random.Random(7)  # invented values
    patient = {
        "resourceType": "Patient",
        "id": "made",
        "birthDate": "1958-03-02",
        "gender": "female",
    }
    codes = [code for code in SHORT if code not in ("85354-9", "8480-6", "8462-4")]
    by_name = {SHORT[code]: code for code in reversed(codes)}
    labs = [
        _result(f"l{draw}-{at}", code, KINDS[at % len(KINDS)], NOW - timedelta(hours=17 * draw), chance)
        for draw in range(DRAWS)
        for at, code in enumerate(list(by_name.values())[:TESTS])
    ]  # fmt: skip
    problems = [_problem(n, name) for n, name in enumerate(PROBLEMS)]
    return [patient, *labs, *problems, *(_order(n, *found) for n, found in enumerate(ORDERS))]


def _result(
    fhir_id: str, code: str, kind: tuple[Decimal, int, str, str, str], when: datetime, chance: random.Random
) -> dict[str, Any]:  # fmt: skip
    typical, digits, low, high, unit = kind
    value = (typical * Decimal(str(round(chance.gauss(1, 0.12), 3)))).quantize(
        Decimal(1).scaleb(-digits)
    )
    flag = "L" if value < Decimal(low) else "H" if value > Decimal(high) else "N"
    return {
        "resourceType": "Observation", "id": fhir_id, "status": "final", **SUBJECT,
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": SHORT[code]}]},
        "effectiveDateTime": when.isoformat(), "valueQuantity": {"value": value, "unit": unit},
        "interpretation": [{"coding": [{"code": flag}]}],
        "referenceRange": [{"low": {"value": Decimal(low)}, "high": {"value": Decimal(high)}, "text": f"{low}-{high}"}],
    }  # fmt: skip


def _problem(number: int, name: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": f"p{number}", **SUBJECT, "code": {"text": name},
        "clinicalStatus": {"coding": [{"code": "active"}]}, "category": [{"coding": [{"code": "problem-list-item"}]}],
        "onsetDateTime": f"{2010 + number}-03-{10 + number}", "recordedDate": f"{2010 + number}-03-{10 + number}",
    }  # fmt: skip


def _order(number: int, drug: str, dose: str, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": f"m{number}", **SUBJECT, "status": "active", "intent": "order",
        "medicationCodeableConcept": {"text": drug}, "authoredOn": f"2026-{number % 9 + 1:02d}-14",
        "dosageInstruction": [{
            "route": {"text": "oral"}, "timing": {"repeat": {"frequency": 1 + number % 2, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": Decimal(dose), "unit": unit}}],
        }],
    }  # fmt: skip
