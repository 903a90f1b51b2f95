"""Every formula against values that were published by others; each vector names where it stands.

Where a paper gives a table of points and no example, the vector is the table's own edge.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.tools.calculators import body, chemistry, growth, heart, kidney, medicine, points
from app.tools.calculators.units import NoConversion, Quantity, convert

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("creatinine", "age", "female", "egfr"),
    [
        (
            1.2,
            55,
            False,
            71,
        ),  # kidney.org calculator, as quoted in a public comparison of implementations
        (1.1, 50, False, 82),  # test of a public implementation that names kidney.org
        (0.7, 18, True, 128),  # the equation's own knot: 142 x 0.9938^18 x 1.012
        (0.9, 100, False, 76),  # the equation's own knot: 142 x 0.9938^100
    ],
)
def test_egfr_is_that_of_the_2021_equation(
    creatinine: float, age: int, female: bool, egfr: int
) -> None:
    found = kidney.egfr_ckd_epi_2021(creatinine_mg_dl=creatinine, age_years=age, female=female)
    assert round(found) == egfr


@pytest.mark.parametrize(
    ("age", "weight", "creatinine", "female", "clearance"),
    [
        # superglobalcalculator.com, two worked examples; droracle.ai, one; theprimecalculator.com, one
        (65, 70, 1.4, False, 52.1),
        (45, 60, 0.9, True, 74.8),
        (70, 75, 1.0, False, 72.9),
        (50, 80, 1.0, False, 100.0),
    ],
)
def test_creatinine_clearance_is_that_of_the_worked_examples(
    age: int, weight: float, creatinine: float, female: bool, clearance: float
) -> None:
    found = kidney.creatinine_clearance(
        creatinine_mg_dl=creatinine, age_years=age, weight_kg=weight, female=female
    )
    assert found == pytest.approx(clearance, abs=0.1)


def test_ideal_body_weight_is_devines() -> None:
    """Devine 1974: 50 kg and 45.5 kg at 60 inches, 2.3 kg for each inch above."""
    assert kidney.ideal_body_weight_kg(height_cm=152.4, female=True) == pytest.approx(45.5)
    assert kidney.ideal_body_weight_kg(height_cm=177.8, female=False) == pytest.approx(73.0)


def creatinines(*found: tuple[float, float]) -> list[kidney.Creatinine]:
    """Make results from (hours before noon, mg/dL)."""
    return [kidney.Creatinine(at=NOON - timedelta(hours=h), mg_dl=v) for h, v in found]


@pytest.mark.parametrize(
    ("results", "stage"),
    [
        # The edges of KDIGO 2012, table 2; baseline 1.0 from months ago unless the week is all there is.
        (((0, 1.49), (2400, 1.0)), 0),
        (((0, 1.5), (2400, 1.0)), 1),
        (((0, 1.99), (2400, 1.0)), 1),
        (((0, 2.0), (2400, 1.0)), 2),
        (((0, 3.0), (2400, 1.0)), 3),
        (((0, 1.3), (40, 1.0), (2400, 1.0)), 1),
        (((0, 1.29), (40, 1.0), (2400, 1.0)), 0),
        (((0, 1.3), (50, 1.0), (2400, 1.0)), 0),
        (((0, 4.0), (40, 3.7), (2400, 3.6)), 3),
        (((0, 4.0), (60, 3.9), (2400, 3.8)), 0),
        (((0, 1.8), (100, 0.9), (120, 1.1)), 2),
    ],
)
def test_the_stage_of_kidney_injury_is_kdigos(
    results: tuple[tuple[float, float], ...], stage: int
) -> None:
    found = kidney.aki_stage(creatinines(*results))
    assert found is not None
    assert found.stage == stage


def test_the_baseline_is_said_and_a_single_result_has_none() -> None:
    old = kidney.aki_stage(creatinines((0, 1.6), (24 * 30, 1.0), (24 * 60, 1.2), (24 * 90, 1.1)))
    new = kidney.aki_stage(creatinines((0, 1.6), (30, 0.8), (60, 0.9)))
    assert old is not None
    assert new is not None
    assert (old.baseline_mg_dl, old.baseline, old.within_week) == (1.1, kidney.BASELINE_YEAR, False)
    assert (new.baseline_mg_dl, new.baseline, new.within_week) == (0.8, kidney.BASELINE_WEEK, True)
    assert kidney.aki_stage(creatinines((0, 1.6))) is None
    assert kidney.aki_stage(creatinines((0, 1.6), (24 * 400, 1.0))) is None


def test_body_size_and_pressure() -> None:
    """Arithmetic of the definitions; Mosteller's paper: sqrt(170 x 70 / 3600) = 1.82 m²."""
    assert body.body_mass_index(weight_kg=70, height_cm=175) == pytest.approx(22.86, abs=0.01)
    assert body.body_mass_index(weight_kg=100, height_cm=200) == pytest.approx(25)
    assert body.body_surface_area(weight_kg=70, height_cm=170) == pytest.approx(1.82, abs=0.005)
    assert body.body_surface_area(weight_kg=36, height_cm=100) == pytest.approx(1.0)
    assert body.mean_arterial_pressure(systolic_mmhg=120, diastolic_mmhg=80) == pytest.approx(
        93.3, abs=0.05
    )
    assert body.mean_arterial_pressure(systolic_mmhg=90, diastolic_mmhg=60) == pytest.approx(70)


