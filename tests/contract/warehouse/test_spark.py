"""The same views on Spark as on DuckDB, where it is installed (`make spark`; it needs Java 17): one session for all queries,
and one that writes tables."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.errors import ViewRefused
from app.fhir.labels import Labels
from app.warehouse.flatten.commit import Engine, Flattening, Manifest
from app.warehouse.flatten.on_duckdb import OnDuckDb
from app.warehouse.flatten.on_spark import OnSpark
from app.warehouse.flatten.tables import tasks_of
from app.warehouse.views import (
    DUCKDB,
    SPARK,
    CompiledView,
    Files,
    Source,
    compile_view,
    folder,
    shipped,
)
from app.warehouse.views.duckdb import DuckDb
from tests.cohort_store import store
from tests.ndjson_source import CHARTS, resources
from tests.stack import Clock

PROGRAM = Path(__file__).parents[2] / "doubles/spark_rows.py"
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="requirements-spark.txt is not installed"
)
Queries = dict[str, tuple[CompiledView, Source]]
# Data and paths on which every function of the allow-list is called, with nothing, one and several items.
PATIENTS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient", "id": "a", "active": True, "birthDate": "1970-05",
        "_birthDate": {"extension": [{"url": "u", "valueString": "it's \\ \"so\""}]},
        "name": [{"family": "Ek", "given": ["Ada", None, "Bo"]}, {"use": "old", "given": []}],
        "deceasedDateTime": "2020-01-01T00:30:00+02:00", "multipleBirthInteger": 3,
        "generalPractitioner": [{"reference": "https://e.example/fhir/Practitioner/p1/_history/3"}, {"reference": "#x"}],
        "managingOrganization": {"reference": "Organization/o.1-x"},
        "contact": [{"gender": "male"}, {"name": {"family": "Ny"}, "telecom": [{"value": "1"}, {"value": "2"}]}],
        "extension": [{"url": "t", "valueTime": "10:00:00.50"}, {"url": "n", "valueDecimal": 1.25}],
    },
    {"resourceType": "Patient", "id": "b"},
    {"resourceType": "Patient", "id": "c", "birthDate": "1970-05-02", "deceasedDateTime": "2019", "multipleBirthInteger": 0},
]  # fmt: skip
AT, TIMES, NUMBER = "deceased.ofType(dateTime)", "extension('t').value.ofType(time)", "multipleBirth.ofType(integer)"  # fmt: skip
PATHS = [
    "name.given.first()", "name.given.last()", "name.given.count()", "name.given[1]", "name.given[7]", "birthDate[1]",
    "name.given.join('\\'/\\\\')", "name.where(use = 'old').exists()", "name.exists(family = 'Ek').not()", "name.empty()",
    "birthDate.extension('u').value.ofType(string).first()", "generalPractitioner.getReferenceKey(Practitioner).first()",
    "managingOrganization.getReferenceKey()", "getResourceKey() = 'a' and active", "active or gender = 'x'",
    "active != false", "birthDate > @1970-05-01", "birthDate >= @1970-05", "birthDate < @1970", "birthDate <= @1971",
    "birthDate = @1970-05", "birthDate != @1970", f"{AT} = @2019-12-31T22:30:00Z", f"{AT} < @2020-01-01", f"{AT} > @2018",
    f"{AT} <= @2019-12-31T22:30:00.001Z", f"{TIMES}.first() = @T10:00:00.5", f"{TIMES}.first() > @T10:00", f"{NUMBER} + 1",
    f"{NUMBER} - 0.5", f"{NUMBER} * 2", f"1 / {NUMBER}", f"-{NUMBER}", "extension('n').value.ofType(decimal).first() / 3",
    "name.first().family + '!'", "name.first().family & '-' & gender", "name.family = 'Ek'", "name.given != 'Ek'",
    "gender = 'x' and active", "deceased.exists()", "contact.telecom.value.count()", "active.where($this).exists()",
    "where(active).exists()", "where(active).name.family.first()", "'\\\\ \\' \" {0} % \\n é'", "1.5", "{}", "%c",
]  # fmt: skip
BESIDE = Path(__file__).parents[4] / "shared" / "data" / "sql-on-fhir" / "tests"
SUITE = Path(os.environ.get("SQL_ON_FHIR_TESTS", BESIDE))


def on_spark(queries: Queries, place: Path) -> dict[str, str]:
    """Run views on Spark into folders of `place`; return the errors of those that failed."""
    sent = {
        name: {"sql": view.sql(source, SPARK), "to": str(place / name)}
        for name, (view, source) in queries.items()
    }
    done = subprocess.run([sys.executable, "-P", PROGRAM], input=json.dumps(sent), capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    failed: dict[str, str] = json.loads(done.stdout)
    return failed


def differing(queries: Queries, place: Path) -> dict[str, tuple[int, int]]:
    """Return how many rows stand only in DuckDB's and only in Spark's answer, where any does."""
    found = {}
    with duckdb.connect() as connection:
        for name, (view, source) in queries.items():
            sides = f"({view.sql(source, DUCKDB)})", f"(FROM read_parquet('{place / name}/*.parquet'))"  # fmt: skip
            ours, theirs = (
                len(
                    connection.execute(f"SELECT * FROM {a} EXCEPT ALL SELECT * FROM {b}").fetchall()
                )
                for a, b in (sides, sides[::-1])
            )
            if ours or theirs:
                found[name] = (ours, theirs)
    return found


def written(place: Path, lines: Iterable[Mapping[str, Any]]) -> Files:
    place.mkdir()
    for resource in lines:
        with (place / f"{resource['resourceType']}.ndjson").open("a") as file:
            file.write(json.dumps(resource, default=float) + "\n")
    return folder(place)


def every_resource() -> Iterator[Mapping[str, Any]]:
    for path in sorted(CHARTS.rglob("chart.ndjson.gz")):
        yield from resources(str(path.parent.relative_to(CHARTS)))


def calls() -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {"name": f"c{n}", "path": path} for n, path in enumerate(PATHS)
    ]
    columns.append({"name": "l", "path": "name.given", "collection": True})
    columns.append({"name": "one", "path": "gender", "collection": True})
    return {
        "resource": "Patient",
        "constant": [{"name": "c", "valueString": "'; DROP TABLE x; -- \\ \" `"}],
        "select": [{"column": columns}],
    }


class Recorded(dict[str, str]):
    """The allow-list, noting what is used."""

    used: set[str]

    def __getitem__(self, name: str) -> str:
        self.used.add(name)
        return super().__getitem__(name)


def test_both_engines_know_the_same_functions_and_the_paths_here_use_them_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set(DUCKDB.functions) == set(SPARK.functions)
    recorded = Recorded(DUCKDB.functions)
    recorded.used = set()
    # The dialect is a table; only which of its entries are asked for is noted.
    monkeypatch.setattr(DuckDb, "functions", recorded)
    empty = Files(by_type={})
    for view in (compile_view(calls()), *shipped().values()):
        view.sql(empty)
    # `error` stops a query: see below. Lists of lists stand in the official suite as well, and the last three are for cohorts alone.
    assert set(DUCKDB.functions) - recorded.used <= {"error", "concat", "lower", "matches", "local"}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one session was asked, what failed, and which views had to."""

    queries: Queries
    place: Path
    failed: dict[str, str]
    stopping: set[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run all queries of this module: a session takes longer to start than they do."""
    place = tmp_path_factory.mktemp("spark")
    charts, made = written(place / "charts", every_resource()), written(place / "made", PATIENTS)
    queries: Queries = {name: (view, charts) for name, view in shipped().items()}
    queries["calls"] = (compile_view(calls()), made)
    twice = {"resource": "Patient", "select": [{"column": [{"name": "f", "path": "name.family"}]}]}
    names = [{"resourceType": "Patient", "name": [{"family": "A"}, {"family": "B"}]}]
    queries["twice"] = (compile_view(twice), written(place / "twice", names))
    stopping = {"twice"}
    for path in sorted(SUITE.glob("*.json")):
        suite = json.loads(path.read_text())
        source = written(place / path.stem, suite["resources"])
        for n, test in enumerate(suite["tests"]):
            try:
                queries[f"{path.stem}-{n}"] = (compile_view(test["view"]), source)
            except ViewRefused:
                continue
            if test.get("expectError"):
                stopping.add(f"{path.stem}-{n}")
    failed = on_spark(queries, place / "rows")
    return Ran(queries=queries, place=place / "rows", failed=failed, stopping=stopping)


def test_every_shipped_view_and_every_function_gives_the_same_rows(ran: Ran) -> None:
    names = {*shipped(), "calls"}
    assert not names & set(ran.failed), ran.failed
    assert differing({name: ran.queries[name] for name in names}, ran.place) == {}


def test_the_official_suite_gives_the_same_rows(ran: Ran) -> None:
    theirs = set(ran.queries) - {*shipped(), "calls"} - ran.stopping
    assert not theirs & set(ran.failed), ran.failed
    assert differing({name: ran.queries[name] for name in theirs}, ran.place) == {}


def test_what_stops_a_view_on_duckdb_stops_it_on_spark(ran: Ran) -> None:
    assert set(ran.failed) == ran.stopping
    assert all("has more than one item" in message for message in ran.failed.values())


def test_tables_of_a_store_are_the_same_by_either_engine(tmp_path: Path) -> None:
    """Spark reads the snapshot's records as a table, splits as DuckDB does, and tells no value of what it cannot read."""
    lines = (json.loads(json.dumps(one, default=float)) for one in every_resource())
    _, snapshot = store(tmp_path / "set", lines)
    own = tmp_path / "own"
    own.mkdir()
    path = {"name": "code", "path": "code.coding.code"}
    twice = {"resourceType": "ViewDefinition", "name": "twice", "status": "active", "resource": "Observation", "select": [{"column": [path]}]}  # fmt: skip
    (own / "twice.json").write_text(json.dumps(twice))
    # Whole and split, of many rows and of none, with lists that repeat, of patients and of nobody.
    named = ("patient_name", "observation", "medicationrequest_dosage", "questionnaireresponse_answer", "device", "location", "twice")  # fmt: skip
    tasks, _ = tasks_of(snapshot.counts, own, named, identifiers=True, split_from=200)
    assert {task.view.name: task.digits for task in tasks if task.digits} == {"observation": 2, "medicationrequest_dosage": 1}  # fmt: skip

    def made(engine: Engine) -> Manifest:
        return Flattening(data_set=tmp_path / "set", out=tmp_path / engine.name, labels=Labels(), engine=engine).run(tasks, (), Clock()())  # fmt: skip

    ours, theirs = made(OnDuckDb()), made(OnSpark(master="local[2]"))
    assert theirs.missing == ours.missing
    assert "has more than one item" in theirs.missing["twice"]
    assert theirs.withheld == ours.withheld
    assert sum(ours.withheld.values()) == 10
    assert [(one.view, one.rows) for one in theirs.tables] == [(one.view, one.rows) for one in ours.tables]  # fmt: skip
    for table in ours.tables:
        columns = ", ".join(str(column["name"]) for column in table.columns)
        sides = [f"SELECT {columns} FROM read_parquet('{tmp_path}/{engine}/current/{table.view}/**/*.parquet', hive_partitioning = false)" for engine in ("duckdb", "spark")]  # fmt: skip
        for one, other in (sides, sides[::-1]):
            assert duckdb.execute(f"{one} EXCEPT ALL {other}").fetchall() == [], table.view
        parts = [sorted(path.parent.name for path in (tmp_path / engine / "current" / table.view).rglob("*.parquet")) for engine in ("duckdb", "spark")]  # fmt: skip
        assert set(parts[0]) == set(parts[1])
