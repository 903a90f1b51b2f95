"""Every kind of client at an EHR that accepts each in its registered way only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import EhrRefused
from sandbox.clients import Client, chartside_client
from tests.requirements import requirement
from tests.stack import APP, ISS, WITHOUT_BACKEND, Launched, Stack, make_stack, registered

SECRET = "a secret: with % and ü"
PUBLIC = ('id = "chartside-sandbox"\nauth = "public"', 'id = "chartside-{kind}"\n{auth}')
KINDS = {
    "client_secret_basic": 'auth = "client_secret_basic"\nsecret_env = "EHR_SECRET"',
    "client_secret_post": 'auth = "client_secret_post"\nsecret_env = "EHR_SECRET"',
    "RS384": 'auth = "private_key_jwt"\nalg = "RS384"',
    "ES384": 'auth = "private_key_jwt"\nalg = "ES384"',
}
BACKEND = """
[backend]
id = "chartside-backend"
alg = "ES384"
scopes = ["system/Patient.rs", "system/Observation.rs"]
"""


def client_of(kind: str, **more: Any) -> Client:
    """Return the EHR's registration of a confidential Chartside."""
    public = chartside_client(f"{APP}/smart/sandbox/launch")
    return Client(
        client_id=f"chartside-{kind}",
        name="Chartside",
        launch_url=public.launch_url,
        redirect_uris=public.redirect_uris,
        scopes=public.scopes,
        authentication="private_key_jwt" if kind.endswith("384") else kind,  # type: ignore[arg-type]  # parametrised
        secret="" if kind.endswith("384") else SECRET,
        jwks_url=f"{APP}/.well-known/jwks.json",
        **more,
    )


def stack_of(folder: Path, kind: str, *, quirk: str = "", **more: Any) -> Stack:
    auth = (PUBLIC[0], f'id = "chartside-{kind}"\n{KINDS[kind]}')
    return make_stack(
        folder,
        launch_config=registered(folder, auth, more=quirk),
        variables={"EHR_SECRET": SECRET},
        extra_clients=(client_of(kind, **more),),
        access_token_lifetime_s=570,
    )


def launched_at(stack: Stack, kind: str) -> Launched:
    return stack.browser().launch(client_id=f"chartside-{kind}")


