"""FHIR requests of applications about one launch's patient, answered from the store: who is let in, what is given, what is noted.

The same applications and rules as at the MCP server, by tokens for this server only. What they get is screened by the
launch's live right and the site's labels; every request is written down, refused ones too.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.errors import NotFound
from app.fhir.labels import Labels
from app.fhir.source import ChartSource
from app.launch_context import LaunchContext
from app.mcp.authorization import McpCaller, Presented
from app.mcp.launch_tokens import LaunchTokens
from app.mcp.reading import Reading
from app.smart.registry import Registry
from app.warehouse.facade.bundle import Answer
from app.warehouse.facade.errors import FacadeRefused
from app.warehouse.facade.reach import Reach
from app.warehouse.facade.search import Params

if TYPE_CHECKING:
    from app.warehouse.store.source import Store

MOST_SCREENS = 320
MOST_NOTED = 1000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: what follows `/fhir/{slug}/`, its parameters (of address and form), and a body where it has one."""

    slug: str
    path: str
    params: Params = ()
    body: bytes = b""
    presented: Presented = field(default_factory=Presented)


class FhirDoor:
    """Answers applications. `live_of` reads the EHR with a launch's own token; `labels_of` is what is open to applications."""

    def __init__(
        self,
        *,
        tokens: LaunchTokens,
        reading: Reading,
        registry: Registry,
        stores_of: "Callable[[str], Sequence[Store]]",
        live_of: Callable[[LaunchContext], ChartSource],
        labels_of: Callable[[LaunchContext], Labels],
    ) -> None:
        self.tokens = tokens
        self._reading = reading
        self._registry = registry
        self._stores_of = stores_of
        self._live_of = live_of
        self._labels_of = labels_of
        self._lock = threading.Lock()
        self._stores: dict[str, Sequence[Store]] = {}
        self._reaches: OrderedDict[tuple[str, str, int], Reach] = OrderedDict()

    def serves(self, slug: str) -> bool:
        """Tell whether a registration's store answers FHIR requests at all."""
        registration = self._registry.get(slug)
        return registration is not None and registration.bulk is not None and registration.bulk.facade == "on"  # fmt: skip

    def answer(self, asked: Asked) -> Answer:
        """Answer a request.

        Raises:
            McpRefused: nobody is let in by what was presented, or not to this.
            SwitchedOff: IT has switched it off.
            NotFound: the token is of another registration, or its store answers nothing.
        """
        caller = self._reading.enter(asked.presented)
        slug = caller.context.registration
        if slug != asked.slug or not self.serves(slug):
            self._reading.refuse(caller, NotFound.code, "no FHIR server there for this token")
            raise NotFound("no FHIR server there for this token")
        self._reading.demand_consent(caller)
        try:
            store, reach = self._reach(caller)
            found = store.facade.answer(asked.path, asked.params, reach, body=asked.body)
        except FacadeRefused as error:
            self._note(caller, asked, error.http_status, ())
            raise
        self._note(caller, asked, found.status, found.records)
        return found

    def drop(self, launch_id: str) -> None:
        """Forget what was asked for an ended launch."""
        with self._lock:
            for key in [key for key in self._reaches if key[0] == launch_id]:
                del self._reaches[key]

    def _note(self, caller: McpCaller, asked: Asked, status: int, records: Sequence[str]) -> None:
        kind = asked.path.strip("/").partition("/")[0]
        self._reading.note(
            caller, "fhir", type=kind if kind.isalpha() else "", status=status,
            records=list(records[:MOST_NOTED]), count=len(records),
        )  # fmt: skip

    def _reach(self, caller: McpCaller) -> "tuple[Store, Reach]":
        """Return the store that holds this patient, and what of it may be given to this caller."""
        from app.warehouse.store.right import LiveRight  # noqa: PLC0415  # DuckDB takes a while to load
        from app.warehouse.store.screen import LaunchScreen  # noqa: PLC0415

        context = caller.context
        stores = self._all(context.registration)
        at, store = next(
            ((n, s) for n, s in enumerate(stores) if s.holds(context.patient_id, context.iss)), (-1, None)
        )  # fmt: skip
        if store is None:
            raise FacadeRefused("this patient is not in the store", http_status=404, issue="not-found")  # fmt: skip
        key = (context.launch_id, context.scope, at)
        with self._lock:
            reach = self._reaches.get(key)
            if reach is None:
                live, labels = self._live_of(context), self._labels_of(context)
                plain = Reach(patient=context.patient_id, can=context.can)
                right = LiveRight(live, context.patient_id, context.iss, labels)
                reach = replace(
                    plain, screen=LaunchScreen(live, right, store.facade, plain, labels)
                )
                self._reaches[key] = reach
                while len(self._reaches) > MOST_SCREENS:
                    self._reaches.popitem(last=False)
        return store, reach

    def _all(self, slug: str) -> "Sequence[Store]":
        with self._lock:
            if slug not in self._stores:
                self._stores[slug] = self._stores_of(slug)
            return self._stores[slug]
