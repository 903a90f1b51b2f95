"""Our MCP server for programs that bring no token.

It is `app.mcp.http.make_app` over a launch of the sandbox's messy chart. Two things are the test's: the suite's own tools beside ours
(`fixtures`), and a token put onto every request, because the suite has no way to send one. The entrance verifies it at each request.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.mcp import http
from app.mcp.bridge import Bridge
from app.mcp.http import Served
from app.mcp.server import make_server
from tests.conformance.fixtures import with_fixtures
from tests.interaction.mcp.hosts import token_of
from tests.stack import APP, Launched, Stack, make_stack, registered

CHART = "messy"


class WithToken:
    """Puts the launch's token onto each request."""

    def __init__(self, inner: Any, token: Callable[[], str]) -> None:
        self._inner = inner
        self._token = token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            sent = (b"authorization", f"Bearer {self._token()}".encode())
            scope = {**scope, "headers": [*scope["headers"], sent]}
        await self._inner(scope, receive, send)


def opened(folder: Path, chart: str = CHART) -> tuple[Stack, Launched]:
    """Return both parties and a launch whose hosts may call often."""
    often = 'hosts = ["*"]\ncalls_per_minute = 600'
    stack = make_stack(folder, launch_config=registered(folder, ('hosts = ["*"]', often)))
    return stack, stack.browser().launch(chart)


def app_at(stack: Stack, launched: Launched, origin: str, *, fixtures: bool = True) -> Any:
    """Return the server as it answers at this origin."""
    token = token_of(launched)
    make = (lambda *given: with_fixtures(make_server(*given))) if fixtures else make_server
    with patch.object(http, "make_server", make):
        served = Served(origin=origin, authorization_servers=(APP,), version="test")
        inner = http.make_app(stack.services.mcp, served, Bridge(tell_every_s=0.01))
    return WithToken(inner, lambda: token)
