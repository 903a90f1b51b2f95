"""The facade answers as FHIR says, for one patient, strictly, and says up to when its data was read."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from app.warehouse.facade.bundle import Answer
from app.warehouse.facade.reach import Reach
from app.warehouse.facade.service import Facade
from tests.store_of import AS_OF, EHR_BASE, facade_of, store_of

LOINC, OBSERVATION_CATEGORY = "http://loinc.org", "http://terminology.hl7.org/CodeSystem/observation-category"  # fmt: skip


def subject(patient: str) -> dict[str, Any]:
    return {"reference": f"Patient/{patient}"}


def result(fhir_id: str, patient: str = "p1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": fhir_id, "status": "final", "subject": subject(patient),
        "meta": {"versionId": "3", "lastUpdated": "2026-11-19T10:00:00.000Z"},
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": "2823-3"}]}, "effectiveDateTime": "2026-11-19T09:10:00-06:00",
        **more,
    }  # fmt: skip


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p1", "birthDate": "1950-05-01"},
    {"resourceType": "Patient", "id": "p2"},
    *(result(f"o{n}", effectiveDateTime=f"2026-10-{10 + n}") for n in range(9)),
    result("year", effectiveDateTime="2024"),
    result("month", effectiveDateTime="2025-03"),
    result("span", effectiveDateTime=None, effectivePeriod={"start": "2025-01-10"}),
    result("weight", code={"coding": [{"system": LOINC, "code": "29463-7"}]}, category=[{"coding": [{"code": "vital-signs"}]}], hasMember=[{"reference": "Observation/o1"}]),
    result("prelim", status="preliminary", code={"coding": [{"system": "urn:local", "code": "2823-3"}]}),
    result("theirs", "p2"),
    {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "subject": subject("p1"), "authoredOn": "2026-01-05", "medicationReference": {"reference": f"{EHR_BASE}/Medication/aspirin"}},
    {"resourceType": "Medication", "id": "aspirin", "code": {"text": "Aspirin"}},
    {"resourceType": "Provenance", "id": "w1", "recorded": "2026-01-05T10:00:00Z", "target": [{"reference": "MedicationRequest/m1"}, subject("p1")]},
    {"resourceType": "Provenance", "id": "w2", "recorded": "2026-01-05T10:00:00Z", "target": [subject("p1"), subject("p2")]},
    {"resourceType": "Condition", "id": "c1", "subject": subject("p1"), "clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "x"}, "contained": [{"resourceType": "Patient", "id": "other"}]},
    {"resourceType": "Condition", "id": "mixed", "subject": {"reference": "Group/g"}, "participant": [{"actor": subject("p1")}]},
]  # fmt: skip
DIGITS = {"resourceType": "Observation", "_line": b'{"resourceType":"Observation","id":"digits","subject":{"reference":"Patient/p1"},"status":"final","valueQuantity":{"value":1.10}}'}  # fmt: skip


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facade")
    store_of(path, [*RESOURCES, DIGITS], types=("Flag",), incomplete={"Condition": "a file was not there"})  # fmt: skip
    return path


@pytest.fixture(scope="module")
def facade(data_set: Path) -> Facade:
    return facade_of(data_set)


def reach(patient: str = "p1", but: tuple[str, ...] = ()) -> Reach:
    return Reach(patient=patient, can=lambda kind, _: kind not in but)


def ask(facade: Facade, address: str, patient: str = "p1", but: tuple[str, ...] = ()) -> tuple[Answer, Any]:  # fmt: skip
    parts = urlsplit(address)
    params = parse_qsl(parts.query, keep_blank_values=True)
    answer = facade.answer(parts.path, params, reach(patient, but))
    return answer, orjson.loads(answer.body)


def ids(facade: Facade, address: str) -> list[str]:
    answer, bundle = ask(facade, address)
    assert answer.status == 200, bundle
    return [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == "match"]


def words(body: Any) -> str:
    return str(body["issue"][0]["details"]["text"])


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("code=29463-7", {"weight"}),
        (f"code={LOINC}|29463-7", {"weight"}),
        ("code=urn:local|", {"prelim"}),
        ("code=|29463-7", set()),
        ("category=vital-signs", {"weight"}),
        ("category=vital-signs&status=preliminary", set()),
        ("status=preliminary,amended", {"prelim"}),
        ("_id=o1,o2,theirs", {"o1", "o2"}),
        ("date=2026-10-12", {"o2"}),
        ("date=ge2026-10-17", {"o7", "o8", "weight", "prelim", "span"}),
        ("date=gt2026-10-18", {"weight", "prelim", "span"}),
        ("date=lt2025", {"year"}),
        ("date=le2025-03", {"year", "month", "span"}),
        ("date=2024", {"year"}),
        ("date=2024-05", set()),
        ("date=sa2026-10-31", {"weight", "prelim"}),
        ("date=eb2025", {"year"}),
        ("date=ge2025-03-01&date=le2025-03-31", {"month", "span"}),
        ("date=ge2026-11-19T15:10:00Z&date=lt2026-11-19T15:11:00Z&code=29463-7", {"weight"}),
        ("has-member=Observation/o1", {"weight"}),
        ("_lastUpdated=gt2026-11-20", set()),
        ("patient=p1&code=29463-7", {"weight"}),
        (f"subject={EHR_BASE}/Patient/p1&code=29463-7", {"weight"}),
    ],
)
def test_searches_find_what_fhir_says(facade: Facade, search: str, found: set[str]) -> None:
    assert set(ids(facade, f"Observation?{search}")) == found


@pytest.mark.parametrize(
    ("search", "status", "named"),
    [
        ("value-quantity=5", 400, "value-quantity"),
        ("code:text=x", 400, ":text"),
        ("subject.name=x", 400, "subject.name"),
        ("_has:Provenance:target:agent=x", 400, "_has:Provenance:target:agent"),
        ("_sort=code", 400, "code"),
        ("_include=Observation:subject", 400, "Observation:subject"),
        ("date=yesterday", 400, "date"),
        ("date=ap2024", 400, "date"),
        ("code=", 400, "code"),
        ("patient=p2", 403, "one patient"),
        ("_format=xml", 400, "_format=xml"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(facade: Facade, search: str, status: int, named: str) -> None:  # fmt: skip
    answer, body = ask(facade, f"Observation?{search}")
    assert (answer.status, body["resourceType"]) == (status, "OperationOutcome")
    assert named in words(body)


def test_pages_hold_everything_once_and_links_say_nothing(facade: Facade, data_set: Path) -> None:
    found: list[str] = []
    address = "Observation?_sort=-date&_count=4&category=laboratory"
    while address:
        _, bundle = ask(facade, address)
        assert bundle["total"] == 13
        found += [e["resource"]["id"] for e in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
        address = links.get("next", "").removeprefix(f"{EHR_BASE}/")
        assert "laboratory" not in address
    assert len(found) == len(set(found)) == 13
    assert found[0] == "prelim"
    assert found[-1] == "year"


def test_a_page_link_is_for_its_patient_and_ends_with_its_snapshot(tmp_path: Path) -> None:
    store_of(tmp_path, RESOURCES)
    facade = facade_of(tmp_path)
    _, bundle = ask(facade, "Observation?_count=4")
    after = bundle["link"][0]["url"].removeprefix(f"{EHR_BASE}/")
    assert ask(facade, after, patient="p2")[0].status == 400
    assert ask(facade, f"{after}&code=1")[0].status == 400
    store_of(tmp_path, RESOURCES[:3], number=2)
    assert len(ids(facade, after)) == 4
    assert ids(facade, "Observation") == ["o0"]
    shutil.rmtree(tmp_path / "snapshots" / "000001")
    answer, body = ask(facade_of(tmp_path), after)
    assert (answer.status, "replaced" in words(body)) == (410, True)


def test_every_answer_says_up_to_when_its_data_was_read(facade: Facade) -> None:
    for address in ("Observation?code=29463-7", "Observation/o1", "Patient/p1/$everything"):
        answer, body = ask(facade, address)
        assert answer.headers["X-Data-As-Of"] == AS_OF
        if body["resourceType"] == "Bundle":
            assert body["meta"]["lastUpdated"] == AS_OF
            assert {"system": "urn:chartside:data-as-of", "code": AS_OF} in body["meta"]["tag"]
    read, _ = ask(facade, "Observation/o1")
    assert read.headers["Last-Modified"] == "Thu, 19 Nov 2026 10:00:00 GMT"
    assert read.headers["ETag"] == 'W/"1-3"'
    assert (read.unless('W/"1-3"').status, read.unless('W/"1-4"').status) == (304, 200)


@pytest.mark.parametrize(("kind", "said"), [("Condition", "a file was not there"), ("Goal", "never exported")])  # fmt: skip
def test_what_was_not_read_whole_is_said_and_never_none(facade: Facade, kind: str, said: str) -> None:  # fmt: skip
    _, bundle = ask(facade, f"{kind}?code=nothing" if kind == "Condition" else kind)
    (told,) = [e for e in bundle["entry"] if e["search"]["mode"] == "outcome"]
    assert told["resource"]["issue"][0]["code"] == "incomplete"
    assert said in words(told["resource"])
    _, whole = ask(facade, "Flag")
    assert (whole["total"], whole.get("entry")) == (0, None)


def test_another_patients_records_are_not_there(facade: Facade) -> None:
    for address in ("Observation/theirs", "Patient/p2", "Provenance/w2", "Condition/mixed", "Observation/none"):  # fmt: skip
        assert ask(facade, address)[0].status == 404
    assert ask(facade, "Patient/p2/$everything")[0].status == 403
    assert ask(facade, "Observation/theirs", patient="p2")[0].status == 200
    _, bundle = ask(facade, "Provenance")
    assert [e["resource"].get("id") for e in bundle["entry"]] == ["w1", None]
    _, condition = ask(facade, "Condition/c1")
    assert "contained" not in condition


def test_what_comes_along_is_this_patients_or_nobodys(facade: Facade) -> None:
    address = "MedicationRequest?_include=MedicationRequest:medication&_revinclude=Provenance:target"  # fmt: skip
    _, bundle = ask(facade, address)
    assert [(e["search"]["mode"], e["resource"].get("id")) for e in bundle["entry"]] == [
        ("match", "m1"), ("include", "aspirin"), ("include", "w1")
    ]  # fmt: skip
    _, without = ask(facade, address, but=("Provenance",))
    assert "no scope" in words(without["entry"][-1]["resource"])
    _, bundle = ask(facade, "Observation?code=29463-7&_include=Observation:has-member")
    assert [e["resource"]["id"] for e in bundle["entry"]] == ["weight", "o1"]


def test_everything_is_all_of_one_patient_and_what_it_refers_to(facade: Facade) -> None:
    _, bundle = ask(facade, "Patient/p1/$everything")
    found = [e["resource"].get("id") for e in bundle["entry"] if e["search"]["mode"] == "match"]
    own = {r["id"] for r in RESOURCES if r.get("subject") == subject("p1")}
    assert found[0] == "p1"
    assert set(found) == {"p1", "aspirin", "digits", "w1", *own}
    said = " ".join(i["details"]["text"] for i in bundle["entry"][-1]["resource"]["issue"])
    assert "2 stored records are not shown to be this patient's own" in said
    assert "Goal is not whole" in said
    _, some = ask(facade, "Patient/p1/$everything?_type=Condition&_since=2026-11-01")
    assert [e["resource"].get("id") for e in some["entry"]][:1] == ["c1"]
    assert ask(facade, "Patient/p1/$everything?start=2020")[0].status == 400


def test_digits_go_out_as_they_came(facade: Facade) -> None:
    answer, _ = ask(facade, "Observation?_id=digits")
    assert b'"value":1.10}' in answer.body


def test_counts_and_scopes(facade: Facade) -> None:
    _, counted = ask(facade, "Observation?_summary=count")
    assert (counted["total"], counted.get("entry"), counted.get("link")) == (15, None, None)
    refused, body = ask(facade, "Observation", but=("Observation",))
    assert (refused.status, "patient/Observation.rs" in words(body)) == (403, True)


def test_the_statement_says_what_is_supported(facade: Facade) -> None:
    _, statement = ask(facade, "metadata")
    resources = {r["type"]: r for r in statement["rest"][0]["resource"]}
    for kind, resource in resources.items():
        for parameter in resource.get("searchParam", ()):
            name = parameter["name"]
            value = {"date": "2024", "reference": "Patient/p1"}.get(parameter["type"], "x")
            if kind != "Medication":
                answer, body = ask(facade, f"{kind}?{name}={value}")
                assert answer.status == 200, (kind, name, body)


VIEW = {
    "resourceType": "ViewDefinition", "resource": "Observation", "status": "active", "name": "results",
    "select": [{"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "status", "path": "status"}]}],
}  # fmt: skip


def test_a_view_runs_over_one_patients_records_only(facade: Facade) -> None:
    body = orjson.dumps(VIEW)
    answer = facade.answer("ViewDefinition/$run", [("_format", "json")], reach(), body=body)
    rows = orjson.loads(answer.body)
    assert len(rows) == 15
    assert {"id": "prelim", "status": "preliminary"} in rows
    lines = facade.answer("ViewDefinition/$run", [("_format", "csv"), ("_limit", "2")], reach("p2"), body=body)  # fmt: skip
    assert lines.body == b"id,status\r\ntheirs,final\r\n"
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "viewReference", "valueReference": {"reference": "ViewDefinition/condition"}}]}  # fmt: skip
    refused = facade.answer("ViewDefinition/$run", [], reach(), body=orjson.dumps(parameters))
    assert (refused.status, "not whole" in words(orjson.loads(refused.body))) == (409, True)
    partly = facade.answer("ViewDefinition/$run", [("_partial", "true")], reach(), body=orjson.dumps(parameters))  # fmt: skip
    assert (partly.status, "not whole" in partly.headers["X-Data-Incomplete"]) == (200, True)
    assert facade.answer("ViewDefinition/$run", [("nothing", "1")], reach(), body=body).status == 400  # fmt: skip
    unknown = {**VIEW, "select": [{"column": [{"name": "x", "path": "nothing.like()"}]}]}
    assert facade.answer("ViewDefinition/$run", [], reach(), body=orjson.dumps(unknown)).status == 422  # fmt: skip


def test_another_person_inside_a_record_is_found_however_the_name_is_written(tmp_path: Path) -> None:  # fmt: skip
    other = '[{"resourceType":"Patient","id":"p2","name":[{"text":"Mary Majors"}]}]'
    lines = [
        f'{{"resourceType":"Condition","id":"c{at}","subject":{{"reference":"Patient/p1"}},{name}:{other}}}'.encode()
        for at, name in enumerate(('"contained"', '"contained" ', r'"\u0063ontained"', r'"contai\u006Eed"'))
    ]  # fmt: skip
    store_of(tmp_path, [{"resourceType": "Patient", "id": "p1"}, *({"resourceType": "Condition", "_line": one} for one in lines)])  # fmt: skip
    facade = facade_of(tmp_path)
    answer, bundle = ask(facade, "Condition")
    assert bundle["total"] == 4
    assert b"Mary" not in answer.body
    assert b"Mary" not in ask(facade, "Condition/c2")[0].body
    assert b"Mary" not in ask(facade, "Patient/p1/$everything")[0].body


@pytest.mark.parametrize("owner", [{"identifier": {"value": "MRN-1"}}, {"reference": "#p"}, {"reference": "urn:uuid:1"}])  # fmt: skip
def test_a_record_that_names_no_patient_may_be_anybodys_so_nobody_is_told_none(tmp_path: Path, owner: dict[str, Any]) -> None:  # fmt: skip
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": owner}
    device = {"resourceType": "Device", "id": "d1"}
    store_of(tmp_path, [{"resourceType": "Patient", "id": "p1"}, allergy, device])
    facade = facade_of(tmp_path)
    _, bundle = ask(facade, "AllergyIntolerance")
    assert bundle["total"] == 0
    said = orjson.dumps(bundle["entry"]).decode()
    assert "of 1 AllergyIntolerance records in this store it cannot be told whose they are" in said
    assert not ask(facade, "Device")[1].get("entry")


@pytest.mark.parametrize("value", ["1e999", "9" * 400, "NaN", "[" * 1200 + "]" * 1200])
def test_a_record_that_cannot_be_read_is_counted_and_hides_no_other(tmp_path: Path, value: str) -> None:  # fmt: skip
    broken = f'{{"resourceType":"Observation","id":"broken","subject":{{"reference":"Patient/p1"}},"x":{value}}}'.encode()
    store_of(tmp_path, [{"resourceType": "Patient", "id": "p1"}, result("sound"), {"resourceType": "Observation", "_line": broken}])  # fmt: skip
    answer, bundle = ask(facade_of(tmp_path), "Observation")
    assert answer.status == 200
    assert [e["resource"]["id"] for e in bundle["entry"] if e["search"]["mode"] == "match"] == ["sound"]  # fmt: skip
    assert b"1 Observation records are not shown to be this patient's own" in answer.body
