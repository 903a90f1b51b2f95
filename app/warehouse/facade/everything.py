"""`Patient/$everything`: all that the store holds of one patient, and what it refers to that is nobody's.

Source: https://hl7.org/fhir/R4/patient-operation-everything.html
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from app.warehouse.facade.bundle import Notice
from app.warehouse.facade.errors import FacadeRefused, unsupported
from app.warehouse.facade.moments import Span, sought, span_of
from app.warehouse.facade.parameters import SHARED, TABLE
from app.warehouse.facade.reach import Reach, Screened
from app.warehouse.facade.records import Own
from app.warehouse.facade.search import Params
from app.warehouse.store.reading import OpenSnapshot
from app.warehouse.store.record import Record

A_PAGE, MOST_ON_A_PAGE = 500, 1000
REFERENCE = re.compile(rf'"reference"\s*:\s*"(?:[^"]*/)?({"|".join(SHARED)})/([A-Za-z0-9\-.]{{1,64}})["/]')  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`types` (): all; `since`: changed then or later."""

    types: tuple[str, ...] = ()
    since: Span | None = None
    count: int = A_PAGE
    zone: tzinfo
    asked: tuple[tuple[str, str], ...] = ()


def understand(params: Params, zone: tzinfo) -> Wanted:
    """Return what is wanted.

    Raises:
        FacadeRefused: a parameter is not supported (`start` and `end` are not: what has no date would be in doubt).
    """
    kinds: tuple[str, ...] = ()
    since, count = None, A_PAGE
    for name, value in params:
        match name:
            case "_type":
                kinds = tuple(value.split(","))
                if unknown := [kind for kind in kinds if kind not in TABLE and kind not in SHARED]:
                    raise unsupported(f"_type={unknown[0][:40]}")
            case "_since":
                since = sought(name, value, zone)[1]
            case "_count":
                if not value.isascii() or not value.isdigit() or not int(value[:9]) > 0:
                    raise FacadeRefused("_count: a whole number above 0 is needed")
                count = min(int(value[:9]), MOST_ON_A_PAGE)
            case "_format":
                pass
            case _:
                raise unsupported(f"{name[:80]} at $everything")
    asked = tuple(p for p in params if p[0] != "_count")
    return Wanted(types=kinds, since=since, count=count, zone=zone, asked=asked)


def types(wanted: Wanted, reach: Reach) -> list[str]:
    """Return the types that are looked for."""
    every = wanted.types or ("Patient", *(kind for kind in TABLE if kind not in SHARED))
    return [kind for kind in dict.fromkeys(every) if reach.can(kind, "r")]


def chosen(opened: OpenSnapshot, found: Own, wanted: Wanted, reach: Reach) -> Screened:
    """Return what is given, the Patient first; a type without a scope is counted, not given."""
    records = [r for r in found.records if _is_wanted(r, wanted)]
    by_type: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: (r.resource_type != "Patient", r.resource_type)):
        by_type.setdefault(record.resource_type, []).append(record)
    kept: list[Record] = []
    notices: list[Notice] = []
    _screen(opened, by_type, reach, kept, notices)
    shared = [r for r in _referred(opened, kept) if not wanted.types or r.resource_type in wanted.types]  # fmt: skip
    by_type = {}
    for record in shared:
        by_type.setdefault(record.resource_type, []).append(record)
    _screen(opened, by_type, reach, kept, notices)
    return Screened(kept=kept, notices=notices)


def _screen(
    opened: OpenSnapshot,
    by_type: dict[str, list[Record]],
    reach: Reach,
    kept: list[Record],
    notices: list[Notice],
) -> None:
    for kind, of_kind in by_type.items():
        if not reach.can(kind, "r"):
            notices.append(Notice(issue="forbidden", words=f"{len(of_kind)} {kind}: this access has no scope for the type"))  # fmt: skip
            continue
        screened = reach.screen(opened, kind, of_kind)
        kept += screened.kept
        notices += screened.notices


def _is_wanted(record: Record, wanted: Wanted) -> bool:
    if wanted.types and record.resource_type not in wanted.types:
        return False
    if wanted.since is None:
        return True
    span = span_of(record.meta.get("lastUpdated"), wanted.zone)
    # What does not say when it changed may have.
    return span is None or span.high > wanted.since.low


def _referred(opened: OpenSnapshot, records: Iterable[Record]) -> Sequence[Record]:
    wanted = {match for record in records for match in REFERENCE.findall(record.text)}
    found = opened.shared(sorted({fhir_id for _, fhir_id in wanted}))
    return [r for r in found if (r.resource_type, r.id) in wanted]
