"""The MCP server over Streamable HTTP: an OAuth 2.1 resource server in front of the protocol.

Order of every request: `Host` and `Origin` (DNS rebinding), the token, the launch's rate, the scopes of the call, the protocol. Nothing is
kept between requests: hosts of 2026-07-28 send what counts with each, those of 2025 get no session.

Source: Model Context Protocol 2026-07-28, authorization and transports; RFC 9728 (protected resource metadata); RFC 6750
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from mcp.server.context import ServerRequestContext
from mcp.server.transport_security import (
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ChartsideError
from app.mcp.authorization import McpCaller, Presented
from app.mcp.bridge import Bridge
from app.mcp.cohort_hosts import SCOPE, CohortCaller, CohortHosts
from app.mcp.cohort_server import make_cohort_server
from app.mcp.errors import McpRefused, McpScopeMissing
from app.mcp.reading import Reading
from app.mcp.scopes import SUPPORTED, step_up
from app.mcp.server import REFUSED, make_server

PATH, COHORTS = "/mcp", "/cohorts"
METADATA = "/.well-known/oauth-protected-resource"
CALLER = "chartside.caller"
MOST_BODY_BYTES = 262_144
SCHEME = "bearer "


@dataclass(frozen=True, kw_only=True)
class Served:
    """What is told of this server: its origin, and who gives out tokens for it."""

    origin: str
    authorization_servers: tuple[str, ...]
    browser_origins: Sequence[str] = ()
    version: str = ""
    sharp_scopes: Sequence[str] = ()

    @property
    def metadata_url(self) -> str:
        """Where a host reads who gives out tokens (RFC 9728 3.1: the path of the resource goes behind the well-known one)."""
        return f"{self.origin}{METADATA}{PATH}"

    def cohort_metadata(self) -> dict[str, Any]:
        """Return that of the analysts' server: its tokens are made on the analyst's own page, by no authorization server."""
        return {
            "resource": f"{self.origin}{COHORTS}", "bearer_methods_supported": ["header"],
            "scopes_supported": [SCOPE], "resource_name": "Chartside, many patients",
        }  # fmt: skip

    def metadata(self) -> dict[str, Any]:
        """Return the protected resource metadata."""
        return {
            "resource": f"{self.origin}{PATH}",
            "authorization_servers": list(self.authorization_servers),
            "bearer_methods_supported": ["header"],
            "scopes_supported": list(SUPPORTED),
            "resource_name": "Chartside",
        }


def make_app(
    reading: Reading, served: Served, bridge: Bridge, cohorts: CohortHosts | None = None
) -> ASGIApp:
    """Return the ASGI application; `cohorts` is what analysts' hosts are let in by, at an address of its own."""
    server = make_server(reading, bridge, _caller_of, served.version, served.sharp_scopes)
    host = served.origin.partition("://")[2]
    origins = [served.origin, *served.browser_origins]
    security = TransportSecuritySettings(allowed_hosts=[host], allowed_origins=origins)
    inner = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, transport_security=security
    )
    if cohorts is not None:
        counting = make_cohort_server(cohorts, bridge, _analyst_of, served.version)
        other = counting.streamable_http_app(
            streamable_http_path=COHORTS, stateless_http=True, transport_security=security
        )
        _joined(inner, other)
    entrance = _Entrance(
        inner, reading, served, bridge, TransportSecurityMiddleware(security), cohorts
    )
    app: ASGIApp = RequestBodyLimitMiddleware(entrance, MOST_BODY_BYTES)
    if served.browser_origins:
        app = CORSMiddleware(
            app, allow_origins=list(served.browser_origins), allow_methods=["GET", "POST"],
            allow_headers=["*"], expose_headers=["WWW-Authenticate", "Retry-After"],
        )  # fmt: skip
    return app


async def _caller_of(ctx: ServerRequestContext[Any, Any]) -> McpCaller:
    """Return whom a request is for: the entrance has asked already, at this very request."""
    if ctx.request is None:
        raise McpRefused("no request")
    caller: McpCaller = ctx.request.scope[CALLER]
    return caller


async def _analyst_of(ctx: ServerRequestContext[Any, Any]) -> CohortCaller:
    """Return the analyst whom a request is for: the entrance has asked already."""
    if ctx.request is None:
        raise McpRefused("no request")
    caller: CohortCaller = ctx.request.scope[CALLER]
    return caller


def _joined(app: Starlette, other: Starlette) -> None:
    """Let one application serve the other's addresses too, and live as long as both."""
    app.router.routes.extend(other.router.routes)
    own, its = app.router.lifespan_context, other.router.lifespan_context

    @contextlib.asynccontextmanager
    async def both(_: Starlette) -> AsyncIterator[None]:
        async with own(app), its(other):
            yield

    app.router.lifespan_context = both


