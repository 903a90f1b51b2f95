"""MCP hosts of analysts: counts by the same tools, for a token of their own; a launch's token opens none of it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.cohort_store import store
from tests.interaction.mcp.hosts import URL, as_host, asked, served, token_of
from tests.interaction.policy.it import it
from tests.interaction.warehouse.test_analyst import COUNTS, WOMEN, Signed, audited, patients
from tests.stack import ISS, MCP, Stack, make_stack

COHORTS = f"{MCP}/cohorts"
T = TypeVar("T")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("cohort-hosts")
    store(folder / "warehouse" / "sandbox" / "all", patients(), base=ISS)
    return make_stack(folder)


def token(signed: Signed, host: str = "ward-copilot") -> str:
    answer = signed.call("/mcp-token", {"host": host})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["url"] == COHORTS
    return str(answer.get_json()["access_token"])


def as_counting(stack: Stack, bearer: str, act: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T | MCPError:
        async with (
            served(stack, bearer) as http,
            Client(streamable_http_client(COHORTS, http_client=http), mode="auto") as client,
        ):
            try:
                return await act(client)
            except MCPError as error:
                return error

    found = anyio.run(run)
    if isinstance(found, MCPError):
        raise found
    return found


async def names(client: Client) -> list[str]:
    return [one.name for one in (await client.list_tools()).tools]


def call(name: str, **arguments: Any) -> Callable[[Client], Awaitable[Any]]:
    async def act(client: Client) -> Any:
        return await client.call_tool(name, arguments)

    return act


def test_a_host_of_an_analyst_counts_and_is_audited_with_its_name(stack: Stack) -> None:
    signed = Signed(stack, COUNTS)
    bearer = token(signed)
    listed = as_counting(stack, bearer, names)
    assert listed == ["cohort_count", "cohort_describe", "cohort_measures", "cohort_named", "cohort_query"]  # fmt: skip
    result = as_counting(stack, bearer, call("cohort_count", criteria=WOMEN, by=["sex"]))
    assert result.structured_content["tables"][0]["rows"] == [["female", "21"], ["all", "21"]]
    few = {"all": [{"of": "record", "kind": "condition", "set": "diabetes"}]}
    said = as_counting(stack, bearer, call("cohort_describe", criteria=few))
    assert said.structured_content["tables"][0]["rows"] == [["fewer than 11"]]
    refused = as_counting(stack, bearer, call("cohort_query", sql="SELECT * FROM patient"))
    assert (refused.is_error, refused.content[0].text.startswith("Refused: ")) == (True, True)
    assert as_counting(stack, bearer, call("cohort_list")).is_error
    asked_by = [row for row in audited(stack) if row.get("via") == "mcp"]
    assert {row["host"] for row in asked_by} == {"ward-copilot"}
    assert {row["user"] for row in asked_by} == {COUNTS}
    acts = [row["act"] for row in audited(stack, "mcp") if row.get("server") == "cohort"]
    # The SDK's client lists the tools before it calls one.
    assert (acts[0], acts.count("tools/call"), {*acts}) == ("tools/list", 4, {"tools/list", "tools/call"})  # fmt: skip


def test_a_launchs_token_and_an_analysts_open_only_their_own_server(stack: Stack) -> None:
    launched, signed = stack.browser().launch("newborn"), Signed(stack, COUNTS)
    of_launch, of_analyst = token_of(launched), token(signed)
    fhir = launched.post("/mcp-token", {"host": "ward-copilot", "resource": "fhir"})
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for path, bearers in (
        ("/cohorts", (of_launch, launched.key, signed.key, "", "x.y.z", str((fhir.get_json() or {}).get("access_token", "")))),
        ("/mcp", (of_analyst, signed.key)),
    ):  # fmt: skip
        for bearer in bearers:
            answer = asked(stack, bearer, path=path, json=body)
            assert answer.status_code == 401, (path, bearer)
            assert f'resource_metadata="{MCP}/.well-known/oauth-protected-resource{path}"' in answer.headers["www-authenticate"]  # fmt: skip
    metadata = asked(stack, method="GET", path="/.well-known/oauth-protected-resource/cohorts")
    assert (metadata.json()["resource"], metadata.json()["scopes_supported"]) == (COHORTS, ["cohort"])  # fmt: skip
    # No tool of a launch counts many patients.
    chart = as_host(stack, of_launch, names)
    assert not [name for name in chart if name.startswith("cohort")]
    assert URL.endswith("/mcp")


def test_made_up_tokens_are_counted_and_cost_no_row_each(stack: Stack) -> None:
    before = len(audited(stack, "mcp"))
    for _ in range(5):
        assert asked(stack, "x.y.z", path="/cohorts", json={}).status_code == 401
    rows = audited(stack, "mcp")[before:]
    assert [row["why"] for row in rows if row["act"] == "refused"] in ([], ["cohort: no token of ours"])  # fmt: skip


def test_it_ends_with_the_session_the_switches_and_the_host(stack: Stack) -> None:
    signed = Signed(stack, COUNTS)
    bearer = token(signed)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for action in ("mcp", "cohort"):
        it(stack, "disable", "action", action, "--reason", "drill")
        try:
            assert asked(stack, bearer, path="/cohorts", json=body).status_code == 503
            assert signed.call("/mcp-token", {"host": "ward-copilot"}).status_code == 503
        finally:
            it(stack, "enable", "action", action)
    assert as_counting(stack, bearer, names)
    stack.clock.forward(minutes=16)
    assert asked(stack, bearer, path="/cohorts", json=body).status_code == 401
    stack.clock.ahead *= 0
    assert as_counting(stack, bearer, names)
    signed.call(method="DELETE")
    assert asked(stack, bearer, path="/cohorts", json=body).status_code == 401
