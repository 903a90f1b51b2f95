"""Morphine equivalents of orders and of doses given, and days of antibiotic therapy."""

from datetime import timedelta

from app.fhir.chart import Line
from app.fhir.citation import ComputedValue
from app.fhir.dates import add_days, as_date, later
from app.fhir.values import concept, first
from app.llm.synonyms import contains
from app.llm.synonyms import load as load_synonyms
from app.tools.calculators import medicine
from app.tools.calculators.doses import (
    BY_MOUTH,
    GIVEN,
    daily_mg,
    dose_given,
    given_doses,
    given_input,
    order_input,
)
from app.tools.calculators.inputs import Inputs
from app.tools.calculators.model import Calculator, Outcome, rounded
from app.tools.checks.lists import load as load_lists

THROUGH_SKIN = ("transdermal", "topical", "patch")
COURSE_DAYS = 60
ANTIBIOTIC_CLASSES = (
    "penicillins", "cephalosporins", "carbapenems", "sulfonamide antibiotics", "macrolides", "fluoroquinolones", "tetracyclines",
    "aminoglycosides", "lincosamides", "glycopeptides",
)  # fmt: skip
OTHER_ANTIBIOTICS = (
    "metronidazole", "linezolid", "daptomycin", "nitrofurantoin", "aztreonam", "trimethoprim", "rifampin", "fosfomycin", "colistin",
)  # fmt: skip


# ---------------------------------------------------------------- opioids


def _opioids(ask: Inputs) -> Outcome | None:
    kinds = [c for c in load_synonyms().classes if c.name == "opioids"]
    names = {*medicine.MME_FACTORS, "fentanyl", "buprenorphine"}
    notes = [
        "The total is of orders at their most, as-needed doses included; doses given stand apart."
    ]
    total, counted = 0.0, 0
    for line in ask.active_orders():
        drug = line.text("drug").casefold()
        if not (any(k.holds(drug) for k in kinds) or any(contains(drug, n) for n in names)):
            continue
        found = _one_opioid(ask, line, drug)
        if isinstance(found, str):
            ask.lacks(f"{line.text('drug')} [{line.handle}] in morphine equivalents ({found})")
            continue
        total, counted = total + found, counted + 1
    given = _opioids_given(ask, notes)
    if counted:
        also = (given,) if given else ()
        return Outcome(
            value=rounded(total, 1), also=also, notes=tuple(notes), at_least=bool(ask.missing)
        )
    if given:
        notes[0] = f"No active order could be counted. The number is of doses given: {given.name}."
        return Outcome(value=given.value, notes=tuple(notes), at_least=bool(ask.missing))
    if not ask.missing:
        ask.lacks("an active opioid order, or a dose given, with a factor in the table")
    return None


def _opioids_given(ask: Inputs, notes: list[str]) -> ComputedValue | None:
    """Add the doses by mouth recorded as given in the last 24 hours; name the opioid doses that have no factor."""
    now = ask.chart.now.astimezone(ask.chart.zone)
    doses = given_doses(ask, later(now, -timedelta(hours=24)).strftime("%Y-%m-%dT%H:%M"))
    names = (*medicine.MME_FACTORS, "fentanyl", "buprenorphine")
    total, counted = 0.0, 0
    for line in doses:
        known = [n for n in names if contains(line.text("drug"), n)]
        if not known:
            continue
        mg = dose_given(ask, line)
        if len(known) != 1 or known[0] not in medicine.MME_FACTORS or mg is None:
            notes.append(
                f"A dose of {line.text('drug')} given {ask.chart.print_date(line.date, time=True)} ({line.handle}) is not counted."
            )
            continue
        total += medicine.morphine_equivalents(opioid=known[0], mg_per_day=mg)
        counted += 1
        ask.used.append(given_input(line, f"{mg:g} mg by mouth"))
    if not ask.is_read(GIVEN):
        notes.append(f"Doses given: {ask.why_none(GIVEN)}.")
    return (
        ComputedValue(
            name=f"Given by mouth in the last 24 hours ({counted} doses)",
            value=rounded(total, 1),
            unit="MME",
        )
        if counted
        else None
    )


