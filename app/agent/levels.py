"""Compare "high", "low", "normal", "above the range" and "flagged H" with the flag as sent, else with the range as sent.

Not decided: a level where neither flag nor range was sent, and "critical" in any other words.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.agent.facts import Fact
from app.agent.measure import Found, amounts
from app.agent.scene import Finding, Scene, differs, equal, holds, unproved

# A level said of a value, not of a change, a dose or the range itself.
RANGE_WORDS = r"(?:[\w'’]+\s){0,4}?(?:range|limits?|interval|normal|reference|cut-?off)(?:\s(?:range|interval|limits?|of normal))?"
# "normal: 43" says of 43 that it is normal; "normal: 3.5-5.1" and "normal: 60 or more" say what normal is.
ONE_NUMBER = (
    r"\d+(?:[.,]\d+)?(?![\d.,]*\d)(?!\s?(?:[–-]|to\b|\+|or (?:more|less|above|below|higher|lower)))"
)
LEVEL = re.compile(
    rf"\b(?P<not>(?:not|n['’]t)\s(?:\w+\s)?)?(?:(?P<normal>(?:with)?in {RANGE_WORDS}|(?<!of )normal(?:(?=[:=]\s*{ONE_NUMBER})|(?!\W*\d))|unremarkable)"
    rf"|(?P<critical>critical(?:ly)? )?(?P<high>high|elevated|(?:above|over|exceed(?:s|ed|ing)) {RANGE_WORDS})"
    rf"|(?P<critical2>critical(?:ly)? )?(?P<low>low|(?:below|under) {RANGE_WORDS}))\b"
    r"(?!-| (?:range|limits?|values?|dose|risk|sensitivity|back|point|potassium diet|salt|fat|carb|density|criticality))",
    re.IGNORECASE,
)


def levels(scene: Scene) -> Iterator[Finding]:
    """Compare "is low" and "was normal" with the flag as sent; without a sent flag a level is not proved."""
    values = [n for n in scene.claims.numbers if n.kind == "value"]
    if scene.general or not values:
        return
    for match in LEVEL.finditer(scene.claims.rest):
        before = [n for n in values if n.end <= match.start()]
        number = before[-1] if before else values[0]
        if match["not"] or (number.flag and 0 <= match.start() - number.end < 4):
            continue
        facts = [f for f in scene.own if f.flag is not None and holds(f, number)]
        if "criticality" in scene.claims.rest[max(0, match.start() - 14) : match.end() + 14]:
            continue
        if facts and len(facts) == len([f for f in scene.own if holds(f, number)]):
            yield _level(match, facts)


def _level(match: re.Match[str], facts: Sequence[Fact]) -> Finding:
    sent = {f.flag or "" for f in facts}
    if match["normal"]:
        if sent == {"N"}:
            return equal("flag", facts)
        said = "N"
    else:
        said = "H" if match["high"] else "L"
        said *= 2 if match["critical"] or match["critical2"] else 1
    if sent == {""}:
        return _by_range(match, facts, said)
    if all(flag == said or flag == said * 2 for flag in sent):
        return equal("flag", facts)
    return differs("flag", match[0].strip(), ", ".join(sorted(sent - {""})), facts)


def _by_range(match: re.Match[str], facts: Sequence[Fact], said: str) -> Finding:
    """Compare a level with the range as sent, where no flag was sent."""
    places = {place(f) for f in facts}
    if "" in places or len(places) > 1:
        return unproved(facts)
    (found,) = places
    if found == said:
        return equal("range", facts)
    return differs("flag", match[0].strip(), f"no flag, range {facts[0].limits}", facts)


def place(fact: Fact) -> str:
    """Return where a result lies in its range as sent: H, L or N; "" where that cannot be told."""
    limits = amounts(re.sub(r"(?<=\d)\s?[–-]\s?", " ", fact.limits))
    if not limits or not fact.numbers or fact.numbers[0].comparator:
        return ""
    value = fact.numbers[0].number
    low, high = _bounds(limits)
    if low is None and high is None:
        return ""
    if low is not None and value < low:
        return "L"
    return "H" if high is not None and value > high else "N"


def _bounds(limits: Sequence[Found]) -> tuple[Decimal | None, Decimal | None]:
    """Read "3.5–5.1", "< 15", "<=150" or "≥ 60"."""
    if len(limits) == 2:
        return limits[0].amount.number, limits[1].amount.number
    one = limits[0].amount
    if len(limits) > 2 or not one.comparator:
        return None, None
    return (one.number, None) if one.comparator.startswith(">") else (None, one.number)


FLAGGED = re.compile(r"\bflagged (?:as )?['“\"]?(HH|LL|H|L)\b")


def flagged(scene: Scene) -> Iterator[Finding]:
    """Compare "is flagged L" with the flag as sent."""
    values = [n for n in scene.claims.numbers if n.kind == "value"]
    for match in FLAGGED.finditer(scene.claims.rest):
        before = [n for n in values if n.end <= match.start()] or values[:1]
        facts = [f for f in scene.own if before and f.flag is not None and holds(f, before[-1])]
        if facts:
            same = any(f.flag == match[1] for f in facts)
            yield (
                equal("flag", facts)
                if same
                else differs("flag", match[1], facts[0].flag or "no flag", facts)
            )
