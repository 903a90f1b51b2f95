"""Structured criteria: who is in a cohort, as data, and the one parameterised SELECT and the words that they come to.

Every value is bound, never part of the SQL; the SQL has only the shapes below. A criterion about records counts final,
confirmed, done ones (`COUNTED`) unless it names statuses; days count back from the day of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, Literal

import msgspec

from app.errors import CohortRefused
from app.fhir.dates import day as spoken
from app.fhir.measures.rules import ValueSet, load
from app.warehouse.views import DUCKDB
from app.warehouse.views.render import Dialect

System = Literal["icd10", "snomed", "loinc", "cvx", "rxnorm", "cpt", "ndc"]
Kind = Literal["condition", "observation", "medication", "encounter", "immunization", "procedure", "report", "allergy"]  # fmt: skip
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
# What stands for something that is so, or was done.
COUNTED: Mapping[str, tuple[str, ...]] = {
    "observation": ("final", "amended", "corrected", "appended"),
    "report": ("final", "amended", "corrected", "appended"),
    "immunization": ("completed",), "procedure": ("completed",),
    "encounter": ("finished", "in-progress", "onleave", "arrived", "triaged", "completed"),
    "medication": ("active", "completed", "on-hold", "stopped"),
}  # fmt: skip
UNSURE = ("refuted", "entered-in-error", "unconfirmed", "provisional", "differential")
MOST_CRITERIA, MOST_CODES = 30, 200
AGE = (
    "CASE WHEN length(p.birth_date) >= 10 THEN CAST(left(?, 4) AS INTEGER) - CAST(left(p.birth_date, 4) AS INTEGER) "
    "- CASE WHEN substring(p.birth_date, 6, 5) > substring(?, 6, 5) THEN 1 ELSE 0 END END"
)
SEX = "CASE WHEN p.sex IN ('F', 'female') THEN 'female' WHEN p.sex IN ('M', 'male') THEN 'male' ELSE 'other' END"
# The newest first; of two of one minute the one whose record and part come later in the alphabet, in every engine.
NEWEST = "moment DESC, record DESC, part DESC NULLS LAST"
SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "="}


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is unknown is refused by name."""


class Age(_Strict, frozen=True, kw_only=True, tag_field="of", tag="age"):
    """Whole years on the day of the data, both included."""

    at_least: Annotated[int, msgspec.Meta(ge=0, le=150)] = 0
    at_most: Annotated[int, msgspec.Meta(ge=0, le=150)] = 150


class Sex(_Strict, frozen=True, kw_only=True, tag_field="of", tag="sex"):
    """Sex at birth where it is sent, else administrative gender."""

    sex: Literal["female", "male", "other"] = msgspec.field(name="is")


class Value(_Strict, frozen=True, kw_only=True):
    """A number that a result is compared with, in one unit (UCUM); `latest`: the newest result only."""

    sign: Literal["<", "<=", ">", ">=", "="] = msgspec.field(name="is")
    number: float
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=30)]
    which: Literal["latest", "any"] = "latest"


class Record(_Strict, frozen=True, kw_only=True, tag_field="of", tag="record"):
    """Patients with a record: of a value set of the rules, or of codes (`icd10` are beginnings); on `count` different days."""

    kind: Kind
    set: str = ""
    codes: dict[System, tuple[Text, ...]] = {}
    status: tuple[Text, ...] = ()
    classes: tuple[Text, ...] = msgspec.field(default=(), name="class")
    within_days: Annotated[int, msgspec.Meta(ge=1, le=36_600)] | None = None
    since: date | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    value: Value | None = None
    missing: bool = False


Criterion = Age | Sex | Record


class Cohort(_Strict, frozen=True, kw_only=True):
    """Patients who fit all of `all`, one of `any` (if there are some) and none of `none`."""

    all: tuple[Criterion, ...] = ()
    any: tuple[Criterion, ...] = ()
    none: tuple[Criterion, ...] = ()


@dataclass(kw_only=True)
class Query:
    """One SELECT with `?` for each of its values: the patients of a cohort with their age and sex; and what it says."""

    sql: str = ""
    values: list[Any] = field(default_factory=list)
    words: str = ""
    dialect: Dialect = DUCKDB


def read(text: bytes | str) -> Cohort:
    """Return criteria from JSON.

    Raises:
        CohortRefused: it names the field that is unknown, missing or of the wrong type.
    """
    try:
        cohort = msgspec.json.decode(text, type=Cohort)
    except msgspec.MsgspecError as error:
        raise CohortRefused(f"criteria: {error}") from error
    demand(cohort)
    return cohort


