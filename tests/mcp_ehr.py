"""An EHR's MCP server beside the pretend EHR, and Chartside's source over it: in process, no sockets."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import httpx2
import msgspec

from app.boundary import Boundary
from app.fhir.shared_ehr import SharedEhr
from app.mcp.asking import Server
from app.mcp.client import McpClient
from app.mcp.portal import Portal
from app.mcp.source import McpSource
from app.smart.ehr_mcp import Mcp, McpTool
from sandbox.mcp import Switches
from sandbox.mcp.shapes import SHAPES
from sandbox.settings import SandboxSettings
from tests.asgi import TwoHosts, mcp_transport
from tests.ndjson_source import context
from tests.stack import registered

__all__ = ["MCP", "SHAPES", "Asked", "by_mcp", "mcp_only", "registered_tools"]

NOW = datetime(2026, 11, 20, 14, 42, tzinfo=UTC)
MCP = "http://mcp.ehr.localhost:9002"
REGISTRATIONS = Path(__file__).parents[1] / "sandbox" / "mcp" / "registrations"


def registered_tools(shape: str) -> dict[str, McpTool]:
    """Return the tools of a shape as the registration that comes with the sandbox approves them."""
    table = tomllib.loads((REGISTRATIONS / f"{shape}.toml").read_text("utf-8"))["mcp"]
    return msgspec.convert(table["tools"], dict[str, McpTool])


def mcp_only(folder: Path, shape: str, *changes: tuple[str, str], api: bool = False) -> Path:
    """Write the sandbox's registration with its MCP server of a shape; without `api` nothing is read by FHIR."""
    table = (REGISTRATIONS / f"{shape}.toml").read_text("utf-8")
    for old, new in changes:
        assert old in table, old
        table = table.replace(old, new)
    iss = 'iss = ["http://ehr.localhost:9000/fhir"]'
    return registered(folder, *(() if api else ((iss, f'{iss}\napi = "off"'),)), more=table)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A source of patient p1 over the MCP server of a scripted FHIR server; `sent` is what went to it."""

    source: McpSource
    switches: Switches
    client: McpClient
    boundary: Boundary
    shape: str
    transport: TwoHosts

    @property
    def calls(self) -> list[tuple[str, Any]]:
        return self.switches.calls


@contextmanager
def by_mcp(
    ehr: WSGIApplication,
    shape: str,
    *,
    tools: dict[str, McpTool] | None = None,
    mode: Any = "smart_token",
    limits: SharedEhr | None = None,
    registered: dict[str, Any] | None = None,
    token: Callable[[], str] = lambda: "secret",
    refused: Callable[[str], None] = lambda _: None,
    **launch: Any,
) -> Iterator[Asked]:
    """Open one; `tools` are what IT approved, those of the shipped registration if not given."""
    switches = Switches()
    settings = SandboxSettings(ehr_origin="https://ehr.test")
    transport = TwoHosts(httpx2.WSGITransport(app=ehr), mcp_transport(ehr, settings, switches))
    boundary = Boundary(frozenset((MCP,)), True, transport)
    folder = "sharp" if mode == "sharp" else "mcp"
    mcp = Mcp(
        url=f"{MCP}/{folder}/{shape}", mode=mode,
        tools=registered_tools(shape) if tools is None else tools, **(registered or {}),
    )  # fmt: skip
    portal = Portal()
    server = Server(
        mcp=mcp, client=McpClient(boundary, mcp.url, portal, mcp.protocol),
        shared=limits or SharedEhr(boundary, reads_statement=False),
    )  # fmt: skip
    fhir = Boundary(frozenset(("https://ehr.test",)), False, transport)
    source = McpSource(
        server, fhir, context("p1", NOW, **launch), token, refused=refused,
        now=lambda: NOW,
    )  # fmt: skip
    try:
        yield Asked(
            source=source,
            switches=switches,
            transport=transport,
            client=server.client,
            boundary=boundary,
            shape=shape,
        )
    finally:
        transport.close()
        portal.close()
