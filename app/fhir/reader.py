"""Read one launch's chart: a parallel first read, the rest on demand, each section with its completeness.

The first read asks for one page of each section of the launch card: 11 requests, at most 6 at once. `ensure` reads
a section on to its end; what was read is kept for the launch. A medicine that is named only by reference is read too.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from app.fhir.asking import CONNECTIONS
from app.fhir.chart import Chart
from app.fhir.compile import compile_chart
from app.fhir.dates import later, local
from app.fhir.earlier import Earlier
from app.fhir.first_read import FirstRead, demand_identity
from app.fhir.labels import DEFAULT, Audience, Labels
from app.fhir.ledger import Ledger, Sources
from app.fhir.medicines import medicine_to_read
from app.fhir.merged import RecordMerged, is_merged
from app.fhir.notes import NoteTexts
from app.fhir.sections import BY_NAME, SectionName
from app.fhir.shapes import is_well_formed
from app.fhir.source import (
    ChartSource,
    Complete,
    Completeness,
    Failed,
    Query,
    Read,
    Resource,
    Restricted,
    Truncated,
)  # fmt: skip
from app.fhir.stated import Stated
from app.fhir.values import effective
from app.launch_context import LaunchContext

NOT_BEGUN: Mapping[SectionName, Read] = {}
# The most that the first screen costs, and the most Medications that are read for their names.
MOST_AT_FIRST, MOST_MEDICINES = 12, 80
MEDICINES = frozenset(("medications", "dispenses", "administrations", "statements"))
T = TypeVar("T")


class LaunchChart:
    """One launch's chart. Thread-safe; handles and source numbers are append-only across re-reads.

    `now` is clinical time, aware, in the site's zone. `on_read(query, read)` is called after every read that
    reached the EHR, for the audit. `restored` is what `export()` gave before a restart; `labels` says what is held back
    from whom: the chart is the clinician's own, `app.fhir.seen` has what a language model may have of it.
    """

    def __init__(
        self,
        source: ChartSource,
        context: LaunchContext,
        now: datetime,
        on_read: Callable[[Query, Read], None] | None = None,
        *,
        restored: Mapping[str, Any] | None = None,
        labels: Labels = DEFAULT,
        numbers_after: Callable[[], int] = lambda: 0,
    ) -> None:
        self.context = context
        self.sources = Sources((restored or {}).get("sources"))
        self._ledger = Ledger((restored or {}).get("ledger"), numbers_after)
        self._source = source
        self._zone = ZoneInfo(context.time_zone)
        self._started, self._started_s = now.astimezone(self._zone), time.monotonic()
        self._on_read = on_read
        self._lock = RLock()
        self._reads: dict[SectionName, Read] = {}
        self._again: set[SectionName] = set()
        self._chart: Chart | None = None
        self._asked = 0
        self._stated = Stated(self._zone)
        self._medicines: dict[str, Resource | None] = {}
        self._read_times: dict[SectionName, datetime] = {}
        self._made: dict[Callable[[Chart], object], tuple[Chart, object]] = {}
        self._read_at = self._started
        self.labels = labels
        # A mark of what `export` gave when it was last kept.
        self.kept: int | None = None
        self.texts = NoteTexts(source, self._zone, on_read, labels)
        self.earlier = Earlier(source, self._zone, on_read, labels)

    @property
    def chart(self) -> Chart:
        """Return the newest snapshot; reads the first pages if nothing was read yet.

        A snapshot is never changed, so it is given without waiting for a read that will replace it.
        """
        return self._chart or self.first_read()

    @property
    def sections(self) -> Mapping[SectionName, Completeness]:
        """How far each section was read; a section that is not in it was not asked for yet."""
        chart = self._chart
        return chart.sections if chart else {}

    def made(self, make: Callable[[Chart], T]) -> T:
        """Return what `make` makes of the newest snapshot; of each snapshot it is made once, for all turns."""
        chart = self.chart
        known = self._made.get(make)
        if known is None or known[0] is not chart:
            known = self._made[make] = (chart, make(chart))
        return cast("T", known[1])

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the EHR says of the record as a whole, holding nothing back; each remark once."""
        # The dictionary is replaced, never changed: nobody waits for a read under way.
        reads = self._reads
        return tuple(dict.fromkeys(r for read in reads.values() for r in read.remarks))

    @property
    def requests(self) -> int:
        """How many requests this launch's reads have cost so far."""
        return self._asked

    @property
    def read_at(self) -> datetime:
        """When the chart was read, in clinical time."""
        return self._read_at

    @property
    def now(self) -> datetime:
        """Return clinical time: a sandbox chart's own stands still, a real one goes on."""
        if self.context.clinical_time is not None:
            return self._started
        return later(self._started, timedelta(seconds=time.monotonic() - self._started_s))

    def first_read(self) -> Chart:
        """Read the first page of every section of the card, at once. Idempotent.

        Raises:
            SessionEnded: the access token is gone.
            EhrUnavailable, EhrRefused: the Patient itself could not be read.
            ChartRestricted: the EHR shows the Patient only to who breaks the glass.
            RecordMerged: the record was merged into another.
        """
        with self._lock:
            if self._chart is None:
                self._read_first()
            return self._chart or self._compile()

    def read_again(self) -> Chart:
        """Read the first pages again, as a new snapshot; handles keep their meaning. Raises as `first_read`."""
        with self._lock:
            self._read_first()
            return self._chart or self._compile()

    def ensure(self, *names: SectionName) -> dict[SectionName, Completeness]:
        """Read sections on to their end (within bounds), and return how far they are. Idempotent, remembered."""
        with self._lock:
            unread = [n for n in dict.fromkeys(names) if self._is_unread(n)]
            if self._chart is None:
                self._read_first(names)
            elif wanted := sorted(unread, key=self._left, reverse=True):
                found = self._together(self._go_on, wanted)
                self._tell(found, [self._read_of(n) for n in wanted])
                found = [self._more_of(n, read) for n, read in zip(wanted, found, strict=True)]
                self._again -= set(wanted)
                self._keep(wanted, found)
            elif MEDICINES & set(names) and self._name_medicines():
                self._compile()
            sections = self.sections
            return {name: sections[name] for name in dict.fromkeys(names)}

    def _is_unread(self, name: SectionName) -> bool:
        begun = self._read_of(name)
        return begun is None or bool(begun.next_token)

    def _read_of(self, name: SectionName) -> Read | None:
        """Return the read to go on from; none for a section that is asked for anew."""
        return None if name in self._again else self._reads.get(name)

    def _more_of(self, name: SectionName, read: Read) -> Read:
        """Return the read that holds more: one that fails again, earlier, takes away nothing that was read."""
        known = self._reads.get(name)
        fails = isinstance(read.completeness, Failed) and known is not None
        return known if known and fails and len(known.resources) > len(read.resources) else read

    def read_time(self, name: SectionName) -> datetime:
        """Return when a section was last read; the first read's time for one that was not."""
        return self._read_times.get(name, self.read_at)

    def via(self, name: SectionName) -> str:
        """Return what a section was read by where that was not the EHR's FHIR API, "" otherwise."""
        read = self._reads.get(name)
        return read.via if read else ""

    def begin_turn(self) -> None:
        """A person asks something new: limits of a turn count from here."""
        self._source.begin_turn()
        self.texts.begin_turn()
        self._again = {name for name, read in self._reads.items() if _is_worth_asking_again(read)}

    def search(self, query: Query) -> Read:
        """Return one search beside the chart's own sections, counted and told to the audit like theirs."""
        found = self._source.search(query)
        self._tell([found])
        return found

    def has_more(self, name: SectionName) -> bool:
        """Tell whether a section stopped at a page's end with a next page to go on from."""
        with self._lock:
            read = self._reads.get(name)
            return bool(read and read.next_token)

    def is_newest_first(self, name: SectionName) -> bool:
        """Tell whether a section that has more came newest first, so that its end is the oldest that was read.

        Servers that ignore `_sort` are common: what they left out may be newer than all that was read.
        """
        with self._lock:
            if not self.has_more(name):
                return False
            table = BY_NAME[name].table
            found = [r for r in self._reads[name].resources if is_well_formed(r)]
            sent = [table.date(r)[0] if table else effective(r)[0] for r in found]
        dates = [local(date, self._zone) for date in sent if date]
        return all(a[:10] >= b[:10] for a, b in itertools.pairwise(dates))

    def export(self) -> dict[str, Any]:
        """Return handles and source numbers as JSON-able values (patient data: store them sealed)."""
        return {"ledger": self._ledger.export(), "sources": self.sources.export()}

    # ------------------------------------------------------------ reading

    def _read_first(self, whole: Sequence[SectionName] = ()) -> None:
        """Read the first pages; sections of `whole` to their end, none of them waiting for another's first page."""
        reading = FirstRead(self._source, whole)
        found = self._together(reading.read, reading.names, reading.begun)
        self._tell(found)
        demand_identity(found[reading.names.index("patient")])
        # What was read on demand before belongs to the old snapshot, so it is asked for again.
        self._reads = {}
        self._read_at = self.now
        self._keep(reading.names, found, is_first=self._chart is None and not whole)

    def _together(
        self,
        read: Callable[[SectionName], Read],
        names: Sequence[SectionName],
        begun: Mapping[SectionName, Read] = NOT_BEGUN,
    ) -> list[Read]:
        """Read several sections at once; SessionEnded of any of them is raised, after the audit knows the others.

        `begun` holds what was read of a section before it failed.
        """
        with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
            under_way = {name: pool.submit(self._begun, read, name) for name in names}
        if any(one.exception() for one in under_way.values()):
            read_well = {n: one.result() for n, one in under_way.items() if not one.exception()}
            self._tell(list({**begun, **read_well}.values()))
        return [one.result() for one in under_way.values()]

    def _begun(self, read: Callable[[SectionName], Read], name: SectionName) -> Read:
        """Read a section, and begin with what its records state while others are still waited for."""
        found = read(name)
        self._stated.begin(found.resources)
        return found

    def _left(self, name: SectionName) -> int:
        """Tell about how many records of a section are still to be read: the longest is begun first."""
        read = self._reads.get(name)
        return (read.total or 0) - len(read.resources) if read else BY_NAME[name].count

    def _go_on(self, name: SectionName) -> Read:
        before = self._read_of(name)
        return (
            self._source.more(before) if before else self._source.search(BY_NAME[name].whole_query)
        )

    def _tell(self, found: list[Read], before: list[Read | None] | None = None) -> None:
        """Count the new requests and tell the audit of every read that reached the EHR."""
        earlier = before or [None] * len(found)
        for read, old in zip(found, earlier, strict=True):
            self._asked += read.requests - (old.requests if old else 0)
            if self._on_read and read.requests:
                self._on_read(read.query, read)

    def _keep(
        self, names: Sequence[SectionName], found: Sequence[Read], *, is_first: bool = False
    ) -> None:
        """Keep all reads and compile them; keep nothing at all when the record must not be shown."""
        kept = {**self._reads, **dict(zip(names, found, strict=True))}
        patient = next(iter(kept["patient"].resources), {})
        if any(read.merged for read in found) or is_merged(patient):
            self._reads, self._chart = {}, None
            raise RecordMerged("the launched Patient was replaced")
        self._reads = kept
        self._read_times.update(dict.fromkeys(names, self.now))
        self._name_medicines(is_first=is_first)
        self._compile()

    def _name_medicines(self, *, is_first: bool = False) -> bool:
        """Read the Medications that orders name only by reference, each once; the first screen has few requests left."""
        for one in (r for read in self._reads.values() for r in read.included):
            self._know_medicine(f"Medication/{one['id']}", [one])
        every = (r for read in self._reads.values() for r in read.resources)
        wanted = [ref for r in every if (ref := medicine_to_read(r)) and ref not in self._medicines]
        most = MOST_AT_FIRST - self._asked if is_first else MOST_MEDICINES - len(self._medicines)
        asked = list(dict.fromkeys(wanted))[: max(most, 0)]
        with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
            found = list(pool.map(self._source.fetch, asked))
        self._tell(found)
        for reference, read in zip(asked, found, strict=True):
            self._know_medicine(reference, read.resources)
        return bool(asked)

    def _know_medicine(self, reference: str, found: Iterable[Resource]) -> None:
        # Its name stands in an order, which a model is told.
        known = (r for r in found if not self.labels.holds_back(r, "model"))
        self._medicines[reference] = next(known, None)

    def snapshot_for(self, audience: Audience) -> Chart:
        """Compile what was read without what is held back from `audience`; handles are the launch's own."""
        with self._lock:
            return self._compiled(audience)

    def _compile(self) -> Chart:
        self._chart = self._compiled("user")
        return self._chart

    def _compiled(self, audience: Audience) -> Chart:
        withheld = self.labels.withheld if audience == "user" else "not given to language models"
        held = {
            f"{r['resourceType']}/{r['id']}"
            for name, read in self._reads.items()
            for r in read.resources
            # Who the launch is about is always shown to its user; `digest` keeps a restricted name to itself.
            if name != "patient" and self.labels.holds_back(r, audience)
        }
        kept = {
            name: [r for r in read.resources if f"{r['resourceType']}/{r['id']}" not in held]
            for name, read in self._reads.items()
        }
        sections = {
            name: _completeness(read, len(read.resources) - len(kept[name]), withheld)
            for name, read in self._reads.items()
        }
        chart = compile_chart(
            kept, zone=self._zone, now=self.read_at, sections=sections, ledger=self._ledger,
            medicines={ref: r for ref, r in self._medicines.items() if r}, stated=self._stated,
        )  # fmt: skip
        named = not self.labels.holds_back(chart.patient, "model")
        return replace(
            chart, held_back=frozenset(held), names_patient=named, texts=self.texts.states(chart)
        )


