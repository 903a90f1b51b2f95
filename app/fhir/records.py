"""The tables of a chart: which resource type stands in which, how it is grouped, dated and printed.

Source: FHIR R4 resource pages, https://hl7.org/fhir/R4/resourcelist.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.fhir.facts import Facts, When
from app.fhir.orders import (
    dispense,
    dispensed,
    order,
    order_group,
    ordered,
    report,
    report_date,
    report_group,
    request,
)  # fmt: skip
from app.fhir.source import Resource
from app.fhir.statements import allergy, clinical_status, condition, condition_date, none_known
from app.fhir.visits import encounter, note, note_date, started


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type as a table: its prefix, title, columns (heading, field) and how to read it."""

    prefix: str
    title: str
    columns: tuple[tuple[str, str], ...]
    group: Callable[[Resource], str]
    date: Callable[[Resource], When]
    facts: Callable[[Resource], Facts]


def _status(r: Resource) -> str:
    return str(r.get("status") or "no status")


KINDS: dict[str, Kind] = {
    "Condition": Kind(
        prefix="P", title="PROBLEMS", group=clinical_status, date=condition_date, facts=condition,
        columns=(("problem", "problem"), ("onset", "date"), ("list", "list")),
    ),
    "MedicationRequest": Kind(
        prefix="M", title="MEDICATION ORDERS", group=order_group, date=ordered, facts=order,
        columns=(("drug", "drug"), ("dose", "dose"), ("route", "route"), ("frequency", "frequency"),
                 ("ordered", "date"), ("by", "author"), ("supply", "supply")),
    ),
    "AllergyIntolerance": Kind(
        prefix="A", title="ALLERGIES", date=lambda r: (str(r.get("recordedDate") or ""), "recorded"), facts=allergy,
        group=lambda r: "stated" if none_known(r) else clinical_status(r),
        columns=(("substance", "substance"), ("reaction", "reaction"), ("criticality", "criticality"),
                 ("verification", "verification")),
    ),
    "Encounter": Kind(
        prefix="E", title="ENCOUNTERS", group=_status, facts=encounter,
        date=started,
        columns=(("start", "date"), ("class", "class"), ("type", "type"), ("reason", "reason"), ("site", "site")),
    ),
    "DocumentReference": Kind(
        prefix="N", title="NOTES", date=note_date, facts=note,
        group=lambda r: str(r.get("docStatus") or r.get("status") or "no status"),
        columns=(("date", "date"), ("type", "type"), ("author", "author"), ("format", "format")),
    ),
    "ServiceRequest": Kind(
        prefix="R", title="ORDERS AND REPORTS", group=_status, date=ordered, facts=request,
        columns=(("order or report", "order"), ("date", "date"), ("status", "status"), ("by", "author")),
    ),
    "DiagnosticReport": Kind(
        prefix="R", title="ORDERS AND REPORTS", group=report_group, date=report_date, facts=report,
        columns=(("order or report", "order"), ("date", "date"), ("status", "status"), ("by", "author")),
    ),
    "MedicationDispense": Kind(
        prefix="D", title="MEDICATION FILLS", group=_status, date=dispensed, facts=dispense,
        columns=(("drug", "drug"), ("quantity", "quantity"), ("supply", "supply"), ("dispensed", "date")),
    ),
}  # fmt: skip
KIND_OF_PREFIX = {kind.prefix: kind for kind in reversed(KINDS.values())}
