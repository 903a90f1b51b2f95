"""Launches beside the ordinary one: standalone, posted, and with more context than a patient."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from app.launch_context import ContextReference
from tests.requirements import requirement
from tests.stack import APP, EHR, ISS, Browser, Stack, make_stack, page_data, registered

STANDALONE = "[launch]\nstandalone = true"
POSTED = "[quirks]\nauthorize_post = true"


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


def stack_with(folder: Path, more: str, *changes: tuple[str, str]) -> Stack:
    return make_stack(folder, launch_config=registered(folder, *changes, more=more))


def begun(browser: Browser, response: TestResponse) -> dict[str, Any]:
    data = page_data(response)
    browser.binds[data["state"]] = data["bind"]
    return data


def chosen(stack: Stack, address: str, patient: str) -> dict[str, str]:
    """Go to the EHR as the page does, choose a patient there; return the callback's parameters."""
    parts = urlsplit(address)
    client = stack.ehr.test_client()
    page = client.get(f"{parts.path}?{parts.query}", base_url=EHR)
    assert page.status_code == 200, page.text
    [link] = [
        one.split('"')[0].replace("&amp;", "&")
        for one in page.text.split('href="')[1:]
        if one.split('"')[0].endswith(f"patient={patient}")
    ]
    back = client.get(link, base_url=EHR)
    assert client.get(link, base_url=EHR).status_code == 400
    return {name: values[0] for name, values in parse_qs(urlsplit(back.location).query).items()}


@requirement("smart:launch:standalone")
def test_a_standalone_launch_lets_the_ehr_ask_for_the_patient(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, STANDALONE)
    browser = stack.browser()
    page = begun(browser, browser.open("/smart/sandbox/standalone"))
    asked = {k: v[0] for k, v in parse_qs(urlsplit(page["authorize"]).query).items()}
    assert "launch" not in asked
    assert asked["scope"].split()[0] == "launch/patient"
    assert "launch" not in asked["scope"].split()
    assert asked["aud"] == ISS
    callback = chosen(stack, page["authorize"], stack.patient("marlena"))
    body = browser.complete(callback).get_json()
    context = stack.services.sessions.context(body["launch_id"])
    assert context.patient_id == stack.patient("marlena")


@requirement("smart:launch:standalone")
def test_a_standalone_launch_is_off_unless_registered(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, "")
    before = len(stack.state.wire.entries())
    refused = stack.browser().open("/smart/sandbox/standalone")
    assert (refused.status_code, page_data(refused)["code"]) == (404, "launch.standalone_refused")
    assert len(stack.state.wire.entries()) == before


@requirement("smart:launch:standalone", "attack-01")
def test_of_several_ehrs_one_is_chosen_among_the_registered_ones(tmp_path: Path) -> None:
    two = (f'iss = ["{ISS}"]', f'iss = ["{ISS}", "{EHR}/other"]')
    stack = stack_with(tmp_path, STANDALONE, two)
    browser = stack.browser()
    choice = browser.open("/smart/sandbox/standalone")
    assert choice.text.count("<li>") == 2
    assert "form-action 'none'" in choice.headers["Content-Security-Policy"]
    link = choice.text.split('href="')[1].split('"')[0]
    page = begun(browser, browser.open(f"/smart/sandbox/standalone{link}"))
    assert page["authorize"].startswith(f"{EHR}/auth/authorize?")
    for foreign in ("iss=https://evil.example/fhir", f"iss={ISS}&iss={ISS}"):
        assert browser.open(f"/smart/sandbox/standalone?{foreign}").status_code in (200, 403)
    assert browser.open("/smart/sandbox/standalone?iss=https://evil.example").status_code == 403


@requirement("smart:launch:post")
def test_an_ehr_that_wants_a_form_is_sent_one(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, POSTED)
    browser = stack.browser()
    response = browser.open(
        f"/smart/sandbox/launch?iss={ISS}&launch={stack.state.start(stack.patient('marlena'))}"
    )
    page = begun(browser, response)
    assert page["authorize"] == f"{EHR}/auth/authorize"
    assert page["form"]["aud"] == ISS
    # This page may post, to the EHR and back to us; no other page may.
    policy = response.headers["Content-Security-Policy"]
    assert f"form-action 'self' {EHR};" in policy
    assert browser.complete(browser.authorize(page["authorize"], page["form"])).status_code == 200
    callback = browser.open("/smart/sandbox/callback").headers["Content-Security-Policy"]
    assert "form-action 'none'" in callback


@requirement("smart:launch:post", "smart:scopes:minimum")
def test_a_long_request_is_posted_where_the_ehr_can_and_asks_for_the_registered_scopes(
    tmp_path: Path,
) -> None:
    kinds = (
        "laboratory", "vital-signs", "social-history", "survey", "sdoh", "imaging", "exam", "therapy",
        "procedure", "activity", "functional-status", "cognitive-status",
    )  # fmt: skip
    granular = [
        f"patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|{kind}"
        for kind in kinds
    ]
    many = "\n".join(f'  "{scope}",' for scope in granular)
    stack = stack_with(tmp_path, "", ('  "online_access",', f'  "online_access",\n{many}'))
    page = stack.browser().launch_page()
    assert page["form"]
    registration = stack.services.registry.get("sandbox")
    assert registration is not None
    wanted = [*registration.scopes.required, *registration.scopes.optional]
    assert page["form"]["scope"].split() == wanted
    # An ordinary request fits an address.
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    assert make_stack(ordinary).browser().launch_page()["form"] == {}


