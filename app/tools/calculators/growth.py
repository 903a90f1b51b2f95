"""Growth percentiles from birth to 20 years by the CDC charts of 2000 (LMS method).

Below 2 years CDC and AAP advise the WHO standards, whose tables do not come with this application (their licence): what
is given there is the CDC's own reference of 2000 for infants, and the answer says so. The extended method of 2022 for a
BMI above the 95th percentile is not used: up there the numbers of 2000 are coarse.

Source: Kuczmarski et al., Vital Health Stat 11(246), 2002; Cole and Green, Stat Med 1992;11:1305-1319 (LMS)
"""

from bisect import bisect_right
from functools import cache
from importlib import resources
from statistics import NormalDist
from typing import Literal

Measure = Literal["weight", "length", "stature", "bmi"]
Lms = tuple[float, float, float]
DAYS_A_MONTH = 30.4375
# Below CHILD_MONTH children are measured lying down and the charts of infants hold.
FIRST_MONTH, CHILD_MONTH, LAST_MONTH = 0.0, 24.0, 239.5
FILES = ("cdc_2000.csv", "cdc_2000_infants.csv")


def z_score(measure: Measure, value: float, *, age_months: float, female: bool) -> float:
    """Return the z-score of weight (kg), length or stature (cm) or BMI (kg/m²); ages from FIRST_MONTH to LAST_MONTH.

    Length is of ages below CHILD_MONTH, stature and BMI from there on.
    """
    power, median, spread = _at(measure, age_months, female=female)
    # No table has an L of 0, where the formula would need its limit.
    return float(((value / median) ** power - 1) / (power * spread))


def percentile(z: float) -> float:
    """Return the percentile of a z-score."""
    return 100 * NormalDist().cdf(z)


def _at(measure: Measure, age_months: float, *, female: bool) -> Lms:
    """Interpolate L, M and S between the two months around an age, as the CDC's own program does."""
    months, values = _table(infants=age_months < CHILD_MONTH)[(2 if female else 1), measure]
    place = min(max(bisect_right(months, age_months) - 1, 0), len(months) - 2)
    share = (age_months - months[place]) / (months[place + 1] - months[place])
    low, high = values[place], values[place + 1]
    return (
        low[0] + share * (high[0] - low[0]),
        low[1] + share * (high[1] - low[1]),
        low[2] + share * (high[2] - low[2]),
    )


@cache
def _table(*, infants: bool) -> dict[tuple[int, str], tuple[list[float], list[Lms]]]:
    text = (resources.files("app.tools.calculators") / FILES[infants]).read_text("utf-8")
    lines = [line.split(",") for line in text.splitlines() if not line.startswith(("#", "sex"))]
    found: dict[tuple[int, str], tuple[list[float], list[Lms]]] = {}
    for sex, measure, month, *lms in lines:
        months, values = found.setdefault((int(sex), measure), ([], []))
        months.append(float(month))
        values.append((float(lms[0]), float(lms[1]), float(lms[2])))
    return found
