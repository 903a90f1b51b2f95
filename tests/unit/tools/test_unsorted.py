"""A record that does not say the status, date, code or value it was asked by is counted, and no "none" stands beside it."""

from typing import Any

import pytest

from app.fhir.card import build_card
from app.fhir.display import Text
from app.fhir.reader import LaunchChart
from app.tools.registry import ToolResult
from tests.unit.fhir.ehr import NOW, observation
from tests.unit.fhir.records import SUBJECT, coded, record
from tests.unit.tools.test_section_tool import call, chart_of

ORDERED = "2026-11-19T09:00:00-06:00"
CBC = record("ServiceRequest", "cbc", SUBJECT, code=coded("58410-2", "CBC"), authoredOn=ORDERED)
CULTURE = record("DiagnosticReport", "cu", SUBJECT, code=coded("600-7", "Blood culture"))
ASPIRIN = record(
    "MedicationRequest", "as", SUBJECT, status="active", intent="order",
    medicationCodeableConcept={"text": "aspirin 81 mg"},
)  # fmt: skip


def nones(result: ToolResult) -> list[str]:
    """Return what is said not to exist."""
    return [e.name for e in result.entries if e.section == "search" and e.field("complete")]


def pending_on_card(launch: LaunchChart) -> str:
    card = build_card(launch, launch.sources, NOW, "Practitioner/none")
    rows = [row for s in card.sections if s.id == "pending" for row in s.rows]
    return " ".join(p.text for row in rows for p in row.pieces if isinstance(p, Text))


@pytest.mark.parametrize("status", [{}, {"status": "unknown"}, {"status": "being-processed"}])
def test_an_order_whose_status_sorts_it_nowhere_leaves_pending_open(status: dict[str, Any]) -> None:
    launch = chart_of({**CBC, **status}, {**CULTURE, "status": "final"})
    found = call(launch, "chart_pending")
    assert nones(found) == []
    assert "Orders: not read (1 record without a status was not sorted)" in found.text
    assert "Orders: 1 record without a status was not sorted." in pending_on_card(launch)
    assert "none found" not in pending_on_card(launch)


def test_what_is_pending_beside_an_order_without_a_status_is_still_told() -> None:
    launch = chart_of(CBC, {**CULTURE, "status": "registered"})
    found = call(launch, "chart_pending")
    assert [e.name for e in found.entries] == ["Blood culture"]
    assert "1 record without a status was not sorted" in found.text


def test_an_active_order_for_nobody_knows_what_is_not_called_pending() -> None:
    launch = chart_of(record("ServiceRequest", "x", SUBJECT, status="active"))
    found = call(launch, "chart_pending")
    assert nones(found) == []
    assert "Orders: not read (1 record without a code was not sorted)" in found.text


def test_orders_of_known_status_leave_nothing_open() -> None:
    launch = chart_of({**CBC, "status": "completed"}, {**CULTURE, "status": "final"})
    found = call(launch, "chart_pending")
    assert nones(found) == ["pending orders and reports"]
    assert "none found" in pending_on_card(launch)


def test_a_result_without_a_code_may_be_the_one_that_is_asked_for() -> None:
    found = call(chart_of(observation(code={})), "chart_results", tests=["sodium"])
    assert nones(found) == []
    assert "1 record does not say what it is about" in found.text


def test_a_result_without_a_value_is_no_missing_result() -> None:
    sent = observation(status="registered")
    del sent["valueQuantity"]
    launch = chart_of(sent)
    found = call(launch, "chart_results", tests=["potassium"])
    assert nones(found) == []
    assert "Laboratory results: not read (1 result without a value was not sorted)" in found.text
    assert nones(call(launch, "chart_results", tests=["sodium"])) == ["sodium"]
    assert nones(call(launch, "chart_search", words=["potassium"])) == []


def test_the_head_of_a_panel_lacks_no_value() -> None:
    sent = observation(hasMember=[{"reference": "Observation/x"}])
    del sent["valueQuantity"]
    assert nones(call(chart_of(sent), "chart_results", tests=["potassium"])) == ["potassium"]


def test_what_says_no_date_is_counted_among_changes() -> None:
    sent = observation("undated")
    del sent["effectiveDateTime"]
    launch = chart_of(observation(), sent, ASPIRIN)
    found = call(launch, "changes_since", date="2026-11-01")
    assert [e.name for e in found.entries] == ["01-Nov-2026", "Potassium"]
    assert "1 record without a date that could be compared was not sorted" in found.text
    assert {look.section for look in found.looks if look.completeness.kind == "failed"} == {
        "labs",
        "medications",
    }
    assert nones(call(chart_of(sent), "changes_since", date="2026-11-01")) == []


def test_a_month_says_nothing_of_a_day_in_it() -> None:
    launch = chart_of(observation(effectiveDateTime="2026-11"))
    narrow = call(launch, "chart_results", tests=["potassium"], since="2026-11-10")
    assert nones(narrow) == []
    assert "1 record without a date that could be compared was not sorted" in narrow.text
    until = call(launch, "chart_results", tests=["potassium"], until="2026-11-10")
    assert nones(until) == []
    assert not any(e.cells for e in until.entries[:1])
    wide = call(launch, "chart_results", tests=["potassium"], since="2026-11")
    assert [c.date for e in wide.entries for c in e.cells] == ["Nov-2026"]
    assert nones(call(launch, "chart_results", tests=["potassium"], since="2026-12-01")) == [
        "potassium"
    ]


def test_a_day_without_an_hour_is_part_of_what_changed_on_that_day() -> None:
    visit = record(
        "Encounter", "v", SUBJECT, status="finished", period={"start": "2026-11-18T15:00:00-06:00"}
    )
    launch = chart_of(visit, {**ASPIRIN, "authoredOn": "2026-11-18"})
    found = call(launch, "changes_since")
    assert "aspirin 81 mg" in [e.name for e in found.entries]
    assert "not sorted" not in found.text


def test_active_medicines_count_the_orders_without_a_status() -> None:
    silent = {k: v for k, v in ASPIRIN.items() if k != "status"}
    launch = chart_of({**ASPIRIN, "id": "b"}, silent)
    found = call(launch, "chart_section", section="medications", status="active")
    assert len(found.entries) == 1
    assert "Medication orders: not read (1 record without a status was not sorted)" in found.text
    assert (
        nones(call(chart_of(silent), "chart_section", section="medications", status="active")) == []
    )


def test_of_two_results_of_one_day_the_flagged_one_is_not_hidden() -> None:
    high: dict[str, Any] = {
        "interpretation": [{"coding": [{"code": "H"}]}],
        "effectiveDateTime": "2026-11-19",
    }
    one = observation("one", effectiveDateTime="2026-11-19")
    two = observation("two", valueQuantity={"value": 6.1, "unit": "mmol/L"}, **high)
    for pair in ((one, two), (two, one)):
        launch = chart_of(*({**r, "id": f"{r['id']}{at}"} for at, r in enumerate(pair)))
        entries = call(launch, "chart_overview").entries
        assert [e.name for e in entries] == ["Potassium"]
        card = build_card(launch, launch.sources, NOW, "Practitioner/none")
        assert "6.1" in repr(card.sections[0].rows[0])


def test_a_query_that_finds_no_row_names_what_is_empty_in_its_columns() -> None:
    sql = "select handle from records where section = 'requests' and status = 'pending'"
    assert nones(call(chart_of(CBC), "chart_query", sql=sql)) == []
    found = call(chart_of({**CBC, "status": "completed"}), "chart_query", sql=sql)
    assert nones(found) == ["rows that match a query"]