def launched_with(stack: Stack, **more: object) -> Any:
    browser = stack.browser()
    page = browser.launch_page(more=more)
    body = browser.complete(browser.authorize(page["authorize"])).get_json()
    return stack.services.sessions.context(body["launch_id"])


@requirement("smart:context:intent", "smart:context:fhir-context")
def test_what_else_was_open_in_the_ehr_is_known_and_audited(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, "")
    context = launched_with(
        stack,
        intent="reconcile-medications",
        tenant="north",
        fhirContext=[
            {"reference": "ImagingStudy/1", "type": "ImagingStudy"},
            {"reference": "DocumentReference/2", "role": "https://roles.example/open"},
            {
                "canonical": "https://forms.example/Questionnaire/phq9|2",
                "type": "Questionnaire",
                "role": "https://roles.example/fill",
            },
            {
                "identifier": {"system": "urn:oid:1.2.36", "value": "ACC-77"},
                "type": "ImagingStudy",
            },
            {"reference": "Patient/9", "role": "https://roles.example/sibling"},
        ],
    )
    assert context.fhir_context == (
        ContextReference(reference="ImagingStudy/1", role="launch", resource_type="ImagingStudy"),
        ContextReference(reference="DocumentReference/2", role="https://roles.example/open"),
        ContextReference(
            canonical="https://forms.example/Questionnaire/phq9|2",
            resource_type="Questionnaire",
            role="https://roles.example/fill",
        ),
        ContextReference(identifier="urn:oid:1.2.36|ACC-77", resource_type="ImagingStudy"),
        ContextReference(reference="Patient/9", role="https://roles.example/sibling"),
    )
    assert (context.intent, context.tenant) == ("reconcile-medications", "north")
    event = stack.services.audit.events(context.launch_id)[0]
    for said in ("ImagingStudy/1", "phq9|2", "identifier", "reconcile-medications", "north"):
        assert said in event.detail
    # An identifier may be a number of the patient.
    assert "ACC-77" not in event.detail


@requirement("attack-60", "smart:context:fhir-context")
@pytest.mark.parametrize(
    "sent",
    [
        "Patient/1",
        {"reference": "Observation/1"},
        ["Observation/1", None, 1, {}],
        [{"reference": "https://evil.example/fhir/Observation/1"}],
        [{"reference": "//evil.example/Observation/1"}],
        [{"reference": "Observation/../Patient/1"}, {"reference": "Observation/.."}],
        [{"reference": "Observation/1?_include=*"}, {"reference": "javascript:alert(1)"}],
        [{"reference": "Observation/1", "role": "<script>"}],
        [{"reference": "Observation/1", "role": 7}],
        [{"canonical": "javascript:alert(1)"}, {"canonical": "https://evil.example/<script>"}],
        [
            {"identifier": "ACC-77"},
            {"identifier": {"system": "urn:x"}},
            {"identifier": {"value": 7}},
        ],
        [{"reference": "Patient/9"}, {"reference": "Encounter/9", "role": "launch"}],
        [{"reference": "Observation/1", "role": ""}],
        [{"reference": ["Observation/1"]}],
    ],
)
def test_a_hostile_context_is_left_out_and_the_launch_goes_on(tmp_path: Path, sent: object) -> None:
    stack = stack_with(tmp_path, "")
    before = len(stack.fhir_requests())
    context = launched_with(stack, fhirContext=sent, intent="<img src=x>")
    assert (context.fhir_context, context.intent) == ((), "")
    assert all("evil" not in one.path for one in stack.fhir_requests()[before:])


def test_a_context_without_end_is_cut(tmp_path: Path) -> None:
    many = [{"reference": f"Observation/{n}"} for n in range(500)]
    context = launched_with(stack_with(tmp_path, ""), fhirContext=many)
    assert len(context.fhir_context) == 20


@requirement("attack-66", "smart:context:tenant")
@pytest.mark.parametrize("sent", [{"tenant": "south"}, {}])
def test_a_tenant_that_is_not_registered_is_refused(tmp_path: Path, sent: dict[str, str]) -> None:
    change = (f'iss = ["{ISS}"]', f'iss = ["{ISS}"]\ntenants = ["north"]')
    stack = stack_with(tmp_path, "", change)
    browser = stack.browser()
    callback = browser.authorize(browser.launch_page(more=sent)["authorize"])
    refused = browser.complete(callback)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "launch.tenant_refused")
    assert launched_with(stack, tenant="north").tenant == "north"


def test_the_app_address_is_its_own(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, STANDALONE)
    page = page_data(stack.browser().open("/smart/sandbox/standalone"))
    query = parse_qs(urlsplit(page["authorize"]).query)
    assert query["redirect_uri"] == [f"{APP}/smart/sandbox/callback"]