def demand(cohort: Cohort) -> None:
    """Refuse criteria that their types allow and that mean nothing.

    Raises:
        CohortRefused: it says what.
    """
    every = (*cohort.all, *cohort.any, *cohort.none)
    if len(every) > MOST_CRITERIA:
        raise CohortRefused(f"more than {MOST_CRITERIA} criteria")
    for one in every:
        if isinstance(one, Record):
            _demand(one)


def _demand(one: Record) -> None:
    known = {each.name for each in value_sets()}
    if one.set and one.set not in known:
        raise CohortRefused(f"no value set of this name; there are {', '.join(sorted(known))}")
    if one.set and one.codes:
        raise CohortRefused("set or codes, not both")
    if sum(map(len, one.codes.values())) > MOST_CODES:
        raise CohortRefused(f"more than {MOST_CODES} codes")
    if one.classes and one.kind != "encounter":
        raise CohortRefused("only an encounter has a class")
    if one.value and (one.kind != "observation" or one.count > 1):
        raise CohortRefused("only one observation has a value that is compared")
    if one.within_days and one.since:
        raise CohortRefused("within_days or since, not both")


def value_sets() -> list[ValueSet]:
    """Return the value sets of the rules of care."""
    rules = load().rules
    every = [e.set for r in rules for e in (*r.population, *r.exclusion, *(x for g in r.met for x in g))]  # fmt: skip
    return list({one.name: one for one in every}.values())


def compiled(cohort: Cohort, day: str, dialect: Dialect = DUCKDB) -> Query:
    """Return the SELECT of a cohort at a day (ISO): columns patient_id, age, sex."""
    out = Query(values=[day, day], dialect=dialect)
    parts, said = [], []
    for one in cohort.all:
        parts.append(_sql(one, day, out))
        said.append(words(one, day))
    if cohort.any:
        parts.append(f"({' OR '.join(_sql(one, day, out) for one in cohort.any)})")
        said.append(f"({' or '.join(words(one, day) for one in cohort.any)})")
    for one in cohort.none:
        # A criterion that cannot be told (no date of birth) is not fulfilled.
        parts.append(f"NOT coalesce({_sql(one, day, out)}, FALSE)")
        said.append(f"not: {words(one, day)}")
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    out.sql = f"SELECT p.patient_id, {AGE} AS age, {SEX} AS sex FROM person p{where} ORDER BY p.patient_id"  # noqa: S608 - shapes of this module only
    out.words = f"Counts patients{' with ' if said else ''}{'; and '.join(said)}, on {spoken(day)}."
    return out


def _sql(one: Criterion, day: str, out: Query) -> str:
    match one:
        case Age():
            out.values += [day, day, one.at_least, one.at_most]
            return f"({AGE} BETWEEN ? AND ?)"
        case Sex():
            out.values.append(one.sex)
            return f"({SEX} = ?)"
        case Record():
            found = f"p.patient_id IN ({_record(one, day, out)})"
            return f"(NOT {found})" if one.missing else f"({found})"


def _record(one: Record, day: str, out: Query) -> str:
    """Return a SELECT of the patients with such records."""
    # `?` stand in the order of the text: conditions first, then how often.
    conditions = [
        "e.kind = ?",
        *_matched(one, out),
        *_status(one, out),
        *_days(one, day, out),
    ]
    where = " AND ".join(conditions)
    if one.value:
        return _valued(one.value, where, out)
    out.values.append(one.count)
    return f"SELECT e.patient_id FROM event e WHERE {where} GROUP BY e.patient_id HAVING count(DISTINCT e.day) >= ?"  # noqa: S608 - as above


def _valued(value: Value, where: str, out: Query) -> str:
    """Return a SELECT of patients whose newest result, or any, compares; one in another unit, or a limit, does not."""
    out.values += [value.unit, value.number]
    compares = f"v.comparator IS NULL AND v.unit = ? AND v.value {SIGNS[value.sign]} ?"
    newest = "v.place = 1 AND " if value.which == "latest" else ""
    return (
        "SELECT v.patient_id FROM (SELECT e.patient_id, e.value, e.unit, e.comparator, "  # noqa: S608 - as above
        f"row_number() OVER (PARTITION BY e.patient_id ORDER BY {NEWEST}) AS place "
        f"FROM event e WHERE e.value IS NOT NULL AND {where}) v WHERE {newest}{compares}"
    )


def _matched(one: Record, out: Query) -> list[str]:
    out.values.append(one.kind)
    if one.set:
        wanted = next(each for each in value_sets() if each.name == one.set)
        return [belongs(wanted, one.kind, out.values, out.dialect)]
    if not one.codes:
        return []
    return [f"({coded(one.codes, one.kind, out.values)})"]


