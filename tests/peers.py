"""MCP servers of others, each in an environment of its own, and the pretend EHR's FHIR server at an address that they can reach.

`python -m tests.peers NAME ...` installs: by pip, from the lock of that name, below `.setup/peers`. What a server asks of the EHR goes
over loopback.
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree, which
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.stack import EHR, ROOT, Stack

FOLDER = ROOT / ".setup" / "peers"
NEEDED = (3, 12)
NAMES = tuple(f"python3.{minor}" for minor in range(12, 16))


class NotInstalled(Exception):
    """A server could not be installed; the message says why."""


def installed(name: str) -> Path:
    """Return the folder of a server's commands, installed now unless it was.

    Raises:
        NotInstalled: no Python that it takes, or pip failed.
    """
    lock = ROOT / f"requirements-{name}.txt"
    python, options = interpreter()
    key = hashlib.sha256(lock.read_bytes() + python.encode()).hexdigest()[:12]
    folder = FOLDER / f"{name}-{key}"
    if (folder / "done").exists():
        return folder / "bin"
    rmtree(folder, ignore_errors=True)
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", *options]
    _run([python, "-m", "venv", str(folder)])
    _run([str(folder / "bin" / "python"), *pip, "-r", str(lock)])
    (folder / "done").touch()
    return folder / "bin"


def interpreter() -> tuple[str, Sequence[str]]:
    """Return a Python as new as the servers say they need, or this one and the option of pip to go on all the same."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    pyenv = sorted(root.glob("versions/*/bin"))
    for name in NAMES:
        for found in (which(name), *(str(folder / name) for folder in pyenv)):
            if found and _is_new(found):
                return found, ()
    if sys.version_info >= NEEDED:
        return sys.executable, ()
    return sys.executable, ("--ignore-requires-python",)


def _is_new(python: str) -> bool:
    """Tell whether it runs: a name on the path may be a shim of nothing."""
    asked = f"import sys; sys.exit(sys.version_info < {NEEDED})"
    try:
        return subprocess.run([python, "-c", asked], capture_output=True, check=False).returncode == 0  # fmt: skip
    except OSError:
        return False


def _run(command: list[str]) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotInstalled(str(error)) from error
    if ran.returncode:
        raise NotInstalled((ran.stderr or ran.stdout).strip()[-300:])


@contextmanager
def ehr_on_loopback(
    stack: Stack, token: Callable[[], str] | None = None, *, moved: bool = True
) -> Iterator[str]:
    """Serve the pretend EHR over HTTP; yield its FHIR base.

    `token` is put onto requests that bring none; `moved`: its links are of that base, not of its own name.
    """
    server = make_server("127.0.0.1", 0, _refuse, threaded=True, request_handler=_Quiet)
    origin = f"http://127.0.0.1:{server.port}"
    server.app = _At(stack.ehr, origin if moved else EHR, token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{origin}/fhir"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of each request."""


def _refuse(_: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    start("503 Service Unavailable", [])
    return []


class _At:
    """The EHR as it is at another address: that stands in what it sends (links to next pages).

    A slash at the end of a path counts for nothing, as with many FHIR servers: one of the clients writes `Type/id/`.
    """

    def __init__(self, ehr: WSGIApplication, origin: str, token: Callable[[], str] | None) -> None:
        self._ehr = ehr
        self._origin = origin.encode()
        self._token = token

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ["PATH_INFO"].rstrip("/")
        if self._token is not None and not environ.get("HTTP_AUTHORIZATION"):
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self._token()}"
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def keep(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:  # fmt: skip
            said.append((status, headers))
            return lambda _: None

        body = b"".join(self._ehr(environ, keep)).replace(EHR.encode(), self._origin)
        status, headers = said[0]
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]


def token_of(stack: Stack, chart: str) -> str:
    """Launch a chart and return the access token that the EHR gave for it."""
    stack.browser().launch(chart)
    return [*stack.state.access_tokens._issued][-1]


def main(names: Sequence[str]) -> int:
    """Install servers."""
    for name in names:
        installed(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
