"""The rules of care over many patients: the same files as the care gaps of one chart, and the same verdict for each patient.

A rule becomes one SELECT for each piece of evidence, over `event`; which patients are met, not met, excluded or cannot be told is set
algebra over their answers, in the order in which `app.tools.care_gaps.evaluate` judges one chart. What a rule counts and its sources stand in
`app/fhir/measures/rules.toml`. It is a registry for finding whom to look at, no report of a measure.

Other than in a chart: everything exported is read to its end, so a section is never unread; a value in another unit than
the rule's is not converted and cannot be told; imaging studies are not in the tables, their reports are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.fhir.dates import months_before
from app.fhir.measures.rules import Evidence, Rule
from app.fhir.orders import ORDER_INTENTS
from app.fhir.visits import ADMITTED
from app.warehouse.cohort.criteria import AGE, NEWEST, SEX, UNSURE, belongs
from app.warehouse.cohort.tables import Tables
from app.warehouse.views.render import Dialect

Status = Literal["met", "not met", "excluded", "cannot tell"]
STATUSES: tuple[Status, ...] = ("met", "not met", "excluded", "cannot tell")
# The kind of event that holds the records of a section; nothing is exported of the others.
KINDS: Mapping[str, str] = {
    "problems": "condition", "encounters": "encounter", "procedures": "procedure", "allergies": "allergy", "medications": "medication",
    "labs": "observation", "vitals": "observation", "other": "observation", "assessments": "observation", "reports": "report",
    "questionnaires": "questionnaire", "immunizations": "immunization",
}  # fmt: skip
CURRENT = ("active", "recurrence", "relapse", "no status")
FINAL = ("final", "amended", "corrected", "appended", "")
COUNTED: Mapping[str, tuple[str, ...]] = {
    "observation": FINAL, "report": FINAL, "procedure": ("completed",), "immunization": ("completed",), "allergy": CURRENT,
    "questionnaire": ("completed", "amended"),
    "encounter": ("finished", "completed", "in-progress", "onleave", "arrived", "triaged"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What evidence says of the patients: yes, or unknown because a date or a number cannot be told; of all others no."""

    yes: frozenset[str]
    unknown: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What came of a rule: the patients of each status. Whom it is not about stands in none."""

    rule: Rule
    patients: Mapping[Status, frozenset[str]]


def measure(db: Tables, rule: Rule, day: str) -> Measure:
    """Return the patients of each status on a day (ISO)."""
    about, untold = _who(db, rule, day)
    excluded, maybe = _any(db, rule.exclusion, day)
    groups = [[evidence(db, one, day) for one in group] for group in rule.met]
    met = [frozenset.intersection(*(one.yes for one in group)) for group in groups]
    is_met = frozenset[str]().union(*met)
    # A group that may still be met: none of its evidence says no.
    open_ones = frozenset[str]().union(
        *(frozenset.intersection(*(one.yes | one.unknown for one in group)) for group in groups)
    )
    left = about - excluded
    unclear = (left - is_met) & (open_ones | maybe)
    return Measure(
        rule=rule,
        patients={
            "met": left & is_met, "not met": left - is_met - unclear, "excluded": about & excluded,
            "cannot tell": unclear | untold,
        },
    )  # fmt: skip


def _who(db: Tables, rule: Rule, day: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return whom a rule is about, and of whom that cannot be told; the dead are nobody's gap."""
    people = db.execute(
        f"SELECT p.patient_id, {AGE} AS age, {SEX} AS sex FROM person p WHERE NOT p.deceased",  # noqa: S608 - shapes of `criteria` only
        [day, day],
    ).fetchall()
    low, high = rule.ages
    # Each step is taken only of those of whom the one before says yes.
    untold = {patient for patient, age, _ in people if age is None}
    aged = {
        (patient, sex) for patient, age, sex in people if age is not None and low <= age <= high
    }
    if rule.sex:
        untold |= {patient for patient, sex in aged if sex == "other"}
        aged = {(patient, sex) for patient, sex in aged if sex == rule.sex}
    about = frozenset(patient for patient, _ in aged)
    if rule.population:
        yes, unknown = _any(db, rule.population, day)
        untold |= about & unknown - yes
        about &= yes
    return about, frozenset(untold)


def _any(db: Tables, some: tuple[Evidence, ...], day: str) -> tuple[frozenset[str], frozenset[str]]:
    answers = [evidence(db, one, day) for one in some]
    yes = frozenset[str]().union(*(one.yes for one in answers))
    return yes, frozenset[str]().union(*(one.unknown for one in answers))


