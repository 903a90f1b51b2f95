"""One run of the checks: the medicines it looks at, what it read, and the record that it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.fhir.chart import Chart, Line, why_incomplete
from app.fhir.citation import ComputedInput, ComputedRecord, ComputedValue
from app.fhir.computed import MATCHES, NO_CLEARANCE
from app.fhir.dates import years_old
from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.source import Complete
from app.tools.bounds import as_data
from app.tools.calculators.conditions import recorded
from app.tools.calculators.inputs import readings_of

PREGNANCY, BREASTFEEDING = ("82810-3",), ("63895-7", "63895-5")
CHILDBEARING = range(10, 56)
RECORDED = "Recorded allergy"


@dataclass(frozen=True, kw_only=True)
class Medicine:
    """A medicine to be checked: an active order with its handle, or one that is asked about."""

    name: str
    handle: str = ""
    line: Line | None = None


@dataclass(kw_only=True)
class Checking:
    """One run: the medicines, what was read, and what could not be."""

    launch: LaunchChart
    asked: str = ""
    sections: dict[SectionName, None] = field(default_factory=dict)

    @property
    def chart(self) -> Chart:
        """Return the newest snapshot."""
        return self.launch.chart

    def read(self, *names: SectionName) -> list[str]:
        """Read sections to their end; return what of them could not be read, in words."""
        self.launch.ensure(*names)
        self.sections.update(dict.fromkeys(names))
        states = {name: self.launch.sections.get(name) for name in names}
        return [
            f"{name}: {why_incomplete(state)}"
            for name, state in states.items()
            if not isinstance(state, Complete)
        ]

    def is_read(self, name: SectionName) -> bool:
        """Tell whether a section was read to its end."""
        return isinstance(self.launch.sections.get(name), Complete)

    def medicines(self) -> list[Medicine]:
        """Return the medicine that is asked about, else every active order."""
        return [Medicine(name=self.asked)] if self.asked else self.orders()

    def orders(self) -> list[Medicine]:
        """Return every active order."""
        lines = [x for x in self.chart.tables["M"] if x.group == "active"]
        return [Medicine(name=x.text("drug"), handle=x.handle, line=x) for x in lines]


def about(run_: Checking) -> str:
    """Say what was checked: the medicine that is asked about, else how many active orders."""
    return run_.asked or active_orders(len(run_.orders()))


def active_orders(n: int) -> str:
    """Return "1 active order", "9 active orders"."""
    return f"{n} active order{'' if n == 1 else 's'}"


def row(medicine: Medicine, said: str) -> ComputedInput:
    """State what a list says of a medicine."""
    line = medicine.line
    return ComputedInput(
        name=as_data(medicine.name[:1].upper() + medicine.name[1:]), text=as_data(said), handle=medicine.handle,
        moment=line.date if line else "", role="ordered" if line else "",
    )  # fmt: skip


def notes_of(run_: Checking, *, own_allergies: bool = True) -> list[str]:
    """Return what every check says beside its rows."""
    notes = (
        []
        if own_allergies
        else [
            "No allergy to a substance is recorded; that is not “no allergies” unless it is stated."
        ]
    )
    said = pregnancy(run_)
    return [
        *notes,
        *([said] if said else []),
        "Interactions between medicines are not checked here; the EHR has its own check.",
    ]


def pregnancy(run_: Checking) -> str:
    """Say pregnancy and breast-feeding as recorded; of a woman of childbearing age also that nothing is recorded."""
    unread = run_.read("problems", "other")
    chart = run_.chart
    found = [("Pregnancy", "pregnancy", PREGNANCY), ("Breast-feeding", "lactation", BREASTFEEDING)]
    said = []
    for word, condition, loinc in found:
        problems = recorded(chart.tables["P"], condition, current=True)
        observed = sorted(readings_of(chart, loinc), key=lambda r: r[1].moment, reverse=True)
        if observed:
            handle, reading, _ = observed[0]
            said.append(
                f"{word}: {as_data(reading.text)}, {chart.print_date(reading.moment)} ({handle})"
            )
        elif problems:
            said.append(f"{word}: {as_data(problems[0].text('problem'))} ({problems[0].handle})")
        else:
            said.append(f"{word}: {_why_nothing(unread)}")
    today = chart.now.astimezone(chart.zone).date().isoformat()
    age = years_old(str(chart.patient.get("birthDate") or ""), today)
    is_asked = chart.patient.get("gender") != "male" and (age is None or age in CHILDBEARING)
    return (
        "; ".join(said) + "."
        if is_asked or any(_why_nothing(unread) not in part for part in said)
        else ""
    )


def _why_nothing(unread: Sequence[str]) -> str:
    return f"not found in what was read: {'; '.join(unread)}" if unread else "not recorded"


def record_of(
    name: str, rows: Sequence[ComputedInput], *, counted: int, what: str, against: str, source: str, missing: Sequence[str],
    notes: Sequence[str], matches: int | None = None, more: tuple[ComputedValue, ...] = (),
) -> ComputedRecord:  # fmt: skip
    """Return a check as a record without a handle; `matches` where not every row is a match."""
    named = sum(not one.name.startswith(RECORDED) for one in rows) if matches is None else matches
    return ComputedRecord(
        handle="", kind="check", name=name, value=str(named), unit=MATCHES, source=source, inputs=tuple(rows),
        rule=f"Checked for {counted} {what}, against {against}; {NO_CLEARANCE}.",
        also=(ComputedValue(name="Checked for", value=str(counted), unit=what), *more), missing=tuple(map(as_data, missing)),
        notes=tuple(map(as_data, notes)),
    )  # fmt: skip
