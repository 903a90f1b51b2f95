"""Ages: of a pregnancy, corrected for birth before term, of a newborn in hours and weeks; growth percentiles."""

from collections.abc import Iterator
from datetime import date, datetime

from app.fhir.citation import ComputedInput, ComputedValue
from app.fhir.dates import as_date
from app.tools.calculators import body, needs
from app.tools.calculators.inputs import Inputs, readings_of
from app.tools.calculators.model import Calculator, Outcome

BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
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
        key="growth_percentile", name="Growth percentile", unit="", compute=_growth,
        rule="LMS method.", source="CDC 2000 and WHO 2006 growth references",
    ),
)  # fmt: skip
