"""Whether the wheel does it all by itself: built, installed into an empty environment, launched, read over HTTP and stdio.

Installing takes a while, so it runs by `make wheel` only. The sandbox EHR runs from this folder; the copilot, its MCP server and the
command `chartside` run from the installed wheel, in a folder that holds nothing but a registration.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from bench.figures import show
from sandbox import demo, host_token

ROOT = Path(__file__).resolve().parent.parent
START_S = 60.0


def main() -> None:
    """Build, install, use; print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        python = _installed(here)
        work = here / "work"
        work.mkdir()
        os.chdir(ROOT)
        _used(work, python)


def _installed(here: Path) -> Path:
    """Build the wheel and install it; return the environment's Python."""
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(here)])
    (wheel,) = here.glob("chartside-*.whl")
    show("wheel.size_kb", wheel.stat().st_size // 1024, "kB", goal=None)
    venv.create(here / "venv", with_pip=True)
    python = here / "venv" / "bin" / "python"
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    started = time.monotonic()
    _run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt")])
    _run([*pip, str(wheel)])
    show("wheel.install_s", round(time.monotonic() - started), "s", goal=None, against="with its locked dependencies")  # fmt: skip
    # What the wheel says it needs is there, in the versions that it says.
    _run([str(python), "-m", "pip", "check"])
    return python


def _used(work: Path, python: Path) -> None:
    ports = [_free_port() for _ in range(3)]
    given = demo.Demo(ehr_port=ports[0], app_port=ports[1], app_mcp_port=ports[2], folder=work)
    environ = {**demo.app_environ(given), "PATH": f"{python.parent}:{os.environ['PATH']}"}
    environ.pop("PYTHONPATH", None)
    gunicorn = [str(python), "-m", "gunicorn", "--no-control-socket"]
    bind = ["-b", f"127.0.0.1:{given.app_port}"]
    web = [*gunicorn, "-k", "gthread", "--threads", "8", *bind, "app:create_app()"]
    mcp = [str(python.parent / "chartside"), "mcp", "--port", str(given.app_mcp_port)]
    servers = [
        demo.start_ehr(given),
        *(subprocess.Popen(command, cwd=work, env=environ) for command in (web, mcp)),
    ]
    try:
        for port in ports:
            _wait(f"http://127.0.0.1:{port}/health")
        opened = host_token.launch(given.ehr, given.app, host_token.patient_of("marlena"))
        token = str(opened.token("wheel")["access_token"])
        started = time.monotonic()
        http = asyncio.run(_over_http(f"{given.app_mcp}/mcp", token))
        show(
            "wheel.http_ms",
            round(1000 * (time.monotonic() - started)),
            "ms",
            goal=None,
            against=http,
        )
        started = time.monotonic()
        stdio = asyncio.run(_over_stdio(python, work, {**environ, "CHARTSIDE_MCP_TOKEN": token}))
        show(
            "wheel.stdio_ms",
            round(1000 * (time.monotonic() - started)),
            "ms",
            goal=None,
            against=stdio,
        )
        opened.end()
    finally:
        for server in servers:
            server.send_signal(signal.SIGTERM)
        for server in servers:
            server.wait(timeout=30)


async def _over_http(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        return await _read(client)


async def _over_stdio(python: Path, work: Path, environ: Mapping[str, str]) -> str:
    command = StdioServerParameters(
        command=str(python.parent / "chartside"),
        args=["mcp", "--stdio"],
        env=dict(environ),
        cwd=work,
    )
    async with Client(stdio_client(command)) as client:
        return await _read(client)


async def _read(client: Client) -> str:
    """Read the chart; what is said of it is a count and a version."""
    listed = await client.list_tools()
    found: Any = await client.call_tool("chart_overview", {})
    if found.is_error:
        raise SystemExit(f"wheel: {found.content}")
    return f"{len(listed.tools)} tools, chart read, {client.protocol_version}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(url: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url).status_code == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"wheel: {url} did not answer")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"wheel: {' '.join(command[:5])}: {(done.stderr or done.stdout)[-600:]}")


if __name__ == "__main__":
    if shutil.which("node") is None and not (ROOT / "frontend" / "dist").is_dir():
        sys.stderr.write("wheel: no frontend is built; build it first (make wheel does)\n")
        sys.exit(2)
    main()
