"""Invariant 8 for tables made of a store: leave out what carries a restricting label, with its patient's and its visit's, and count it.

Not protected: sensitive data without a label, and what the words of other records say of it.
"""

from collections.abc import Iterator

import duckdb
import orjson

from app.fhir.labels import Labels
from app.warehouse.store.record import held_back

# Records that carry a label where one is read, or a meta that is none; which labels restrict is `Labels`' to say, once for each
# that differs.
LABELLED = r"""
CREATE TEMP TABLE labelled AS SELECT resource_type, id, json_object(
    'meta', CASE json_type(meta) WHEN 'OBJECT' THEN json_object('security', json_extract(meta, '$.security')) ELSE meta END,
    'securityLabel', own)::VARCHAR AS labels
FROM (SELECT resource_type, id, json_extract(json, '$.meta') AS meta, json_extract(json, '$.securityLabel') AS own,
    contains(json, '"security') AS named FROM store.resource)
WHERE named AND (json_extract(meta, '$.security') IS NOT NULL OR own IS NOT NULL)
  OR json_type(meta) NOT IN ('OBJECT', 'NULL')
"""
# DuckDB reads the first of two equal names. Where the name stands more often than once, or not where it was looked for, or where
# letters are written with escapes (`\u0073ecurity`), the whole text is read.
DOUBTED = r"""
SELECT resource_type, id, json FROM store.resource
WHERE (contains(json, '"security') AND (length(json) - length(replace(json, '"security', '')) > 10
    OR (json_extract(json, '$.meta.security') IS NULL AND json_extract(json, '$.securityLabel') IS NULL)))
  OR (contains(json, '\u00') AND regexp_matches(json, '\\u00[4-7]'))
"""
DOUBTED_AT_ONCE = 2_000
WHOLE = "CREATE TEMP VIEW kept AS FROM store.resource"
KEPT = """
CREATE TEMP TABLE hidden_patient AS SELECT id FROM withheld WHERE resource_type = 'Patient';
CREATE TEMP TABLE hidden_visit AS SELECT id FROM withheld WHERE resource_type = 'Encounter';
INSERT INTO withheld SELECT resource_type, id FROM store.resource WHERE patient IN (FROM hidden_patient);
INSERT INTO withheld SELECT resource_type, id FROM store.resource WHERE (SELECT count(*) > 0 FROM hidden_visit)
  AND regexp_extract(coalesce(json_extract_string(json, '$.encounter.reference'),
    json_extract_string(json, '$.partOf.reference'), ''), '(?:^|/)Encounter/([A-Za-z0-9.\\-]+)', 1) IN (FROM hidden_visit);
CREATE TEMP VIEW kept AS SELECT r.* FROM store.resource r ANTI JOIN withheld w ON r.resource_type = w.resource_type AND r.id = w.id
"""


def withhold(db: duckdb.DuckDBPyConnection, labels: Labels) -> dict[str, int]:
    """Make the view `kept` of the attached `store`'s records that may be used; return how many may not, by type."""
    db.execute(LABELLED)
    differing = db.execute("SELECT DISTINCT labels FROM labelled").fetchall()
    held = [text for (text,) in differing if _restricts(text, labels)]
    db.execute(
        "CREATE TEMP TABLE withheld AS SELECT resource_type, id FROM labelled WHERE labels IN (SELECT unnest(?::VARCHAR[]))",
        [held],
    )
    doubtful = [*_doubtful(db, labels)]
    if doubtful:
        kinds, ids = zip(*doubtful, strict=True)
        db.execute("INSERT INTO withheld SELECT unnest(?), unnest(?)", [list(kinds), list(ids)])
    if not held and not doubtful:
        db.execute(WHOLE)
        return {}
    for statement in KEPT.split(";"):
        db.execute(statement)
    counted = db.execute(
        "SELECT resource_type, count(*) FROM (SELECT DISTINCT * FROM withheld) GROUP BY 1 ORDER BY 1"
    )
    return dict(counted.fetchall())


def _restricts(text: str, labels: Labels) -> bool:
    try:
        return labels.holds_back(orjson.loads(text), "bulk")
    except orjson.JSONDecodeError:
        # A number beyond all, which DuckDB passes on.
        return True


def _doubtful(db: duckdb.DuckDBPyConnection, labels: Labels) -> Iterator[tuple[str, str]]:
    cursor = db.cursor()
    cursor.execute(DOUBTED)
    while rows := cursor.fetchmany(DOUBTED_AT_ONCE):
        yield from (
            (kind, fhir_id) for kind, fhir_id, text in rows if held_back(text, labels, "bulk")
        )
