"""`StoreSource`: one patient's chart from the store, as far as this user may see it there; the rest from the EHR itself.

The same guard, paging and completeness as for the EHR (`FhirSource`), which asks the facade here instead of a network. Every read
from the store says so (`via`), with the moment up to which it was exported; who the patient is, versions and files are
always the EHR's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from app.boundary import Boundary, Response, read_fhir
from app.errors import BoundaryRefused
from app.fhir.client import FhirSource
from app.fhir.dates import printed
from app.fhir.labels import DEFAULT, Labels
from app.fhir.search import construct
from app.fhir.source import STORED, ChartSource, Query, Read
from app.launch_context import LaunchContext
from app.settings import Secret
from app.smart.registration import Registration
from app.store.seal import Seal
from app.warehouse.bulk.landing import folder_of
from app.warehouse.facade.errors import FacadeRefused
from app.warehouse.facade.parameters import SHARED
from app.warehouse.facade.reach import Reach
from app.warehouse.facade.service import Facade
from app.warehouse.store.reading import OpenSnapshot, Snapshots
from app.warehouse.store.record import Record
from app.warehouse.store.right import LiveRight, Verdict

GIVEN = ("complete", "truncated")
Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Store:
    """One data set: its snapshots, and the facade over them with the EHR's own base."""

    snapshots: Snapshots
    facade: Facade

    def holds(self, patient: str, iss: str) -> bool:
        """Tell whether a patient of this EHR is in the current snapshot."""
        opened = self.snapshots.current()
        same = opened is not None and opened.snapshot.base.rstrip("/") == iss.rstrip("/")
        return (
            same and opened is not None and opened.record(patient, "Patient", patient) is not None
        )


def open_stores(
    warehouse: Path, registration: Registration, key: Secret, base: str = ""
) -> tuple[Store, ...]:
    """Return the data sets of a registration: the one of all, or where only groups are exported, one for each.

    `base` is where links of answers point, the EHR's own base if not given.
    """
    bulk = registration.bulk
    groups = bulk.groups if bulk and bulk.level == "group" else ("",)
    return tuple(
        _store(folder_of(warehouse, registration.slug, group), registration, key, base)
        for group in groups
    )


def _store(folder: Path, registration: Registration, key: Secret, base: str) -> Store:
    snapshots = Snapshots(folder)
    facade = Facade(
        snapshots, base=base or registration.fhir.iss[0], zone=ZoneInfo(registration.site.time_zone),
        seal=Seal(key, "facade"),
    )  # fmt: skip
    return Store(snapshots=snapshots, facade=facade)


class StoreAsking:
    """Asks the facade for FHIR JSON below the EHR's base. See `app.fhir.asking.Asks`."""

    def __init__(self, facade: Facade, base: str, reach: Reach) -> None:
        self._facade = facade
        self._base = base
        self._reach = reach

    def begin_turn(self) -> None:
        """Nothing is asked of the EHR here."""

    def offers(self, iss: str, query: Query, *, ask: bool) -> bool | None:  # noqa: ARG002 - the port's
        """Every search that a chart makes is offered."""
        return True

    def keeps_versions(self, iss: str, resource_type: str) -> bool:  # noqa: ARG002 - the port's
        """The store keeps one version of each record."""
        return False

    def includes(self, iss: str, resource_type: str, element: str) -> bool:  # noqa: ARG002 - the port's
        """A Medication is read by itself: from the store it costs nothing."""
        return False

    def get(
        self, url: str, count: Callable[[], None], *, accept: str = "", bearer: bool = True  # noqa: ARG002 - the port's
    ) -> Response:  # fmt: skip
        """Answer an address below the base."""
        count()
        parts = urlsplit(url.removeprefix(self._base))
        answer = self._facade.answer(parts.path, parse_qsl(parts.query), self._reach)
        return Response(
            status=answer.status, json=read_fhir(answer.body), headers=answer.headers,
            size_bytes=len(answer.body), body=answer.body,
        )  # fmt: skip


