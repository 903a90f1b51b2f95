"""Read the lists that come with the application; they never change while the process runs."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from app.llm.synonyms import contains, forms
from app.llm.synonyms import load as load_synonyms

Measure = Literal["crcl", "egfr"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Medicines of one class by their ingredients; `words` name the class, `related` other classes."""

    name: str
    ingredients: tuple[str, ...]
    words: tuple[str, ...] = ()
    related: tuple[str, ...] = ()

    def holds(self, text: str) -> bool:
        """Tell whether a medicine's or substance's name holds one of the ingredients."""
        return any(contains(text, ingredient) for ingredient in self.ingredients)

    def named(self, text: str) -> bool:
        """Tell whether a recorded substance is the class itself, or one of it."""
        plain = " ".join(text.casefold().split())
        return self.holds(text) or any(
            contains(plain, f) for word in self.words for f in forms(word)
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a label says of an ingredient below a number of one measure."""

    ingredient: str
    measure: Measure
    below: float
    says: str


@dataclass(frozen=True, kw_only=True)
class Lists:
    """All lists, each with its source in words."""

    allergy: tuple[Group, ...]
    allergy_source: str
    duplicates: tuple[Group, ...]
    duplicates_source: str
    renal: tuple[Rule, ...]
    renal_source: str
    qt: tuple[str, ...]
    qt_source: str


@cache
def load() -> Lists:
    """Return the lists."""
    allergy, duplicates, renal, qt = (
        _read(name) for name in ("allergy_classes", "duplicates", "renal", "qt")
    )
    return Lists(
        allergy=tuple(_group(part) for part in allergy["class"]), allergy_source=allergy["source"],
        duplicates=tuple(_group(part) for part in duplicates["group"]), duplicates_source=duplicates["source"],
        renal=tuple(Rule(**part) for part in renal["rule"]), renal_source=renal["source"],
        qt=tuple(qt["ingredients"]), qt_source=qt["source"],
    )  # fmt: skip


def is_listed(name: str) -> bool:
    """Tell whether a word is a medicine or a class that some list, or the reviewed words, name."""
    plain = name.casefold()
    return plain in _names()


@cache
def _names() -> frozenset[str]:
    lists, reviewed = load(), load_synonyms()
    ours = {
        n for g in (*lists.allergy, *lists.duplicates) for n in (g.name, *g.ingredients, *g.words)
    }
    theirs = {n for c in reviewed.classes for n in (c.name, *c.ingredients, *c.words)}
    found = {name.casefold() for name in ours | theirs}
    return frozenset(found | {r.ingredient for r in lists.renal} | set(lists.qt))


def _group(part: dict[str, Any]) -> Group:
    return Group(
        name=part["name"], ingredients=tuple(part["ingredients"]), words=tuple(part.get("words", ())),
        related=tuple(part.get("related", ())),
    )  # fmt: skip


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("app.tools.checks") / f"{name}.toml").read_text("utf-8"))