def _is_worth_asking_again(read: Read) -> bool:
    """Tell whether a read failed as a whole and has no page to go on from: the next question asks for it anew, once.

    Entries that cannot be read, or are another patient's, stand in the EHR and would come again.
    """
    whole = not (read.unreadable or read.dropped_foreign or read.next_token)
    return whole and isinstance(read.completeness, Failed) and read.query.resource_type != "Patient"


def _completeness(read: Read, withheld: int, how: str) -> Completeness:
    """Return how far a section was read; labelled resources that are withheld make it restricted, counted.

    What else keeps the section from its end is said beside the count.
    """
    state, shown = read.completeness, len(read.resources) - withheld
    if not withheld:
        return state
    counted = f"{withheld} {'record' if withheld == 1 else 'records'} labelled restricted by the EHR, {how}"
    match state:
        case Failed():
            return Failed(reason=f"{state.reason}; {counted}", n=shown)
        case Restricted():
            return Restricted(why=f"{state.why}; {counted}", n=shown)
        case Truncated():
            total = f"of {state.total:,} read" if state.total else "read, and more exist"
            return Restricted(why=f"{counted}; {state.n:,} {total}", n=shown)
        case _:
            return Restricted(why=counted, n=shown)


def is_read_to_its_end(state: Completeness | None) -> bool:
    """Tell whether "none" may be said of a section."""
    return isinstance(state, Complete)
