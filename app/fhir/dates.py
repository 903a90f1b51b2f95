"""Print and compare FHIR dates in the site's time zone.

A date-only value never gets a time; a moment is printed in the site's zone, whatever offset was sent.

Source: https://hl7.org/fhir/R4/datatypes.html#dateTime (a year, a month, a day, or a moment with an offset)
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local(sent: str, zone: ZoneInfo) -> str:
    """Return a date as sent as sortable ISO in the site's zone, to the minute; date-only values stay as they are.

    Of the hour that comes twice when clocks go back, both read the same.
    """
    if len(sent) <= len("2026-11-19"):
        return sent
    try:
        # Also with a small t or z or a blank, as some servers write it: the day may depend on the zone.
        moment = datetime.fromisoformat(sent.upper())
    except ValueError:
        return sent[:10]
    if moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    return moment.strftime("%Y-%m-%dT%H:%M")


def later(now: datetime, elapsed: timedelta) -> datetime:
    """Return the moment this much time later (earlier, if negative), in the zone of `now`.

    A day on which clocks change has 23 or 25 hours: adding to the local time itself would count clock faces, not hours.
    """
    return (now.astimezone(UTC) + elapsed).astimezone(now.tzinfo)


def is_unplaced(moment: str, since: str = "", until: str = "") -> bool:
    """Tell whether a date (ISO, site zone) is missing, or too coarse to say on which side of a limit it lies."""
    # A day's own end, as "until 2026-11-19T24" says it, divides no day.
    limits = [limit.removesuffix("T24") for limit in (since, until) if limit]
    return any(
        not moment or (len(moment) < len(limit) and limit.startswith(moment)) for limit in limits
    )


def is_within(moment: str, since: str = "", until: str = "") -> bool:
    """Tell whether a date lies inside limits for certain; `until` is not included. No limit holds everything."""
    inside = moment >= since and (not until or moment < until)
    return inside and not is_unplaced(moment, since, until)


def day(iso: str) -> str:
    """Print an ISO date as dd-MMM-yyyy, or as MMM-yyyy or yyyy where no more is known."""
    year, *rest = iso[:10].split("-")
    if not rest or not rest[0].isdigit() or not 1 <= int(rest[0]) <= 12:
        return year
    return "-".join([*reversed([MONTHS[int(rest[0]) - 1], *rest[1:]]), year])


def printed(sent: str, zone: ZoneInfo, *, time: bool = False) -> str:
    """Print a date as sent, in the site's zone; the time only on request and only if one was sent."""
    iso = local(sent, zone)
    return f"{day(iso)} {iso[11:16]}" if time and len(iso) > 10 else day(iso)


def as_date(iso: str) -> date | None:
    """Return the calendar day of an ISO date, None where the day is not known."""
    if not DAY.match(iso):
        return None  # a week or an ordinal date, which ISO 8601 has and FHIR has not, is no day that was sent
    try:
        return date.fromisoformat(iso[:10])
    except ValueError:
        return None


def days_between(earlier: str, later: str) -> int | None:
    """Count calendar days from one ISO date to another, None where a day is not known."""
    first, last = as_date(earlier), as_date(later)
    return (last - first).days if first and last else None


def add_days(iso: str, days: int) -> str:
    """Return the ISO date some days later, empty where the day is not known."""
    start = as_date(iso)
    return (start + timedelta(days=days)).isoformat() if start else ""


def months_before(iso: str, months: int) -> str:
    """Return the ISO date some months earlier (the 31st becomes the 28th)."""
    year, month, number = int(iso[:4]), int(iso[5:7]), int(iso[8:10])
    at = year * 12 + month - 1 - months
    return f"{at // 12:04d}-{at % 12 + 1:02d}-{min(number, 28):02d}"


def age(born: str, today: str) -> str:
    """Print an age by band: weeks and days under 1 year, months and days under 2, years and months under 18, else years.

    Empty where the day of birth is not known.
    """
    birth, now = as_date(born), as_date(today)
    if birth is None or now is None or now < birth:
        return ""
    months = (now.year - birth.year) * 12 + now.month - birth.month - (now.day < birth.day)
    if months < 12:
        weeks, days = divmod((now - birth).days, 7)
        return f"{weeks}w {days}d"
    if months < 24:
        return f"{months}m {_days_past_month(birth, now)}d"
    years, rest = divmod(months, 12)
    return f"{years}y {rest}m" if years < 18 else f"{years}y"


def _days_past_month(birth: date, now: date) -> int:
    """Count the days since the last monthly birthday (the last day of a month that is too short)."""
    at = now.year * 12 + now.month - 1 - (now.day < birth.day)
    year, month = at // 12, at % 12 + 1
    return (now - date(year, month, min(birth.day, monthrange(year, month)[1]))).days


def years_old(born: str, today: str) -> int | None:
    """Return whole years of age, None where the day of birth is not known."""
    birth, now = as_date(born), as_date(today)
    if birth is None or now is None:
        return None
    return now.year - birth.year - ((now.month, now.day) < (birth.month, birth.day))