def forms(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Return a list that gets the names of the fields of every form that leaves the copilot."""
    sent: list[set[str]] = []
    boundary = stack.services.boundaries["sandbox"]
    post: Callable[..., Any] = boundary.post_form

    def noted(url: str, data: dict[str, str], *more: Any) -> Any:
        sent.append(set(data))
        return post(url, data, *more)

    monkeypatch.setattr(boundary, "post_form", noted)
    return sent


@requirement(
    "smart:client:one-way",
    "smart:client:symmetric",
    "smart:client:asymmetric",
    "smart:client:algorithms",
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_confidential_client_launches_refreshes_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    stack = stack_of(tmp_path, kind)
    sent = forms(stack, monkeypatch)
    launched = launched_at(stack, kind)
    assert launched.get().get_json()["patient"]["family"] == "EVERGREEN"
    stack.clock.forward(seconds=570)
    assert launched.get("/card").status_code == 200
    token = stack.services.sessions.bearer(launched.launch_id)
    launched.delete()
    stack.services.smart.revoker.wait()
    # Four requests, each proved anew: code, refresh, and both revocations.
    assert len(sent) == 4
    assert stack.state.access_tokens.find(token, stack.clock()) is None
    if kind != "client_secret_post":
        assert not any("client_id" in fields for fields in sent)


@pytest.mark.parametrize("kind", ["client_secret_basic", "ES384"])
def test_an_ehr_that_demands_the_client_id_is_given_it(tmp_path: Path, kind: str) -> None:
    quirk = "[quirks]\nclient_id_in_body = true"
    stack = stack_of(tmp_path, kind, quirk=quirk, client_id_in_body=True)
    assert launched_at(stack, kind).get().status_code == 200


def test_a_wrong_secret_opens_no_session(tmp_path: Path) -> None:
    kind = "client_secret_basic"
    stack = make_stack(
        tmp_path,
        launch_config=registered(tmp_path, (PUBLIC[0], f'id = "chartside-{kind}"\n{KINDS[kind]}')),
        variables={"EHR_SECRET": "another"},
        extra_clients=(client_of(kind),),
    )
    browser = stack.browser()
    page = browser.launch_page(client_id=f"chartside-{kind}")
    refused = browser.complete(browser.authorize(page["authorize"]))
    assert refused.get_json()["code"] == "launch.token_refused"
    assert "another" not in refused.text


@requirement("smart:client:jwks", "attack-27")
def test_the_key_set_is_open_to_cache_and_without_secrets(tmp_path: Path) -> None:
    stack = stack_of(tmp_path, "ES384")
    response = stack.app.test_client().get("/.well-known/jwks.json", base_url=APP)
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    [key] = response.get_json()["keys"]
    assert (key["kty"], bool(key["kid"]), "d" in key) == ("EC", True, False)


@requirement("smart:client:key-rotation", "attack-27")
def test_a_rotation_fails_at_no_ehr_that_keeps_the_key_set_as_long_as_it_may(
    tmp_path: Path,
) -> None:
    stack = stack_of(tmp_path, "ES384")
    keyring = stack.services.smart.keyring
    assert launched_at(stack, "ES384").get().status_code == 200
    before = keyring.signing("ES384").kid
    stack.clock.forward(minutes=1)
    keyring.rotate("ES384")
    used = set()
    for _ in range(9):
        stack.clock.forward(minutes=15)
        used.add(keyring.signing("ES384").kid)
        assert launched_at(stack, "ES384").get().status_code == 200
    assert len(used) == 2
    assert before in used


# ------------------------------------------------------------ Backend Services


@pytest.fixture
def backend(tmp_path: Path) -> Stack:
    client = client_of("ES384", system_scopes=("system/Patient.rs",))
    ours = Client(**{**vars(client), "client_id": "chartside-backend"})
    return make_stack(
        tmp_path, launch_config=registered(tmp_path, more=BACKEND), extra_clients=(ours,)
    )


@requirement("smart:backend")
def test_a_backend_token_is_kept_until_it_expires_then_asked_for_again(backend: Stack) -> None:
    registration = backend.services.registry.get("sandbox")
    assert registration is not None
    tokens = backend.services.smart.backend
    first = tokens.get(registration, ISS)
    # Fewer scopes than asked for were granted, and that is what counts.
    assert first.scope == "system/Patient.rs"
    backend.clock.forward(seconds=260)
    assert tokens.get(registration, ISS) is first
    backend.clock.forward(seconds=15)
    second = tokens.get(registration, ISS)
    third = tokens.get(registration, ISS, refused=second.access_token)
    assert len({one.access_token for one in (first, second, third)}) == 3
    assert len(backend.state.wire.entries("/auth/token")) == 3
    assert first.access_token not in repr(first)


@requirement("smart:backend")
def test_a_registration_without_a_backend_and_an_ehr_that_refuses_give_none(
    backend: Stack, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    plain = make_stack(other, launch_config=registered(other, *WITHOUT_BACKEND))
    registration = plain.services.registry.get("sandbox")
    assert registration is not None
    with pytest.raises(EhrRefused):
        plain.services.smart.backend.get(registration, ISS)
    unknown = tmp_path / "unknown"
    unknown.mkdir()
    stranger = BACKEND.replace("chartside-backend", "nobody")
    refusing = make_stack(unknown, launch_config=registered(unknown, more=stranger))
    registration = refusing.services.registry.get("sandbox")
    assert registration is not None
    with pytest.raises(EhrRefused):
        refusing.services.smart.backend.get(registration, ISS)


def test_system_scopes_only(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"backend\.scopes"):
        make_stack(
            tmp_path,
            launch_config=registered(
                tmp_path, more=BACKEND.replace("system/Patient", "patient/Patient")
            ),
        )
