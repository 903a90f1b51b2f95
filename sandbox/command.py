"""Run one of the copilot's commands with the settings of `make run`: `python -m sandbox.command export sandbox`."""

import subprocess
import sys
from pathlib import Path

from sandbox.demo import APP_MCP_PORT, APP_PORT, EHR_PORT, MCP_PORT, Demo, app_environ


def main() -> int:
    """Return the command's exit code."""
    demo = Demo(
        ehr_port=EHR_PORT, app_port=APP_PORT, folder=Path("run"), mcp_port=MCP_PORT, app_mcp_port=APP_MCP_PORT
    )  # fmt: skip
    command = [sys.executable, "-m", "app.cli", *sys.argv[1:]]
    return subprocess.run(command, env=app_environ(demo), check=False).returncode  # noqa: S603 - whoever runs this types it


if __name__ == "__main__":
    sys.exit(main())
