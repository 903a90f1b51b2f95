"""`LaunchStore` and `TokenStore`: each secret counts once, and a launch ends whole."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from app.store.launches import MOST_BAD_BINDS, LaunchRow, LaunchRows, PendingRow
from app.store.ports import LaunchStore, TokenStore
from app.store.tokens import TokenRows

PENDING = PendingRow(state_hash="s" * 64, registration="mercy", bind_hash="b" * 64, sealed=b"p", expires_at=100.0)  # fmt: skip
LAUNCH = LaunchRow(launch_id="l-1", registration="mercy", session_id="k" * 64, resume_hash="r" * 64, last_used_at=1.0, expires_at=100.0)  # fmt: skip


@pytest.fixture
def launches(engine: Engine) -> LaunchStore:
    return LaunchRows(engine)


@pytest.fixture
def tokens(engine: Engine) -> TokenStore:
    return TokenRows(engine)


def begin(launches: LaunchStore, row: LaunchRow = LAUNCH) -> None:
    launches.add_launch(row, session_sealed=b"s", token_sealed=b"t", token_expires_at=50.0)


def test_a_pending_launch_is_taken_once_and_not_after_its_time(launches: LaunchStore) -> None:
    assert launches.add_pending(PENDING, now=0.0)
    assert launches.pending(PENDING.state_hash, now=100.0) == PENDING
    assert launches.pending(PENDING.state_hash, now=100.1) is None
    assert launches.pending("unknown", now=0.0) is None
    assert [launches.take_pending(PENDING.state_hash) for _ in range(2)] == [True, False]
    assert launches.pending(PENDING.state_hash, now=0.0) is None


def test_wrong_bind_secrets_burn_a_pending_launch(launches: LaunchStore) -> None:
    launches.add_pending(PENDING, now=0.0)
    for _ in range(MOST_BAD_BINDS - 1):
        launches.count_bad_bind(PENDING.state_hash)
    assert launches.pending(PENDING.state_hash, now=0.0) == PENDING
    launches.count_bad_bind(PENDING.state_hash)
    assert launches.pending(PENDING.state_hash, now=0.0) is None


def test_a_new_pending_launch_sweeps_the_old(launches: LaunchStore) -> None:
    launches.add_pending(PENDING, now=0.0)
    launches.add_pending(replace(PENDING, state_hash="n" * 64, expires_at=300.0), now=200.0)
    assert not launches.take_pending(PENDING.state_hash)


def test_a_launch_is_kept_whole_used_parked_and_narrowed(launches: LaunchStore) -> None:
    begin(launches)
    assert launches.launch("l-1") == LAUNCH
    assert launches.launch("l-2") is None
    assert launches.session(LAUNCH.session_id) == ("l-1", b"s")
    launches.park("l-1", 5.0)
    launches.narrow("l-1", "patient/Patient.r")
    parked = replace(LAUNCH, parked_at=5.0, scope="patient/Patient.r")
    assert launches.launches() == [parked]
    launches.touch("l-1", 9.0)
    assert launches.launch("l-1") == replace(parked, parked_at=None, last_used_at=9.0)


def test_a_key_is_rotated_from_the_one_that_counts_and_once(launches: LaunchStore) -> None:
    begin(launches)
    old, new = LAUNCH.session_id, "n" * 64
    assert not launches.rotate_session("l-1", old="x" * 64, new=new, sealed=b"2")
    assert launches.rotate_session("l-1", old=old, new=new, sealed=b"2")
    assert not launches.rotate_session("l-1", old=old, new="m" * 64, sealed=b"3")
    assert (launches.session(old), launches.session(new)) == (None, ("l-1", b"2"))
    launches.replace_session(new, b"4")
    assert launches.session(new) == ("l-1", b"4")
    launches.drop_session(new)
    assert launches.session(new) is None


def test_the_end_of_a_launch_gives_its_tokens_to_one_caller(
    launches: LaunchStore, tokens: TokenStore
) -> None:
    begin(launches)
    begin(launches, replace(LAUNCH, launch_id="l-2", session_id="2" * 64))
    assert [launches.end("l-1") for _ in range(2)] == [b"t", None]
    assert (launches.launch("l-1"), tokens.get("l-1")) == (None, None)
    assert launches.session(LAUNCH.session_id) is None
    assert tokens.get("l-2") is not None


def test_a_refresh_is_claimed_by_one_and_kept_over_its_claim(
    launches: LaunchStore, tokens: TokenStore
) -> None:
    begin(launches)
    row = tokens.get("l-1")
    assert row is not None
    assert (row.sealed, row.expires_at, row.version, row.intent) == (b"t", 50.0, 0, "")
    assert tokens.claim(row, "mine", now=10.0, until=100.0)
    assert not tokens.claim(row, "other", now=10.0, until=100.0)
    assert not tokens.keep(row, "other", sealed=b"no", expires_at=1.0)
    assert tokens.keep(row, "mine", sealed=b"new", expires_at=500.0)
    kept = tokens.get("l-1")
    assert kept == replace(row, sealed=b"new", expires_at=500.0, version=1)
    # Whoever still holds the old version changes nothing.
    assert not tokens.claim(row, "late", now=10.0, until=100.0)


def test_a_claim_is_given_back_or_stays_for_good(launches: LaunchStore, tokens: TokenStore) -> None:
    begin(launches)
    row = tokens.get("l-1")
    assert row is not None
    tokens.claim(row, "a", now=10.0, until=100.0)
    tokens.release(row, "a", until=20.0)
    assert not tokens.claim(row, "b", now=19.0, until=100.0)
    assert tokens.claim(row, "b", now=20.0, until=100.0)
    tokens.lose(row, "b")
    lost = tokens.get("l-1")
    assert lost == replace(row, intent="b", lease_until=0.0)
    assert not tokens.claim(row, "c", now=1_000.0, until=2_000.0)
    assert lost is not None
    tokens.expire(lost)
    assert tokens.get("l-1") == replace(lost, expires_at=0.0)


def test_nothing_is_kept_of_a_launch_that_ended_meanwhile(
    launches: LaunchStore, tokens: TokenStore
) -> None:
    begin(launches)
    row = tokens.get("l-1")
    assert row is not None
    tokens.claim(row, "mine", now=10.0, until=100.0)
    launches.end("l-1")
    assert not tokens.keep(row, "mine", sealed=b"new", expires_at=500.0)
    assert tokens.get("l-1") is None
