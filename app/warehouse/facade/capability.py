"""The CapabilityStatement: made from the tables that requests are understood by, so it says what is so.

Source: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from typing import Any

import orjson

from app.warehouse.facade.bundle import Answer, headers
from app.warehouse.facade.parameters import (
    BY_TYPE,
    INCLUDES,
    REVINCLUDES,
    SHARED,
    TABLE,
    Kind,
    Parameter,
)
from app.warehouse.store.snapshot import Snapshot

FHIR_KIND: dict[Kind, str] = {
    "token": "token", "date": "date", "reference": "reference", "own": "reference", "id": "token", "updated": "date",
}  # fmt: skip


def statement(base: str, snapshot: Snapshot) -> Answer:
    """Return what is supported, of the types that the store was made for."""
    as_of = snapshot.data_as_of
    found = {
        "resourceType": "CapabilityStatement", "status": "active", "date": snapshot.built_at, "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["json"], "url": f"{base}/metadata",
        "software": {"name": "Chartside"},
        "implementation": {"url": base, "description": f"Read-only copy of {snapshot.base}, data as of {as_of or 'no moment'}"},
        "rest": [
            {
                "mode": "server",
                "documentation": "One patient for each access. Unknown parameters are refused, never ignored.",
                "resource": [_resource(kind) for kind in (*TABLE, *(k for k in SHARED if k not in TABLE))],
                "operation": [{"name": "run", "definition": "http://sql-on-fhir.org/OperationDefinition/$run"}],
            }
        ],
    }  # fmt: skip
    version = f"{snapshot.number}-metadata"
    return Answer(status=200, body=orjson.dumps(found), headers=headers(version, as_of, snapshot.built_at))  # fmt: skip


def _resource(kind: str) -> dict[str, Any]:
    searched = BY_TYPE.get(kind, {})
    found: dict[str, Any] = {"type": kind, "interaction": [{"code": "read"}], "versioning": "no-version"}  # fmt: skip
    if searched:
        found["interaction"].append({"code": "search-type"})
        found["searchParam"] = [_parameter(one) for one in searched.values()]
    if includes := sorted(pair for pair in INCLUDES if pair.startswith(f"{kind}:")):
        found["searchInclude"] = includes
    if searched:
        found["searchRevInclude"] = sorted(REVINCLUDES)
    if kind == "Patient":
        found["operation"] = [{"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}]  # fmt: skip
    return found


def _parameter(parameter: Parameter) -> dict[str, str]:
    return {"name": parameter.name, "type": FHIR_KIND[parameter.kind]}
