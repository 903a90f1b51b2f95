"""Scores that add points: each item gives its points, or None where its input is not known.

A total with an unknown item is the least it can be, and is said as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of a score; `points` None: not known, so the total is a lower bound."""

    name: str
    points: int | None


@dataclass(frozen=True, kw_only=True)
class Score:
    """A total with its items; `at_least`: an item is not known."""

    total: int
    items: tuple[Item, ...]

    @property
    def at_least(self) -> bool:
        """Tell whether the total is only the least that it can be."""
        return any(item.points is None for item in self.items)


def score(items: Sequence[Item]) -> Score:
    """Add the points that are known."""
    return Score(total=sum(item.points or 0 for item in items), items=tuple(items))


def flagged(name: str, is_so: bool | None, points: int = 1) -> Item:
    """Return an item of yes or no."""
    return Item(name=name, points=None if is_so is None else points * is_so)


def cha2ds2_vasc(*, age_years: float, female: bool, has: Mapping[str, bool | None]) -> Score:
    """Return CHA2DS2-VASc, 0 to 9. `has`: heart failure, hypertension, diabetes, stroke, vascular disease.

    Source: Lip et al., Chest 2010;137:263-272.
    """
    return score([
        flagged("heart failure", has["heart failure"]),
        flagged("hypertension", has["hypertension"]),
        Item(name="age", points=2 if age_years >= 75 else int(age_years >= 65)),
        flagged("diabetes", has["diabetes"]),
        flagged("stroke, TIA or thromboembolism", has["stroke"], 2),
        flagged("vascular disease", has["vascular disease"]),
        flagged("female sex", female),
    ])  # fmt: skip


HAS_BLED = (
    "uncontrolled hypertension", "abnormal kidney function", "abnormal liver function", "stroke", "bleeding",
    "labile INR", "older than 65", "antiplatelet or NSAID", "alcohol",
)  # fmt: skip


def has_bled(has: Mapping[str, bool | None]) -> Score:
    """Return HAS-BLED, 0 to 9: one point for each name of `HAS_BLED`.

    Source: Pisters et al., Chest 2010;138:1093-1100.
    """
    return score([flagged(name, has[name]) for name in HAS_BLED])


def curb_65(
    *,
    confusion: bool | None,
    urea_nitrogen_mg_dl: float | None,
    breaths_per_min: float | None,
    systolic_mmhg: float | None,
    diastolic_mmhg: float | None,
    age_years: float,
) -> Score:
    """Return CURB-65, 0 to 5. Urea above 7 mmol/L is urea nitrogen above 19 mg/dL.

    Source: Lim et al., Thorax 2003;58:377-382.
    """
    return score([
        flagged("confusion", confusion),
        flagged("urea nitrogen above 19 mg/dL", _above(urea_nitrogen_mg_dl, 19, equal=False)),
        flagged("respiratory rate 30/min or more", _above(breaths_per_min, 30)),
        flagged("systolic below 90 or diastolic 60 mmHg or less", _low_pressure(systolic_mmhg, diastolic_mmhg)),
        flagged("age 65 or more", age_years >= 65),
    ])  # fmt: skip


def _low_pressure(systolic_mmhg: float | None, diastolic_mmhg: float | None) -> bool | None:
    if systolic_mmhg is None or diastolic_mmhg is None:
        return None
    return systolic_mmhg < 90 or diastolic_mmhg <= 60


def _above(value: float | None, limit: float, *, equal: bool = True) -> bool | None:
    if value is None:
        return None
    return value >= limit if equal else value > limit


def qsofa(
    *, breaths_per_min: float | None, systolic_mmhg: float | None, altered_mentation: bool | None
) -> Score:
    """Return qSOFA, 0 to 3. Source: Singer et al. (Sepsis-3), JAMA 2016;315:801-810."""
    return score([
        flagged("respiratory rate 22/min or more", _above(breaths_per_min, 22)),
        flagged("systolic 100 mmHg or less", None if systolic_mmhg is None else systolic_mmhg <= 100),
        flagged("altered mentation", altered_mentation),
    ])  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Observations:
    """One set of observations for NEWS2; None: not recorded. `scale_2`: oxygen target of 88 to 92 %, set by a clinician."""

    breaths_per_min: float | None = None
    saturation_percent: float | None = None
    oxygen: bool | None = None
    systolic_mmhg: float | None = None
    pulse_per_min: float | None = None
    alert: bool | None = None
    temperature_cel: float | None = None
    scale_2: bool = False


# Each band: the highest value in it, and its points; what is above the last band has the points behind it.
BANDS: dict[str, tuple[tuple[tuple[float, int], ...], int]] = {
    "breaths_per_min": (((8, 3), (11, 1), (20, 0), (24, 2)), 3),
    "saturation_percent": (((91, 3), (93, 2), (95, 1)), 0),
    "systolic_mmhg": (((90, 3), (100, 2), (110, 1), (219, 0)), 3),
    "pulse_per_min": (((40, 3), (50, 1), (90, 0), (110, 1), (130, 2)), 3),
    "temperature_cel": (((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)), 2),
}
NEWS2_NAMES = {
    "breaths_per_min": "respiratory rate", "saturation_percent": "oxygen saturation",
    "systolic_mmhg": "systolic blood pressure", "pulse_per_min": "pulse", "temperature_cel": "temperature",
}  # fmt: skip


def news_2(seen: Observations) -> Score:
    """Return NEWS2, 0 to 20, from 16 years and not in pregnancy.

    Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, chart 1.
    """
    items = [
        Item(name=name, points=_news_points(field, getattr(seen, field), seen))
        for field, name in NEWS2_NAMES.items()
    ]
    return score([
        *items,
        flagged("supplemental oxygen", seen.oxygen, 2),
        flagged("consciousness other than alert", None if seen.alert is None else not seen.alert, 3),
    ])  # fmt: skip


def _news_points(field: str, value: float | None, seen: Observations) -> int | None:
    if value is None:
        return None
    if field == "saturation_percent" and seen.scale_2:
        return _scale_2(value, oxygen=bool(seen.oxygen))
    bands, above = BANDS[field]
    return next((points for highest, points in bands if value <= highest), above)


def _scale_2(percent: float, *, oxygen: bool) -> int:
    low = next((points for highest, points in ((83, 3), (85, 2), (87, 1)) if percent <= highest), 0)
    if low or not oxygen or percent <= 92:
        return low
    return next((points for highest, points in ((94, 1), (96, 2)) if percent <= highest), 3)
