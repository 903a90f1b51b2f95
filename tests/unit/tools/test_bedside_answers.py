"""What nurses and pharmacists read first: levels, lines, alerts, averages and early warning scores."""

import pytest

from app.fhir.reader import LaunchChart
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.ndjson_source import launch


@pytest.fixture(scope="module")
def messy() -> LaunchChart:
    return launch("messy")


@pytest.fixture(scope="module")
def stay() -> LaunchChart:
    return launch("stay-kidney")


def told(chart: LaunchChart, tool: str, **arguments: object) -> str:
    return Registry(CHART_TOOLS, chart, chart.context).call(tool, arguments).text


def test_a_device_in_use_has_the_name_of_the_device_it_refers_to(messy: LaunchChart) -> None:
    text = told(messy, "chart_section", section="devices")
    assert "Indwelling urinary catheter||15-Nov-2026 02:00" in text
    assert "not named" not in text


def test_words_of_an_alert_ask_for_its_kind(messy: LaunchChart, stay: LaunchChart) -> None:
    diet = told(messy, "chart_section", section="alerts", words="diet")
    assert "NPO" in diet
    assert "Fall risk" not in diet
    code = told(stay, "chart_section", section="alerts", words="code status")
    assert "Resuscitation status" in code
    assert "Fall risk" not in code


def test_a_report_is_found_by_the_beginning_of_its_name_and_tells_its_conclusion(
    messy: LaunchChart,
) -> None:
    assert "Ejection fraction 54%" in told(messy, "chart_section", section="reports", words="echo")


def test_new_text_of_all_notes_can_be_read_since_a_moment(messy: LaunchChart) -> None:
    text = told(messy, "chart_notes", service="any", since="24h")
    assert "Refused enoxaparin" in text
    assert "Thigh pain" not in text


def test_what_a_germ_is_susceptible_to_is_called_so(messy: LaunchChart) -> None:
    names = [row.name for row in messy.chart.grids["L"].rows if "ancomycin" in row.name]
    assert names == ["Vancomycin susceptibility", "Vancomycin, random", "Vancomycin, trough"]


def test_an_early_warning_score_reads_the_level_of_response_and_says_when_the_last_full_set_was(
    messy: LaunchChart,
) -> None:
    text = told(messy, "calculate", name="news2")
    assert text.startswith("CALC1|NEWS2: 4 points; cite")
    assert "also NEWS2 20-Nov-2026 02:00: 7 points" in text
    assert "note Last full set: 20-Nov-2026 06:00." in text


def test_the_totals_that_the_ehr_sent_stand_beside_the_computed_one(stay: LaunchChart) -> None:
    text = told(stay, "calculate", name="news2")
    assert text.count("input NEWS2 total sent by the EHR") == 4


def test_an_average_pressure_keeps_the_patients_own_readings_apart(messy: LaunchChart) -> None:
    text = told(messy, "calculate", name="mean_blood_pressure")
    assert "Average blood pressure: 122/70 mmHg" in text
    assert "also Average at home by the patient: 138/83 mmHg" in text
    assert "24 readings of the last 92 days, 6 marked as taken at home" in text


def test_without_a_warfarin_order_an_inr_has_no_time_in_range(messy: LaunchChart) -> None:
    text = told(messy, "calculate", name="ttr")
    assert "not computed" in text
    assert "MISSING an active warfarin order" in text
