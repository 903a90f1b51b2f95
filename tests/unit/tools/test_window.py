"""A search says what narrowed it; what lies outside is named, and what cannot be placed keeps it from being complete."""

import pytest

from app.fhir.reader import LaunchChart
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from app.tools.window import Window, none_within
from tests.ndjson_source import launch


@pytest.fixture(scope="module")
def chart() -> LaunchChart:
    return launch("marlena")


def call(chart: LaunchChart, name: str, arguments: str) -> ToolResult:
    return Registry(CHART_TOOLS, chart, chart.context).call(name, arguments)


def test_results_outside_the_dates_are_named(chart: LaunchChart) -> None:
    asked = '{"tests": ["potassium"], "since": "2026-12-01"}'
    found = call(chart, "chart_results", asked)
    search, last = found.entries
    record = chart.chart.ledger.search(search.handle)
    assert (record.what, record.complete) == ("potassium since 01-Dec-2026", True)
    assert [(c.text, c.date) for c in last.cells] == [("5.6", "19-Nov-2026")]
    assert "potassium since 01-Dec-2026: none found" in found.text
    assert "OUTSIDE these limits it exists; last: " in found.text
    assert "5.6H 19-Nov-2026" in found.text


def test_a_whole_grid_outside_the_dates_is_a_search(chart: LaunchChart) -> None:
    found = call(chart, "chart_results", '{"since": "2026-12-01"}')
    record = chart.chart.ledger.search(found.entries[0].handle)
    assert record.what == "laboratory results since 01-Dec-2026"
    assert found.entries[1].cells


def test_a_section_search_names_status_and_date(chart: LaunchChart) -> None:
    asked = '{"section": "medications", "status": "stopped", "words": "ibuprofen", "since": "2026-12-01"}'
    found = call(chart, "chart_section", asked)
    record = chart.chart.ledger.search(found.entries[0].handle)
    assert record.what.endswith(" since 01-Dec-2026")
    assert "ibuprofen" in record.what
    assert "OUTSIDE these limits it exists" in found.text
    assert call(chart, "chart_section", '{"section": "medications", "status": "current"}').is_error


def test_a_note_search_names_author_and_date(chart: LaunchChart) -> None:
    asked = '{"words": ["ibuprofen"], "author": "Mensah", "since": "2026-12-01"}'
    found = call(chart, "chart_notes", asked)
    record = chart.chart.ledger.search(found.entries[0].handle)
    assert record.what == "the word “ibuprofen” by Mensah since 01-Dec-2026"
    assert "OUTSIDE these limits it exists; last: N" in found.text


@pytest.mark.parametrize(
    ("moment", "unplaced"),
    [("", True), ("2026", True), ("2026-06", True), ("2026-05", False), ("2025", False), ("2026-06-15", False)],
)  # fmt: skip
def test_a_date_too_coarse_for_the_limit_cannot_be_placed(
    chart: LaunchChart, moment: str, *, unplaced: bool
) -> None:
    window = Window(since="2026-06-10")
    assert window.unplaced(moment) is unplaced
    record = none_within(chart.chart, "potassium", "labs", window, [moment])
    assert record.complete is not unplaced
    assert Window().unplaced("") is False
