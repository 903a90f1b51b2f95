"""Calculators over orders and INRs: dose by weight, time in therapeutic range."""

from app.fhir.citation import ComputedInput, ComputedValue
from app.fhir.dates import add_days, as_date
from app.llm.synonyms import contains
from app.tools.calculators import medicine, needs
from app.tools.calculators.doses import daily_mg, order_input
from app.tools.calculators.inputs import Inputs
from app.tools.calculators.model import Calculator, Outcome, rounded

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
        order_input(
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


# ---------------------------------------------------------------- INR


def _in_range(ask: Inputs) -> Outcome | None:
    on_warfarin = ask.orders("warfarin", lambda drug: "warfarin" in drug.casefold())
    if on_warfarin is False:
        ask.lacks("an active warfarin order")
        return None
    since = add_days(ask.today, -365)
    found = ask.series(needs.INR, since=since)
    dated = [(day, m) for m in found if (day := as_date(m.used.moment))]
    result = medicine.time_in_range([(day, m.value) for day, m in reversed(dated)])
    ask.used += [m.used for _, m in dated[:12]]
    if result is None:
        ask.lacks(
            f"two INRs near enough to each other (of the last 12 months, at most {medicine.LONGEST_GAP_DAYS} days apart)"
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
        "Target range 2.0 to 3.0, last 12 months. Whether warfarin was ordered all that time, and taken, is not looked at.",
        *gaps,
    )
    return Outcome(value=rounded(result.percent), also=also, notes=notes)


FROM_ORDERS = (
    Calculator(
        key="mg_kg_day", name="Dose by weight", unit="mg/kg/day", compute=_by_weight,
        rule="Ordered or entered mg a day / weight, one decimal place.", source="Arithmetic",
    ),
    Calculator(
        key="ttr", name="INR time in therapeutic range", unit="%", compute=_in_range, over_time=True,
        rule="Linear interpolation between INRs at most 56 days apart, target 2.0 to 3.0, whole number.", source="Rosendaal et al., Thromb Haemost 1993;69:236",
    ),
)  # fmt: skip
