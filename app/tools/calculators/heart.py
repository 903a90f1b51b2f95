"""Heart: PREVENT 10-year risks (base model), QT correction.

The Pooled Cohort Equations are not here: they take race.
"""

from dataclasses import dataclass
from math import exp

MMOL = 0.02586  # mmol/L of cholesterol for 1 mg/dL, as PREVENT converts

# Base model, 10 years. Order: constant, age, non-HDL, HDL, SBP below 110, SBP from 110, diabetes, smoking, eGFR below 60,
# eGFR from 60, blood pressure medicine, statin, medicine x SBP, statin x non-HDL, age x non-HDL, age x HDL, age x SBP,
# age x diabetes, age x smoking, age x eGFR, BMI below 30, BMI from 30, age x BMI.
# Source: Khan et al., Circulation 2024;149:430-449, supplemental tables S12A to S12J (base 10-year).
CVD, ASCVD, HEART_FAILURE = "cvd", "ascvd", "heart failure"
COEFFICIENTS: dict[tuple[str, bool], tuple[float, ...]] = {
    (CVD, True): (
        -3.307728, 0.7939329, 0.0305239, -0.1606857, -0.2394003, 0.3600781, 0.8667604, 0.5360739, 0.6045917, 0.0433769,
        0.3151672, -0.1477655, -0.0663612, 0.1197879, -0.0819715, 0.0306769, -0.0946348, -0.27057, -0.078715, -0.1637806,
        0, 0, 0,
    ),
    (ASCVD, True): (
        -3.819975, 0.719883, 0.1176967, -0.151185, -0.0835358, 0.3592852, 0.8348585, 0.4831078, 0.4864619, 0.0397779,
        0.2265309, -0.0592374, -0.0395762, 0.0844423, -0.0567839, 0.0325692, -0.1035985, -0.2417542, -0.0791142, -0.1671492,
        0, 0, 0,
    ),
    (HEART_FAILURE, True): (
        -4.310409, 0.8998235, 0, 0, -0.4559771, 0.3576505, 1.038346, 0.583916, 0.7451638, 0.0557087, 0.3534442, 0,
        -0.0981511, 0, 0, 0, -0.0946663, -0.3581041, -0.1159453, -0.1884289, -0.0072294, 0.2997706, -0.003878,
    ),
    (CVD, False): (
        -3.031168, 0.7688528, 0.0736174, -0.0954431, -0.4347345, 0.3362658, 0.7692857, 0.4386871, 0.5378979, 0.0164827,
        0.288879, -0.1337349, -0.0475924, 0.150273, -0.0517874, 0.0191169, -0.1049477, -0.2251948, -0.0895067, -0.1543702,
        0, 0, 0,
    ),
    (ASCVD, False): (
        -3.500655, 0.7099847, 0.1658663, -0.1144285, -0.2837212, 0.3239977, 0.7189597, 0.3956973, 0.3690075, 0.0203619,
        0.2036522, -0.0865581, -0.0322916, 0.114563, -0.0300005, 0.0232747, -0.0927024, -0.2018525, -0.0970527, -0.1217081,
        0, 0, 0,
    ),
    (HEART_FAILURE, False): (
        -3.946391, 0.8972642, 0, 0, -0.6811466, 0.3634461, 0.923776, 0.5023736, 0.6926917, 0.0251827, 0.2980922, 0,
        -0.0497731, 0, 0, 0, -0.1289201, -0.3040924, -0.1401688, -0.1797778, -0.0485841, 0.3726929, 0.0068126,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Prevent:
    """The inputs of the base model; cholesterol in mg/dL, eGFR in mL/min/1.73 m², BMI only for heart failure."""

    age_years: float
    female: bool
    cholesterol_mg_dl: float
    hdl_mg_dl: float
    systolic_mmhg: float
    egfr: float
    diabetes: bool
    smoking: bool
    pressure_medicine: bool
    statin: bool
    bmi: float | None = None


def prevent_10_year(outcome: str, given: Prevent) -> float:
    """Return the risk in percent of one outcome: CVD, ASCVD or HEART_FAILURE (needs the BMI). Ages 30 to 79."""
    terms = _terms(given)
    log_odds = sum(a * b for a, b in zip(COEFFICIENTS[outcome, given.female], terms, strict=True))
    return 100 * exp(log_odds) / (1 + exp(log_odds))


def _terms(p: Prevent) -> tuple[float, ...]:
    age = (p.age_years - 55) / 10
    other = (p.cholesterol_mg_dl - p.hdl_mg_dl) * MMOL - 3.5
    hdl = (p.hdl_mg_dl * MMOL - 1.3) / 0.3
    low, high = (min(p.systolic_mmhg, 110) - 110) / 20, (max(p.systolic_mmhg, 110) - 130) / 20
    kidney_low, kidney_high = (min(p.egfr, 60) - 60) / -15, (max(p.egfr, 60) - 90) / -15
    bmi = 25 if p.bmi is None else p.bmi
    thin, wide = (min(bmi, 30) - 25) / 5, (max(bmi, 30) - 30) / 5
    return (
        1, age, other, hdl, low, high, p.diabetes, p.smoking, kidney_low, kidney_high, p.pressure_medicine, p.statin,
        p.pressure_medicine * high, p.statin * other, age * other, age * hdl, age * high, age * p.diabetes,
        age * p.smoking, age * kidney_low, thin, wide, age * wide,
    )  # fmt: skip


def qtc_bazett(*, qt_ms: float, rate_per_min: float) -> float:
    """Return ms. Source: Bazett, Heart 1920;7:353-370."""
    return float(qt_ms / (60 / rate_per_min) ** 0.5)


def qtc_fridericia(*, qt_ms: float, rate_per_min: float) -> float:
    """Return ms. Source: Fridericia, Acta Med Scand 1920;53:469-486."""
    return float(qt_ms / (60 / rate_per_min) ** (1 / 3))
