"""Calculators over orders, administrations and dates: MME, mg/kg/day, antibiotic days, INR in range, ages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from app.fhir import medicines
from app.fhir.chart import Line
from app.fhir.citation import ComputedInput, ComputedValue
from app.fhir.dates import add_days, as_date
from app.fhir.source import Resource
from app.fhir.values import concept, first
from app.llm.synonyms import contains
from app.llm.synonyms import load as load_synonyms
from app.tools.bounds import as_data
from app.tools.calculators import body, medicine, needs
from app.tools.calculators.inputs import Inputs, exact, readings_of
from app.tools.calculators.model import Calculator, Outcome, rounded
from app.tools.calculators.units import NoConversion, Quantity, convert

# Routes by mouth, as names print them; the table of morphine equivalents is for these.
BY_MOUTH = ("oral", "by mouth", "po", "orally", "per os")
THROUGH_SKIN = ("transdermal", "topical", "patch")
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
DUE_DATE = ("11778-8", "11779-6", "11780-4", "57063-0", "57064-8")


@dataclass(frozen=True, kw_only=True)
class Daily:
    """An order's most in a day, in mg, and whether it is as needed."""

    mg: float
    as_needed: bool


def daily_mg(resource: Resource) -> Daily | str:
    """Return the most mg a day that an order allows, or why that cannot be known from its structure."""
    steps = [d for d in resource.get("dosageInstruction") or [] if isinstance(d, dict)]
    if len(steps) != 1:
        return "more than one dosage step" if steps else "no dosage as structure"
    rate = first(steps[0], "doseAndRate")
    quantity = rate.get("doseQuantity") or (rate.get("doseRange") or {}).get("high") or {}
    value, code = exact(quantity), str(quantity.get("code") or "")
    times = _times_a_day((steps[0].get("timing") or {}).get("repeat") or {})
    if value is None or not code:
        return "no dose as a number with a UCUM code"
    if times is None:
        return "no frequency as structure"
    try:
        mg = convert(Quantity(value=value, unit=code), "mg").value
    except NoConversion:
        return f"the dose is in {as_data(str(quantity.get('unit') or code))}, not in mg"
    needed = bool(steps[0].get("asNeededBoolean") or steps[0].get("asNeededCodeableConcept"))
    return Daily(mg=float(mg * times), as_needed=needed)


def _times_a_day(repeat: Resource) -> Decimal | None:
    days = medicines.DAYS.get(str(repeat.get("periodUnit") or ""))
    if days is None:
        return None
    often = repeat.get("frequencyMax") or repeat.get("frequency") or 1
    period = Decimal(str(repeat.get("period", 1))) * days
    return Decimal(str(often)) / period if period else None


def _order_input(line: Line, text: str) -> ComputedInput:
    return ComputedInput(
        name=as_data(line.text("drug")),
        text=as_data(text),
        handle=line.handle,
        moment=line.date,
        role="ordered",
    )


# ---------------------------------------------------------------- opioids


def _opioids(ask: Inputs) -> Outcome | None:
    kinds = [c for c in load_synonyms().classes if c.name == "opioids"]
    names = {*medicine.MME_FACTORS, "fentanyl", "buprenorphine"}
    total, notes, counted = (
        0.0,
        ["As ordered at its most, as-needed doses included; what was given is not counted here."],
        0,
    )
    for line in ask.active_orders():
        drug = line.text("drug").casefold()
        if not (any(k.holds(drug) for k in kinds) or any(contains(drug, n) for n in names)):
            continue
        found = _one_opioid(ask, line, drug)
        if isinstance(found, str):
            ask.lacks(f"{line.text('drug')} [{line.handle}] in morphine equivalents ({found})")
            continue
        total, counted = total + found, counted + 1
    if not counted and not ask.missing:
        ask.lacks("an active opioid order with a factor in the table")
    return (
        Outcome(value=rounded(total, 1), notes=tuple(notes), at_least=bool(ask.missing))
        if counted
        else None
    )


def _one_opioid(ask: Inputs, line: Line, drug: str) -> float | str:
    resource = ask.chart.resources.get(line.reference, {})
    route = concept(first(resource, "dosageInstruction").get("route")).casefold()
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
        return f"the table is for doses by mouth; route: {route or 'not sent'}"
    daily = daily_mg(resource)
    if isinstance(daily, str):
        return daily
    mme = medicine.morphine_equivalents(opioid=known[0], mg_per_day=daily.mg)
    needed = ", as needed" if daily.as_needed else ""
    text = f"{daily.mg:g} mg/day at most{needed} x {medicine.MME_FACTORS[known[0]]:g} = {rounded(mme, 1)} MME"
    ask.used.append(_order_input(line, text))
    return mme


