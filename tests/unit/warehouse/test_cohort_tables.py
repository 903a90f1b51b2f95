"""Flat tables hold what may be counted; the de-identified file holds nothing that identifies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from app.fhir.labels import Labels
from app.warehouse.cohort import deid
from app.warehouse.cohort.flat import VIEWS, Flat, flat
from tests.cohort_store import store

CANARY = "ZZCANARY"
SECRET = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]}  # fmt: skip
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def code(system: str, value: str, words: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": value, "display": words}], "text": words}


def population() -> Iterator[dict[str, Any]]:
    for n in range(13):
        born = "1920-05-05" if n == 0 else "1936-01-16" if n == 1 else f"19{50 + n}-05-05"
        yield {
            "resourceType": "Patient", "id": f"{CANARY}p{n}", "birthDate": born, "gender": "female" if n % 2 else "male",
            "name": [{"family": f"{CANARY}name"}], "identifier": [{"value": f"{CANARY}mrn"}], "address": [{"city": f"{CANARY}city", "state": "IL"}],
            **({"meta": SECRET} if n == 12 else {}),
        }  # fmt: skip
        subject = {"reference": f"Patient/{CANARY}p{n}"}
        yield {"resourceType": "Encounter", "id": f"e{n}", "status": "finished", "subject": subject, "class": {"code": "AMB"},
               "period": {"start": "2025-12-31T23:30:00-06:00"}, **({"meta": SECRET} if n == 2 else {})}  # fmt: skip
        visit = {"reference": f"Encounter/e{n}"}
        yield {"resourceType": "Condition", "id": f"c{n}", "subject": subject, "encounter": visit, "onsetDateTime": "1921",
               "code": code(SNOMED, "44054006", f"{CANARY} diabetes {n}")}  # fmt: skip
        yield {"resourceType": "Condition", "id": f"d{n}", "subject": subject, "code": code(f"http://{CANARY}.example", f"{CANARY}1", "diabetes")}  # fmt: skip
        yield {"resourceType": "Observation", "id": f"o{n}", "status": "final", "subject": subject, "valueQuantity": {"value": n, "code": "%" if n < 11 else f"{CANARY}"},
               "code": code(LOINC, "4548-4"), "note": [{"text": CANARY}], "effectiveDateTime": "2026-01-01T02:00:00Z", **({"meta": SECRET} if n == 3 else {})}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Flat:
    folder, snapshot = store(tmp_path_factory.mktemp("data"), population())
    return flat(folder, snapshot, Labels(), "America/Chicago")


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as db:
        return db.execute(sql).fetchall()


def test_what_is_labelled_is_left_out_and_counted_with_all_of_its_patient_and_visit(made: Flat) -> None:  # fmt: skip
    assert made.built.withheld == {"Patient": 1, "Encounter": 2, "Condition": 3, "Observation": 2}
    assert (made.built.patients, made.built.missing) == (12, {})
    records = ask(made.folder / VIEWS, "SELECT DISTINCT record FROM event")
    assert not {("e2",), ("c2",), ("o3",), ("c12",), ("o12",)} & set(records)
    assert ("d2",) in records
    # No table of the file holds the records that were left out.
    for (name,) in ask(made.folder / VIEWS, "SELECT table_name FROM duckdb_tables()"):
        rows = orjson.dumps(ask(made.folder / VIEWS, f'FROM "{name}"')).decode()
        assert f"{CANARY}p12" not in rows
        assert '"e2"' not in rows


def test_no_byte_that_identifies_is_in_the_deidentified_file(made: Flat) -> None:
    assert CANARY.encode() not in (made.folder / deid.FILE).read_bytes()
    tables = {name for (name,) in ask(made.folder / deid.FILE, "SELECT table_name FROM duckdb_tables()")}  # fmt: skip
    assert tables == {*deid.TABLES, "concept"}
    for name in tables:
        assert CANARY.lower() not in str(ask(made.folder / deid.FILE, f'FROM "{name}"')).lower()
    columns = {name for (name,) in ask(made.folder / deid.FILE, "SELECT column_name FROM duckdb_columns() WHERE NOT internal")}  # fmt: skip
    assert columns == {
        "patient_key", "sex", "birth_year", "age", "deceased", "system", "code", "status", "year", "verification_status", "value",
        "unit", "class", "kind", "name",
    }  # fmt: skip


def test_ages_over_89_are_90_and_no_year_is_older(made: Flat) -> None:
    file = made.folder / deid.FILE
    assert ask(file, "SELECT age, birth_year FROM patient WHERE age >= 89 ORDER BY 1") == [(89, 1936), (90, 1936)]  # fmt: skip
    assert ask(file, "SELECT DISTINCT year FROM condition WHERE year IS NOT NULL") == [(1936,)]
    assert ask(file, "SELECT DISTINCT system, code FROM condition ORDER BY 1") == [("other", None), ("snomed", "44054006")]  # fmt: skip
    assert ask(file, "SELECT unit, count(*) FROM observation GROUP BY 1 ORDER BY 2") == [(None, 11)]


def test_days_are_those_of_the_site(made: Flat) -> None:
    days = "SELECT DISTINCT day FROM event WHERE kind = '{}'"
    assert ask(made.folder / VIEWS, days.format("encounter")) == [("2025-12-31",)]
    assert ask(made.folder / VIEWS, days.format("observation")) == [("2025-12-31",)]


def test_keys_are_others_for_each_build_and_a_new_policy_builds_again(tmp_path: Path) -> None:
    folder, snapshot = store(tmp_path, population())
    keys = "SELECT patient_id, key FROM person ORDER BY 1"
    flat(folder, snapshot, Labels(), "America/Chicago")
    first = ask(folder / VIEWS, keys)
    flat(folder, snapshot, Labels(), "America/Chicago")
    assert ask(folder / VIEWS, keys) == first
    own = Labels(audiences={("http://ehr.example", "own"): frozenset()})
    again = flat(folder, snapshot, own, "America/Chicago")
    assert ask(folder / VIEWS, keys) != first
    assert again.built.policy != ""
    assert sorted(one.name for one in folder.iterdir() if ".part" in one.name) == []


def test_a_label_is_found_however_it_is_written_and_counts_where_it_cannot_be_read(tmp_path: Path) -> None:  # fmt: skip
    folder, snapshot = store(tmp_path, population())
    label = orjson.dumps(SECRET["security"]).decode()
    for name, text in {
        "escaped": f'"meta":{{"\\u0073ecurity":{label}}}', "unread": f'"meta":{{"security":{label}}},"x":1e999',
    }.items():  # fmt: skip
        line = f'{{"resourceType":"Condition","id":"{name}","subject":{{"reference":"Patient/{CANARY}p5"}},{text}}}'
        with duckdb.connect(str(folder / "resources.duckdb")) as db:
            db.execute("INSERT INTO resource VALUES (?, ?, ?, ?, ?, ?)", ["Condition", name, f"{CANARY}p5", "", "", line])  # fmt: skip
    made = flat(folder, snapshot, Labels(), "America/Chicago")
    assert made.built.withheld["Condition"] == 5
    records = ask(made.folder / VIEWS, "SELECT DISTINCT record FROM event")
    assert not {("escaped",), ("unread",)} & set(records)
    assert ("d5",) in records
