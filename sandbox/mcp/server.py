"""One MCP server: lists the tools of a shape and calls them, as the switches say."""

from collections.abc import Sequence
from typing import Any

import anyio
import anyio.to_thread
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.requests import Request

from sandbox.mcp.access import SHARP, Mode, NoAccess, caller
from sandbox.mcp.shapes import Asked, Offered, Told
from sandbox.mcp.switches import Switches
from sandbox.mcp.upstream import Upstream

READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
# One says what it does, the other says nothing: neither may ever be called.
WRITERS = (
    Tool(
        name="create_note", description="File a note in the patient's chart.",
        input_schema={"type": "object", "properties": {"text": {"type": "string"}}},
        annotations=ToolAnnotations(read_only_hint=False, destructive_hint=True),
    ),
    Tool(
        name="refill", description="Handle a refill.",
        input_schema={"type": "object", "properties": {"order": {"type": "string"}}},
    ),
)  # fmt: skip
Context = ServerRequestContext[Any, Request]


def mcp_server(
    mode: Mode, offered: Sequence[Offered], upstream: Upstream, switches: Switches
) -> Server[Any]:
    """Return the server of one shape, for callers of one kind."""
    by_name = {one.name: one for one in offered}

    async def list_tools(_: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        found = [_tool(one, switches) for one in offered if one.name not in switches.unlisted]
        return ListToolsResult(tools=[*found, *(WRITERS if switches.writers else ())])

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        switches.calls.append((params.name, dict(params.arguments or {})))
        if switches.slow_s:
            await anyio.sleep(switches.slow_s)
        if said := switches.error(params.name):
            return _result(Told(text=said, failed=True))
        tool = by_name.get(params.name)
        if tool is None:
            return _result(Told(text=f"there is no tool {params.name}", failed=True))
        try:
            if context.request is None:
                raise NoAccess("only HTTP has headers")
            asked = Asked(
                caller=caller(mode, dict(context.request.headers), upstream.fhir_base),
                upstream=upstream, switches=switches,
            )  # fmt: skip
            told = await anyio.to_thread.run_sync(tool.call, asked, params.arguments or {})
        except NoAccess as error:
            told = Told(text=f"401: {error}", failed=True)
        return _result(told)

    server: Server[Any] = Server(
        f"sandbox-ehr-{mode}", on_list_tools=list_tools, on_call_tool=call_tool,
        instructions="Charts of invented patients.",
    )  # fmt: skip
    if mode == "sharp":
        needed = [
            {"name": "patient/Patient.rs", "required": True},
            {"name": "patient/Observation.rs"},
        ]
        server.extensions = {SHARP: {"scopes": needed}}
        _announce_older(server)
    return server


def security() -> TransportSecuritySettings:
    """Return the hosts that this server answers for: this machine's."""
    names = ["127.0.0.1:*", "localhost:*", "mcp.ehr.localhost:*", "ehr.localhost:*"]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=names,
        allowed_origins=[f"http://{name}" for name in names],
    )  # fmt: skip


def _announce_older(server: Server[Any]) -> None:
    """Announce SHARP in the older place as well: `experimental.fhir_context_required`."""
    capabilities = server.get_capabilities

    def announced(*given: Any, **named: Any) -> Any:
        found = capabilities(*given, **named)
        return found.model_copy(update={"experimental": {"fhir_context_required": {"value": True}}})

    server.get_capabilities = announced  # type: ignore[method-assign]  # the SDK has no argument for it over HTTP


def _tool(one: Offered, switches: Switches) -> Tool:
    schema = {"type": "object", "properties": dict(one.properties), "required": list(one.required)}
    return Tool(
        name=one.name, description=switches.descriptions.get(one.name, one.description), input_schema=schema,
        annotations=READ_ONLY,
    )  # fmt: skip


def _result(told: Told) -> CallToolResult:
    content = TextContent(type="text", text=told.text)
    return CallToolResult(
        content=[content], structured_content=told.structured, is_error=told.failed
    )
