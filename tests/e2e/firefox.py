"""Firefox, spoken to in WebDriver BiDi over its own socket: Playwright does not drive the one that a system installs.

Only what the browser tests need: tabs, addresses, and scripts in a page or in one of its frames.

Source: https://www.w3.org/TR/webdriver-bidi/
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

ANSWER_S = 60
# Firefox's own values of `network.cookie.cookieBehavior`: all cookies, none of third parties.
ALLOWED, BLOCKED = 0, 1


class ScriptFailed(Exception):
    """A script threw, or its page went away under it."""


class FirefoxTab:
    """One tab. A frame is named by its place among the page's frames."""

    def __init__(self, firefox: "Firefox", context: str) -> None:
        self._firefox = firefox
        self._context = context

    def go(self, address: str) -> None:
        """Open an address."""
        self._firefox.call(
            "browsingContext.navigate", context=self._context, url=address, wait="complete"
        )

    def close(self) -> None:
        """Close it."""
        self._firefox.call("browsingContext.close", context=self._context)

    def run(self, script: str, frame: int | None = None) -> Any:
        """Return what an expression gives, as JSON, in the page or in one of its frames.

        Raises:
            ScriptFailed: it threw, or there is no such frame yet.
        """
        context = self._context if frame is None else self._frame(frame)
        found = self._firefox.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({script})) ?? null))()",
            target={"context": context},
            awaitPromise=True,
            userActivation=True,
        )
        if found["type"] != "success":
            raise ScriptFailed(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    def _frame(self, frame: int) -> str:
        tree = self._firefox.call("browsingContext.getTree", root=self._context)
        children = tree["contexts"][0]["children"]
        if frame >= len(children):
            raise ScriptFailed("no such frame yet")
        return str(children[frame]["context"])


class Firefox:
    """A running Firefox with a profile of its own."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0

    def tab(self) -> FirefoxTab:
        """Open a tab."""
        return FirefoxTab(self, self.call("browsingContext.create", type="tab")["context"])

    def call(self, method: str, **parameters: Any) -> Any:
        """Send one command and return its result.

        Raises:
            ScriptFailed: the browser refused it.
        """
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(ANSWER_S))
            if answer.get("id") == self._sent:
                break
        if answer["type"] == "error":
            raise ScriptFailed(f"{answer['error']}: {answer['message']}")
        return answer["result"]


@contextmanager
def firefox(profile: Path, preferences: Mapping[str, Any]) -> Iterator[Firefox]:
    """Start Firefox without a window, and end it."""
    profile.mkdir(parents=True)
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});"
        for name, value in preferences.items()
    ]
    (profile / "user.js").write_text("\n".join(lines))
    command = [executable(), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]  # fmt: skip
    environ = {**os.environ, "HOME": str(profile)}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            with connect(f"{_address(running)}/session", max_size=None, compression=None) as socket:
                found = Firefox(socket)
                found.call("session.new", capabilities={})
                yield found
                found.call("browser.close")
        finally:
            if running.poll() is None:
                running.terminate()


def executable() -> str:
    """Return the Firefox to use: `FIREFOX`, one that is installed, or the one in `.setup`."""
    given = os.environ.get("FIREFOX")
    installed = shutil.which("firefox-esr") or shutil.which("firefox")
    own = next(
        (str(path) for path in Path(".setup/firefox").glob("**/firefox") if path.is_file()), None
    )
    found = given or installed or own
    assert found, "no Firefox: tests/e2e/install_browsers.sh installs one"
    return found


def _address(running: "subprocess.Popen[str]") -> str:
    assert running.stderr is not None
    for line in running.stderr:
        if found := re.search(r"listening on (ws://\S+)", line):
            # What Firefox says later is read away, or it would stop at a full pipe.
            threading.Thread(target=running.stderr.read, daemon=True).start()
            return found[1]
    raise AssertionError("Firefox ended before it listened")
