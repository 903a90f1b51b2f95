"""Who is in a group, by its exports: those who joined lack what is older than `_since`, and those who left must go.

A group's export by `_since` gives what changed, so a patient who joined comes with new records only (Bulk Data Access 3.0.0,
query parameters, `_since`: a server may add older ones, and need not), and nobody says who left. So before each such
export the group's patients are asked for whole: their resources alone are few. Whom a type was read whole for is
worked out from the exports that landed.
"""

import gzip
from collections.abc import Mapping, Sequence

import msgspec

from app.warehouse.bulk.landing import Export, ExportFolder, FileDone
from app.warehouse.bulk.request import ExportRequest

PATIENT = "Patient"


class _Head(msgspec.Struct, frozen=True):
    resourceType: str = ""  # noqa: N815  # FHIR's own name
    id: str = ""


_head = msgspec.json.Decoder(_Head)


def told(export: Export, folder: ExportFolder, done: Mapping[int, FileDone]) -> tuple[str, ...] | None:  # fmt: skip
    """Return the ids of a group's patients, sorted, as an export that has them all tells; None where it does not.

    `export` names its types that are incomplete already. Named patients, or filtered ones, are not the group.
    """
    request = export.request
    if request.level != "group" or request.patients or not export.whole or is_filtered(request):
        return None
    if PATIENT not in export.complete_types:
        return None
    found: set[str] = set()
    for wanted in export.files:
        if wanted.kind == "output" and PATIENT in done[wanted.number].types:
            found |= _patients(folder, wanted.name)
    return tuple(sorted(found))


def is_filtered(request: ExportRequest) -> bool:
    """Tell whether the patients are asked for by a search, which leaves some out."""
    return any(text.partition("?")[0] == PATIENT for text in request.filters)


def now(landed: Sequence[Export]) -> frozenset[str]:
    """Return the group's patients as the newest export that has them tells; none where no export does."""
    newest = [export.members for export in landed if export.members is not None][-1:]
    return frozenset(*newest)


def joined(landed: Sequence[Export], marks: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return for each type that has a mark the members whose records were never read whole; types that lack nobody are left out.

    `landed` are all exports of the group, oldest first, and `marks` up to when each type was read ("" for never, which is
    asked for whole anyway).
    """
    there: dict[str, set[str]] = {kind: set() for kind, mark in marks.items() if mark}
    current: frozenset[str] = frozenset()
    for export in landed:
        if export.members is not None:
            current = frozenset(export.members)
            for kind in there:
                there[kind] &= current
        for kind in there.keys() & set(export.complete_types):
            if export.whole:
                # One of other types follows the export that told who is in the group.
                there[kind] = set(current)
            elif export.request.patients and not export.request.since:
                there[kind] |= current & set(export.request.patients)
    return {kind: current - have for kind, have in there.items() if current - have}


def _patients(folder: ExportFolder, name: str) -> set[str]:
    found = set()
    with gzip.open(folder.files / name) as lines:
        for line in lines:
            if line.isspace():
                continue
            head = _head.decode(line)
            if head.resourceType == PATIENT:
                found.add(head.id)
    return found
