"""One table of everything that happened to patients, from the views: what criteria and measures are written over.

`person`: patient_id, key (random for each snapshot), birth_date, sex, deceased. `event`: one row for each record, or
component of a result, that belongs to a person: kind, status, verification, category, class, day (ISO, as precise as
sent, in the site's zone), moment, text (its names, lower case), value, unit (UCUM), comparator, visit. `event_code`: its codes, by
the short names of their systems.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import duckdb

from app.warehouse.views import DUCKDB
from app.warehouse.views.render import Dialect

SYSTEMS: Mapping[str, str] = {
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10", "http://hl7.org/fhir/sid/icd-10": "icd10",
    "http://snomed.info/sct": "snomed", "http://loinc.org": "loinc", "http://hl7.org/fhir/sid/cvx": "cvx",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm", "http://www.ama-assn.org/go/cpt": "cpt",
    "http://hl7.org/fhir/sid/ndc": "ndc",
}  # fmt: skip
TABLES = """
CREATE TABLE person (patient_id VARCHAR, key BIGINT, birth_date VARCHAR, sex VARCHAR, deceased BOOLEAN);
CREATE TABLE event (
  event BIGINT, patient_id VARCHAR, kind VARCHAR, record VARCHAR, part BIGINT, status VARCHAR, verification VARCHAR, category VARCHAR,
  class VARCHAR, day VARCHAR, moment VARCHAR, text VARCHAR, value DOUBLE, unit VARCHAR, comparator VARCHAR, visit VARCHAR);
CREATE TABLE event_code (event BIGINT, patient_id VARCHAR, kind VARCHAR, system VARCHAR, code VARCHAR);
CREATE TEMP SEQUENCE next_event;
"""
# The key is the place in an order that nobody can make again: the salt is kept nowhere.
PERSON = """
INSERT INTO person
SELECT id, row_number() OVER (ORDER BY sha256($1 || id)), birth_date, coalesce(nullif(birth_sex, ''), gender),
  coalesce(deceased, FALSE) OR deceased_at IS NOT NULL
FROM patient WHERE replaced_by_id IS NULL
"""
COLUMNS = ("status", "verification", "category", "class", "day", "moment", "text", "value", "unit", "comparator", "visit")  # fmt: skip


class Kind:
    """Where a kind of event comes from: its view, what its columns are there, and where its codes stand.

    `codes` are (system, code) columns of the view itself; `child` is the view of its codings.
    """

    def __init__(
        self,
        name: str,
        view: str,
        columns: Mapping[str, str],
        *,
        child: str = "",
        codes: Collection[tuple[str, str]] = (),
    ) -> None:
        self.name, self.view, self.columns, self.child, self.codes = name, view, columns, child, codes  # fmt: skip


KINDS = (
    Kind("condition", "condition", {
        "status": "clinical_status", "verification": "verification_status", "category": "category",
        "day": "coalesce(onset, onset_start, recorded)", "text": "concat_ws(' | ', code_text, code_display)", "visit": "encounter_id",
    }, child="condition_coding"),
    Kind("observation", "observation", {
        "status": "status", "category": "category", "day": "coalesce(effective, effective_start, issued)",
        "text": "concat_ws(' | ', code_text, code_display)", "value": "value", "unit": "unit_code",
        "comparator": "value_comparator", "visit": "encounter_id",
    }, child="observation_coding"),
    Kind("medication", "medicationrequest", {
        "status": "status", "category": "intent", "day": "authored", "visit": "encounter_id",
        "text": "concat_ws(' | ', medication_text, medication_display)",
    }, child="medicationrequest_coding"),
    Kind("encounter", "encounter", {
        "status": "status", "class": "class", "day": "period_start", "text": "concat_ws(' | ', type_text, type_display)",
        "visit": "id",
    }, codes=(("type_system", "type_code"),)),
    Kind("immunization", "immunization", {
        "status": "status", "day": "occurrence", "text": "concat_ws(' | ', vaccine_text, vaccine_display)", "visit": "encounter_id",
    }, codes=(("vaccine_system", "vaccine_code"), ("'http://hl7.org/fhir/sid/cvx'", "cvx"))),
    Kind("procedure", "procedure", {
        "status": "status", "category": "category", "day": "coalesce(performed, performed_start)",
        "text": "concat_ws(' | ', code_text, code_display)", "visit": "encounter_id",
    }, child="procedure_coding"),
    Kind("report", "diagnosticreport", {
        "status": "status", "category": "category", "day": "coalesce(effective, effective_start, issued)",
        "text": "concat_ws(' | ', code_text, code_display)", "visit": "encounter_id",
    }, codes=(("code_system", "code"), ("'http://loinc.org'", "loinc"))),
    Kind("allergy", "allergyintolerance", {
        "status": "clinical_status", "verification": "verification_status", "day": "coalesce(onset, recorded)",
        "text": "concat_ws(' | ', code_text, code_display)", "visit": "encounter_id",
    }, codes=(("code_system", "code"), ("'http://snomed.info/sct'", "snomed"))),
    Kind("questionnaire", "questionnaireresponse", {
        "status": "status", "day": "authored", "text": "questionnaire", "visit": "encounter_id",
    }),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How an engine writes what follows. `number` makes an event's key of its record and part; `own` holds the events without parts.

    Keys are compared for being equal alone: which of two results of one minute is newer is told by record and part.
    """

    dialect: Dialect
    zone: str
    number: Callable[[str, str], str]
    own: str

    def of(self, function: str, *arguments: str) -> str:
        """Write a function of the dialect's table."""
        return self.dialect.functions[function].format(*arguments)

    def moment(self, at: str) -> str:
        """Write the moment of a date as sent, to the minute: with an offset in the site's zone, else as it is."""
        local = self.of("local", at, self.dialect.text(self.zone))
        return (
            f"CASE WHEN {at} LIKE '%T%' AND {self.of('zoned', at)} THEN coalesce({local}, left({at}, 16)) "
            f"ELSE coalesce(left({at}, 16), '') END"
        )

    def system(self, address: str) -> str:
        """Write the short name of a code system."""
        known = " ".join(f"WHEN '{url}' THEN '{name}'" for url, name in SYSTEMS.items())
        return f"CASE {address} {known} ELSE 'other' END"

    def nothing(self, kind: str) -> str:
        """Write NULL of a type."""
        return f"CAST(NULL AS {self.dialect.types[kind]})"


