"""`ConversationStore`, `KeyStore`, `SwitchStore` and the audit log: what is kept, for whom, and how long."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import DatabaseError

from app.audit.log import AuditLog, Who
from app.settings import Secret
from app.store.conversations import Conversations
from app.store.engine import writing
from app.store.keys import KeyRow, KeyRows
from app.store.launches import LaunchRows
from app.store.ports import ConversationStore, KeyStore, SwitchStore
from app.store.schema import audit as audit_table
from app.store.switches import SwitchRow, SwitchRows
from tests.contract.store.test_launches import begin

KEY = KeyRow(kid="a", alg="ES384", sealed=b"1", made_at=1.0, signs_at=1.0, withdrawn_at=None)
OFF = SwitchRow(kind="model", name="a", reason="Drill", at=1.0)


@pytest.fixture
def conversations(engine: Engine) -> ConversationStore:
    begin(LaunchRows(engine))
    return Conversations(engine, Secret(b"k" * 32))


def test_turns_come_back_in_order_and_only_those_that_left_something_are_told_a_model(
    conversations: ConversationStore,
) -> None:
    conversations.add_turn("l-1", "t-1", {"n": 1})
    conversations.add_turn("l-1", "t-2", {"n": 2}, [{"kind": "user"}])
    assert conversations.turns("l-1") == [{"n": 1}, {"n": 2}]
    assert conversations.transcripts("l-1") == [[{"kind": "user"}]]
    assert conversations.has_turn("l-1", "t-2")
    assert not conversations.has_turn("l-2", "t-2")


def test_of_two_overviews_and_two_beginnings_the_first_stands(
    conversations: ConversationStore,
) -> None:
    assert conversations.digest("l-1") is None
    assert [conversations.keep_digest("l-1", text) for text in ("one", "two")] == ["one", "one"]
    conversations.drop_digest("l-1")
    assert conversations.keep_digest("l-1", "three") == "three"
    conversations.begin_model("l-1", "a")
    conversations.begin_model("l-1", "b")
    assert conversations.model_choice("l-1") == "a"
    conversations.choose_model("l-1", "b")
    assert conversations.model_choice("l-1") == "b"


def test_all_of_a_launch_is_forgotten_with_it_and_nothing_is_kept_after(
    conversations: ConversationStore, engine: Engine
) -> None:
    conversations.add_turn("l-1", "t-1", {"n": 1})
    assert conversations.keep_ledger("l-1", {"a": 1})
    assert conversations.keep_ledger("l-1", {"a": 2})
    assert conversations.ledger("l-1") == {"a": 2}
    LaunchRows(engine).end("l-1")
    conversations.forget("l-1")
    conversations.add_turn("l-1", "t-2", {"n": 2})
    assert not conversations.keep_ledger("l-1", {"a": 3})
    assert (conversations.turns("l-1"), conversations.ledger("l-1")) == ([], None)
    assert conversations.model_choice("l-1") == ""


def test_what_an_ended_launch_left_is_not_written_over(
    conversations: ConversationStore, engine: Engine
) -> None:
    assert conversations.keep_ledger("l-1", {"a": 1})
    LaunchRows(engine).end("l-1")
    assert not conversations.keep_ledger("l-1", {"a": 2})
    assert conversations.ledger("l-1") == {"a": 1}
    conversations.begin_model("l-1", "a")
    assert conversations.model_choice("l-1") == ""


def test_a_first_key_is_one_and_a_new_one_plans_the_end_of_the_others(engine: Engine) -> None:
    keys: KeyStore = KeyRows(engine)
    second, other = replace(KEY, kid="b", made_at=2.0), replace(KEY, kid="c", alg="RS384")
    assert keys.add_first(KEY)
    assert not keys.add_first(second)
    assert keys.add_first(other)
    keys.add(second, withdraw_others_at=9.0)
    assert {row.kid: row.withdrawn_at for row in keys.all()} == {"a": 9.0, "b": None, "c": None}
    keys.drop_withdrawn(9.0)
    assert {row.kid for row in keys.all()} == {"b", "c"}


def test_a_switch_is_off_until_it_is_dropped_with_its_last_reason(engine: Engine) -> None:
    switches: SwitchStore = SwitchRows(engine)
    everything = SwitchRow(kind="all", name="", reason="Drill", at=0.5)
    switches.put(OFF)
    switches.put(replace(OFF, reason="Changed tonight", at=2.0))
    switches.put(everything)
    assert switches.all() == [everything, replace(OFF, reason="Changed tonight", at=2.0)]
    assert [switches.drop("model", "a") for _ in range(2)] == [True, False]
    assert switches.all() == [everything]


def test_the_audit_chain_is_whole_whoever_writes_at_once_and_refuses_every_change(
    engine: Engine,
) -> None:
    log = AuditLog(engine, lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def write(name: str) -> None:
        for _ in range(5):
            log.record("read", Who(launch_id=name), {"type": "Patient"})

    threads = [threading.Thread(target=write, args=(f"l-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.position for event in log.events()] == list(range(1, 21))
    assert len(log.events("l-2")) == 5
    assert log.verify() is None
    for change in (update(audit_table).values(kind="x"), delete(audit_table)):
        with pytest.raises(DatabaseError), writing(engine) as db:
            db.execute(change)
    assert log.verify() is None
