import json
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.fhir.source import Resource
from app.warehouse.views import FREE_TEXT, CompiledView, Files, folder, run, shipped
from app.warehouse.views import __file__ as here
from tests.ndjson_source import CHARTS
from tests.ndjson_source import resources as chart
from tests.view_interpreter import interpreted

DEFINITIONS = {
    path.stem: json.loads(path.read_text()) for path in sorted(Path(here).parent.glob("*.json"))
}
US_CORE = frozenset((
    "AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport",
    "DocumentReference", "Encounter", "Goal", "Immunization", "Location", "Medication", "MedicationDispense",
    "MedicationRequest", "Observation", "Organization", "Patient", "Practitioner", "PractitionerRole", "Procedure",
    "Provenance", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Specimen",
))  # fmt: skip
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
OBSERVATIONS = {"lab": "laboratory", "vital": "vital-signs", "social": "social-history", "survey": "survey"}  # fmt: skip


def answers(item: dict[str, Any]) -> int:
    """Return how many answers an item and all under it hold; an item without any counts once."""
    given = item.get("answer", [])
    below = [*item.get("item", []), *(inner for a in given for inner in a.get("item", []))]
    return max(len(given), 1) + sum(map(answers, below))


def codings(*path: str) -> Callable[[Resource], int]:
    """Return how to count codings of one or of several concepts."""

    def count(resource: Resource) -> int:
        found: Any = next((resource[name] for name in path if name in resource), [])
        return sum(len(c.get("coding", [])) for c in (found if isinstance(found, list) else [found]))  # fmt: skip

    return count


def races(resource: Resource) -> int:
    parts = [e for x in resource.get("extension", []) if x["url"] == RACE for e in x["extension"]]
    return sum(e["url"] == "ombCategory" for e in parts)


def in_category(code: str) -> Callable[[Resource], int]:
    def count(resource: Resource) -> int:
        return any(c["code"] == code for x in resource["category"] for c in x.get("coding", []))

    return count


def each(name: str) -> Callable[[Resource], int]:
    return lambda resource: len(resource.get(name, []))


# How many rows a resource gives; every other view gives one.
COUNTS: dict[str, Callable[[Resource], int]] = {
    "allergyintolerance_reaction": lambda r: sum(max(len(x.get("manifestation", [])), 1) for x in r.get("reaction", [])),
    "careplan_activity": each("activity"),
    "careteam_participant": each("participant"),
    "condition_category": codings("category"),
    "condition_coding": codings("code"),
    "device_identifier": lambda r: max(len(r.get("udiCarrier", [])), 1),
    "diagnosticreport_result": each("result"),
    "documentreference_content": each("content"),
    "encounter_diagnosis": each("diagnosis"),
    "encounter_location": each("location"),
    "encounter_participant": each("participant"),
    "medicationrequest_coding": codings("medicationCodeableConcept"),
    "medicationrequest_dosage": each("dosageInstruction"),
    "observation_category": codings("category"),
    "observation_coding": codings("code"),
    "observation_component": each("component"),
    "patient_address": each("address"),
    "patient_identifier": each("identifier"),
    "patient_name": each("name"),
    "patient_race": races,
    "patient_telecom": each("telecom"),
    "procedure_coding": codings("code"),
    "provenance": each("target"),
    "provenance_agent": each("agent"),
    "questionnaireresponse_answer": lambda r: sum(map(answers, r.get("item", []))),
} | {f"observation_{name}": in_category(code) for name, code in OBSERVATIONS.items()}  # fmt: skip


@cache
def charts() -> dict[str, list[Resource]]:
    """Return what all charts of the sandbox hold, by type."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for path in sorted(CHARTS.rglob("chart.ndjson.gz")):
        for resource in chart(str(path.parent.relative_to(CHARTS))):
            found[resource["resourceType"]].append(resource)
    return found


def written(place: Path, by_type: dict[str, list[Resource]]) -> Files:
    for kind, resources in by_type.items():
        lines = (json.dumps(one, default=float) + "\n" for one in resources)
        (place / f"{kind}.000.ndjson").write_text("".join(lines))
    return folder(place)


@cache
def views() -> dict[str, CompiledView]:
    return shipped()


def test_every_us_core_type_has_a_view_with_a_row_for_each_resource() -> None:
    whole = {v.resource for name, v in views().items() if name == v.resource.lower()}
    assert whole >= US_CORE
    assert set(COUNTS) <= set(views())


def test_every_view_gives_as_many_rows_as_a_naive_count(tmp_path: Path) -> None:
    source = written(tmp_path, charts())
    found: dict[str, int | None] = {}
    wanted: dict[str, int | None] = {}
    with duckdb.connect() as connection:
        for name, view in views().items():
            count = connection.execute(f"SELECT count(*) FROM ({view.sql(source)})").fetchone()
            found[name] = count[0] if count else None
            one: Callable[[Resource], int] = COUNTS.get(name, lambda _: 1)
            wanted[name] = sum(one(resource) for resource in charts().get(view.resource, []))
    assert found == wanted


def test_every_value_is_what_an_interpreter_of_fhirpath_gives(tmp_path: Path) -> None:
    """fhirpathpy, on about twenty resources of each type."""
    few = {kind: found[:: max(1, len(found) // 20)] for kind, found in charts().items()}
    source = written(tmp_path, few)
    with duckdb.connect() as connection:
        for name, view in views().items():
            theirs = interpreted(DEFINITIONS[name], few.get(view.resource, []))
            ours = list(run(view, connection, source))
            assert comparable(ours) == comparable(theirs), name


def comparable(rows: list[dict[str, Any]]) -> Counter[str]:
    """Return rows as a bag; 5, 5.0 and the interpreter's Decimal are one number."""

    def plain(value: Any) -> Any:
        return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value  # fmt: skip

    return Counter(json.dumps({k: plain(v) for k, v in row.items()}) for row in rows)


def test_no_data_can_give_a_shipped_view_two_values_for_one() -> None:
    """Every path takes one value, or the first: FHIR's cardinality says so, whatever the data."""
    for name, view in views().items():
        assert "has more than one item" not in view.sql(Files(by_type={})), name


def test_what_identifies_a_patient_directly_stands_in_views_that_say_so() -> None:
    direct = ("identifier", "telecom", "serialNumber", "subscriberId", "address.line", "name.")
    about_people = [n for n, v in views().items() if v.resource not in ("Practitioner", "Organization")]  # fmt: skip
    for name in about_people:
        definition = DEFINITIONS[name]
        paths = json.dumps([*definition["select"], definition.get("where")])
        holds = any(f'"{word}' in paths for word in direct) or "identifier.where" in paths
        says = "dentifying: not for de-identified use" in definition["description"]
        assert holds <= says == views()[name].restricted, name


def test_what_people_type_is_tagged_as_free_text() -> None:
    tagged = {c.name for v in views().values() for c in v.columns if FREE_TEXT in c.tags}
    assert tagged >= {"value_string", "conclusion", "dose_text", "code_text", "description", "text"}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_view_names_itself_and_says_what_a_row_is(name: str) -> None:
    definition = DEFINITIONS[name]
    assert definition["name"] == name
    assert definition["description"].startswith("One row for each ")
    assert definition["fhirVersion"] == ["4.0.1"]
    columns = [column.name for column in views()[name].columns]
    assert {"id", f"{definition['resource'].lower()}_id"} & set(columns)
