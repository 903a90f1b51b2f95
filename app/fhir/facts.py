"""State one fact of a record, with the record's date and what that date means."""

from collections.abc import Callable, Iterator

from app.fhir.citation import DateRole, Evidence
from app.fhir.source import Resource
from app.fhir.values import evidence

Facts = Iterator[Evidence]
When = tuple[str, DateRole]


def display(reference: Resource | None) -> str:
    """Return the display of a Reference, empty where there is none."""
    return str((reference or {}).get("display") or "")


def stated(
    resource: Resource, name: str, when: When, status: str | None = None
) -> Callable[..., Evidence]:
    """Return a function that states a fact of this record: `say(path, field, value, unit)`."""

    def say(path: str, field: str, value: object, unit: str = "") -> Evidence:
        return evidence(
            resource,
            path,
            field,
            value,
            name=name,
            unit=unit,
            date=when[0],
            role=when[1],
            status=status,
        )

    return say


def date_fact(
    resource: Resource, path: str, field: str, value: object, role: DateRole, *, name: str
) -> Evidence | None:
    """State a date as a fact: its value is the date itself; None where none was sent."""
    sent = str(value or "")
    return evidence(resource, path, field, sent, name=name, date=sent, role=role) if sent else None


def kept(*facts: Evidence | None) -> Facts:
    """Drop what was not sent."""
    return (f for f in facts if f is not None and f.value)
