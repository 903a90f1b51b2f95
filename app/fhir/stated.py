"""Keep what single records state from one snapshot of a chart to the next: a record that did not change is read once.

Records are known by their identity, so a record that was read again is stated again. What a record states must follow
from that record alone; it may be worked out as soon as the record has come, while others are still waited for.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from app.fhir.citation import Evidence
from app.fhir.facts import Facts
from app.fhir.readings import Reading
from app.fhir.sections import BY_TYPE
from app.fhir.shapes import is_well_formed
from app.fhir.source import Resource
from app.fhir.values import readings

T = TypeVar("T")
# A resource of an impossible shape is counted and makes its section incomplete; it does not hide the others.
MALFORMED = (AttributeError, TypeError, KeyError, ValueError, ArithmeticError)


class Stated:
    """What records of one launch state. Several threads may `begin`, while no snapshot is made."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._now: dict[tuple[int, object], tuple[Resource, object]] = {}
        self._before: dict[tuple[int, object], tuple[Resource, object]] = {}

    def next_snapshot(self) -> None:
        """Forget what neither the last snapshot nor the reads since have asked for."""
        self._before, self._now = self._now, {}

    def of(self, resource: Resource, make: Callable[..., T], *more: Any) -> T:
        """Return what `make` says of a record; `more` is the same in every call for that record."""
        key = (id(resource), make)
        known = self._now.get(key) or self._before.get(key)
        # The record is held beside its identity, which therefore cannot become another's.
        if known is None or known[0] is not resource:
            known = (resource, make(resource, *more))
        self._now[key] = known
        return cast("T", known[1])

    def readings(self, observation: Resource) -> list[Reading]:
        """Return the values of an Observation, as `values.readings`; nobody changes that list."""
        return self.of(observation, readings, self._zone)

    def facts(self, record: Resource, make: Callable[[Resource], Facts]) -> tuple[Evidence, ...]:
        """Return the facts of a record of a table."""
        return self.of(record, _all_of, make)

    def begin(self, records: Iterable[Resource]) -> None:
        """Work out what records state, for the next snapshot; it says what is wrong with those that cannot be read."""
        for record in records:
            try:
                if not self.of(record, is_well_formed):
                    continue
                section = BY_TYPE.get(record["resourceType"])
                if record["resourceType"] == "Observation":
                    self.readings(record)
                elif section and section.table:
                    self.facts(record, section.table.facts)
            except MALFORMED:
                continue


def _all_of(record: Resource, make: Callable[[Resource], Facts]) -> tuple[Evidence, ...]:
    return tuple(make(record))