def _numbered(kind: str, part: str) -> str:
    del kind, part
    return "nextval('next_event')"


def fill(db: duckdb.DuckDBPyConnection, zone: str, missing: Collection[str]) -> None:
    """Fill `person`, `event` and `event_code` from those views that are there."""
    writing = Writing(dialect=DUCKDB, zone=zone, number=_numbered, own="event")
    for statement in TABLES.split(";")[:-1]:
        db.execute(statement)
    db.execute(PERSON, [secrets.token_hex(32)])
    for sql in (*events(writing, missing), *parts(writing, missing)):
        db.execute(f"INSERT INTO event {sql}")
    for sql in codes(writing, missing):
        db.execute(f"INSERT INTO event_code {sql}")
    for table in ("event", "event_code"):
        db.execute(f"CREATE TABLE sorted AS FROM {table} ORDER BY kind, patient_id")
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE sorted RENAME TO {table}")


def events(writing: Writing, missing: Collection[str]) -> list[str]:
    """Return a SELECT of the events of each kind whose view is there."""
    return [_events(kind, writing) for kind in KINDS if kind.view not in missing]


def _events(kind: Kind, writing: Writing) -> str:
    own = {**kind.columns, "moment": kind.columns["day"]}
    columns = ", ".join(f"{_column(name, own, writing)} AS {name}" for name in COLUMNS)
    return (
        f"SELECT {writing.number(kind.name, '')} AS event, patient_id, '{kind.name}' AS kind, id AS record, "  # noqa: S608 - all of it stands above
        f"{writing.nothing('integer')} AS part, {columns} FROM {kind.view} WHERE patient_id IN (SELECT patient_id FROM person)"
    )


def _column(name: str, own: Mapping[str, str], writing: Writing) -> str:
    if name not in own:
        return writing.nothing("decimal" if name == "value" else "text")
    match name:
        case "day":
            return f"left({writing.moment(own[name])}, 10)"
        case "moment":
            return writing.moment(own[name])
        case "text":
            return writing.of("lower", own[name])
        case _:
            return own[name]


def parts(writing: Writing, missing: Collection[str]) -> list[str]:
    """Return a SELECT of the components of results: each has its record's status, day and visit, and its own code and value."""
    if {"observation", "observation_component"} & set(missing):
        return []
    text = writing.of("lower", "concat_ws(' | ', c.code_text, c.code_display)")
    return [
        f"SELECT {writing.number('observation', 'c.position')} AS event, o.patient_id, 'observation' AS kind, o.record, c.position AS part, o.status, "  # noqa: S608 - all of it stands above
        f"{writing.nothing('text')} AS verification, o.category, {writing.nothing('text')} AS class, o.day, o.moment, "
        f"{text} AS text, c.value, c.unit_code AS unit, c.value_comparator AS comparator, o.visit "
        f"FROM observation_component c JOIN {writing.own} o ON o.kind = 'observation' AND o.record = c.observation_id"
    ]


def codes(writing: Writing, missing: Collection[str]) -> list[str]:
    """Return a SELECT of the codes of each kind; where the view of codings is missing, events have none."""
    found = [_codes(kind, writing, missing) for kind in KINDS if kind.view not in missing]
    if not {"observation", "observation_component"} & set(missing):
        listed = (
            "SELECT observation_id, position, code_system AS s, code AS c FROM observation_component WHERE code IS NOT NULL "
            "UNION SELECT observation_id, position, 'http://loinc.org', loinc FROM observation_component WHERE loinc IS NOT NULL"
        )
        joined = "JOIN event e ON e.kind = 'observation' AND e.record = v.observation_id AND e.part = v.position"
        found.append(_coded("observation", f"({listed}) v {joined}", "v.s", "v.c", writing))
    return [one for one in found if one]


def _codes(kind: Kind, writing: Writing, missing: Collection[str]) -> str:
    own = f"JOIN event e ON e.kind = '{kind.name}' AND e.part IS NULL AND e.record = "
    if kind.child:
        if kind.child in missing:
            return ""
        source = f"{kind.child} c {own} c.{kind.view}_id WHERE c.code IS NOT NULL"
        return _coded(kind.name, source, "c.system", "c.code", writing)
    found = [
        f"SELECT id, {system} AS s, {code} AS c FROM {kind.view} WHERE {code} IS NOT NULL"  # noqa: S608 - all of it stands above
        for system, code in kind.codes
    ]
    source = f"({' UNION '.join(found)}) v {own} v.id"
    return _coded(kind.name, source, "v.s", "v.c", writing) if found else ""


def _coded(kind: str, source: str, system: str, code: str, writing: Writing) -> str:
    return f"SELECT DISTINCT e.event, e.patient_id, '{kind}' AS kind, {writing.system(system)} AS system, {code} AS code FROM {source}"  # noqa: S608 - all of it stands above
