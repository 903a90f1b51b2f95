"""Give Spark the records that count: raw exports hold several versions of a record, and records that are gone.

Which of them count, and which are withheld, is decided in one place, the snapshot. So Spark reads what is kept of it
(`resource_type`, `json`) as Parquet in a folder for each type, written for one run and removed after it.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from app.warehouse.spark.session import Session
from app.warehouse.views import DUCKDB

SCHEMA = "json STRING, resource_type STRING"


def hand_over(
    db: duckdb.DuckDBPyConnection, session: Session, kinds: Iterable[str], place: Path
) -> None:
    """Write the records of some types from `kept`, a view of (resource_type, json) in `db`; they are `resource` in the session."""
    listed = ", ".join(map(DUCKDB.text, sorted(set(kinds)))) or "NULL"
    db.execute(
        f"COPY (SELECT resource_type, json FROM kept WHERE resource_type IN ({listed})) TO {DUCKDB.text(str(place))} "  # noqa: S608 - quoted
        "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (resource_type), OVERWRITE)"
    )
    session.read("resource", place if place.exists() else None, SCHEMA)
