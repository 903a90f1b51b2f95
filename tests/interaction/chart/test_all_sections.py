"""Every section of the table over the real protocol: the sandbox EHR grants it, takes its search, and gives it whole."""

from typing import Any

from app.fhir.sections import FIRST, SECTIONS
from app.fhir.source import Complete
from tests.stack import Browser, Stack


def chart_of(stack: Stack, launched: Any) -> Any:
    context = stack.services.sessions.context(launched.launch_id)
    return stack.services.charts.get(context)


def test_each_section_is_granted_searched_and_read_to_its_end(
    stack: Stack, browser: Browser
) -> None:
    chart = chart_of(stack, browser.launch())
    before = len(stack.fhir_requests())
    found = chart.ensure(*(s.name for s in SECTIONS))
    asked = [one.path for one in stack.fhir_requests()[before:]]
    # The sandbox gives no fills on purpose, as many EHRs do.
    others = {name: state for name, state in found.items() if name != "dispenses"}
    assert {n: s for n, s in others.items() if not isinstance(s, Complete)} == {}
    assert asked.count("/fhir/metadata") <= 1
    on_demand = {s.kind for s in SECTIONS if s.name not in FIRST}
    assert on_demand <= {path.rpartition("/")[2] for path in asked} | {"Observation"}
    assert others["immunizations"].n == 14


def test_a_second_read_of_an_unchanged_chart_is_answered_without_its_records(
    stack: Stack, browser: Browser
) -> None:
    chart = chart_of(stack, browser.launch())
    handles = [row.handle for row in chart.first_read().grids["L"].rows]
    before = len(stack.fhir_requests())
    again = chart.read_again()
    assert [row.handle for row in again.grids["L"].rows] == handles
    assert {one.status for one in stack.fhir_requests()[before:]} == {304}
