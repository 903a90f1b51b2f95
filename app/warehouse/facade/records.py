"""One patient's own records of a snapshot, checked one by one, and what was found before of an unchanging file.

A record that cannot be shown to be this patient's own is not given, wherever the export filed it.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from app.boundary import read_fhir
from app.fhir.compartment import belongs, own_part
from app.warehouse.facade.parameters import SHARED
from app.warehouse.store.reading import OpenSnapshot
from app.warehouse.store.record import Record
from app.warehouse.store.snapshot import Snapshot

# May be nobody's and stand in no chart: equipment of a ward, what was done with a record.
EITHER = frozenset((*SHARED, "Device", "Provenance", "Binary"))
# A name may be written with escapes (RFC 8259 7), which a reader undoes.
MAY_CONTAIN = re.compile(r'"contained"|\\u00')
MOST_KEPT, MOST_KEPT_CHARACTERS = 64, 64 * 2**20
Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Own:
    """Records of one patient; `foreign` counts those that were filed here and are not shown to be."""

    records: Sequence[Record]
    foreign: int = 0


def own(opened: OpenSnapshot, patient: str, resource_type: str = "") -> Own:
    """Return a patient's own records, of one type or of all."""
    found = opened.chart(patient, resource_type)
    kept = [one for one in found if is_own(one, patient, opened.snapshot.base)]
    return Own(records=kept, foreign=len(found) - len(kept))


def is_own(record: Record, patient: str, base: str) -> bool:
    """Tell whether a record is the patient's own; what is shared belongs to nobody, and so to no other patient."""
    if record.resource_type in SHARED:
        return record.patient in ("", patient)
    if record.resource_type == "Binary":
        return record.patient == patient
    return belongs(record.resource, patient, base)


def unfiled(snapshot: Snapshot, kind: str) -> int:
    """Return how many records of a type name no patient that can be read: each may be of any chart."""
    return 0 if kind in EITHER else snapshot.unfiled.get(kind, 0)


def text_of(record: Record, patient: str, base: str) -> bytes:
    """Return a record's text as it came, without what is another person's inside it."""
    if not MAY_CONTAIN.search(record.text):
        return record.text.encode()
    whole = read_fhir(record.text.encode())
    if not isinstance(whole, dict):
        return b"null"
    kept = own_part(whole, patient, base)
    if kept is whole:
        return record.text.encode()
    return msgspec.json.Encoder(decimal_format="number").encode(kept)


class Found:
    """Results of searches, kept while they are paged through: a snapshot never changes. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Own, int]] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Own]) -> Own:
        """Return what is known for a key, or what `make` makes."""
        with self._lock:
            if known := self._kept.get(key):
                self._kept.move_to_end(key)
                return known[0]
        made = make()
        with self._lock:
            self._kept[key] = (made, _size(made.records))
            while len(self._kept) > MOST_KEPT or self._all() > MOST_KEPT_CHARACTERS:
                self._kept.popitem(last=False)
        return made

    def _all(self) -> int:
        return sum(size for _, size in self._kept.values())


def _size(records: Iterable[Record]) -> int:
    return sum(len(one.text) for one in records)
