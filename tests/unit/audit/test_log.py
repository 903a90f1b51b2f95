from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.audit.log import AuditLog, Who
from app.store.engine import open_database
from tests.requirements import requirement

WHO = Who(
    launch_id="l", registration="r", user_reference="Practitioner/1", patient="https://e/Patient/1"
)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(f"sqlite:///{tmp_path}/audit.db")


@pytest.fixture
def log(engine: Engine) -> AuditLog:
    found = AuditLog(engine, lambda: datetime(2026, 11, 20, 8, 42, tzinfo=UTC))
    found.record("launch", WHO, {"scope": "launch"})
    found.record("read", WHO, {"type": "Observation", "records": ["Observation/1"]})
    found.record("end", WHO, {})
    return found


def test_events_come_back_in_order_and_the_chain_is_whole(log: AuditLog) -> None:
    assert [event.kind for event in log.events("l")] == ["launch", "read", "end"]
    assert log.verify() is None


@requirement("chartside:audit:append-only")
@pytest.mark.parametrize("statement", ["UPDATE audit SET kind = 'x'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_or_remove_a_row(
    engine: Engine, log: AuditLog, statement: str
) -> None:
    with (
        pytest.raises((IntegrityError, OperationalError), match="append-only"),
        engine.begin() as db,
    ):
        db.execute(text(statement))
    assert len(log.events()) == 3


@requirement("chartside:audit:append-only")
def test_a_row_changed_behind_the_triggers_is_found(engine: Engine, log: AuditLog) -> None:
    with engine.begin() as db:
        db.execute(text("DROP TRIGGER audit_no_UPDATE"))
        db.execute(text("UPDATE audit SET detail = '{}' WHERE position = 2"))
    assert log.verify() == 2
