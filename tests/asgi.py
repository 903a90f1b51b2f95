"""An ASGI application as a synchronous transport: no sockets, its lifespan runs in one thread of its own.

With it the EHR's MCP server stands beside the pretend EHR, at another host behind the same transport.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIApplication

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal

from sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from sandbox.mcp.switches import Switches


class AsgiTransport(httpx2.BaseTransport):
    """Answers requests by an ASGI application. Answers are read whole. Close it, or its thread stays."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx2.ASGITransport(app=app)
        self._closed = False
        self._stack = start_blocking_portal()
        self._portal = self._stack.__enter__()
        self._lifespan = self._portal.wrap_async_context_manager(_lifespan(app))
        self._lifespan.__enter__()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        body = request.read()
        return self._portal.call(self._send, request, body)

    async def _send(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        asked = httpx2.Request(request.method, request.url, headers=request.headers, content=body)
        answer = await self._inner.handle_async_request(asked)
        found = await answer.aread()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=found)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._lifespan.__exit__(None, None, None)
            self._stack.__exit__(None, None, None)


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """Run the ASGI lifespan protocol around what is inside."""
    started, stop = anyio.Event(), anyio.Event()
    begun = [True]

    async def receive() -> dict[str, str]:
        if begun:
            begun.pop()
            return {"type": "lifespan.startup"}
        await stop.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: dict[str, str]) -> None:
        if message["type"] == "lifespan.startup.complete":
            started.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            app, {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send
        )
        await started.wait()
        yield
        stop.set()


class TwoHosts(httpx2.BaseTransport):
    """The EHR and its MCP server behind one transport, told apart by host; remembers who was asked what.

    `instead` answers in place of both.
    """

    def __init__(self, ehr: httpx2.BaseTransport, mcp: httpx2.BaseTransport) -> None:
        self._ehr, self._mcp = ehr, mcp
        self.asked: list[httpx2.URL] = []
        self.sent: list[httpx2.Request] = []
        self.instead: Callable[[httpx2.Request], httpx2.Response] | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url)
        self.sent.append(request)
        if self.instead is not None:
            return self.instead(request)
        to = self._mcp if request.url.host.startswith("mcp.") else self._ehr
        return to.handle_request(request)

    def close(self) -> None:
        self._mcp.close()

    def asked_of_fhir(self) -> list[str]:
        """Return what Chartside itself asked of the EHR's FHIR API."""
        return [
            url.path
            for url in self.asked
            if url.path.startswith("/fhir/") and "well-known" not in url.path
        ]


def mcp_transport(
    ehr: WSGIApplication, settings: SandboxSettings, switches: "Switches"
) -> AsgiTransport:
    """Return the MCP server of an EHR as a transport; it has a way of its own to the EHR."""
    from sandbox.mcp import create_app  # noqa: PLC0415  # the MCP SDK takes a second to load

    app = create_app(settings, transport=httpx2.WSGITransport(app=ehr), switches=switches)
    return AsgiTransport(app)
