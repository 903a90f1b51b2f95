"""Take a calculator's inputs from the launched patient's chart: the newest acceptable value of each, with where it stands.

Acceptable is a single number with a UCUM code that the table of units knows, of a result that was neither entered in
error nor cancelled. What a user typed wins over the chart and is marked. What is missing is named, never guessed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from app.fhir.chart import Chart, Line, why_incomplete
from app.fhir.citation import ComputedInput, Evidence
from app.fhir.dates import as_date, years_old
from app.fhir.reader import LaunchChart
from app.fhir.readings import Reading
from app.fhir.sections import SectionName
from app.fhir.source import Complete, Resource
from app.fhir.values import codes
from app.llm.synonyms import load as load_synonyms
from app.tools.bounds import as_data
from app.tools.calculators.conditions import recorded
from app.tools.calculators.entered import Entered
from app.tools.calculators.units import NoConversion, Quantity, convert, printed

GRIDS: dict[str, SectionName] = {"L": "labs", "V": "vitals", "O": "other"}
FINAL = ("final", "")
BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
SEXES = {"female": True, "F": True, "male": False, "M": False}


@dataclass(frozen=True, kw_only=True)
class Need:
    """A measured input: its LOINC codes, the UCUM code that the formula computes in, and the span it is believed in.

    `substance` names the analyte for molar factors; `section` where it is read.
    """

    name: str
    loinc: tuple[str, ...]
    unit: str
    low: float
    high: float
    substance: str = ""
    section: SectionName = "labs"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One usable value: in the formula's unit, and as the chart prints it."""

    value: float
    used: ComputedInput


