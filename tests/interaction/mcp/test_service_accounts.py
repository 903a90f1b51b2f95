"""Service accounts: a program without a user, proved by its key, for one listed patient at a time."""

from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey

from app.mcp.authorization import McpCaller, Presented
from app.mcp.errors import McpRefused
from tests.interaction.mcp.hosts import URL, as_host
from tests.interaction.mcp.services import BACKEND, OTHER, SCOPES, asked, assertion, table, token_of
from tests.interaction.mcp.test_patient_lock import everything, text_of
from tests.interaction.policy.it import it
from tests.requirements import requirement
from tests.stack import Stack, make_stack, patient_id, registered


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("service")
    config = registered(folder, more=f"{BACKEND}\n{table('child', 'newborn')}")
    return make_stack(folder, launch_config=config)


def caller(stack: Stack, token: str) -> McpCaller:
    found = stack.services.mcp_tokens.verify(Presented(token=token))
    assert found is not None
    return found


@requirement("service:proof", "service:patient")
def test_a_service_reads_each_patient_of_its_list_by_a_token_of_its_own(stack: Stack) -> None:
    charts = ("child", "newborn")
    texts = {chart: text_of(as_host(stack, token_of(stack, chart), everything)) for chart in charts}
    for chart, other in (charts, charts[::-1]):
        assert caller(stack, token_of(stack, chart)).context.patient_id == stack.patient(chart)
        assert '"state":"complete"' in texts[chart].replace(" ", "")
        assert stack.patient(other) not in texts[chart]
    who = caller(stack, token_of(stack))
    assert (who.host, who.kind, who.context.scope) == ("night-round", "service", SCOPES)
    assert stack.patient("child") not in token_of(stack)


@requirement("service:patient")
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"patient": patient_id("marlena")}, 400, "invalid_request"),
        ({"patient": ""}, 400, "invalid_request"),
        ({"scope": "patient/MedicationRequest.rs"}, 400, "invalid_scope"),
        ({"scope": "system/*.rs"}, 400, "invalid_scope"),
        ({"resource": "https://other.example/mcp"}, 400, "invalid_target"),
        ({"client_assertion_type": "other"}, 401, "invalid_client"),
        ({"client_assertion": "made.up.words"}, 401, "invalid_client"),
    ],
)
def test_what_is_not_listed_is_not_given(
    stack: Stack, changes: dict[str, str], status: int, code: str
) -> None:
    found = asked(stack, **changes)
    assert (found.status_code, found.get_json()["error"]) == (status, code)


@requirement("service:proof")
@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER}, {"aud": URL}, {"sub": "someone-else"}, {"iss": "someone-else", "sub": "someone-else"}, {"jti": 1},
        {"exp": 0}, {"exp": 9_999_999_999}, {"key": OctKey.generate_key(384), "alg": "HS384"},
    ],
)  # fmt: skip
def test_an_assertion_that_does_not_hold_proves_nobody(
    stack: Stack, changes: dict[str, Any]
) -> None:
    found = asked(stack, signed=assertion(stack, **changes))
    assert (found.status_code, found.get_json()["error"]) == (401, "invalid_client")


@requirement("service:proof")
def test_an_assertion_counts_once(stack: Stack) -> None:
    signed = assertion(stack)
    assert [asked(stack, signed=signed).status_code for _ in range(2)] == [200, 401]


@requirement("service:listed")
@pytest.mark.parametrize("now", ["newborn", "other-host"])
def test_a_token_counts_only_while_the_registration_lists_it(
    stack: Stack, tmp_path: Path, now: str
) -> None:
    token = token_of(stack)
    changed = table("newborn") if now == "newborn" else table("child", host="another")
    config = registered(tmp_path, more=f"{BACKEND}\n{changed}")
    later = make_stack(tmp_path, launch_config=config)
    # The same keys: what the same site has after a restart with another list.
    later.services.mcp_tokens._keyring = stack.services.mcp_tokens._keyring
    with pytest.raises(McpRefused):
        later.services.mcp_tokens.verify(Presented(token=token))
    it(stack, "disable", "action", "mcp", "--reason", "drill")
    try:
        assert asked(stack).get_json()["error"] == "unauthorized_client"
    finally:
        it(stack, "enable", "action", "mcp")
