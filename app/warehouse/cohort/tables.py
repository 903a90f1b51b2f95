"""What criteria and rules ask: `person`, `event` and `event_code` of one snapshot, in the one engine or the other."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb
import msgspec

from app.warehouse.spark.session import Session
from app.warehouse.views import DUCKDB, SPARK
from app.warehouse.views.render import Dialect


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What flat tables were made of: `day` is what ages and spans count back from, ISO; `policy` the labels and zone.

    `withheld` counts by resource type what carries a restricting label; `missing` names views that the data does not fit.
    """

    snapshot: int
    day: str
    policy: str
    withheld: dict[str, int]
    missing: dict[str, str]
    patients: int
    layout: int


class Rows(Protocol):
    """What came back."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all of it."""


class Tables(Protocol):
    """Something that answers SQL of its dialect."""

    @property
    def dialect(self) -> Dialect:
        """How its SQL is written."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Return the rows of a SELECT whose `?` are bound to values."""


class Flattened(Protocol):
    """The flat tables of one snapshot."""

    @property
    def built(self) -> Built:
        """What they were made of."""

    def views(self) -> AbstractContextManager[Tables]:
        """Open the identified tables, read-only; for generated SQL alone."""


@dataclass(frozen=True, kw_only=True)
class DuckDbTables:
    """See `Tables`."""

    db: duckdb.DuckDBPyConnection
    dialect: Dialect = DUCKDB

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Return the rows of a SELECT whose `?` are bound to values."""
        return self.db.execute(sql, list(values))


@dataclass(frozen=True, kw_only=True)
class SparkTables:
    """See `Tables`."""

    session: Session
    dialect: Dialect = SPARK

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Return the rows of a SELECT whose `?` are bound to values."""
        return self.session.execute(sql, values)
