"""Ask an MCP server: list its tools, call one. Synchronous outside, the MCP SDK's client inside.

Each call is a conversation of its own. A server of 2026-07-28 keeps nothing between requests, and what it said of itself is
remembered; one of 2025 is greeted each time, and where the registration says so it is asked for nothing newer. Nothing is offered to the server: no sampling, no elicitation, no roots.

Not protected here: what a result says. `app.mcp.answers` reads it, `app.fhir.compartment` checks whose it is.

Source: https://modelcontextprotocol.io/specification/2026-07-28, and 2025-11-25
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import httpx2
from mcp import Client, MCPError
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.inbound import mcp_param_headers, x_mcp_header_map
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    DiscoverResult,
    Implementation,
    PaginatedRequestParams,
)
from pydantic import ValidationError

from app.boundary import WHOLE_ANSWER_S, Boundary
from app.errors import EhrBusy, EhrRefused, EhrUnavailable
from app.mcp.portal import Portal
from app.mcp.way_out import BoundaryTransport
from app.smart.ehr_mcp import Protocol

MOST_LIST_PAGES = 20
T = TypeVar("T")
Headers = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a tool gave: its texts in order, and structured content; `failed`: the tool says that it went wrong."""

    texts: tuple[str, ...] = ()
    structured: Any = None
    failed: bool = False


class McpClient:
    """One MCP server, shared by all launches of a registration. Thread-safe; it holds no token and no patient."""

    def __init__(
        self, boundary: Boundary, url: str, portal: Portal, protocol: Protocol = "auto"
    ) -> None:
        self._boundary = boundary
        self._url = url
        self._portal = portal
        self._mode = "auto" if protocol == "auto" else "legacy"
        self._discovered: DiscoverResult | None = None
        # Of each tool: the arguments that its schema wants in a header as well, as the last list said.
        self._mirrored: Mapping[str, Mapping[tuple[str, ...], str]] = {}
        # Messages hold patient data, and the SDK logs what it cannot read.
        logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)

    def list_tools(self, headers: Headers) -> list[dict[str, Any]]:
        """Return every tool's definition as the protocol writes it.

        Raises:
            EhrRefused: the server's HTTP refused (401, 403).
            EhrBusy: it asks to wait (429).
            EhrUnavailable: no answer, or none that is MCP.
            BoundaryRefused, Redirected: as the boundary.
        """

        async def work(session: ClientSession) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            cursor: str | None = None
            for _ in range(MOST_LIST_PAGES):
                page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
                found += [
                    one.model_dump(by_alias=True, exclude_none=True, mode="json")
                    for one in page.tools
                ]
                cursor = page.next_cursor
                if not cursor:
                    return found
            return found

        found = self._converse(headers, work)
        # A server of 2025 knows no such thing.
        modern = self._mode != "legacy"
        self._mirrored = {
            one["name"]: wanted
            for one in found
            if modern and (wanted := x_mcp_header_map(one["inputSchema"]))
        }
        return found

    def call(self, name: str, arguments: Mapping[str, Any], headers: Headers) -> Told:
        """Call a tool; raises as `list_tools`. Arguments that its schema marks stand in headers too (2026-07-28, transports)."""
        mirrored = mcp_param_headers(self._mirrored.get(name, {}), arguments)

        async def work(session: ClientSession) -> Told:
            # Not `call_tool`: it lists the tools again to check a schema that says nothing about FHIR.
            result = await session.send_request(
                CallToolRequest(params=CallToolRequestParams(name=name, arguments=dict(arguments))),
                CallToolResult,
            )
            return Told(
                texts=tuple(text for block in result.content if (text := _text(block))),
                structured=result.structured_content, failed=result.is_error,
            )  # fmt: skip

        return self._converse({**mirrored, **headers}, work)

    def _converse(self, headers: Headers, work: Callable[[ClientSession], Awaitable[T]]) -> T:
        transport = BoundaryTransport(self._boundary, self._portal)
        try:
            return self._portal.call(lambda: self._session(transport, headers, work))
        except (MCPError, ValidationError, RuntimeError, TimeoutError, httpx2.HTTPError) as error:
            raised: BaseException = error
        except BaseExceptionGroup as group:
            # The SDK's tasks end together; a stop or an exit is not an answer.
            if group.subgroup((KeyboardInterrupt, SystemExit)):
                raise
            raised = group
        if transport.failed is not None:
            raise transport.failed
        if transport.status in (401, 403):
            raise EhrRefused("refused", http_status=transport.status, scope="") from raised
        if transport.status == 429:
            raise EhrBusy("busy") from raised
        raise EhrUnavailable("no answer that is MCP") from raised

    async def _session(
        self,
        transport: BoundaryTransport,
        headers: Headers,
        work: Callable[[ClientSession], Awaitable[T]],
    ) -> T:
        http = httpx2.AsyncClient(
            transport=transport, headers=dict(headers), trust_env=False, follow_redirects=False
        )
        http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # The boundary has a cap of its own for the whole answer.
        stream = streamable_http_client(self._url, http_client=http, max_sse_event_size=None)
        async with (
            http,
            Client(
                stream, mode=self._mode, prior_discover=self._discovered, cache=None,
                read_timeout_seconds=WHOLE_ANSWER_S, client_info=Implementation(name="Chartside", version="1"),
            ) as client,
        ):  # fmt: skip
            self._remember(client.session)
            return await work(client.session)

    def _remember(self, session: ClientSession) -> None:
        if session.discover_result is not None and session.protocol_version is not None:
            self._mode, self._discovered = session.protocol_version, session.discover_result
        else:
            self._mode = "legacy"


def _text(block: Any) -> str:
    """Return the text of a content block, that of an embedded resource included; a link is not followed."""
    if block.type == "text":
        return str(block.text)
    return str(getattr(block.resource, "text", "") or "") if block.type == "resource" else ""
