"""Run one checked SELECT over one patient's facts: a DuckDB of its own, in memory, opened for it and closed.

One thread, 64 MB, no file, no network, no extension, no Python variable; the configuration is locked before the query
runs, and a query past its time is interrupted. Rows and cells are bounded. Nothing outlives the query.

Source: https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import ToolRefused
from app.warehouse.patient_facts import FactTable, columns_of
from app.warehouse.sql_guard import Checked

MEMORY, THREADS = "64MB", 1
LONGEST_S = 2.0
MOST_ROWS, MOST_COLUMNS, MOST_CELL = 100, 12, 200
CONFIGURATION: dict[str, str | int | float | list[str]] = {
    "threads": THREADS,
    "memory_limit": MEMORY,
    "max_temp_directory_size": "0MB",
    "enable_external_access": False,
    "python_enable_replacements": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a query gave: column names, rows as text, and whether more rows exist than `MOST_ROWS`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: bool


def run(checked: Checked, tables: Sequence[FactTable], *, longest_s: float = LONGEST_S) -> Answer:
    """Return the rows of a query.

    Raises:
        ToolRefused: it names what is not there, needs more memory or time than allowed, or has too many columns.
    """
    import duckdb  # noqa: PLC0415  # a vendor SDK, loaded when it is used

    connection = duckdb.connect(":memory:", config=dict(CONFIGURATION))
    try:
        for table in tables:
            if table.name in checked.tables:
                _load(connection, table)
        connection.execute("SET lock_configuration = true")
        return _asked(connection, checked.sql, longest_s, duckdb)
    finally:
        connection.close()


def _load(connection: Any, table: FactTable) -> None:
    """Create and fill a table; its names and types are ours, its values are bound and never part of the SQL."""
    names = ", ".join(f"{name} {kind}" for name, kind in table.columns)
    connection.execute(f"CREATE TABLE {table.name} ({names})")
    if table.rows:
        values = ", ".join(f"TRY_CAST(unnest(?) AS {kind})" for _, kind in table.columns)
        connection.execute(f"INSERT INTO {table.name} SELECT {values}", columns_of(table))


def _asked(connection: Any, sql: str, longest_s: float, duckdb: Any) -> Answer:
    timer = threading.Timer(longest_s, connection.interrupt)
    timer.start()
    try:
        cursor = connection.execute(f"SELECT * FROM ({sql}) LIMIT {MOST_ROWS + 1}")  # noqa: S608
        names = tuple(str(column[0]) for column in cursor.description)
        if len(names) > MOST_COLUMNS:
            raise ToolRefused(f"more than {MOST_COLUMNS} columns; name those that are needed")
        found = cursor.fetchmany(MOST_ROWS + 1)
    except duckdb.InterruptException as error:
        raise ToolRefused(f"stopped after {longest_s:g} seconds; ask for less") from error
    except duckdb.OutOfMemoryException as error:
        raise ToolRefused(f"needs more than {MEMORY}; ask for less") from error
    except duckdb.Error as error:
        # DuckDB's own message may quote values of the chart; the class says what kind of fault it is.
        raise ToolRefused(f"cannot run: {type(error).__name__}; {_hint(error)}") from error
    finally:
        timer.cancel()
    rows = tuple(tuple(map(_cell, row)) for row in found[:MOST_ROWS])
    return Answer(columns=names, rows=rows, more=len(found) > MOST_ROWS)


def _hint(error: Exception) -> str:
    """Return a binder's first line: it is made before any row is read, of the query's own words alone."""
    if type(error).__name__ not in ("BinderException", "CatalogException"):
        return "check columns and types"
    return str(error).partition("\n")[0][:160]


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = " ".join(text.removesuffix(" 00:00:00").split()).replace("|", "/")
    return text if len(text) <= MOST_CELL else f"{text[: MOST_CELL - 1]}…"