def test_ages_of_the_newborn() -> None:
    """Lancaster glossary: 30 weeks, tested at 20 weeks, is 10 weeks; biologyinsights: 32 weeks at 16 weeks is 8."""
    born = date(2026, 1, 1)
    week, of = timedelta(weeks=1), body.corrected_age_days
    assert of(born=born, today=born + 20 * week, gestation_days=30 * 7) == 10 * 7
    assert of(born=born, today=born + 16 * week, gestation_days=32 * 7) == 8 * 7
    assert of(born=born, today=born + 2 * week, gestation_days=32 * 7) == -6 * 7
    assert body.age_weeks(born=born, today=born + 20 * week) == 20
    assert body.age_hours(born=NOON - timedelta(hours=38, minutes=59), now=NOON) == 38


def test_gestational_age_is_counted_back_from_the_due_date() -> None:
    """ACOG 700: the due date is day 280, so that 12 weeks before it are 28 weeks 0 days."""
    due = date(2027, 2, 12)
    assert body.gestational_age_days(due=due, today=due) == 280
    assert body.gestational_age_days(due=due, today=due - timedelta(weeks=12)) == 28 * 7


def test_corrections_and_the_anion_gap() -> None:
    """Calcium: theprimecalculator.com 8.5 with 3.0 is 9.3; notaperubatan.com 1.98 mmol/L with 23 g/L is 2.32 mmol/L."""
    assert chemistry.corrected_calcium(calcium_mg_dl=8.5, albumin_g_dl=3.0) == pytest.approx(9.3)
    si = chemistry.corrected_calcium(calcium_mg_dl=1.98 * 4.0078, albumin_g_dl=2.3)
    assert si / 4.0078 == pytest.approx(2.32, abs=0.005)
    katz = chemistry.corrected_sodium(sodium_mmol_l=130, glucose_mg_dl=600)
    hillier = chemistry.corrected_sodium(sodium_mmol_l=130, glucose_mg_dl=600, per_100=2.4)
    assert (katz, hillier) == pytest.approx(
        (138, 142)
    )  # the papers' own factors, 5 x 1.6 and 5 x 2.4
    assert chemistry.corrected_sodium(sodium_mmol_l=140, glucose_mg_dl=80) == 140
    gap = chemistry.anion_gap(sodium_mmol_l=140, chloride_mmol_l=105, bicarbonate_mmol_l=24)
    assert gap == 11
    assert chemistry.albumin_corrected_gap(gap_mmol_l=12, albumin_g_dl=2.4) == pytest.approx(
        17
    )  # Figge 1998


def meld(**changes: float) -> int:
    values = {
        "bilirubin_mg_dl": 1.0,
        "inr": 1.0,
        "creatinine_mg_dl": 1.0,
        "sodium_mmol_l": 137.0,
        "albumin_g_dl": 3.5,
    }
    female = bool(changes.pop("female", 0))
    dialysis = bool(changes.pop("dialysis", 0))
    return chemistry.meld_3(**{**values, **changes}, female=female, dialysis=dialysis)


def test_meld_3_and_its_bounds() -> None:
    """calcbee.pages.dev: bilirubin 2, INR 1.5, creatinine 1.5, sodium 137, albumin 3.0, man, is 18; bounds of Kim 2021."""
    assert meld(bilirubin_mg_dl=2, inr=1.5, creatinine_mg_dl=1.5, albumin_g_dl=3.0) == 18
    assert meld() == 6
    assert meld(female=1) == 7
    assert meld(creatinine_mg_dl=9) == meld(creatinine_mg_dl=3) == meld(dialysis=1) == 18
    assert meld(sodium_mmol_l=110) == meld(sodium_mmol_l=125) == 16
    assert meld(albumin_g_dl=1.0) == meld(albumin_g_dl=1.5)
    assert meld(bilirubin_mg_dl=50, inr=8, creatinine_mg_dl=4) == 40


