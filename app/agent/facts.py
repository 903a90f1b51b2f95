"""Turn evidence into what sentences are compared with: names, amounts, dates with their roles, frequencies, status."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from app.agent.claims import claims
from app.agent.denials import Stated, stated
from app.agent.measure import Amount, amount, amounts, rates
from app.fhir.citation import COMPUTED, Evidence
from app.fhir.dates import local
from app.fhir.values import brief

# Which status words can be said of which resource; elsewhere the word is ordinary English.
_RESULT = (
    "registered",
    "preliminary",
    "final",
    "corrected",
    "amended",
    "cancelled",
    "entered-in-error",
)
_ORDER = (
    "active",
    "inactive",
    "on-hold",
    "stopped",
    "completed",
    "cancelled",
    "revoked",
    "entered-in-error",
)
_STATE = ("active", "inactive", "resolved", "remission", "entered-in-error")
STATUSES: Mapping[str, tuple[str, ...]] = {
    "Observation": _RESULT, "DiagnosticReport": _RESULT, "MedicationRequest": _ORDER,
    "ServiceRequest": _ORDER, "MedicationDispense": ("completed", "cancelled", "stopped", "entered-in-error"),
    "Condition": _STATE, "AllergyIntolerance": _STATE,
    "Encounter": ("finished", "completed", "in-progress", "planned", "cancelled"),
    "DocumentReference": ("preliminary", "amended", "entered-in-error"),
}  # fmt: skip
# A status that changes what a value or order means; leaving it out is a mismatch.
MUST_SAY: Mapping[str, tuple[str, ...]] = {
    "Observation": ("registered", "preliminary", "cancelled", "entered-in-error"),
    "DiagnosticReport": ("registered", "preliminary", "cancelled", "entered-in-error"),
    "MedicationRequest": (
        "stopped",
        "cancelled",
        "on-hold",
        "entered-in-error",
        "completed",
        "draft",
    ),
    "Condition": ("resolved", "inactive"),
    "MedicationAdministration": ("held", "refused", "not given", "on-hold"),
    "MedicationStatement": ("stopped", "not-taken", "on-hold", "intended"),
    "Immunization": ("refused", "not given"),
    "Procedure": ("not-done", "preparation", "stopped", "on-hold"),
    "NutritionOrder": ("draft", "on-hold", "revoked", "completed"),
    "Appointment": ("cancelled", "proposed", "waitlist"),
    "Flag": ("inactive",),
    "Consent": ("inactive", "rejected", "draft", "proposed"),
    "DeviceUseStatement": ("completed", "stopped", "intended"),
}
SAME_STATUS = {"finished": "completed", "completed": "finished", "discontinued": "stopped"}
NAME_FIELDS = ("drug", "problem", "substance", "order", "type")
LONG = 200  # characters; a longer value is running text, in which facts are looked up


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The words of this chart and of the reviewed lists: which are tests, which are drugs, which mean the same.

    `tests` maps a spelling (lower case) to the group it belongs to; `drugs` are spellings; `chart_drugs`
    those of this chart. `problems` maps a word for a problem to the words that find it in a chart.
    """

    tests: Mapping[str, str]
    drugs: frozenset[str]
    chart_drugs: frozenset[str]
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def mentions(self, text: str) -> list["Mention"]:
        """Return the tests and drugs that a text names, longest spelling first, in order."""
        # Other letters have other cases, some of another length.
        plain = text.isascii()
        pattern, low = (self._plain, text.lower()) if plain else (self._pattern, text)
        return [
            Mention(text=m[0].casefold(), start=m.start(), drug=m[0].casefold() in self.drugs)
            for m in pattern.finditer(low)
        ]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_whole(_any(self._words)), re.IGNORECASE)

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        """The same for lower case alone, by first letters: an alternative that cannot be meant is left at its first."""
        firsts: dict[str, list[str]] = {}
        for word in self._words:
            firsts.setdefault(word[:1], []).append(word)
        return re.compile(_whole("|".join(f"(?:{_any(words)})" for words in firsts.values())))

    @cached_property
    def _words(self) -> list[str]:
        return sorted({*self.tests, *self.drugs}, key=lambda w: (-len(w), w))

    def group(self, name: str) -> str:
        """Return the group of a test's name, the name itself if it has none."""
        return self.tests.get(name.casefold(), name.casefold())


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))


