"""Write tables with DuckDB, in this process: one view after another, sorted, what does not fit into memory on the disk."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from app.warehouse.flatten.tables import BUCKET, ROW_GROUP, Task
from app.warehouse.views import DUCKDB, Table, why

OPTIONS = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"


class OnDuckDb:
    """See the module."""

    name = "duckdb"

    def write(
        self, db: duckdb.DuckDBPyConnection, tasks: Sequence[Task], place: Path, spill: Path
    ) -> dict[str, str]:
        """Write a folder of `place` for each table from `kept`; return why a table is missing, by name."""
        del spill  # the connection has its place for it already
        missing = {}
        for task in tasks:
            try:
                _write(db, task, place / task.view.name)
            except duckdb.Error as error:
                missing[task.view.name] = why(error)
        return missing


def _write(db: duckdb.DuckDBPyConnection, task: Task, folder: Path) -> None:
    folder.mkdir()
    sql, order = task.view.sql(Table(name="kept")), task.ordered(DUCKDB)
    if not task.digits:
        _copy(db, f"SELECT * FROM ({sql}) ORDER BY {order}", folder / "part-0.parquet")  # noqa: S608 - generated
        return
    # The view runs once; each part is sorted by itself, so that no sort is larger than a part.
    db.execute(f"CREATE OR REPLACE TEMP TABLE flat AS {sql}")
    bucket = task.bucket(DUCKDB)
    parts = db.execute(f"SELECT DISTINCT {bucket} FROM flat ORDER BY 1").fetchall()  # noqa: S608 - as above
    for (part,) in parts:
        own = folder / f"{BUCKET}={part}"
        own.mkdir()
        chosen = f"SELECT * FROM flat WHERE {bucket} = {DUCKDB.text(part)} ORDER BY {order}"  # noqa: S608 - as above
        _copy(db, chosen, own / "part-0.parquet")
    if not parts:
        _copy(db, "FROM flat", folder / "part-0.parquet")
    db.execute("DROP TABLE flat")


def _copy(db: duckdb.DuckDBPyConnection, sql: str, file: Path) -> None:
    db.execute(f"COPY ({sql}) TO {DUCKDB.text(str(file))} ({OPTIONS})")
