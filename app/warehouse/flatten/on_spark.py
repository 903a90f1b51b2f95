"""Write the same tables with Spark, in a process of its own, from the snapshot's records as Parquet (`app.warehouse.spark`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from app.warehouse.flatten.errors import FlattenFailed
from app.warehouse.flatten.tables import BUCKET, Task
from app.warehouse.spark.errors import SparkStopped
from app.warehouse.spark.records import hand_over
from app.warehouse.spark.session import LOCAL, Session, opened
from app.warehouse.views import SPARK, Table


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
        try:
            with opened(self.master, spill) as session:
                hand_over(db, session, (task.view.resource for task in tasks), spill / "records")
                said = {task.view.name: _written(session, task, place) for task in tasks}
        except SparkStopped as error:
            raise FlattenFailed(str(error)) from error
        return {name: why for name, why in said.items() if why}


def _written(session: Session, task: Task, place: Path) -> str:
    split, by = (task.bucket(SPARK), BUCKET) if task.digits else ("", "")
    order = [SPARK.identifier(name) for name in task.order]
    sql = task.view.sql(Table(name="resource"), SPARK)
    return session.write(sql, place / task.view.name, order, split=split, by=by)
