"""What "yesterday", "3 days ago", "last Tuesday" and "POD 3" mean in a note, counted from the note's own date.

The words stay as they were written; the day is shown beside them. The first hospital day is the day of admission; the
day after an operation is its first. Left alone: what can mean two days ("next Tuesday", "on Monday"), months, and any word
in a note whose day is not known.
"""

import re
from collections.abc import Callable
from datetime import date

from app.fhir.dates import add_days, as_date, day

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS = {
    "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
COUNT = rf"(\d{{1,3}}|{'|'.join(NUMBERS)})"
Meaning = Callable[[re.Match[str], date], str]


def _on(days: int) -> Meaning:
    return lambda _found, own: _shown(own, days)


def _shown(own: date, days: int) -> str:
    return day(add_days(own.isoformat(), days))


def _many(found: re.Match[str], sign: int) -> int:
    said, unit = found[1].lower(), found[2].lower()
    return sign * (int(said) if said.isdigit() else NUMBERS[said]) * (7 if unit == "week" else 1)


def _ago(found: re.Match[str], own: date) -> str:
    return _shown(own, _many(found, -1))


def _ahead(found: re.Match[str], own: date) -> str:
    return _shown(own, _many(found, 1))


def _last(found: re.Match[str], own: date) -> str:
    back = (own.weekday() - WEEKDAYS.index(found[1].lower())) % 7 or 7
    return _shown(own, -back)


def _after_surgery(found: re.Match[str], own: date) -> str:
    return f"surgery on {_shown(own, -int(found[1]))}"


def _in_hospital(found: re.Match[str], own: date) -> str:
    return f"admission on {_shown(own, 1 - int(found[1]))}" if int(found[1]) else ""


RULES: tuple[tuple[str, Meaning], ...] = (
    (r"day before yesterday", _on(-2)),
    (r"day after tomorrow", _on(2)),
    (r"yesterday(?: (?:morning|afternoon|evening|night))?|last night", _on(-1)),
    (r"today|this (?:morning|afternoon|evening)|tonight", _on(0)),
    (r"tomorrow(?: (?:morning|afternoon|evening|night))?", _on(1)),
    (rf"{COUNT} (day|week)s? (?:ago|earlier)", _ago),
    (rf"in {COUNT} (day|week)s?", _ahead),
    (rf"last ({'|'.join(WEEKDAYS)})", _last),
    (r"(?:POD|post-?op(?:erative)? day) ?#?(\d{1,3})", _after_surgery),
    (r"(?:HD|hospital day) ?#?(\d{1,3})", _in_hospital),
)  # fmt: skip
FOUND = tuple((re.compile(rf"(?<![\w-])(?:{p})(?![\w-])", re.IGNORECASE), m) for p, m in RULES)


def relative_days(text: str, written: str) -> list[tuple[str, str]]:
    """Return (words as they stand, the day they mean) in reading order, each wording once.

    `written` is the ISO date of the note that these words were first written in.
    """
    own = as_date(written)
    if own is None:
        return []
    taken: list[tuple[int, int]] = []
    out: list[tuple[int, str, str]] = []
    for pattern, meaning in FOUND:
        for found in pattern.finditer(text):
            if any(found.start() < end and start < found.end() for start, end in taken):
                continue
            taken.append(found.span())
            out.append((found.start(), found[0], meaning(found, own)))
    said = {words.lower(): (words, meant) for _, words, meant in sorted(out, reverse=True) if meant}
    return [said[key] for key in dict.fromkeys(w.lower() for _, w, _ in sorted(out)) if key in said]


def in_words(days: list[tuple[str, str]]) -> str:
    """Return “yesterday” = 13-Nov-2026; “POD 3” = surgery on 11-Nov-2026."""
    return "; ".join(f"“{words}” = {meant}" for words, meant in days)
