"""Arguments that a tool's schema wants in headers: a server of 2026-07-28 refuses a call without them."""

from typing import Any

import mcp_types as types
import pytest
from mcp.server import Server
from mcp.server.transport_security import TransportSecuritySettings

from app.boundary import Boundary
from app.mcp.client import McpClient
from app.mcp.portal import Portal
from app.smart.ehr_mcp import Protocol
from tests.asgi import AsgiTransport

ORIGIN = "http://mcp.ehr.localhost:9002"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ward": {"type": "string", "x-mcp-header": "Ward"},
        "patient": {"type": "string"},
    },
}


class OneTool:
    """A server with one tool that wants its ward in a header; it notes what it was sent."""

    def __init__(self) -> None:
        self.headers: list[str | None] = []
        self.revisions: set[str | None] = set()

    async def list_tools(self, ctx: Any, __: Any) -> types.ListToolsResult:
        self.revisions.add(ctx.request.headers.get("mcp-protocol-version"))
        return types.ListToolsResult(tools=[types.Tool(name="find", input_schema=SCHEMA)])

    async def call_tool(self, ctx: Any, _: Any) -> types.CallToolResult:
        self.headers.append(ctx.request.headers.get("mcp-param-ward"))
        return types.CallToolResult(content=[types.TextContent(text="found")])

    def transport(self) -> AsgiTransport:
        server: Server[Any] = Server(
            "ehr", on_list_tools=self.list_tools, on_call_tool=self.call_tool
        )
        security = TransportSecuritySettings(allowed_hosts=["mcp.ehr.localhost:9002"])
        return AsgiTransport(
            server.streamable_http_app(stateless_http=True, transport_security=security)
        )


def test_what_a_schema_marks_stands_in_a_header_and_nothing_else_does() -> None:
    ehr, portal = OneTool(), Portal()
    transport = ehr.transport()
    client = McpClient(Boundary(frozenset((ORIGIN,)), True, transport), f"{ORIGIN}/mcp", portal)
    try:
        client.list_tools({})
        told = client.call("find", {"ward": "4 Süd", "patient": "p1"}, {})
    finally:
        portal.close()
        transport.close()
    assert told.texts == ("found",)
    # Base64, since a header holds ASCII only (2026-07-28, transports).
    assert ehr.headers == ["=?base64?NCBTw7xk?="]


@pytest.mark.parametrize(("protocol", "revision"), [("auto", "2026-07-28"), ("2025", "2025-11-25")])
def test_a_server_is_asked_for_no_newer_revision_than_the_registration_says(
    protocol: Protocol, revision: str
) -> None:
    ehr, portal = OneTool(), Portal()
    transport = ehr.transport()
    boundary = Boundary(frozenset((ORIGIN,)), True, transport)
    try:
        McpClient(boundary, f"{ORIGIN}/mcp", portal, protocol).list_tools({})
    finally:
        portal.close()
        transport.close()
    assert ehr.revisions == {revision}