@dataclass(kw_only=True)
class Inputs:
    """What one computation takes, in the order in which it asks; `missing` names what it did not get."""

    launch: LaunchChart
    entered: Mapping[str, Entered] = field(default_factory=dict)
    used: list[ComputedInput] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sections: dict[SectionName, None] = field(default_factory=dict)

    @property
    def chart(self) -> Chart:
        """Return the newest snapshot."""
        return self.launch.chart

    @property
    def today(self) -> str:
        """Return the ISO day at the site."""
        return self.chart.now.astimezone(self.chart.zone).date().isoformat()

    # ------------------------------------------------------------ who

    def age(self, least: int = 0, most: int = 150) -> int | None:
        """Return whole years; outside of `least` to `most` the rule was not made for, which is missing too."""
        born = str(self.chart.patient.get("birthDate") or "")
        years = years_old(born, self.today)
        if years is None:
            self.lacks("date of birth")
            return None
        if not least <= years <= most:
            self.lacks(
                f"an age that this rule is made for ({least} to {most} years; recorded: {years})"
            )
            return None
        self.used.append(ComputedInput(name="Age", text=f"{years} years", moment=born, role="born"))
        return years

    def female(self) -> bool | None:
        """Return birth sex where it is recorded, else administrative gender; another value than F or M is missing."""
        patient = self.chart.patient
        birth = next((str(e.get("valueCode") or "") for e in _extensions(patient, BIRTH_SEX)), "")
        sent, which = (
            (birth, "sex at birth")
            if birth
            else (str(patient.get("gender") or ""), "administrative gender")
        )
        if sent not in SEXES:
            self.lacks(f"sex (recorded: {sent or 'nothing'})")
            return None
        text = "female" if SEXES[sent] else "male"
        self.used.append(ComputedInput(name="Sex", text=f"{text} ({which})"))
        return SEXES[sent]

    # ------------------------------------------------------------ measured

    def number(self, need: Need, *, optional: bool = False) -> float | None:
        """Return the newest acceptable value, in the formula's unit."""
        if need.name in self.entered:
            return self._typed(need)
        found = next(iter(self.series(need)), None)
        if found is None:
            if not optional:
                self.lacks(f"{need.name} ({self.why_none(need.section)})")
            return None
        self.used.append(found.used)
        return found.value

    def series(self, need: Need, since: str = "") -> list[Measured]:
        """Return every acceptable value since an ISO date, newest first."""
        self.read(need.section)
        found: list[Measured] = []
        for handle, reading, evidence in readings_of(self.chart, need.loinc):
            if since <= reading.moment <= self._now():
                measured = self._measured(need, handle, reading, evidence)
                if measured:
                    found.append(measured)
        return sorted(found, key=lambda m: m.used.moment, reverse=True)

    def _measured(
        self, need: Need, handle: str, reading: Reading, evidence: Evidence
    ) -> Measured | None:
        shown = f"{evidence.value} {evidence.unit}".strip()
        part, name = _part(self.chart, evidence), f"{need.name} {shown}"
        quantity = part.get("valueQuantity") or {}
        code, value = str(quantity.get("code") or ""), exact(quantity)
        if value is None or not code:
            why = "no single number" if value is None else "its unit has no UCUM code"
            self._unused(f"{name} ({self.chart.print_date(reading.moment)}) is not used: {why}")
            return None
        try:
            converted = convert(Quantity(value=value, unit=code), need.unit, need.substance)
        except NoConversion:
            self._unused(
                f"{name} is not used: {as_data(code)} is not converted to {printed(need.unit)} here"
            )
            return None
        if not need.low <= float(converted.value) <= need.high:
            self._unused(
                f"{name} is not used: outside {need.low:g} to {need.high:g} {printed(need.unit)}"
            )
            return None
        flag = f" {reading.flag}" if reading.flag and "/" not in reading.flag else ""
        used = ComputedInput(
            name=_capital(need.name), text=as_data(f"{shown}{flag}"), handle=handle, moment=reading.moment,
            role=str(evidence.date_role), status="" if reading.status in FINAL else as_data(reading.status),
            converted=converted.said,
        )  # fmt: skip
        return Measured(value=float(converted.value), used=used)

    def _unused(self, note: str) -> None:
        if as_data(note) not in self.notes:
            self.notes.append(as_data(note))

    def _typed(self, need: Need) -> float | None:
        given = self.entered[need.name]
        if given.quantity is None:
            self.lacks(f"{need.name} as a number with a unit (entered: {given.text})")
            return None
        try:
            converted = convert(given.quantity, need.unit, need.substance)
        except NoConversion:
            self.lacks(f"{need.name} in a unit that is converted here (entered: {given.text})")
            return None
        if not need.low <= float(converted.value) <= need.high:
            self.lacks(
                f"{need.name} between {need.low:g} and {need.high:g} {printed(need.unit)} (entered: {given.text})"
            )
            return None
        self.used.append(
            ComputedInput(
                name=_capital(need.name), text=given.text, converted=converted.said, entered=True
            )
        )
        return float(converted.value)

    # ------------------------------------------------------------ yes or no

    def has(self, name: str, *, current: bool = False) -> bool | None:
        """Tell whether a problem is recorded; None where it is not and the list was not read to its end."""
        if name in self.entered:
            return self.told(name)
        self.read("problems")
        found = recorded(self.chart.tables["P"], name, current=current)
        for line in found[:1]:
            self.used.append(_line_input(_capital(name), line, "problem"))
        if found:
            return True
        if not self.is_read("problems"):
            self.lacks(f"{name} ({self.why_none('problems')})")
            return None
        n = self.chart.counts["problems"]
        self.used.append(
            ComputedInput(name=_capital(name), text=f"not recorded ({n} problem records read)")
        )
        return False

    def orders(self, name: str, holds: Callable[[str], bool]) -> bool | None:
        """Tell whether an active order is for one of some medicines; an order is no proof of taking."""
        if name in self.entered:
            return self.told(name)
        found = [line for line in self.active_orders() if holds(line.text("drug"))]
        for line in found[:2]:
            self.used.append(_line_input(_capital(name), line, "drug"))
        if found:
            return True
        if not self.is_read("medications"):
            self.lacks(f"{name} ({self.why_none('medications')})")
            return None
        self.used.append(ComputedInput(name=_capital(name), text="no active order"))
        return False

    def active_orders(self) -> list[Line]:
        """Return the active medication orders."""
        self.read("medications")
        return [line for line in self.chart.tables["M"] if line.group == "active"]

    def told(self, name: str) -> bool | None:
        """Return what the user typed of a bedside finding; nothing of it is read from the chart."""
        given = self.entered.get(name)
        if given is None or given.yes is None:
            self.lacks(f"{name} (enter yes or no)")
            return None
        self.used.append(
            ComputedInput(name=_capital(name), text="yes" if given.yes else "no", entered=True)
        )
        return given.yes

    def observed(self, name: str, handle: str, reading: Reading, moment: str) -> ComputedInput:
        """State a coded observation as an input."""
        return ComputedInput(
            name=name, text=as_data(reading.text), handle=handle, moment=moment,
            role=str(reading.evidence[0].date_role), status="" if reading.status in FINAL else as_data(reading.status),
        )  # fmt: skip

    # ------------------------------------------------------------ helpers

    def _lacks(self, what: str) -> None:
        self.missing.append(as_data(what))

    def read(self, *names: SectionName) -> None:
        """Read sections to their end, and remember that they were used."""
        self.launch.ensure(*names)
        self.sections.update(dict.fromkeys(names))

    def lacks(self, what: str) -> None:
        """Name what is missing."""
        self.missing.append(as_data(what))

    def is_read(self, section: SectionName) -> bool:
        """Tell whether a section was read to its end."""
        return isinstance(self.launch.sections.get(section), Complete)

    def why_none(self, *sections: SectionName) -> str:
        """Say why nothing of sections was found: they hold nothing that can be used, or were not read to their end."""
        unread = [
            why_incomplete(self.launch.sections.get(s)) for s in sections if not self.is_read(s)
        ]
        if not unread:
            return "none recorded that can be used"
        return f"not found in what was read: {'; '.join(dict.fromkeys(unread))}"

    def _now(self) -> str:
        return self.chart.now.astimezone(self.chart.zone).strftime("%Y-%m-%dT%H:%M")


