"""From Stop, and from a frame that is closed, until the provider's connection has ended, in the three dialects.

Real servers, a real Chromium, the real SDKs; the provider is a double that writes half a sentence and then nothing,
and notes when its connection ends. The worst of all runs counts.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import FrameLocator, Page, Playwright, sync_playwright

from bench.card import FLAGS, free_port
from bench.figures import show
from tests.doubles import streams
from tests.doubles.provider import STREAM_HEAD, Connection, Provider, stalls_after
from tests.doubles.streams import Events
from tests.stack import ROOT, patient_id

RUNS = 3
DIALECTS: dict[str, tuple[str, Callable[..., Events]]] = {
    "anthropic": ("anthropic", streams.anthropic_text),
    "responses": ("openai", streams.responses_text),
    "chat": ("compatible", streams.chat_text),
}
HALF = ("Potassium ", "is ", "halfway")
READY = ("call_1", "report_ready", '{"ready": true}')


def main() -> None:
    button: list[float] = []
    closed: list[float] = []
    with sync_playwright() as playwright:
        for dialect, (client, text) in DIALECTS.items():
            asked: list[Connection] = []
            step = _half(text, asked)
            with Provider(step) as provider, _demo(dialect, client, provider) as ehr_port:
                for _ in range(RUNS):
                    button.append(_measure(playwright, ehr_port, asked, _press_stop))
                    closed.append(_measure(playwright, ehr_port, asked, _close_frame))
    against = f"worst of {RUNS} runs in each of {len(DIALECTS)} dialects"
    show("stop.button_s", round(max(button), 2), "s", goal=1, against=against)
    show("stop.frame_closed_s", round(max(closed), 2), "s", goal=3, against=against)


def _half(text: Callable[..., Events], asked: list[Connection]) -> Callable[[Connection], None]:
    """Return a step that writes half an answer and notes the connection; what a server is asked before, whole."""
    begun = text(pieces=HALF)
    half = stalls_after(
        begun[: next(n for n, e in enumerate(begun) if b"delta" in e and b"halfway" in e) + 1]
    )

    def step(connection: Connection) -> None:
        body = connection.provider.asked[-1].body or {}
        tools = str(body.get("tools", ""))
        if "report_ready" in tools:
            connection.send(STREAM_HEAD + b"".join(streams.chat_tools([READY])))
        elif body.get("stream"):
            asked.append(connection)
            half(connection)
        else:
            connection.send(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )

    return step


def _measure(
    playwright: Playwright,
    ehr_port: int,
    asked: list[Connection],
    end: Callable[[Page, FrameLocator], None],
) -> float:
    """Ask, wait for half an answer, end it, return the seconds until the provider's connection has ended."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
    page = browser.new_page()
    page.goto(f"http://ehr.localhost:{ehr_port}/chart/{patient_id('marlena')}?app=chartside")
    frame = page.frame_locator("iframe")
    frame.get_by_role("textbox", name="Ask about this patient").fill("What is the potassium?")
    frame.get_by_role("button", name="Send question").click()
    frame.get_by_text("Potassium is halfway").wait_for()
    connection = asked[-1]
    started_s = time.monotonic()
    end(page, frame)
    if not connection.left.wait(20):
        raise RuntimeError("the provider's connection did not end")
    browser.close()
    return connection.left_at - started_s


def _press_stop(_: Page, frame: FrameLocator) -> None:
    frame.get_by_role("button", name="Stop").click()
    frame.locator("article").get_by_text("Stopped: not complete").wait_for()


def _close_frame(page: Page, _: FrameLocator) -> None:
    page.evaluate("document.querySelector('iframe').remove()")


@contextlib.contextmanager
def _demo(dialect: str, client: str, provider: Provider) -> Iterator[int]:
    """Start both servers with one model of this dialect; give the EHR's port."""
    folder = Path(tempfile.mkdtemp(prefix="chartside-bench-"))
    Path("run/sandbox").mkdir(parents=True, exist_ok=True)
    (folder / "sandbox").symlink_to(Path("run/sandbox").resolve())
    base = provider.url if dialect == "anthropic" else f"{provider.url}/v1"
    models = folder / "models.toml"
    models.write_text(
        f'[[model]]\nid = "double"\nlabel = "Double"\ndialect = "{dialect}"\nclient = "{client}"\n'
        f'model = "double-1"\nbase_url = "{base}"\nlocal = true\nkey_env = "DOUBLE_KEY"\n'
    )
    ehr_port = free_port()
    command = [
        sys.executable, "-m", "sandbox.demo", "--ehr-port", str(ehr_port), "--app-port", str(free_port()),
        "--folder", str(folder),
    ]  # fmt: skip
    environ = {**os.environ, "CHARTSIDE_MODELS": str(models), "DOUBLE_KEY": "none"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            next(line for line in demo.stdout if "Ctrl-C" in line)
            yield ehr_port
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
