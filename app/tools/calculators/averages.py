"""The average blood pressure of a span of days: of all readings, and of those a patient took apart from the others.

Whole days up to now. A reading counts once; readings of a stay are not those of an ordinary day, which is said.
"""

from app.fhir.citation import ComputedValue
from app.fhir.dates import add_days
from app.tools.calculators import needs
from app.tools.calculators.inputs import Inputs, Measured
from app.tools.calculators.model import Calculator, Outcome, rounded

DAYS, MOST_DAYS, MOST_USED = 92, 3660, 40
AT_HOME, ELSEWHERE = "Average at home by the patient", "Average of other readings"
SPANS = {"days": 1.0, "weeks": 7.0, "months": 30.5, "years": 365.25}
Pair = tuple[Measured, Measured]


def _pressures(ask: Inputs) -> Outcome | None:
    days = _days(ask)
    since = add_days(ask.today, -days)
    lower = {m.used.handle: m for m in ask.series(needs.DIASTOLIC, since=since)}
    pairs = [
        (high, lower[high.used.handle])
        for high in ask.series(needs.SYSTOLIC, since=since)
        if high.used.handle in lower
    ]
    if not pairs:
        why = ask.why_none(needs.SYSTOLIC.section)
        ask.lacks(f"a blood pressure of the last {days} days ({why})")
        return None
    own = [pair for pair in pairs if _by_patient(ask, pair[0])]
    others = [pair for pair in pairs if pair not in own]
    ask.used += [high.used for high, _ in [*own, *others][:MOST_USED]]
    also = [
        ComputedValue(name=name, value=_mean(found), unit="mmHg")
        for name, found in ((AT_HOME, own), (ELSEWHERE, others))
        if found
    ]
    if not own:
        also.append(
            ComputedValue(name="Taken by the patient at home", value="no reading so marked")
        )
    notes = (
        f"{len(pairs)} readings of the last {days} days, {len(own) or 'none'} marked as taken at home or by the patient; "
        "readings of a stay are among the others.",
        *((f"{MOST_USED} of {len(pairs)} readings are listed.",) if len(pairs) > MOST_USED else ()),
    )
    return Outcome(value=_mean(pairs), also=tuple(also), notes=notes)


def _days(ask: Inputs) -> int:
    for name, length in SPANS.items():
        given = ask.entered.get(name)
        if given and given.quantity:
            return max(1, min(round(float(given.quantity.value) * length), MOST_DAYS))
    return DAYS


def _mean(pairs: list[Pair]) -> str:
    both = zip(*pairs, strict=True)
    return "/".join(rounded(sum(m.value for m in found) / len(found)) for found in both)


def _by_patient(ask: Inputs, measured: Measured) -> bool:
    """Tell whether the patient, or a related person, is named as who took it, or its method says at home."""
    reading = ask.chart.cell(measured.used.handle)
    if reading is None:
        return False
    resource = ask.chart.resources.get(reading[2][0].evidence[0].reference, {})
    people = [str(p.get("reference") or "") for p in resource.get("performer") or []]
    own = any(p.startswith(("Patient/", "RelatedPerson/")) for p in people)
    return own or "home" in reading[2][0].method.casefold()


AVERAGES = (
    Calculator(
        key="mean_blood_pressure", name="Average blood pressure", unit="mmHg", compute=_pressures, over_time=True,
        rule="Mean of the systolic and of the diastolic values, whole numbers.", source="Arithmetic",
        beside=(AT_HOME, ELSEWHERE),
    ),
)  # fmt: skip
