"""Hold a patient against the dose criteria that a medicine's label counts: each input, its age, and what is missing.

One rule so far. It states general knowledge, shows every input with its own date and source, and counts; it recommends
nothing. An input that is missing, old or not read may change the count, and that is said.

Not reviewed by a pharmacist. Source: apixaban, US prescribing information (2021), 2.1 Recommended dose: nonvalvular atrial
fibrillation, 2.5 mg twice daily with any two of age 80 years or more, body weight 60 kg or less, serum creatinine 1.5 mg/dL or more.
"""

import re
from decimal import Decimal, InvalidOperation

from app.fhir.chart import Chart, Line
from app.fhir.dates import as_date, day, months_before, years_old
from app.fhir.display import CriteriaBlock, Criterion, Date, Piece, Text
from app.fhir.pieces import cite, medicine, plain, search_cite, value
from app.fhir.reader import LaunchChart
from app.fhir.readings import Reading, Row
from app.fhir.sections import SectionName

DRUG = re.compile(r"\b(?:apixaban|eliquis)\b", re.IGNORECASE)
FIBRILLATION = re.compile(r"\batrial fibrillation\b", re.IGNORECASE)
# LOINC: creatinine in serum or plasma, in blood; body weight.
CREATININE, WEIGHT = frozenset(("2160-0", "38483-4")), frozenset(("29463-7", "3141-9"))
RULE = "Label, for nonvalvular atrial fibrillation: 2.5 mg twice a day if 2 of 3 are met."
NEEDED = 2
OLD_MONTHS = 12
OLDEST_YEARS = 80
# The same limit as the label prints it in each unit; a unit that is not here is compared with nothing.
LEAST_CREATININE = {"mg/dL": Decimal("1.5"), "umol/L": Decimal(133), "µmol/L": Decimal(133)}
MOST_WEIGHT = {"kg": Decimal(60), "g": Decimal(60000)}


def of_drug(line: Line) -> bool:
    """Tell whether an active order is for the medicine of the rule."""
    return line.group == "active" and bool(DRUG.search(line.text("drug")))


def dose_criteria(launch: LaunchChart, line: Line) -> CriteriaBlock:
    """Return the criteria of an active order, as this chart fills them."""
    chart = launch.chart
    criteria = (_age(chart), _creatinine(launch), _weight(launch))
    return CriteriaBlock(
        title=(*medicine(line), cite(chart, launch.sources, line.handle)),
        reason=_reason(launch),
        rule=RULE,
        criteria=criteria,
        sum=counted(criteria),
    )


def counted(criteria: tuple[Criterion, ...]) -> str:
    """Return "1 of 3 on these inputs; a new weight could change it."."""
    met = sum(one.meets == "yes" for one in criteria)
    said = f"{met} of {len(criteria)} on these inputs"
    open_ones = [one for one in criteria if one.meets == "missing" or one.age]
    could = [
        one.name for one in open_ones
        # An old "yes" could fall away, an old "no" or nothing at all could become one.
        if (met >= NEEDED and one.meets == "yes" and met - 1 < NEEDED)
        or (met < NEEDED and one.meets != "yes" and met + len(open_ones) >= NEEDED)
    ]  # fmt: skip
    if not could:
        return f"{said}."
    named = " and a new ".join(could)
    return f"{said}; a new {named} could change it."


def _reason(launch: LaunchChart) -> tuple[Piece, ...]:
    """Return the problem that the rule is for, or that it is not on the list."""
    chart = launch.chart
    found = [
        x for x in chart.tables.get("P", [])
        if x.group == "active" and FIBRILLATION.search(x.text("problem"))
    ]  # fmt: skip
    if found:
        chip = cite(chart, launch.sources, found[0].handle)
        return (plain("For"), plain(found[0].text("problem").lower()), chip)
    record = chart.record_search("atrial fibrillation", "problems")
    said = (
        "Atrial fibrillation is not among the problems, and the rule is for nothing else."
        if record.complete
        else "Whether atrial fibrillation is among the problems is not known: they were not read to the end."
    )
    return (plain(said), search_cite(launch.sources, record))


def _age(chart: Chart) -> Criterion:
    asked = f"Age {OLDEST_YEARS} or more:"
    years = years_old(str(chart.patient.get("birthDate") or ""), chart.now.date().isoformat())
    if years is None:
        return Criterion(
            name="age", pieces=(plain(asked), plain("birth date not sent")), meets="missing"
        )
    return Criterion(
        name="age", pieces=(plain(asked), plain(f"{years}")), meets="yes" if years >= OLDEST_YEARS else "no"
    )  # fmt: skip


def _creatinine(launch: LaunchChart) -> Criterion:
    found = _newest(launch.chart, "L", CREATININE)
    unit = found[2].unit if found else "mg/dL"
    limit = LEAST_CREATININE.get(unit)
    asked = f"Creatinine {limit if limit is not None else '1.5'} {unit if limit is not None else 'mg/dL'} or more:"
    return _measured(launch, "creatinine", asked, "labs", found, limit, least=True)


def _weight(launch: LaunchChart) -> Criterion:
    found = _newest(launch.chart, "V", WEIGHT)
    limit = MOST_WEIGHT.get(found[2].unit) if found else None
    return _measured(launch, "weight", "Weight 60 kg or less:", "vitals", found, limit, least=False)


Found = tuple[Row, str, Reading]


def _newest(chart: Chart, prefix: str, codes: frozenset[str]) -> Found | None:
    found = [
        (row, place, cell[0])
        for row in chart.grids[prefix].rows if row.code in codes
        for place, cell in row.cells.items() if cell[0].numeric
    ]  # fmt: skip
    return max(found, key=lambda one: one[2].moment, default=None)


def _measured(
    launch: LaunchChart,
    name: str,
    asked: str,
    section: SectionName,
    found: Found | None,
    limit: Decimal | None,
    *,
    least: bool,
) -> Criterion:
    chart = launch.chart
    if found is None:
        record = chart.record_search(name, section)
        said = "none found" if record.complete else "none in what could be read"
        chip = search_cite(launch.sources, record)
        return Criterion(name=name, pieces=(plain(asked), plain(said), chip), meets="missing")
    row, place, item = found
    pieces = (
        plain(asked), value(item), Date(text=day(item.moment[:10])),
        cite(chart, launch.sources, row.handle + place),
    )  # fmt: skip
    number = _number(item.text)
    if number is None or limit is None:
        return Criterion(
            name=name,
            pieces=(*pieces, Text(text="cannot be compared", style="muted")),
            meets="missing",
        )
    met = number >= limit if least else number <= limit
    return Criterion(
        name=name, pieces=pieces, meets="yes" if met else "no", age=_how_old(chart, item.moment)
    )


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _how_old(chart: Chart, moment: str) -> str:
    """Return "3 years 6 months old" of a day more than twelve months ago, else ""."""
    then, now = as_date(moment[:10]), chart.now.date()
    if then is None or moment[:10] >= months_before(now.isoformat(), OLD_MONTHS):
        return ""
    years, months = divmod(
        (now.year - then.year) * 12 + now.month - then.month - (now.day < then.day), 12
    )
    parts = [_many(years, "year"), _many(months, "month") if months else ""]
    return f"{' '.join(part for part in parts if part)} old"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
