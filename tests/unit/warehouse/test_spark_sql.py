"""What is written for Spark is Spark's SQL, by sqlglot's parser of it, in every test run; `make spark` runs it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from app.errors import CohortRefused
from app.fhir.labels import Labels
from app.fhir.measures.rules import load
from app.warehouse.cohort.criteria import compiled
from app.warehouse.cohort.events import Writing, codes, events, parts
from app.warehouse.cohort.measures import measure
from app.warehouse.cohort.named import fill, shipped
from app.warehouse.cohort.on_spark import PERSON, flat_on_spark
from app.warehouse.cohort.tables import Rows
from app.warehouse.spark.session import Rows as NoRows
from app.warehouse.sql_guard import FUNCTIONS, check
from app.warehouse.views import SPARK, Table
from app.warehouse.views import shipped as shipped_views
from app.warehouse.views.render import Dialect
from tests.cohort_store import store
from tests.contract.warehouse.guard_functions import CASES, COLUMNS, DIFFERENT, UNREACHED

DAY = "2026-01-15"
# How DuckDB alone writes these: in Spark's SQL none may stand.
FOREIGN = ("regexp_matches", "list_", "struct_pack", "unnest", "lambda ", "strftime", "TIMESTAMPTZ", "nextval", "VARCHAR")  # fmt: skip


class Noted:
    """Tables of Spark that note what they are asked, and answer nothing."""

    dialect: Dialect = SPARK

    def __init__(self) -> None:
        self.asked: list[tuple[str, Sequence[Any]]] = []

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        self.asked.append((sql, values))
        return NoRows(rows=[])


def cohort_queries() -> list[tuple[str, Sequence[Any]]]:
    noted = Noted()
    for rule in load().rules:
        measure(noted, rule, DAY)
    for query in shipped().values():
        one = compiled(fill(query, {}), DAY, SPARK)
        noted.asked.append((one.sql, one.values))
    writing = Writing(dialect=SPARK, zone="America/Chicago", number=lambda *_: "id", own="own_event")  # fmt: skip
    made = (PERSON, *events(writing, ()), *parts(writing, ()), *codes(writing, ()))
    return [*noted.asked, *((sql, ()) for sql in made)]


@pytest.fixture
def deep() -> Iterator[None]:
    """Let the parser go as deep as a view with a `repeat` of ten levels."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("deep")
def test_all_that_is_written_for_spark_is_one_select_of_its_sql() -> None:
    views = [view.sql(Table(), SPARK) for view in shipped_views().values()]
    queries = cohort_queries()
    assert len(views) > 50
    assert len(queries) > 60
    for sql in (*views, *(sql for sql, _ in queries)):
        (tree,) = sqlglot.parse(sql, read="spark")
        assert isinstance(tree, exp.Select), sql[:100]
        assert [word for word in FOREIGN if word in sql] == [], sql[:100]
    assert all(sql.count("?") == len(values) for sql, values in queries)


def test_without_spark_a_cohort_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, snapshot = store(tmp_path, [{"resourceType": "Patient", "id": "p"}])
    # Whether it is installed here or not.
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(CohortRefused, match="requirements-spark"), flat_on_spark(folder, snapshot, Labels(), "UTC", "local[1]"):  # fmt: skip
        pass
    assert [path.name for path in folder.iterdir() if path.name.startswith("spark")] == []


def test_the_functions_that_are_held_to_spark_are_all_that_the_guard_allows() -> None:
    seen: set[type[exp.Expr]] = set()
    for sql in CASES.values():
        tree = sqlglot.parse_one(check(sql, {"t"}, COLUMNS).sql, read="duckdb")
        seen |= {type(node) for node in tree.walk()}
    assert {one.__name__ for one in FUNCTIONS if one not in seen} == UNREACHED
    assert set(DIFFERENT) <= set(CASES)
