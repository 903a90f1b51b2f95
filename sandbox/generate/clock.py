"""The charts' place in time: one clock for all of them, America/Chicago."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Chicago")
AS_OF = datetime(2026, 11, 20, 8, 42, tzinfo=ZONE)


def local(day: str, time: str) -> str:
    """Return a FHIR `dateTime` with the offset that Chicago had at that day and time."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZONE).isoformat()


def later(stamp: str, minutes: int) -> str:
    """Return `stamp` moved by `minutes` of elapsed time, in Chicago's offset of that moment."""
    moved = datetime.fromisoformat(stamp).astimezone(ZoneInfo("UTC")) + timedelta(minutes=minutes)
    return moved.astimezone(ZONE).isoformat()


def days_before(day: str, days: int) -> str:
    """Return the date `days` before `day`, as `yyyy-mm-dd`."""
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()
