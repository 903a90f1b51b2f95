"""The wire log: every OAuth and FHIR exchange, without tokens, in a ring buffer."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CAPACITY = 5000
LOGGED_PREFIXES = ("/fhir", "/auth", "/v/r4", "/smart-style")
# Values that open something, or that tie a launch to a browser, are not shown.
HIDDEN = frozenset(
    {"access_token", "choice", "code_challenge", "launch", "nonce", "state", "token"}
)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. `bearer` tells that a token came along, never which."""

    number: int
    at: datetime
    method: str
    path: str
    query: str
    status: int
    bearer: bool
    ms: float


class WireLog:
    """The last exchanges, oldest first. Safe for concurrent threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._exchanges: deque[Exchange] = deque(maxlen=CAPACITY)
        self._count = 0
        self._lock = threading.Lock()

    def entries(self, path_prefix: str = "") -> list[Exchange]:
        """Return the exchanges whose path starts so."""
        with self._lock:
            return [one for one in self._exchanges if one.path.startswith(path_prefix)]

    def clear(self) -> None:
        """Forget every exchange."""
        with self._lock:
            self._exchanges.clear()

    def add(self, environ: "WSGIEnvironment", status: int, ms: float) -> None:
        """Record one exchange."""
        with self._lock:
            self._count += 1
            self._exchanges.append(
                Exchange(
                    number=self._count,
                    at=self._clock(),
                    method=environ["REQUEST_METHOD"],
                    path=environ["PATH_INFO"],
                    query=_without_secrets(environ.get("QUERY_STRING", "")),
                    status=status,
                    bearer=environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer "),
                    ms=round(ms, 1),
                )
            )


def logged(application: "WSGIApplication", wire: WireLog) -> "WSGIApplication":
    """Return `application` with its OAuth and FHIR exchanges recorded."""

    def call(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(LOGGED_PREFIXES):
            return application(environ, start_response)
        started = time.perf_counter()
        statuses: list[int] = []

        def start(status: str, *arguments: object) -> Callable[[bytes], object]:
            statuses.append(int(status.split(" ", 1)[0]))
            return start_response(status, *arguments)  # type: ignore[arg-type]  # passed through

        body = application(environ, start)
        wire.add(environ, statuses[-1], (time.perf_counter() - started) * 1000)
        return body

    return call


def _without_secrets(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, "hidden" if name in HIDDEN else value) for name, value in pairs])
