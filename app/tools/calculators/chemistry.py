"""Corrections of laboratory results, the anion gap, liver scores and the neutrophil count."""

from math import log, sqrt


def corrected_calcium(*, calcium_mg_dl: float, albumin_g_dl: float) -> float:
    """Return mg/dL: 0.8 for each g/dL of albumin below 4.0.

    Source: Payne et al., BMJ 1973;4:643-646, in the form with 0.8 and 4.0 that is in common use.
    """
    return calcium_mg_dl + 0.8 * (4.0 - albumin_g_dl)


def corrected_sodium(*, sodium_mmol_l: float, glucose_mg_dl: float, per_100: float = 1.6) -> float:
    """Return mmol/L: 1.6 (Katz) or 2.4 (Hillier) for each 100 mg/dL of glucose above 100.

    Sources: Katz, N Engl J Med 1973;289:843-844; Hillier et al., Am J Med 1999;106:399-403.
    """
    return sodium_mmol_l + per_100 * max(0.0, glucose_mg_dl - 100) / 100


def anion_gap(*, sodium_mmol_l: float, chloride_mmol_l: float, bicarbonate_mmol_l: float) -> float:
    """Return mmol/L without potassium. Source: Emmett and Narins, Medicine 1977;56:38-54."""
    return sodium_mmol_l - chloride_mmol_l - bicarbonate_mmol_l


def albumin_corrected_gap(*, gap_mmol_l: float, albumin_g_dl: float) -> float:
    """Return mmol/L: 2.5 for each g/dL of albumin below 4.4. Source: Figge et al., Crit Care Med 1998;26:1807-1810."""
    return gap_mmol_l + 2.5 * (4.4 - albumin_g_dl)


def meld_3(
    *,
    bilirubin_mg_dl: float,
    inr: float,
    creatinine_mg_dl: float,
    sodium_mmol_l: float,
    albumin_g_dl: float,
    female: bool,
    dialysis: bool = False,
) -> int:
    """Return MELD 3.0, 6 to 40; bounds as published. From 12 years; under 18 the female term is added for all (OPTN).

    Source: Kim et al., Gastroenterology 2021;161:1887-1895; OPTN Policy 9.1.D.
    """
    bilirubin, ratio = log(max(bilirubin_mg_dl, 1.0)), log(max(inr, 1.0))
    creatinine = log(3.0 if dialysis else min(max(creatinine_mg_dl, 1.0), 3.0))
    sodium = 137 - min(max(sodium_mmol_l, 125.0), 137.0)
    albumin = 3.5 - min(max(albumin_g_dl, 1.5), 3.5)
    score = (
        1.33 * female + 4.56 * bilirubin + 0.82 * sodium - 0.24 * sodium * bilirubin + 9.09 * ratio
        + 11.14 * creatinine + 1.85 * albumin - 1.83 * albumin * creatinine + 6
    )  # fmt: skip
    return int(min(max(score, 6.0), 40.0) + 0.5)


def fib_4(*, age_years: float, ast_u_l: float, alt_u_l: float, platelets_10_9_l: float) -> float:
    """Return FIB-4; derived at 35 to 65 years. Source: Sterling et al., Hepatology 2006;43:1317-1325."""
    return age_years * ast_u_l / (platelets_10_9_l * sqrt(alt_u_l))


def neutrophil_count(
    *, white_cells_10_3_ul: float, segmented_percent: float, bands_percent: float = 0.0
) -> float:
    """Return the absolute neutrophil count in ×10³/µL.

    Source: NCI Dictionary of Cancer Terms, absolute neutrophil count; CTCAE 5.0 uses the same measure.
    """
    return white_cells_10_3_ul * (segmented_percent + bands_percent) / 100