# ---------------------------------------------------------------- days of therapy


def _one_opioid(ask: Inputs, line: Line, drug: str) -> float | str:
    resource = ask.chart.resources.get(line.reference, {})
    dosage = first(resource, "dosageInstruction")
    route = (concept(dosage.get("route")) or str(dosage.get("text") or "")).casefold()
    known = [name for name in medicine.MME_FACTORS if contains(drug, name)]
    if contains(drug, "fentanyl"):
        return (
            "a patch is counted in mcg per hour, which this order does not state as structure"
            if any(word in route for word in THROUGH_SKIN)
            else "the table has no factor for this route"
        )
    if len(known) != 1:
        return "the table has no factor for it" if not known else "it names two opioids"
    if not any(contains(route, word) for word in BY_MOUTH):
        sent = concept(dosage.get("route")) or ("see the directions" if route else "not sent")
        return f"the table is for doses by mouth; route: {sent}"
    daily = daily_mg(resource)
    if isinstance(daily, str):
        return daily
    mme = medicine.morphine_equivalents(opioid=known[0], mg_per_day=daily.mg)
    needed = ", as needed" if daily.as_needed else ""
    text = f"{daily.mg:g} mg/day at most{needed} x {medicine.MME_FACTORS[known[0]]:g} = {rounded(mme, 1)} MME"
    ask.used.append(order_input(line, text))
    return mme


def _antibiotics(ask: Inputs) -> Outcome | None:
    since = add_days(ask.today, -COURSE_DAYS)
    given = [x for x in given_doses(ask, since) if _antibiotic(x.text("drug"))]
    courses: dict[str, list[Line]] = {}
    for line in given:
        courses.setdefault(_antibiotic(line.text("drug")), []).append(line)
    also, total = [], 0
    for name, lines in sorted(courses.items()):
        therapy = medicine.days_of_therapy(d for x in lines if (d := as_date(x.date)))
        if therapy is None:
            continue
        total += therapy.days
        span = f"{ask.chart.print_date(therapy.first.isoformat())} to {ask.chart.print_date(therapy.last.isoformat())}"
        also.append(
            ComputedValue(name=f"{name.capitalize()}, {span}", value=str(therapy.days), unit="days")
        )
        ask.used.append(
            given_input(max(lines, key=lambda x: x.date), f"last of {len(lines)} doses given")
        )
    if not total:
        ask.lacks(
            f"an antibiotic dose recorded as given (last {COURSE_DAYS} days: {ask.why_none(GIVEN)})"
        )
        return None
    notes = (
        f"Doses recorded as given in the last {COURSE_DAYS} days; held and refused doses are not counted.",
    )
    return Outcome(value=str(total), also=tuple(also), notes=notes, at_least=not ask.is_read(GIVEN))


def _antibiotic(drug: str) -> str:
    """Return the antibiotic that a medicine's name holds, "" for none."""
    groups = [g for g in load_lists().allergy if g.name in ANTIBIOTIC_CLASSES]
    every = [*(i for g in groups for i in g.ingredients), *OTHER_ANTIBIOTICS]
    return next((name for name in sorted(every, key=len, reverse=True) if contains(drug, name)), "")


THERAPY = (
    Calculator(
        key="mme", name="Morphine milligram equivalents", unit="MME/day", compute=_opioids,
        rule="Ordered mg a day by mouth x factor, added, one decimal place. Not for changing from one opioid to another.",
        source="CDC Clinical Practice Guideline 2022, MMWR 71(RR-3)",
    ),
    Calculator(
        key="antibiotic_days", name="Antibiotic days of therapy", unit="days", compute=_antibiotics,
        rule="Calendar days with at least one dose given, for each medicine.", source="CDC NHSN Antimicrobial Use module",
    ),
)  # fmt: skip
