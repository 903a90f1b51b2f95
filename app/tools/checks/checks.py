"""Hold the chart's active orders, or one medicine that is asked about, against the lists.

What is found is a list of the chart's own rows with what the list says of each. Nothing found means only that the
list names nothing. Allergies and orders that could not be read to their end are said as missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.fhir import words
from app.fhir.chart import Chart, Line
from app.fhir.citation import ComputedInput, ComputedRecord, ComputedValue
from app.fhir.statements import none_known, not_asked
from app.llm.synonyms import contains
from app.tools.bounds import as_data
from app.tools.calculators import needs
from app.tools.calculators.catalogue import CALCULATORS
from app.tools.calculators.inputs import Inputs
from app.tools.calculators.model import run
from app.tools.checks.lists import Group, Measure, Rule, load
from app.tools.checks.running import (
    RECORDED,
    Checking,
    Medicine,
    about,
    active_orders,
    notes_of,
    record_of,
    row,
)

Kind = Literal["allergy", "duplicates", "renal", "qt", "supply"]
REFUTED = ("refuted", "entered-in-error")
# A rule that this kidney function does not reach.
ABOVE = "on the list, above its number"
# Dosed by three criteria, of which kidney function is one.
APIXABAN = "apixaban"
SHORT_NAME = 3
# Several orders of one name are the rule: a basal and a mealtime insulin.
OFTEN_TWICE = ("insulin",)
UNITS: Mapping[Measure, str] = {"crcl": "mL/min", "egfr": "mL/min/1.73 m²"}
NAMES: Mapping[Measure, str] = {"crcl": "CrCl", "egfr": "eGFR"}


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
                rows += [_allergy_row(line), row(medicine, said)]
    if run_.asked and not any(g.named(run_.asked) for g in lists.allergy):
        unread = [
            *unread,
            f"a class for {run_.asked} (it is in no class of this list, so only its name was compared)",
        ]
    return record_of(
        "Allergy against medicine class", rows,
        counted=len(lists.allergy), what="allergy classes",
        against=f"{len(own)} allerg{'y' if len(own) == 1 else 'ies'} and {about(run_)}", more=(ComputedValue(name="Allergies", value=str(len(own)), unit="allergies"),),
        source=lists.allergy_source, missing=unread, notes=notes_of(run_, own_allergies=bool(own) or not run_.is_read("allergies")),
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
        name=RECORDED,
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
            rows += [row(m, f"group: {group.name}") for m in held]
    for name in _twice(orders):
        rows += [
            row(m, f"ordered more than once: {name}")
            for m in orders
            if contains(m.name, name) and not run_.asked
        ]
    return record_of(
        "Duplicate therapy", _once(rows), counted=len(lists.duplicates), what="groups of medicines",
        against=active_orders(len(orders)), source=lists.duplicates_source, missing=unread, notes=notes_of(run_),
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
    above: list[Medicine] = []
    for medicine in run_.medicines():
        rules = [r for r in lists.renal if contains(medicine.name, r.ingredient)]
        for rule in sorted(rules, key=lambda r: r.below):
            value = found.values.get(rule.measure)
            if value is None or value <= rule.below:
                rows.append(row(medicine, _says(rule, value)))
                break
        else:
            above += [medicine] if rules else []
        if contains(medicine.name, APIXABAN):
            rows.append(row(medicine, _apixaban(run_)))
    notes = notes_of(run_)
    if above:
        named = dict.fromkeys(m.name for m in above)
        notes.insert(0, f"On the list, and above its number: {', '.join(named)}.")
    listed = len({r.ingredient for r in lists.renal} | {APIXABAN})
    return record_of(
        "Kidney function and dose", [*rows, *(row(m, ABOVE) for m in above), *found.rows], counted=listed, what="medicines with a kidney rule",
        against=about(run_), source=lists.renal_source, missing=[*unread, *found.missing], notes=notes,
        matches=len(rows),
    )  # fmt: skip


def _apixaban(run_: Checking) -> str:
    """State the label's three criteria, each with this chart's value: two of them change the dose in atrial fibrillation."""
    ask = Inputs(launch=run_.launch)
    age, weight, creatinine = ask.age(), ask.number(needs.WEIGHT), ask.number(needs.CREATININE)
    criteria = (
        ("age 80 or more", age, age is not None and age >= 80),
        ("weight 60 kg or less", weight, weight is not None and weight <= 60),
        ("creatinine 1.5 mg/dL or more", creatinine, creatinine is not None and creatinine >= 1.5),
    )
    said = "; ".join(
        f"{name}: {'not known' if value is None else f'{value:g}, {_yes(is_met)}'}"
        for name, value, is_met in criteria
    )
    measured = [
        f"{i.name.lower()} {run_.chart.print_date(i.moment)}"
        for i in ask.used
        if i.role in ("collected", "measured")
    ]
    return f"label, atrial fibrillation: 2.5 mg twice daily with two of three. {said} ({', '.join(measured)})"


def _yes(is_met: bool) -> str:
    return "met" if is_met else "not met"


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
        row(m, "label warns of QT prolongation")
        for m in run_.medicines()
        if any(contains(m.name, ingredient) for ingredient in lists.qt)
    ]
    ask = Inputs(launch=run_.launch)
    qtc = next(iter(ask.series(needs.QTC)), None)
    run_.read(*ask.sections)
    said = f"QTc: {ask.why_none(*ask.sections)}." if qtc is None else "The newest QTc is shown as recorded."  # fmt: skip
    notes = [said, *ask.notes, *notes_of(run_)]
    return record_of(
        "QT list", [*rows, *([qtc.used] if qtc else [])], counted=len(lists.qt), what="medicines whose label warns of QT prolongation",
        against=about(run_), source=lists.qt_source, missing=unread, notes=notes, matches=len(rows),
    )  # fmt: skip


# ---------------------------------------------------------------- supply


def _supply(run_: Checking) -> ComputedRecord:
    unread = run_.read("medications")
    today = run_.chart.now.astimezone(run_.chart.zone).date().isoformat()
    orders = [m for m in run_.orders() if not run_.asked or contains(m.name, run_.asked)]
    known = [m for m in orders if m.line and m.line.fact("supply")]
    ended = [m for m in known if m.line and (f := m.line.fact("supply")) and f.date < today]
    rows = [row(m, words.supply(m.line, today)) for m in ended if m.line]
    notes = (
        [f"Orders of which the supply cannot be computed: {len(orders) - len(known)}."]
        if len(known) < len(orders)
        else []
    )
    return record_of(
        "Ordered supply that has ended", rows, counted=len(known), what="orders with a known supply", against="today",
        source="days ordered, or quantity by daily dose, from the order date; later fills are not counted", missing=unread,
        notes=[*notes, *notes_of(run_)],
    )  # fmt: skip


CHECKS: Mapping[Kind, Callable[[Checking], ComputedRecord]] = {
    "allergy": _allergy, "duplicates": _duplicates, "renal": _renal, "qt": _qt, "supply": _supply,
}  # fmt: skip
