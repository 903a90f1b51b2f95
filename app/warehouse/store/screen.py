"""What an application may have of one launch's chart in the store: nothing that is labelled, nothing that the EHR does not show now.

Both are counted in the answer. The EHR is asked by the searches that a chart makes of it, once a minute at most for each
type; where the store and the EHR differ, the EHR is read whole, and of the store only what stands in that is given.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from app.fhir.labels import Labels
from app.fhir.search import construct
from app.fhir.sections import SECTIONS
from app.fhir.source import ChartSource, Query
from app.warehouse.facade.bundle import Notice
from app.warehouse.facade.parameters import SHARED
from app.warehouse.facade.reach import Reach, Screened
from app.warehouse.facade.service import Facade
from app.warehouse.store.reading import OpenSnapshot
from app.warehouse.store.record import Record, held_back
from app.warehouse.store.right import LiveRight

KEPT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The ids of one type that the EHR shows this user, and what else it said; `until` on a clock that only goes on."""

    ids: frozenset[str]
    said: tuple[str, ...]
    until: float


class LaunchScreen:
    """Screens records of one launch (`app.warehouse.facade.reach.Screen`). Thread-safe.

    `labels` says what is open to who asks: what it holds back from `user` is not given.
    """

    def __init__(
        self,
        live: ChartSource,
        right: LiveRight,
        facade: Facade,
        reach: Reach,
        labels: Labels,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live = live
        self._right = right
        self._facade = facade
        self._reach = reach
        self._labels = labels
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._shown: dict[tuple[int, str], Shown] = {}

    def __call__(self, opened: OpenSnapshot, kind: str, records: Sequence[Record]) -> Screened:
        """Return what may be given of records of one type."""
        open_ones = [one for one in records if not self._is_held(one)]
        notices = _counted(len(records) - len(open_ones), kind, "labelled restricted by the EHR, not given here")  # fmt: skip
        if kind in SHARED:
            return Screened(kept=open_ones, notices=notices)
        shown = self._shown_of(opened, kind)
        kept = [one for one in open_ones if one.id in shown.ids]
        why = f"not given: the EHR does not show them to this user now{''.join(f' ({s})' for s in shown.said)}"
        notices += _counted(len(open_ones) - len(kept), kind, why)
        notices += [Notice(issue="incomplete", words=f"{kind}: {said}") for said in shown.said if len(open_ones) == len(kept)]  # fmt: skip
        return Screened(kept=kept, notices=notices)

    def _is_held(self, record: Record) -> bool:
        return held_back(record.text, self._labels, "user")

    def _shown_of(self, opened: OpenSnapshot, kind: str) -> Shown:
        key = (opened.snapshot.number, kind)
        with self._lock:
            known = self._shown.get(key)
        if known and known.until > self._clock_s():
            return known
        ids: set[str] = set()
        said: dict[str, None] = {}
        for query in [section.query for section in SECTIONS if section.kind == kind]:
            ids |= self._patient(said) if kind == "Patient" else self._of(opened, query, said)
        shown = Shown(ids=frozenset(ids), said=tuple(said), until=self._clock_s() + KEPT_S)
        with self._lock:
            self._shown[key] = shown
        return shown

    def _patient(self, said: dict[str, None]) -> set[str]:
        read = self._live.read_patient()
        if read.completeness.kind != "complete":
            said[f"the EHR's answer is {read.completeness.kind}"] = None
        return {str(r["id"]) for r in read.resources}

    def _of(self, opened: OpenSnapshot, query: Query, said: dict[str, None]) -> set[str]:
        """Return the ids of one search: the store's, where the EHR has the same, else those that the EHR gives."""
        address = urlsplit(construct(query, self._reach.patient))
        params = parse_qsl(address.query)
        stored = self._facade.stored(opened, query.resource_type, params, self._reach)
        verdict = self._right.of(opened, query, lambda: stored)
        if not verdict.doubt:
            return {one.id for one in stored}
        asked = verdict.asked
        if asked and asked.completeness.kind in ("denied", "not_offered"):
            said[f"the EHR's answer is {asked.completeness.kind}"] = None
            return set()
        read = self._live.more(self._live.search(query))
        if read.completeness.kind not in ("complete", "truncated"):
            said[f"the EHR's answer is {read.completeness.kind}"] = None
        return {str(r["id"]) for r in read.resources if not self._labels.holds_back(r, "user")}


def _counted(count: int, kind: str, words: str) -> list[Notice]:
    return [Notice(issue="suppressed", words=f"{count} {kind} {words}")] if count else []
