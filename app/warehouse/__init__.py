"""SQL over facts of one patient, behind a guard: DuckDB in process, opened for one query and closed.

The bulk store and its cohort tables come to stand here as well; nothing in this package reaches a network or a file.
"""
