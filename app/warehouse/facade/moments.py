"""Compare dates as FHIR searches do: every date is a span, from its first moment to the one after its last.

`2024` is a year, `2024-05-01T10:00Z` a minute; an end that is open goes on for ever. A date without a zone is the site's.

Source: https://hl7.org/fhir/R4/search.html#date, #prefix
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from app.warehouse.facade.errors import FacadeRefused

FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb)?(\d.*)", re.DOTALL)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `low` to just before `high`."""

    low: datetime
    high: datetime


# What each prefix asks of a record's span `r`, for the span `s` that was sought.
COMPARED: dict[str, Callable[[Span, Span], bool]] = {
    "eq": lambda r, s: s.low <= r.low and r.high <= s.high,
    "ne": lambda r, s: not (s.low <= r.low and r.high <= s.high),
    "gt": lambda r, s: r.high > s.high,
    "lt": lambda r, s: r.low < s.low,
    "ge": lambda r, s: r.high > s.high or (s.low <= r.low and r.high <= s.high),
    "le": lambda r, s: r.low < s.low or (s.low <= r.low and r.high <= s.high),
    "sa": lambda r, s: r.low >= s.high,
    "eb": lambda r, s: r.high <= s.low,
}


def sought(name: str, value: str, zone: tzinfo) -> tuple[str, Span]:
    """Return the prefix and the span of a search value.

    Raises:
        FacadeRefused: it is no date, or its prefix is not supported.
    """
    found = PREFIX.fullmatch(value)
    span = span_of(found[2], zone) if found else None
    if found is None or span is None:
        raise FacadeRefused(f"{name}: a date with one of the prefixes {', '.join(COMPARED)}, or none, is supported")  # fmt: skip
    return found[1] or "eq", span


def span_of(sent: object, zone: tzinfo) -> Span | None:
    """Return the span of a dateTime, instant or Period of a resource; None where it says no time."""
    if isinstance(sent, dict):
        low, high = span_of(sent.get("start"), zone), span_of(sent.get("end"), zone)
        if low is None and high is None:
            return None
        return Span(low=low.low if low else FIRST, high=high.high if high else LAST)
    found = FORM.fullmatch(sent) if isinstance(sent, str) else None
    if found is None:
        return None
    try:
        return _span(found, zone)
    except (ValueError, OverflowError):
        return None


def _span(found: re.Match[str], zone: tzinfo) -> Span:
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if hour is None:
        low = date(int(year), int(month or 1), int(day or 1))
        if day:
            high = low + timedelta(days=1)
        elif month:
            high = (low + timedelta(days=31)).replace(day=1)
        else:
            high = low.replace(year=low.year + 1)
        return Span(low=_midnight(low, zone), high=_midnight(high, zone))
    micros = round(float(fraction or 0) * 1_000_000)
    at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=_zone(offset) or zone)  # fmt: skip
    at = at.astimezone(UTC) + timedelta(microseconds=micros)
    if fraction:
        length = timedelta(microseconds=max(1, 10 ** (7 - len(fraction))))
    else:
        length = timedelta(seconds=1) if second else timedelta(minutes=1)
    return Span(low=at, high=at + length)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _zone(offset: str | None) -> tzinfo | None:
    return datetime.fromisoformat(f"2000-01-01T00:00:00{offset}").tzinfo if offset else None
