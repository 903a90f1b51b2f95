"""The MCP server over standard input and output, for a host on this machine that starts it itself.

It answers for one token, minted after a launch as for HTTP, and verifies it at every request: what ends there ends here. The token
comes from a file, read again each time so that a renewed one counts, or from the environment. One process is one connection, and what
a host's model has read stays in its conversation: a token for another patient is refused there.
"""

from collections.abc import Callable
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.stdio import stdio_server

from app.errors import ChartsideError, ConfigurationError
from app.mcp.authorization import McpCaller, Presented
from app.mcp.bridge import Bridge
from app.mcp.errors import McpOtherPatient
from app.mcp.reading import Reading
from app.mcp.server import make_server, refusal
from app.settings import Settings


def serve_stdio(reading: Reading, settings: Settings, version: str) -> None:
    """Serve until the host closes its end.

    Raises:
        ConfigurationError: neither variable holds a token.
    """
    token_of = token_source(settings)
    bridge = Bridge()
    enter = for_one_patient(reading)

    async def caller_of(_: ServerRequestContext[Any, Any]) -> McpCaller:
        try:
            return await bridge.run(lambda: enter(Presented(token=token_of())))
        except ChartsideError as error:
            raise refusal(error) from error

    async def serve() -> None:
        server = make_server(reading, bridge, caller_of, version)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)


def for_one_patient(reading: Reading) -> Callable[[Presented], McpCaller]:
    """Return `reading.enter` for a connection: the first patient that it is let in for is the only one.

    Raises, when called:
        McpOtherPatient: the proof is for another.
    """
    first: dict[str, tuple[str, str]] = {}

    def enter(presented: Presented) -> McpCaller:
        caller = reading.enter(presented)
        patient = (caller.context.iss, caller.context.patient_id)
        if first.setdefault("patient", patient) != patient:
            error = McpOtherPatient("the connection was begun for another patient")
            reading.refuse(caller, error.code, str(error))
            raise error
        return caller

    return enter


def token_source(settings: Settings) -> Callable[[], str]:
    """Return what gives the token of the moment; "" while the file is gone.

    Raises:
        ConfigurationError: neither variable is set.
    """
    path, token = settings.mcp_token_file, settings.mcp_token
    if path is not None:
        return lambda: path.read_text("ascii").strip() if path.is_file() else ""
    if token is not None:
        return lambda: token.reveal().decode()
    raise ConfigurationError("CHARTSIDE_MCP_TOKEN_FILE or CHARTSIDE_MCP_TOKEN must be set")
