"""Hold the chart's active orders, or one medicine that is asked about, against the lists.

What is found is a list of the chart's own rows with what the list says of each. Nothing found means only that the
list names nothing. Allergies and orders that could not be read to their end are said as missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.fhir import words
from app.fhir.chart import Chart, Line, why_incomplete
from app.fhir.citation import ComputedInput, ComputedRecord, ComputedValue
from app.fhir.computed import MATCHES, NO_CLEARANCE
from app.fhir.dates import years_old
from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.source import Complete
from app.fhir.statements import none_known, not_asked
from app.llm.synonyms import contains
from app.tools.bounds import as_data
from app.tools.calculators import needs
from app.tools.calculators.catalogue import CALCULATORS
from app.tools.calculators.conditions import recorded
from app.tools.calculators.inputs import Inputs, readings_of
from app.tools.calculators.model import run
from app.tools.checks.lists import Group, Measure, Rule, load

Kind = Literal["allergy", "duplicates", "renal", "qt", "supply"]
REFUTED = ("refuted", "entered-in-error")
PREGNANCY, BREASTFEEDING = ("82810-3",), ("63895-7", "63895-5")
SHORT_NAME = 3
# Several orders of one name are the rule: a basal and a mealtime insulin.
OFTEN_TWICE = ("insulin",)
CHILDBEARING = range(10, 56)
UNITS: Mapping[Measure, str] = {"crcl": "mL/min", "egfr": "mL/min/1.73 m²"}
NAMES: Mapping[Measure, str] = {"crcl": "CrCl", "egfr": "eGFR"}


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

    def medicines(self) -> list[Medicine]:
        """Return the medicine that is asked about, else every active order."""
        return [Medicine(name=self.asked)] if self.asked else self.orders()

    def orders(self) -> list[Medicine]:
        """Return every active order."""
        lines = [x for x in self.chart.tables["M"] if x.group == "active"]
        return [Medicine(name=x.text("drug"), handle=x.handle, line=x) for x in lines]


def check(checking: Checking, kind: Kind) -> ComputedRecord:
    """Return one check as a record without a handle."""
    return CHECKS[kind](checking)


# ---------------------------------------------------------------- allergy


def _allergy(run_: Checking) -> ComputedRecord:
    unread = run_.read("allergies", *(() if run_.asked else ("medications",)))
    lists, own = load(), _allergies(run_.chart)
    rows: list[ComputedInput] = []
    for line in own:
        substance = line.text("substance")
        mine = [g for g in lists.allergy if g.named(substance)]
        for medicine in run_.medicines():
            said = _same(substance, medicine.name, mine)
            if said:
                rows += [_allergy_row(line), _row(medicine, said)]
    if run_.asked and not any(g.named(run_.asked) for g in lists.allergy):
        unread = [
            *unread,
            f"a class for {run_.asked} (it is in no class of this list, so only its name was compared)",
        ]
    return _record(
        "Allergy against medicine class", rows,
        counted=len(lists.allergy), what="allergy classes",
        against=f"{len(own)} allerg{'y' if len(own) == 1 else 'ies'} and {_about(run_)}", more=(ComputedValue(name="Allergies", value=str(len(own)), unit="allergies"),),
        source=lists.allergy_source, missing=unread, notes=_notes(run_, own_allergies=bool(own)),
    )  # fmt: skip


def _same(substance: str, medicine: str, mine: Sequence[Group]) -> str:
    """Say how a recorded substance and a medicine belong together, "" where the list names nothing."""
    groups = {g.name: g for g in load().allergy}
    for group in mine:
        if group.named(medicine):
            return f"same class as the recorded allergy to {substance}: {group.name}"
        for name in group.related:
            if groups[name].named(medicine):
                return f"related class ({name} and {group.name}) to the recorded allergy to {substance}"
    first = substance.casefold().split()
    if first and len(first[0]) > SHORT_NAME and contains(medicine, first[0]):
        return f"same name as the recorded allergy to {substance}"
    return ""


def _allergies(chart: Chart) -> list[Line]:
    """Return the recorded allergies to something: no stated absence, none refuted or resolved."""
    found = []
    for line in chart.tables["A"]:
        resource = chart.resources.get(line.reference, {})
        stated = none_known(resource) or not_asked(resource)
        if (
            not stated
            and line.group not in ("resolved", "inactive")
            and line.text("verification") not in REFUTED
        ):
            found.append(line)
    return found


def _allergy_row(line: Line) -> ComputedInput:
    reaction = line.text("reaction")
    said = f"{line.text('substance')}{f' – {reaction}' if reaction else ' – reaction not recorded'}"
    return ComputedInput(
        name="Recorded allergy",
        text=as_data(said),
        handle=line.handle,
        moment=line.date,
        role="recorded",
    )


# ---------------------------------------------------------------- duplicates


def _duplicates(run_: Checking) -> ComputedRecord:
    unread, lists = run_.read("medications"), load()
    orders = run_.orders()
    rows: list[ComputedInput] = []
    for group in lists.duplicates:
        held = [m for m in orders if group.holds(m.name)]
        asked = bool(run_.asked) and group.holds(run_.asked)
        if (len(held) > 1 and not run_.asked) or (asked and held):
            rows += [_row(m, f"group: {group.name}") for m in held]
    for name in _twice(orders):
        rows += [
            _row(m, f"ordered more than once: {name}")
            for m in orders
            if contains(m.name, name) and not run_.asked
        ]
    return _record(
        "Duplicate therapy", _once(rows), counted=len(lists.duplicates), what="groups of medicines",
        against=f"{len(orders)} active orders", source=lists.duplicates_source, missing=unread, notes=_notes(run_),
    )  # fmt: skip


def _twice(orders: Iterable[Medicine]) -> list[str]:
    names = [m.name.casefold().split()[0] for m in orders if m.name.split()]
    return sorted({name for name in names if names.count(name) > 1 and name not in OFTEN_TWICE})


def _once(rows: Iterable[ComputedInput]) -> list[ComputedInput]:
    return list({row.handle or row.name: row for row in reversed(list(rows))}.values())[::-1]


# ---------------------------------------------------------------- kidney


def _renal(run_: Checking) -> ComputedRecord:
    unread, lists = run_.read("medications", "labs", "vitals"), load()
    found = _kidney(run_)
    rows: list[ComputedInput] = []
    above: list[str] = []
    for medicine in run_.medicines():
        rules = [r for r in lists.renal if contains(medicine.name, r.ingredient)]
        for rule in sorted(rules, key=lambda r: r.below):
            value = found.values.get(rule.measure)
            if value is None or value <= rule.below:
                rows.append(_row(medicine, _says(rule, value)))
                break
        else:
            above += [medicine.name] if rules else []
    notes = _notes(run_)
    if above:
        notes.insert(0, f"On the list, and above its number: {', '.join(dict.fromkeys(above))}.")
    listed = len({r.ingredient for r in lists.renal})
    return _record(
        "Kidney function and dose", [*rows, *found.rows], counted=listed, what="medicines with a kidney rule",
        against=_about(run_), source=lists.renal_source, missing=[*unread, *found.missing], notes=notes,
        matches=len(rows),
    )  # fmt: skip


def _says(rule: Rule, value: float | None) -> str:
    measured = (
        f"{NAMES[rule.measure]} {value:g}"
        if value is not None
        else f"{NAMES[rule.measure]} not known"
    )
    return f"by {NAMES[rule.measure]}: {rule.says}; here {measured}"


@dataclass(frozen=True, kw_only=True)
class _Kidney:
    values: Mapping[Measure, float]
    rows: tuple[ComputedInput, ...]
    missing: tuple[str, ...]


def _kidney(run_: Checking) -> _Kidney:
    """Compute clearance, take the newest eGFR of the laboratory, else compute it; each with its own handle."""
    values: dict[Measure, float] = {}
    rows: list[ComputedInput] = []
    missing: list[str] = []
    reported = next(iter(Inputs(launch=run_.launch).series(needs.EGFR)), None)
    if reported:
        values["egfr"] = reported.value
        rows.append(reported.used)
    wanted: tuple[Measure, ...] = ("crcl",) if reported else ("egfr", "crcl")
    for key in wanted:
        record = run_.chart.ledger.compute(run(CALCULATORS[key], Inputs(launch=run_.launch)))
        if record.value:
            values[key] = float(record.value)
        missing += [f"{what}, for {NAMES[key]}" for what in record.missing]
        text = f"{record.value} {UNITS[key]}" if record.value else "not computed"
        rows.append(ComputedInput(name=record.name, text=text, handle=record.handle))
    return _Kidney(values=values, rows=tuple(rows), missing=tuple(missing))


# ---------------------------------------------------------------- QT


def _qt(run_: Checking) -> ComputedRecord:
    unread, lists = run_.read("medications"), load()
    rows = [
        _row(m, "label warns of QT prolongation")
        for m in run_.medicines()
        if any(contains(m.name, ingredient) for ingredient in lists.qt)
    ]
    qtc = next(iter(Inputs(launch=run_.launch).series(needs.QTC)), None)
    notes = _notes(run_)
    notes.insert(
        0,
        "QTc: none recorded as a result."
        if qtc is None
        else "The newest QTc is shown as recorded.",
    )
    return _record(
        "QT list", [*rows, *([qtc.used] if qtc else [])], counted=len(lists.qt), what="medicines whose label warns of QT prolongation",
        against=_about(run_), source=lists.qt_source, missing=unread, notes=notes, matches=len(rows),
    )  # fmt: skip


# ---------------------------------------------------------------- supply


def _supply(run_: Checking) -> ComputedRecord:
    unread = run_.read("medications")
    today = run_.chart.now.astimezone(run_.chart.zone).date().isoformat()
    orders = [m for m in run_.orders() if not run_.asked or contains(m.name, run_.asked)]
    known = [m for m in orders if m.line and m.line.fact("supply")]
    ended = [m for m in known if m.line and (f := m.line.fact("supply")) and f.date < today]
    rows = [_row(m, words.supply(m.line, today)) for m in ended if m.line]
    notes = (
        [f"Orders of which the supply cannot be computed: {len(orders) - len(known)}."]
        if len(known) < len(orders)
        else []
    )
    return _record(
        "Ordered supply that has ended", rows, counted=len(known), what="orders with a known supply", against="today",
        source="days ordered, or quantity by daily dose, from the order date; later fills are not counted", missing=unread,
        notes=[*notes, *_notes(run_)],
    )  # fmt: skip


CHECKS: Mapping[Kind, Callable[[Checking], ComputedRecord]] = {
    "allergy": _allergy, "duplicates": _duplicates, "renal": _renal, "qt": _qt, "supply": _supply,
}  # fmt: skip


# ---------------------------------------------------------------- words


def _about(run_: Checking) -> str:
    return run_.asked or f"{len(run_.orders())} active orders"


def _row(medicine: Medicine, said: str) -> ComputedInput:
    line = medicine.line
    return ComputedInput(
        name=as_data(medicine.name[:1].upper() + medicine.name[1:]), text=as_data(said), handle=medicine.handle,
        moment=line.date if line else "", role="ordered" if line else "",
    )  # fmt: skip


def _notes(run_: Checking, *, own_allergies: bool = True) -> list[str]:
    notes = (
        []
        if own_allergies
        else [
            "No allergy to a substance is recorded; that is not “no allergies” unless it is stated."
        ]
    )
    said = _pregnancy(run_)
    return [
        *notes,
        *([said] if said else []),
        "Interactions between medicines are not checked here; the EHR has its own check.",
    ]


def _pregnancy(run_: Checking) -> str:
    """Say pregnancy and breast-feeding as recorded; of a woman of childbearing age also that nothing is recorded."""
    chart = run_.chart
    run_.launch.ensure("problems", "other")
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
            said.append(f"{word}: not recorded")
    today = chart.now.astimezone(chart.zone).date().isoformat()
    age = years_old(str(chart.patient.get("birthDate") or ""), today)
    is_asked = chart.patient.get("gender") != "male" and (age is None or age in CHILDBEARING)
    return (
        "; ".join(said) + "."
        if is_asked or any("not recorded" not in part for part in said)
        else ""
    )


def _record(
    name: str, rows: Sequence[ComputedInput], *, counted: int, what: str, against: str, source: str, missing: Sequence[str],
    notes: Sequence[str], matches: int | None = None, more: tuple[ComputedValue, ...] = (),
) -> ComputedRecord:  # fmt: skip
    named = (
        sum(not row.name.startswith("Recorded allergy") for row in rows)
        if matches is None
        else matches
    )
    return ComputedRecord(
        handle="", kind="check", name=name, value=str(named), unit=MATCHES, source=source, inputs=tuple(rows),
        rule=f"Checked for {counted} {what}, against {against}; {NO_CLEARANCE}.",
        also=(ComputedValue(name="Checked for", value=str(counted), unit=what), *more), missing=tuple(map(as_data, missing)),
        notes=tuple(map(as_data, notes)),
    )  # fmt: skip
