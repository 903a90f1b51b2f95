from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.audit.log import AuditLog, Who, _append_behind, _End, _last, _new
from app.errors import AuditFailed
from app.store.engine import open_database, writing_once
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


@requirement("chartside:audit:append-only")
def test_a_purge_goes_from_the_front_a_part_at_a_time_and_never_past_a_newer_row(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    times = iter([now, now, now, now + timedelta(days=2), now, *[now + timedelta(days=9)] * 9])
    log = AuditLog(engine, lambda: next(times))
    for _ in range(5):
        log.record("read", WHO, {})
    # A part as long as 10,000 rows takes seconds to write here.
    monkeypatch.setattr("app.audit.log.MOST_AT_ONCE", 2)
    assert [log.purge(now + timedelta(days=1)) for _ in range(3)] == [2, 1, 0]
    kept = [(event.position, event.kind) for event in log.events()]
    assert kept == [(4, "read"), (5, "read"), (6, "purge"), (7, "purge")]
    assert log.verify() is None


def test_two_processes_that_write_in_turn_make_one_whole_chain(engine: Engine) -> None:
    """Each remembers the end that it left itself; the other has written behind it meanwhile, and purged what is before."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    one, two = (AuditLog(engine, lambda: now) for _ in range(2))
    for log in (one, two, one, one, two):
        log.record("read", WHO, {})
    assert two.purge(now + timedelta(days=1)) == 5
    one.record("end", WHO, {})
    assert [(e.position, e.kind) for e in one.events()] == [(6, "purge"), (7, "end")]
    assert one.verify() is None


def test_a_part_of_the_chain_that_is_written_at_once_is_one_statement_or_nothing(
    engine: Engine, log: AuditLog
) -> None:
    """What hundreds of streams want written at once; the end that was remembered may have moved meanwhile."""
    many = [_new(datetime(2026, 11, 20, tzinfo=UTC), "read", WHO, {"n": n}) for n in range(16)]
    with writing_once(engine) as db:
        assert _append_behind(db, _End(3, "not this one"), many) is None
        end = _last(db)
        assert _append_behind(db, end, many) == _last(db)
    with pytest.raises(IntegrityError), writing_once(engine) as db:
        _append_behind(db, end, many)
    assert len(log.events()) == 3 + len(many)
    assert log.verify() is None
    log.record("end", WHO, {})
    assert log.verify() is None


def test_a_log_that_gets_no_place_says_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object) -> None:
        raise IntegrityError("insert", {}, ValueError())

    log = AuditLog(engine, lambda: datetime(2026, 11, 20, tzinfo=UTC))
    log.record("launch", WHO, {})
    # Another process that is faster a hundred times cannot be arranged.
    monkeypatch.setattr("app.audit.log._chained", taken)
    with pytest.raises(AuditFailed, match="no place"):
        log.record("read", WHO, {})
    with pytest.raises(AuditFailed, match="no place"):
        log.purge(datetime(2027, 1, 1, tzinfo=UTC))
    assert [event.kind for event in log.events()] == ["launch"]
