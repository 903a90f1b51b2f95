"""A service account reads its listed patients from the store, where the registration says so; nobody else is let in there."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from app.mcp.authorization import Presented
from sandbox.profile_answers import _mark
from tests.interaction.mcp.audit import mcp_rows
from tests.interaction.mcp.hosts import as_host
from tests.interaction.mcp.services import BACKEND, asked, table, token_of
from tests.interaction.mcp.test_patient_lock import everything, text_of
from tests.interaction.warehouse.stored import stored_stack
from tests.requirements import requirement
from tests.stack import APP, Stack, make_stack, registered

# All are in the store; the EHR shows "employee" to nobody, and "restricted" but in part.
CHARTS = ("child", "newborn", "special/employee", "special/restricted")
LISTED = ("child", "special/employee", "special/restricted")
PROBLEMS = {"section": "problems"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("service-store")
    return stored_stack(folder, CHARTS, f"{BACKEND}\n{table(*LISTED)}")


async def problems(client: Client) -> Any:
    return await client.call_tool("chart_section", PROBLEMS)


@requirement("service:patient", "service:store")
def test_a_listed_patient_is_read_from_the_store_with_its_date(stack: Stack) -> None:
    token = token_of(stack, "child")
    found = as_host(stack, token, problems)
    assert not found.is_error
    assert "FROM the store, data as of" in found.content[0].text
    assert found.structured_content["sections"][0]["state"] == "complete"
    assert stack.patient("newborn") not in text_of(as_host(stack, token, everything))


@requirement("service:patient", "service:store")
def test_who_is_in_the_store_and_on_no_list_is_refused(stack: Stack) -> None:
    found = asked(stack, "newborn")
    assert (found.status_code, found.get_json()["error"]) == (400, "invalid_request")
    last = mcp_rows(stack)[-1]
    assert (last["act"], "not one of this service's list" in last["why"]) == ("refused", True)


@requirement("service:store")
def test_the_stores_own_door_takes_no_token_of_a_service(stack: Stack) -> None:
    bearer = {"Authorization": f"Bearer {token_of(stack, 'child')}"}
    for patient in ("child", "newborn"):
        address = f"/fhir/sandbox/Condition?patient={stack.patient(patient)}"
        answer = stack.app.test_client().get(address, base_url=APP, headers=bearer)
        assert (answer.status_code, "entry" in answer.text) == (401, False)


@requirement("service:store")
@pytest.mark.parametrize("chart", ["special/restricted", "special/employee"])
def test_what_is_labelled_restricted_leaves_the_store_for_no_service(
    stack: Stack, chart: str
) -> None:
    text = text_of(as_host(stack, token_of(stack, chart), everything))
    marked = {f"{r['resourceType']}/{r['id']}" for r in stack.state.data_plane.every() if _mark(r)}
    assert marked
    assert [one for one in marked if f'"{one}"' in text] == []


@requirement("service:store")
def test_the_store_is_asked_for_the_services_patient_only(stack: Stack) -> None:
    token = token_of(stack, "child")
    who = stack.services.mcp_tokens.verify(Presented(token=token))
    assert who is not None

    async def of_another(client: Client) -> Any:
        other = stack.patient("newborn")
        return [
            await client.call_tool("chart_section", {**PROBLEMS, "patient": other}),
            await client.call_tool("chart_search", {"words": [other]}),
        ]

    named, searched = as_host(stack, token, of_another)
    assert named.is_error
    assert all(stack.patient("newborn") not in str(fact.get("reference")) for fact in searched.structured_content["facts"])  # fmt: skip


@requirement("service:store")
def test_a_service_whose_registration_says_nothing_of_the_store_reads_the_ehr(
    stack: Stack, tmp_path: Path
) -> None:
    config = registered(tmp_path, more=f"{BACKEND}\n{table('child')}")
    other = make_stack(tmp_path, launch_config=config, warehouse=stack.services.settings.warehouse)
    found = as_host(other, token_of(other, "child"), problems)
    assert not found.is_error
    assert "the store" not in found.content[0].text
