"""`GrantStore`: a sign-in goes on once, from where it stood, and ends with its launch."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from app.store.grants import GrantRow, GrantRows
from app.store.ports import GrantStore

ROW = GrantRow(grant_id="g", stage="ehr", secret_hash="one", launch_id="", sealed=b"x", expires_at=10.0)  # fmt: skip


@pytest.fixture
def grants(engine: Engine) -> GrantStore:
    found = GrantRows(engine)
    assert found.add(ROW, 0.0)
    return found


def test_it_is_found_by_its_secret_at_its_stage_until_it_expires(grants: GrantStore) -> None:
    assert grants.of_secret("ehr", "one", 9.0) == grants.get("g", 9.0) == ROW
    assert grants.of_secret("code", "one", 9.0) is None
    assert grants.of_secret("ehr", "two", 9.0) is None
    assert grants.of_secret("ehr", "one", 10.0) is grants.get("g", 10.0) is None


def test_it_goes_on_for_one_caller_and_from_where_it_stood(grants: GrantStore) -> None:
    moves = [replace(ROW, stage="consent", secret_hash=f"s{n}", launch_id="l") for n in range(8)]
    won: list[GrantRow] = []
    threads = [
        threading.Thread(target=lambda to=to: won.append(to) if grants.advance(ROW, to) else None)
        for to in moves
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [grants.get("g", 0.0)] == won
    assert not grants.advance(replace(won[0], stage="code"), ROW)


def test_it_ends_once_and_with_its_launch(grants: GrantStore) -> None:
    assert grants.add(replace(ROW, grant_id="h", launch_id="l", expires_at=50.0), 0.0)
    grants.drop_of("l")
    assert grants.get("h", 0.0) is None
    assert grants.drop("g")
    assert not grants.drop("g")
    # What has expired is swept by the next one.
    assert grants.add(ROW, 0.0)
    assert grants.add(replace(ROW, grant_id="i", expires_at=50.0), 20.0)
    assert grants.get("g", 0.0) is None


def test_those_of_a_launch_are_counted_by_their_stage(grants: GrantStore) -> None:
    for n in range(3):
        assert grants.add(replace(ROW, grant_id=f"c{n}", stage="chart", launch_id="l"), 0.0)
    assert not grants.add(replace(ROW, grant_id="c2", stage="chart", launch_id="l"), 0.0)
    assert grants.count("chart", "l") == 3
    assert (grants.count("live", "l"), grants.count("chart", "other")) == (0, 0)


def test_too_many_strangers_who_wait_keep_out_strangers_only(
    grants: GrantStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.grants.MOST_WAITING", 2)
    assert grants.add(replace(ROW, grant_id="h"), 0.0)
    assert not grants.add(replace(ROW, grant_id="i"), 0.0)
    assert grants.add(replace(ROW, grant_id="j", launch_id="l"), 0.0)