def test_fib_4_and_the_neutrophil_count() -> None:
    """UW Hepatitis C Online, activity 3C: 54 years, AST 75, ALT 56, platelets 92; Sterling's cut-offs lie on both sides."""
    case = chemistry.fib_4(age_years=54, ast_u_l=75, alt_u_l=56, platelets_10_9_l=92)
    assert case == pytest.approx(5.88, abs=0.005)
    assert chemistry.fib_4(
        age_years=40, ast_u_l=25, alt_u_l=25, platelets_10_9_l=250
    ) == pytest.approx(0.8)
    count = chemistry.neutrophil_count(
        white_cells_10_3_ul=1.0, segmented_percent=45, bands_percent=5
    )
    assert count == pytest.approx(0.5)


FEMALE = heart.Prevent(
    age_years=50, female=True, cholesterol_mg_dl=200, hdl_mg_dl=45, systolic_mmhg=160, egfr=90, diabetes=True, smoking=False,
    pressure_medicine=True, statin=False, bmi=35,
)  # fmt: skip
MALE = heart.Prevent(
    age_years=55, female=False, cholesterol_mg_dl=213, hdl_mg_dl=50, systolic_mmhg=140, egfr=90, diabetes=False, smoking=False,
    pressure_medicine=False, statin=False, bmi=30,
)  # fmt: skip


def test_prevent_gives_the_published_examples() -> None:
    """preventr documentation (and the paper's supplement): 14.7, 9.2, 8.1 %; CVrisk's test of the supplement: 3.9 %."""
    risks = [
        round(heart.prevent_10_year(o, FEMALE), 1)
        for o in (heart.CVD, heart.ASCVD, heart.HEART_FAILURE)
    ]
    assert risks == [14.7, 9.2, 8.1]
    assert round(heart.prevent_10_year(heart.ASCVD, MALE), 1) == 3.9


def test_qt_is_unchanged_at_60_and_corrected_beside_it() -> None:
    """primecalcpro.com: 380 ms at 60/min is 380 by both; at 100/min 1.29 and 1.19 times (the papers' roots)."""
    for formula in (heart.qtc_bazett, heart.qtc_fridericia):
        assert formula(qt_ms=380, rate_per_min=60) == pytest.approx(380)
    assert round(heart.qtc_bazett(qt_ms=360, rate_per_min=100)) == 465
    assert round(heart.qtc_fridericia(qt_ms=360, rate_per_min=100)) == 427


NONE_OF = dict.fromkeys(
    ("heart failure", "hypertension", "diabetes", "stroke", "vascular disease"), False
)


def test_cha2ds2_vasc_adds_its_points() -> None:
    """Lip 2010, table 2: all items are 9; a man under 65 without any is 0; what is not known makes it a lower bound."""
    everything = dict.fromkeys(NONE_OF, True)
    assert points.cha2ds2_vasc(age_years=75, female=True, has=everything).total == 9
    assert points.cha2ds2_vasc(age_years=64, female=False, has=NONE_OF).total == 0
    assert points.cha2ds2_vasc(age_years=65, female=True, has=NONE_OF).total == 2
    unknown = points.cha2ds2_vasc(age_years=74, female=False, has={**NONE_OF, "stroke": None})
    assert (unknown.total, unknown.at_least) == (1, True)


def test_has_bled_adds_one_for_each() -> None:
    """Pisters 2010, table 1."""
    assert points.has_bled(dict.fromkeys(points.HAS_BLED, True)).total == 9
    one = dict.fromkeys(points.HAS_BLED, False) | {"stroke": True, "labile INR": None}
    assert (points.has_bled(one).total, points.has_bled(one).at_least) == (1, True)


def test_curb_65_and_qsofa_take_their_edges() -> None:
    """Lim 2003: urea above 7 mmol/L (19 mg/dL), 30/min, below 90 or 60 and below; Singer 2016: 22/min, 100 mmHg."""
    at = points.curb_65(
        confusion=False, urea_nitrogen_mg_dl=19, breaths_per_min=29, systolic_mmhg=90, diastolic_mmhg=61, age_years=64,
    )  # fmt: skip
    over = points.curb_65(
        confusion=True, urea_nitrogen_mg_dl=20, breaths_per_min=30, systolic_mmhg=90, diastolic_mmhg=60, age_years=65,
    )  # fmt: skip
    assert (at.total, over.total) == (0, 5)
    assert points.qsofa(breaths_per_min=22, systolic_mmhg=100, altered_mentation=True).total == 3
    least = points.qsofa(breaths_per_min=21, systolic_mmhg=101, altered_mentation=None)
    assert (least.total, least.at_least) == (0, True)


