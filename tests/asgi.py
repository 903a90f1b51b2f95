"""An ASGI application as a synchronous transport: no sockets, its lifespan runs in one thread of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal


class AsgiTransport(httpx2.BaseTransport):
    """Answers requests by an ASGI application. Answers are read whole. Close it, or its thread stays."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx2.ASGITransport(app=app)
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
