"""Kidney: estimated GFR, creatinine clearance, ideal body weight, and the creatinine criteria of acute kidney injury."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

SHORT, WEEK, YEAR = timedelta(hours=48), timedelta(days=7), timedelta(days=365)


def egfr_ckd_epi_2021(*, creatinine_mg_dl: float, age_years: float, female: bool) -> float:
    """Return eGFR in mL/min/1.73 m², from 18 years; no race.

    Source: Inker et al., N Engl J Med 2021;385:1737-1749, creatinine equation.
    """
    kappa, alpha, factor = (0.7, -0.241, 1.012) if female else (0.9, -0.302, 1.0)
    ratio = creatinine_mg_dl / kappa
    low, high = min(ratio, 1.0), max(ratio, 1.0)
    return float(142 * low**alpha * high**-1.200 * 0.9938**age_years * factor)


def creatinine_clearance(
    *, creatinine_mg_dl: float, age_years: float, weight_kg: float, female: bool
) -> float:
    """Return creatinine clearance in mL/min with the weight that is given.

    Source: Cockcroft and Gault, Nephron 1976;16:31-41.
    """
    value = (140 - age_years) * weight_kg / (72 * creatinine_mg_dl)
    return value * 0.85 if female else value


def ideal_body_weight_kg(*, height_cm: float, female: bool) -> float:
    """Return ideal body weight in kg, from 60 inches (152.4 cm) of height.

    Source: Devine, Drug Intell Clin Pharm 1974;8:650-655.
    """
    return (45.5 if female else 50.0) + 2.3 * (height_cm / 2.54 - 60)


@dataclass(frozen=True, kw_only=True)
class Creatinine:
    """One result in mg/dL with its moment."""

    at: datetime
    mg_dl: float


@dataclass(frozen=True, kw_only=True)
class Aki:
    """The stage by creatinine, 0 for none; `baseline_mg_dl` and how it was taken; the rise in 48 hours, if known.

    `within_week`: a result of the 7 days before shows that the rise to 1.5 times happened in them.
    """

    stage: int
    baseline_mg_dl: float
    baseline: str
    ratio: float
    rise_mg_dl: float | None
    within_week: bool


BASELINE_YEAR = "median of the results from 365 to 8 days before"
BASELINE_WEEK = "lowest result of the 7 days before, because none is older"


def aki_stage(results: Sequence[Creatinine]) -> Aki | None:
    """Return the stage of the newest result by the creatinine criteria; None where no earlier result of a year exists.

    Stage 1: 1.5 to 1.9 times the baseline, or a rise of at least 0.3 mg/dL within 48 hours. Stage 2: 2.0 to 2.9
    times. Stage 3: at least 3.0 times, or at least 4.0 mg/dL with one of the criteria of stage 1. Urine output and
    renal replacement are not looked at. The baseline rule is that of the NHS England algorithm of 2014, and is said.

    Source: KDIGO Clinical Practice Guideline for Acute Kidney Injury, Kidney Int Suppl 2012;2:1-138, section 2.1.
    """
    ordered = sorted(results, key=lambda r: r.at)
    newest, before = ordered[-1], ordered[:-1]
    before = [r for r in before if newest.at - r.at <= YEAR]
    if not before:
        return None
    week = [r.mg_dl for r in before if newest.at - r.at <= WEEK]
    older = [r.mg_dl for r in before if newest.at - r.at > WEEK]
    baseline = median(older) if older else min(week)
    ratio = round(newest.mg_dl / baseline, 4)
    short = [r.mg_dl for r in before if newest.at - r.at <= SHORT]
    rise = round(newest.mg_dl - min(short), 4) if short else None
    risen = rise is not None and rise >= 0.3
    return Aki(
        stage=_stage(newest.mg_dl, ratio, risen=risen),
        baseline_mg_dl=baseline,
        baseline=BASELINE_YEAR if older else BASELINE_WEEK,
        ratio=ratio,
        rise_mg_dl=rise,
        within_week=bool(week) and newest.mg_dl / min(week) >= 1.5,
    )


def _stage(newest_mg_dl: float, ratio: float, *, risen: bool) -> int:
    met = risen or ratio >= 1.5
    if ratio >= 3 or (met and newest_mg_dl >= 4):
        return 3
    return 2 if ratio >= 2 else int(met)