# ---------------------------------------------------------------- dose by weight


def _by_weight(ask: Inputs) -> Outcome | None:
    given = ask.entered.get("medicine")
    words = given.text if given else ""
    weight = ask.number(needs.WEIGHT)
    if "dose" in ask.entered:
        return _typed_dose(ask, weight)
    orders = [x for x in ask.active_orders() if words and contains(x.text("drug"), words)]
    if not orders:
        ask.lacks(
            f"an active order for {words}"
            if words
            else "the medicine (enter medicine=NAME) or the daily dose (enter dose=NUMBER mg)"
        )
        return None
    daily = daily_mg(ask.chart.resources.get(orders[0].reference, {}))
    if isinstance(daily, str):
        ask.lacks(
            f"the daily dose of {orders[0].text('drug')} [{orders[0].handle}] in mg ({daily})"
        )
        return None
    ask.used.append(
        _order_input(
            orders[0], f"{daily.mg:g} mg/day{' at most, as needed' if daily.as_needed else ''}"
        )
    )
    if weight is None:
        return None
    notes = (
        "Arithmetic only: no dose is judged.",
        *(
            ("More than one active order holds this name; the first is used.",)
            if len(orders) > 1
            else ()
        ),
    )
    return Outcome(
        value=rounded(medicine.dose_by_weight(mg_per_day=daily.mg, weight_kg=weight), 1),
        notes=notes,
    )


def _typed_dose(ask: Inputs, weight: float | None) -> Outcome | None:
    given = ask.entered["dose"]
    if given.quantity is None or given.quantity.unit != "mg":
        ask.lacks(f"the daily dose in mg (entered: {given.text})")
        return None
    ask.used.append(ComputedInput(name="Daily dose", text=given.text, entered=True))
    if weight is None:
        return None
    value = medicine.dose_by_weight(mg_per_day=float(given.quantity.value), weight_kg=weight)
    return Outcome(value=rounded(value, 1), notes=("Arithmetic only: no dose is judged.",))


# ---------------------------------------------------------------- days of therapy


def _antibiotics(ask: Inputs) -> Outcome | None:
    ask.lacks(
        "medication administrations, which are not read here; an order does not say that a dose was given"
    )
    return None


# ---------------------------------------------------------------- INR


def _in_range(ask: Inputs) -> Outcome | None:
    since = add_days(ask.today, -365)
    found = ask.series(needs.INR, since=since)
    dated = [(day, m) for m in found if (day := as_date(m.used.moment))]
    result = medicine.time_in_range([(day, m.value) for day, m in reversed(dated)])
    ask.used += [m.used for _, m in dated[:12]]
    if result is None:
        ask.lacks(
            f"two INRs of the last 12 months that are at most {medicine.LONGEST_GAP_DAYS} days apart"
        )
        return None
    also = (
        ComputedValue(name="Days counted", value=str(result.days), unit="days"),
        ComputedValue(name="INRs used", value=str(len(dated))),
    )
    gaps = (
        (f"Intervals of more than {medicine.LONGEST_GAP_DAYS} days, not counted: {result.gaps}.",)
        if result.gaps
        else ()
    )
    notes = (
        "Target range 2.0 to 3.0, last 12 months. Whether warfarin was taken is not looked at.",
        *gaps,
    )
    return Outcome(value=rounded(result.percent), also=also, notes=notes)


# ---------------------------------------------------------------- ages


def _due(ask: Inputs) -> Iterator[tuple[str, str, str, date]]:
    ask.read("other")
    for handle, reading, _ in readings_of(ask.chart, DUE_DATE):
        day = as_date(reading.text)
        if day:
            yield reading.moment, handle, reading.name, day


def _gestation(ask: Inputs) -> Outcome | None:
    found = max(_due(ask), default=None)
    if found is None:
        ask.lacks("an estimated due date (none recorded)")
        return None
    moment, handle, _, due = found
    days = body.gestational_age_days(due=due, today=date.fromisoformat(ask.today))
    ask.used.append(
        ComputedInput(
            name="Estimated due date",
            text=ask.chart.print_date(due.isoformat()),
            handle=handle,
            moment=moment,
            role="recorded",
        )
    )
    if not 0 <= days <= 310:
        ask.lacks("a due date of a pregnancy that can be under way today")
        return None
    return Outcome(value=weeks_days(days))


