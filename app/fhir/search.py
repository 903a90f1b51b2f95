"""Build FHIR searches: typed by fhirclient's `where(...).construct()`, the patient always added by code.

fhirclient builds the query string only; its transport follows next links to foreign hosts with the token, so it is
never used (it follows next links to foreign hosts with the token). Dates carry their prefix as text (`ge2026-01-01`).
"""

import re
from dataclasses import replace

from fhirclient.models.fhirelementfactory import (  # type: ignore[import-untyped]  # fhirclient ships no types
    FHIRElementFactory,
)

from app.errors import BoundaryRefused
from app.fhir.compartment import FHIR_ID
from app.fhir.sections import SECTIONS
from app.fhir.source import Query

SEARCHED = frozenset(section.kind for section in SECTIONS) - {"Patient"}
# Page sizes above this are ours for reading a section whole; a server that declines them is asked for this one.
LARGE, MODEST = 1000, 100
# No _include (but `with_medicines`), _revinclude, _has, _id, chains or modifiers: each is a way out of the compartment.
ALLOWED = frozenset((
    "category", "code", "date", "status", "clinical-status", "type", "intent", "authoredon", "authored",
    "whenhandedover", "effective-time", "_sort", "_count", "_lastUpdated", "period",
))  # fmt: skip
VALUE = re.compile(r"[\w\-.,:/|+ ]{1,400}", re.ASCII)


def construct(query: Query, patient_id: str) -> str:
    """Return `Type?patient=id&…`, relative to the FHIR base.

    Raises:
        BoundaryRefused: an unknown type, a parameter that could leave the patient's compartment, or a bad id.
    """
    if query.resource_type not in SEARCHED:
        raise BoundaryRefused(f"{query.resource_type[:40]} is not searched")
    if not FHIR_ID.fullmatch(patient_id):
        raise BoundaryRefused("a patient id that is not a FHIR id")
    struct = {"patient": patient_id}
    for name, value in query.params:
        if name not in ALLOWED or name in struct or not VALUE.fullmatch(value):
            raise BoundaryRefused(f"search parameter {name[:40]} is not allowed")
        struct[name] = value
    model = type(FHIRElementFactory.instantiate(query.resource_type, None))
    return str(model.where(struct).construct())


def modest(query: Query) -> Query:
    """Return the same search with pages that every server gives; itself where its pages are no larger."""
    count = dict(query.params).get("_count", "")
    if not count.isdigit() or int(count) < LARGE:
        return query
    params = ((k, str(MODEST) if k == "_count" else v) for k, v in query.params)
    return replace(query, params=tuple(params))


def with_medicines(address: str, query: Query) -> str:
    """Ask that the Medications that orders refer to come along: the one `_include`, since it leads to no person.

    Source: US Core 9.0.0 MedicationRequest, "Mandatory Search Parameters", `_include=MedicationRequest:medication`
    """
    return f"{address}&_include={query.resource_type}:medication"
