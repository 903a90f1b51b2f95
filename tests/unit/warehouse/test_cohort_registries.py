"""The queries that ship, counted again by a naive program over the raw resources; and the rules of care, summed over all charts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.fhir.labels import Labels
from app.fhir.measures.rules import load
from app.fhir.reader import LaunchChart
from app.tools.care_gaps.evaluate import evaluate
from app.tools.care_gaps.gaps import SECTIONS
from app.warehouse.cohort.criteria import compiled
from app.warehouse.cohort.flat import flat
from app.warehouse.cohort.measures import measure
from app.warehouse.cohort.named import fill, shipped
from tests.cohort_store import store
from tests.ndjson_source import NdjsonSource, context
from tests.unit.warehouse.conftest import Made

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
DAY = date(2026, 1, 15)
Resource = dict[str, Any]
Found = set[str]


@pytest.fixture(scope="module")
def varied(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A part of the population whose visits, results and problems differ in when, how often and whether they hold."""
    patients = [one["id"] for one in made[1] if one["resourceType"] == "Patient"]
    number = {patient: n for n, patient in enumerate(patients)}
    resources = [one for one in (_varied(number, one) for one in made[1]) if one is not None]
    for patient, n in number.items():
        if n < WHOLE and n % 5 < 2:
            resources += [_emergency(patient, n, visit) for visit in range(2 + n % 5 * 3)]
    folder, snapshot = store(tmp_path_factory.mktemp("varied"), resources)
    return flat(folder, snapshot, Labels(), "America/Chicago"), resources


WHOLE = 45


def _varied(number: dict[str, int], one: Resource) -> Resource | None:
    patient = one["id"] if one["resourceType"] == "Patient" else owner(one)
    n = number.get(patient, WHOLE)
    if n >= WHOLE:
        return None
    if one["resourceType"] == "Encounter" and n % 3 == 0:
        return {**one, "period": {"start": "2024-03-01T10:00:00Z"}}
    if one["resourceType"] == "Observation" and n % 4 == 0:
        return {**one, "effectiveDateTime": "2024-06-01T15:00:00Z"}
    if one["resourceType"] == "Observation" and n % 7 == 1:
        return {**one, "status": "cancelled"}
    if one["resourceType"] == "Condition" and n % 6 == 1:
        return {**one, "clinicalStatus": {"coding": [{"code": "resolved"}]}}
    return one


def _emergency(patient: str, n: int, visit: int) -> Resource:
    # Two on the same day count once.
    day = f"2025-{1 + (visit // 2 if n % 2 else visit):02d}-20"
    return {
        "resourceType": "Encounter", "id": f"em{n}-{visit}", "status": "finished", "class": {"code": "EMER"},
        "subject": {"reference": f"Patient/{patient}"}, "period": {"start": f"{day}T17:00:00Z"},
    }  # fmt: skip


# ---------------------------------------------------------------- a naive program: nothing of the product is used below


def owner(one: Resource) -> str:
    whose = one.get("subject") or one.get("patient") or {}
    return str(whose.get("reference", "")).removeprefix("Patient/")


def everybody(resources: Sequence[Resource]) -> Found:
    return {one["id"] for one in resources if one["resourceType"] == "Patient"}


def active(resources: Sequence[Resource], *begins: str) -> Found:
    found = set()
    for one in resources:
        if (
            one["resourceType"] == "Condition"
            and one["clinicalStatus"]["coding"][0]["code"] == "active"
        ):
            sure = one.get("verificationStatus", {}).get("coding", [{"code": "confirmed"}])[0]["code"] == "confirmed"  # fmt: skip
            if sure and any(coding["code"].startswith(begins) for coding in one["code"]["coding"]):
                found.add(owner(one))
    return found


def recent(when: str, days: int = 365) -> bool:
    # Everything here happens at daytime in Chicago and in UTC.
    return (DAY - timedelta(days=days)).isoformat() <= when[:10] <= DAY.isoformat()