def coded(codes: Mapping[System, tuple[str, ...]], kind: str, values: list[Any]) -> str:
    """Return a condition on event `e`: it has one of the codes."""
    values.append(kind)
    listed = []
    for system, those in codes.items():
        values.append(system)
        values += those
        if system == "icd10":
            # Left of both: a beginning of a code; `starts_with` has another name elsewhere.
            begins = " OR ".join("left(c.code, length(?)) = ?" for _ in those)
            values[-len(those) :] = [value for code in those for value in (code, code)]
            listed.append(f"(c.system = ? AND ({begins}))")
        else:
            listed.append(f"(c.system = ? AND c.code IN ({', '.join('?' * len(those))}))")
    return f"e.event IN (SELECT c.event FROM event_code c WHERE c.kind = ? AND ({' OR '.join(listed)}))"  # noqa: S608 - as above


def belongs(wanted: ValueSet, kind: str, values: list[Any], dialect: Dialect = DUCKDB) -> str:
    """Return a condition on event `e`: it belongs to a value set, by a code or by the words of its name.

    The same rule as that of one chart (`app.tools.care_gaps.records`): an ingredient counts always; a word does not where the name
    holds one of `but_not`, nor, for a problem, one of `never`.
    """
    systems: tuple[System, ...] = ("icd10", "snomed", "loinc", "cvx")
    codes = {name: found for name in systems if (found := getattr(wanted, name))}
    parts = [coded(codes, kind, values)] if codes else []
    matches = dialect.functions["matches"].format("e.text", "?")
    if wanted.ingredients:
        values.append(whole_words(wanted.ingredients))
        parts.append(matches)
    if wanted.words:
        values.append(whole_words(wanted.words))
        said = matches
        without = (*wanted.but_not, *(load().never if kind == "condition" else ()))
        if without:
            values.append(whole_words(without))
            said += f" AND NOT {matches}"
        parts.append(f"({said})")
    return f"({' OR '.join(parts)})"


def whole_words(words: tuple[str, ...]) -> str:
    """Return a pattern, of RE2 and of Java alike, that finds one of several words in lower-case text, whole."""
    special = "\\.+*?()|[]{}^$/"
    escaped = "|".join("".join(f"\\{c}" if c in special else c for c in w.casefold()) for w in words)  # fmt: skip
    return rf"(^|[^\pL\pN])({escaped})([^\pL\pN]|$)"


def _status(one: Record, out: Query) -> list[str]:
    statuses = one.status or COUNTED.get(one.kind, ())
    found = []
    if statuses:
        out.values += statuses
        found.append(f"e.status IN ({', '.join('?' * len(statuses))})")
    if one.kind in ("condition", "allergy"):
        out.values += UNSURE
        found.append(f"coalesce(e.verification, '') NOT IN ({', '.join('?' * len(UNSURE))})")
    if one.classes:
        out.values += one.classes
        found.append(f"e.class IN ({', '.join('?' * len(one.classes))})")
    return found


def _days(one: Record, day: str, out: Query) -> list[str]:
    """Return conditions on the day: not after that of the data; a date without a day counts from its first."""
    out.values.append(day)
    first = _first(one, day)
    if not first:
        return ["left(e.day, 10) <= ?"]
    out.values.append(first)
    return ["left(e.day, 10) <= ?", "left(e.day, 10) >= ?"]


def _first(one: Record, day: str) -> str:
    if one.since:
        return one.since.isoformat()
    if one.within_days:
        return (date.fromisoformat(day) - timedelta(days=one.within_days)).isoformat()
    return ""


def words(one: Criterion, day: str) -> str:
    """Say a criterion."""
    match one:
        case Age():
            return f"age {one.at_least} to {one.at_most} years"
        case Sex():
            return f"sex {one.sex}"
        case Record():
            return _record_words(one, day)


def _record_words(one: Record, day: str) -> str:
    what = one.set or ", ".join(f"{s} {'/'.join(c)}" for s, c in one.codes.items()) or "of any kind"
    status = f" ({' or '.join(one.status)})" if one.status else ""
    classes = f" of class {'/'.join(one.classes)}" if one.classes else ""
    since = f" since {spoken(_first(one, day))}" if _first(one, day) else ""
    often = f" on at least {one.count} days" if one.count > 1 else ""
    value = ""
    if one.value:
        which = "the newest" if one.value.which == "latest" else "any"
        value = f", {which} {one.value.sign} {one.value.number:g} {one.value.unit}"
    return f"{'no ' if one.missing else ''}{one.kind} {what}{status}{classes}{since}{often}{value}"
