"""A host outside the EHR that signs its user in: the SDK's own OAuth client, and a user with a browser, at one stack."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl
from werkzeug.test import TestResponse

from app.mcp.bridge import Bridge
from app.mcp.http import Served, make_app
from tests.interaction.mcp.hosts import URL, lifespan
from tests.stack import APP, EHR, MARLENA, MCP, Browser, Stack, make_stack, registered

T = TypeVar("T")
CALLBACK = "http://127.0.0.1/callback"
LOCAL = "http://127.0.0.1:53682/callback"
DESK = (
    '[[mcp_server.client]]\nhost = "desk-copilot"\nname = "Desk copilot"\nid = "desk-copilot-app"\n'
    f'redirect_uris = ["{CALLBACK}", "https://desk.example/callback"]'
)
STANDALONE = "[launch]\nstandalone = true"


def sign_in_stack(folder: Path, table: str = DESK, **more: Any) -> Stack:
    """Return a stack whose registration lets the desk's users sign in outside the EHR."""
    return make_stack(folder, launch_config=registered(folder, more=f"{STANDALONE}\n{table}"), **more)  # fmt: skip


class User(Browser):
    """A user outside the EHR."""

    def sign_in(self, address: str, chart: str = MARLENA) -> TestResponse:
        """Open what the host opens, sign in at the EHR, choose a patient; return the page that asks for consent."""
        parts = urlsplit(address)
        page = self.begin(f"{parts.path}?{parts.query}")
        done = self.complete(self.at_the_ehr(page["authorize"], chart))
        assert done.status_code == 200, done.text
        body = done.get_json()
        assert body["key"] == ""
        return self.open(body["next"])

    def at_the_ehr(self, address: str, chart: str) -> dict[str, str]:
        """Sign in and choose the patient; return the callback's parameters."""
        parts = urlsplit(address)
        ehr = self.stack.ehr.test_client()
        chooser = ehr.get(f"{parts.path}?{parts.query}", base_url=EHR)
        choice = re.search(r"choice=([\w-]+)", chooser.text)
        assert choice, chooser.text
        query = f"choice={choice[1]}&patient={self.stack.patient(chart)}"
        back = ehr.get(f"/auth/choose?{query}", base_url=EHR)
        assert back.status_code == 302, back.text
        return {n: v[0] for n, v in parse_qs(urlsplit(back.location).query).items()}

    def decide(self, page: TestResponse, decision: str = "allow", **headers: str) -> TestResponse:
        """Press a button of the consent page."""
        path = urlsplit(page.request.path).path
        return self.client.post(path, base_url=APP, data={"decision": decision}, headers=headers)


def user(stack: Stack) -> User:
    """Return somebody with a new browser."""
    return User(stack=stack, client=stack.app.test_client())


class Storage:
    """Where the SDK's client keeps what it has."""

    def __init__(self, client: OAuthClientInformationFull) -> None:
        self.tokens: OAuthToken | None = None
        self.client = client

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class BothServers(httpx2.AsyncBaseTransport):
    """The MCP server by ASGI and the copilot by WSGI, each by its own name; nothing else is there."""

    def __init__(self, mcp: Any, stack: Stack) -> None:
        self._mcp = httpx2.ASGITransport(app=mcp)
        self._app = httpx2.WSGITransport(app=stack.app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        if origin == MCP:
            return await self._mcp.handle_async_request(request)
        assert origin == APP, origin
        body = await request.aread()
        sent = httpx2.Request(request.method, request.url, headers=request.headers, content=body)
        answer = self._app.handle_request(sent)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.read())


def as_desk(
    stack: Stack,
    act: Callable[[Client], Awaitable[T]],
    chart: str = MARLENA,
    storage: Storage | None = None,
) -> tuple[T, Storage]:
    """Let the SDK's client find everything out, sign its user in, and act."""
    kept = storage or Storage(
        OAuthClientInformationFull(
            client_id="desk-copilot-app",
            redirect_uris=[AnyUrl(LOCAL)],
            token_endpoint_auth_method="none",
        )
    )
    came_back: dict[str, str] = {}

    async def go(address: str) -> None:
        person = user(stack)
        back = person.decide(person.sign_in(address, chart))
        assert back.status_code == 303, back.text
        assert back.location.startswith(f"{LOCAL}?")
        query = parse_qs(urlsplit(back.location).query)
        came_back.update({name: values[0] for name, values in query.items()})

    async def callback() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(
            code=came_back["code"], state=came_back["state"], iss=came_back["iss"]
        )

    metadata = OAuthClientMetadata(
        redirect_uris=[AnyUrl(LOCAL)], client_name="Desk", token_endpoint_auth_method="none"
    )
    provider = OAuthClientProvider(URL, metadata, kept, go, callback)
    served = Served(origin=MCP, authorization_servers=(APP,), version="test")
    found: list[T] = []

    async def run() -> None:
        app = make_app(stack.services.mcp, served, Bridge())
        async with (
            lifespan(app),
            httpx2.AsyncClient(transport=BothServers(app, stack), auth=provider) as http,
            Client(streamable_http_client(URL, http_client=http)) as client,
        ):
            found.append(await act(client))

    anyio.run(run)
    return found[0], kept
