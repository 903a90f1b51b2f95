"""Cohorts on Spark as on DuckDB, where it is installed (`make spark`; it needs Java 17): the same tables, patients and counts."""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.cli import main
from app.errors import CohortRefused
from app.fhir.labels import Labels
from app.fhir.measures.rules import load
from app.warehouse.cohort.criteria import Cohort, compiled, read
from app.warehouse.cohort.flat import VIEWS, Flat, flat
from app.warehouse.cohort.measures import measure
from app.warehouse.cohort.named import fill, shipped
from app.warehouse.cohort.on_spark import FOLDER, SCHEMAS, FlatOnSpark, flat_on_spark
from app.warehouse.store.snapshot import Snapshot
from tests.cohort_store import carebundle, store
from tests.contract.warehouse.test_spark import every_resource
from tests.interaction.warehouse.test_cohort_commands import environ  # noqa: F401 - a fixture
from tests.unit.warehouse.test_cohort_counts import NAIVE
from tests.unit.warehouse.test_cohort_measures import more

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="requirements-spark.txt is not installed"
)
ZONE, MASTER = "America/Chicago", "local[2]"
# Days and moments where engines may part: zones, fractions, a night when clocks change, partial dates, none, and two of one minute.
WHEN = (
    "2025-03-09T08:30:00Z", "2025-11-02T06:30:00+00:00", "2025-11-02T01:30:00.123456-06:00", "2025-07-01T00:10:00+14:00", "2025", "2025-06",
    "2025-06-30", "2025-06-30T23:59:59.9999999Z", None, "1899-12-31T23:00:00Z", "2025-06-30T12:00:01Z", "2025-06-30T12:00:59Z",
)  # fmt: skip
SAID = ("Größe", "ΣΊΣΥΦΟΣ", "İstanbul", "", None, "a | b", "Statin-free", "STATIN")  # fmt: skip


