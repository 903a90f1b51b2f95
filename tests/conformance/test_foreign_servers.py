"""MCP servers that nobody here wrote, as the `[mcp]` of a registration: approved by the command, read in a launch, over loopback.

`fhir-mcp-server` (PyPI) gives the sandbox's charts by FHIR's search and read; `server-everything` (npm) has no chart, and is asked for words.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from app.cli import main
from app.transport import Transport
from tests.conformance.run import command
from tests.evals.retrieval_gold import questions
from tests.evals.routes import compare
from tests.evals.routes import launched as route
from tests.peers import ehr_on_loopback, installed, token_of
from tests.requirements import requirement
from tests.stack import APP, Stack, make_stack, registered

KEY = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
OFF = ('iss = ["http://ehr.localhost:9000/fhir"]', 'iss = ["http://ehr.localhost:9000/fhir"]\napi = "off"')  # fmt: skip
STARTS_S = 30.0
HOW_MANY = 60


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, folder: Path, **environ: str) -> Iterator[None]:
    """Run a server until it is left; it listens on `port`."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={"PATH": "/usr/bin:/bin", **environ}, stdout=log, stderr=log)  # fmt: skip
    try:
        until = time.monotonic() + STARTS_S
        while True:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


class Site:
    """A registration whose EHR has this MCP server, the commands over it, and both parties."""

    def __init__(
        self, folder: Path, address: str, *changes: tuple[str, str], more: str = ""
    ) -> None:
        table = f'[mcp]\nurl = "http://mcp.localhost:{address}"\nmode = "none"\nname = "the foreign server"\n{more}\n'
        self.config = registered(folder, *changes, more=table)
        self._folder = folder

    def run(self, *arguments: str) -> int:
        environ = {
            "CHARTSIDE_ENVIRONMENT": "development", "CHARTSIDE_ORIGIN": APP, "CHARTSIDE_SECRET_KEY": KEY,
            "CHARTSIDE_DATABASE_URL": f"sqlite:///{self._folder}/site.db", "CHARTSIDE_LAUNCH_CONFIG": str(self.config),
        }  # fmt: skip
        return main(arguments, environ)

    def approve(self, tool: str, *more: str) -> None:
        assert self.run("mcp-tools", "sandbox", "--approve", tool, *more) == 0

    @contextmanager
    def stack(self, **more: Any) -> Iterator[Stack]:
        network = Transport(sandbox=True, proxy=None, proxy_auth=None, ca_file=None)
        stack = make_stack(self._folder, launch_config=self.config, mcp=network, **more)
        try:
            yield stack
        finally:
            stack.transport.close()


def without_notes(ehr: WSGIApplication) -> WSGIApplication:
    """Return an EHR whose FHIR API refuses notes to this application, so that its MCP server is asked for them."""

    def call(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/fhir/DocumentReference":
            return ehr(environ, start)
        start("403 Forbidden", [("Content-Type", "application/fhir+json")])
        return [
            b'{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}'
        ]

    return call


def told(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server").mkdir()
    (tmp_path / "ehr").mkdir()
    return tmp_path


@pytest.fixture
def by_fhir_mcp_server(folder: Path) -> Iterator[tuple[Stack, Stack]]:
    """Give the parties that read by FHIR, and those that read by the foreign server, which holds a token of one patient's launch."""
    port, bin_folder = free_port(), installed("fhir-mcp-server")
    direct = make_stack(folder / "ehr")
    token = token_of(direct, "marlena")
    with ehr_on_loopback(direct, moved=False) as base:
        environ = {
            "FHIR_SERVER_BASE_URL": base, "FHIR_SERVER_ACCESS_TOKEN": token, "FHIR_MCP_HOST": "127.0.0.1", "FHIR_MCP_PORT": str(port),
            "FHIR_SERVER_DISABLE_AUTHORIZATION": "true",
        }  # fmt: skip
        with running([str(bin_folder / "fhir-mcp-server")], port, folder / "server", **environ):
            site = Site(folder, f"{port}/mcp/", OFF, more='protocol = "2025"')
            site.approve("search", "--reads-only")
            site.approve("read", "--reads-only")
            with site.stack() as foreign:
                yield direct, foreign


@requirement("chartside:mcp:read-only")
def test_a_published_fhir_server_gives_the_answers_that_the_fhir_api_gives(
    by_fhir_mcp_server: tuple[Stack, Stack],
) -> None:
    direct, foreign = by_fhir_mcp_server
    launch = foreign.browser().launch("marlena")
    assert told(launch.ask("What is the latest potassium?")).startswith("Potassium 5.6 mmol/L H (3.5–5.1), collected 19-Nov-2026")  # fmt: skip
    assert "Read by the foreign server: identity, " in launch.get("/card").text
    asked = [q for q in questions(4 * HOW_MANY) if q.chart == "marlena"][:HOW_MANY]
    assert len(asked) > 20, len(asked)
    found = compare(asked, route(direct), route(foreign))
    assert [
        (one.question.tool, one.question.arguments) for one in found if one.verdict == "differs"
    ] == []
    assert sum(one.same for one in found) >= 0.95 * len(found)


@requirement("chartside:mcp:guard", "chartside:mcp:failures")
def test_a_server_that_holds_another_patients_token_gives_nothing_and_it_is_said(
    by_fhir_mcp_server: tuple[Stack, Stack],
) -> None:
    _, foreign = by_fhir_mcp_server
    launch = foreign.browser().launch("messy")
    shown = launch.get("/card").text + json.dumps(launch.ask("Any allergies?"))
    assert "Marlena" not in shown
    assert "me-patient" not in shown
    assert "none recorded" not in shown.lower()


@requirement("chartside:mcp:statement", "chartside:mcp:read-only")
def test_a_published_server_without_a_chart_is_quoted_as_its_own_statement(folder: Path) -> None:
    port = free_port()
    program = command("@modelcontextprotocol/server-everything/dist/index.js", "streamableHttp")
    with running(program, port, folder / "server", PORT=str(port)):
        site = Site(folder, f"{port}/mcp")
        words = ("--adapter", "statement", "--type", "Condition")
        assert (
            site.run("mcp-tools", "sandbox", "--approve", "toggle-simulated-logging", *words) == 2
        )
        site.approve("echo", *words)
        file = site.config / "sandbox.toml"
        file.write_text(
            f'{file.read_text("utf-8")}arguments = {{ patient = "message" }}\n', "utf-8"
        )
        with site.stack(between=without_notes) as stack:
            events = stack.browser().launch("marlena").ask("Show the notes")
    shown = json.dumps(events, ensure_ascii=False)
    assert "Statement of the foreign server (echo), not a record" in shown
    assert "only statements in words are given, no documents" in shown
