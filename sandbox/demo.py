"""Start the sandbox EHR and the copilot, each with its MCP server, on loopback, and print the addresses (`make run`).

They run as they do elsewhere: gunicorn with threads, the MCP servers on gunicorn's ASGI worker, each configured by its
environment only. Free ports and another folder are for tests; then the copilot's registration is written for those
ports, and there is no MCP server unless a port is given for it.
"""

import argparse
import base64
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox.settings import PACKAGE

EHR_PORT, APP_PORT, MCP_PORT, APP_MCP_PORT = 9000, 9001, 9002, 9003
START_S = 120.0
# The shapes in which the EHR's MCP server gives its tools, see `sandbox.mcp.shapes`.
SHAPES = ("generic", "search", "typed")
ISS = 'iss = ["http://ehr.localhost:9000/fhir"]'


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Where the servers listen and keep their files; `mcp_port` is the EHR's own MCP server, `app_mcp_port` the copilot's."""

    ehr_port: int
    app_port: int
    folder: Path
    latency_ms: int = 0
    mcp_port: int = 0
    mcp_shape: str = ""
    app_mcp_port: int = 0
    sign_in: bool = False
    ehr_listens: int = 0
    app_listens: int = 0
    """A server's own port where a proxy has the one that browsers know; 0: none has."""

    @property
    def ehr(self) -> str:
        """The EHR's address for a browser."""
        return f"http://ehr.localhost:{self.ehr_port}"

    @property
    def app_mcp(self) -> str:
        """The copilot's MCP server for hosts, which resolve no `*.localhost`."""
        return f"http://127.0.0.1:{self.app_mcp_port}"

    @property
    def app(self) -> str:
        """The copilot's address for a browser: another site than the EHR's, as in real life."""
        return f"http://app.localhost:{self.app_port}"


def main(arguments: Sequence[str]) -> int:
    """Run the servers until one ends or the process is told to."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--ehr-port", type=int, default=EHR_PORT)
    parser.add_argument("--app-port", type=int, default=APP_PORT)
    parser.add_argument("--folder", type=Path, default=Path("run"))
    parser.add_argument("--latency-ms", type=int, default=0, help="added to every FHIR request")
    parser.add_argument("--ehr-listens", type=int, default=0, help="the EHR's port behind a proxy")
    parser.add_argument("--app-listens", type=int, default=0, help="the app's port behind a proxy")
    parser.add_argument("--mcp-port", type=int, help="the EHR's MCP server's; 0: none")
    parser.add_argument(
        "--mcp", choices=SHAPES, default="", help="read charts by the EHR's MCP server only"
    )
    parser.add_argument("--app-mcp-port", type=int, help="the copilot's MCP server's; 0: none")
    parser.add_argument(
        "--sign-in", action="store_true", help="let MCP hosts outside the EHR sign users in"
    )
    given = parser.parse_args(arguments)
    usual = given.ehr_port == EHR_PORT
    demo = Demo(
        ehr_port=given.ehr_port,
        app_port=given.app_port,
        folder=given.folder,
        latency_ms=given.latency_ms,
        mcp_port=_port(given.mcp_port, MCP_PORT if usual else 0),
        mcp_shape=given.mcp,
        app_mcp_port=_port(given.app_mcp_port, APP_MCP_PORT if usual else 0),
        sign_in=given.sign_in,
        ehr_listens=given.ehr_listens,
        app_listens=given.app_listens,
    )
    demo.folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    servers = [start_ehr(demo), _start_app(demo)]
    servers += [_start_mcp(demo)] if demo.mcp_port else []
    servers += [_start_app_mcp(demo)] if demo.app_mcp_port else []
    try:
        _wait_until_up(demo, servers)
        sys.stdout.write(
            f"\n  Sandbox EHR   {demo.ehr}\n  Chartside     {demo.app}\n{_mcp(demo)}\n"
            f"  Open {demo.ehr} in a browser, choose a patient, start Chartside from the app menu.\n"
            f"{_models(os.environ)}"
            "  Ctrl-C ends all.\n\n"
        )
        sys.stdout.flush()
        while all(server.poll() is None for server in servers):
            time.sleep(0.5)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=20)


def _port(given: int | None, usual: int) -> int:
    return usual if given is None else given


def _mcp(demo: Demo) -> str:
    ours = f"  MCP server    {demo.app_mcp}/mcp (docs/mcp.md)\n" if demo.app_mcp_port else ""
    if not demo.mcp_port:
        return ours
    theirs = f"http://mcp.ehr.localhost:{demo.mcp_port}/mcp/typed (or search, generic)"
    return f"{ours}  EHR's MCP     {theirs}\n"


def _models(environ: Mapping[str, str]) -> str:
    """Say which language models are on: the providers' own variables reach the copilot as they are."""
    found = []
    if environ.get("ANTHROPIC_API_KEY"):
        found.append(f"{environ.get('ANTHROPIC_MODEL', 'claude-sonnet-5-5')} (ANTHROPIC_API_KEY)")
    if address := environ.get("OPENAI_BASE_URL"):
        found.append(f"{environ.get('OPENAI_MODEL', 'the model of the server')} at {address}")
    elif environ.get("OPENAI_API_KEY"):
        found.append(f"{environ.get('OPENAI_MODEL', 'gpt-5.5')} (OPENAI_API_KEY)")
    if path := environ.get("CHARTSIDE_MODELS"):
        found.insert(0, f"those of {path}")
    if not found:
        return (
            "  No model key is set: answers are copied from the chart, without a language model.\n"
            "  Set ANTHROPIC_API_KEY, OPENAI_API_KEY or OPENAI_BASE_URL to try one: the charts are invented.\n"
        )
    return f"  Language models: {'; '.join(found)}. The first is used; the menu has the others and none.\n"


