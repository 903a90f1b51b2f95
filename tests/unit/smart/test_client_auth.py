from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from app.errors import ConfigurationError
from app.settings import Secret
from app.smart.client_auth import ASSERTION_TYPE, ClientAuth
from app.smart.keys import Keyring
from app.smart.registration import Registration
from app.smart.registry import load_registry
from app.store.engine import open_database
from app.store.keys import KeyRows
from tests.requirements import requirement
from tests.unit.smart.test_registry import GOOD, ORIGIN

TOKEN = "https://fhir.mercy.example/token"
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SECRET = "p:ä s%word"


def keyring(tmp_path: Path, key: bytes = b"k" * 32) -> Keyring:
    rows = KeyRows(open_database(f"sqlite:///{tmp_path}/keys.db"))
    return Keyring(rows, Secret(key), lambda: NOW)


def registration(tmp_path: Path, client: str, more: str = "") -> Registration:
    (tmp_path / "a.toml").write_text(GOOD.replace('auth = "public"', client) + more)
    found = load_registry(tmp_path, origin=ORIGIN, production=True).get("mercy")
    assert found is not None
    return found


def client_auth(tmp_path: Path, **variables: str) -> ClientAuth:
    secrets = {name: Secret(value.encode()) for name, value in variables.items()}
    return ClientAuth(secrets, keyring(tmp_path), lambda: NOW)


def jwt_client(alg: str, more: str = "") -> str:
    return f'auth = "private_key_jwt"\nalg = "{alg}"\n{more}'


@requirement("smart:client:asymmetric", "smart:client:algorithms", "attack-26")
@pytest.mark.parametrize("alg", ["RS384", "ES384"])
def test_an_assertion_has_the_form_that_the_specification_asks(tmp_path: Path, alg: str) -> None:
    found = registration(tmp_path, jwt_client(alg))
    auth = client_auth(tmp_path)
    keys = keyring(tmp_path)
    auth.check([found])
    first, second = (auth.prove(found, TOKEN) for _ in range(2))
    assert first.basic is None
    assert first.form.keys() == {"client_assertion_type", "client_assertion"}
    assert first.form["client_assertion_type"] == ASSERTION_TYPE
    published = KeySet.import_key_set(keys.published())  # type: ignore[arg-type]  # as read back
    decoded = [
        jwt.decode(p.form["client_assertion"], published, algorithms=[alg]) for p in (first, second)
    ]
    assert decoded[0].header == {"alg": alg, "kid": published.keys[0].kid, "typ": "JWT"}
    claims: list[dict[str, Any]] = [dict(one.claims) for one in decoded]
    ids = [one.pop("jti") for one in claims]
    assert ids[0] != ids[1]
    assert claims[0] == claims[1]
    issued, expires = claims[0].pop("iat"), claims[0].pop("exp")
    assert claims[0] == {"iss": "abc", "sub": "abc", "aud": TOKEN}
    assert (issued, 0 < expires - issued <= 300) == (int(NOW.timestamp()), True)


@requirement("smart:client:one-way", "smart:client:symmetric")
def test_each_kind_of_client_proves_itself_in_its_way_only(tmp_path: Path) -> None:
    auth = client_auth(tmp_path, MERCY_SECRET=SECRET)
    named = 'secret_env = "MERCY_SECRET"'
    public = auth.prove(registration(tmp_path, 'auth = "public"'), TOKEN)
    assert (public.form, public.basic) == ({"client_id": "abc"}, None)
    basic = auth.prove(registration(tmp_path, f'auth = "client_secret_basic"\n{named}'), TOKEN)
    # RFC 6749 2.3.1: form-encoded before it becomes a password.
    assert (basic.form, basic.basic) == ({}, ("abc", "p%3A%C3%A4+s%25word"))
    post = auth.prove(registration(tmp_path, f'auth = "client_secret_post"\n{named}'), TOKEN)
    assert post.form == {"client_id": "abc", "client_secret": SECRET}
    assert SECRET not in repr((basic, post))


def test_an_ehr_that_wants_the_client_id_gets_it(tmp_path: Path) -> None:
    auth = client_auth(tmp_path, MERCY_SECRET=SECRET)
    quirk = "\n[quirks]\nclient_id_in_body = true\n"
    secret = 'auth = "client_secret_basic"\nsecret_env = "MERCY_SECRET"'
    assert auth.prove(registration(tmp_path, secret, quirk), TOKEN).form == {"client_id": "abc"}
    signed = auth.prove(registration(tmp_path, jwt_client("ES384"), quirk), TOKEN)
    assert signed.form["client_id"] == "abc"


@requirement("smart:client:fail-closed", "smart:protect:no-embedded-secret")
@pytest.mark.parametrize(
    ("client", "named"),
    [
        ('auth = "client_secret_basic"', "client.secret_env"),
        ('auth = "public"\nsecret_env = "X"', "client.secret_env"),
        ('auth = "private_key_jwt"', "client.alg"),
        ('auth = "private_key_jwt"\nalg = "RS256"', "alg"),
        ('auth = "public"\nalg = "ES384"', "client.alg"),
        ('auth = "public"\nkey = "kid"', "client.key"),
        ('auth = "none"', "auth"),
        ('auth = "public"\nsecret = "in the file"', "secret"),
    ],
)
def test_a_client_that_makes_no_sense_stops_the_start(
    tmp_path: Path, client: str, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        registration(tmp_path, client)


@requirement("smart:client:fail-closed")
@pytest.mark.parametrize(
    ("client", "more", "named"),
    [
        (
            'auth = "client_secret_post"\nsecret_env = "NOT_SET"',
            "",
            "mercy: client.secret_env: NOT_SET",
        ),
        (jwt_client("ES384", 'key = "gone"'), "", "mercy: client.key: no key gone"),
        (
            'auth = "public"',
            '[backend]\nid = "b"\nalg = "ES384"\nkey = "gone"\nscopes = ["system/*.rs"]',
            "mercy: backend.key: no key gone",
        ),
    ],
)
def test_a_missing_secret_or_key_stops_the_start_by_name(
    tmp_path: Path, client: str, more: str, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        client_auth(tmp_path).check([registration(tmp_path, client, more)])


@requirement("smart:client:fail-closed")
def test_keys_of_another_sealing_key_stop_the_start(tmp_path: Path) -> None:
    keyring(tmp_path, b"o" * 32).signing("ES384")
    with pytest.raises(ConfigurationError, match=r"client\.key: sealed with another"):
        client_auth(tmp_path).check([registration(tmp_path, jwt_client("ES384"))])


def test_a_named_key_signs_whatever_else_is_in_the_ring(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    kid = str(ring.signing("ES384").kid)
    ring.rotate("ES384")
    auth = client_auth(tmp_path)
    found = registration(tmp_path, jwt_client("ES384", f'key = "{kid}"'))
    auth.check([found])
    header = jwt.decode(
        auth.prove(found, TOKEN).form["client_assertion"], ring.signing("ES384", kid), ["ES384"]
    ).header
    assert header["kid"] == kid
