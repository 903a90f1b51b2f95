"""Hosts that bring an EHR token in headers (SHARP-on-MCP): proved at its own EHR, for one patient, or refused."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from sandbox.faults import Fault, FaultRule
from tests.databases import contents
from tests.interaction.mcp.audit import mcp_rows, refusals
from tests.interaction.mcp.contexts import (
    SCOPES,
    TAKES,
    as_sharp_host,
    ehr_token,
    headers_of,
    sharp_stack,
)
from tests.interaction.mcp.hosts import MODES, asked, token_of
from tests.interaction.mcp.test_patient_lock import everything, text_of
from tests.interaction.policy.it import it
from tests.requirements import requirement
from tests.stack import Stack

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
UNTOLD = 'host = "ward-copilot"\nunintrospected = true\nscopes = ["patient/Patient.r", "patient/Condition.rs"]'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return sharp_stack(tmp_path_factory.mktemp("sharp"))


def sent(stack: Stack, headers: Mapping[str, str], token: str = "") -> httpx2.Response:
    """Send one request of the protocol with these headers."""
    more = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    return asked(stack, token, json=LIST, headers={**more, **headers})


def refusal(stack: Stack, headers: Mapping[str, str], token: str = "") -> tuple[int, str, str]:
    """Return status, code and words of a refused request, which is audited with the same code."""
    before = refusals(stack)
    answer = sent(stack, headers, token)
    error = answer.json()["error"]
    assert error["data"]["code"] in {
        one["code"] for one in mcp_rows(stack) if one["act"] == "refused"
    }
    assert refusals(stack) == before + 1
    return answer.status_code, error["data"]["code"], error["message"]


def introspections(stack: Stack) -> int:
    return len(stack.state.wire.entries("/auth/introspect"))


async def problems(client: Client) -> Any:
    return await client.call_tool("chart_section", {"section": "problems"})


@requirement("mcp:sharp:headers", "mcp:sharp:announced", "mcp:sharp:proved")
@pytest.mark.parametrize("mode", MODES)
def test_a_host_reads_the_chart_of_the_token_it_brings(stack: Stack, mode: str) -> None:
    async def act(client: Client) -> tuple[Any, Any]:
        return client.server_capabilities, await problems(client)

    capabilities, found = as_sharp_host(stack, headers_of(stack, ehr_token(stack)), act, mode)
    assert not found.is_error
    assert found.structured_content["sections"][0]["state"] == "complete"
    # The revisions of 2025 have no extensions: their hosts look in the older place.
    if mode == "auto":
        offered = capabilities.extensions["ai.promptopinion/fhir-context"]["scopes"]
        assert {"name": "patient/Patient.r", "required": True} in offered
    assert capabilities.experimental == {"fhir_context_required": {"value": True}}
    row = next(one for one in mcp_rows(stack) if one["act"] == "context")
    assert (row["host"], row["client"], row["introspected"]) == ("ward-copilot", "ward-at-ehr", True)  # fmt: skip


@requirement("mcp:sharp:headers")
def test_the_older_names_of_the_headers_count_too(stack: Stack) -> None:
    token = ehr_token(stack)
    named = headers_of(stack, token)
    older = {
        "X-FHIR-Server": named["X-FHIR-Server-URL"], "X-Access-Token": token, "X-Patient-ID": named["X-Patient-ID"],
    }  # fmt: skip
    assert sent(stack, older).status_code == 200
    status, code, _ = refusal(stack, {**named, "X-Access-Token": "another"})
    assert (status, code) == (403, "mcp.context")


@requirement("mcp:sharp:headers", "mcp:sharp:kept")
@pytest.mark.parametrize("left_out", ["X-FHIR-Server-URL", "X-FHIR-Access-Token", "X-Patient-ID"])
def test_a_header_that_is_missing_is_named(stack: Stack, left_out: str) -> None:
    headers = headers_of(stack, "any")
    del headers[left_out]
    status, code, words = refusal(stack, headers)
    assert (status, code, words) == (403, "mcp.context", f"The header {left_out} is missing.")


@requirement("mcp:sharp:headers")
def test_two_proofs_at_once_are_refused(stack: Stack) -> None:
    launched = stack.browser().launch("child")
    status, _, words = refusal(stack, headers_of(stack, ehr_token(stack)), token_of(launched))
    assert (status, words.endswith("not both.")) == (403, True)


@requirement("mcp:sharp:registered")
@pytest.mark.parametrize(
    "base",
    ["http://evil.localhost:9000/fhir", "http://ehr.localhost:9000/fhir/../other", "http://169.254.169.254/latest", "nonsense"],
)  # fmt: skip
def test_a_token_for_a_base_that_is_not_registered_goes_nowhere(stack: Stack, base: str) -> None:
    before = len(stack.state.wire.entries(""))
    status, code, _ = refusal(stack, {**headers_of(stack, "secret"), "X-FHIR-Server-URL": base})
    assert (status, code) == (403, "mcp.context")
    assert len(stack.state.wire.entries("")) == before


@requirement("mcp:sharp:registered", "mcp:sharp:announced")
def test_without_the_registrations_word_no_context_is_taken(tmp_path: Path) -> None:
    stack = sharp_stack(tmp_path, "")
    assert refusal(stack, headers_of(stack, ehr_token(stack)))[1] == "mcp.context"
    assert introspections(stack) == 0
    launched = stack.browser().launch("child")

    async def capabilities(client: Client) -> Any:
        return client.server_capabilities

    found = as_sharp_host(stack, {"Authorization": f"Bearer {token_of(launched)}"}, capabilities)
    assert found.experimental is None
    assert "ai.promptopinion/fhir-context" not in (found.extensions or {})


@requirement("mcp:sharp:registered")
def test_a_client_that_the_registration_does_not_name_is_no_host(tmp_path: Path) -> None:
    stack = sharp_stack(tmp_path, TAKES.replace("ward-at-ehr", "someone-else"))
    assert refusal(stack, headers_of(stack, ehr_token(stack)))[:2] == (403, "mcp.host")


@requirement("mcp:sharp:patient", "mcp:sharp:proved")
@pytest.mark.parametrize(
    ("chart", "scopes", "user"),
    [
        ("child", SCOPES, None),
        ("marlena", (*SCOPES, "user/*.rs"), None),
        ("marlena", SCOPES, "patient"),
    ],
)
def test_a_token_that_is_not_for_this_patient_and_this_user_alone_reads_nothing(
    stack: Stack, chart: str, scopes: tuple[str, ...], user: str | None
) -> None:
    person = f"Patient/{stack.patient('marlena')}" if user else None
    token = ehr_token(stack, chart, scopes=scopes, user=person)
    before = len(stack.fhir_requests())
    status, code, _ = refusal(stack, headers_of(stack, token, "marlena"))
    assert (status, code) == (403, "mcp.context_unproved")
    assert len(stack.fhir_requests()) == before


@requirement("mcp:sharp:proved", "mcp:sharp:kept")
def test_a_made_up_token_is_refused_and_the_ehr_asked_about_it_once(stack: Stack) -> None:
    before = introspections(stack)
    headers = headers_of(stack, "made-up")
    assert [refusal(stack, headers)[1] for _ in range(3)] == ["mcp.context_unproved"] * 3
    assert introspections(stack) == before + 1


@requirement("mcp:sharp:proved")
def test_a_token_that_the_ehr_ends_counts_a_few_seconds_more_at_most(stack: Stack) -> None:
    token = ehr_token(stack)
    headers, before = headers_of(stack, token), introspections(stack)
    assert [sent(stack, headers).status_code for _ in range(3)] == [200, 200, 200]
    assert introspections(stack) == before + 1
    stack.state.access_tokens.forget(token)
    stack.clock.forward(seconds=5)
    assert refusal(stack, headers)[1] == "mcp.context_unproved"
    assert token not in str(stack.services.sharp.__dict__["_kept"])


@requirement("mcp:sharp:proved")
def test_it_switches_the_way_in_off(stack: Stack) -> None:
    headers = headers_of(stack, ehr_token(stack))
    assert sent(stack, headers).status_code == 200
    it(stack, "disable", "action", "mcp", "--reason", "drill")
    try:
        assert "drill" in refusal(stack, headers)[2]
    finally:
        it(stack, "enable", "action", "mcp")


@requirement("mcp:sharp:untold")
@pytest.mark.parametrize("answered_for", [False, True])
def test_where_the_ehr_cannot_tell_the_registration_must_answer(
    tmp_path: Path, answered_for: bool
) -> None:
    table = f"[[mcp_server.sharp]]\n{UNTOLD}" if answered_for else TAKES
    stack = sharp_stack(tmp_path, table)
    stack.state.faults.set(FaultRule(match="well-known", fault="no_introspection"))
    headers = headers_of(stack, ehr_token(stack))
    if not answered_for:
        assert refusal(stack, headers)[1] == "mcp.context_unproved"
        return
    found = as_sharp_host(stack, headers, problems)
    assert not found.is_error
    # Another patient's chart is not this token's, and the EHR says so.
    other = headers_of(stack, headers["X-FHIR-Access-Token"], "child")
    assert refusal(stack, other)[1] == "mcp.context_unproved"


@requirement("mcp:sharp:proved")
@pytest.mark.parametrize(
    ("fault", "status"),
    [("server_error_500", 503), ("too_many_429", 503), ("forbidden_403", 403), ("truncated_json", 403)],
)  # fmt: skip
def test_an_introspection_that_says_nothing_proves_nothing(
    stack: Stack, fault: Fault, status: int
) -> None:
    headers = headers_of(stack, ehr_token(stack))
    stack.state.faults.set(FaultRule(match="introspect", fault=fault))
    try:
        assert refusal(stack, headers)[0] == status
    finally:
        stack.state.faults.clear()
    # A refusal is remembered for its token, so that it is not asked about without end; an EHR that is away is asked again.
    assert sent(stack, headers).status_code == (200 if status == 503 else status)


@requirement("mcp:sharp:patient")
def test_two_contexts_never_meet(stack: Stack) -> None:
    charts = ("newborn", "child")
    headers = {chart: headers_of(stack, ehr_token(stack, chart), chart) for chart in charts}
    texts = {chart: text_of(as_sharp_host(stack, headers[chart], everything)) for chart in charts}
    ids = {chart: stack.patient(chart) for chart in charts}
    assert ids["child"] not in texts["newborn"]
    assert ids["newborn"] not in texts["child"]
    assert texts["newborn"] != texts["child"]


@requirement("mcp:sharp:kept")
def test_the_token_stands_in_no_store_and_no_log(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = ehr_token(stack)
    as_sharp_host(stack, headers_of(stack, token), everything)
    refusal(stack, headers_of(stack, token, "child"))
    kept = contents(stack.services.settings.database_url)
    assert kept
    assert token.encode() not in kept
    assert token not in caplog.text


@requirement("mcp:sharp:kept")
def test_what_no_host_asks_for_is_forgotten(stack: Stack) -> None:
    as_sharp_host(stack, headers_of(stack, ehr_token(stack)), problems)
    stack.clock.forward(minutes=5)
    stack.services.sharp.sweep()
    assert stack.services.sharp.__dict__["_kept"] == {}