def newest(resources: Sequence[Resource], loinc: str) -> dict[str, float]:
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for one in resources:
        if (
            one["resourceType"] != "Observation"
            or one["status"] != "final"
            or not recent(one["effectiveDateTime"])
        ):
            continue
        for part in (one, *one.get("component", ())):
            if (
                any(coding["code"] == loinc for coding in part["code"]["coding"])
                and "valueQuantity" in part
            ):
                found[owner(one)].append((one["effectiveDateTime"], part["valueQuantity"]["value"]))
    return {patient: max(values)[1] for patient, values in found.items()}


def visits(resources: Sequence[Resource], code: str = "") -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for one in resources:
        if one["resourceType"] != "Encounter" or one["status"] != "finished":
            continue
        if code in ("", one["class"]["code"]) and recent(one["period"]["start"]):
            found[owner(one)].add(one["period"]["start"][:10])
    return found


def years(one: Resource) -> int:
    born = str(one["birthDate"])
    return DAY.year - int(born[:4]) - int(born[5:] > DAY.isoformat()[5:])


DIABETES = ("E10", "E11", "E13")
NAIVE: dict[str, tuple[dict[str, str], Callable[[Sequence[Resource]], Found]]] = {
    "age_range": ({"low": "45", "high": "64"}, lambda r: {p["id"] for p in r if p["resourceType"] == "Patient" and 45 <= years(p) <= 64}),
    "diabetes_a1c_above": ({"percent": "6.8"}, lambda r: active(r, *DIABETES) & {p for p, value in newest(r, "4548-4").items() if value > 6.8}),
    "diabetes_no_a1c": ({}, lambda r: active(r, *DIABETES) - newest(r, "4548-4").keys()),
    "frequent_emergency": ({"visits": "3"}, lambda r: {p for p, days in visits(r, "EMER").items() if len(days) >= 3}),
    "hypertension_not_controlled": ({"mmhg": "130"}, lambda r: active(r, "I10") & {p for p, value in newest(r, "8480-6").items() if value >= 130}),
    "not_seen": ({}, lambda r: everybody(r) - visits(r).keys()),
}  # fmt: skip


def test_every_query_that_ships_has_a_naive_one() -> None:
    assert NAIVE.keys() == shipped().keys()


@pytest.mark.parametrize("name", NAIVE)
def test_a_query_that_ships_finds_whom_a_naive_program_finds(name: str, varied: Made) -> None:
    parameters, naive = NAIVE[name]
    query = compiled(fill(shipped()[name], parameters), DAY.isoformat())
    with varied[0].views() as db:
        found = {row[0] for row in db.execute(query.sql, query.values).fetchall()}
    assert found == naive(varied[1])
    # It decides something.
    assert 0 < len(found) < WHOLE


def test_counts_of_the_rules_are_the_care_gaps_of_all_patients_summed(varied: Made) -> None:
    tables, resources = varied
    own: dict[str, list[Resource]] = defaultdict(list)
    for one in resources:
        own[one["id"] if one["resourceType"] == "Patient" else owner(one)].append(one)
    summed: dict[str, Counter[str]] = {rule.key: Counter() for rule in load().rules}
    for patient in sorted(everybody(resources)):
        chart = LaunchChart(NdjsonSource(own[patient], patient), context(patient, NOW), NOW)
        chart.ensure(*SECTIONS)
        for rule in load().rules:
            summed[rule.key][evaluate(chart, rule).status] += 1
    with tables.views() as db:
        counted = {
            rule.key: Counter({status: len(some) for status, some in measure(db, rule, DAY.isoformat()).patients.items() if some})
            for rule in load().rules
        }  # fmt: skip
    for of in summed.values():
        del of["does not apply"]
    assert {key: +of for key, of in summed.items()} == counted
    assert sum(of["met"] for of in counted.values()) > 10
    assert sum(of["not met"] for of in counted.values()) > WHOLE
