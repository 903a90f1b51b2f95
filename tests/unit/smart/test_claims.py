"""Real processes at one database file: a refresh is claimed by one of them."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import insert

from app.store.engine import open_database, writing
from app.store.schema import token
from app.store.tokens import TokenRows
from tests.requirements import requirement

PROGRAM = """
import sys
from app.store.engine import open_database
from app.store.tokens import TokenRows
rows = TokenRows(open_database(sys.argv[1]))
row = rows.get("l-1")
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(str(rows.claim(row, sys.argv[2], now=100.0, until=190.0)))
"""


@requirement("attack-24", "smart:refresh:once")
def test_of_several_processes_one_claims_a_refresh(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chartside.db"
    engine = open_database(url)
    with writing(engine) as db:
        row = {"launch_id": "l-1", "sealed": b"x", "expires_at": 100.0, "version": 3}
        db.execute(insert(token).values(**row, intent="", lease_until=0.0))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, f"process-{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed = [process.communicate(timeout=60)[0] for process in processes]
    assert sorted(claimed) == ["False", "False", "True"]
    kept = TokenRows(engine).get("l-1")
    assert kept is not None
    assert kept.intent == f"process-{claimed.index('True')}"


def test_a_claim_is_settled_by_its_owner_only(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/chartside.db")
    rows = TokenRows(engine)
    with writing(engine) as db:
        row = {"launch_id": "l-1", "sealed": b"x", "expires_at": 100.0, "version": 0}
        db.execute(insert(token).values(**row, intent="", lease_until=0.0))
    first = rows.get("l-1")
    assert first is not None
    assert rows.claim(first, "a", now=100.0, until=190.0)
    assert not rows.claim(first, "b", now=500.0, until=590.0)
    assert not rows.keep(first, "b", sealed=b"b", expires_at=900.0)
    assert rows.keep(first, "a", sealed=b"a", expires_at=900.0)
    assert not rows.claim(first, "b", now=500.0, until=590.0)
    second = rows.get("l-1")
    assert second is not None
    assert (second.version, second.sealed, second.intent) == (1, b"a", "")
