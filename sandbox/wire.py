"""The wire log: every launch, OAuth and FHIR exchange, without secrets and without chart content, in a ring buffer."""

import io
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sandbox.wire_words import (
    Pairs,
    kind_of,
    shown_authorization,
    shown_form,
    shown_json,
    shown_location,
    shown_path,
    shown_query,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CAPACITY = 5000
LOGGED_PREFIXES = ("/fhir", "/auth", "/v/r4", "/keys", "/smart-style")
FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 65_536
# Where the FHIR doors say what their answer holds.
TOLD = "sandbox.told"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. `bearer` tells that a token came along, never which.

    `kind` is launch, discovery, keys, authorize, token, introspect, revoke, style, fhir or other. `sent` and `got` are names
    and what may be shown of their values.
    """

    number: int
    at: datetime
    kind: str
    method: str
    path: str
    query: str
    status: int
    bearer: bool
    ms: float
    sent: Pairs = ()
    got: Pairs = ()


class WireLog:
    """The last exchanges, oldest first. Safe for concurrent threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._exchanges: deque[Exchange] = deque(maxlen=CAPACITY)
        self._count = 0
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """The number of the newest exchange."""
        return self._count

    def entries(self, path_prefix: str = "") -> list[Exchange]:
        """Return the exchanges whose path starts so."""
        with self._lock:
            return [one for one in self._exchanges if one.path.startswith(path_prefix)]

    def clear(self) -> None:
        """Forget every exchange."""
        with self._lock:
            self._exchanges.clear()

    def launched(self, address: str) -> None:
        """Record that the EHR sends a browser to an app."""
        self._keep(
            kind="launch", method="GET", path="", query="", status=0, bearer=False, ms=0.0,
            got=shown_location(address),
        )  # fmt: skip

    def add(self, environ: "WSGIEnvironment", status: int, ms: float, sent: Pairs, got: Pairs) -> None:  # fmt: skip
        """Record one exchange."""
        path = environ["PATH_INFO"]
        self._keep(
            kind=kind_of(path),
            method=environ["REQUEST_METHOD"],
            path=shown_path(path),
            query=shown_query(path, environ.get("QUERY_STRING", "")),
            status=status,
            bearer=environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer "),
            ms=round(ms, 1),
            sent=sent,
            got=got,
        )

    def _keep(self, **found: object) -> None:
        with self._lock:
            self._count += 1
            self._exchanges.append(
                Exchange(number=self._count, at=self._clock(), **found)  # type: ignore[arg-type]  # its own fields
            )


def logged(application: "WSGIApplication", wire: WireLog) -> "WSGIApplication":
    """Return `application` with its OAuth and FHIR exchanges recorded."""

    def call(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(LOGGED_PREFIXES):
            return application(environ, start_response)
        started = time.perf_counter()
        answered: list[tuple[int, dict[str, str]]] = []

        def start(status: str, headers: list[tuple[str, str]], *more: object) -> Callable[[bytes], object]:  # fmt: skip
            answered.append((int(status.split(" ", 1)[0]), {k.lower(): v for k, v in headers}))
            return start_response(status, headers, *more)  # type: ignore[arg-type]  # passed through

        sent = (*shown_authorization(environ.get("HTTP_AUTHORIZATION", "")), *_form(environ))
        body = application(environ, start)
        status, headers = answered[-1]
        body, got = _got(environ, headers, body)
        wire.add(environ, status, (time.perf_counter() - started) * 1000, sent, got)
        return body

    return call


def _form(environ: "WSGIEnvironment") -> Pairs:
    """Return the fields of a posted form, which stays there for the application to read."""
    if not environ.get("CONTENT_TYPE", "").startswith(FORM):
        return ()
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if size > MOST_FORM_BYTES:
        return (("form", "too large to be shown"),)
    form = environ["wsgi.input"].read(size)
    environ["wsgi.input"] = io.BytesIO(form)
    return shown_form(form)


def _got(
    environ: "WSGIEnvironment", headers: dict[str, str], body: Iterable[bytes]
) -> tuple[Iterable[bytes], Pairs]:
    if "location" in headers:
        return body, shown_location(headers["location"])
    if kind_of(environ["PATH_INFO"]) == "fhir":
        said = environ.get(TOLD, "")
        return body, (("answer", said),) if said else ()
    if not headers.get("content-type", "").startswith("application/json"):
        return body, ()
    whole = b"".join(body)
    if close := getattr(body, "close", None):
        close()
    return [whole], shown_json(whole)
