"""A new database for each stack: a file of SQLite's, or one of the server that CHARTSIDE_TEST_DATABASE_URL names.

For PostgreSQL: `CHARTSIDE_TEST_DATABASE_URL="postgresql+pg8000://USER@/DATABASE?unix_sock=/…/.s.PGSQL.5432"` (a Unix socket, since tests may
open no other), as a user who may create databases. The migrations run once, into a database that the others are copied from.
"""

import atexit
import os
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, make_url, select, text

from app.store.engine import open_database

OTHER = os.environ.get("CHARTSIDE_TEST_DATABASE_URL", "")
NUMBERS = count()


def fresh(folder: Path) -> str:
    """Return the URL of a database that nobody has opened."""
    return _copied() if OTHER else f"sqlite:///{folder}/chartside.db"


def ran(url: str, statement: str, **values: object) -> list[tuple[Any, ...]]:
    """Run a statement from outside the application, whose values are `:name` in it, and return its rows."""
    engine = create_engine(url)
    with engine.begin() as db:
        found = db.execute(text(statement), values)
        rows = [tuple(row) for row in found] if found.returns_rows else []
    engine.dispose()
    return rows


def unguarded(url: str, verb: str) -> None:
    """Take away what keeps rows of the audit from UPDATE or DELETE, as an administrator of the database may."""
    trigger = f"audit_no_{verb}" if url.startswith("sqlite:///") else "audit_no_change ON audit"
    ran(url, f"DROP TRIGGER {trigger}")


def contents(url: str) -> bytes:
    """Return all that a database holds: the bytes of SQLite's files, or each value of each table."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    engine, known = create_engine(url), MetaData()
    known.reflect(engine)
    with engine.connect() as db:
        cells = [cell for table in known.tables.values() for row in db.execute(select(table)) for cell in row]  # fmt: skip
    engine.dispose()
    return b"\n".join(bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in cells)  # fmt: skip


def _copied() -> str:
    name = f"chartside_{os.getpid()}_{next(NUMBERS)}"
    _run(f"CREATE DATABASE {name} TEMPLATE {_migrated()}")
    atexit.register(_run, f"DROP DATABASE {name} WITH (FORCE)")
    return _named(name)


@cache
def _migrated() -> str:
    name = f"chartside_{os.getpid()}_migrated"
    _run(f"CREATE DATABASE {name}")
    atexit.register(_run, f"DROP DATABASE {name} WITH (FORCE)")
    open_database(_named(name)).dispose()
    return name


def _named(name: str) -> str:
    return make_url(OTHER).set(database=name).render_as_string(hide_password=False)


def _run(statement: str) -> None:
    with _server().connect() as db:
        db.exec_driver_sql(statement)


@cache
def _server() -> Engine:
    return create_engine(OTHER, isolation_level="AUTOCOMMIT")
