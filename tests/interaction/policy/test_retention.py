"""`[retention]`: turns and audit rows stay for the days of the site, and what stays of the chain can still be proved."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from app.agent.retention import Purged, Retention
from app.errors import AuditFailed
from app.smart.registration import Fhir
from app.smart.registration import Retention as RetentionTable
from app.smart.registry import Registry
from app.store.engine import open_database, reading, writing
from app.store.schema import audit_anchor, digest, kept, ledger, model_choice, turn
from tests.databases import unguarded
from tests.interaction.policy.it import it
from tests.stack import ISS, Launched, Stack, make_stack, registered


def begin(tmp_path: Path, table: str = "") -> Stack:
    return make_stack(tmp_path, launch_config=registered(tmp_path, more=f"[retention]\n{table}"))


def asked(stack: Stack) -> Launched:
    launched = stack.browser().launch()
    launched.get("/card")
    launched.ask("Any allergies?")
    return launched


def rows(stack: Stack) -> dict[str, int]:
    """Count what is kept of conversations."""
    with reading(open_database(stack.services.settings.database_url)) as db:
        return {
            table.name: len(db.execute(select(table)).all())
            for table in (turn, ledger, digest, model_choice, kept)
        }


NOTHING = {"turn": 0, "ledger": 0, "digest": 0, "model_choice": 0, "kept": 0}


def test_without_days_turns_end_with_their_launch_and_no_audit_row_ever_goes(
    tmp_path: Path,
) -> None:
    stack = begin(tmp_path)
    asked(stack).delete()
    assert rows(stack) == NOTHING
    written = stack.services.audit.events()
    stack.clock.forward(days=4_000)
    assert stack.services.retention.purge() == Purged(launches=0, audit_rows=0)
    assert stack.services.audit.events() == written


def test_turns_stay_sealed_for_their_days_and_no_address_gives_them_out(tmp_path: Path) -> None:
    stack = begin(tmp_path, "turn_days = 30")
    launched = asked(stack)
    launched.delete()
    assert rows(stack) == {**NOTHING, "turn": 1, "ledger": 1, "kept": 1}
    assert launched.get().status_code == 401
    with reading(open_database(stack.services.settings.database_url)) as db:
        sealed = db.execute(select(turn.c.sealed, turn.c.transcript)).one()
    assert (b"allerg" in sealed.sealed, sealed.transcript) == (False, None)
    stack.clock.forward(days=30)
    assert stack.services.retention.purge().launches == 0
    stack.clock.forward(days=1)
    assert stack.services.retention.purge().launches == 1
    assert rows(stack) == NOTHING
    last = stack.services.audit.events()[-1]
    assert (last.kind, last.detail) == ("purge", '{"launches":1,"of":"turns"}')
    assert stack.services.retention.purge().launches == 0


def test_a_launch_past_its_limits_leaves_its_turns_too(tmp_path: Path) -> None:
    stack = begin(tmp_path, "turn_days = 1")
    asked(stack)
    stack.clock.forward(hours=9)
    stack.services.sessions.sweep()
    assert rows(stack)["turn"] == 1
    stack.clock.forward(days=2)
    assert stack.services.retention.purge().launches == 1


def test_what_a_process_that_died_left_behind_goes_within_two_days(tmp_path: Path) -> None:
    stack = begin(tmp_path)
    launched = asked(stack)
    # The launch is gone; nobody came to forget what belongs to it.
    stack.services.rows.end(launched.launch_id)
    assert stack.services.retention.purge().launches == 0
    assert rows(stack)["turn"] == 1
    stack.clock.forward(days=2)
    assert stack.services.retention.purge().launches == 1
    assert rows(stack) == NOTHING


def aged(tmp_path: Path) -> tuple[Stack, int]:
    """Return a site with a day's audit that is over, and today's; and how many rows were written before today."""
    stack = begin(tmp_path, "audit_days = 365")
    asked(stack).delete()
    old = len(stack.services.audit.events())
    stack.clock.forward(days=367)
    asked(stack).delete()
    return stack, old


def test_a_purged_audit_begins_at_its_anchor_and_is_proved_from_there(tmp_path: Path) -> None:
    stack, old = aged(tmp_path)
    log, last = stack.services.audit, stack.services.audit.events()[old - 1]
    today = log.events()[old:]
    assert stack.services.retention.purge() == Purged(launches=0, audit_rows=old)
    found = log.events()
    assert found[:-1] == today
    assert (found[-1].kind, found[-1].detail) == (
        "purge",
        f'{{"digest":"{last.digest}","of":"audit","rows":{old},"through":{old}}}',
    )
    with reading(open_database(stack.services.settings.database_url)) as db:
        anchor = db.execute(select(audit_anchor)).one()
    assert (anchor.position, anchor.digest) == (old, last.digest)
    assert log.verify() is None
    # Once a day, and the chain goes on.
    assert stack.services.retention.purge().audit_rows == 0
    asked(stack).delete()
    assert log.verify() is None
    stack.clock.forward(days=367)
    stack.services.retention.purge()
    assert [event.kind for event in log.events()] == ["purge"]
    assert log.verify() is None


def test_a_chain_that_is_broken_is_not_purged_and_says_where(tmp_path: Path) -> None:
    stack, _ = aged(tmp_path)
    unguarded(stack.services.settings.database_url, "UPDATE")
    with writing(open_database(stack.services.settings.database_url)) as db:
        db.execute(text("UPDATE audit SET detail = '{}' WHERE position = 2"))
    before = stack.services.audit.events()
    with pytest.raises(AuditFailed, match="row 2 breaks the chain"):
        stack.services.retention.purge()
    assert stack.services.audit.events() == before
    assert stack.services.audit.verify() == 2


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM audit WHERE position > (SELECT MAX(position) FROM audit_anchor)", "audit is"),
        ("DELETE FROM audit_anchor", "audit_anchor is append-only"),
        ("UPDATE audit_anchor SET digest = ''", "audit_anchor is append-only"),
        ("INSERT INTO audit_anchor VALUES (99999, 'x', '')", "names no row"),
    ],
)
def test_the_database_lets_nothing_go_that_no_anchor_covers(
    tmp_path: Path, statement: str, said: str
) -> None:
    stack, _ = aged(tmp_path)
    stack.services.retention.purge()
    with (
        pytest.raises(DatabaseError, match=said),
        writing(open_database(stack.services.settings.database_url)) as db,
    ):
        db.execute(text(statement))
    assert stack.services.audit.verify() is None


def test_a_row_taken_away_behind_the_anchor_is_found(tmp_path: Path) -> None:
    stack, old = aged(tmp_path)
    stack.services.retention.purge()
    unguarded(stack.services.settings.database_url, "DELETE")
    with writing(open_database(stack.services.settings.database_url)) as db:
        db.execute(text(f"DELETE FROM audit WHERE position = {old + 1}"))
    assert stack.services.audit.verify() == old + 2


def test_it_purges_by_a_command_that_says_what_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack, old = aged(tmp_path)
    assert it(stack, "purge") == 0
    said = f"Removed: turns of 0 launches, {old} audit rows.\nThe audit chain is whole.\n"
    assert capsys.readouterr().out == said
    unguarded(stack.services.settings.database_url, "UPDATE")
    with writing(open_database(stack.services.settings.database_url)) as db:
        db.execute(text(f"UPDATE audit SET kind = 'x' WHERE position = {old + 3}"))
    assert it(stack, "purge") == 1
    assert f"The audit chain breaks at row {old + 3}.\n" in capsys.readouterr().out


def test_the_longest_time_counts_for_the_one_chain_and_none_keeps_all_of_it(tmp_path: Path) -> None:
    stack, old = aged(tmp_path)
    (ours,) = stack.services.registry.all()
    conversations, log = stack.services.conversations, stack.services.audit

    def purged(*days: int) -> int:
        tables = [RetentionTable(audit_days=one) for one in days]
        several = Registry(
            replace(ours, slug=f"s{n}", fhir=Fhir(iss=(f"{ISS}/{n}",)), retention=one)
            for n, one in enumerate(tables)
        )
        return Retention(conversations, log, several, stack.clock).purge().audit_rows

    assert [purged(365, 0), purged(365, 400), purged(), purged(365, 366)] == [0, 0, 0, old]
