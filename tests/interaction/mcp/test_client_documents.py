"""Clients that name themselves by a document (CIMD): from a registered host, read with care, or not at all."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpcore2
import pytest

from app.boundary import Boundary
from app.errors import EhrUnavailable
from app.mcp.clients import is_redirect
from tests.interaction.mcp.sign_in import ASKED, redeemed, told
from tests.interaction.mcp.signing_in import LOCAL, sign_in_stack, user
from tests.interaction.mcp.test_sign_in import asks
from tests.requirements import requirement
from tests.stack import APP, Stack

HOST = "apps.desk.example"
CLIENT = f"https://{HOST}/copilot/client.json"
TABLE = f'[[mcp_server.client]]\nhost = "desk-copilot"\nname = "Desk copilot"\ndocuments = "{HOST}"'
GOOD = {"client_id": CLIENT, "client_name": "Anything", "redirect_uris": ["http://127.0.0.1/callback"]}  # fmt: skip
Answer = tuple[str, list[tuple[str, str]], bytes]


@dataclass
class Desk:
    """The documents' host beside the EHR: what it answers, and what it was asked."""

    answer: Answer = ("404 Not Found", [], b"")
    asked: list[str] = field(default_factory=list)

    def between(self, ehr: WSGIApplication) -> WSGIApplication:
        def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            if environ["HTTP_HOST"] != HOST:
                return ehr(environ, start)
            self.asked.append(environ["PATH_INFO"])
            status, headers, body = self.answer
            start(status, headers)
            return [body]

        return app


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, Desk]:
    desk = Desk()
    folder = tmp_path_factory.mktemp("documents")
    return sign_in_stack(folder, TABLE, between=desk.between), desk


def document(client_id: str = CLIENT, **changes: Any) -> Answer:
    body = json.dumps({**GOOD, "client_id": client_id, **changes}).encode()
    return "200 OK", [("Content-Type", "application/json")], body


@requirement("oauth:documents", "oauth:client")
def test_a_client_names_itself_by_its_document(both: tuple[Stack, Desk]) -> None:
    stack, desk = both
    desk.answer, desk.asked[:] = document(), []
    person = user(stack)
    page = person.sign_in(f"{APP}/oauth/authorize?{urlencode({**ASKED, 'client_id': CLIENT})}")
    # Its own words about itself prove nothing; the host does.
    assert f"proved by {HOST}" in page.text
    assert f"<dt>Its address</dt><dd><bdi>{CLIENT}</bdi></dd>" in page.text
    assert "Anything" not in page.text
    code = told(person.decide(page))["code"]
    assert redeemed(stack, code, client_id=CLIENT).status_code == 200
    assert desk.asked == ["/copilot/client.json"]
    metadata = stack.app.test_client().get("/.well-known/oauth-authorization-server", base_url=APP)
    assert metadata.get_json()["client_id_metadata_document_supported"] is True


BAD: dict[str, Callable[[str], Answer]] = {
    "other": lambda _: document(f"https://{HOST}/another.json"),
    "foreign": lambda it: document(it, redirect_uris=["https://evil.example/callback"]),
    "script": lambda it: document(it, redirect_uris=[LOCAL, "javascript:alert(1)"]),
    "empty": lambda it: document(it, redirect_uris=[]),
    "secret": lambda it: document(it, token_endpoint_auth_method="client_secret_post"),
    "long": lambda it: document(it, padding="x" * 20_000),
    "moved": lambda _: ("302 Found", [("Location", f"https://{HOST}/copilot/client.json")], b""),
    "gone": lambda _: ("404 Not Found", [], b"{}"),
    "page": lambda _: ("200 OK", [("Content-Type", "text/html")], b"<html>"),
}


@requirement("oauth:documents")
@pytest.mark.parametrize("case", list(BAD))
def test_a_document_that_does_not_hold_makes_no_client(both: tuple[Stack, Desk], case: str) -> None:
    stack, desk = both
    client_id = f"https://{HOST}/{case}.json"
    desk.answer, desk.asked[:] = BAD[case](client_id), []
    for _ in range(2):
        refused = asks(stack, client_id=client_id)
        assert (refused.status_code, refused.headers.get("Location")) == (400, None)
    assert len(desk.asked) == 1


@requirement("oauth:documents")
@pytest.mark.parametrize(
    "client_id",
    [
        "https://evil.example/client.json", f"https://{HOST}.evil.example/client.json", f"https://user@{HOST}/client.json",
        f"https://{HOST}:444/client.json", f"http://{HOST}/client.json", f"https://{HOST}/../client.json",
        f"https://{HOST}/", f"https://{HOST}/client.json#part", "https://169.254.169.254/client.json",
    ],
)  # fmt: skip
def test_no_other_address_is_ever_asked(both: tuple[Stack, Desk], client_id: str) -> None:
    stack, desk = both
    desk.answer, desk.asked[:] = document(client_id), []
    assert asks(stack, client_id=client_id).status_code == 400
    assert desk.asked == []


@requirement("oauth:documents")
@pytest.mark.parametrize(
    ("peer", "goes"),
    [
        ("10.0.0.8", False), ("192.168.1.1", False), ("127.0.0.1", False), ("100.64.0.1", False), ("fd00::1", False),
        ("::ffff:10.0.0.1", False), ("169.254.169.254", False), ("8.8.8.8", True),
    ],
)  # fmt: skip
def test_a_name_that_leads_into_a_private_network_is_sent_nothing(
    monkeypatch: pytest.MonkeyPatch, peer: str, goes: bool
) -> None:
    sent: list[bytes] = []

    class Led(httpcore2.NetworkStream):
        """A connection to where the name led; it breaks after the first bytes."""

        def get_extra_info(self, info: str) -> Any:
            return (peer, 443) if info == "server_addr" else None

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            sent.append(buffer)
            raise httpcore2.WriteError("broken")

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            raise httpcore2.ReadError("broken")

        def start_tls(self, *_: Any, **__: Any) -> httpcore2.NetworkStream:
            return self

        def close(self) -> None: ...

    # DNS has no public door in a test without sockets.
    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", lambda *_, **__: Led())
    boundary = Boundary(frozenset({f"https://{HOST}"}), public_only=True)
    with pytest.raises(EhrUnavailable):
        boundary.get(CLIENT)
    assert bool(sent) is goes


@requirement("oauth:redirect")
@pytest.mark.parametrize(
    ("address", "holds"),
    [
        (LOCAL, True), ("http://[::1]:8000/x", True), ("http://localhost:3000/cb", True), ("https://desk.example/cb", True),
        ("http://desk.example/cb", False), ("http://127.0.0.1.evil.example/", False), ("https://user@desk.example/", False),
        ("https://desk.example/#x", False), ("desk:/callback", False), ("javascript:alert(1)", False), ("https://", False),
        ("http://127.0.0.1:8000/a b", False), ("", False), ("http://[::1", False),
    ],
)  # fmt: skip
def test_a_redirect_is_https_or_goes_to_this_computer(address: str, holds: bool) -> None:
    assert is_redirect(address) is holds
