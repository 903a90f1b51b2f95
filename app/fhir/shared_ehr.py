"""What all launches of one EHR share: what it says that it offers, and how much it is asked at once.

The CapabilityStatement is read once, without a token, when a launch first asks for more than the first screen; it is
kept for a day. Only a plain statement counts: a type that is not listed, or without `search-type`, is never asked for
and never "none". A statement that cannot be read says nothing, and everything is asked for.

Source: https://hl7.org/fhir/R4/capabilitystatement.html, https://hl7.org/fhir/R4/http.html#capabilities
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from app.boundary import Boundary
from app.errors import BoundaryRefused, EhrUnavailable, LimitReached

KEPT_S, TRIED_AGAIN_S = 86_400.0, 600.0
LONGEST_WAIT_S = 20.0
CONNECTIONS, REQUESTS, REQUESTS_PER_TURN = 24, 600, 120


class SharedEhr:
    """One EHR, as all its launches share it. Thread-safe. `requests` is how many one launch may make, and one question of it."""

    def __init__(
        self,
        boundary: Boundary,
        *,
        connections: int = CONNECTIONS,
        requests: int = REQUESTS,
        requests_per_turn: int = REQUESTS_PER_TURN,
        reads_statement: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = requests
        self.requests_per_turn = requests_per_turn
        self._boundary = boundary
        self._free = BoundedSemaphore(connections)
        self._clock = clock
        self._reads_statement = reads_statement
        self._lock = Lock()
        self._known: dict[str, tuple[float, Statement | None]] = {}

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Hold one of the EHR's connections.

        Raises:
            LimitReached: none came free in time.
        """
        if not self._free.acquire(timeout=LONGEST_WAIT_S):
            raise LimitReached("this site's limit of requests at once is reached")
        try:
            yield
        finally:
            self._free.release()

    def offers(
        self, iss: str, resource_type: str, *, ask: bool, count: Callable[[], object]
    ) -> bool | None:
        """Tell whether an EHR offers searches of a type; None where that is not known. `ask`: read its statement.

        `count` is called before the statement is asked for, by the launch that asks.

        Raises:
            LimitReached: by `count`; nothing was sent, and the next launch asks.
        """
        known = self._statement(iss, ask=ask, count=count)
        return None if known is None else resource_type in known.searched

    def keeps_versions(self, iss: str, resource_type: str, *, count: Callable[[], object]) -> bool:
        """Tell whether an EHR says that it gives the history of a resource; silence is no. As `offers`."""
        known = self._statement(iss, ask=True, count=count)
        return known is not None and resource_type in known.versioned

    def includes(self, iss: str, resource_type: str, element: str) -> bool:
        """Tell whether an EHR's statement, as far as it was read, lists an `_include` of this element. Asks for nothing."""
        known = self._known.get(iss, (0.0, None))[1]
        return known is not None and f"{resource_type}:{element}" in known.included

    def _statement(self, iss: str, *, ask: bool, count: Callable[[], object]) -> "Statement | None":
        if not ask or not self._reads_statement:
            # A first screen does not wait for another launch that reads the statement.
            return self._known.get(iss, (0.0, None))[1]
        with self._lock:
            now = self._clock()
            until, known = self._known.get(iss, (0.0, None))
            if now >= until:
                count()
                known = self._read(iss)
                kept = TRIED_AGAIN_S if known is None else KEPT_S
                self._known[iss] = (now + kept, known)
        return known

    def _read(self, iss: str) -> "Statement | None":
        """Return what the statement says; None if it says nothing."""
        try:
            with self.connection():
                answer = self._boundary.get_json(f"{iss.rstrip('/')}/metadata")
        except (EhrUnavailable, BoundaryRefused):
            return None
        searched = searched_types(answer.json) if answer.status == 200 else None
        if searched is None:
            return None
        versioned = types_with(answer.json, lambda r: _has(r, "history-instance"))
        return Statement(
            searched=searched, versioned=versioned, included=included_with(answer.json)
        )


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a CapabilityStatement says: types that can be searched, those whose versions are given, its `searchInclude`s."""

    searched: frozenset[str]
    versioned: frozenset[str]
    included: frozenset[str]


def searched_types(statement: object) -> frozenset[str] | None:
    """Return the types of a CapabilityStatement that can be searched; None where it lists none or is none."""
    return types_with(statement, _is_searched) or None


def types_with(statement: object, does: Callable[[dict[str, object]], bool]) -> frozenset[str]:
    """Return the types of a CapabilityStatement's servers of which something is said; none where it is no statement."""
    return frozenset(str(one.get("type")) for one in _described(statement) if does(one))


def included_with(statement: object) -> frozenset[str]:
    """Return the `searchInclude`s of a statement, as `Type:element`; a wildcard names nothing."""
    lists = [one.get("searchInclude") for one in _described(statement)]
    return frozenset(str(x) for sent in lists if isinstance(sent, list) for x in sent)


def _described(statement: object) -> Iterator[dict[str, object]]:
    """Give what a CapabilityStatement's servers say of each type; nothing where it is no statement."""
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        return
    sent = statement.get("rest")
    for rest in [r for r in sent if isinstance(r, dict)] if isinstance(sent, list) else []:
        listed = rest.get("resource") if rest.get("mode", "server") == "server" else []
        yield from (one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()  # fmt: skip


def _is_searched(resource: dict[str, object]) -> bool:
    """A type without interactions says nothing against a search."""
    sent = resource.get("interaction")
    if not isinstance(sent, list) or not sent:
        return True
    return _has(resource, "search-type")


def _has(resource: dict[str, object], interaction: str) -> bool:
    sent = resource.get("interaction")
    listed = sent if isinstance(sent, list) else []
    return any(isinstance(i, dict) and i.get("code") == interaction for i in listed)
