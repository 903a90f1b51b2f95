"""Every test here runs against a database that is new: SQLite in a file, and what CHARTSIDE_TEST_DATABASE_URL names.

The second is for PostgreSQL (`tests.databases`), on a database that is for tests alone, since every table in it is dropped.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_socket import enable_socket
from sqlalchemy import Engine, MetaData, create_engine

from app.store.engine import open_database
from tests.databases import OTHER


@pytest.fixture(params=["sqlite", *(["other"] if OTHER else [])])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on a database that has every migration and no row."""
    url = f"sqlite:///{tmp_path}/contract.db"
    if request.param == "other":
        enable_socket()
        url = OTHER
        _empty(url)
    found = open_database(url)
    yield found
    found.dispose()


def _empty(url: str) -> None:
    engine = create_engine(url)
    known = MetaData()
    known.reflect(engine)
    known.drop_all(engine)
    with engine.begin() as db:
        for function in ("audit_append_only", "audit_anchor_names_a_row"):
            db.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function}() CASCADE")
    engine.dispose()
