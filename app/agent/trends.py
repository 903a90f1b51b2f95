"""Compare what changed, and what came first: two values of a test, two dated events, a value and its range.

"Rose from A to B" needs B above A, and the record of A before that of B. With one value the one before it in the
cited series decides. "Before" and "after" between two dates need that order. Not decided: a trend without a value,
an order of events without dates, causes.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.agent.claims import PAIR, Number
from app.agent.facts import Fact
from app.agent.scene import Finding, Scene, differs, equal, holds
from app.agent.spoken_dates import When

UP = (
    r"rose|risen|rises?|rising|increas(?:ed|es?|ing)|climb(?:ed|s|ing)?|went up|going up|gone up|trended up|trending up(?:ward)?|uptrend(?:ing)?"
    r"|jumped|grew|higher than|greater than|up(?= from\b)|upward"
)
DOWN = (
    r"fell|fallen|falls?|falling|decreas(?:ed|es?|ing)|declin(?:ed|es?|ing)|drop(?:ped|s|ping)?|went down|going down|gone down|trended down"
    r"|trending down(?:ward)?|downtrend(?:ing)?|reduced|sank|lower than|less than|down(?= from\b)|downward"
)
SAME = r"unchanged|no change|stable|the same|identical"
WORD = re.compile(
    rf"\b(?:(?P<up>{UP})|(?P<down>{DOWN})|(?P<same>{SAME}))\b(?! (?:the )?(?:risk|dose|dosage|salt|intake|chance|appetite))",
    re.IGNORECASE,
)
FROM = re.compile(
    r"\b(?:from|compared (?:with|to)|versus|vs\.?|relative to|against)\b[^\d;.]{0,40}$",
    re.IGNORECASE,
)
THAN = re.compile(r"\bthan\b[^\d;]{0,40}$", re.IGNORECASE)
CLAUSE = re.compile(r";|\.\s(?=[A-Z])|, (?:and|while|but|whereas)\b|\band\b(?=[^;]{0,60}\bfrom\b)")


def trends(scene: Scene) -> Iterator[Finding]:
    """Compare every direction that the sentence states with the values beside it."""
    if scene.general:
        return
    at, left = 0, list[Number]()
    text = scene.claims.rest
    ends = [m.start() for m in CLAUSE.finditer(text)] + [len(text)]
    for end in ends:
        words = list(WORD.finditer(text, at, end))
        values = [n for n in scene.claims.numbers if at <= n.start < end and _usable(n, scene)]
        if words and not values:
            values = left  # "4.1, then 4.6; overall rising"
        if words:
            yield from _clause(scene, words[0], values)
        elif len(values) == 2:
            yield from _order(scene, values)
        at, left = end, [] if words else values


def _usable(number: Number, scene: Scene) -> bool:
    """Keep numbers that a cited result holds; `less than 60` alone is a limit, not a value."""
    if number.kind not in ("value", "threshold") or PAIR.fullmatch(number.text):
        return False
    return any(_result(f) and holds(f, number) for f in scene.own)


def _result(fact: Fact) -> bool:
    return fact.kind == "Observation" and fact.field == "value" and not fact.long


def _clause(scene: Scene, word: re.Match[str], values: Sequence[Number]) -> Iterator[Finding]:
    if len(values) == 1:
        yield from _after_one(scene, word, values[0])
    if len(values) != 2:
        return
    earlier, later = _by_words(scene, word, values)
    first, second = earlier.amount.number, later.amount.number
    found = _holding(scene, [earlier, later])
    if earlier.amount.unit and later.amount.unit and earlier.amount.unit != later.amount.unit:
        return
    if not found or not _one_test(found, scene):
        return
    if _direction(first, second) == word.lastgroup:
        yield equal("trend", found)
        yield from _order(scene, [earlier, later]) if "than" not in word[0] else ()
    else:
        yield differs(
            "trend", f"{word[0]}: {earlier.text} to {later.text}", f"{first} to {second}", found
        )


def _by_words(scene: Scene, word: re.Match[str], values: Sequence[Number]) -> tuple[Number, Number]:
    """Return the earlier and the later value, as the words put them."""
    a, b = values
    text = scene.claims.rest
    if "than" in word[0].casefold():
        return (b, a)
    before_second = text[a.end : b.start]
    if FROM.search(before_second) or THAN.search(before_second):
        return (b, a)
    return (a, b)


def _direction(first: Decimal, second: Decimal) -> str:
    return "up" if second > first else "down" if second < first else "same"


def _holding(scene: Scene, numbers: Sequence[Number]) -> list[Fact]:
    return [f for f in scene.own if _result(f) and any(holds(f, n) for n in numbers)]


def _one_test(found: Sequence[Fact], scene: Scene) -> bool:
    return len({scene.lexicon.group(f.evidence.name) for f in found}) == 1


def _order(scene: Scene, values: Sequence[Number]) -> Iterator[Finding]:
    """Yield a difference where "from A to B" names the later value first."""
    a, b = values
    between = scene.claims.rest[a.end : b.start]
    going = re.search(r"\bto\b|→|->|\bthen\b", between) and not FROM.search(between)
    if not going or a.amount.number == b.amount.number:
        return
    first, second = _holding(scene, [a]), _holding(scene, [b])
    if not first or not second or not _one_test([*first, *second], scene):
        return
    starts, ends = [_moment(f) for f in first], [_moment(f) for f in second]
    if all(starts) and all(ends) and min(starts) > max(ends):
        yield differs(
            "trend", f"{a.text} then {b.text}", f"{b.text} then {a.text}", [*first, *second]
        )


def _moment(fact: Fact) -> str:
    return fact.dates[0][0] if fact.dates else ""


def _after_one(scene: Scene, word: re.Match[str], value: Number) -> Iterator[Finding]:
    """Compare "rose to B" with the value before B in the cited series."""
    holding = _holding(scene, [value])
    # A value that the words leave behind ("fell from A") or compare with is not the newer one.
    if len(holding) != 1 or FROM.search(scene.claims.rest[: value.start]) or value.kind != "value":
        return
    group, moment = scene.lexicon.group(holding[0].evidence.name), _moment(holding[0])
    before = [
        f for f in scene.own
        if _result(f) and scene.lexicon.group(f.evidence.name) == group and _moment(f) < moment and f.numbers
    ]  # fmt: skip
    if not before or not moment:
        return
    last = max(before, key=_moment)
    went = _direction(last.numbers[0].number, value.amount.number)
    if went == word.lastgroup:
        yield equal("trend", holding)
    elif not any(
        _direction(f.numbers[0].number, value.amount.number) == word.lastgroup for f in before
    ):
        yield differs("trend", f"{word[0]} to {value.text}", f"{last.printed} before it", holding)


# ---------------------------------------------------------------- before and after

LATER = re.compile(
    r"\b(?:after|follow(?:ed|s|ing)(?! by)|later than|subsequent to)\b", re.IGNORECASE
)
SOONER = re.compile(
    r"\b(?:before|prior to|preced(?:ed|es|ing)|earlier than|followed by|ahead of)\b", re.IGNORECASE
)


def sequences(scene: Scene) -> Iterator[Finding]:
    """Compare "A (date) before B (date)" with the two dates."""
    dates = [d for d in scene.claims.dates if len(d.iso) == 10 or d.iso.startswith("--")]
    if scene.general or len(dates) != 2:
        return
    isos = [_dated(scene, d) for d in dates]
    if not all(isos) or isos[0] == isos[1]:
        return
    text = scene.claims.rest
    between = text[dates[0].end : dates[1].start]
    sooner, later = SOONER.search(between), LATER.search(between)
    if not sooner and not later:
        lead = text[: dates[0].start].lstrip(" -*")
        # "After A on d1, B on d2": A came first.
        later, sooner = SOONER.match(lead), LATER.match(lead)
    if bool(sooner) == bool(later):
        return
    right = isos[0] < isos[1] if sooner else isos[0] > isos[1]
    word = sooner or later
    found = [f for f in scene.own if any(iso[:10] in isos for iso, _ in f.dates)]
    if right and found:
        yield equal("order of dates", found)
    elif found:
        yield differs(
            "order of dates",
            f"{dates[0].text} {word[0] if word else ''} {dates[1].text}",
            f"{min(isos)}, {max(isos)}",
            found,
        )


def _dated(scene: Scene, when: When) -> str:
    """Return the day of a date in a sentence as a cited record has it."""
    days = {iso[:10] for f in scene.own for iso, _ in f.dates if len(iso) >= 10}
    fits = [
        d
        for d in days
        if d in (when.iso, when.turned) or (when.iso.startswith("--") and d[4:] == when.iso[1:])
    ]
    return min(fits, default="")
