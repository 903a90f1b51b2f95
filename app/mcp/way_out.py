"""The MCP SDK's way to the network: the boundary's own, so that there is one set of rules.

Each request is sent by `Boundary.exchange` in a worker thread: registered origin, no redirects, time-outs, size cap,
proxy and authorities, the `.localhost` rule. What fails there is kept, because the SDK would only say that something did.
"""

import json
from functools import partial

import httpx2

from app.boundary import Boundary, Response
from app.errors import ChartsideError
from app.mcp.portal import Portal

# Written by the boundary, or about a body that it has decoded.
OURS = frozenset(("host", "content-length", "accept-encoding", "connection", "transfer-encoding"))
TOLD = ("content-type", "mcp-session-id")


class BoundaryTransport(httpx2.AsyncBaseTransport):
    """One conversation's transport. `status` is of the last answer, `failed` why there was none."""

    def __init__(self, boundary: Boundary, portal: Portal) -> None:
        self._boundary = boundary
        self._portal = portal
        self.status = 0
        self.failed: ChartsideError | None = None
        self.requests = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one message of the SDK."""
        if request.method == "GET":
            # A stream on which the server would speak by itself (2025-11-25, transports): nothing of it is wanted.
            return httpx2.Response(405)
        body = await request.aread()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in OURS}
        send = partial(
            self._boundary.exchange, request.method, str(request.url), body, headers,
            enough=is_answered,
        )  # fmt: skip
        self.requests += 1
        try:
            answer: Response = await self._portal.send(send)
        except ChartsideError as error:
            self.failed = error
            return httpx2.Response(502)
        self.status = answer.status
        told = {name: answer.headers[name] for name in TOLD if name in answer.headers}
        return httpx2.Response(answer.status, headers=told, content=answer.body)


def is_answered(body: bytes) -> bool:
    """Tell whether a stream of events holds the answer: a server may leave it open behind that."""
    for line in body.splitlines():
        if not line.startswith(b"data:"):
            continue
        try:
            message = json.loads(line[5:])
        except ValueError:
            continue
        if isinstance(message, dict) and ("result" in message or "error" in message):
            return True
    return False
