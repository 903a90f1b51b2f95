"""State a computation as evidence, so that a sentence about its result is checked against it, and name it in words.

Only what the calculator itself found stands here: a number that a model made up is in no record.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.fhir.citation import ComputedRecord, Evidence

if TYPE_CHECKING:
    from app.fhir.chart import Chart

MATCHES = "matches"
# What every check says; whoever reads sentences knows that it denies nothing of the chart.
NO_CLEARANCE = "no match is not a clearance"
ONE = {"points": "point", "matches": "match", "rules unmet": "rule unmet"}
# What a sentence about a computation may repeat of the records it used, beside measured values.
NAMED = ("problem", "drug", "substance", "dose", "frequency")


def computed_evidence(chart: "Chart", record: ComputedRecord) -> tuple[Evidence, ...]:
    """Return the result, further values, and what its inputs are evidence of.

    A measured input keeps its status: a sentence about a result from a preliminary value has to say so.
    """
    at = chart.now.isoformat()
    results = [(record.name, record.value, record.unit)]
    results += [(extra.name, extra.value, extra.unit) for extra in record.also]
    # A mean pressure is two numbers, as a measured one is.
    results = [(n, part, unit) for n, value, unit in results for part in value.split("/")]
    own = [
        Evidence(
            reference="", version="", path="", field="value", name=name, value=value or "not computed",
            unit=unit if value else "", date=at, status="incomplete" if record.missing else "",
        )
        for name, value, unit in results
    ]  # fmt: skip
    # No laboratory flagged a computed value: a sentence that calls it low or high is not proved by it.
    unflagged = Evidence(
        reference="", version="", path="", field="flag", name=record.name, value=""
    )
    return (
        *own,
        unflagged,
        *(e for i in record.inputs for e in _of(chart, i.handle)),
        *_entered(record, at),
    )


def names_nothing(evidence: Sequence[Evidence]) -> bool:
    """Tell whether this is a check whose list names none of the records: it has no rows of its own to show."""
    said = [(e.value, e.unit, e.status) for e in evidence[:1]]
    return said == [("0", MATCHES, "")]


def _of(chart: "Chart", handle: str) -> list[Evidence]:
    found = chart.ledger.facts(handle) if handle else ()
    return [
        e if e.reference.startswith("Observation/") else _used(e)
        for e in found
        if e.reference.startswith("Observation/") or e.field in NAMED
    ]


def _used(e: Evidence) -> Evidence:
    # A score counts that a problem is recorded, whatever became of it, and a sentence about the score need not name
    # it: the row itself says name and status.
    return replace(e, field="input", status="")


def _entered(record: ComputedRecord, at: str) -> list[Evidence]:
    """State what the user typed, under a name that says so: it is no value of the chart."""
    return [
        Evidence(
            reference="",
            version="",
            path="",
            field="entered",
            name=f"entered {i.name.casefold()}",
            value=i.text,
            date=at,
        )
        for i in record.inputs
        if i.entered
    ]


def computed_label(record: ComputedRecord) -> str:
    """Return "creatinine clearance, computed from 4 inputs"."""
    n = len(record.inputs)
    if record.kind == "check":
        return f"{record.name}, {n} record{'s' if n != 1 else ''} named"
    if not record.value:
        return f"{record.name}, not computed"
    return f"{record.name}, computed from {n} input{'s' if n != 1 else ''}"


def computed_summary(record: ComputedRecord) -> str:
    """Return the small line of a source: what it is, and where the rule comes from."""
    kind = "Checked here" if record.kind == "check" else "Computed here"
    return f"{kind} · {record.source}"


def printed_value(record: ComputedRecord) -> str:
    """Return "3 points or more", "38 mL/min", or that it was not computed."""
    if not record.value:
        return "not computed"
    unit = ONE.get(record.unit, record.unit) if record.value == "1" else record.unit
    return f"{record.value} {unit}{' or more' if record.at_least else ''}".strip()
