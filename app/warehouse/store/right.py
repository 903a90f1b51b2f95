"""May this user see now what the store holds? The EHR is asked, live, with the launch's own token.

The store was filled by a client that acts for no user, so it may hold what the EHR would not show this one. The rule: a search is
answered from the store only where the EHR, asked for the same search, says that it has as many records, begins with the
same ones in the same versions, says of nothing that it is held back, and the store's answer holds nothing that is labelled
restricted, or that belongs to an encounter which is. What is in any doubt is read from the EHR itself.

Not protected: a record that the EHR hides from this user without a word or a label, where exactly as many others were added since
the export and none of them is among the newest ten.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.fhir.labels import Labels
from app.fhir.source import ChartSource, Complete, Query, Read, Truncated
from app.warehouse.facade.records import own
from app.warehouse.store.reading import OpenSnapshot
from app.warehouse.store.record import Record, held_back

FIRST = 10
ENCOUNTER = re.compile(r'"reference"\s*:\s*"(?:[^"]*/)?Encounter/([A-Za-z0-9\-.]{1,64})["/]')


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`doubt` says why the store does not answer, "" where it does; `asked` is what the EHR said, None: it was not asked."""

    doubt: str = ""
    asked: Read | None = None

    @property
    def requests(self) -> int:
        """How many requests it took."""
        return self.asked.requests if self.asked else 0


class LiveRight:
    """What one launch's user may have from the store. `labels` is the site's policy: what it names restricts as well."""

    def __init__(self, live: ChartSource, patient: str, iss: str, labels: Labels) -> None:
        self._live = live
        self._patient = patient
        self._iss = iss.rstrip("/")
        nobody = {coding: frozenset[str]() for coding in labels.audiences}
        self._labels = Labels(audiences=nobody)  # type: ignore[arg-type]  # nobody is an audience of none

    def of(self, opened: OpenSnapshot, query: Query, stored: Callable[[], Sequence[Record]]) -> Verdict:  # fmt: skip
        """Tell whether the store may answer a search; `stored` gives what it would answer."""
        snapshot, kind = opened.snapshot, query.resource_type
        if snapshot.base.rstrip("/") != self._iss:
            # Ids of one EHR mean other people at another.
            return Verdict(doubt="the store is of another EHR")
        if not snapshot.as_of.get(kind) or kind in snapshot.incomplete:
            return Verdict(doubt=f"{kind} is not whole in the store")
        records = stored()
        if self.has_labelled(opened, records):
            return Verdict(doubt="something is labelled restricted")
        asked = self._live.search(_first(query))
        return Verdict(doubt=_difference(asked, records), asked=asked)

    def has_labelled(self, opened: OpenSnapshot, records: Sequence[Record]) -> bool:
        """Tell whether one of these, its encounter or the patient is labelled restricted."""
        if any(self.is_labelled(one) for one in records):
            return True
        patient = opened.record(self._patient, "Patient", self._patient)
        if patient and self.is_labelled(patient):
            return True
        encounters = own(opened, self._patient, "Encounter").records
        labelled = {one.id for one in encounters if self.is_labelled(one)}
        return bool(labelled) and any(labelled & set(ENCOUNTER.findall(r.text)) for r in records)

    def is_labelled(self, record: Record) -> bool:
        """Tell whether a record itself carries a restricting label."""
        return held_back(record.text, self._labels, "user")


def _first(query: Query) -> Query:
    """Return the same search for its first few records."""
    params = tuple(p for p in query.params if p[0] != "_count")
    return replace(query, params=(*params, ("_count", str(FIRST))), pages=1, most=None)


def _difference(asked: Read, stored: Sequence[Record]) -> str:
    """Return what differs between the EHR's answer and the store's, "" for nothing."""
    match asked.completeness:
        case Complete(n=n):
            total: int | None = n
        case Truncated():
            total = asked.total
        case state:
            return f"the EHR's answer is {state.kind}"
    if total is None:
        return "the EHR does not say how many there are"
    if total != len(stored):
        return "the EHR has another number of them"
    known = {one.id: one for one in stored}
    if all(_is_same(found, known.get(str(found.get("id")))) for found in asked.resources):
        return ""
    return "the EHR has newer ones"


def _is_same(found: dict[str, object], stored: Record | None) -> bool:
    """Compare versions as far as both have them."""
    if stored is None:
        return False
    sent = found.get("meta")
    meta = sent if isinstance(sent, dict) else {}
    names = ("versionId", "lastUpdated")
    return all(meta.get(n) == stored.meta.get(n) for n in names if n in meta and n in stored.meta)