def _whole(listed: str) -> str:
    return rf"(?<![\w-])(?:{listed or '(?!)'})(?![\w])"


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A test or drug named in a text."""

    text: str
    start: int
    drug: bool


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One evidence, ready to compare. `long` facts are running text: what stands in it is looked up, not paired."""

    handle: str
    evidence: Evidence
    kind: str
    text: str
    numbers: tuple[Amount, ...]
    dates: tuple[tuple[str, str], ...]
    rates: tuple[Decimal, ...]
    flag: str | None = None
    limits: str = ""
    long: bool = False

    @cached_property
    def denials(self) -> Stated:
        """Return what running text denies, and the words of its sentences that deny nothing."""
        return stated(self.evidence.value)

    @property
    def field(self) -> str:
        """Return the word that a verdict uses for this fact."""
        return self.evidence.field

    @property
    def printed(self) -> str:
        """Return value and unit as a difference shows them."""
        return f"{self.evidence.value} {self.evidence.unit}".strip()

    def named(self, mention: Mention, lexicon: Lexicon) -> bool:
        """Tell whether this fact is about what a sentence names."""
        if mention.drug or self.kind not in ("Observation", "Calculation"):
            return says(f"{self.evidence.name} {self.text if self.long else ''}", mention.text)
        mine, said = lexicon.group(self.evidence.name), lexicon.group(mention.text)
        return mine == said or (
            said == "blood pressure" and mine in ("systolic bp", "diastolic bp")
        )


def says(text: str, words: str) -> bool:
    """Tell whether a text holds words as whole words, whatever their case."""
    if text.isascii() and words.isascii() and words.lower() not in text.lower():
        return False
    return bool(re.search(rf"(?<![\w-]){re.escape(words)}(?![\w])", text, re.IGNORECASE))


def facts(handle: str, evidence: Iterable[Evidence], zone: ZoneInfo) -> tuple[Fact, ...]:
    """Return the facts of one handle; flag and range evidence go into the value they belong to."""
    every = tuple(evidence)
    flags = {(e.reference, e.path): e.value for e in every if e.field == "flag"}
    limits = {(e.reference, e.path): e.value for e in every if e.field == "range"}
    return tuple(
        _fact(
            handle, e, zone, flags.get((e.reference, e.path)), limits.get((e.reference, e.path), "")
        )
        for e in every
        if e.field not in ("flag", "range")
    )


def _fact(handle: str, e: Evidence, zone: ZoneInfo, flag: str | None, limits: str) -> Fact:
    own = (
        "Search" if handle.startswith("S") else "Calculation" if handle.startswith(COMPUTED) else ""
    )
    kind = e.reference.partition("/")[0] or own
    long = e.field == "words" or len(e.value) > LONG
    number = amount(e.value, e.unit)
    loose = claims(e.value) if long or number is None else None
    dates = [(local(e.date, zone), str(e.date_role))] if e.date else []
    if loose:
        dates += [(d.iso, "") for d in loose.dates if d.iso]
    numbers: tuple[Amount, ...] = ()
    if e.value != e.date:  # the value of a date is a date, not three numbers
        numbers = _as_shown(number, e) if number else tuple(f.amount for f in amounts(e.value))
    return Fact(
        handle=handle, evidence=e, kind=kind, text=" ".join(e.value.split()), numbers=numbers,
        dates=tuple(dates), rates=() if number else tuple(r for _, _, r in rates(e.value)),
        flag=flag, limits=limits, long=long,
    )  # fmt: skip


def _as_shown(own: Amount, e: Evidence) -> tuple[Amount, ...]:
    """Add the 4 significant digits that tables show of a number with more than 6."""
    short = amount(brief(e.value), e.unit)
    return (own, short) if short and short != own else (own,)


def statuses(found: Sequence[Fact]) -> set[str]:
    """Return the statuses of some facts."""
    return {f.evidence.status for f in found if f.evidence.status}
