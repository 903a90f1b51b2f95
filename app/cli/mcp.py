"""`mcp`: the MCP server, over HTTP on loopback or over standard input and output."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from app.cli.desk import Desk
from app.settings import VERSION
from app.wiring import build

if TYPE_CHECKING:
    from app.cli.desk import Commands

PORT = 9003


def add(commands: "Commands") -> None:
    """Add the command."""
    served = commands.add_parser("mcp", help="serve charts to MCP hosts, for launched users")
    served.add_argument(
        "--stdio", action="store_true",
        help="for a host that starts this itself; CHARTSIDE_MCP_TOKEN_FILE or CHARTSIDE_MCP_TOKEN holds a launch's token",
    )  # fmt: skip
    served.add_argument(
        "--port", type=int, default=PORT, help="on 127.0.0.1; a proxy stands before"
    )
    served.set_defaults(act=_mcp)


def _mcp(desk: Desk, given: argparse.Namespace) -> int:
    if not given.stdio:
        _become_gunicorn(given.port)
    # The SDK costs a second of start-up, and no other command needs it.
    from app.mcp.stdio import serve_stdio  # noqa: PLC0415

    services = build(desk.settings, transport=desk.transport, clock=desk.clock)
    services.forget_ended()
    serve_stdio(services.mcp, desk.settings, VERSION)
    return 0


def _become_gunicorn(port: int) -> None:
    command = [
        sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "asgi", "-b", f"127.0.0.1:{port}", "app:create_mcp()",
    ]  # fmt: skip
    os.execv(sys.executable, command)  # noqa: S606 - fixed words and a number
