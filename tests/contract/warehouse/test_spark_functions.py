"""The functions of `sql_guard` on Spark as on DuckDB, where it is installed (`make spark`): the same answer, or listed as another."""

import importlib.util
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from app.warehouse.spark.errors import SparkStopped
from app.warehouse.spark.session import Session, opened
from app.warehouse.sql_guard import check
from tests.contract.warehouse.guard_functions import CASES, COLUMNS, DIFFERENT, ROWS

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="requirements-spark.txt is not installed"
)


def table() -> str:
    listed = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
    return f"SELECT {listed} FROM (VALUES {', '.join(f'({row})' for row in ROWS)}) AS v({', '.join(COLUMNS)})"


def plain(value: Any) -> Any:
    """Return a value as both engines can say it: a number with 12 digits, all else as text."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value).removesuffix(" 00:00:00")
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.12g}" if abs(number) < 2**53 else text


def by_spark(session: Session, sql: str) -> Any:
    (written,) = sqlglot.transpile(sql, read="duckdb", write="spark")
    try:
        return [tuple(map(plain, row)) for row in session.execute(written).fetchall()]
    except SparkStopped as error:
        return str(error)


def test_each_allowed_function_gives_the_same_on_spark_or_is_listed(tmp_path: Path) -> None:
    found = {}
    with duckdb.connect() as db, opened("local[1]", tmp_path) as session:
        db.execute(f"CREATE VIEW t AS {table()}")
        session.define("t", sqlglot.transpile(table(), read="duckdb", write="spark")[0])
        for name, sql in CASES.items():
            allowed = check(sql, {"t"}, COLUMNS).sql
            ours = [tuple(map(plain, row)) for row in db.execute(allowed).fetchall()]
            theirs = by_spark(session, allowed)
            if ours != theirs:
                found[name] = (ours, theirs)
    assert set(found) == set(DIFFERENT), found
