"""Medicines: morphine equivalents, dose by weight, days of therapy, time in therapeutic range."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

# mg of morphine for 1 mg; transdermal fentanyl for 1 mcg/h. Buprenorphine has no factor in the guideline.
# Source: CDC Clinical Practice Guideline for Prescribing Opioids for Pain, MMWR Recomm Rep 2022;71(RR-3), table.
MME_FACTORS: Mapping[str, float] = {
    "codeine": 0.15, "hydrocodone": 1.0, "hydromorphone": 5.0, "methadone": 4.7, "morphine": 1.0, "oxycodone": 1.5,
    "oxymorphone": 3.0, "tapentadol": 0.4, "tramadol": 0.2,
}  # fmt: skip
FENTANYL_PATCH = 2.4
# An interval longer than this is not interpolated. Source: CMS/NQF measure 0555 (56 days), as the LOINC term 72281-9 says.
LONGEST_GAP_DAYS = 56


def morphine_equivalents(*, opioid: str, mg_per_day: float) -> float:
    """Return MME per day of an oral opioid of the table; raises KeyError for any other."""
    return MME_FACTORS[opioid] * mg_per_day


def dose_by_weight(*, mg_per_day: float, weight_kg: float) -> float:
    """Return mg/kg/day: arithmetic only, no dose is judged."""
    return mg_per_day / weight_kg


@dataclass(frozen=True, kw_only=True)
class Therapy:
    """Days on which a medicine was given: how many, the first, the last, and the day number of `today` if given then."""

    days: int
    first: date
    last: date


def days_of_therapy(given: Iterable[date]) -> Therapy | None:
    """Count calendar days with at least one dose given; None where none was.

    Source: CDC NHSN Antimicrobial Use and Resistance Module (antimicrobial days).
    """
    days = sorted(set(given))
    return Therapy(days=len(days), first=days[0], last=days[-1]) if days else None


@dataclass(frozen=True, kw_only=True)
class InRange:
    """Time in range: percent of the days that could be interpolated, how many days, how many gaps were too long."""

    percent: float
    days: int
    gaps: int


def time_in_range(
    results: Sequence[tuple[date, float]], *, low: float = 2.0, high: float = 3.0
) -> InRange | None:
    """Return time in therapeutic range of INRs by linear interpolation; None with fewer than two usable results.

    Each day from one result to the day before the next has the interpolated value.

    Source: Rosendaal et al., Thromb Haemost 1993;69:236-239.
    """
    ordered = sorted(dict(results).items())
    inside = days = gaps = 0
    for (start, one), (end, two) in pairwise(ordered):
        length = (end - start).days
        if length > LONGEST_GAP_DAYS:
            gaps += 1
            continue
        values = [one + (two - one) * step / length for step in range(1, length + 1)]
        days += length
        inside += sum(low <= round(value, 6) <= high for value in values)
    return InRange(percent=100 * inside / days, days=days, gaps=gaps) if days else None
