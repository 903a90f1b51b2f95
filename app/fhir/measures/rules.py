"""Read the rules and their value sets; they never change while the process runs.

A rule says nothing of how a chart or a warehouse is searched: sets name codes, words and the sections that hold such records.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from app.fhir.sections import SectionName

Sex = Literal["", "female", "male"]


@dataclass(frozen=True, kw_only=True)
class ValueSet:
    """Records of one meaning: by a code of a system, or by a word of the name; `icd10` are beginnings of codes."""

    name: str
    sections: tuple[SectionName, ...]
    icd10: tuple[str, ...] = ()
    snomed: tuple[str, ...] = ()
    loinc: tuple[str, ...] = ()
    cvx: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    but_not: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a criterion looks for: a set, since when, how often, and what the newest value has to be.

    `months` count back from today, `season` ("07-01") is the day of the year that is counted from; neither: ever.
    `at_most` and `below` are numbers in `unit` (UCUM); `outpatient` leaves out what was measured in a stay.
    """

    set: ValueSet
    months: int = 0
    season: str = ""
    count: int = 1
    active: bool = False
    newest: bool = False
    outpatient: bool = False
    at_most: float | None = None
    below: float | None = None
    unit: str = ""

    @property
    def has_limit(self) -> bool:
        """Tell whether the newest value is compared."""
        return self.at_most is not None or self.below is not None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: whole years of age (both included), who, what excludes, and the groups of evidence of which one meets it."""

    key: str
    title: str
    says: str
    source: str
    version: str
    ages: tuple[int, int]
    sex: Sex
    population: tuple[Evidence, ...]
    exclusion: tuple[Evidence, ...]
    met: tuple[tuple[Evidence, ...], ...]

    @property
    def sections(self) -> tuple[SectionName, ...]:
        """Return the sections that have to be read for this rule."""
        every = (*self.population, *self.exclusion, *(one for group in self.met for one in group))
        return tuple(dict.fromkeys(name for one in every for name in one.set.sections))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All rules; `never` are words that make a problem none of the patient's own."""

    rules: tuple[Rule, ...]
    never: tuple[str, ...]


@cache
def load() -> Rules:
    """Return the rules that come with the application."""
    sets_sent, rules_sent = _read("value_sets"), _read("rules")
    sets = {part["name"]: ValueSet(**_tuples(part)) for part in sets_sent["set"]}
    rules = tuple(_rule(part, sets, rules_sent["version"]) for part in rules_sent["rule"])
    return Rules(rules=rules, never=tuple(sets_sent["never"]))


def _rule(part: Mapping[str, Any], sets: Mapping[str, ValueSet], version: str) -> Rule:
    low, high = part["ages"]
    return Rule(
        key=part["key"], title=part["title"], says=part["says"], source=part["source"], version=version,
        ages=(low, high), sex=part.get("sex", ""),
        population=tuple(_evidence(x, sets) for x in part.get("population", ())),
        exclusion=tuple(_evidence(x, sets) for x in part["exclusion"]),
        met=tuple(tuple(_evidence(x, sets) for x in group["all"]) for group in part["met"]),
    )  # fmt: skip


def _evidence(part: Mapping[str, Any], sets: Mapping[str, ValueSet]) -> Evidence:
    return Evidence(**{**part, "set": sets[part["set"]]})


def _tuples(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("app.fhir.measures") / f"{name}.toml").read_text("utf-8"))
