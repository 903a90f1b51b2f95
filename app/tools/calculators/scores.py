"""Scores over problems, orders and observations: CHA2DS2-VASc, HAS-BLED, CURB-65, qSOFA, NEWS2, PREVENT."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from app.fhir.citation import ComputedInput, ComputedValue
from app.fhir.values import codes
from app.tools.calculators import heart, needs, points
from app.tools.calculators.conditions import recorded
from app.tools.calculators.inputs import GRIDS, Inputs, Measured, of_classes, readings_of
from app.tools.calculators.model import Calculator, Outcome, rounded
from app.tools.calculators.model import points as outcome

ADULT = 18
NOT_RECORDED = "A problem that is not recorded counts 0."
PRESSURE_CLASSES = (
    "ACE inhibitors", "angiotensin receptor blockers", "beta blockers", "calcium channel blockers",
    "potassium-sparing diuretics", "other diuretics",
)  # fmt: skip
BLEEDING_CLASSES = ("antiplatelets", "NSAIDs")
# Smoking status (SNOMED CT), US Core value set.
TOBACCO = "72166-2"
SMOKES = frozenset(
    ("449868002", "428041000124106", "77176002", "428071000124103", "428061000124105")
)
SMOKES_NOT = frozenset(("8517006", "266919005", "8392000", "266927001"))
ONE_SET, ONE_DAY = timedelta(minutes=30), timedelta(hours=24)
MOST_SENT = 8


def _vasc(ask: Inputs) -> Outcome | None:
    age, female = ask.age(ADULT), ask.female()
    has = {
        name: ask.has(name)
        for name in ("heart failure", "hypertension", "diabetes", "stroke", "vascular disease")
    }
    if age is None or female is None:
        return None
    notes = [NOT_RECORDED]
    if not has["vascular disease"] and recorded(ask.chart.tables["P"], "coronary artery disease"):
        notes.append(
            "Coronary artery disease is recorded; the rule counts it only with myocardial infarction."
        )
    score = points.cha2ds2_vasc(age_years=age, female=female, has=has)
    # What is missing of a score is an unknown item, not a reason to give none.
    return outcome(score, tuple(notes))


def _bled(ask: Inputs) -> Outcome | None:
    age = ask.age(ADULT)
    systolic = ask.number(needs.SYSTOLIC, optional=True)
    creatinine = ask.number(needs.CREATININE, optional=True)
    dialysis = ask.has("dialysis or kidney transplant")
    warfarin = ask.orders("warfarin", lambda drug: "warfarin" in drug.casefold())
    has = {
        "uncontrolled hypertension": None if systolic is None else systolic > 160,
        "abnormal kidney function": _either(
            dialysis, None if creatinine is None else creatinine >= 2.26
        ),
        "abnormal liver function": ask.has("cirrhosis"),
        "stroke": ask.has("stroke"),
        "bleeding": ask.has("bleeding or anemia"),
        "labile INR": False if warfarin is False else _told(ask, "labile INR"),
        "antiplatelet or NSAID": ask.orders("antiplatelet or NSAID", of_classes(*BLEEDING_CLASSES)),
        "alcohol": _told(ask, "alcohol"),
        "older than 65": None if age is None else age > 65,
    }
    if age is None:
        return None
    notes = (
        NOT_RECORDED,
        "Liver: cirrhosis only, enzymes are not judged. Alcohol (8 drinks a week) is asked for.",
    )
    return outcome(points.has_bled(has), notes)


def _told(ask: Inputs, name: str) -> bool | None:
    return ask.told(name)


def _either(one: bool | None, other: bool | None) -> bool | None:
    """Return yes if one is, no if both are not, else not known."""
    if one or other:
        return True
    return None if None in (one, other) else False


def _curb(ask: Inputs) -> Outcome | None:
    age = ask.age(ADULT)
    score = points.curb_65(
        confusion=_told(ask, "confusion"),
        urea_nitrogen_mg_dl=ask.number(needs.UREA_NITROGEN),
        breaths_per_min=ask.number(needs.BREATHS),
        systolic_mmhg=ask.number(needs.SYSTOLIC),
        diastolic_mmhg=ask.number(needs.DIASTOLIC),
        age_years=age or 0,
    )
    return None if age is None else outcome(score)


def _qsofa(ask: Inputs) -> Outcome | None:
    age = ask.age(ADULT)
    score = points.qsofa(
        breaths_per_min=ask.number(needs.BREATHS),
        systolic_mmhg=ask.number(needs.SYSTOLIC),
        altered_mentation=_told(ask, "altered mentation"),
    )
    return None if age is None else outcome(score)


# ---------------------------------------------------------------- NEWS2


NEWS_NEEDS = {
    "breaths_per_min": needs.BREATHS, "saturation_percent": needs.SATURATION, "systolic_mmhg": needs.SYSTOLIC,
    "pulse_per_min": needs.PULSE, "temperature_cel": needs.TEMPERATURE,
}  # fmt: skip


def _news(ask: Inputs) -> Outcome | None:
    if ask.age(16) is None:
        return None
    series = {name: _timed(ask.series(need)) for name, need in NEWS_NEEDS.items()}
    flows, awake = _timed(ask.series(needs.OXYGEN_FLOW)), _responses(ask)
    anchors = series["breaths_per_min"]
    if not anchors:
        ask.lacks("a set of vital signs with a respiratory rate and a time")
        return None
    newest = _at(anchors[0])
    sets = [m for m in anchors if newest - _at(m) <= ONE_DAY]
    scores = [(m, *_set_score(ask, _at(m), series, (flows, awake))) for m in sets]
    _, score, used = scores[0]
    ask.used += [m.used for m in used]
    sent = _sent_totals(ask, newest)
    ask.used += sent
    for item in score.items:
        if item.points is None:
            ask.lacks(f"{item.name} at the newest set")
    earlier = tuple(
        ComputedValue(
            name=f"NEWS2 {ask.chart.print_date(m.used.moment, time=True)}",
            value=_total(s),
            unit="points",
        )
        for m, s, _ in scores[1:12]
    )
    differ = [i for i in sent if i.moment == anchors[0].used.moment and i.text != str(score.total)]
    note = (
        f"Trend: {len(scores)} set{'s' if len(scores) != 1 else ''} in the 24 hours before the newest, "
        f"{ask.chart.print_date(anchors[0].used.moment, time=True)}."
    )
    scale = "SpO2 scale 1; scale 2 is for a target of 88 to 92 %, which a clinician sets."
    apart = (
        ("The EHR's own total of the newest set differs from the one computed here.",)
        if differ
        else ()
    )
    whole = next((m for m, s, _ in scores if not s.at_least), None)
    full = (
        f"Last full set: {ask.chart.print_date(whole.used.moment, time=True)}."
        if whole
        else "No full set in that time."
    )
    found = outcome(score, (note, full, scale, *apart))
    return Outcome(value=found.value, also=earlier, notes=found.notes, at_least=found.at_least)


def _total(score: points.Score) -> str:
    return f"{score.total}{' or more' if score.at_least else ''}"


def _timed(found: Iterable[Measured]) -> list[Measured]:
    """Leave out what has no time of day: it belongs to no set."""
    return [m for m in found if len(m.used.moment) > len("2026-01-01")]


def _at(measured: Measured) -> datetime:
    return datetime.fromisoformat(measured.used.moment)


def _set_score(
    ask: Inputs,
    moment: datetime,
    series: dict[str, list[Measured]],
    besides: tuple[list[Measured], list[Measured]],
) -> tuple[points.Score, list[Measured]]:
    """Return the score of one moment, from the values nearest to it and within half an hour.

    `besides` are the oxygen flows and the levels of response (1: alert, 0: another level).
    """
    flows, awake = besides
    near = {name: _nearest(found, moment) for name, found in series.items()}
    flow, response = _nearest(flows, moment), _nearest(awake, moment)
    typed = {name: ask.entered[name].yes for name in ("oxygen", "alert") if name in ask.entered}
    seen = points.Observations(
        breaths_per_min=_value(near["breaths_per_min"]),
        saturation_percent=_value(near["saturation_percent"]),
        systolic_mmhg=_value(near["systolic_mmhg"]),
        pulse_per_min=_value(near["pulse_per_min"]),
        temperature_cel=_value(near["temperature_cel"]),
        oxygen=flow.value > 0 if flow else typed.get("oxygen"),
        alert=response.value > 0 if response else typed.get("alert"),
    )
    used = [m for m in (*near.values(), flow, response) if m]
    return points.news_2(seen), used


# Level of responsiveness, level of consciousness (LOINC), as a word of AVPU or ACVPU.
RESPONSE = ("67775-7", "80288-4")
ALERT = re.compile(r"^(?:a|alert)\b", re.IGNORECASE)
NOT_ALERT = re.compile(
    r"\b(?:confus\w*|verbal|voice|pain|unresponsive|drowsy|delirious|[cvpu])\b", re.IGNORECASE
)


def _responses(ask: Inputs) -> list[Measured]:
    """Return each recorded level of response with a time: 1 for alert, 0 for another level; other words are no level."""
    ask.read("vitals", "other")
    found = []
    for handle, reading, _ in readings_of(ask.chart, RESPONSE):
        alert = bool(ALERT.search(reading.text))
        if alert or NOT_ALERT.search(reading.text):
            used = ask.observed("Level of response", handle, reading, reading.moment)
            found.append(Measured(value=float(alert), used=used))
    return _timed(found)


NEWS_NAME = re.compile(r"\b(?:NEWS ?2|national early warning score 2)\b", re.IGNORECASE)


def _sent_totals(ask: Inputs, newest: datetime) -> list[ComputedInput]:
    """Return the NEWS2 totals that the EHR sent in the day before the newest set, newest first."""
    ask.read("vitals", "other")
    found = []
    for prefix in GRIDS:
        grid = ask.chart.grids[prefix]
        for row in (r for r in grid.rows if NEWS_NAME.search(r.name)):
            for place, cell in row.cells.items():
                moment = grid.moment(place)
                timed = len(moment) > len("2026-01-01")
                if timed and abs(newest - datetime.fromisoformat(moment)) <= ONE_DAY:
                    found.append(
                        ask.observed(
                            "NEWS2 total sent by the EHR", row.handle + place, cell[0], moment
                        )
                    )
    return sorted(found, key=lambda i: i.moment, reverse=True)[:MOST_SENT]


def _value(measured: Measured | None) -> float | None:
    return measured.value if measured else None


def _nearest(found: Iterable[Measured], moment: datetime) -> Measured | None:
    close = [m for m in found if abs(_at(m) - moment) <= ONE_SET]
    return min(close, key=lambda m: abs(_at(m) - moment), default=None)


# ---------------------------------------------------------------- PREVENT


def _prevent(ask: Inputs) -> Outcome | None:
    age, female = ask.age(30, 79), ask.female()
    cholesterol, hdl = ask.number(needs.CHOLESTEROL), ask.number(needs.HDL)
    systolic, egfr = ask.number(needs.SYSTOLIC), ask.number(needs.EGFR)
    diabetes, smoking = ask.has("diabetes"), _smoking(ask)
    medicine = ask.orders("blood pressure medicine", of_classes(*PRESSURE_CLASSES))
    statin = ask.orders("statin", of_classes("statins"))
    weight = ask.number(needs.WEIGHT, optional=True)
    height = ask.number(needs.HEIGHT, optional=True)
    _no_disease(ask)
    for name, value, low, high in (
        ("total cholesterol", cholesterol, 130, 320), ("HDL cholesterol", hdl, 20, 100), ("systolic blood pressure", systolic, 90, 200),
        ("eGFR", egfr, 15, 140),
    ):  # fmt: skip
        if value is not None and not low <= value <= high:
            ask.lacks(f"a value of {name} that this rule is made for ({low} to {high})")
    if ask.missing or age is None or female is None or cholesterol is None or hdl is None:
        return None
    if systolic is None or egfr is None or diabetes is None or smoking is None:
        return None
    given = heart.Prevent(
        age_years=age, female=female, cholesterol_mg_dl=cholesterol, hdl_mg_dl=hdl, systolic_mmhg=systolic, egfr=egfr,
        diabetes=diabetes, smoking=smoking, pressure_medicine=bool(medicine), statin=bool(statin),
        bmi=weight / (height / 100) ** 2 if weight and height else None,
    )  # fmt: skip
    return _risks(given)


def _risks(given: heart.Prevent) -> Outcome:
    outcomes = [("ASCVD", heart.ASCVD)]
    notes = [
        "Base model. Race is no input. The Pooled Cohort Equations use race and are not offered."
    ]
    if given.bmi is not None and 18.5 <= given.bmi < 40:
        outcomes.append(("Heart failure", heart.HEART_FAILURE))
    else:
        notes.append(
            "Heart failure: not computed, because a BMI from 18.5 to below 40 is not recorded."
        )
    also = tuple(
        ComputedValue(
            name=f"{word}, 10 years", value=rounded(heart.prevent_10_year(key, given), 1), unit="%"
        )
        for word, key in outcomes
    )
    value = rounded(heart.prevent_10_year(heart.CVD, given), 1)
    return Outcome(value=value, also=also, notes=tuple(notes))


def _no_disease(ask: Inputs) -> None:
    """Name a recorded cardiovascular disease: the equations were made for people without one."""
    for name in ("coronary artery disease", "vascular disease", "stroke", "heart failure"):
        found = recorded(ask.chart.tables["P"], name)
        if found:
            ask.lacks(
                f"a chart without cardiovascular disease ({found[0].text('problem')} is recorded, {found[0].handle})"
            )


def _smoking(ask: Inputs) -> bool | None:
    """Return the newest smoking status that is coded as smoking or not."""
    if "smoking" in ask.entered:
        return ask.told("smoking")
    ask.read("other", "vitals")
    grids = [(ask.chart.grids[p], row) for p in GRIDS for row in ask.chart.grids[p].rows]
    found = [
        (grid.moment(place), row.handle + place, reading)
        for grid, row in grids if row.code == TOBACCO for place, cell in row.cells.items() for reading in cell[:1]
    ]  # fmt: skip
    for moment, handle, reading in sorted(found, key=lambda x: x[0], reverse=True):
        sent = codes(
            ask.chart.resources.get(reading.evidence[0].reference, {}).get("valueCodeableConcept")
        )
        if sent & (SMOKES | SMOKES_NOT):
            ask.used.append(ask.observed("Smoking", handle, reading, moment))
            return bool(sent & SMOKES)
    ask.lacks(f"smoking status ({ask.why_none('other', 'vitals')})")
    return None


SCORES = (
    Calculator(
        key="cha2ds2_vasc", name="CHA2DS2-VASc", unit="points", compute=_vasc,
        rule="Heart failure 1, hypertension 1, age 75 or more 2, diabetes 1, stroke 2, vascular disease 1, age 65 to 74 1, female 1. Sex is an input.",
        source="Lip et al., Chest 2010;137:263",
    ),
    Calculator(
        key="has_bled", name="HAS-BLED", unit="points", compute=_bled,
        rule="One point each: systolic above 160, kidney, liver, stroke, bleeding, labile INR, older than 65, antiplatelet or NSAID, alcohol.",
        source="Pisters et al., Chest 2010;138:1093",
    ),
    Calculator(
        key="curb65", name="CURB-65", unit="points", compute=_curb,
        rule="One point each: confusion, urea nitrogen above 19 mg/dL, 30 breaths/min, systolic below 90 or diastolic to 60, age 65.",
        source="Lim et al., Thorax 2003;58:377",
    ),
    Calculator(
        key="qsofa", name="qSOFA", unit="points", compute=_qsofa,
        rule="One point each: 22 breaths/min or more, systolic 100 or less, altered mentation.", source="Singer et al., JAMA 2016;315:801",
    ),
    Calculator(
        key="news2", name="NEWS2", unit="points", compute=_news, over_time=True,
        rule="Bands of the chart for seven observations, of one set: within 30 minutes of a respiratory rate; from 16 years.", source="Royal College of Physicians, NEWS2, 2017",
    ),
    Calculator(
        key="prevent", name="PREVENT total CVD risk, 10 years", unit="%", compute=_prevent,
        rule="Base model, one decimal place, 30 to 79 years without cardiovascular disease. Sex is an input.", source="Khan et al., Circulation 2024;149:430",
    ),
)  # fmt: skip