def evidence(db: Tables, one: Evidence, day: str) -> Answer:
    """Return what a piece of evidence says of every patient."""
    values: list[Any] = []
    kinds = dict.fromkeys(KINDS[name] for name in one.set.sections if name in KINDS)
    parts = [_hits(one, kind, values, db.dialect) for kind in kinds]
    if not parts:
        return Answer(yes=frozenset(), unknown=frozenset())
    hits = f"SELECT * FROM ({' UNION ALL '.join(parts)}) WHERE left(day, 10) <= ?"  # noqa: S608 - as above
    values.append(day)
    start = since(one, day)
    found = _newest(db, one, hits, values, start) if one.has_limit else _counted(db, one, hits, values, start)  # fmt: skip
    return Answer(
        yes=frozenset(patient for patient, answer in found if answer == "yes"),
        unknown=frozenset(patient for patient, answer in found if answer == "unknown"),
    )


def since(one: Evidence, day: str) -> str:
    """Return the ISO day that evidence is counted from, "" for ever."""
    if one.season:
        this_year = f"{day[:4]}-{one.season}"
        return this_year if this_year <= day else f"{int(day[:4]) - 1}-{one.season}"
    return months_before(day, one.months) if one.months else ""


def _counted(
    db: Tables, one: Evidence, hits: str, values: list[Any], start: str
) -> list[tuple[str, str]]:
    """Count different days since `start`; a date that is less precise than `start` may lie on either side of it."""
    sql = (
        "SELECT patient_id, CASE WHEN count(DISTINCT CASE WHEN day >= ? THEN day END) >= ? THEN 'yes' "  # noqa: S608 - as above
        f"WHEN count(CASE WHEN day < ? AND left(?, length(day)) = day THEN 1 END) > 0 THEN 'unknown' ELSE 'no' END FROM ({hits}) GROUP BY patient_id"
    )
    return db.execute(sql, [start, one.count, start, start, *values]).fetchall()


def _newest(
    db: Tables, one: Evidence, hits: str, values: list[Any], start: str
) -> list[tuple[str, str]]:
    """Compare the newest value since `start`; one without a number, or in another unit, cannot be told."""
    sign, limit = ("<=", one.at_most) if one.at_most is not None else ("<", one.below)
    sql = (
        "SELECT patient_id, CASE WHEN value IS NULL OR comparator IS NOT NULL OR coalesce(unit, '') <> ? THEN 'unknown' "  # noqa: S608 - as above
        f"WHEN value {sign} ? THEN 'yes' ELSE 'no' END FROM (SELECT *, row_number() OVER (PARTITION BY patient_id ORDER BY {NEWEST}) AS place "
        f"FROM ({hits}) WHERE day >= ?) WHERE place = 1"
    )
    return db.execute(sql, [one.unit, limit, *values, start]).fetchall()


def _hits(one: Evidence, kind: str, values: list[Any], dialect: Dialect) -> str:
    """Return a SELECT of the events of a kind that evidence means."""
    values.append(kind)
    conditions = ["e.kind = ?", belongs(one.set, kind, values, dialect)]
    # The name of a group is that of the chart's table: an order's has its intent, where it is only a plan.
    status = "coalesce(e.status, '')" if kind in ("observation", "report") else "coalesce(e.status, 'no status')"  # fmt: skip
    allowed = CURRENT if one.active else COUNTED.get(kind)
    if allowed:
        values += allowed
        conditions.append(f"{status} IN ({', '.join('?' * len(allowed))})")
    if one.active and kind == "medication":
        values += sorted(ORDER_INTENTS)
        conditions.append(f"coalesce(e.category, '') IN ({', '.join('?' * len(ORDER_INTENTS))})")
    values += UNSURE
    conditions.append(f"coalesce(e.verification, '') NOT IN ({', '.join('?' * len(UNSURE))})")
    conditions.append("coalesce(e.status, '') <> 'entered-in-error'")
    if one.outpatient:
        values += sorted(ADMITTED)
        conditions.append(
            "coalesce(e.visit, '') NOT IN (SELECT v.record FROM event v WHERE v.kind = 'encounter' "  # noqa: S608 - as above
            f"AND v.class IN ({', '.join('?' * len(ADMITTED))}))"
        )
    return (
        "SELECT e.patient_id, e.record, e.part, e.day, e.moment, e.value, e.unit, e.comparator "  # noqa: S608 - as above
        f"FROM event e WHERE {' AND '.join(conditions)}"
    )
