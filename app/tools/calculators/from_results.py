"""Calculators over measured values: kidney, chemistry, liver, blood count, body, pressure and QT."""

from datetime import UTC, datetime

from app.fhir.citation import ComputedValue
from app.fhir.dates import add_days
from app.tools.calculators import body, chemistry, heart, kidney, needs
from app.tools.calculators.inputs import Inputs
from app.tools.calculators.model import Calculator, Outcome, rounded

ADULT = 18
TALL_ENOUGH_CM = 152.4
PER_SEX = "Sex is an input of this rule."


def _egfr(ask: Inputs) -> Outcome | None:
    creatinine, age, female = ask.number(needs.CREATININE), ask.age(ADULT), ask.female()
    if creatinine is None or age is None or female is None:
        return None
    value = kidney.egfr_ckd_epi_2021(creatinine_mg_dl=creatinine, age_years=age, female=female)
    return Outcome(
        value=rounded(value), notes=("For steady creatinine; not in acute kidney injury.",)
    )


def _clearance(ask: Inputs) -> Outcome | None:
    creatinine, weight = ask.number(needs.CREATININE), ask.number(needs.WEIGHT)
    age, female = ask.age(ADULT), ask.female()
    height = ask.number(needs.HEIGHT, optional=True)
    if creatinine is None or weight is None or age is None or female is None:
        return None

    def at(kg: float) -> str:
        return rounded(
            kidney.creatinine_clearance(
                creatinine_mg_dl=creatinine, age_years=age, weight_kg=kg, female=female
            )
        )

    also: tuple[ComputedValue, ...] = ()
    if height and height >= TALL_ENOUGH_CM:
        ideal = kidney.ideal_body_weight_kg(height_cm=height, female=female)
        adjusted = ideal + 0.4 * (weight - ideal)
        named = [("ideal", ideal), *([("adjusted", adjusted)] if weight > ideal else [])]
        also = tuple(
            ComputedValue(
                name=f"With {word} body weight ({rounded(kg, 1)} kg)", value=at(kg), unit="mL/min"
            )
            for word, kg in named
        )
    notes = ("For steady creatinine; not in acute kidney injury.",)
    return Outcome(value=at(weight), also=also, notes=notes)


def _injury(ask: Inputs) -> Outcome | None:
    found = ask.series(needs.CREATININE, since=add_days(ask.today, -800))
    if not found:
        ask.lacks(f"creatinine ({ask.why_none(needs.CREATININE.section)})")
        return None
    results = [
        kidney.Creatinine(at=at, mg_dl=m.value)
        for m in found
        if (at := _moment(m.used.moment, ask)) is not None
    ]
    stage = kidney.aki_stage(results) if results else None
    ask.used += [m.used for m in found[:8]]
    if stage is None:
        ask.lacks("an earlier creatinine of the year before the newest, as a baseline")
        return None
    notes = [f"Baseline: {stage.baseline}."]
    if stage.stage and not stage.within_week and (stage.rise_mg_dl or 0) < 0.3:
        notes.append(
            "No result shows whether the rise happened within 7 days, which the definition asks for."
        )
    also = [
        ComputedValue(
            name="Baseline creatinine", value=rounded(stage.baseline_mg_dl, 2), unit="mg/dL"
        ),
        ComputedValue(name="Newest over baseline", value=rounded(stage.ratio, 2)),
    ]
    if stage.rise_mg_dl is not None:
        also.append(
            ComputedValue(
                name="Rise within 48 hours", value=rounded(stage.rise_mg_dl, 2), unit="mg/dL"
            )
        )
    notes.append(
        "Urine output and renal replacement are not read here and could make the stage higher."
    )
    if stage.stage == 0:
        notes.append("0: no stage is met by creatinine.")
    return Outcome(value=str(stage.stage), also=tuple(also), notes=tuple(notes))


def _moment(iso: str, ask: Inputs) -> datetime | None:
    """Return the moment of a result in UTC, so that hours between two are hours; a day counts from its midnight."""
    try:
        return datetime.fromisoformat(iso).replace(tzinfo=ask.chart.zone).astimezone(UTC)
    except ValueError:
        return None


def _bmi(ask: Inputs) -> Outcome | None:
    weight, height = ask.number(needs.WEIGHT), ask.number(needs.HEIGHT)
    if weight is None or height is None:
        return None
    return Outcome(value=rounded(body.body_mass_index(weight_kg=weight, height_cm=height), 1))


def _bsa(ask: Inputs) -> Outcome | None:
    weight, height = ask.number(needs.WEIGHT), ask.number(needs.HEIGHT)
    if weight is None or height is None:
        return None
    return Outcome(value=rounded(body.body_surface_area(weight_kg=weight, height_cm=height), 2))


