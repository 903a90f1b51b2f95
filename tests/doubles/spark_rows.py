"""Run queries in one SparkSession and write their rows as Parquet: `python spark_rows.py < queries.json > errors.json`.

Queries are `{name: {"sql": …, "to": folder}}`; the answer is `{name: first line of the error}` of those that failed.
"""

import json
import os
import sys


def main() -> None:
    """Run what stands on standard input."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  # installed by `make spark` only

    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for key, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.sql.session.timeZone": "America/Chicago",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    failed = {}
    for name, query in json.load(sys.stdin).items():
        try:
            spark.sql(query["sql"]).write.parquet(query["to"])
        except Exception as error:  # noqa: BLE001  # whatever Spark raises is the answer
            failed[name] = str(error)[:2000]
    answers.write(json.dumps(failed))
    spark.stop()


if __name__ == "__main__":
    main()
