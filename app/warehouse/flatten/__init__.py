"""Flat tables as Parquet files, for other warehouses: every view of a snapshot, whole or not at all, with a manifest.

`tables` says what is written and how it lies, `on_duckdb` and `on_spark` write it, `commit` puts it in place.
"""
