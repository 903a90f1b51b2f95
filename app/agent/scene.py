"""A part of a sentence beside the facts it cites, and what comparing one claim gives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
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
class Patient:
    """Who the chart is of: every word of the names as sent (lower case), day of birth, sex, and age in years today."""

    names: frozenset[str]
    born: str
    sex: str
    age: int | None


@dataclass(frozen=True, kw_only=True)
class First:
    """The note that words were first written in."""

    date: str
    author: str


@dataclass(frozen=True, kw_only=True)
class Background:
    """What is known around a sentence: the words of the chart, the question asked, what was cited before.

    `people`, `sites` and `records` are the names of clinicians, places, problems and allergies as sent; `first_note` finds the
    earlier note that words of a cited note (its reference) were copied from, None where they are new.
    """

    lexicon: Lexicon
    zone: ZoneInfo
    question: str = ""
    earlier: tuple[Fact, ...] = ()
    patient: Patient | None = None
    people: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()
    first_note: Callable[[str, str], First | None] | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A part of a sentence, what it cites, and what else the sentence and the answer cite."""

    text: str
    sentence: str
    claims: Claims
    own: tuple[Fact, ...]
    others: tuple[Fact, ...]
    known: Background
    general: bool

    @property
    def lexicon(self) -> Lexicon:
        """Return the words of the chart."""
        return self.known.lexicon

    @cached_property
    def named(self) -> list[Mention]:
        """Return the tests and drugs named in these words; the mg of "17 mg/dL" names no test."""
        spans = [(n.start, n.end) for n in self.claims.numbers]
        return [
            m
            for m in self.lexicon.mentions(self.claims.rest)
            if not any(a <= m.start < b for a, b in spans)
        ]

    def mentions(self) -> list[Mention]:
        """Return the tests and drugs named in these words."""
        return self.named

    @cached_property
    def structured(self) -> list[Fact]:
        """Return the cited facts that are no running text and no search."""
        return [f for f in self.own if not f.long and f.kind not in ("Search", "")]


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
