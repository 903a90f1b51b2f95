"""What a launch may do follows from what the EHR granted, whatever was asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.fhir.source import Complete, Denied, Restricted
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.requirements import requirement
from tests.stack import Launched, Stack, make_stack, registered

LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
PLAIN = '  "patient/Observation.rs",'


def launched_with(folder: Path, *changes: tuple[str, str]) -> tuple[Stack, Launched]:
    stack = make_stack(folder, launch_config=registered(folder, *changes))
    return stack, stack.browser().launch()


def tools(stack: Stack, launched: Launched) -> set[str]:
    context = stack.services.sessions.context(launched.launch_id)
    registry = Registry(CHART_TOOLS, stack.services.charts.get(context), context)
    return {tool.name for tool in registry.describe()}


def sections(stack: Stack, launched: Launched, *names: Any) -> dict[str, Any]:
    context = stack.services.sessions.context(launched.launch_id)
    found = stack.services.charts.get(context).ensure(*names)
    return {str(name): state for name, state in found.items()}


@requirement("smart:scopes:granted", "attack-21")
@pytest.mark.parametrize(
    ("left", "gone"),
    [
        ("patient/Observation.rs", {"chart_notes", "chart_pending", "note_read"}),
        ("patient/DocumentReference.rs", {"chart_results", "chart_overview", "chart_pending"}),
    ],
)
def test_a_tool_is_offered_only_where_something_it_reads_was_granted(
    tmp_path: Path, left: str, gone: set[str]
) -> None:
    shipped = (Path("launch_config") / "sandbox.toml").read_text("utf-8")
    others = [
        (line + "\n", "")
        for line in shipped.splitlines()
        if line.startswith('  "patient/') and left not in line
    ]
    stack, launched = launched_with(tmp_path, *others)
    offered = tools(stack, launched)
    assert offered
    assert not gone & offered


@requirement("smart:scopes:granted", "smart:scopes:syntax")
def test_scopes_of_the_first_version_open_the_same_chart(tmp_path: Path) -> None:
    stack, launched = launched_with(
        tmp_path, (PLAIN, '  "patient/Observation.read",'), ("Condition.rs", "Condition.read")
    )
    scope = stack.services.sessions.context(launched.launch_id).scope
    assert "patient/Observation.read" in scope.split()
    found = sections(stack, launched, "labs", "problems")
    assert [type(found[name]) for name in ("labs", "problems")] == [Complete, Complete]


@requirement("smart:scopes:granular")
@pytest.mark.parametrize("category", [LAB, "laboratory"])
def test_a_category_that_was_not_granted_is_never_none(tmp_path: Path, category: str) -> None:
    """The EHR leaves out what a granular scope does not give, without a word; its silence is no "none"."""
    stack, launched = launched_with(
        tmp_path, (PLAIN, f'  "patient/Observation.rs?category={category}",')
    )
    found = sections(stack, launched, "labs", "vitals", "other")
    assert isinstance(found["labs"], Complete)
    assert found["vitals"] == Denied(
        scope="patient/Observation.rs?category=vital-signs", http_status=0
    )
    assert isinstance(found["other"], Denied)
    asked = [one.path for one in stack.fhir_requests() if one.path.startswith("/fhir/Observation")]
    assert asked
    assert not any("vital-signs" in path for path in asked)
    assert "Vital signs, medication fills: the EHR does not give them" in launched.get("/card").text
    answer = json.dumps(launched.ask("What is the blood pressure?"), ensure_ascii=False)
    assert "This is not “none”: vital signs may exist." in answer
    assert "chart_results" in tools(stack, launched)


@requirement("smart:scopes:granular")
def test_a_search_that_was_granted_in_part_is_restricted_and_names_the_part(tmp_path: Path) -> None:
    stack, launched = launched_with(
        tmp_path,
        (PLAIN, '  "patient/Observation.rs?category=survey",'),
        ('  "patient/DiagnosticReport.rs",', '  "patient/DiagnosticReport.rs?category=LAB",'),
    )
    found = sections(stack, launched, "labs", "other", "reports")
    assert isinstance(found["labs"], Denied)
    for name, only in (("other", "category=survey"), ("reports", "category=LAB")):
        assert isinstance(found[name], Restricted), name
        assert found[name].why == f"the EHR granted only {only}"


@requirement("smart:scopes:granular")
def test_no_tool_is_offered_for_a_category_that_no_search_asks_for(tmp_path: Path) -> None:
    stack, launched = launched_with(
        tmp_path, (PLAIN, '  "patient/Observation.rs?category=device-reading",')
    )
    assert "chart_results" not in tools(stack, launched)


# ------------------------------------------------------------ context


@requirement("smart:context:patient", "smart:context:banner")
@pytest.mark.parametrize("sent", [True, False, "true", "false"])
def test_the_patient_of_the_token_response_stands_on_top_whatever_the_ehr_shows(
    stack: Stack, sent: object
) -> None:
    launched = stack.browser().launch(more={"need_patient_banner": sent})
    context = stack.services.sessions.context(launched.launch_id)
    # Only a plain false leaves the banner to the EHR.
    assert context.need_patient_banner is (sent is not False)
    assert (context.patient_id, context.encounter_id) == (
        stack.patient("marlena"),
        "me-enc-today",
    )
    assert launched.get().get_json()["patient"]["family"] == "EVERGREEN"
    assert launched.get("/card").get_json()["banner"]["family"] == "EVERGREEN"


@requirement("smart:context:patient")
def test_a_launch_without_an_encounter_is_about_the_patient_alone(stack: Stack) -> None:
    launched = stack.browser().launch("typical")
    context = stack.services.sessions.context(launched.launch_id)
    assert (context.patient_id, context.encounter_id) == (stack.patient("typical"), None)
    assert launched.get("/card").status_code == 200


@pytest.mark.parametrize(
    ("sent", "life_s"),
    [
        ({"expires_in": "600"}, 600.0),
        ({"expires_in": 600}, 600.0),
        ({"expires_in": 10**12}, 86_400.0),
    ],
)
def test_a_life_that_is_sent_as_text_is_read_and_a_strange_one_is_bounded(
    stack: Stack, sent: dict[str, object], life_s: float
) -> None:
    launched = stack.browser().launch(more=sent)
    held = stack.services.smart.vault.held(launched.launch_id)
    assert held is not None
    assert held.life_s == life_s


@pytest.mark.parametrize(
    "sent",
    [{"expires_in": "soon"}, {"expires_in": "nan"}, {"expires_in": -1}, {"token_type": "mac"}, {"scope": None}],
)  # fmt: skip
def test_a_token_response_of_another_form_opens_nothing(
    stack: Stack, sent: dict[str, object]
) -> None:
    browser = stack.browser()
    refused = browser.complete(browser.authorize(browser.launch_page(more=sent)["authorize"]))
    assert (refused.status_code, refused.get_json()["code"]) == (502, "launch.token_refused")
