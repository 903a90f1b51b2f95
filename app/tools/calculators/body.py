"""Body size, pressure, ages of the newborn, and gestational ages."""

from datetime import date, datetime
from math import sqrt

PREGNANCY_DAYS = 280


def body_mass_index(*, weight_kg: float, height_cm: float) -> float:
    """Return kg/m². Source: WHO Technical Report Series 894, 2000."""
    return weight_kg / (height_cm / 100) ** 2


def body_surface_area(*, weight_kg: float, height_cm: float) -> float:
    """Return m² by Mosteller. Source: Mosteller, N Engl J Med 1987;317:1098."""
    return sqrt(weight_kg * height_cm / 3600)


def mean_arterial_pressure(*, systolic_mmhg: float, diastolic_mmhg: float) -> float:
    """Return mmHg, a third of the pulse pressure above the diastolic one.

    Source: Guyton and Hall, Textbook of Medical Physiology, circulation chapter (estimate from cuff readings).
    """
    return (systolic_mmhg + 2 * diastolic_mmhg) / 3


def gestational_age_days(*, due: date, today: date) -> int:
    """Return completed days of a pregnancy from its estimated due date.

    Source: ACOG Committee Opinion 700, 2017 (280 days to the estimated due date).
    """
    return PREGNANCY_DAYS - (due - today).days


def corrected_age_days(*, born: date, today: date, gestation_days: int) -> int:
    """Return the age less the days born before 40 weeks; negative before that day is reached.

    Source: AAP Committee on Fetus and Newborn, Pediatrics 2004;114:1362-1364. Used up to 3 years of age.
    """
    return (today - born).days - (PREGNANCY_DAYS - gestation_days)


def age_hours(*, born: datetime, now: datetime) -> int:
    """Return completed hours since birth; both moments are aware."""
    return int((now - born).total_seconds() // 3600)


def age_weeks(*, born: date, today: date) -> int:
    """Return completed weeks since birth."""
    return (today - born).days // 7
