"""The reviewed words of `synonyms.toml`: tests with their LOINC codes, panels, medicine classes, problems."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Test:
    """One measured thing. `kind` is the grid it stands in: labs, vitals or other."""

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


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem or finding by the words that ask for it; `finds` are searched in the chart, `loinc` observed."""

    name: str
    words: tuple[str, ...]
    finds: tuple[str, ...]
    loinc: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Calculation:
    """A computation by its key and the words that ask for it."""

    name: str
    words: tuple[str, ...]


Known = Test | Panel | MedicineClass | Problem


@dataclass(frozen=True)
class Synonyms:
    """The whole table."""

    tests: tuple[Test, ...]
    panels: tuple[Panel, ...]
    classes: tuple[MedicineClass, ...]
    problems: tuple[Problem, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

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
        for plain in forms(words):
            for panel in self.panels:
                if plain in panel.words or plain == panel.name:
                    return tuple(self.test(name) for name in panel.tests)
            found = tuple(t for t in self.tests if plain in t.words or plain == t.name.casefold())
            if found:
                return found
        return ()

    def classes_of(self, words: str) -> tuple[MedicineClass, ...]:
        """Return the classes that a word means, or that an ingredient belongs to."""
        asked = forms(words)
        return tuple(
            c
            for c in self.classes
            if any(f in c.words or f in c.ingredients or f == c.name.casefold() for f in asked)
        )

    def problem(self, words: str) -> Problem | None:
        """Return the problem that a word asks for."""
        asked = forms(words)
        return next((p for p in self.problems if any(f in p.words for f in asked)), None)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Return every single word that is known here, to ask whether another is a slip for it."""
        entries: tuple[Known, ...] = (*self.tests, *self.panels, *self.classes, *self.problems)
        every = [word for entry in entries for word in entry.words]
        return tuple(dict.fromkeys(w for w in (*every, *self.ingredients) if w.isalpha()))


def forms(words: str) -> tuple[str, ...]:
    """Return words in lower case as written, in the singular and in the plural of the last one."""
    plain = " ".join(words.casefold().replace("’", "'").split())
    found = [plain]
    if len(plain) > 3:
        if plain.endswith("ies"):
            found.append(f"{plain[:-3]}y")
        if plain.endswith("s") and not plain.endswith(("ss", "us", "is")):
            found += [plain[:-1], *([plain[:-2]] if plain.endswith("es") else [])]
        else:
            found += [f"{plain}s", *([f"{plain[:-1]}ies"] if plain.endswith("y") else [])]
    return tuple(dict.fromkeys(found))


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
        problems=tuple(Problem(**_tuples(part)) for part in sent["problem"]),
        calculations=tuple(Calculation(**_tuples(part)) for part in sent["calculation"]),
        aliases=dict(sorted(sent["alias"].items(), key=lambda pair: -len(pair[0]))),
    )


def _tuples(part: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}


def words_of(entries: Iterable[Known]) -> list[tuple[str, tuple[Known, ...]]]:
    """Return every word with what it means, longest first, so that "urine albumin" wins over "albumin"."""
    found: dict[str, list[Known]] = {}
    for entry in entries:
        for word in entry.words:
            found.setdefault(word, []).append(entry)
    return sorted(((w, tuple(e)) for w, e in found.items()), key=lambda p: (-len(p[0]), p[0]))


def one_edit(word: str, other: str) -> bool:
    """Tell whether one letter added, left out, replaced or swapped with its neighbour makes one word the other."""
    if abs(len(word) - len(other)) > 1 or word == other:
        return False
    start = next(
        (i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b),
        min(len(word), len(other)),
    )
    a, b = word[start:], other[start:]
    swapped = len(a) > 1 and len(b) > 1 and a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped
