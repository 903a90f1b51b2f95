"""The pretend EHR's own MCP server: the chart of a launch as tools, in three shapes, behind the gateway's token and scopes.

An application of its own beside the EHR (`gunicorn -k asgi 'sandbox.mcp:create_app()'`), because the EHR is WSGI and MCP
is asynchronous. It holds no chart: each tool asks the EHR's FHIR gateway with the caller's token, so that scopes,
compartment, faults and digits are the gateway's. `/mcp/{shape}` takes the launch's access token as bearer (its audience
is the EHR), `/sharp/{shape}` the headers of SHARP-on-MCP. It answers this machine only.

Source: MCP 2026-07-28 and 2025-11-25 (https://modelcontextprotocol.io/specification); SHARP-on-MCP,
https://docs.promptopinion.ai/fhir-context/mcp-fhir-context
"""

import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from sandbox.mcp.access import MODES
from sandbox.mcp.server import mcp_server, security
from sandbox.mcp.shapes import SHAPES
from sandbox.mcp.switch_routes import health, switch_routes
from sandbox.mcp.switches import Switches
from sandbox.mcp.upstream import Upstream, loopback
from sandbox.mcp.wrong_answers import Redirecting
from sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Switches", "create_app"]


def create_app(
    settings: SandboxSettings | None = None,
    *,
    transport: httpx2.BaseTransport | None = None,
    switches: Switches | None = None,
) -> Starlette:
    """Return the MCP server as an ASGI application; its switches are `app.state.switches`.

    `transport` leads to the EHR in tests; the environment is read when `settings` is None.
    """
    own = settings or SandboxSettings.from_env(os.environ)
    upstream = Upstream(own.fhir_base, transport or loopback())
    set_now = switches or Switches()
    applications = {
        f"/{mode}/{shape}": mcp_server(mode, SHAPES[shape], upstream, set_now).streamable_http_app(
            streamable_http_path=f"/{mode}/{shape}", transport_security=security()
        )
        for mode in MODES
        for shape in SHAPES
    }

    @asynccontextmanager
    async def lifespan(_: Starlette) -> "AsyncIterator[None]":
        async with AsyncExitStack() as stack:
            for inner in applications.values():
                await stack.enter_async_context(inner.router.lifespan_context(inner))
            yield

    routes = [route for inner in applications.values() for route in inner.routes]
    app = Starlette(
        routes=[Route("/health", health), *switch_routes(set_now), Mount("/", routes=routes)],
        lifespan=lifespan,
    )
    app.state.switches = set_now
    app.add_middleware(Redirecting, switches=set_now)
    return app
