"""The HTTP side: who is let in, what a host is told otherwise, and how much one launch may ask."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.interaction.mcp.audit import mcp_rows, refusals
from tests.interaction.mcp.hosts import MODES, as_host, asked, token_of
from tests.interaction.policy.it import it
from tests.requirements import requirement
from tests.stack import APP, MCP, Browser, Stack, make_stack, registered

METADATA = f"{MCP}/.well-known/oauth-protected-resource/mcp"
ACCEPT = {"Accept": "application/json, text/event-stream"}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """Return a request of 2025 that calls a tool."""
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


def post(stack: Stack, token: str, body: object, **headers: str) -> httpx2.Response:
    return asked(stack, token, json=body, headers={**ACCEPT, **headers})


@requirement("mcp:auth:metadata")
def test_metadata_says_who_gives_out_tokens_and_needs_none(stack: Stack) -> None:
    for path in ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"):  # fmt: skip
        found = asked(stack, method="GET", path=path)
        assert found.status_code == 200
        body = found.json()
        assert (body["resource"], body["authorization_servers"]) == (f"{MCP}/mcp", [APP])
        assert {"patient/Patient.r", "patient/Observation.rs"} <= set(body["scopes_supported"])
    assert asked(stack, method="GET", path="/health").status_code == 200
    assert asked(stack, method="GET", path="/other").status_code == 404


@requirement("mcp:auth:metadata", "mcp:auth:validation")
def test_without_a_token_that_holds_the_answer_is_401_and_says_where_to_go(
    stack: Stack, browser: Browser
) -> None:
    before = len(mcp_rows(stack))
    bare = post(stack, "", call("chart_overview"))
    assert bare.status_code == 401
    assert bare.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{METADATA}"'
    assert len(mcp_rows(stack)) == before  # a first request is no attempt on anything
    launched = browser.launch("newborn")
    good = token_of(launched)
    held = stack.services.smart.vault.held(launched.launch_id)
    assert held is not None
    # The launch key and the EHR's own token open nothing here, nor does a token in the address.
    for wrong in ("opaque", good[:-3] + "AAA", launched.key, held.access_token):
        refused = post(stack, wrong, call("chart_overview"))
        assert refused.status_code == 401
        assert f'resource_metadata="{METADATA}"' in refused.headers["WWW-Authenticate"]
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        assert refused.json()["error"]["data"]["code"] == "mcp.refused"
    assert (len(mcp_rows(stack)), refusals(stack)) == (before + 2, before + 4)
    # Who proves nothing may ask without end: the rest of a minute is one row with its number.
    for _ in range(50):
        post(stack, "opaque", call("chart_overview"))
    stack.clock.forward(seconds=60)
    stack.services.mcp.forget_ended(lambda _: True)
    last = {"act": "refused", "code": "mcp.refused", "host": "", "why": "unknown kind of token", "more": 52}  # fmt: skip
    assert (len(mcp_rows(stack)), mcp_rows(stack)[-1]) == (before + 3, last)
    found = asked(stack, path=f"/mcp?access_token={good}", json=call("chart_overview"), headers=ACCEPT)  # fmt: skip
    assert found.status_code == 401


@requirement("mcp:auth:launch")
@pytest.mark.parametrize("mode", MODES)
def test_a_launch_that_ended_answers_a_connected_host_no_more_in_clear_words(
    stack: Stack, browser: Browser, mode: str
) -> None:
    launched = browser.launch("newborn")
    token = token_of(launched)

    async def act(client: Client) -> None:
        assert (await client.call_tool("chart_pending", {})).is_error is False
        launched.delete()
        await client.call_tool("chart_pending", {})

    with pytest.raises(MCPError, match="Open Chartside again from the patient's chart"):
        as_host(stack, token, act, mode)
    refused = mcp_rows(stack, launched.launch_id)[-1]
    assert (refused["act"], refused["code"], refused["host"]) == ("refused", "mcp.ended", "ward-copilot")  # fmt: skip
    # Nothing of its chart is kept in the server's memory.
    assert launched.launch_id not in stack.services.mcp._charts.launches()


@requirement("mcp:auth:launch")
def test_a_chart_of_a_launch_that_ended_elsewhere_is_forgotten(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch("newborn")
    stack.services.mcp.call(stack.services.mcp.enter(_presented(token_of(launched))), "chart_overview", {})  # fmt: skip
    assert launched.launch_id in stack.services.mcp._charts.launches()
    stack.services.rows.end(launched.launch_id)  # another process
    stack.services.mcp.forget_ended(lambda one: stack.services.sessions.live(one, used=False))
    assert launched.launch_id not in stack.services.mcp._charts.launches()


def _presented(token: str) -> Any:
    from app.mcp.authorization import Presented  # noqa: PLC0415

    return Presented(token=token)


@requirement("mcp:auth:launch")
def test_what_it_switched_off_is_said_with_its_reason(stack: Stack, browser: Browser) -> None:
    token = token_of(browser.launch("newborn"))
    assert it(stack, "disable", "action", "mcp", "--reason", "Drill") == 0
    try:
        found = post(stack, token, call("chart_pending"))
    finally:
        it(stack, "enable", "action", "mcp")
    assert found.status_code == 503
    assert (
        "is switched off by the IT department. Reason: Drill." in found.json()["error"]["message"]
    )
    assert post(stack, token, call("chart_overview")).status_code == 200


@requirement("mcp:auth:step-up")
@pytest.mark.parametrize(
    ("body", "scope"),
    [
        (call("chart_results"), "patient/Observation.rs"),
        (call("chart_section", section="immunizations"), "patient/Immunization.rs"),
    ],
)
def test_a_call_that_another_token_could_make_is_answered_403_with_its_scope(
    stack: Stack, browser: Browser, body: dict[str, Any], scope: str
) -> None:
    launched = browser.launch("newborn")
    token = token_of(launched, scope="patient/Condition.rs patient/Patient.r")
    found = post(stack, token, body)
    assert found.status_code == 403
    challenge = found.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert f'scope="patient/Patient.r patient/Condition.rs {scope}"' in challenge
    assert f'resource_metadata="{METADATA}"' in challenge
    assert mcp_rows(stack, launched.launch_id)[-1]["code"] == "mcp.scope"
    assert post(stack, token, call("chart_section", section="problems")).status_code == 200


@requirement("mcp:auth:step-up")
def test_a_narrow_token_reads_nothing_that_a_wide_one_of_the_same_launch_has_read(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()

    async def act(client: Client) -> Any:
        listed = [tool.name for tool in (await client.list_tools()).tools]
        return listed, await client.call_tool("chart_search", {"words": ["creatinine"]})

    wide, found = as_host(stack, token_of(launched), act)
    assert any(f["section"] == "labs" for f in found.structured_content["facts"])
    narrow, less = as_host(stack, token_of(launched, scope="patient/Condition.rs patient/Patient.r"), act)  # fmt: skip
    assert set(narrow) < set(wide)
    assert "chart_results" not in narrow
    assert not any(f["section"] == "labs" for f in less.structured_content["facts"])


@requirement("mcp:tools:error")
def test_what_the_ehr_did_not_grant_is_an_error_that_names_the_scope(tmp_path: Path) -> None:
    config = registered(tmp_path, ('  "patient/Immunization.rs",\n', ""))
    stack = make_stack(tmp_path, launch_config=config)
    token = token_of(stack.browser().launch("newborn"))

    async def act(client: Client) -> Any:
        return await client.call_tool("chart_section", {"section": "immunizations"})

    found = as_host(stack, token, act)
    assert found.is_error is True
    assert "patient/Immunization.rs" in found.content[0].text


@requirement("mcp:transport:origin")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "mcp.localhost:9009"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://inspector.localhost:6274"}, 200),
        ({"Origin": MCP}, 200),
    ],
)
def test_a_foreign_host_or_origin_is_refused_before_anything_else(
    stack: Stack, browser: Browser, headers: dict[str, str], status: int
) -> None:
    token = token_of(browser.launch("newborn"))
    assert post(stack, token, call("chart_pending"), **headers).status_code == status


@requirement("mcp:transport:eras")
def test_blanks_around_a_headers_value_are_no_part_of_it(stack: Stack, browser: Browser) -> None:
    token = token_of(browser.launch("newborn"))
    modern = {"name": "chart_pending", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }}  # fmt: skip
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": modern}
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    for name, status in ((" chart_pending\t", 200), ("chart_results", 400)):
        found = post(stack, token, body, **headers, **{"Mcp-Name": name})
        assert found.status_code == status, found.text


@requirement("mcp:bounds")
def test_more_calls_than_the_site_allows_are_told_when_to_come_back(tmp_path: Path) -> None:
    config = registered(tmp_path, ('hosts = ["*"]', 'hosts = ["*"]\ncalls_per_minute = 3'))
    stack = make_stack(tmp_path, launch_config=config)
    launched, other = stack.browser().launch("newborn"), stack.browser().launch("newborn")
    token = token_of(launched)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    # Another token of the same launch is no way round it; another launch is not held up.
    found = [post(stack, token_of(launched), body) for _ in range(3)]
    assert [one.status_code for one in found] == [200, 200, 200]
    busy = [post(stack, token, body) for _ in range(3)]
    assert {one.status_code for one in busy} == {429}
    assert 1 <= int(busy[0].headers["Retry-After"]) <= 20
    assert "ask again in" in busy[0].json()["error"]["message"]
    assert post(stack, token_of(other), body).status_code == 200
    rows = [row for row in mcp_rows(stack, launched.launch_id) if row["act"] == "refused"]
    assert len(rows) == 1  # a host in a loop fills no log


@requirement("mcp:bounds")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_no_stream_stands_open_and_no_session_is_there_to_end(
    stack: Stack, browser: Browser, method: str
) -> None:
    """A stream for what a server says by itself would outlive the launch, and cost a connection for each that is opened."""
    wanted = {"Accept": "text/event-stream, application/json"}
    found = asked(stack, token_of(browser.launch()), method, headers=wanted)
    assert (found.status_code, found.headers["Allow"]) == (405, "POST")
    assert asked(stack, "", method, headers=wanted).status_code == 401


@requirement("mcp:bounds")
def test_a_body_without_end_is_refused(stack: Stack, browser: Browser) -> None:
    token = token_of(browser.launch("newborn"))
    found = post(stack, token, call("chart_search", words=["x" * 300_000]))
    assert found.status_code == 413


@requirement("mcp:transport:eras")
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"jsonrpc": "2.0", "id": 1, "method": "nope"}', 200)],
)
def test_what_is_no_request_is_an_error_without_details(
    stack: Stack, browser: Browser, body: bytes, status: int
) -> None:
    token = token_of(browser.launch("newborn"))
    headers = {**ACCEPT, "Content-Type": "application/json"}
    found = asked(stack, token, content=body, headers=headers)
    assert found.status_code == status
    assert "Traceback" not in found.text
    assert json.loads(found.text.partition("data: ")[2] or found.text)["error"]["code"] < 0
