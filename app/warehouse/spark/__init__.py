"""Spark, for what does not fit one machine: one SparkSession in a process of its own (`session`, `program`), fed by Parquet.

The compiler of views and the criteria of cohorts write its SQL; nothing here knows what it means. Spark 4.3, Java 17.
"""