def start_ehr(demo: Demo) -> "subprocess.Popen[bytes]":
    """Start the EHR."""
    environ = {
        **_ehr_environ(),
        "SANDBOX_EHR_ORIGIN": demo.ehr,
        "SANDBOX_APP_LAUNCH_URL": f"{demo.app}/smart/sandbox/launch",
        "SANDBOX_DATA_FOLDER": str(demo.folder / "sandbox"),
        "SANDBOX_LATENCY_MS": str(demo.latency_ms),
    }
    return _gunicorn("sandbox:create_app()", demo.ehr_listens or demo.ehr_port, 32, environ)


def _start_mcp(demo: Demo) -> "subprocess.Popen[bytes]":
    environ = {**_ehr_environ(), "SANDBOX_EHR_ORIGIN": demo.ehr}
    return _gunicorn("sandbox.mcp:create_app()", demo.mcp_port, 0, environ)


def _start_app(demo: Demo) -> "subprocess.Popen[bytes]":
    listens = demo.app_listens or demo.app_port
    return _gunicorn("app:create_app()", listens, 320, app_environ(demo))


def _start_app_mcp(demo: Demo) -> "subprocess.Popen[bytes]":
    return _gunicorn("app:create_mcp()", demo.app_mcp_port, 0, app_environ(demo))


def app_environ(demo: Demo) -> dict[str, str]:
    """Return what the copilot and its MCP server are started with: they share database, key and registrations."""
    mcp = {"CHARTSIDE_MCP_ORIGIN": demo.app_mcp} if demo.app_mcp_port else {}
    return {
        **_clean_environ(),
        "CHARTSIDE_ENVIRONMENT": "development",
        "CHARTSIDE_ORIGIN": demo.app,
        "CHARTSIDE_SECRET_KEY": _secret_key(demo.folder / "secret_key"),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{demo.folder / 'chartside.db'}",
        "CHARTSIDE_LAUNCH_CONFIG": str(_launch_config(demo)),
        "CHARTSIDE_WAREHOUSE": str(demo.folder / "warehouse"),
        **mcp,
        **{name: os.environ[name] for name in ("CHARTSIDE_MODELS",) if name in os.environ},
    }


def _gunicorn(
    application: str, port: int, threads: int, environ: dict[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a server; one without threads is ASGI."""
    worker = ["gthread", "--threads", str(threads)] if threads else ["asgi"]
    command = [
        sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", *worker,
        "--log-level", "warning", "--graceful-timeout", "3", "-b", f"127.0.0.1:{port}", application,
    ]  # fmt: skip
    return subprocess.Popen(command, env=environ)  # noqa: S603 - fixed words and numbers only


def _clean_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CHARTSIDE_")}


def _ehr_environ() -> dict[str, str]:
    # The pretend EHR has no use for a provider's key.
    return {
        name: value for name, value in _clean_environ().items() if not name.endswith("_API_KEY")
    }


def _secret_key(path: Path) -> str:
    """Return the folder's own sealing key, made at the first start and readable by its owner only."""
    if not path.exists():
        made = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made)
    return path.read_text("ascii").strip()


def _launch_config(demo: Demo) -> Path:
    """Return the registrations' folder; for other ports, charts by MCP, or sign-in, one with them rewritten."""
    shipped, more = Path("launch_config"), PACKAGE / "mcp" / "registrations"
    usual = (demo.ehr_port, demo.app_port) == (EHR_PORT, APP_PORT)
    if usual and not (demo.mcp_shape or demo.sign_in):
        return shipped
    folder = demo.folder / "launch_config"
    folder.mkdir(exist_ok=True)
    for path in shipped.glob("*.toml"):
        text = path.read_text("utf-8")
        if path.stem == "sandbox" and demo.mcp_shape:
            table = more / f"{demo.mcp_shape}.toml"
            text = text.replace(ISS, f'{ISS}\napi = "off"') + "\n" + table.read_text("utf-8")
        if path.stem == "sandbox" and demo.sign_in:
            text += "\n" + (more / "sign_in.toml").read_text("utf-8")
        text = text.replace(f"mcp.ehr.localhost:{MCP_PORT}", f"mcp.ehr.localhost:{demo.mcp_port}")
        text = text.replace(f"ehr.localhost:{EHR_PORT}", f"ehr.localhost:{demo.ehr_port}")
        text = text.replace(f"files.localhost:{EHR_PORT}", f"files.localhost:{demo.ehr_port}")
        text = text.replace(f"app.localhost:{APP_PORT}", f"app.localhost:{demo.app_port}")
        (folder / path.name).write_text(text, "utf-8")
    return folder


def _wait_until_up(demo: Demo, servers: "Sequence[subprocess.Popen[bytes]]") -> None:
    until = time.monotonic() + START_S
    ports = [demo.ehr_listens or demo.ehr_port, demo.app_listens or demo.app_port]
    for port in (*ports, *filter(None, (demo.mcp_port, demo.app_mcp_port))):
        url = f"http://127.0.0.1:{port}/health"
        while not _answers(url):
            if any(server.poll() is not None for server in servers) or time.monotonic() > until:
                raise SystemExit("a server did not start; see the lines above")
            time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