def _calcium(ask: Inputs) -> Outcome | None:
    calcium, albumin = ask.number(needs.CALCIUM), ask.number(needs.ALBUMIN)
    if calcium is None or albumin is None:
        return None
    value = chemistry.corrected_calcium(calcium_mg_dl=calcium, albumin_g_dl=albumin)
    return Outcome(
        value=rounded(value, 1), notes=("An estimate; ionized calcium is a measurement.",)
    )


def _sodium(ask: Inputs) -> Outcome | None:
    sodium, glucose = ask.number(needs.SODIUM), ask.number(needs.GLUCOSE)
    if sodium is None or glucose is None:
        return None
    katz = chemistry.corrected_sodium(sodium_mmol_l=sodium, glucose_mg_dl=glucose)
    hillier = chemistry.corrected_sodium(sodium_mmol_l=sodium, glucose_mg_dl=glucose, per_100=2.4)
    also = ComputedValue(
        name="With 2.4 per 100 mg/dL (Hillier 1999)", value=rounded(hillier), unit="mmol/L"
    )
    return Outcome(value=rounded(katz), also=(also,))


def _gap(ask: Inputs) -> Outcome | None:
    sodium, chloride = ask.number(needs.SODIUM), ask.number(needs.CHLORIDE)
    bicarbonate = ask.number(needs.BICARBONATE)
    albumin = ask.number(needs.ALBUMIN, optional=True)
    if sodium is None or chloride is None or bicarbonate is None:
        return None
    gap = chemistry.anion_gap(
        sodium_mmol_l=sodium, chloride_mmol_l=chloride, bicarbonate_mmol_l=bicarbonate
    )
    also: tuple[ComputedValue, ...] = ()
    if albumin is not None:
        corrected = chemistry.albumin_corrected_gap(gap_mmol_l=gap, albumin_g_dl=albumin)
        also = (
            ComputedValue(
                name="Corrected for albumin (Figge 1998)", value=rounded(corrected), unit="mmol/L"
            ),
        )
    return Outcome(value=rounded(gap), also=also)


def _meld(ask: Inputs) -> Outcome | None:
    age, female = ask.age(12), ask.female()
    bilirubin, inr = ask.number(needs.BILIRUBIN), ask.number(needs.INR)
    creatinine, sodium = ask.number(needs.CREATININE), ask.number(needs.SODIUM)
    albumin = ask.number(needs.ALBUMIN)
    if age is None or female is None or albumin is None:
        return None
    if bilirubin is None or inr is None or creatinine is None or sodium is None:
        return None
    dialysis = ask.told("dialysis") if "dialysis" in ask.entered else None
    value = chemistry.meld_3(
        bilirubin_mg_dl=bilirubin, inr=inr, creatinine_mg_dl=creatinine, sodium_mmol_l=sodium, albumin_g_dl=albumin,
        female=female or age < ADULT, dialysis=bool(dialysis),
    )  # fmt: skip
    note = "Dialysis twice in the past week is not read here; it would count creatinine as 3.0."
    return Outcome(value=str(value), notes=() if dialysis is not None else (note,))


def _fib4(ask: Inputs) -> Outcome | None:
    age, ast, alt = ask.age(ADULT), ask.number(needs.AST), ask.number(needs.ALT)
    platelets = ask.number(needs.PLATELETS)
    if age is None or ast is None or alt is None or platelets is None:
        return None
    value = chemistry.fib_4(age_years=age, ast_u_l=ast, alt_u_l=alt, platelets_10_9_l=platelets)
    outside = () if 35 <= age <= 65 else ("Derived at 35 to 65 years; this age is outside.",)
    return Outcome(value=rounded(value, 2), notes=outside)


def _neutrophils(ask: Inputs) -> Outcome | None:
    direct = next(iter(ask.series(needs.NEUTROPHILS)), None)
    if direct is not None:
        ask.used.append(direct.used)
        return Outcome(
            value=rounded(direct.value, 2),
            notes=("As the laboratory reports it; nothing was computed.",),
        )
    cells, segmented = ask.number(needs.WHITE_CELLS), ask.number(needs.SEGMENTED)
    bands = ask.number(needs.BANDS, optional=True)
    if cells is None or segmented is None:
        return None
    value = chemistry.neutrophil_count(
        white_cells_10_3_ul=cells, segmented_percent=segmented, bands_percent=bands or 0.0
    )
    without = () if bands is not None else ("Bands are not recorded and count 0.",)
    return Outcome(value=rounded(value, 2), notes=without)


