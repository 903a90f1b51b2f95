"""Write the same tables with Spark, in a process of its own, from the snapshot's records as Parquet.

Raw exports hold several versions of a record, and records that are gone; which of them count is decided in one place, the
snapshot. So Spark reads the records that are kept of it (`resource_type`, `json`), written for this run and removed after it. Executors on
other machines need the folders under the same path.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from app.warehouse.flatten.errors import FlattenFailed
from app.warehouse.flatten.tables import BUCKET, Task
from app.warehouse.views import DUCKDB, SPARK, Table

PROGRAM = Path(__file__).with_name("spark_program.py")
INSTALL = "Spark is not installed: pip install --no-deps --require-hashes -r requirements-spark.txt; it needs Java 17 or newer"
LOCAL = "local[*]"
# What Spark and Java read; no key and no secret of ours goes there.
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "PYTHONPATH", "VIRTUAL_ENV")
PREFIXES = ("SPARK_", "PYSPARK_", "HADOOP_", "YARN_")
TAIL = 400


@dataclass(frozen=True, kw_only=True)
class OnSpark:
    """See the module. `master` is Spark's own word for where it runs: `local[n]`, `spark://…`, `yarn`."""

    master: str = LOCAL
    name: str = "spark"

    def write(
        self, db: duckdb.DuckDBPyConnection, tasks: Sequence[Task], place: Path, spill: Path
    ) -> dict[str, str]:
        """Write a folder of `place` for each table from `kept`; return why a table is missing, by name.

        Raises:
            FlattenFailed: Spark is not installed, or its session did not come to its end.
        """
        if importlib.util.find_spec("pyspark") is None:
            raise FlattenFailed(INSTALL)
        records = spill / "records"
        wanted = sorted({task.view.resource for task in tasks})
        listed = ", ".join(map(DUCKDB.text, wanted)) or "NULL"
        db.execute(
            f"COPY (SELECT resource_type, json FROM kept WHERE resource_type IN ({listed})) TO {DUCKDB.text(str(records))} "  # noqa: S608 - quoted
            "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (resource_type), OVERWRITE)"
        )
        found = _run(self.master, _asked(tasks, place), records, spill)
        for left in (*place.rglob("_SUCCESS"), *place.rglob(".*.crc")):
            left.unlink()
        return found


def _asked(tasks: Sequence[Task], place: Path) -> dict[str, dict[str, str | list[str]]]:
    return {
        task.view.name: {
            "sql": task.view.sql(Table(name="resource"), SPARK), "to": str(place / task.view.name),
            "order": [SPARK.identifier(name) for name in task.order],
            "bucket": task.bucket(SPARK) if task.digits else "", "bucket_name": BUCKET,
        }
        for task in tasks
    }  # fmt: skip


def _run(
    master: str, asked: dict[str, dict[str, str | list[str]]], records: Path, spill: Path
) -> dict[str, str]:
    settings = {
        "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": str(spill), "spark.sql.warehouse.dir": str(spill / "warehouse"),
        "spark.sql.parquet.compression.codec": "zstd",
        # Views with a `repeat` and several loops take more rounds of the analyzer than its 100.
        "spark.sql.analyzer.maxIterations": "1000",
    }  # fmt: skip
    sent = {
        "master": master,
        "settings": settings,
        "records": str(records) if records.exists() else "",
        "tables": asked,
    }
    environ = {n: v for n, v in os.environ.items() if n in PASSED or n.startswith(PREFIXES)}
    if master.startswith("local"):
        # One machine has no use for Spark's 200 parts of a sort.
        settings["spark.sql.shuffle.partitions"] = "8"
        environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-P", PROGRAM], input=json.dumps(sent), capture_output=True, text=True, check=False, env=environ,
    )  # fmt: skip
    if done.returncode:
        # The last line names the exception; Spark's own log is off, and queries hold no values.
        raise FlattenFailed(f"Spark stopped: {done.stderr.strip().rpartition(chr(10))[2][:TAIL]}")
    found: dict[str, str] = json.loads(done.stdout)
    return found