class _Entrance:
    """Lets in who proves a launch, or at the address for that an analyst's session."""

    def __init__(
        self,
        inner: ASGIApp,
        reading: Reading,
        served: Served,
        bridge: Bridge,
        security: TransportSecurityMiddleware,
        cohorts: CohortHosts | None,
    ) -> None:
        self._cohorts = cohorts
        self._inner = inner
        self._reading = reading
        self._served = served
        self._bridge = bridge
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope["headers"] = _trimmed(scope["headers"])
        request = Request(scope, receive)
        answer = await self._refusal_of_host(request) or self._open(request)
        if answer is None:
            answer = await self._enter(request)
        if answer is not None:
            await answer(scope, receive, send)
            return
        body = await request.body()
        await self._inner(scope, _replayed(body, receive), send)

    async def _refusal_of_host(self, request: Request) -> Response | None:
        return await self._security.validate_request(request, is_post=False)

    def _open(self, request: Request) -> Response | None:
        """Answer what needs no token."""
        path = request.url.path
        if path == "/health":
            return JSONResponse({"status": "ok"})
        if path in (METADATA, f"{METADATA}{PATH}") and request.method == "GET":
            return JSONResponse(
                self._served.metadata(), headers={"Cache-Control": "public, max-age=3600"}
            )
        if path == f"{METADATA}{COHORTS}" and self._cohorts and request.method == "GET":
            return JSONResponse(self._served.cohort_metadata())
        known = path == PATH or (path == COHORTS and self._cohorts is not None)
        return None if known else Response("Not Found", status_code=404)

    async def _enter(self, request: Request) -> Response | None:
        """Find out whom a request is for, and leave it in the scope; or say why it is refused."""
        presented = _presented(request)
        try:
            request.scope[CALLER] = await self._admitted(request, presented)
        except ChartsideError as error:
            return self._refused(error, presented, request.url.path)
        # This server says nothing by itself and keeps no session (2025-11-25, transports): a stream for that would stand open without end.
        return None if request.method == "POST" else Response(status_code=405, headers={"Allow": "POST"})  # fmt: skip

    async def _admitted(self, request: Request, presented: Presented) -> McpCaller | CohortCaller:
        if self._cohorts is not None and request.url.path == COHORTS:
            cohorts = self._cohorts
            return await self._bridge.run(lambda: cohorts.enter(presented))
        caller = await self._bridge.run(lambda: self._reading.enter(presented))
        await self._demand_scopes(request, caller)
        return caller

    async def _demand_scopes(self, request: Request, caller: McpCaller) -> None:
        """Refuse a call for which this launch could give a token that has more, naming it.

        What the launch itself lacks is an answer of the tool: no other token would help.
        """
        if request.method != "POST":
            return
        name, arguments = _called(await request.body())
        if name and (scope := step_up(caller, name, arguments)):
            why = f"{name} needs {scope}"
            await self._bridge.run(lambda: self._reading.refuse(caller, McpScopeMissing.code, why))
            have = [one for one in caller.context.scope.split() if one not in scope.split()]
            raise McpScopeMissing(" ".join([*have, scope]))

    def _refused(self, error: ChartsideError, presented: Presented, path: str) -> Response:
        headers = {"Cache-Control": "no-store"}
        if isinstance(error, McpRefused) and error.status in (401, 403):
            headers["WWW-Authenticate"] = self._challenge(error, presented, path)
        data: dict[str, Any] = {"code": error.code}
        if (wait_s := getattr(error, "retry_after_s", None)) is not None:
            headers["Retry-After"] = str(wait_s)
            data["retryAfterSeconds"] = wait_s
        told = {"code": REFUSED, "message": error.public, "data": data}
        body = {"jsonrpc": "2.0", "id": None, "error": told}
        return Response(
            orjson.dumps(body), status_code=error.status, headers=headers,
            media_type="application/json",
        )  # fmt: skip

    def _challenge(self, error: McpRefused, presented: Presented, path: str) -> str:
        parts = [f'resource_metadata="{self._served.origin}{METADATA}{path}"']
        # RFC 6750 3.1: a request without any token is told no error code.
        if presented.token:
            parts = [
                f'error="{error.oauth}"',
                f'error_description="{_ascii(error.public)}"',
                *parts,
            ]
        if isinstance(error, McpScopeMissing):
            parts.insert(1, f'scope="{error.scope}"')
        return f"Bearer {', '.join(parts)}"


def _trimmed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers without the blanks around their values, which are no part of them (RFC 9110 5.5); not every server takes them away."""
    return [(name, value.strip(b" \t")) for name, value in headers]


def _presented(request: Request) -> Presented:
    sent = request.headers.get("authorization", "")
    token = sent[len(SCHEME) :].strip() if sent.lower().startswith(SCHEME) else ""
    return Presented(token=token, headers=dict(request.headers))


def _called(body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the tool that a request calls, and its arguments; "" for any other. What has no form is the protocol's to refuse."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", {}
    params = sent.get("params") if isinstance(sent, dict) else None
    if not isinstance(params, dict) or sent.get("method") != "tools/call":
        return "", {}
    name, arguments = params.get("name"), params.get("arguments")
    return str(name), arguments if isinstance(arguments, dict) else {}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a body that was read once more, then whatever comes after it (the host hanging up)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _ascii(text: str) -> str:
    with contextlib.suppress(UnicodeEncodeError):
        return text.encode("ascii").decode().replace('"', "'")
    return "refused"
