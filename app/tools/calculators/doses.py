"""Read doses out of orders and administrations: the most mg a day that an order allows, the mg that were given."""

from dataclasses import dataclass
from decimal import Decimal

from app.fhir import medicines
from app.fhir.chart import Line
from app.fhir.citation import ComputedInput
from app.fhir.dates import is_within
from app.fhir.source import Resource
from app.fhir.values import concept, first
from app.llm.synonyms import contains
from app.tools.bounds import as_data
from app.tools.calculators.inputs import Inputs, exact
from app.tools.calculators.units import NoConversion, Quantity, convert

# Routes by mouth, as names print them.
BY_MOUTH = ("oral", "by mouth", "po", "orally", "per os")
GIVEN = "administrations"


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


def order_input(line: Line, text: str) -> ComputedInput:
    """State an order as an input."""
    return ComputedInput(
        name=as_data(line.text("drug")),
        text=as_data(text),
        handle=line.handle,
        moment=line.date,
        role="ordered",
    )


def given_doses(ask: Inputs, since: str) -> list[Line]:
    """Return the doses recorded as given since a moment (ISO, site zone), newest first."""
    ask.read(GIVEN)
    lines = [
        x for x in ask.chart.tables.get("G", []) if x.group == "given" and is_within(x.date, since)
    ]
    return sorted(lines, key=lambda x: x.date, reverse=True)


def given_input(line: Line, text: str) -> ComputedInput:
    """State a dose that was given as an input."""
    return ComputedInput(
        name=as_data(line.text("drug")),
        text=as_data(text),
        handle=line.handle,
        moment=line.date,
        role="given",
    )


def dose_given(ask: Inputs, line: Line) -> float | None:
    """Return the mg of a dose given by mouth; None for another route or another unit."""
    dosage = ask.chart.resources.get(line.reference, {}).get("dosage") or {}
    route, quantity = concept(dosage.get("route")).casefold(), dosage.get("dose") or {}
    value, code = exact(quantity), str(quantity.get("code") or "")
    if value is None or not any(contains(route, word) for word in BY_MOUTH):
        return None
    try:
        return float(convert(Quantity(value=value, unit=code), "mg").value)
    except NoConversion:
        return None
