"""Find the problems of this chart that a score asks for, by the reviewed words of `conditions.toml`."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from app.fhir.chart import Line
from app.llm.synonyms import contains

REFUTED = ("refuted", "entered-in-error")
UNSURE = ("unconfirmed", "provisional", "differential")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A problem by the words that print it, and the words that make it another one."""

    name: str
    finds: tuple[str, ...]
    but_not: tuple[str, ...]

    def holds(self, text: str) -> bool:
        """Tell whether the name of a problem is this one."""
        if any(contains(text, word) for word in (*self.but_not, *load()[1])):
            return False
        return any(contains(text, word) for word in self.finds)


def recorded(lines: Iterable[Line], name: str, *, current: bool = False) -> list[Line]:
    """Return the problems of a name, certain ones only; `current`: active ones only."""
    condition = load()[0][name]
    return [
        line
        for line in lines
        if condition.holds(line.text("problem"))
        and line.text("verification") not in (*REFUTED, *UNSURE)
        and (not current or line.group == "active")
    ]


@cache
def load() -> tuple[Mapping[str, Condition], tuple[str, ...]]:
    """Read the table that comes with the application: conditions by name, and the words that are never one."""
    sent = tomllib.loads(
        (resources.files("app.tools.calculators") / "conditions.toml").read_text("utf-8")
    )
    found = {
        part["name"]: Condition(
            name=part["name"], finds=tuple(part["finds"]), but_not=tuple(part["but_not"])
        )
        for part in sent["condition"]
    }
    return found, tuple(sent["never"])
