"""Real servers on free ports, started exactly as `make run` starts them, and a real Chromium."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    BrowserContext,
    Frame,
    FrameLocator,
    Page,
    Playwright,
    sync_playwright,
)

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-quic",
    "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
]  # fmt: skip
START_S = 120
FRAME = "iframe[title='Chartside']"
NewContext = Callable[..., BrowserContext]


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Where the servers listen; browsers know them by name, this process by address."""

    ehr_port: int
    app_port: int
    folder: Path
    mcp_port: int = 0

    @property
    def ehr(self) -> str:
        """The EHR as a browser names it."""
        return f"http://ehr.localhost:{self.ehr_port}"

    @property
    def app(self) -> str:
        """The copilot as a browser names it."""
        return f"http://app.localhost:{self.app_port}"

    @property
    def mcp(self) -> str:
        """The copilot's MCP server, for hosts on this computer."""
        return f"http://127.0.0.1:{self.mcp_port}"

    def chart(self, name: str) -> str:
        """Return the EHR's page of a chart with the copilot open."""
        return f"{self.ehr}/chart/{self.patient(name)}?app=chartside"

    def patient(self, name: str) -> str:
        """Return the patient id of a chart."""
        manifest = ROOT / "sandbox" / "charts" / name / "manifest.json"
        return str(json.loads(manifest.read_text())["patient"])

    def fault(self, **rule: Any) -> None:
        """Switch a fault on."""
        self._sandbox("POST", "/sandbox/faults", rule)

    def mend(self) -> None:
        """Switch every fault off."""
        self._sandbox("DELETE", "/sandbox/faults")

    def wire(self) -> list[dict[str, Any]]:
        """Return the EHR's log of exchanges."""
        found: list[dict[str, Any]] = json.loads(self._sandbox("GET", "/wire.json"))
        return found

    def _sandbox(self, method: str, path: str, body: object = None) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ehr_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return bytes(response.read())


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The EHR, the copilot and its MCP server, for the whole run."""
    folder = tmp_path_factory.mktemp("demo")
    with started(folder, dict(os.environ), mcp=True) as found:
        yield found


@dataclass(frozen=True, kw_only=True)
class Behind:
    """Proxies before the servers, each by the port that browsers know and the one that the server listens on."""

    app: tuple[int, int] = (0, 0)
    ehr: tuple[int, int] = (0, 0)


@contextmanager
def started(
    folder: Path,
    environ: dict[str, str],
    *,
    behind: Behind | None = None,
    log: Path | None = None,
    mcp: bool = False,
) -> Iterator[Servers]:
    """Start the servers as `make run` does; `log` gets what they say, else it goes where pytest's own goes.

    With `mcp` also the copilot's MCP server, for hosts whose users sign in outside the EHR.
    """
    (app_port, app_listens), (ehr_port, ehr_listens) = (
        (behind or Behind()).app,
        (behind or Behind()).ehr,
    )
    found = Servers(
        ehr_port=ehr_port or free_port(),
        app_port=app_port or free_port(),
        folder=folder,
        mcp_port=free_port() if mcp else 0,
    )
    command = [
        sys.executable, "-m", "sandbox.demo", "--ehr-port", str(found.ehr_port), "--app-port", str(found.app_port),
        "--folder", str(folder), "--app-listens", str(app_listens), "--ehr-listens", str(ehr_listens),
        *(("--app-mcp-port", str(found.mcp_port), "--sign-in") if mcp else ()),
    ]  # fmt: skip
    # The prepared charts are the costly part of the EHR's start; they are shared with `make run`.
    shared = ROOT / "run" / "sandbox"
    shared.mkdir(parents=True, exist_ok=True)
    (folder / "sandbox").symlink_to(shared)
    with ExitStack() as files:
        said = files.enter_context(log.open("w")) if log else None
        demo = files.enter_context(
            subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=said, text=True
            )
        )
        try:
            _wait_for_address(demo)
            yield found
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(timeout=30)


@pytest.fixture(autouse=True)
def _mended(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "servers" in request.fixturenames:
        found: Servers = request.getfixturevalue("servers")
        found.mend()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture
def new_context(playwright: Playwright, tmp_path: Path) -> Iterator[NewContext]:
    """Return a function that opens a fresh profile; `block_cookies` is Chromium's own setting for third parties."""
    opened: list[BrowserContext] = []

    def make(
        *, block_cookies: bool = True, width: int = 1200, height: int = 900, **options: Any
    ) -> BrowserContext:
        profile = tmp_path / f"profile-{len(opened)}"
        profile_preferences(profile, block_cookies=block_cookies)
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=chromium(),
            args=FLAGS,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(20_000)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


def profile_preferences(profile: Path, *, block_cookies: bool) -> None:
    """Write Chromium's own setting for cookies of third parties into a new profile."""
    (profile / "Default").mkdir(parents=True)
    preferences = {
        "profile": {
            "cookie_controls_mode": int(block_cookies),
            "block_third_party_cookies": block_cookies,
        }
    }
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))


def chromium() -> str | None:
    """Return the Chromium to use; None means Playwright's own."""
    given = os.environ.get("CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    return given or next((path for name in names if (path := shutil.which(name))), None)


def panel(page: Page, index: int = 0) -> FrameLocator:
    """Return the copilot inside the EHR's page."""
    return page.frame_locator("iframe").nth(index)


def app_frame(page: Page, servers: Servers, index: int = 0) -> Frame:
    """Return the copilot's frame itself, to evaluate in it."""
    frames = [frame for frame in page.frames if frame.url.startswith(servers.app)]
    return frames[index]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the embedding matrix: a row for each thing done, a cell for each engine and cookie setting."""
    cells: dict[str, list[str]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            file, _, name = report.nodeid.partition("::")
            if file.endswith("test_isolation.py") and report.when == "call":
                act, _, browser = name.partition("[")
                cells.setdefault(act, []).append(f"{browser.rstrip(']')} {outcome}")
    for act, found in cells.items():
        terminalreporter.write_line(f"{act}: {', '.join(sorted(found))}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for_address(demo: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + START_S
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Ctrl-C" in line:
            return
        assert time.monotonic() < until, "the servers did not start in time"
    raise AssertionError("the servers ended before they were up")
