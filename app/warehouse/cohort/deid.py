"""What a free SELECT may read: a database file of its own, without what identifies.

HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i): no names, geographic units (also no state), contact data, numbers, URLs or free text stand in it;
dates are years; ages over 89 are 90, and no year is older than such an age. The key of a patient is random for each snapshot.
Columns are listed, never copied: a code stays where its published system gives it and it looks like one, a status where FHIR
names it, a unit where 11 patients have it. Everything else becomes `other` or nothing. A patient's rows are in no order of time.

It is not anonymous: rare codes together may point to somebody, so nothing but counts and means of 11 patients leaves it
(`adhoc`). A display name of the EHR's own stands in `concept` only where records of 11 patients carry that same name.
"""

import duckdb

FILE = "deid.duckdb"
OLDEST = 90
LEAST = 11
CODES = {
    "icd10": "[A-Z][0-9][0-9A-Z](\\.[0-9A-Z]{1,4})?", "snomed": "[0-9]{6,18}", "loinc": "[0-9]{1,7}-[0-9]",
    "cvx": "[0-9]{1,3}", "rxnorm": "[0-9]{1,8}", "cpt": "[0-9]{4}[0-9A-Z]",
}  # fmt: skip
STATUSES = (
    "active", "recurrence", "relapse", "inactive", "remission", "resolved", "registered", "preliminary", "final", "amended",
    "corrected", "appended", "partial", "cancelled", "entered-in-error", "unknown", "on-hold", "completed", "stopped", "draft",
    "planned", "arrived", "triaged", "in-progress", "onleave", "finished", "not-done", "preparation",
)  # fmt: skip
VERIFIED = (
    "confirmed",
    "unconfirmed",
    "provisional",
    "differential",
    "refuted",
    "entered-in-error",
)
CLASSES = ("AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONACUTE", "OBSENC", "PRENC", "SS", "VR")
SEXES = ("female", "male", "other", "unknown")
KINDS = (
    "condition",
    "observation",
    "medication",
    "encounter",
    "immunization",
    "procedure",
    "report",
    "allergy",
)
TABLES = ("patient", *KINDS)


def fill(db: duckdb.DuckDBPyConnection, year: int, day: str) -> None:
    """Fill the database that is attached as `deid` from `person`, `event` and `event_code`."""
    sex = "CASE sex WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' ELSE sex END"
    years = f"date_diff('year', b, DATE '{day}') - CASE WHEN strftime(b, '%m-%d') > '{day[5:]}' THEN 1 ELSE 0 END"  # fmt: skip
    db.execute(f"""
    CREATE TABLE deid.patient AS SELECT key AS patient_key, {_listed(sex, SEXES)} AS sex,
      greatest(TRY_CAST(left(birth_date, 4) AS INTEGER), {year - OLDEST}) AS birth_year, least({years}, {OLDEST}) AS age, deceased
    FROM (SELECT *, TRY_CAST(birth_date AS DATE) AS b FROM person) ORDER BY key
    """)  # noqa: S608 - all of it stands above
    db.execute(f"""
    CREATE TEMP TABLE common_unit AS SELECT unit FROM event WHERE unit IS NOT NULL
    GROUP BY unit HAVING count(DISTINCT patient_id) >= {LEAST}
    """)  # noqa: S608 - as above
    for kind in KINDS:
        db.execute(_coded(kind, year))
    db.execute(f"""
    CREATE TABLE deid.concept AS SELECT c.kind, c.system, c.code, min(e.text) AS name FROM event_code c JOIN event e USING (event)
    WHERE {code_like("c.system", "c.code")} GROUP BY c.kind, c.system, c.code, e.text
    HAVING count(DISTINCT c.patient_id) >= {LEAST}
    """)  # noqa: S608 - as above


def _coded(kind: str, year: int) -> str:
    """Return what fills one table: a row for each code of each event, one without a code where it has none."""
    extra = {
        "condition": f", {_listed('e.verification', VERIFIED)} AS verification_status",
        "observation": ", CASE WHEN e.comparator IS NULL THEN e.value END AS value, u.unit",
        "encounter": f", {_listed('e.class', CLASSES)} AS class",
    }.get(kind, "")
    fits = code_like("c.system", "c.code")
    happened = "TRY_CAST(left(e.day, 4) AS INTEGER)"
    return f"""
    CREATE TABLE deid.{kind} AS
    SELECT p.key AS patient_key, CASE WHEN {fits} THEN c.system ELSE 'other' END AS system, CASE WHEN {fits} THEN c.code END AS code,
      {_listed("e.status", STATUSES)} AS status, greatest({happened}, {year - OLDEST}) AS year {extra}
    FROM event e JOIN person p USING (patient_id) LEFT JOIN event_code c ON c.event = e.event
      LEFT JOIN common_unit u ON u.unit = e.unit
    WHERE e.kind = '{kind}' ORDER BY p.key, c.code, e.status
    """  # noqa: S608 - as above


def _listed(column: str, allowed: tuple[str, ...]) -> str:
    values = ", ".join(f"'{one}'" for one in allowed)
    return (
        f"CASE WHEN {column} IN ({values}) THEN {column} WHEN {column} IS NOT NULL THEN 'other' END"
    )


def code_like(system: str, code: str) -> str:
    """Return a condition: a code that its published system could give."""
    fits = " ".join(
        f"WHEN '{one}' THEN regexp_full_match({code}, '{pattern}')"
        for one, pattern in CODES.items()
    )
    return f"coalesce(CASE {system} {fits} ELSE FALSE END, FALSE)"
