"""Invariant 8 for tables made of a store: leave out what carries a restricting label, with its patient's and its visit's, and count it.

Not protected: sensitive data without a label, and what the words of other records say of it.
"""

import duckdb
import orjson

from app.fhir.labels import Labels

# Records that carry any label, or a meta that is none; which labels restrict is `Labels`' to say, once for each that differs. A name
# may be written with escapes (`\u0073ecurity`): those records are looked into as well.
LABELLED = r"""
CREATE TEMP TABLE labelled AS SELECT resource_type, id, json_object(
    'meta', CASE json_type(meta) WHEN 'OBJECT' THEN json_object('security', json_extract(meta, '$.security')) ELSE meta END,
    'securityLabel', own)::VARCHAR AS labels
FROM (SELECT resource_type, id, json_extract(json, '$.meta') AS meta, json_extract(json, '$.securityLabel') AS own,
    contains(json, '"security') OR contains(json, '\u00') AS named FROM store.resource)
WHERE named AND (json_extract(meta, '$.security') IS NOT NULL OR own IS NOT NULL)
  OR json_type(meta) NOT IN ('OBJECT', 'NULL')
"""
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
    held = [text for (text,) in differing if labels.holds_back(orjson.loads(text), "bulk")]
    if not held:
        db.execute(WHOLE)
        return {}
    db.execute(
        "CREATE TEMP TABLE withheld AS SELECT resource_type, id FROM labelled WHERE labels IN (SELECT unnest(?))",
        [held],
    )
    for statement in KEPT.split(";"):
        db.execute(statement)
    counted = db.execute(
        "SELECT resource_type, count(*) FROM (SELECT DISTINCT * FROM withheld) GROUP BY 1 ORDER BY 1"
    )
    return dict(counted.fetchall())
