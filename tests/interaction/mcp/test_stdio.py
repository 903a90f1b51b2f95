"""The server as a host on this machine starts it: a process of its own, pipes, the same database and settings."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from app.errors import ConfigurationError
from app.mcp.authorization import Presented
from app.mcp.errors import McpOtherPatient
from app.mcp.stdio import for_one_patient, token_source
from app.settings import Settings
from tests.interaction.mcp.audit import mcp_rows
from tests.interaction.mcp.hosts import token_of
from tests.interaction.policy.it import environ
from tests.requirements import requirement
from tests.stack import MCP, Browser, Stack


@requirement("mcp:transport:stdio", "mcp:auth:launch")
def test_a_host_that_starts_the_server_reads_by_the_token_in_a_file(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    launched = browser.launch("newborn")
    file = tmp_path / "token"
    file.write_text(token_of(launched) + "\n")
    variables = {**environ(stack), "CHARTSIDE_MCP_ORIGIN": MCP, "CHARTSIDE_MCP_TOKEN_FILE": str(file)}  # fmt: skip
    errors: list[str] = []

    async def act(client: Client) -> None:
        assert "chart_overview" in [tool.name for tool in (await client.list_tools()).tools]
        # This process has no EHR beside it: that is said, and nothing is taken for an empty chart.
        found = await client.call_tool("chart_overview", {})
        assert found.is_error
        assert "The EHR does not answer" in str(found.content[0])
        launched.delete()
        for token in (file.read_text(), "nothing"):
            file.write_text(token)
            try:
                await client.list_tools()
            except MCPError as error:
                errors.append(error.message)

    anyio.run(_as_host, variables, act)
    assert len(errors) == 2
    assert "This access has ended" in errors[0]
    assert "not accepted" in errors[1]
    acts = [row["act"] for row in mcp_rows(stack, launched.launch_id)]
    assert acts == ["tools/list", "tools/call", "refused"]


@requirement("mcp:patient")
def test_one_connection_is_for_one_patient(stack: Stack, browser: Browser) -> None:
    enter = for_one_patient(stack.services.mcp)
    first, other = browser.launch("newborn"), browser.launch("child")
    enter(Presented(token=token_of(first)))
    with pytest.raises(McpOtherPatient):
        enter(Presented(token=token_of(other)))
    assert mcp_rows(stack, other.launch_id)[-1]["code"] == "mcp.other_patient"
    # A new launch of the same chart goes on.
    first.delete()
    again = enter(Presented(token=token_of(browser.launch("newborn"))))
    assert again.context.patient_id


async def _as_host(variables: Mapping[str, str], act: Callable[[Client], Awaitable[None]]) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "app.cli", "mcp", "--stdio"], env=dict(variables)
    )
    async with Client(stdio_client(server)) as client:
        await act(client)


@requirement("mcp:transport:stdio")
def test_without_a_token_the_server_does_not_start(stack: Stack, tmp_path: Path) -> None:
    settings = Settings.from_env(environ(stack))
    with pytest.raises(ConfigurationError, match="CHARTSIDE_MCP_TOKEN_FILE"):
        token_source(settings)
    gone = {**environ(stack), "CHARTSIDE_MCP_TOKEN_FILE": str(tmp_path / "none")}
    assert token_source(Settings.from_env(gone))() == ""
    given = {**environ(stack), "CHARTSIDE_MCP_TOKEN": "a.b.c"}
    assert token_source(Settings.from_env(given))() == "a.b.c"
