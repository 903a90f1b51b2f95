"""Refusals of proofs in the audit: none is lost, and a stranger cannot fill it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from app.audit.log import AuditLog, Who
from app.mcp.refusals import MOST_KINDS, REST, Refusals
from app.store.engine import open_database


class Written:
    """An audit, its refusals, and a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        self.audit = AuditLog(open_database(f"sqlite:///{folder}/audit.db"), lambda: self.now)
        self.refusals = Refusals(self.audit, lambda: self.now)

    def rows(self) -> list[tuple[str, str, int]]:
        told = [(event.who.launch_id, json.loads(event.detail)) for event in self.audit.events()]
        return [(launch, detail["why"], detail.get("more", 0)) for launch, detail in told]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_the_first_is_written_at_once_and_the_rest_of_its_minute_as_a_number(
    written: Written,
) -> None:
    for _ in range(500):
        written.refusals.record(Who(), "mcp.refused", "forged")
    assert written.rows() == [("", "forged", 0)]
    written.now += timedelta(seconds=59)
    written.refusals.sweep()
    assert written.rows() == [("", "forged", 0)]
    written.now += timedelta(seconds=1)
    written.refusals.record(Who(), "mcp.refused", "forged")
    assert written.rows() == [("", "forged", 0), ("", "forged", 499), ("", "forged", 0)]
    written.now += timedelta(minutes=1)
    written.refusals.sweep()
    assert len(written.rows()) == 3


def test_each_launch_and_each_reason_has_its_own_row(written: Written) -> None:
    for launch, why in (("a", "ended"), ("b", "ended"), ("a", "forged"), ("a", "ended")):
        written.refusals.record(Who(launch_id=launch), "mcp.ended", why)
    assert written.rows() == [("a", "ended", 0), ("b", "ended", 0), ("a", "forged", 0)]


def test_many_kinds_are_counted_together_past_a_limit(written: Written) -> None:
    for number in range(MOST_KINDS + 50):
        written.refusals.record(Who(patient=f"x/Patient/{number}"), "mcp.context_unproved", "no")
    assert len(written.rows()) == MOST_KINDS + 1
    assert written.rows()[-1] == ("", REST, 0)
    written.now += timedelta(minutes=1)
    written.refusals.sweep()
    assert written.rows()[-1] == ("", REST, 49)


def test_none_is_lost_between_threads(written: Written) -> None:
    def refuse() -> None:
        for _ in range(200):
            written.refusals.record(Who(), "mcp.refused", "forged")

    threads = [Thread(target=refuse) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    written.now += timedelta(minutes=1)
    written.refusals.sweep()
    assert written.rows() == [("", "forged", 0), ("", "forged", 799)]
