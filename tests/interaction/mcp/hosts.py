"""An MCP host: the SDK's own client, joined to the server by ASGI: the real protocol, no sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from app.mcp.bridge import Bridge
from app.mcp.http import Served, make_app
from tests.stack import APP, MCP, Launched, Stack

URL = f"{MCP}/mcp"
MODES = ("auto", "legacy")
T = TypeVar("T")


def minted(launched: Launched, **body: str) -> dict[str, Any]:
    """Have a token minted by the launch's own page."""
    response = launched.post("/mcp-token", {"host": "ward-copilot", **body})
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def token_of(launched: Launched, **body: str) -> str:
    """Return a new token."""
    return str(minted(launched, **body)["access_token"])


@asynccontextmanager
async def served(
    stack: Stack, token: str = "", **headers: str
) -> AsyncIterator[httpx2.AsyncClient]:
    """Run the server; yield a client that sends this token."""
    app = make_app(
        stack.services.mcp,
        Served(
            origin=MCP,
            authorization_servers=(APP,),
            browser_origins=("http://inspector.localhost:6274",),
            version="test",
            sharp_scopes=stack.services.sharp.scopes(),
        ),
        Bridge(tell_every_s=0.01),
        stack.services.cohort_hosts,
    )
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        lifespan(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), headers={**sent, **headers}, base_url=MCP
        ) as http,
    ):
        yield http


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start and stop an ASGI application as its server does."""
    down_in, down_out = anyio.create_memory_object_stream[Any](4)
    up_in, up_out = anyio.create_memory_object_stream[Any](4)
    with down_in, down_out, up_in, up_out:
        async with anyio.create_task_group() as group:

            async def run() -> None:
                await app({"type": "lifespan"}, down_out.receive, up_in.send)

            group.start_soon(run)
            await down_in.send({"type": "lifespan.startup"})
            assert (await up_out.receive())["type"] == "lifespan.startup.complete"
            yield
            await down_in.send({"type": "lifespan.shutdown"})
            assert (await up_out.receive())["type"] == "lifespan.shutdown.complete"


def as_host(
    stack: Stack, token: str, act: Callable[[Client], Awaitable[T]], mode: str = "auto"
) -> T:
    """Connect, act, and return what came of it; an error of the protocol is raised as it is, in no group."""
    failed: list[MCPError] = []

    async def run() -> T | None:
        async with (
            served(stack, token) as http,
            Client(streamable_http_client(URL, http_client=http), mode=mode) as client,
        ):
            try:
                return await act(client)
            except MCPError as error:
                failed.append(error)
                return None

    found = anyio.run(run)
    if failed:
        raise failed[0]
    return cast("T", found)


def asked(
    stack: Stack, token: str = "", method: str = "POST", path: str = "/mcp", **more: Any
) -> httpx2.Response:
    """Send one HTTP request and return the answer."""

    async def run() -> httpx2.Response:
        async with served(stack, token) as http:
            return await http.request(method, path, **more)

    return anyio.run(run)
