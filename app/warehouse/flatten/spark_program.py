"""Write tables in one SparkSession: `python spark_program.py < asked.json > missing.json`. It imports nothing of ours.

Asked is `{master, settings, records, tables: {name: {sql, to, order, bucket, bucket_name}}}`; the answer says why a table is missing, by
name, never with a value of the data: Spark's messages quote records.
"""

import json
import os
import re
import sys
from typing import Any

OWN = re.compile(
    r"(column .{1,200}? has more than one item|.{0,200}repeat goes deeper than.{0,40})"
)
NO_RECORDS = (
    "SELECT CAST(NULL AS STRING) AS resource_type, CAST(NULL AS STRING) AS json WHERE FALSE"
)


def main() -> None:
    """Run what stands on standard input."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  # optional: requirements-spark.txt

    answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)  # whatever Java prints is no answer
    asked = json.load(sys.stdin)
    builder = SparkSession.builder.master(asked["master"]).appName("chartside flatten")
    for key, value in asked["settings"].items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    found = spark.read.parquet(asked["records"]) if asked["records"] else spark.sql(NO_RECORDS)
    found.createOrReplaceTempView("resource")
    missing = {}
    for name, table in asked["tables"].items():
        try:
            _write(spark, table)
        except Exception as error:  # noqa: BLE001  # whatever Spark raises is the answer
            missing[name] = _why(error)
    answers.write(json.dumps(missing))
    answers.close()
    spark.stop()


def _write(spark: Any, table: dict[str, Any]) -> None:
    from pyspark.sql import functions as f  # noqa: PLC0415  # as above

    rows = spark.sql(table["sql"])
    order = [f.expr(name).asc_nulls_first() for name in table["order"]]
    if not table["bucket"]:
        rows.orderBy(*order).write.parquet(table["to"])
        return
    split = rows.withColumn(table["bucket_name"], f.expr(table["bucket"]))
    name = table["bucket_name"]
    split.repartition(name).sortWithinPartitions(name, *order).write.partitionBy(name).parquet(
        table["to"]
    )


def _why(error: Exception) -> str:
    condition = getattr(error, "getCondition", lambda: None)() or type(error).__name__
    own = OWN.search(str(error)) if condition == "USER_RAISED_EXCEPTION" else None
    return own.group(0) if own else str(condition)


if __name__ == "__main__":
    main()