def edges() -> Iterator[dict[str, Any]]:
    """Yield results of one patient, each at another of these times and with another name."""
    yield {"resourceType": "Patient", "id": "edge", "gender": "female", "birthDate": "1960"}
    loinc = {"system": "http://loinc.org", "code": "4548-4"}
    for n, when in enumerate(WHEN * 2):
        yield {
            "resourceType": "Observation", "id": f"edge{n}", "subject": {"reference": "Patient/edge"}, "status": "final",
            **({"effectiveDateTime": when} if when else {}),
            "code": {"coding": [loinc, loinc], "text": SAID[n % len(SAID)]} if SAID[n % len(SAID)] else {"coding": [loinc]},
            "valueQuantity": {"value": n / 3, "code": "%", **({"comparator": "<"} if n % 5 == 0 else {})},
            "component": [{"code": {"coding": [loinc]}, "valueQuantity": {"value": n, "code": "%"}}] * (n % 3),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Both:
    """One snapshot, flat in both engines."""

    folder: Path
    snapshot: Snapshot
    duckdb: Flat
    spark: FlatOnSpark


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """200 generated patients with what their charts lack, the sandbox's charts, and edges; one session for the module."""
    generated = carebundle(tmp_path_factory.mktemp("ndjson"))
    charts = (json.loads(json.dumps(one, default=float)) for one in every_resource())
    every = [*generated, *more(generated), *charts, *edges()]
    folder, snapshot = store(tmp_path_factory.mktemp("set"), every)
    ours = flat(folder, snapshot, Labels(), ZONE)
    with flat_on_spark(folder, snapshot, Labels(), ZONE, MASTER) as theirs:
        yield Both(folder=folder, snapshot=snapshot, duckdb=ours, spark=theirs)


def test_the_tables_are_the_same(both: Both) -> None:
    """But for what each engine numbers events by."""
    assert both.spark.built == both.duckdb.built
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{both.folder / VIEWS}' AS ours (READ_ONLY)")
        for name, schema in SCHEMAS.items():
            columns = [part.split()[0] for part in schema.split(", ")]
            listed = ", ".join(column for column in columns if column != "event")
            files = f"read_parquet('{both.folder / FOLDER / name}/**/*.parquet', hive_partitioning = {name != 'person'})"
            sides = [f"SELECT {listed} FROM {one}" for one in (f"ours.{name}", files)]
            for one, other in (sides, sides[::-1]):
                assert db.execute(f"{one} EXCEPT ALL {other}").fetchall() == [], name
            assert db.execute(f"SELECT count(*) FROM {files}").fetchall()[0][0] > 0
    kinds = {path.name for path in (both.folder / FOLDER / "event").iterdir()}
    assert {"kind=observation", "kind=condition", "kind=questionnaire"} <= kinds


def rows(tables: Flat | FlatOnSpark, cohort: Cohort) -> list[tuple[Any, ...]]:
    with tables.views() as db:
        query = compiled(cohort, tables.built.day, db.dialect)
        return db.execute(query.sql, query.values).fetchall()


def test_every_shipped_query_and_every_kind_of_criterion_finds_the_same_patients(
    both: Both,
) -> None:
    asked = [fill(one, {}) for one in shipped().values()]
    asked += [read(json.dumps(one)) for one, _ in NAIVE]
    found = [(rows(both.duckdb, one), rows(both.spark, one)) for one in asked]
    assert [n for n, (ours, theirs) in enumerate(found) if ours != theirs] == []
    assert sum(1 for ours, _ in found if ours) >= len(found) - 2


def test_every_rule_of_care_puts_the_same_patients_into_each_status(both: Both) -> None:
    with both.duckdb.views() as ours, both.spark.views() as theirs:
        found = {
            rule.key: [measure(db, rule, both.duckdb.built.day).patients for db in (ours, theirs)]
            for rule in load().rules
        }
    assert [key for key, (one, other) in found.items() if one != other] == []
    assert len(found) >= 10
    assert sum(len(one["met"]) > 0 for one, _ in found.values()) >= 10


def test_labels_hold_on_spark_as_well(tmp_path: Path) -> None:
    """A restricted patient is in no table; under another policy the tables are made anew; without patients there are none."""
    label = {"system": "urn:site", "code": "VIP-EMPLOYEE"}
    people = [
        {"resourceType": "Patient", "id": f"p{n}", **({"meta": {"security": [label]}} if n else {})}
        for n in range(2)
    ]
    folder, snapshot = store(tmp_path / "set", people)
    for labels, expected in ((Labels(), ["p0", "p1"]), (Labels(audiences={("urn:site", "VIP-EMPLOYEE"): frozenset()}), ["p0"])):  # fmt: skip
        with flat_on_spark(folder, snapshot, labels, ZONE, MASTER) as tables:
            assert [row[0] for row in rows(tables, Cohort())] == expected
    assert tables.built.withheld == {"Patient": 1}
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(FOLDER)) == [FOLDER]  # fmt: skip
    with pytest.raises(CohortRefused, match="Spark stopped"), flat_on_spark(folder, snapshot, Labels(), ZONE, "nowhere"):  # fmt: skip
        pass


def test_the_command_says_the_same_by_either_engine(
    environ: dict[str, str],  # noqa: F811 - the fixture
    capsys: pytest.CaptureFixture[str],
) -> None:
    asks = (
        ("cohort", "count", "sandbox", "age_range", "--as", "Practitioner/counts", "--by", "sex", "--csv"),
        ("cohort", "list", "sandbox", "age_range", "--as", "Practitioner/lists"),
    )  # fmt: skip
    for one in asks:
        said = []
        for engine in ("duckdb", "spark"):
            code = main([*one, "--engine", engine, *(["--master", MASTER] if engine == "spark" else [])], environ)  # fmt: skip
            said.append((code, capsys.readouterr().out))
        assert said[0] == said[1]
        assert (said[0][0], len(said[0][1]) > 40) == (0, True)