def readings_of(chart: Chart, loinc: Sequence[str]) -> Iterator[tuple[str, Reading, Evidence]]:
    """Yield each result of some LOINC codes with its handle; of a panel the component that has the code."""
    for prefix in GRIDS:
        for row in chart.grids[prefix].rows:
            for place, cell in row.cells.items():
                for reading in cell[:1]:
                    for evidence in reading.evidence:
                        if codes((_part(chart, evidence)).get("code")) & set(loinc):
                            yield row.handle + place, reading, evidence


def _part(chart: Chart, evidence: Evidence) -> Resource:
    """Return the Observation, or the component of it, that a value was read from."""
    resource = chart.resources.get(evidence.reference, {})
    if not evidence.path.startswith("component["):
        return resource
    number = int(evidence.path.partition("[")[2].partition("]")[0])
    part: Resource = resource["component"][number]
    return part


def exact(quantity: Mapping[str, Any]) -> Decimal | None:
    """Return the number of a Quantity; None where there is none, or one with a comparator."""
    if "value" not in quantity or quantity.get("comparator"):
        return None
    try:
        value = Decimal(str(quantity["value"]))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _extensions(resource: Resource, url: str) -> Iterator[Resource]:
    sent = resource.get("extension")
    for extension in sent if isinstance(sent, list) else []:
        if isinstance(extension, dict) and extension.get("url") == url:
            yield extension


def _line_input(name: str, line: Line, said: str) -> ComputedInput:
    date = line.fact("date")
    return ComputedInput(
        name=name, text=as_data(line.text(said)), handle=line.handle, moment=line.date,
        role=str(date.date_role) if date else "", status="" if line.group == "active" else as_data(line.group),
    )  # fmt: skip


def of_classes(*names: str) -> Callable[[str], bool]:
    """Return a test for medicines of some reviewed classes."""
    kinds = [c for c in load_synonyms().classes if c.name in names]
    return lambda drug: any(kind.holds(drug) for kind in kinds)


def days_apart(used: Sequence[ComputedInput]) -> int:
    """Return how many days lie between the oldest and the newest measured input."""
    days = [
        d
        for i in used
        if i.role in ("collected", "measured", "resulted") and (d := as_date(i.moment))
    ]
    return (max(days) - min(days)).days if days else 0


def _capital(name: str) -> str:
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]
