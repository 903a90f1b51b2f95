"""Ages: of a pregnancy, corrected for birth before term, of a newborn in hours and weeks; growth percentiles."""

from collections.abc import Iterator
from datetime import date, datetime

from app.fhir.citation import ComputedInput, ComputedValue
from app.fhir.dates import as_date
from app.tools.calculators import body, growth, needs
from app.tools.calculators.inputs import Inputs, Measured, readings_of
from app.tools.calculators.model import Calculator, Outcome, rounded

BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
NOTES = (
    "Growth velocity is not computed. Above the 95th percentile of BMI the charts of 2000 are coarse.",
)
INFANTS = (
    "Growth velocity is not computed. Below 2 years CDC and AAP advise the WHO standards, whose tables do not come with this application: these are the CDC charts of 2000 for infants, on which breastfed infants seem to fall behind from the age of 3 months.",
    "The age is not corrected for birth before term.",
)
STATURE, LENGTH = "Stature for age", "Length for age"
DUE_DATE = ("11778-8", "11779-6", "11780-4", "57063-0", "57064-8")


def _due(ask: Inputs) -> Iterator[tuple[str, str, str, date]]:
    ask.read("other")
    for handle, reading, _ in readings_of(ask.chart, DUE_DATE):
        day = as_date(reading.text)
        if day:
            yield reading.moment, handle, reading.name, day


def _gestation(ask: Inputs) -> Outcome | None:
    found = max(_due(ask), default=None)
    if found is None:
        ask.lacks(f"an estimated due date ({ask.why_none('other')})")
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
        ask.lacks("an age for which correction is used (up to 3 years)")
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
        ask.lacks("an age that is counted in weeks here (up to 2 years)")
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
    born, female = _born(ask), ask.female()
    weight = next(iter(ask.series(needs.WEIGHT)), None)
    height = next(iter(ask.series(needs.HEIGHT)), None)
    if born is None or female is None or weight is None:
        ask.missing += [] if weight else [f"weight ({ask.why_none(needs.WEIGHT.section)})"]
        return None
    ask.used += [m.used for m in (weight, height) if m]
    months = _months(born, weight.used.moment)
    if months is None or not growth.FIRST_MONTH <= months <= growth.LAST_MONTH:
        ask.lacks("an age that the charts are made for (birth to under 20 years at the weighing)")
        return None
    found = _percentile("weight", weight.value, months, female=female)
    return Outcome(
        value=found,
        also=_more(born, female, weight, height),
        notes=NOTES if months >= growth.CHILD_MONTH else INFANTS,
    )


def _more(
    born: date, female: bool, weight: Measured, height: Measured | None
) -> tuple[ComputedValue, ...]:
    """Return length or stature and, of one day and from 2 years on, BMI for age."""
    months = _months(born, height.used.moment) if height else None
    if height is None or months is None or not growth.FIRST_MONTH <= months <= growth.LAST_MONTH:
        return ()
    if months < growth.CHILD_MONTH:
        length = _percentile("length", height.value, months, female=female)
        return (ComputedValue(name=LENGTH, value=length, unit="percentile"),)
    stature = _percentile("stature", height.value, months, female=female)
    out = [ComputedValue(name=STATURE, value=stature, unit="percentile")]
    if height.used.moment[:10] == weight.used.moment[:10]:
        bmi = body.body_mass_index(weight_kg=weight.value, height_cm=height.value)
        out.append(
            ComputedValue(
                name=f"BMI {rounded(bmi, 1)} kg/m² for age",
                value=_percentile("bmi", bmi, months, female=female),
                unit="percentile",
            )
        )
    return tuple(out)


def _months(born: date, moment: str) -> float | None:
    day = as_date(moment)
    return (day - born).days / growth.DAYS_A_MONTH if day else None


def _percentile(measure: growth.Measure, value: float, months: float, *, female: bool) -> str:
    return rounded(
        growth.percentile(growth.z_score(measure, value, age_months=months, female=female)), 1
    )


AGES = (
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
        key="growth_percentile", name="Weight for age", unit="percentile", beside=(STATURE, LENGTH), compute=_growth, over_time=True,
        rule="CDC charts of 2000 by LMS, age in months at the measurement, one decimal place, birth to under 20 years; below 2 years the charts of infants. Sex is an input.",
        source="CDC/NCHS growth charts 2000, Vital Health Stat 11(246)",
    ),
)  # fmt: skip
