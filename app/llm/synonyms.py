"""The reviewed words of `synonyms.toml`: tests with their LOINC codes, panels, medicine classes."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Test:
    """One measured thing. `kind` is the grid it stands in: labs or vitals."""

    name: str
    words: tuple[str, ...]
    loinc: tuple[str, ...]
    kind: str = "labs"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A word that means several tests; `orders` names a mark of classes whose active orders belong to it."""

    name: str
    words: tuple[str, ...]
    tests: tuple[str, ...]
    orders: str = ""


@dataclass(frozen=True, kw_only=True)
class MedicineClass:
    """A class of medicines by its ingredients."""

    name: str
    words: tuple[str, ...]
    ingredients: tuple[str, ...]
    kidney: bool = False

    def holds(self, drug: str) -> bool:
        """Tell whether a medicine's name as sent contains one of the ingredients."""
        return any(contains(drug, ingredient) for ingredient in self.ingredients)


@dataclass(frozen=True)
class Synonyms:
    """The whole table."""

    tests: tuple[Test, ...]
    panels: tuple[Panel, ...]
    classes: tuple[MedicineClass, ...]

    def test(self, name: str) -> Test:
        """Return the test of a name used inside the table."""
        return next(t for t in self.tests if t.name == name)

    @cached_property
    def ingredients(self) -> tuple[str, ...]:
        """Return every ingredient of every class."""
        return tuple(dict.fromkeys(i for c in self.classes for i in c.ingredients))

    def of_code(self, code: str) -> Test | None:
        """Return the test of a LOINC code."""
        return next((t for t in self.tests if code in t.loinc), None)

    def named(self, words: str) -> tuple[Test, ...]:
        """Return the tests that a word or phrase stands for, alone or as a panel; empty if none."""
        plain = " ".join(words.casefold().split())
        for panel in self.panels:
            if plain in panel.words or plain == panel.name:
                return tuple(self.test(name) for name in panel.tests)
        return tuple(t for t in self.tests if plain in t.words or plain == t.name.casefold())


def contains(text: str, words: str) -> bool:
    """Tell whether a text holds words as whole words, whatever their case."""
    pattern = rf"(?<![^\W_]){re.escape(words.casefold())}(?![^\W_])"
    return bool(re.search(pattern, text.casefold()))


@cache
def load() -> Synonyms:
    """Read the table that comes with the application; it never changes while the process runs."""
    sent = tomllib.loads((resources.files("app.llm") / "synonyms.toml").read_text("utf-8"))
    return Synonyms(
        tests=tuple(Test(**_tuples(part)) for part in sent["test"]),
        panels=tuple(Panel(**_tuples(part)) for part in sent["panel"]),
        classes=tuple(MedicineClass(**_tuples(part)) for part in sent["class"]),
    )


def _tuples(part: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}


def words_of(
    entries: Iterable[Test | Panel | MedicineClass],
) -> list[tuple[str, Test | Panel | MedicineClass]]:
    """Return every word with the entry it belongs to, longest first, so that "urine albumin" wins over "albumin"."""
    pairs = [(word, entry) for entry in entries for word in entry.words]
    return sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0]))