# Royal College of Physicians 2017, chart 1: every band's edges for each measurement.
NEWS2 = {
    "breaths_per_min": ((8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)),
    "saturation_percent": ((91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0)),
    "systolic_mmhg": ((90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)),
    "pulse_per_min": ((40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)),
    "temperature_cel": ((35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)),
}  # fmt: skip
WELL = points.Observations(
    breaths_per_min=16, saturation_percent=97, oxygen=False, systolic_mmhg=120, pulse_per_min=70, alert=True, temperature_cel=37,
)  # fmt: skip


def changed(**values: float | bool | None) -> points.Observations:
    return points.Observations(**{**WELL.__dict__, **values})


@pytest.mark.parametrize(
    ("field", "value", "expected"), [(f, v, p) for f, edges in NEWS2.items() for v, p in edges]
)
def test_every_band_of_news2(field: str, value: float, expected: int) -> None:
    found = points.news_2(changed(**{field: value}))
    assert (found.total, found.at_least) == (expected, False)


def test_news2_totals_oxygen_consciousness_and_scale_2() -> None:
    """proreckoner.com, worked sums: 0; 2+1+2+1+1+0+1 = 8; 3+3+2+2+1+3+0 = 14. Scale 2: RCP chart 1."""
    assert points.news_2(WELL).total == 0
    eight = changed(
        breaths_per_min=22,
        saturation_percent=95,
        oxygen=True,
        systolic_mmhg=105,
        pulse_per_min=100,
        temperature_cel=38.5,
    )
    assert points.news_2(eight).total == 8
    fourteen = changed(
        breaths_per_min=26, saturation_percent=90, oxygen=True, systolic_mmhg=95, pulse_per_min=100, alert=False,
    )  # fmt: skip
    assert points.news_2(fourteen).total == 14
    scale = [
        (83, False, 3),
        (85, False, 2),
        (87, False, 1),
        (88, False, 0),
        (97, False, 0),
        (93, True, 1),
        (95, True, 2),
        (97, True, 3),
    ]
    for percent, oxygen, expected in scale:
        seen = changed(saturation_percent=percent, oxygen=oxygen, scale_2=True)
        assert points.news_2(seen).total == expected + 2 * oxygen, percent
    assert points.news_2(changed(alert=None)).at_least


def test_morphine_equivalents_are_those_of_the_guideline() -> None:
    """CDC 2022, notes of the table: hydrocodone 5 mg four times a day is 20 MME; oxycodone 10 mg twice is 30 MME."""
    assert medicine.morphine_equivalents(opioid="hydrocodone", mg_per_day=20) == pytest.approx(20)
    assert medicine.morphine_equivalents(opioid="oxycodone", mg_per_day=20) == pytest.approx(30)
    assert medicine.morphine_equivalents(opioid="methadone", mg_per_day=10) == pytest.approx(47)
    with pytest.raises(KeyError):
        medicine.morphine_equivalents(opioid="buprenorphine", mg_per_day=8)


def test_dose_by_weight_and_days_of_therapy() -> None:
    assert medicine.dose_by_weight(mg_per_day=900, weight_kg=10) == 90
    assert medicine.dose_by_weight(mg_per_day=1500, weight_kg=20) == 75
    day = date(2026, 11, 18)
    given = [day, day, day + timedelta(days=2)]
    assert medicine.days_of_therapy(given) == medicine.Therapy(days=2, first=day, last=given[-1])
    assert medicine.days_of_therapy([]) is None


def test_time_in_range_interpolates_each_day() -> None:
    """Rosendaal 1993: from 1.5 to 2.5 in ten days the range of 2.0 to 3.0 is reached on day 5, so 6 days of 10 lie inside."""
    start = date(2026, 1, 1)
    rising = medicine.time_in_range([(start, 1.5), (start + timedelta(days=10), 2.5)])
    assert rising == medicine.InRange(percent=60.0, days=10, gaps=0)
    both = medicine.time_in_range(
        [
            (start, 2.5),
            (start + timedelta(days=10), 2.5),
            (start + timedelta(days=67), 4.0),
            (start + timedelta(days=77), 4.0),
        ]
    )
    assert both == medicine.InRange(percent=50.0, days=20, gaps=1)
    assert medicine.time_in_range([(start, 2.5)]) is None


