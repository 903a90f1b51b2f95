"""Read a sentence: which dates, amounts, frequencies, statuses, quotations and absences does it state?

Only what a rule can compare is a claim. Counts, durations and limits are told apart from values, so that
"3 of 9 orders" or "below 45" is never held against a result.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from app.agent.measure import Amount, amounts, rates
from app.agent.spoken import Spoken
from app.agent.spoken_dates import When, dates_in

STATUS_WORDS = {
    "preliminary": "preliminary", "final": "final", "corrected": "corrected", "amended": "amended",
    "registered": "registered", "active": "active", "inactive": "inactive", "stopped": "stopped",
    "discontinued": "stopped", "completed": "completed", "resolved": "resolved", "on hold": "on-hold",
    "on-hold": "on-hold", "cancelled": "cancelled", "canceled": "cancelled", "revoked": "revoked",
    "entered in error": "entered-in-error", "entered-in-error": "entered-in-error",
    "in remission": "remission", "finished": "finished", "in progress": "in-progress",
    "in-progress": "in-progress", "planned": "planned",
}  # fmt: skip
STATUS = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(STATUS_WORDS, key=len, reverse=True))})(?![\w-])", re.IGNORECASE
)
QUOTE = re.compile(r"“([^”]{2,})”|\"([^\"\n]{2,})\"")
ABSENCE = re.compile(
    r"\b(?:no(?! match is not| longer| more| one| change| language| other than|\. ?\d)(?=[ -][a-z])|none|never|nothing (?:found|recorded|on file)"
    r"|not (?:found|recorded|documented|listed|on file|present|detected|appear|taking|ordered|prescribed|on)"
    r"|negative for|(?:is|are) absent|without any|denies|cannot find)\b",
    re.IGNORECASE,
)
# One of these stands in every absence, in every number that is part of a name, and first in every status.
ABSENCE_WORDS = frozenset(
    ("no", "none", "never", "nothing", "not", "negative", "absent", "without", "denies", "cannot")
)
NAMED_WORDS = frozenset(("type", "stage", "grade", "class", "category", "phase", "group"))
STATUS_FIRST = frozenset(re.split(r"[ -]", word)[0] for word in STATUS_WORDS)
# Words for what is counted, not measured.
_KINDS = "laboratory|lab|active|inactive|stopped|scanned|new|newer|older|other|clinical|medication|medicine|more|distinct"
NOUNS = (
    "result|value|order|note|visit|encounter|record|problem|medicine|medication|allerg|"
    "test|report|document|time|entr|row|line|source|other|refill|tablet|capsule|dose|day|"
    "week|month|year|hour|minute|page|search|fill|measurement|condition|episode|fall|"
    "statement|sign|imaging|item|match|criteri|input|finding|drug|pill|pack"
)
COUNTED = re.compile(
    rf"[\s\u00a0-]?(?:of\b|(?:(?:{_KINDS})[\s-]){{0,2}}(?P<noun>{NOUNS})\w*|(?:[\w-]+\s){{1,3}}(?P<many>results|values|readings|measurements)\b|more\b|older\b|(?:y|d|wk|mo)\b)",
    re.IGNORECASE,
)
COUNT_BEFORE = re.compile(
    r"\b(?:(?:\d+|one|two|three|four|five|six|most|some|none|each|out)\sof|all|top|last|first|next|source|page|step|line|no\.?|number|about)\s$",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"\b(?P<word>type|stage|grade|class|category|phase|group)\s(?P<which>\d[a-z]?|[IVX]{1,4}[a-d]?)\b(?!\.\d)",
    re.IGNORECASE,
)
THRESHOLD = re.compile(
    r"\b(?:over|above|below|under|less than|more than|at least|at most|greater than|(?<!went )(?<!gone )(?<!going )(?<!back )up to|goal(?: of)?|target(?: of)?"
    r"|limit(?: of)?|cut-?off(?: of)?|if|exceeds?)\s*$",
    re.IGNORECASE,
)
RANGE = re.compile(
    r"\b\d[\d.]*\s?[–-]\s?\d[\d.]*\b"
    r"|\b(?:ref(?:erence)?\.?|range|interval|normal|limits?)(?: range| interval| limits?| values?)?[\s:(,]*(?:is |of |was )?(?:from |between )?"
    r"\d[\d.]*(?:\s?[a-z%/µ0-9^]*[a-z%/])?\s(?:to|and)\s\d[\d.]*",
    re.IGNORECASE,
)
LIMIT_BEFORE = re.compile(
    r"\b(?:ref(?:erence)?\.?|range|interval|normal)(?: range| interval)?[\s:(,]*(?:is |of )?$",
    re.IGNORECASE,
)
NEAR = 100
DIGIT = re.compile(r"\d")
TAKEN_UNITS = ("tablet", "capsule", "puff", "drop", "patch", "spray")
PAIR = re.compile(r"(?<![\d/.])(\d{2,3})/(\d{2,3})(?![\d/]|\.\d)")
FLAG = re.compile(r"[\s\u00a0]?\(?(HH|LL|AA|H|L|A|high|low|critical(?:ly)? (?:high|low))\b\)?")
FLAG_WORDS = {"high": "H", "low": "L"}

Kind = Literal["value", "range", "count", "threshold"]


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words in quotation marks."""

    text: str
    start: int


