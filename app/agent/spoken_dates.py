"""Read the dates of a sentence, and what its words say each date is: ordered, collected, signed ...

A role word stands before its date, in the same clause and with no other event between; or behind a date that begins
its clause ("On 02-Oct-2026 ibuprofen was ordered"). 10/02/2026 keeps both its readings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_TIME = r"(?:(?:,? at |,? |T)(?P<time>\d{1,2}:\d{2})\b)?"
DATES = (
    re.compile(rf"\b(?P<day>\d{{1,2}})[- ]{_MONTH}[- ,]+(?P<year>\d{{4}})\b{_TIME}", re.IGNORECASE),
    re.compile(rf"\b(?P<year>\d{{4}})-(?P<mm>\d{{2}})-(?P<day>\d{{2}})\b{_TIME}"),
    re.compile(
        rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})\b{_TIME}",
        re.IGNORECASE,
    ),
    re.compile(rf"\b{_MONTH}[- ](?P<year>\d{{4}})\b", re.IGNORECASE),
    re.compile(rf"\b(?P<day>\d{{1,2}})[- ]{_MONTH}(?![a-z]){_TIME}", re.IGNORECASE),
    re.compile(r"\b(?:in|since|of|from|during|until)\s(?P<year>(?:19|20)\d{2})\b(?![-/\d])"),
    re.compile(
        rf"\b(?=(?-i:[A-Z])){_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\.\d|/|\s?(?:mg|mcg|mmol|g|%|tablet)){_TIME}",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?P<mm>\d{{1,2}})/(?P<day>\d{{1,2}})/(?P<year>\d{{4}})\b{_TIME}"),
    re.compile(r"\b(?P<slashed>\d{1,2}/\d{1,2}/\d{2})\b"),
)
# Every date has some.
DIGIT = re.compile(r"\d")
# What a word says about the date behind it; a word may allow several roles.
ROLES: tuple[tuple[str, str], ...] = (
    (r"ordered|prescribed|requested|orders?", "ordered"),
    (r"started|starting|starts?|began|begun|initiated", "started"),
    (r"dispensed|filled|refilled|fills?|picked up", "dispensed"),
    (r"given|administered|received|injected|infused|vaccinated", "given"),
    (r"collected|drawn|sampled", "collected"),
    (r"taken", "collected measured"),
    (r"resulted|reported|released", "resulted"),
    (r"measured|weighed", "measured"),
    (r"recorded|documented|noted|entered", "recorded"),
    (r"onset|diagnosed|since", "onset"),
    (
        r"stopped|discontinued|ended|ends|finished|resolved|expired|discharged|supply to|ran out",
        "ended",
    ),
    (r"written|wrote|authored", "written"),
    (r"signed", "signed"),
    (r"searched", "searched"),
    (r"born", "born"),
    (r"died", "died"),
)
ROLE_WORD = re.compile(
    "|".join(rf"\b(?P<r{i}>{words})\b" for i, (words, _) in enumerate(ROLES)), re.IGNORECASE
)
# A date that begins a clause, and the role behind it.
ON = re.compile(r"(?:^|[;:,.(]\s*|\b(?:and|but)\s)\W*(?:on|in|from)?\s*$", re.IGNORECASE)
BEHIND = re.compile(
    r"\b(?P<role>ordered|prescribed|started|begun|initiated|dispensed|picked up|filled|given|administered|collected"
    r"|drawn|resulted|measured|stopped|discontinued|signed|wrote)\b",
    re.IGNORECASE,
)
# Between a role word and a date, these say that the date is another event's.
ELSEWHERE = re.compile(
    r"^[^(]*\)|\b(?:before|after|when|while|until|preced\w+|follow\w+|prior to)\b(?=.*\w)",
    re.IGNORECASE,
)
BOUND = re.compile(
    r"\b(since|before|after|until|between|as of|prior to|by|last)\s*$", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class When:
    """A date. `iso` may be a prefix (2026-11), `--11-19` without a year, "" if it cannot be read.

    `turned` is the other reading of 10/02/2026: day first.
    """

    text: str
    iso: str
    turned: str = ""
    time: str
    roles: tuple[str, ...]
    word: str
    bound: bool
    start: int
    end: int


def dates_in(text: str) -> Iterator[When]:
    """Yield the dates of a text in order, each with the role that the words give it."""
    if not DIGIT.search(text):
        return
    taken: list[tuple[int, int]] = []
    found = []
    for pattern in DATES:
        for match in pattern.finditer(text):
            start = (
                match.start("year")
                if match[0][:2] in ("in", "si", "of", "fr", "du", "un")
                else match.start()
            )
            if not any(a < match.end() and start < b for a, b in taken):
                taken.append((start, match.end()))
                found.append((start, match))
    found.sort(key=lambda f: f[0])
    for at, (start, match) in enumerate(found):
        before = text[found[at - 1][1].end() if at else 0 : start]
        word, roles = _role(before)
        if not roles and ON.search(before):
            later = found[at + 1][0] if at + 1 < len(found) else None
            word, roles = _role_behind(text[match.end() :] if later is None else "")
        yield When(
            text=text[start : match.end()], iso=_iso(match.groupdict()), turned=_turned(match), time=match.groupdict().get("time") or "",
            roles=roles, word=word, bound=bool(BOUND.search(before)), start=start, end=match.end(),
        )  # fmt: skip


def _role(before: str) -> tuple[str, tuple[str, ...]]:
    """Find the last role word before a date, in its own clause."""
    near = re.split(r"[;:|·]|\. ", before)[-1][-60:]
    found = None
    for match in ROLE_WORD.finditer(near):
        if ELSEWHERE.search(near[match.end() :]):
            continue
        if not (match[0].casefold() == "since" and "since" not in near.casefold()[-7:]):
            found = match
    if found is None or found.lastgroup is None:
        return "", ()
    return found[0].casefold(), tuple(ROLES[int(found.lastgroup[1:])][1].split())


def _role_behind(after: str) -> tuple[str, tuple[str, ...]]:
    """Find the role word behind a date that begins its clause: "On 02-Oct-2026 ibuprofen was ordered"."""
    near = re.split(r"[;:|·.]\s|\ufffc|, (?:and|but|while|when|with)\b", after)[0][:90]
    match = BEHIND.search(near)
    if match is None:
        return "", ()
    word = ROLE_WORD.fullmatch(match["role"])
    if word is None or word.lastgroup is None:
        return "", ()
    return word[0].casefold(), tuple(ROLES[int(word.lastgroup[1:])][1].split())


def _turned(match: re.Match[str]) -> str:
    """Return the reading of a date with slashes that has the day first, "" where there is none."""
    part = match.groupdict()
    if "/" not in match[0] or part.get("slashed") or int(part["day"] or 0) > 12:
        return ""
    return f"{part['year']}-{int(part['day']):02d}-{int(part['mm']):02d}"


def _iso(part: dict[str, str | None]) -> str:
    if part.get("slashed"):
        return ""
    month = f"{int(part['mm'] or 0):02d}" if part.get("mm") else ""
    if month > "12":  # 25/10/2026 can only have the day first
        return f"{part['year']}-{int(part['day'] or 0):02d}-{month}"
    if name := part.get("month"):
        month = f"{MONTHS.index(name.casefold()[:3]) + 1:02d}"
    day = f"{int(part['day'] or 0):02d}" if part.get("day") else ""
    year = part.get("year")
    return "-".join(p for p in (year if year else "-", month, day) if p)