def _corrected(ask: Inputs) -> Outcome | None:
    born = _born(ask)
    weeks = ask.number(needs.GESTATION)
    if born is None or weeks is None:
        return None
    today = date.fromisoformat(ask.today)
    days = body.corrected_age_days(born=born, today=today, gestation_days=round(weeks * 7))
    if (today - born).days > 3 * 366:
        ask.lacks("an age up to 3 years, for which correction is used")
        return None
    also = ComputedValue(name="Chronological age", value=weeks_days((today - born).days))
    return Outcome(value=weeks_days(days), also=(also,))


def weeks_days(days: int) -> str:
    """Print days as "30 weeks 2 days"; before the day that counts as 0, with a minus."""
    weeks, rest = divmod(abs(days), 7)
    return f"{'-' if days < 0 else ''}{weeks} weeks {rest} days"


def _born(ask: Inputs) -> date | None:
    sent = str(ask.chart.patient.get("birthDate") or "")
    day = as_date(sent)
    if day is None:
        ask.lacks("date of birth")
        return None
    ask.used.append(
        ComputedInput(
            name="Date of birth", text=ask.chart.print_date(sent), moment=sent, role="born"
        )
    )
    return day


def _newborn(ask: Inputs) -> Outcome | None:
    born = _born(ask)
    if born is None:
        return None
    today = date.fromisoformat(ask.today)
    weeks = body.age_weeks(born=born, today=today)
    if weeks > 104:
        ask.lacks("an age up to 2 years, which is counted in weeks here")
        return None
    moment = _birth_time(ask)
    if moment is None:
        notes = ("Hours are not counted: the time of birth is not recorded.",)
        return Outcome(value=weeks_days((today - born).days), notes=notes)
    hours = body.age_hours(born=moment, now=ask.chart.now)
    also = ComputedValue(name="Age in hours", value=str(hours), unit="hours")
    return Outcome(value=weeks_days((today - born).days), also=(also,))


def _birth_time(ask: Inputs) -> datetime | None:
    element = ask.chart.patient.get("_birthDate") or {}
    sent = next(
        (str(e.get("valueDateTime") or "") for e in element.get("extension") or [] if e.get("url") == BIRTH_TIME), "",
    )  # fmt: skip
    try:
        moment = datetime.fromisoformat(sent)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _growth(ask: Inputs) -> Outcome | None:
    ask.lacks(
        "the growth reference tables, which do not come with this application; use the EHR's growth chart"
    )
    return None


FROM_ORDERS = (
    Calculator(
        key="mme", name="Morphine milligram equivalents", unit="MME/day", compute=_opioids,
        rule="Ordered mg a day by mouth x factor, added, one decimal place. Not for changing from one opioid to another.",
        source="CDC Clinical Practice Guideline 2022, MMWR 71(RR-3)",
    ),
    Calculator(
        key="mg_kg_day", name="Dose by weight", unit="mg/kg/day", compute=_by_weight,
        rule="Ordered or entered mg a day / weight, one decimal place.", source="Arithmetic",
    ),
    Calculator(
        key="antibiotic_days", name="Antibiotic days of therapy", unit="days", compute=_antibiotics,
        rule="Calendar days with at least one dose given, for each medicine.", source="CDC NHSN Antimicrobial Use module",
    ),
    Calculator(
        key="ttr", name="INR time in therapeutic range", unit="%", compute=_in_range, over_time=True,
        rule="Linear interpolation between INRs at most 56 days apart, target 2.0 to 3.0, whole number.", source="Rosendaal et al., Thromb Haemost 1993;69:236",
    ),
    Calculator(
        key="gestational_age", name="Gestational age", unit="", compute=_gestation,
        rule="280 days less the days to the estimated due date.", source="ACOG Committee Opinion 700, 2017",
    ),
    Calculator(
        key="corrected_age", name="Corrected age", unit="", compute=_corrected,
        rule="Age less the time born before 40 weeks; up to 3 years.", source="AAP, Pediatrics 2004;114:1362",
    ),
    Calculator(
        key="newborn_age", name="Age in weeks", unit="", compute=_newborn,
        rule="Completed weeks and days since birth; hours where the time of birth is recorded.", source="AAP, Pediatrics 2004;114:1362",
    ),
    Calculator(
        key="growth_percentile", name="Growth percentile", unit="", compute=_growth,
        rule="LMS method.", source="CDC 2000 and WHO 2006 growth references",
    ),
)  # fmt: skip
