"""From the click on the app to the launch card on the screen, with 100 ms added to every FHIR request.

Real servers, a real Chromium, a fresh profile for every run; the worst of the runs counts. Requests are counted at
the EHR's own log, from the launch to the card, for each chart.
"""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from bench.figures import show

LATENCY_MS, RUNS = 100, 3
CHARTS = ("marlena", "typical", "large")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> None:
    with servers() as ehr_port, sync_playwright() as playwright:
        shown: dict[str, list[float]] = {}
        requests: dict[str, int] = {}
        for chart in CHARTS * RUNS:
            patient = json.loads(Path(f"sandbox/charts/{chart}/manifest.json").read_text())[
                "patient"
            ]
            before = fhir_requests(ehr_port)
            shown.setdefault(chart, []).append(launch(playwright, ehr_port, patient))
            requests[chart] = fhir_requests(ehr_port) - before
    for chart in CHARTS:
        name = f"card.shown_s_{chart}"
        show(name, round(max(shown[chart]), 2), "s", goal=2 if chart == "typical" else None)
    show("card.shown_s", round(max(max(times) for times in shown.values()), 2), "s", goal=2,
         against=f"worst of {RUNS} runs of {len(CHARTS)} charts, {LATENCY_MS} ms a request")  # fmt: skip
    show(
        "card.requests",
        max(requests.values()),
        "requests",
        goal=12,
        against="the most of three charts",
    )


def launch(playwright: Playwright, ehr_port: int, patient: str) -> float:
    """Open the chart, click the app, return the seconds until the card stands there."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
    page = browser.new_page()
    page.goto(f"http://ehr.localhost:{ehr_port}/chart/{patient}")
    started = time.monotonic()
    page.get_by_role("link", name="Chartside", exact=True).click()
    page.frame_locator("iframe").locator(".card .rows").first.wait_for(timeout=60_000)
    elapsed = time.monotonic() - started
    browser.close()
    return elapsed


def fhir_requests(ehr_port: int) -> int:
    """Return how many FHIR requests the EHR has answered, discovery and keys not counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ehr_port}/wire.json", timeout=20) as response:
        wire = json.loads(response.read())
    return sum(1 for one in wire if one["path"].startswith("/fhir/") and "/." not in one["path"])


@contextlib.contextmanager
def servers() -> Iterator[int]:
    """Start both servers on free ports with the latency added, give the EHR's port, end them afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="chartside-bench-"))
    Path("run/sandbox").mkdir(parents=True, exist_ok=True)
    (folder / "sandbox").symlink_to(Path("run/sandbox").resolve())
    ehr_port, app_port = free_port(), free_port()
    command = [
        sys.executable, "-m", "sandbox.demo", "--ehr-port", str(ehr_port), "--app-port", str(app_port),
        "--folder", str(folder), "--latency-ms", str(LATENCY_MS),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            next(line for line in demo.stdout if "Ctrl-C" in line)
            yield ehr_port
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
