"""The store as a FHIR server: by a token of a launch, for its patient, screened, audited, and refused to anybody else."""

import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.audit.log import AuditEvent
from sandbox.profile_answers import _mark
from tests.interaction.policy.it import it
from tests.interaction.warehouse.stored import stored_stack
from tests.stack import APP, Launched, Stack, make_stack, patient_id

CHARTS = ("marlena", "newborn", "special/restricted", "special/sub-type", "special/glass")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return stored_stack(tmp_path_factory.mktemp("door"), CHARTS)


def token(launched: Launched, **more: str) -> str:
    answer = launched.post("/mcp-token", {"host": "ward-copilot", "resource": "fhir", **more})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["url"] == f"{APP}/fhir/sandbox"
    return str(answer.get_json()["access_token"])


def ask(stack: Stack, address: str, bearer: str, *, slug: str = "sandbox", **more: Any) -> TestResponse:  # fmt: skip
    headers = {"Authorization": f"Bearer {bearer}", **more.pop("headers", {})}
    method = more.pop("method", "GET")
    return stack.app.test_client().open(f"/fhir/{slug}/{address}", method=method, base_url=APP, headers=headers, **more)  # fmt: skip


def matches(response: TestResponse) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found = response.get_json().get("entry", [])
    return [e["resource"] for e in found if e["search"]["mode"] == "match"]


def events(stack: Stack, launch_id: str) -> list[AuditEvent]:
    return [e for e in stack.services.audit.events(launch_id) if e.kind == "mcp"]


def test_an_application_reads_the_launchs_patient_and_every_access_is_written_down(stack: Stack) -> None:  # fmt: skip
    launched = stack.browser().launch("newborn")
    bearer, patient = token(launched), patient_id("newborn")
    problems = ask(stack, f"Condition?patient={patient}", bearer)
    assert len(matches(problems)) == 2
    assert problems.headers["X-Data-As-Of"] == problems.get_json()["meta"]["lastUpdated"]
    assert problems.headers["Content-Type"] == "application/fhir+json"
    again = ask(stack, f"Condition?patient={patient}", bearer, headers={"If-None-Match": problems.headers["ETag"]})  # fmt: skip
    assert (again.status_code, again.data) == (304, b"")
    posted = ask(stack, "Condition/_search", bearer, method="POST", data={"patient": patient})
    assert matches(posted) == matches(problems)
    noted = [json.loads(e.detail) for e in events(stack, launched.launch_id)]
    ids = [f"Condition/{r['id']}" for r in matches(problems)]
    assert noted[0] | {"token": ""} == {
        "act": "fhir", "host": "ward-copilot", "token": "", "type": "Condition", "status": 200, "records": ids, "count": 2,
    }  # fmt: skip
    assert len(noted) == 3


def test_pages_and_everything_by_http(stack: Stack) -> None:
    bearer = token(stack.browser().launch("newborn"))
    found, address = [], "Observation?_count=20"
    while address:
        page = ask(stack, address, bearer)
        found += matches(page)
        links = {link["relation"]: link["url"] for link in page.get_json().get("link", [])}
        address = links.get("next", "").removeprefix(f"{APP}/fhir/sandbox/")
    every = matches(ask(stack, f"Patient/{patient_id('newborn')}/$everything", bearer))
    assert {r["id"] for r in every if r["resourceType"] == "Observation"} == {r["id"] for r in found}  # fmt: skip
    assert every[0]["resourceType"] == "Patient"
    view = {"resourceType": "ViewDefinition", "resource": "Condition", "status": "active", "select": [{"column": [{"name": "id", "path": "id"}]}]}  # fmt: skip
    rows = ask(stack, "ViewDefinition/$run?_format=json", bearer, method="POST", json=view)
    assert len(rows.get_json()) == 2


def test_another_patient_is_not_reached_by_any_way(stack: Stack) -> None:
    bearer, other = token(stack.browser().launch("newborn")), patient_id("marlena")
    for address, status in (
        (f"Condition?patient={other}", 403), (f"Patient/{other}/$everything", 403), (f"Patient/{other}", 404),
        (f"Patient?_id={other}", 403), (f"Condition?subject=Patient/{other}", 403),
    ):  # fmt: skip
        answer = ask(stack, address, bearer)
        assert answer.status_code == status, answer.text
        assert other not in answer.text.replace(f"Patient/{other} is not", "")


def test_nobody_else_is_let_in(stack: Stack) -> None:
    launched = stack.browser().launch("newborn")
    for_mcp = launched.post("/mcp-token", {"host": "ward-copilot"}).get_json()["access_token"]
    for bearer in ("", launched.key, for_mcp, "x.y.z"):
        answer = ask(stack, "Condition", bearer)
        assert (answer.status_code, answer.get_json()["resourceType"]) == (401, "OperationOutcome")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    bearer = token(launched)
    assert ask(stack, "Condition", bearer, slug="other").status_code == 404
    assert ask(stack, "Condition", bearer, method="POST", json={}).status_code == 405
    assert ask(stack, "Condition", token(launched, scope="patient/Patient.r")).status_code == 403
    launched.delete()
    assert ask(stack, "Condition", bearer).status_code == 401


@pytest.mark.parametrize("chart", ["restricted", "sub-type", "glass"])
def test_what_is_labelled_or_held_back_by_the_ehr_is_counted_and_not_given(stack: Stack, chart: str) -> None:  # fmt: skip
    bearer = token(stack.browser().launch(f"special/{chart}"))
    answer = ask(stack, f"Patient/{patient_id(f'special/{chart}')}/$everything", bearer)
    given = {f"{r['resourceType']}/{r['id']}" for r in matches(answer)}
    assert len(given) > 1
    own = [r for r in stack.state.data_plane.every() if patient_id(f"special/{chart}") in str(r)]
    hidden = [r for r in own if _mark(r) or r.get("meta", {}).get("security")]
    assert hidden
    for resource in hidden:
        reference = f"{resource['resourceType']}/{resource['id']}"
        assert reference not in given
        assert ask(stack, reference, bearer).status_code in (403, 404)
    said = str([e for e in answer.get_json()["entry"] if e["search"]["mode"] == "outcome"])
    assert "not given" in said


def test_a_switch_ends_it(stack: Stack) -> None:
    bearer = token(stack.browser().launch("newborn"))
    assert it(stack, "disable", "action", "mcp", "--reason", "test") == 0
    try:
        assert ask(stack, "Condition", bearer).status_code == 503
    finally:
        it(stack, "enable", "action", "mcp")


def test_without_the_setting_there_is_no_token_for_it(tmp_path: Path) -> None:
    launched = make_stack(tmp_path).browser().launch("newborn")
    refused = launched.post("/mcp-token", {"host": "ward-copilot", "resource": "fhir"})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "mcp.host")
