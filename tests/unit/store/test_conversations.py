"""What is kept of a launch for its model: sealed, each launch its own, gone with it."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from app.settings import Secret
from app.store.conversations import Conversations
from app.store.engine import open_database, writing
from app.store.schema import digest, launch, turn
from app.store.seal import SealBroken, opaque

KEY = Secret(b"k" * 32)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    found = open_database(f"sqlite:///{tmp_path}/test.db")
    with writing(found) as db:
        for name in ("a", "b"):
            row = {"launch_id": name, "registration": "r", "session_id": name, "resume_hash": "h"}
            db.execute(insert(launch).values(**row, last_used_at=0.0, expires_at=9e9))
    return found


def test_each_launch_has_its_own_transcript_overview_and_choice(engine: Engine) -> None:
    kept = Conversations(engine, KEY)
    kept.add_turn("a", "t1", {"q": 1}, [{"kind": "user"}])
    kept.add_turn("a", "t2", {"q": 2})
    kept.choose_model("a", "site")
    kept.choose_model("a", "other")
    # A warm-up that began before the choice comes too late to change it.
    kept.begin_model("a", "first")
    assert kept.keep_digest("a", "CHART") == "CHART"
    # Two processes made one at once: the first stands, for both.
    assert kept.keep_digest("a", "CHART, later") == "CHART"
    assert (kept.transcripts("a"), kept.turns("a")) == ([[{"kind": "user"}]], [{"q": 1}, {"q": 2}])
    assert (kept.digest("a"), kept.model_choice("a")) == ("CHART", "other")
    assert (kept.transcripts("b"), kept.digest("b"), kept.model_choice("b")) == ([], None, "")
    kept.drop_digest("a")
    assert kept.digest("a") is None
    kept.forget("a")
    assert (kept.transcripts("a"), kept.turns("a"), kept.model_choice("a")) == ([], [], "")


def test_nothing_is_kept_of_an_ended_launch(engine: Engine) -> None:
    kept = Conversations(engine, KEY)
    kept.choose_model("ended", "site")
    assert kept.keep_digest("ended", "CHART") == "CHART"
    assert (kept.model_choice("ended"), kept.digest("ended")) == ("", None)


def test_a_transcript_or_an_overview_of_another_launch_does_not_open(engine: Engine) -> None:
    kept = Conversations(engine, KEY)
    kept.add_turn("a", "t1", {}, [{"kind": "user"}])
    kept.add_turn("b", "t1", {}, [{"kind": "user"}])
    kept.keep_digest("a", "CHART")
    kept.keep_digest("b", "CHART")
    for table, column in ((turn, turn.c.transcript), (digest, digest.c.sealed)):
        with writing(engine) as db:
            other = db.execute(select(column).where(table.c.launch_id == "b")).scalar_one()
            moved = {column.name: other}
            db.execute(update(table).where(table.c.launch_id == "a").values(**moved))
    with pytest.raises(SealBroken):
        kept.transcripts("a")
    with pytest.raises(SealBroken):
        kept.digest("a")


def test_a_provider_learns_a_name_that_says_nothing() -> None:
    name = opaque(KEY, "provider-session", "launch-a")
    assert name == opaque(KEY, "provider-session", "launch-a")
    others = {
        opaque(KEY, "provider-session", "launch-b"),
        opaque(KEY, "other", "launch-a"),
        opaque(Secret(b"n" * 32), "provider-session", "launch-a"),
    }
    assert name not in others
    assert len(others) == 3
