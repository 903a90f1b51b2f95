"""The MCP server of analysts' hosts: tools that count, nothing else. No resource, no prompt, no patient.

Source: Model Context Protocol 2026-07-28, server features, tools
"""

from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext

from app.llm.port import Schema
from app.mcp.bridge import Bridge
from app.mcp.cohort_hosts import CohortCaller, CohortHosts
from app.mcp.server import spoken

NAME, TITLE = "chartside-cohorts", "Chartside, many patients"
INSTRUCTIONS = """Counts over many patients, from records that were exported: every answer says as of when, and what is left out.
1 to 10 patients are "fewer than 11"; a count from which so few could be counted, with all that was answered before, is "not shown" or refused: do not work it out, and do not ask in pieces. "Not met" means that the record shows none. No tool names a patient."""
SCHEMA: Schema = {"type": "object", "properties": {"tables": {"type": "array"}}, "required": ["tables"]}  # fmt: skip
Context = ServerRequestContext[Any, Any]
CallerOf = Callable[[Context], Awaitable[CohortCaller]]


def make_cohort_server(
    hosts: CohortHosts, bridge: Bridge, caller_of: CallerOf, version: str
) -> Server[Any]:
    """Return the protocol's server; `caller_of` says whom a request is for, and is asked at each."""

    async def list_tools(
        ctx: Context, _: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        caller = await caller_of(ctx)
        found = await spoken(bridge.run(lambda: hosts.tools(caller)))
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=one.name, description=one.description, input_schema=dict(one.schema), output_schema=dict(SCHEMA),
                    annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
                )
                for one in found
            ]
        )  # fmt: skip

    async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        caller, arguments = await caller_of(ctx), params.arguments or {}
        found = await spoken(bridge.run(lambda: hosts.call(caller, params.name, arguments)))
        return types.CallToolResult(
            content=[types.TextContent(text=found.text)],
            structured_content={"tables": [dict(one) for one in found.tables]}, is_error=found.is_error,
        )  # fmt: skip

    server: Server[Any] = Server(
        NAME, version=version, title=TITLE, instructions=INSTRUCTIONS, get_tool_input_schema=lambda _: None,
        on_list_tools=list_tools, on_call_tool=call_tool,
    )  # fmt: skip
    # As in `app.mcp.server`: spans would carry arguments.
    server.middleware.clear()
    return server
