"""One table of everything that happened to patients, from the views: what criteria and measures are written over.

`person`: patient_id, key (random for each snapshot), birth_date, sex, deceased. `event`: one row for each record, or
component of a result, that belongs to a person: kind, status, verification, category, class, day (ISO, as precise as
sent, in the site's zone), moment, text (its names, lower case), value, unit (UCUM), comparator, visit. `event_code`: its codes, by
the short names of their systems.
"""

import secrets
from collections.abc import Collection, Mapping

import duckdb

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
# A component counts as a result of its own: it has its record's status, day and visit, and its own code and value.
COMPONENTS = """
INSERT INTO event SELECT nextval('next_event'), o.patient_id, 'observation', o.record, c.position, o.status, NULL, o.category, NULL, o.day, o.moment,
  lower(concat_ws(' | ', c.code_text, c.code_display)), c.value, c.unit_code, c.value_comparator, o.visit
FROM observation_component c JOIN event o ON o.kind = 'observation' AND o.record = c.observation_id;
INSERT INTO event_code SELECT DISTINCT e.event, e.patient_id, 'observation', short_system(v.s), v.c
FROM (SELECT observation_id, position, code_system AS s, code AS c FROM observation_component WHERE code IS NOT NULL
  UNION SELECT observation_id, position, 'http://loinc.org', loinc FROM observation_component WHERE loinc IS NOT NULL) v
JOIN event e ON e.kind = 'observation' AND e.record = v.observation_id AND e.part = v.position
"""


def fill(db: duckdb.DuckDBPyConnection, zone: str, missing: Collection[str]) -> None:
    """Fill `person`, `event` and `event_code` from those views that are there."""
    known = " ".join(f"WHEN '{url}' THEN '{name}'" for url, name in SYSTEMS.items())
    db.execute(f"CREATE TEMP MACRO short_system(s) AS CASE s {known} ELSE 'other' END")
    db.execute(_moment(zone))
    for statement in TABLES.split(";")[:-1]:
        db.execute(statement)
    db.execute(PERSON, [secrets.token_hex(32)])
    for kind in KINDS:
        if kind.view not in missing:
            db.execute(_events(kind))
            for statement in _codes(kind, missing):
                db.execute(statement)
    if not {"observation", "observation_component"} & set(missing):
        for statement in COMPONENTS.split(";"):
            db.execute(statement)
    for table in ("event", "event_code"):
        db.execute(f"CREATE TABLE sorted AS FROM {table} ORDER BY kind, patient_id")
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE sorted RENAME TO {table}")


def _moment(zone: str) -> str:
    """Return a macro for the moment of a date as sent, to the minute: with an offset in the site's zone, else as it is."""
    quoted = zone.replace("'", "''")
    moment = f"strftime(TRY_CAST(d AS TIMESTAMPTZ) AT TIME ZONE '{quoted}', '%Y-%m-%dT%H:%M')"
    return (
        "CREATE TEMP MACRO own_moment(d) AS CASE WHEN d LIKE '%T%' AND (d LIKE '%Z' OR regexp_matches(d, '[+-][0-9:]{5}$')) "
        f"THEN coalesce({moment}, d[:16]) ELSE coalesce(d[:16], '') END"
    )


def _events(kind: Kind) -> str:
    wrap = {
        "day": "left(own_moment({}), 10)",
        "moment": "own_moment({})",
        "text": "lower({})",
    }
    own = {**kind.columns, "moment": kind.columns["day"]}
    columns = ", ".join(
        wrap.get(name, "{}").format(own[name]) if name in own else "NULL" for name in COLUMNS
    )
    return (
        f"INSERT INTO event SELECT nextval('next_event'), patient_id, '{kind.name}', id, NULL, {columns} "  # noqa: S608 - all of it stands above
        f"FROM {kind.view} WHERE patient_id IN (SELECT patient_id FROM person)"
    )


def _codes(kind: Kind, missing: Collection[str]) -> list[str]:
    """Return what fills `event_code`; where the view of codings is missing, events have none."""
    own = f"JOIN event e ON e.kind = '{kind.name}' AND e.part IS NULL AND e.record = "
    into = f"INSERT INTO event_code SELECT DISTINCT e.event, e.patient_id, '{kind.name}', "
    if kind.child:
        listed = f"{into} short_system(c.system), c.code FROM {kind.child} c {own} c.{kind.view}_id WHERE c.code IS NOT NULL"
        return [] if kind.child in missing else [listed]
    found = [
        f"SELECT id, {system} AS s, {code} AS c FROM {kind.view} WHERE {code} IS NOT NULL"  # noqa: S608 - as above
        for system, code in kind.codes
    ]
    return [f"{into} short_system(v.s), v.c FROM ({' UNION '.join(found)}) v {own} v.id"] if found else []  # fmt: skip
