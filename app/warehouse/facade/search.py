"""Understand a search: every parameter is supported or the request is refused, naming it.

Source: https://hl7.org/fhir/R4/search.html (errors: a server may reject what it does not know; this one always does)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from app.fhir.compartment import FHIR_ID, relative
from app.warehouse.facade.errors import FacadeRefused, unsupported
from app.warehouse.facade.match import Test, sort_key, test_of
from app.warehouse.facade.parameters import BY_TYPE, INCLUDES, REVINCLUDES, Parameter
from app.warehouse.store.record import Record

MOST_ON_A_PAGE = 1000
A_PAGE = 100
FORMATS = frozenset(("json", "application/json", "application/fhir+json"))
Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search understood. `asked` is how it was sent, in one form for all ways to write it, without `_count`."""

    resource_type: str
    asked: tuple[tuple[str, str], ...] = ()
    count: int = A_PAGE
    count_only: bool = False
    sort: tuple[tuple[Parameter, bool], ...] = ()
    includes: tuple[str, ...] = ()
    revincludes: tuple[str, ...] = ()
    tests: tuple[Test, ...] = field(default=(), repr=False)
    zone: tzinfo | None = None

    def found(self, records: Iterable[Record]) -> list[Record]:
        """Return the records that match, in the order that was asked for."""
        found = [record for record in records if all(test(record) for test in self.tests)]
        for parameter, descending in reversed(self.sort):
            # Sorting is stable, so what is equal stays as it lay.
            assert self.zone is not None  # noqa: S101 - `understand` gives both
            found.sort(key=sort_key(parameter, self.zone), reverse=descending)
        return found


def understand(resource_type: str, params: Params, patient: str, *, zone: tzinfo, base: str) -> Search:  # fmt: skip
    """Return a search for one patient's records.

    Raises:
        FacadeRefused: the type is not searched here, or a parameter, modifier or value is not supported; or the search
            names another patient (403).
    """
    known = BY_TYPE.get(resource_type)
    if known is None:
        raise unsupported(f"a search of {resource_type[:40]}")
    search = Search(resource_type=resource_type, zone=zone, asked=tuple(sorted(p for p in params if p[0] != "_count")))  # fmt: skip
    tests: list[Test] = []
    for name, value in params:
        if name.startswith("_") and name in CONTROLS:
            search = CONTROLS[name](search, value)
            continue
        parameter = known.get(name)
        if parameter is None:
            raise FacadeRefused(_unknown(name, resource_type, known), issue="not-supported")
        if not value.strip():
            raise FacadeRefused(f"{name}: a value is needed")
        if parameter.kind == "own":
            _demand_own(value, patient, base)
        tests.append(test_of(parameter, _alternatives(value), zone, base))
    return replace(search, tests=tuple(tests))


def _demand_own(value: str, patient: str, base: str) -> None:
    """The patient is who the caller was let in for, whatever is asked."""
    if (relative(value, base) or f"Patient/{value}") != f"Patient/{patient}":
        raise FacadeRefused("this access is for one patient, and another is asked for", http_status=403, issue="forbidden")  # fmt: skip


def _unknown(name: str, resource_type: str, known: Iterable[str]) -> str:
    plain, colon, modifier = name[:80].partition(":")
    if colon and plain in known:
        return f"the modifier :{modifier} of {plain} is not supported here"
    if "." in plain:
        return f"the chained parameter {plain} is not supported here"
    return f"the search parameter {name[:80]} is not supported here for {resource_type}"


def _alternatives(value: str) -> list[str]:
    r"""Split at commas; `\,` and `\|` stand for themselves."""
    parts = re.split(r"(?<!\\),", value)
    return [re.sub(r"\\([,$|\\])", r"\1", part) for part in parts]


# ------------------------------------------------------------ what controls the answer


def _count(search: Search, value: str) -> Search:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise FacadeRefused("_count: a whole number is needed")
    number = int(value)
    return replace(search, count_only=True) if number == 0 else replace(search, count=min(number, MOST_ON_A_PAGE))  # fmt: skip


def _summary(search: Search, value: str) -> Search:
    if value not in ("count", "false"):
        raise FacadeRefused("_summary: count and false are supported", issue="not-supported")
    return replace(search, count_only=value == "count")


def _sort(search: Search, value: str) -> Search:
    found = []
    known = BY_TYPE[search.resource_type]
    for item in value.split(","):
        name = item.removeprefix("-")
        parameter = known.get(name)
        if parameter is None or parameter.kind not in ("date", "updated", "id"):
            raise FacadeRefused(f"_sort: {name[:80]} is not supported here", issue="not-supported")
        found.append((parameter, item.startswith("-")))
    return replace(search, sort=tuple(found))


def _include(search: Search, value: str) -> Search:
    pair = ":".join(value.split(":")[:2])
    if pair not in INCLUDES or not pair.startswith(f"{search.resource_type}:"):
        raise unsupported(f"_include={value[:80]}")
    return replace(search, includes=(*search.includes, pair))


def _revinclude(search: Search, value: str) -> Search:
    pair = ":".join(value.split(":")[:2])
    if pair not in REVINCLUDES:
        raise unsupported(f"_revinclude={value[:80]}")
    return replace(search, revincludes=(*search.revincludes, pair))


def _format(search: Search, value: str) -> Search:
    if value not in FORMATS:
        raise unsupported(f"_format={value[:80]}")
    return search


def _total(search: Search, value: str) -> Search:
    if value not in ("none", "estimate", "accurate"):
        raise unsupported(f"_total={value[:80]}")
    return search


CONTROLS = {
    "_count": _count, "_summary": _summary, "_sort": _sort, "_include": _include, "_revinclude": _revinclude,
    "_format": _format, "_total": _total,
}  # fmt: skip


def demand_id(fhir_id: str) -> None:
    """Refuse what is no FHIR id."""
    if not FHIR_ID.fullmatch(fhir_id):
        raise FacadeRefused("this is no FHIR id")
