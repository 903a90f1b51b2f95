"""An MCP host on the user's computer: the official SDK's client and its own OAuth flow, which opens the user's browser.

It finds everything out from the MCP server's address, listens on a port of this computer for the way back, and keeps its tokens.
"""

import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from anyio import to_thread
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
)
from pydantic import AnyUrl

from tests.e2e.conftest import Servers
from tests.interaction.mcp.signing_in import Storage

T = TypeVar("T")
CLIENT_ID = "desk-copilot-app"
WAIT_S = 30


class SignInNeeded(Exception):
    """What the host kept counts no more: it would have to send its user to the browser again."""


class ByName(httpx2.AsyncHTTPTransport):
    """Finds `*.localhost` on this computer, as browsers do (RFC 6761 6.3)."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host.endswith(".localhost"):
            request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


@dataclass(kw_only=True)
class DeskHost:
    """The host. `addresses` are what it asks a browser to open, `back` the parameters that a browser came back with."""

    url: str
    redirect_uri: str
    storage: Storage
    addresses: "queue.Queue[str]" = field(default_factory=queue.Queue)
    back: "queue.Queue[dict[str, str]]" = field(default_factory=queue.Queue)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    came: dict[str, str] = field(default_factory=dict)

    def begin(self, act: Callable[[Client], Awaitable[T]]) -> "Future[T]":
        """Connect and act, in a thread of its own, while a user uses the browser."""
        return self.pool.submit(anyio.run, self._act, act, True)

    def ask(self, act: Callable[[Client], Awaitable[T]]) -> T:
        """Connect with what is kept, and act; nobody is asked to sign in.

        Raises:
            SignInNeeded: it counts no more.
        """
        return self.pool.submit(anyio.run, self._act, act, False).result(WAIT_S)

    def address(self) -> str:
        """Return what a browser is asked to open."""
        return self.addresses.get(timeout=WAIT_S)

    async def _act(self, act: Callable[[Client], Awaitable[T]], may_sign_in: bool) -> T:
        async def go(address: str) -> None:
            if not may_sign_in:
                raise SignInNeeded
            self.addresses.put(address)

        async def came_back() -> AuthorizationCodeResult:
            self.came = await to_thread.run_sync(lambda: self.back.get(timeout=WAIT_S))
            if error := self.came.get("error"):
                raise PermissionError(error)
            return AuthorizationCodeResult(
                code=self.came["code"], state=self.came["state"], iss=self.came["iss"]
            )

        metadata = OAuthClientMetadata(
            redirect_uris=[AnyUrl(self.redirect_uri)], token_endpoint_auth_method="none"
        )
        provider = OAuthClientProvider(self.url, metadata, self.storage, go, came_back)
        found: list[T] = []
        try:
            async with (
                httpx2.AsyncClient(transport=ByName(), auth=provider, timeout=WAIT_S) as http,
                Client(streamable_http_client(self.url, http_client=http)) as client,
            ):
                found.append(await act(client))
        except* (SignInNeeded, PermissionError) as group:
            raise _first(group) from None
        return found[0]


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@contextmanager
def desk(servers: Servers) -> Iterator[DeskHost]:
    """Run a host, with the listener that its user's browser comes back to."""
    back: queue.Queue[dict[str, str]] = queue.Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/callback":
                back.put({name: values[0] for name, values in parse_qs(parts.query).items()})
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Desk</title><h1>Back at the desk</h1>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = HTTPServer(("127.0.0.1", 0), Listener)
    redirect_uri = f"http://127.0.0.1:{listener.server_port}/callback"
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    known = OAuthClientInformationFull(
        client_id=CLIENT_ID, redirect_uris=[AnyUrl(redirect_uri)], token_endpoint_auth_method="none"
    )
    host = DeskHost(
        url=f"{servers.mcp}/mcp", redirect_uri=redirect_uri, storage=Storage(known), back=back
    )
    try:
        yield host
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(5)
        host.pool.shutdown(wait=False, cancel_futures=True)
