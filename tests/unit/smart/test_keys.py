import base64
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import cli
from app.settings import Secret
from app.smart.keys import CACHE_S, OVERLAP_S, Keyring
from app.store.engine import open_database
from app.store.keys import KeyRows
from app.store.seal import SealBroken
from tests.requirements import requirement

SECRET = Secret(b"k" * 32)


class Time:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def ring(tmp_path: Path, time: Time) -> Keyring:
    """Return a ring as another process opens it."""
    return Keyring(KeyRows(open_database(f"sqlite:///{tmp_path}/keys.db")), SECRET, time)


def kids(keyring: Keyring) -> list[str]:
    return [key["kid"] for key in keyring.published()["keys"]]


@requirement("smart:client:key-rotation", "attack-27")
def test_a_new_key_is_published_before_it_signs_and_the_old_one_stays_a_day(
    tmp_path: Path,
) -> None:
    time = Time()
    keyring = ring(tmp_path, time)
    old = str(keyring.signing("ES384").kid)
    new = keyring.rotate("ES384").kid
    assert kids(keyring) == [old, new]
    # Whoever read the key set just before the rotation may keep it for CACHE_S: until then the old key signs.
    time.now += timedelta(seconds=CACHE_S)
    assert keyring.signing("ES384").kid == old
    assert [key.state for key in keyring.states()] == ["signing", "waiting"]
    time.now += timedelta(minutes=5)
    assert keyring.signing("ES384").kid == new
    assert [key.state for key in keyring.states()] == ["leaving", "signing"]
    time.now += timedelta(seconds=OVERLAP_S - 1)
    assert kids(keyring) == [old, new]
    time.now += timedelta(seconds=1)
    assert kids(keyring) == [new]


def test_a_second_rotation_in_a_row_leaves_every_key_its_time(tmp_path: Path) -> None:
    time = Time()
    keyring = ring(tmp_path, time)
    first = keyring.signing("ES384").kid
    second = keyring.rotate("ES384").kid
    time.now += timedelta(minutes=30)
    third = keyring.rotate("ES384").kid
    assert kids(keyring) == [first, second, third]
    time.now += timedelta(seconds=CACHE_S - 600)
    assert keyring.signing("ES384").kid in (first, second)
    time.now += timedelta(seconds=CACHE_S)
    assert keyring.signing("ES384").kid == third


@requirement("smart:client:jwks", "attack-27")
def test_what_is_published_has_no_private_part(tmp_path: Path) -> None:
    keyring = ring(tmp_path, Time())
    keyring.signing("ES384")
    keyring.signing("RS384")
    fields = [set(key) for key in keyring.published()["keys"]]
    assert fields == [
        {"kty", "kid", "alg", "use", "crv", "x", "y"},
        {"kty", "kid", "alg", "use", "n", "e"},
    ]


@requirement("smart:client:private-keys")
def test_every_process_signs_with_the_same_keys_and_the_database_shows_none(
    tmp_path: Path,
) -> None:
    time = Time()
    first, second = ring(tmp_path, time), ring(tmp_path, time)
    key = first.signing("ES384")
    assert second.signing("ES384").as_dict(private=True) == key.as_dict(private=True)
    private = str(key.as_dict(private=True)["d"])
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("keys.db*"))
    assert private.encode() not in raw


@requirement("smart:client:private-keys")
def test_a_key_in_anothers_place_does_not_open(tmp_path: Path) -> None:
    keyring = ring(tmp_path, Time())
    keyring.signing("ES384")
    keyring.rotate("ES384")
    with closing(sqlite3.connect(tmp_path / "keys.db", isolation_level=None)) as database:
        database.execute("UPDATE signing_key SET sealed = (SELECT sealed FROM signing_key LIMIT 1)")
    with pytest.raises(SealBroken):
        keyring.published()


def test_the_command_lists_and_rotates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARTSIDE_ORIGIN", "https://chartside.example")
    monkeypatch.setenv("CHARTSIDE_DATABASE_URL", f"sqlite:///{tmp_path}/keys.db")
    monkeypatch.setenv("CHARTSIDE_SECRET_KEY", base64.urlsafe_b64encode(b"k" * 32).decode())
    assert cli.main(["keys", "list"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["keys", "rotate", "--alg", "ES384"]) == 0
    assert cli.main(["keys", "rotate"]) == 0
    states = [line.split()[2] for line in capsys.readouterr().out.splitlines()]
    assert states == ["signing", "signing", "waiting"]
    monkeypatch.setenv("CHARTSIDE_SECRET_KEY", "short")
    assert cli.main(["keys", "list"]) == 2
    assert "CHARTSIDE_SECRET_KEY" in capsys.readouterr().err
