"""One SparkSession behind standard input and output: a JSON line asks, a JSON line answers. It imports nothing of ours.

First comes `{master, settings}`, then any number of

    {"do": "read", name, path, schema}              a folder of Parquet becomes a view; "" for a path: an empty one
    {"do": "define", name, sql}                     so does a SELECT
    {"do": "write", sql, to, order, split, by}      rows become Parquet, sorted; `by` names the folders of what `split` gives
    {"do": "select", sql, values}                   rows come back; `?` in the SQL are bound to the values

An answer is `{error, rows}`; the error never has a value of the data: Spark's messages quote records.
"""

import json
import os
import re
import sys
from typing import Any

OWN = re.compile(
    r"(column .{1,200}? has more than one item|.{0,200}repeat goes deeper than.{0,40})"
)


def main() -> None:
    """Answer until standard input ends."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  # optional: requirements-spark.txt

    answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)  # whatever Java prints is no answer
    asked = json.loads(sys.stdin.readline())
    builder = SparkSession.builder.master(asked["master"]).appName("chartside")
    for key, value in asked["settings"].items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    acts = {"read": _read, "define": _define, "write": _write, "select": _select}
    for line in sys.stdin:
        one = json.loads(line)
        try:
            answer = {"error": "", "rows": acts[one["do"]](spark, one)}
        except Exception as error:  # noqa: BLE001  # whatever Spark raises is the answer
            answer = {"error": _why(error), "rows": []}
        answers.write(f"{json.dumps(answer, default=str)}\n")
        answers.flush()
    spark.stop()


def _read(spark: Any, one: dict[str, Any]) -> list[Any]:
    reader = spark.read.schema(one["schema"])
    # Of no file at all no schema could be told; of an empty folder it is the one that was asked for.
    found = reader.parquet(one["path"]) if one["path"] else spark.createDataFrame([], one["schema"])
    found.createOrReplaceTempView(one["name"])
    return []


def _define(spark: Any, one: dict[str, Any]) -> list[Any]:
    spark.sql(one["sql"]).createOrReplaceTempView(one["name"])
    return []


def _write(spark: Any, one: dict[str, Any]) -> list[Any]:
    from pyspark.sql import functions as f  # noqa: PLC0415  # as above

    rows, name = spark.sql(one["sql"]), one["by"]
    order = [f.expr(column).asc_nulls_first() for column in one["order"]]
    if not name:
        (rows.orderBy(*order) if order else rows).write.parquet(one["to"])
        return []
    split = rows.withColumn(name, f.expr(one["split"])).repartition(name)
    split.sortWithinPartitions(name, *order).write.partitionBy(name).parquet(one["to"])
    return []


def _select(spark: Any, one: dict[str, Any]) -> list[Any]:
    return [list(row) for row in spark.sql(one["sql"], args=one["values"]).collect()]


def _why(error: Exception) -> str:
    condition = getattr(error, "getCondition", lambda: None)() or type(error).__name__
    own = OWN.search(str(error)) if condition == "USER_RAISED_EXCEPTION" else None
    return own.group(0) if own else str(condition)


if __name__ == "__main__":
    main()
