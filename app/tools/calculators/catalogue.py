"""Every calculator by its key."""

from collections.abc import Mapping
from typing import Literal

from app.tools.calculators.ages import AGES
from app.tools.calculators.averages import AVERAGES
from app.tools.calculators.from_orders import FROM_ORDERS
from app.tools.calculators.from_results import FROM_RESULTS
from app.tools.calculators.model import Calculator
from app.tools.calculators.scores import SCORES
from app.tools.calculators.therapy import THERAPY

Name = Literal[
    "egfr", "crcl", "aki_stage", "bmi", "bsa", "corrected_calcium", "corrected_sodium", "anion_gap", "meld", "fib4", "anc", "map",
    "qtc", "cha2ds2_vasc", "has_bled", "curb65", "qsofa", "news2", "prevent", "mme", "mg_kg_day", "antibiotic_days", "ttr",
    "gestational_age", "corrected_age", "newborn_age", "growth_percentile", "mean_blood_pressure",
]  # fmt: skip
CALCULATORS: Mapping[str, Calculator] = {
    c.key: c for c in (*FROM_RESULTS, *SCORES, *FROM_ORDERS, *THERAPY, *AGES, *AVERAGES)
}
