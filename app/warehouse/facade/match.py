"""Does a record match what is searched for?

A token is `code`, `system|code`, `system|` or `|code`; values with commas between them are alternatives. Codes are
compared as they stand: none is in another letter case or below another.

Source: https://hl7.org/fhir/R4/search.html#token, #reference
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any

from app.fhir.compartment import relative
from app.warehouse.facade.moments import COMPARED, FIRST, sought, span_of
from app.warehouse.facade.parameters import Parameter
from app.warehouse.store.record import Record

Test = Callable[[Record], bool]


def values_of(resource: object, path: str) -> Iterator[Any]:
    """Yield what stands at a path, through lists."""
    name, _, rest = path.partition(".")
    found = resource.get(name) if isinstance(resource, dict) else None
    for item in found if isinstance(found, list) else [found]:
        if item is not None:
            if rest:
                yield from values_of(item, rest)
            else:
                yield item


def test_of(parameter: Parameter, values: Sequence[str], zone: tzinfo, base: str) -> Test:
    """Return the test of one parameter, for alternatives.

    Raises:
        FacadeRefused: a value is not of the parameter's kind.
    """
    match parameter.kind:
        case "token":
            tokens = [_token(value) for value in values]
            return lambda r: any(
                _has(coding, token)
                for found in _at(r, parameter)
                for coding in _codings(found)
                for token in tokens
            )
        case "date":
            return _date_test(parameter, values, zone)
        case "updated":
            asked = [sought(parameter.name, value, zone) for value in values]
            return lambda r: any(
                (span := span_of(r.meta.get("lastUpdated"), zone)) is not None and COMPARED[prefix](span, wanted)
                for prefix, wanted in asked
            )  # fmt: skip
        case "id":
            wanted_ids = frozenset(values)
            return lambda r: r.id in wanted_ids
        case "reference":
            wanted = frozenset(relative(value, base) or value for value in values)
            return lambda r: any(_refers(found, wanted, base) for found in _at(r, parameter))
        case "own":
            return lambda _: True


def _date_test(parameter: Parameter, values: Sequence[str], zone: tzinfo) -> Test:
    asked = [sought(parameter.name, value, zone) for value in values]

    def test(record: Record) -> bool:
        spans = [span for sent in _at(record, parameter) if (span := span_of(sent, zone))]
        return any(COMPARED[prefix](span, wanted) for span in spans for prefix, wanted in asked)

    return test


def sort_key(parameter: Parameter, zone: tzinfo) -> Callable[[Record], tuple[bool, str]]:
    """Return what records are sorted by: what has no value comes last when sorted upwards."""

    def key(record: Record) -> tuple[bool, str]:
        if parameter.kind == "id":
            return (True, record.id)
        sent: Iterable[Any] = [record.meta.get("lastUpdated")] if parameter.kind == "updated" else _at(record, parameter)  # fmt: skip
        spans = [span for one in sent if (span := span_of(one, zone))]
        # Of a Period the start counts, or where it has none, the end.
        least = min((s.high if s.low == FIRST else s.low for s in spans), default=None)
        return (least is not None, least.isoformat() if least else "")

    return key


def _at(record: Record, parameter: Parameter) -> Iterator[Any]:
    for path in parameter.paths:
        yield from values_of(record.resource, path)


def _token(value: str) -> tuple[str | None, str | None]:
    """Return system and code that are wanted; None: any, "" as a system: none."""
    system, bar, code = value.partition("|")
    return (system, code or None) if bar else (None, value)


def _codings(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        listed = found.get("coding")
        for coding in listed if isinstance(listed, list) else [found]:
            if isinstance(coding, dict):
                yield str(coding.get("system") or ""), str(coding.get("code") or coding.get("value") or "")  # fmt: skip
    else:
        yield "", str(found).lower() if isinstance(found, bool) else str(found)


def _has(coding: tuple[str, str], token: tuple[str | None, str | None]) -> bool:
    system, code = token
    return (system is None or coding[0] == system) and (code is None or coding[1] == code)


def _refers(found: Any, wanted: frozenset[str], base: str) -> bool:
    sent = found.get("reference") if isinstance(found, dict) else None
    own = relative(sent, base) or str(sent or "")
    return own in wanted or own.rpartition("/")[2] in wanted
