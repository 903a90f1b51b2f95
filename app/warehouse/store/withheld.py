"""Invariant 8 for tables made of a store: leave out what carries a restricting label, with its patient's and its visit's, and count it.

Not protected: sensitive data without a label, and what the words of other records say of it.
"""

from typing import Any

import duckdb
import orjson

from app.fhir.labels import Labels

# Records that carry any label, or a meta that is none; which labels restrict is `Labels`' to say. A name may be written with
# escapes (`\u0073ecurity`): those records are looked into as well.
LABELLED = r"""
SELECT resource_type, id, json FROM store.resource
WHERE (contains(json, '"security') OR contains(json, '\u00'))
    AND (json_extract(json, '$.meta.security') IS NOT NULL OR json_extract(json, '$.securityLabel') IS NOT NULL)
  OR json_type(json, '$.meta') NOT IN ('OBJECT', 'NULL')
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
    cursor = db.cursor()
    cursor.execute(LABELLED)
    found: list[tuple[str, str]] = []
    while rows := cursor.fetchmany(5000):
        found += [
            (kind, key) for kind, key, text in rows if labels.holds_back(_parsed(text), "bulk")
        ]
    if not found:
        db.execute(WHOLE)
        return {}
    db.execute("CREATE TEMP TABLE withheld (resource_type VARCHAR, id VARCHAR)")
    kinds, keys = zip(*found, strict=True)
    db.execute("INSERT INTO withheld SELECT unnest(?), unnest(?)", [list(kinds), list(keys)])
    for statement in KEPT.split(";"):
        db.execute(statement)
    counted = db.execute(
        "SELECT resource_type, count(*) FROM (SELECT DISTINCT * FROM withheld) GROUP BY 1 ORDER BY 1"
    )
    return dict(counted.fetchall())


def _parsed(text: str) -> dict[str, Any]:
    resource: dict[str, Any] = orjson.loads(text)
    return resource
