"""Hold a SparkSession in a process of its own, and ask it line by line (`program`).

Java and Spark get their own variables and no key and no secret of ours. What they print goes into a file that is removed with the
session. Executors on other machines need the folders under the same path.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from app.warehouse.spark.errors import SparkStopped

PROGRAM = Path(__file__).with_name("program.py")
INSTALL = "Spark is not installed: pip install --no-deps --require-hashes -r requirements-spark.txt; it needs Java 17 or newer"
LOCAL = "local[*]"
# What Spark and Java read.
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "PYTHONPATH", "VIRTUAL_ENV")
PREFIXES = ("SPARK_", "PYSPARK_", "HADOOP_", "YARN_")
TAIL, LONGEST_END_S = 400, 30


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session that runs. Only one question at a time."""

    process: subprocess.Popen[str]
    asks: IO[str]
    answers: IO[str]
    said: IO[str]

    def read(self, name: str, path: Path | None, schema: str) -> None:
        """Make a folder of Parquet a view with the columns of `schema` (DDL); None: an empty one.

        Raises:
            SparkStopped: it cannot be read.
        """
        self._demand({"do": "read", "name": name, "path": str(path or ""), "schema": schema})

    def define(self, name: str, sql: str) -> None:
        """Make a SELECT a view.

        Raises:
            SparkStopped: Spark does not take it.
        """
        self._demand({"do": "define", "name": name, "sql": sql})

    def write(
        self, sql: str, to: Path, order: Sequence[str], *, split: str = "", by: str = ""
    ) -> str:
        """Write the rows of a SELECT as Parquet, sorted by names as Spark quotes them; return why not, "" if it did.

        `by` names the folders (`kind=observation`) of what the expression `split` gives.
        """
        asked = {"do": "write", "sql": sql, "to": str(to), "order": list(order), "split": split, "by": by}  # fmt: skip
        why = str(self._asked(asked)["error"])
        for left in (*to.rglob("_SUCCESS"), *to.rglob(".*.crc")):
            left.unlink()
        return why

    def execute(self, sql: str, values: Sequence[Any] = ()) -> "Rows":
        """Return the rows of a SELECT whose `?` are bound to values, as a connection of DuckDB does.

        Raises:
            SparkStopped: Spark does not take it.
        """
        found = self._demand({"do": "select", "sql": sql, "values": list(values)})
        return Rows(rows=[tuple(row) for row in found])

    def _demand(self, asked: dict[str, Any]) -> list[Any]:
        answer = self._asked(asked)
        if answer["error"]:
            raise SparkStopped(f"Spark stopped: {answer['error']}")
        rows: list[Any] = answer["rows"]
        return rows

    def _asked(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            self.asks.write(f"{json.dumps(asked)}\n")
            self.asks.flush()
            line = self.answers.readline()
        except OSError:
            line = ""
        if not line:
            self.process.wait()
            self.said.seek(0)
            # The last line names the exception; Spark's own log is off, and queries hold no values.
            last = self.said.read().strip().rpartition("\n")[2][:TAIL]
            raise SparkStopped(f"Spark stopped: {last}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What came back."""

    rows: list[tuple[Any, ...]]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all of it."""
        return self.rows


@contextmanager
def opened(master: str, spill: Path) -> Iterator[Session]:
    """Start a session and end it. `master` is Spark's own word for where it runs: `local[n]`, `spark://…`, `yarn`.

    Raises:
        SparkStopped: Spark is not installed.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise SparkStopped(INSTALL)
    settings = {
        "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": str(spill), "spark.sql.warehouse.dir": str(spill / "warehouse"),
        "spark.sql.parquet.compression.codec": "zstd",
        # Views with a `repeat` and several loops take more rounds of the analyzer than its 100.
        "spark.sql.analyzer.maxIterations": "1000",
    }  # fmt: skip
    environ = {n: v for n, v in os.environ.items() if n in PASSED or n.startswith(PREFIXES)}
    if master.startswith("local"):
        # One machine has no use for Spark's 200 parts of a sort.
        settings["spark.sql.shuffle.partitions"] = "8"
        environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=environ,
        )  # fmt: skip
        asks, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            asks.write(f"{json.dumps({'master': master, 'settings': settings})}\n")
            yield Session(process=process, asks=asks, answers=answers, said=said)
        finally:
            # At the end of its input it ends by itself, and removes what it put on the disk.
            with suppress(OSError):
                asks.close()
            try:
                process.wait(LONGEST_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            answers.close()
