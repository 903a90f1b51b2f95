"""What the tools reach: flagged results by query, the code status in the overview; handles, dates and names as they are."""

import re

import pytest

from app.fhir.blocks import rows
from app.fhir.citation import HANDLES
from app.fhir.note_conflicts import conflicts
from app.fhir.planned import appointment
from app.fhir.reader import LaunchChart
from app.fhir.visits import encounter
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from tests.ndjson_source import launch


@pytest.fixture(scope="module")
def chart() -> LaunchChart:
    return launch("messy")


def call(chart: LaunchChart, name: str, **arguments: object) -> ToolResult:
    return Registry(CHART_TOOLS, chart, chart.context).call(name, arguments)


def test_a_query_for_flags_gives_flagged_results_only_and_as_many_as_fit(
    chart: LaunchChart,
) -> None:
    found = call(
        chart, "chart_query",
        sql="select handle, test, value, unit, flag, date from results where section = 'labs' and flag is not null order by time desc",
    )  # fmt: skip
    _, *lines = [x for x in found.text.splitlines() if "|" in x]
    assert all(line.split("|")[4] for line in lines)
    assert "TSH|9.80|mIU/L|H|2026-10-20" in found.text
    assert "CUT: " in found.text


def test_what_was_not_sent_is_null(chart: LaunchChart) -> None:
    blank = " or ".join(f"{c} = ''" for c in ("code", "unit", "flag", "status", "site"))
    found = call(chart, "chart_query", sql=f"select count(*) n from results where {blank}")
    assert found.text.splitlines()[1] == "0"


def test_the_overview_leads_with_code_status_and_flags(chart: LaunchChart) -> None:
    found = call(chart, "chart_overview")
    alerts = found.text.splitlines()[2]
    assert alerts.startswith("ALERTS active: F")
    assert "Do not resuscitate" in alerts
    assert "Contact isolation: MRSA" in alerts
    assert "Neutropenic precautions" not in alerts  # It has ended.
    assert {"consents", "flags"} <= set(found.completeness)


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("L5 HbA1c % 4.0-5.6: ad7.9H", ["L5"]),
        ("A1c [L5ad], [CALC1], N2; S1", ["L5ad", "CALC1", "N2", "S1"]),
        ("A1|penicillin\nL3aa' ICD10 CA125", ["A1", "L3aa'"]),
    ],
)
def test_a_handle_is_no_part_of_a_word(text: str, handles: list[str]) -> None:
    assert HANDLES.findall(text) == handles


def test_every_handle_of_a_result_is_of_this_chart(chart: LaunchChart) -> None:
    found = call(chart, "chart_results", tests=["HbA1c"])
    assert "HbA1c" in found.text
    assert {h[0] for h in found.handles} == {"L"}


def test_an_alert_that_has_ended_says_until_when(chart: LaunchChart) -> None:
    chart.ensure("flags")
    (ended,) = [x for x in chart.chart.tables["F"] if "Neutropenic" in x.text("alert")]
    said = " ".join(str(piece) for row in rows(chart, [ended.handle]).rows for piece in row.pieces)
    assert "until 19-Nov-2026" in said
    assert not re.search(r"\d{4}-\d\d-\d\dT", said)


def test_who_took_part_is_named_once() -> None:
    one, two = ({"individual": {"display": name}} for name in ("A. Osei, MD", "B. Adeyemi, RN"))
    facts = encounter({"resourceType": "Encounter", "id": "e", "participant": [one, one, two, one]})
    assert [f.value for f in facts if f.field == "author"] == ["A. Osei, MD; B. Adeyemi, RN"]
    by = {"actor": {"reference": "Practitioner/1", "display": "A. Osei, MD"}}
    facts = appointment({"resourceType": "Appointment", "id": "a", "participant": [by, by]})
    assert [f.value for f in facts if f.field == "author"] == ["A. Osei, MD"]


def test_tools_and_card_name_the_same_first_note_of_a_sentence(chart: LaunchChart) -> None:
    found = call(chart, "chart_notes", words=["full code"])
    told = {e.group: e.field("copied from") for e in found.entries if e.section == "conflict"}
    first = {c.about: c.first for c in conflicts(chart.chart, chart.texts.notes(chart.chart))}
    assert told == {about: note.handle if note else "" for about, note in first.items()}
    assert any(told.values())