class StoreSource:
    """A `ChartSource` over the store, with the EHR (`live`) beside it. Thread-safe.

    `stores` are the data sets that may hold the patient; the first that does is asked.
    """

    def __init__(
        self,
        live: ChartSource,
        stores: Sequence[Store],
        boundary: Boundary,
        context: LaunchContext,
        *,
        labels: Labels = DEFAULT,
    ) -> None:
        self._live = live
        self._stores = tuple(stores)
        self._boundary = boundary
        self._context = context
        self._base = context.iss.rstrip("/")
        self._zone = ZoneInfo(context.time_zone)
        self._right = LiveRight(live, context.patient_id, context.iss, labels)
        self._reach = Reach(patient=context.patient_id, can=context.can)

    def begin_turn(self) -> None:
        """Count the requests of a turn from here."""
        self._live.begin_turn()

    def read_patient(self) -> Read:
        """Return the launched Patient, as the EHR has it now."""
        return self._live.read_patient()

    def search(self, query: Query) -> Read:
        """Return what the store holds, where the EHR would show this user the same; else what the EHR shows."""
        store, opened, verdict = self._judged(query)
        if store and opened and not verdict.doubt:
            read = self._from(store).search(query)
            if read.completeness.kind in GIVEN:
                return replace(read, via=self._via(opened, query), requests=verdict.requests)
        return self._read_live(query, verdict)

    def more(self, read: Read) -> Read:
        """Go on to the end, where it was begun; what the store may not or cannot give is read from the EHR anew."""
        if not read.via.startswith(STORED):
            return self._live.more(read)
        store, opened, verdict = self._judged(read.query)
        spent = read.requests + verdict.requests
        if store and opened and not verdict.doubt and self._via(opened, read.query) == read.via:
            whole = self._from(store).more(read)
            if whole.completeness.kind in GIVEN:
                return replace(whole, via=read.via, requests=spent)
        return _with(self._read_live(replace(read.query, pages=None), verdict), read.requests)

    def fetch(self, reference: str) -> Read:
        """Return a medicine, a person or a place from the store; anything else, and what is not there, from the EHR."""
        found = self._held()
        own = reference.removeprefix(f"{self._base}/")
        kind, _, fhir_id = own.partition("/")
        if found is None or kind not in SHARED or found[1].snapshot.base.rstrip("/") != self._base:
            return self._live.fetch(reference)
        store, opened = found
        record = opened.record("", kind, fhir_id)
        if record is None or self._right.is_labelled(record) or not self._context.can(kind, "r"):
            return self._live.fetch(reference)
        read = self._from(store).fetch(own)
        if read.completeness.kind != "complete":
            return self._live.fetch(reference)
        # Not counted: nothing was asked of the EHR, but it is told to the audit as one read.
        return replace(read, via=self._via(opened, read.query))

    def history(self, reference: str) -> Read:
        """Return the versions that the EHR keeps."""
        return self._live.history(reference)

    # ------------------------------------------------------------ the store

    def _held(self) -> tuple[Store, OpenSnapshot] | None:
        """Return the store that holds this patient, and its current snapshot."""
        for store in self._stores:
            opened = store.snapshots.current()
            if opened and opened.record(
                self._context.patient_id, "Patient", self._context.patient_id
            ):
                return store, opened
        return None

    def _judged(self, query: Query) -> tuple[Store | None, OpenSnapshot | None, Verdict]:
        """Return the store that holds this patient, and whether it may answer this search."""
        found = self._held()
        if found is None:
            return None, None, Verdict(doubt="the patient is not in the store")
        store, opened = found
        try:
            return (
                store,
                opened,
                self._right.of(opened, query, lambda: self._stored(store, opened, query)),
            )
        except (BoundaryRefused, FacadeRefused) as error:
            return store, opened, Verdict(doubt=f"not a search of the store ({error})")

    def _read_live(self, query: Query, verdict: Verdict) -> Read:
        """Return the EHR's answer; the one to the first few records where that was all of it."""
        asked = verdict.asked
        refused = asked is not None and asked.completeness.kind in ("denied", "not_offered")
        if asked and (refused or (not asked.next_token and asked.completeness.kind != "truncated")):
            return replace(asked, query=query)
        return _with(self._live.search(query), verdict.requests)

    def _stored(self, store: Store, opened: OpenSnapshot, query: Query) -> Sequence[Record]:
        address = urlsplit(construct(query, self._context.patient_id))
        return store.facade.stored(opened, query.resource_type, parse_qsl(address.query), self._reach)  # fmt: skip

    def _from(self, store: Store) -> FhirSource:
        asking = StoreAsking(store.facade, self._base, self._reach)
        return FhirSource(self._boundary, self._context, lambda: "", asking=asking)

    def _via(self, opened: OpenSnapshot, query: Query) -> str:
        as_of = opened.snapshot.as_of.get(query.resource_type, "")
        return f"{STORED} {printed(as_of, self._zone, time=True)}"


def _with(read: Read, requests: int) -> Read:
    """Count what was asked before."""
    return replace(read, requests=read.requests + requests)
