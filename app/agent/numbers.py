"""Compare numbers: each belongs to the test or drug named last before it, and to the date beside it.

"Creatinine 34 and eGFR 1.64" is wrong although both numbers are in the record.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.agent.claims import PAIR, Number
from app.agent.facts import Fact, Mention
from app.agent.measure import Amount, amounts
from app.agent.scene import (
    DOSE_UNITS,
    NOT_THERE,
    UNKNOWN,
    Finding,
    Scene,
    differs,
    equal,
    holds,
    nearest,
)
from app.agent.spoken_dates import When
from app.agent.subjects import subject
from app.agent.when import on_day
from app.fhir.dates import day


def numbers(scene: Scene) -> Iterator[Finding]:
    """Yield a finding for every number of a part of a sentence."""
    whole_names = _verbatim(scene)
    for number in scene.claims.numbers:
        if any(a <= number.start < b for a, b in whole_names):
            continue
        if number.kind == "value":
            yield from _value(scene, number)
        elif number.kind == "count":
            yield _count(scene, number)
        elif number.kind == "range":
            yield _range(scene, number)


def _verbatim(scene: Scene) -> list[tuple[int, int]]:
    """Return where a name that holds digits stands word for word ("amlodipine 10 mg tablet")."""
    spans = []
    for name in {f.evidence.name for f in scene.own if re.search(r"\d", f.evidence.name)}:
        spans += [m.span() for m in re.finditer(re.escape(name), scene.claims.rest, re.IGNORECASE)]
    return spans


def _count(scene: Scene, number: Number) -> Finding:
    """Compare a count where the record holds that very count: a search, a supply, refills."""
    searched = [f for f in scene.own if f.kind == "Search" and f.field == "search"]
    if searched:
        holding = [f for f in searched if f.numbers and f.numbers[0].number == number.amount.number]
        if holding:
            return equal("count", holding)
        return differs("count", number.text, searched[0].printed, searched)
    counted = [f for f in scene.own if number.noun and _counts(f, number.noun)]
    holding = [f for f in counted if any(n.number == number.amount.number for n in f.numbers)]
    if holding:
        return equal(holding[0].field, holding)
    if counted and not any(f.long for f in counted):
        return differs(counted[0].field, number.text, counted[0].printed, counted)
    return UNKNOWN


def _counts(fact: Fact, noun: str) -> bool:
    return fact.evidence.unit.startswith(noun) or fact.field.startswith(noun)


def _range(scene: Scene, number: Number) -> Finding:
    limited = [f for f in scene.own if f.limits]
    if not limited:
        return UNKNOWN
    holding = [
        f for f in limited if any(_limit(number, a.amount) for a in amounts(_spaced(f.limits)))
    ]
    if holding:
        return equal("range", holding)
    return differs("range", number.text, limited[0].limits, limited)


def _limit(number: Number, limit: Amount) -> bool:
    """Compare a limit; its comparator counts where both sides have one."""
    signs = {number.amount.comparator, limit.comparator} - {""}
    return number.amount.number == limit.number and len(signs) < 2


def _spaced(limits: str) -> str:
    return re.sub(r"[–-]", " ", limits)


def _value(scene: Scene, number: Number) -> Iterator[Finding]:
    mention = nearest(scene, number.start)
    scope = _half(scene, number, _about(scene.own, mention, scene))
    if not scope:
        yield _elsewhere(scene, number, mention)
        return
    when = _beside(scene, number)
    holding = [
        f for f in scope if holds(f, number) and (when is None or not _single(f) or on_day(f, when))
    ]
    if holding:
        yield subject(scene, number, holding) or equal(_field(holding), holding)
        yield from _marks(number, holding)
        return
    if _echo(scene, number, mention):
        return
    yield _different(number, when, scope)


def _half(scene: Scene, number: Number, scope: list[Fact]) -> list[Fact]:
    """Keep to the systolic values for the first number of 148/84, to the diastolic ones for the second.

    The second belongs to a reading that has the first as well.
    """
    pair = PAIR.fullmatch(number.text)
    if pair is None:
        return scope
    rest = scene.claims.rest
    first = rest[number.end : number.end + 1] == "/"
    word = "systolic" if first else "diastolic"
    mine = [f for f in scope if word in f.evidence.name.casefold()]
    if first or not mine:
        return mine or scope
    top = Decimal(pair[1])
    joined = {
        f.evidence.reference for f in scope
        if "systolic" in f.evidence.name.casefold() and any(n.number == top for n in f.numbers)
    }  # fmt: skip
    return [f for f in mine if f.evidence.reference in joined] or mine


def _single(fact: Fact) -> bool:
    """Tell whether a fact is one value at one moment (and not a dose, whose date is the order's)."""
    return fact.kind == "Observation" and fact.field == "value"


def _field(holding: Sequence[Fact]) -> str:
    order = ("value", "dose", "quantity", "supply", "drug")
    return min((f.field for f in holding), key=lambda n: order.index(n) if n in order else 9)


def _about(own: Sequence[Fact], mention: Mention | None, scene: Scene) -> list[Fact]:
    """Return the facts a number may stand in: those of the named test or drug, all where none is named."""
    usable = [f for f in own if f.numbers or f.long]
    doses = [f for f in usable if f.field == "dose"]
    usable = [f for f in usable if not (doses and f.field == "drug")]
    if mention is None:
        return usable
    named = [f for f in usable if f.named(mention, scene.lexicon)]
    if named or any(f.long for f in usable):
        return named or usable
    # A cited resource may carry a name that no list knows; then the words decide nothing.
    ours = {m.text for m in scene.mentions() if any(f.named(m, scene.lexicon) for f in own)}
    return [] if _known(own, scene) or ours else usable


def _known(own: Sequence[Fact], scene: Scene) -> bool:
    return any(
        f.kind == "MedicationRequest" or f.evidence.name.casefold() in scene.lexicon.tests
        for f in own
    )


def _elsewhere(scene: Scene, number: Number, mention: Mention | None) -> Finding:
    """Judge a number of a test or drug that is not the cited one."""
    if scene.general or mention is None or _echo(scene, number, mention):
        return UNKNOWN
    found = [f for f in scene.own if holds(f, number)]
    if found:
        field = "drug" if mention.drug or found[0].kind == "MedicationRequest" else "test"
        return differs(field, mention.text, found[0].evidence.name, found)
    return differs("value", f"{mention.text} {number.text}", NOT_THERE, scene.own)


def _echo(scene: Scene, number: Number, mention: Mention | None) -> bool:
    """Tell whether a number repeats a value that this answer cites elsewhere, by name."""
    if scene.general:
        return True
    if mention is None:
        return False
    known = [f for f in (*scene.others, *scene.known.earlier) if f not in scene.own]
    return any(holds(f, number) and f.named(mention, scene.lexicon) for f in known)


def _beside(scene: Scene, number: Number) -> When | None:
    """Return the date of a number: behind it, else before it, else shared with the next ("5.6 and 1.64 on ...")."""
    if paired := _paired(scene, number):
        return paired
    values = [n for n in scene.claims.numbers if n.kind == "value" and n.text != number.text]
    dates = [d for d in scene.claims.dates if not d.bound and d.iso]
    after = [d for d in dates if d.start > number.start]
    if after:
        between = [n for n in values if number.start < n.start < after[0].start]
        if not between:
            return after[0]
        joined = scene.text[number.end : between[0].start]
        if not re.search(r"\bto\b|→|,? then\b", joined):
            return after[0]
    before = [d for d in dates if d.end <= number.start]
    taken = [n for n in values if before and n.start < before[-1].start]
    return before[-1] if before and not taken else None


def _paired(scene: Scene, number: Number) -> When | None:
    """Return the date of one of several values: named together ("from d1 to d2 it fell from a to b"), or each before its own."""
    dates = [d for d in scene.claims.dates if d.iso]
    values = [n for n in scene.claims.numbers if n.kind == "value"]
    if number not in values or len(dates) != len(values) or len(dates) < 2:
        return None
    places = sorted([(d.start, "d") for d in dates] + [(n.start, "n") for n in values])
    if "".join(kind for _, kind in places) == "dn" * len(dates):
        # "03-Mar-2019 268, 14-Jan-2020 301": every date stands before its value.
        return dates[values.index(number)]
    if len(dates) != 2:
        return None
    joined = JOINED.fullmatch(scene.text[dates[0].end : dates[1].start])
    return dates[values.index(number)] if joined else None


JOINED = re.compile(r"\s*(?:to|and|through|until|–|-|→|->)\s*(?:on )?")


def _marks(number: Number, holding: Sequence[Fact]) -> Iterator[Finding]:
    """Compare the flag written behind a value with the flag as sent."""
    flagged = [f for f in holding if f.flag is not None]
    if not number.flag or not flagged or any(f.evidence.unit == "L" for f in holding):
        return
    if any(
        number.flag == f.flag or (number.flag in "HL" and f.flag == number.flag * 2)
        for f in flagged
    ):
        yield equal("flag", flagged)
    else:
        yield differs("flag", number.flag, flagged[0].flag or "no flag", flagged)


def _different(number: Number, when: When | None, scope: Sequence[Fact]) -> Finding:
    """Say what the record has instead: the value of that day, of that unit, or the first one."""
    held = [f for f in scope if holds(f, number)]
    if held and when is not None:
        return differs("date", when.text, day(held[0].dates[0][0]) if held[0].dates else "", held)
    short = [f for f in scope if not f.long]
    unit = [f for f in short if any(n.unit == number.amount.unit for n in f.numbers)]
    dated = [f for f in short if when is not None and on_day(f, when)]
    doses = [f for f in short if f.field == "dose"]
    best = (doses if number.amount.unit in DOSE_UNITS else []) or dated or unit or short
    if not best:
        return differs("words", number.text, NOT_THERE, scope)
    return differs(
        best[0].field, number.text, best[0].printed, scope if len(scope) < 3 else best[:1]
    )