@dataclass(frozen=True, kw_only=True)
class Number:
    """An amount and what it is: a value, a limit of a range, a count, or a threshold."""

    text: str
    amount: Amount
    kind: Kind
    start: int
    end: int
    flag: str = ""
    noun: str = ""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A frequency, in times a day."""

    text: str
    per_day: Decimal
    start: int


@dataclass(frozen=True, kw_only=True)
class Status:
    """A status word."""

    text: str
    status: str
    start: int


@dataclass(frozen=True, kw_only=True)
class Absence:
    """A statement that something is not there."""

    text: str
    start: int


@dataclass(frozen=True, kw_only=True)
class Named:
    """A number that is part of a name: stage 3a, type 2."""

    word: str
    which: str
    start: int


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Everything a text states that can be compared."""

    quotes: tuple[Quote, ...]
    dates: tuple[When, ...]
    numbers: tuple[Number, ...]
    rates: tuple[Rate, ...]
    statuses: tuple[Status, ...]
    absences: tuple[Absence, ...]
    named: tuple[Named, ...]
    # The text with quotations and dates blanked out, at the same length.
    rest: str


def claims(text: str) -> Claims:
    """Read a sentence, or a part of one."""
    quotes = tuple(
        Quote(text=(m[1] or m[2]).strip(" .,;"), start=m.start()) for m in QUOTE.finditer(text)
    )
    plain = _blank(text, [(m.start(), m.end()) for m in QUOTE.finditer(text)])
    dates = tuple(dates_in(plain))
    rest = _blank(plain, [(d.start, d.end) for d in dates])
    found_rates = rates(rest)
    spoken = Spoken(rest)
    named = list(NAMED.finditer(rest)) if spoken.may_say(NAMED_WORDS) else []
    spans = [(start, end) for start, end, _ in found_rates] + [m.span("which") for m in named]
    counted = _blank(rest, spans)
    return Claims(
        quotes=quotes,
        dates=dates,
        numbers=tuple(sorted(_numbers(counted), key=lambda n: n.start)),
        rates=tuple(Rate(text=rest[a:b], per_day=r, start=a) for a, b, r in found_rates),
        statuses=tuple(
            Status(text=m[0], status=status, start=m.start())
            for m in (STATUS.finditer(rest) if spoken.may_say(STATUS_FIRST) else ())
            # A pattern that ignores case takes a few more letters for "i" and "s".
            if (status := STATUS_WORDS.get(m[0].casefold()))
        ),
        absences=tuple(
            Absence(text=m[0], start=m.start())
            for m in (ABSENCE.finditer(rest) if spoken.may_say(ABSENCE_WORDS) else ())
        ),
        named=tuple(
            Named(word=m["word"].casefold(), which=m["which"].casefold(), start=m.start())
            for m in named
        ),
        rest=rest,
    )


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "\x1f" * (end - start) + text[end:]
    return text


def _numbers(text: str) -> Iterator[Number]:
    if not DIGIT.search(text):
        return
    ranges = [m.span() for m in RANGE.finditer(text)]
    pairs = {m.start(2): m for m in PAIR.finditer(text)}
    for match in pairs.values():
        yield from _pair(text, match)
    for found in amounts(text):
        if any(m.start() <= found.start < m.end() for m in pairs.values()):
            continue
        value, end = found.amount, found.end
        if value.unit == "l" and found.text.endswith("L"):
            # "34 L" is a flag far more often than litres; the comparison knows the record's unit.
            value, end = Amount(number=value.number, comparator=value.comparator), end - 1
        # What is looked for stands right before; all of it would be searched again for every number.
        first = not text[: found.start].strip()
        before, after = text[max(0, found.start - NEAR) : found.start], text[end:]
        in_range = any(a <= found.start < b for a, b in ranges)
        kind, noun = _kind(value, before, after, in_range=in_range, first=first)
        flag = FLAG.match(after) if kind == "value" else None
        yield Number(
            text=text[found.start : end].strip(), amount=value, kind=kind, start=found.start,
            end=end, flag=_flag(flag[1]) if flag else "", noun=noun,
        )  # fmt: skip


def _pair(text: str, match: re.Match[str]) -> Iterator[Number]:
    """Read 148/86 mmHg as two values of one measurement."""
    unit = re.match(r"\s?(mm\s?hg|mm\[hg\])", text[match.end() :], re.IGNORECASE)
    for group in (1, 2):
        yield Number(
            text=match[0], kind="value", start=match.start(group), end=match.end(group),
            amount=Amount(number=Decimal(match[group]), unit="mmhg" if unit else ""),
        )  # fmt: skip


def _kind(
    amount: Amount, before: str, after: str, *, in_range: bool, first: bool
) -> tuple[Kind, str]:
    if in_range or (amount.comparator and (before.endswith("(") or LIMIT_BEFORE.search(before))):
        return "range", ""
    if THRESHOLD.search(before):
        return "threshold", ""
    whole = amount.number == amount.number.to_integral_value() and not amount.comparator
    if whole and amount.unit in ("", *TAKEN_UNITS):
        counted = COUNTED.match(after)
        if counted or amount.unit or COUNT_BEFORE.search(before):
            noun = counted["noun"] if counted and counted["noun"] else ""
            return "count", noun.casefold() or amount.unit
        if first and re.match(r"[.)]\s", after):
            return "count", ""
    return "value", ""


def _flag(word: str) -> str:
    plain = word.casefold()
    if plain.startswith("critical"):
        return "HH" if "high" in plain else "LL"
    return FLAG_WORDS.get(plain, word)
