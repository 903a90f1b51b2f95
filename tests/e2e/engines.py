"""The same small steps in Chromium and in Firefox, with third-party cookies blocked and allowed.

A step is an address or a script: what a person does in the EHR's page is done by its own controls.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from playwright.sync_api import Error, Page, Playwright

from tests.e2e.conftest import FLAGS, chromium, profile_preferences
from tests.e2e.firefox import ALLOWED, BLOCKED, ScriptFailed, firefox

Engine = Literal["chromium", "firefox"]
WAIT_S = 30.0


class Tab(Protocol):
    """One tab; its frames are counted in the order of the page."""

    def go(self, address: str) -> None:
        """Open an address."""

    def run(self, script: str, frame: int | None = None) -> Any:
        """Return what an expression gives, as JSON, in the page or in one of its frames."""

    def close(self) -> None:
        """Close it."""


class ChromiumTab:
    """A tab of Chromium."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def go(self, address: str) -> None:
        """Open an address."""
        self._page.goto(address)

    def close(self) -> None:
        """Close it."""
        self._page.close()

    def run(self, script: str, frame: int | None = None) -> Any:
        """Evaluate an expression."""
        main = self._page.main_frame
        frames = main.child_frames
        if frame is not None and frame >= len(frames):
            raise ScriptFailed("no such frame yet")
        try:
            return (main if frame is None else frames[frame]).evaluate(script)
        except Error as error:
            raise ScriptFailed(str(error)) from error


@contextmanager
def tabs(
    engine: Engine,
    *,
    block_cookies: bool,
    profile: Path,
    playwright: Playwright,
) -> Iterator[Callable[[], Tab]]:
    """Start a browser with a fresh profile and yield what opens a tab in it."""
    if engine == "firefox":
        behavior = BLOCKED if block_cookies else ALLOWED
        with firefox(profile, {"network.cookie.cookieBehavior": behavior}) as browser:
            yield browser.tab
        return
    profile_preferences(profile, block_cookies=block_cookies)
    context = playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=chromium(),
        args=FLAGS,
        viewport={"width": 1200, "height": 900},
    )
    try:
        yield lambda: ChromiumTab(context.new_page())
    finally:
        context.close()


def until(tab: Tab, script: str, frame: int | None = None) -> Any:
    """Return what a script gives as soon as it gives something true; a page that is on its way is asked again."""
    end = time.monotonic() + WAIT_S
    last: object = None
    while time.monotonic() < end:
        try:
            last = tab.run(script, frame)
        except ScriptFailed as error:
            last = error
        else:
            if last:
                return last
        time.sleep(0.05)
    shown = tab.run("location.href + document.body.innerText", frame)
    raise AssertionError(f"{script} in frame {frame}: {last}, shown {shown[-800:]}")
