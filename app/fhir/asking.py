"""Send one launch's requests: with its token, patiently, not twice for the same answer, within what it may ask.

A short Retry-After is waited for once; a 401 is asked again once with a newer token. Answers that came with an ETag
are kept for the launch and asked for again by If-None-Match, so that a re-read of what did not change sends nothing.

Source: RFC 9110 10.2.3 (Retry-After), 13.1.2 (If-None-Match), 15.4.5 (304); https://hl7.org/fhir/R4/http.html
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import BoundedSemaphore, Lock
from typing import Protocol

from app.boundary import Boundary, Response
from app.errors import LimitReached
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import Query, Resource

# The requests of one launch that are under way at once; an EHR's are bounded beside that (see `SharedEhr`).
CONNECTIONS = 6
LONGEST_WAIT_S = 2.0
MOST_KEPT = 64
# As sent; in memory an answer takes several times that.
MOST_KEPT_BYTES = 16 * 1024 * 1024


class Asks(Protocol):
    """How a launch asks for FHIR JSON: of a FHIR server (`Asking`), or of an MCP server that gives it."""

    def begin_turn(self) -> None:
        """A person asks something new: the requests of a turn are counted from here."""

    def offers(self, iss: str, query: Query, *, ask: bool) -> bool | None:
        """Tell whether a search is offered; None where that is not known."""

    def keeps_versions(self, iss: str, resource_type: str) -> bool:
        """Tell whether the history of a resource is given."""

    def includes(self, iss: str, resource_type: str, element: str) -> bool:
        """Tell whether what an element refers to can come with a search, as far as that is known by now."""

    def get(
        self, url: str, count: Callable[[], None], *, accept: str = "", bearer: bool = True
    ) -> Response:
        """GET an address below the FHIR base."""


class Requests:
    """The requests of one launch, counted against what it, and one question of it, may make. Thread-safe."""

    def __init__(self, shared: SharedEhr) -> None:
        self._shared = shared
        self._lock = Lock()
        self._asked = 0
        # None before the first question: the launch card is bounded by itself.
        self._in_turn: int | None = None

    def begin_turn(self) -> None:
        """Count the requests of a turn from here."""
        with self._lock:
            self._in_turn = 0

    def count(self) -> None:
        """Count one.

        Raises:
            LimitReached: this launch, or this question, has made all its requests.
        """
        with self._lock:
            in_turn = self._in_turn or 0
            if self._asked >= self._shared.requests:
                raise LimitReached(_limit(self._shared.requests, "launch"))
            if self._in_turn is not None and in_turn >= self._shared.requests_per_turn:
                raise LimitReached(_limit(self._shared.requests_per_turn, "question"))
            self._asked += 1
            self._in_turn = None if self._in_turn is None else in_turn + 1


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """An answer that came with an ETag."""

    etag: str
    json: Resource
    size_bytes: int


class Asking:
    """The requests of one launch. Thread-safe. `token` and `refused` are as for `FhirSource`."""

    def __init__(
        self,
        boundary: Boundary,
        shared: SharedEhr,
        token: Callable[[], str],
        *,
        refused: Callable[[str], None],
        sleep: Callable[[float], None],
    ) -> None:
        self._boundary = boundary
        self._shared = shared
        self._token = token
        self._refused = refused
        self._sleep = sleep
        self._lock = Lock()
        self._free = BoundedSemaphore(CONNECTIONS)
        self._requests = Requests(shared)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def begin_turn(self) -> None:
        """A person asks something new: the requests of a turn are counted from here."""
        self._requests.begin_turn()

    def offers(self, iss: str, query: Query, *, ask: bool) -> bool | None:
        """As `SharedEhr.offers`; reading the EHR's statement is a request of the launch that needs it first.

        Raises:
            LimitReached: the launch, or this question, has no request left for it.
        """
        count = self._requests.count
        return self._shared.offers(iss, query.resource_type, ask=ask, count=count)

    def keeps_versions(self, iss: str, resource_type: str) -> bool:
        """As `SharedEhr.keeps_versions`; raises as `offers`."""
        return self._shared.keeps_versions(iss, resource_type, count=self._requests.count)

    def includes(self, iss: str, resource_type: str, element: str) -> bool:
        """As `SharedEhr.includes`."""
        return self._shared.includes(iss, resource_type, element)

    def get(
        self, url: str, count: Callable[[], None], *, accept: str = "", bearer: bool = True
    ) -> Response:
        """GET an address; `count` is called for each request that is sent.

        `accept` asks for another form than FHIR JSON; without `bearer` the token stays here.

        Raises:
            BoundaryRefused, EhrUnavailable: as `Boundary.get_json`.
            LimitReached: this launch, or this question, has made all its requests.
            SessionEnded: the token is gone.
        """
        token = self._token() if bearer else ""
        answer = self._send(url, token, count, accept)
        wait = answer.retry_after_s
        if answer.status == 429 and wait is not None and wait <= LONGEST_WAIT_S:
            self._sleep(wait)
        elif answer.status != 401 or not bearer or not self._newer_than(token):
            return answer
        newer = self._token() if bearer else ""
        answer = self._send(url, newer, count, accept)
        if answer.status == 401 and bearer:
            self._refused(newer)
        return answer

    def _newer_than(self, token: str) -> bool:
        self._refused(token)
        return self._token() != token

    def _send(self, url: str, token: str, count: Callable[[], None], accept: str) -> Response:
        with self._free:
            return self._send_now(url, token, count, accept)

    def _send_now(self, url: str, token: str, count: Callable[[], None], accept: str) -> Response:
        kept = self._counted(url)
        count()
        headers = {"If-None-Match": kept.etag} if kept else {}
        headers |= {"Accept": accept} if accept else {}
        with self._shared.connection():
            answer = self._boundary.get_json(url, bearer=token, headers=headers)
        if answer.status == 304 and kept:
            return replace(answer, status=200, json=kept.json)
        self._keep(url, answer)
        return answer

    def _counted(self, url: str) -> "_Kept | None":
        """Count a request, and return what is kept of its last answer."""
        self._requests.count()
        with self._lock:
            return self._kept.get(url)

    def _keep(self, url: str, answer: Response) -> None:
        etag = answer.headers.get("etag", "")
        with self._lock:
            self._kept.pop(url, None)
            if etag and answer.status == 200 and isinstance(answer.json, dict):
                self._kept[url] = _Kept(etag=etag, json=answer.json, size_bytes=answer.size_bytes)
            while len(self._kept) > MOST_KEPT or self._size_bytes() > MOST_KEPT_BYTES:
                self._kept.popitem(last=False)

    def _size_bytes(self) -> int:
        return sum(one.size_bytes for one in self._kept.values())


def _limit(requests: int, of: str) -> str:
    return f"this site's limit of {requests:,} requests for one {of} is reached"