@pytest.mark.parametrize(
    ("value", "unit", "to", "substance", "result", "said"),
    [
        ("88.4", "umol/L", "mg/dL", "creatinine", "1.000", "88.4 µmol/L = 1 mg/dL"),
        ("17.1", "umol/L", "mg/dL", "bilirubin", "1.000", "17.1 µmol/L = 1 mg/dL"),
        ("5.55", "mmol/L", "mg/dL", "glucose", "99.99", "5.55 mmol/L = 99.989 mg/dL"),
        ("150", "[lb_av]", "kg", "", "68.04", "150 lb = 68.039 kg"),
        ("98.6", "[degF]", "Cel", "", "37.00", "98.6 °F = 37 °C"),
        ("38", "g/L", "g/dL", "", "3.80", "38 g/L = 3.8 g/dL"),
        ("250", "10*9/L", "10*3/uL", "", "250", ""),
        ("7", "mmol/L", "mg/dL", "urea nitrogen", "19.61", "7 mmol/L = 19.61 mg/dL"),
    ],
)  # fmt: skip
def test_units_are_converted_by_the_table_and_it_is_said(
    value: str, unit: str, to: str, substance: str, result: str, said: str
) -> None:
    found = convert(Quantity(value=Decimal(value), unit=unit), to, substance)
    assert float(found.value) == pytest.approx(float(result), abs=0.005)
    assert found.said == said


def test_what_is_not_in_the_table_is_not_converted() -> None:
    for unit, to, substance in (
        ("mmol/L", "mg/dL", "sodium"),
        ("mg/dL", "mg/L", ""),
        ("", "kg", ""),
    ):
        with pytest.raises(NoConversion):
            convert(Quantity(value=Decimal(1), unit=unit), to, substance)


@pytest.mark.parametrize(
    ("months", "female", "stature", "percentile"),
    [
        # CDC/NCHS statage.csv: the percentile columns of the file itself (P3, P5, P50, P90, P97).
        (24.5, False, 80.26037074, 3), (96.5, False, 118.8052553, 5), (96.5, False, 128.1237104, 50), (109.5, False, 142.2799654, 90),
        (144.5, True, 137.4380555, 3), (144.5, True, 151.4865636, 50), (179.5, True, 174.0767538, 97), (239.5, True, 151.1087609, 3),
    ],
)  # fmt: skip
def test_stature_for_age_is_that_of_the_cdc_file(
    months: float, female: bool, stature: float, percentile: int
) -> None:
    z = growth.z_score("stature", stature, age_months=months, female=female)
    assert growth.percentile(z) == pytest.approx(percentile, abs=0.01)


@pytest.mark.parametrize(
    ("measure", "months", "female", "value", "percentile"),
    [
        # CDC/NCHS wtageinf.csv and lenageinf.csv: the percentile columns of the files themselves (P3, P50, P97).
        ("weight", 0, False, 2.355450986, 3), ("weight", 0, True, 4.254922004, 97), ("weight", 9.5, False, 9.476500305, 50),
        ("weight", 9.5, True, 7.059731719, 3), ("weight", 23.5, False, 15.50417803, 97), ("weight", 23.5, True, 11.97453748, 50),
        ("length", 0, False, 44.9250978, 3), ("length", 9.5, True, 75.70118113, 97), ("length", 23.5, True, 78.78800783, 3),
    ],
)  # fmt: skip
def test_an_infants_growth_is_that_of_the_cdc_files(
    measure: growth.Measure, months: float, female: bool, value: float, percentile: int
) -> None:
    z = growth.z_score(measure, value, age_months=months, female=female)
    assert growth.percentile(z) == pytest.approx(percentile, abs=0.01)


def test_weight_for_age_goes_on_where_the_charts_of_infants_end() -> None:
    before, after = (
        growth.z_score("weight", 11, age_months=m, female=True) for m in (23.99, 24.01)
    )
    assert before == pytest.approx(after, abs=0.01)


def test_bmi_for_age_has_the_cdcs_categories() -> None:
    """CDC, "About child and teen BMI": for a boy of 10 years, 23 is at or above the 95th, 21 from the 85th, 18 below it."""
    of = {
        bmi: growth.percentile(growth.z_score("bmi", bmi, age_months=120.5, female=False))
        for bmi in (23, 21, 18)
    }
    assert of[23] >= 95
    assert 85 <= of[21] < 95
    assert 5 <= of[18] < 85


def test_weight_for_age_between_two_months_is_interpolated() -> None:
    """The medians of 24.5 and 25.5 months in wtage.csv are 12.74154396 and 12.88102276 kg."""
    assert growth.z_score("weight", 12.81128, age_months=25, female=False) == pytest.approx(
        0, abs=0.001
    )