def _pressure(ask: Inputs) -> Outcome | None:
    systolic, diastolic = ask.number(needs.SYSTOLIC), ask.number(needs.DIASTOLIC)
    if systolic is None or diastolic is None:
        return None
    value = body.mean_arterial_pressure(systolic_mmhg=systolic, diastolic_mmhg=diastolic)
    return Outcome(value=rounded(value))


def _qtc(ask: Inputs) -> Outcome | None:
    qt, rate = ask.number(needs.QT), ask.number(needs.ECG_RATE)
    if qt is None or rate is None:
        return None
    bazett = heart.qtc_bazett(qt_ms=qt, rate_per_min=rate)
    fridericia = heart.qtc_fridericia(qt_ms=qt, rate_per_min=rate)
    also = ComputedValue(name="QTc by Bazett (1920)", value=rounded(bazett), unit="ms")
    return Outcome(value=rounded(fridericia), also=(also,), notes=("No tracing is read here.",))


FROM_RESULTS = (
    Calculator(
        key="egfr", name="eGFR (CKD-EPI 2021)", unit="mL/min/1.73 m²", compute=_egfr,
        rule=f"CKD-EPI 2021 creatinine equation, without race, whole number, from 18 years. {PER_SEX}",
        source="Inker et al., N Engl J Med 2021;385:1737",
    ),
    Calculator(
        key="crcl", name="Creatinine clearance (Cockcroft-Gault)", unit="mL/min", compute=_clearance,
        rule=f"(140 - age) x actual weight / (72 x creatinine), x 0.85 if female, whole number, from 18 years. {PER_SEX}",
        source="Cockcroft and Gault, Nephron 1976;16:31; ideal weight: Devine 1974",
    ),
    Calculator(
        key="aki_stage", name="KDIGO AKI stage by creatinine", unit="", compute=_injury, over_time=True,
        rule="Stage 1: 1.5 to 1.9 times baseline, or +0.3 mg/dL within 48 hours; 2: 2.0 to 2.9 times; 3: 3.0 times or more, or 4.0 mg/dL with the rise.",
        source="KDIGO AKI guideline 2012, section 2.1; baseline rule: NHS England algorithm 2014",
    ),
    Calculator(
        key="bmi", name="Body mass index", unit="kg/m²", compute=_bmi,
        rule="Weight / height², one decimal place.", source="WHO Technical Report Series 894, 2000",
    ),
    Calculator(
        key="bsa", name="Body surface area (Mosteller)", unit="m²", compute=_bsa,
        rule="Square root of weight x height / 3600, two decimal places.", source="Mosteller, N Engl J Med 1987;317:1098",
    ),
    Calculator(
        key="corrected_calcium", name="Corrected calcium", unit="mg/dL", compute=_calcium,
        rule="Calcium + 0.8 x (4.0 - albumin), one decimal place.", source="Payne et al., BMJ 1973;4:643",
    ),
    Calculator(
        key="corrected_sodium", name="Corrected sodium", unit="mmol/L", compute=_sodium,
        rule="Sodium + 1.6 for each 100 mg/dL of glucose above 100, whole number.", source="Katz, N Engl J Med 1973;289:843; Hillier et al., Am J Med 1999;106:399",
    ),
    Calculator(
        key="anion_gap", name="Anion gap", unit="mmol/L", compute=_gap,
        rule="Sodium - chloride - bicarbonate, whole number.", source="Emmett and Narins, Medicine 1977;56:38; albumin: Figge et al. 1998",
    ),
    Calculator(
        key="meld", name="MELD 3.0", unit="points", compute=_meld,
        rule=f"Published bounds, 6 to 40, whole number, from 12 years. {PER_SEX}", source="Kim et al., Gastroenterology 2021;161:1887; OPTN Policy 9.1.D",
    ),
    Calculator(
        key="fib4", name="FIB-4", unit="", compute=_fib4,
        rule="Age x AST / (platelets x square root of ALT), two decimal places.", source="Sterling et al., Hepatology 2006;43:1317",
    ),
    Calculator(
        key="anc", name="Absolute neutrophil count", unit="×10³/µL", compute=_neutrophils,
        rule="White cells x (segmented + bands) / 100, two decimal places; as reported where the laboratory counts it.", source="NCI Dictionary of Cancer Terms; CTCAE 5.0",
    ),
    Calculator(
        key="map", name="Mean arterial pressure", unit="mmHg", compute=_pressure,
        rule="(Systolic + 2 x diastolic) / 3, whole number.", source="Guyton and Hall, Textbook of Medical Physiology",
    ),
    Calculator(
        key="qtc", name="QTc by Fridericia", unit="ms", compute=_qtc,
        rule="QT / cube root of (60 / heart rate), whole number.", source="Fridericia, Acta Med Scand 1920;53:469; Bazett, Heart 1920;7:353",
    ),
)  # fmt: skip
