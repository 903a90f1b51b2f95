"""Every status of every type, words nobody has heard of too: shown as sent, an error never, preliminary always said."""

from typing import Any

import pytest

from app.fhir.sections import SECTIONS
from tests.unit.fhir.ehr import observation
from tests.unit.fhir.records import EVERY, SUBJECT, coded, record
from tests.unit.tools.test_section_tool import call, chart_of

ORDERS = {
    "medications": record("MedicationRequest", "mr", SUBJECT, intent="order", medicationCodeableConcept={"text": "aspirin"}),
    "dispenses": record("MedicationDispense", "md", SUBJECT, medicationCodeableConcept={"text": "aspirin"}),
    "requests": record("ServiceRequest", "sr", SUBJECT, intent="order", code=coded("1", "CBC")),
    "reports": record("DiagnosticReport", "dr", SUBJECT, code=coded("2", "Biopsy")),
    "encounters": record("Encounter", "en", SUBJECT, period={"start": "2026-11-01"}),
    "notes": record("DocumentReference", "do", SUBJECT, type={"text": "Letter"}),
}  # fmt: skip
ALL = {**EVERY, **ORDERS}
WORDS = (
    "active", "on-hold", "cancelled", "completed", "stopped", "draft", "unknown", "revoked", "registered", "partial",
    "preliminary", "final", "amended", "corrected", "appended", "planned", "arrived", "triaged", "in-progress", "onleave",
    "finished", "not-done", "preparation", "intended", "not-taken", "current", "superseded", "inactive", "proposed",
    "booked", "fulfilled", "noshow", "checked-in", "waitlist", "requested", "received", "accepted", "rejected", "ready",
    "failed", "suspended", "available", "unavailable", "unsatisfactory", "waiting", "health-unknown", "zorp", "FINAL", "",
)  # fmt: skip


def read(status: str | None) -> dict[str, tuple[str, ...]]:
    """Return the groups of all records by section, of a chart where every record has this status."""
    more = {} if status is None else {"status": status}
    launch = chart_of(*({**without(r), **more} for r in ALL.values()))
    launch.ensure(*(s.name for s in SECTIONS))
    out: dict[str, tuple[str, ...]] = {}
    for lines in launch.chart.tables.values():
        for line in lines:
            out[line.reference] = (*out.get(line.reference, ()), line.group)
    return out


def without(resource: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v for k, v in resource.items() if k not in ("status", "docStatus", "lifecycleStatus")
    }


@pytest.mark.parametrize("status", [*WORDS, None])
def test_no_status_hides_a_record(status: str | None) -> None:
    shown = read(status)
    hidden = {
        f"{r['resourceType']}/{r['id']}" for r in ALL.values() if r["resourceType"] != "Observation"
    } - set(shown)
    # A cancelled report carries no result; it is counted as left out.
    assert hidden == ({"DiagnosticReport/dr"} if status == "cancelled" else set())
    if status in ("zorp", "FINAL"):
        said = {group for groups in shown.values() for group in groups}
        assert status in said
        assert not said & {"pending", "given", "resulted", "final"}


def test_what_was_entered_in_error_is_counted_and_nothing_else() -> None:
    assert read("entered-in-error") == {}
    launch = chart_of(*({**without(r), "status": "entered-in-error"} for r in ALL.values()))
    launch.ensure(*(s.name for s in SECTIONS))
    counted = sum(n for why, n in launch.chart.left_out.items() if "entered-in-error" in why)
    assert counted == sum(r["resourceType"] != "Observation" for r in ALL.values())


@pytest.mark.parametrize(
    ("status", "mark"),
    [
        ("final", ""), ("preliminary", "~"), ("registered", "~"), ("amended", "^"), ("corrected", "^"), ("appended", "^"),
        ("unknown", "?"), ("zorp", "?"), ("", "?"),
    ],
)  # fmt: skip
def test_a_result_says_its_status_beside_its_value(status: str, mark: str) -> None:
    found = call(chart_of(observation(status=status)), "chart_results", tests=["potassium"])
    assert f"a4.1{mark}\n" in found.text + "\n"
    assert [c.status for e in found.entries for c in e.cells] == [status]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_result_that_is_none_is_not_shown(status: str) -> None:
    launch = chart_of(observation(status=status), observation("other"))
    found = call(launch, "chart_results", tests=["potassium"])
    assert sum(len(e.cells) for e in found.entries) == 1
    assert launch.chart.left_out[f"Observation {status}"] == 1
