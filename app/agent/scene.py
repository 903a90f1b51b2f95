"""A part of a sentence beside the facts it cites, and what comparing one claim gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.agent.claims import Claims, Number
from app.agent.facts import Fact, Lexicon, Mention

NOT_THERE = "not in this source"
DOSE_UNITS = ("mg", "mcg", "g", "unit", "iu", "ml", "meq", "mmol", "tablet", "capsule", "%")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim held against the record. `equal` None: nothing to hold it against.

    None with handles: these sources do not prove the words, whatever else in them is equal.
    """

    field: str
    equal: bool | None
    says: str = ""
    record: str = ""
    handles: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A part of a sentence, what it cites, and what else the sentence and the answer cite."""

    text: str
    sentence: str
    claims: Claims
    own: tuple[Fact, ...]
    others: tuple[Fact, ...]
    earlier: tuple[Fact, ...]
    lexicon: Lexicon
    zone: ZoneInfo
    general: bool

    def mentions(self) -> list[Mention]:
        """Return the tests and drugs named in these words."""
        return self.lexicon.mentions(self.claims.rest)


def equal(field: str, found: Iterable[Fact]) -> Finding:
    """Say that a claim stands in these facts."""
    return Finding(field=field, equal=True, handles=frozenset(f.handle for f in found))


def differs(field: str, says: str, record: str, found: Iterable[Fact]) -> Finding:
    """Say that a claim contradicts these facts."""
    handles = frozenset(f.handle for f in found)
    return Finding(field=field, equal=False, says=says, record=record or NOT_THERE, handles=handles)


def unproved(found: Iterable[Fact]) -> Finding:
    """Say that a claim is one that no rule can decide for these facts: they are no match for the words."""
    return Finding(field="", equal=None, handles=frozenset(f.handle for f in found))


UNKNOWN = Finding(field="", equal=None)


def nearest(scene: Scene, at: int) -> Mention | None:
    """Return the last test or drug named before a number, else the first one after it."""
    mentions = scene.mentions()
    before = [m for m in mentions if m.start <= at]
    return before[-1] if before else next(iter(mentions), None)


def holds(fact: Fact, number: Number) -> bool:
    """Tell whether a fact has this number, with this unit."""
    return any(number.amount.same(n, loose=fact.long) for n in fact.numbers)
