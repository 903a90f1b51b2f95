"""What a question asks for, as read from its words (`app.llm.intents`)."""

from dataclasses import dataclass, field

from app.llm.asked_sections import Asked
from app.llm.synonyms import MedicineClass, Panel, Test
from app.llm.topics import Topic


@dataclass(frozen=True, kw_only=True)
class Match:
    """Words of the question, and what they stand for."""

    words: str
    means: str


@dataclass(kw_only=True)
class Plan:
    """What a question asks for. `leftover` words are searched in the chart's own words.

    `ignored` words are neither known nor searched; `related` are the words of a named medicine's classes;
    `slips` are unknown words one edit away from a known one; `problems` keep the question's own spelling.
    `parts` are sections of the chart with the words that ask for each, `declined` what is not readable or computed here,
    `anchor` and `window` since when, `jobs` the names of fixed reports.
    `calculation_words` are keys of calculators with the words that ask for each, `stated` what the question gives for them ("weight=72 kg").
    """

    topics: list[Topic] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    classes: list[MedicineClass] = field(default_factory=list)
    drugs: list[str] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    leftover: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    slips: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    spelt: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)
    calculation_words: dict[str, str] = field(default_factory=dict)
    stated: list[str] = field(default_factory=list)
    give: bool = False
    act: bool = False
    begun: bool = False
    taking: bool = False
    ever: bool = False
    since: str = ""
    parts: dict[Asked, str] = field(default_factory=dict)
    anchor: str = ""
    window: str = ""
    jobs: list[str] = field(default_factory=list)
    why: bool = False
    outside: bool = False
    abnormal: bool = False
    tolerated: bool = False

    @property
    def calculations(self) -> list[str]:
        """Return the keys of the calculators that are asked for."""
        return list(self.calculation_words)

    @property
    def empty(self) -> bool:
        """Tell whether no word asks for anything."""
        found = (
            self.topics or self.tests or self.panels or self.classes or self.drugs or self.leftover
        )
        asked = self.calculations or self.checks or self.parts or self.declined or self.jobs
        return not (found or self.problems or self.unread or self.quoted or self.spelt or asked)

    @property
    def substances(self) -> list[str]:
        """Return what an allergy question names: medicines, classes, and words that are no medicine's."""
        kinds = [kind.name for kind in self.classes]
        return list(dict.fromkeys([*self.drugs, *kinds, *self.leftover, *self.quoted]))
