"""A handle that another chart of the same launch issued, before a restart or for another token, is unknown, never another fact."""

from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from app import wiring
from app.web.application import make_app
from tests.interaction.mcp.hosts import as_host, token_of
from tests.requirements import requirement
from tests.stack import Browser, Stack

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chart_section", {"section": "medications"}),
    ("chart_section", {"section": "problems"}),
    ("chart_notes", {}),
    ("chart_search", {"words": ["zebra"]}),
)


def restarted(stack: Stack) -> Stack:
    """Return the stack with a new process over the same database."""
    services = wiring.build(stack.services.settings, transport=stack.transport, clock=stack.clock)
    return Stack(
        app=make_app(services), services=services, ehr=stack.ehr, state=stack.state, clock=stack.clock,
        transport=stack.transport,
    )  # fmt: skip


async def handles(client: Client) -> set[str]:
    """Return every handle that some calls give."""
    found: set[str] = set()
    for name, arguments in CALLS:
        answer: Any = await client.call_tool(name, arguments)
        found |= {fact["handle"] for fact in answer.structured_content["facts"]}
    return found


def fact(stack: Stack, token: str, handle: str) -> str:
    """Return the record that a handle points to."""

    async def read(client: Client) -> str:
        contents: Any = (await client.read_resource(f"chartside://facts/{handle}")).contents[0]
        return str(contents.text)

    return as_host(stack, token, read)


def note(stack: Stack, token: str, handle: str) -> Any:
    return as_host(stack, token, lambda host: host.call_tool("note_read", {"note": handle}))


def refusal(stack: Stack, token: str, handle: str) -> str:
    with pytest.raises(MCPError) as error:
        fact(stack, token, handle)
    return error.value.error.message


@requirement("mcp:handles")
def test_after_a_restart_an_old_handle_is_refused_and_every_new_one_is_another(
    stack: Stack, browser: Browser
) -> None:
    token = token_of(browser.launch())
    before = as_host(stack, token, handles)
    n = min(one for one in before if one.startswith("N"))
    m = min(one for one in before if one.startswith("M"))
    s = min(one for one in before if one.startswith("S"))
    assert not note(stack, token, n).is_error
    known = fact(stack, token, m)
    # The first chart of a launch numbers as the clinician's screen does: long numbers would cost a host's model tokens.
    assert {"M1", "P1", "S1"} <= before

    after = restarted(stack)
    now = as_host(after, token, handles)
    assert len(now) == len(before)
    assert not now & before
    for old in (m, n, s):
        assert "Call the tool again and use the handles that it gives now" in refusal(after, token, old)  # fmt: skip
    told = note(after, token, n)
    assert told.is_error
    assert f"{n} is not a note of this chart" in told.content[0].text
    assert fact(after, token, min(one for one in now if one.startswith("M"))) != known
    # The first process still knows its own, and not those of the second.
    assert fact(stack, token, m) == known
    assert refusal(stack, token, min(now))


@requirement("mcp:handles")
def test_a_token_with_other_scopes_reads_a_chart_that_numbers_apart(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    whole = token_of(launched)
    narrow = token_of(launched, scope="patient/Patient.r patient/Condition.rs")
    problems = {"section": "problems"}

    async def listed(client: Client) -> set[str]:
        answer: Any = await client.call_tool("chart_section", problems)
        return {one["handle"] for one in answer.structured_content["facts"]}

    first, second = as_host(stack, whole, listed), as_host(stack, narrow, listed)
    assert len(first) == len(second) > 2
    assert not first & second
    assert refusal(stack, narrow, min(first))


@requirement("mcp:handles")
def test_a_token_with_all_that_reads_has_the_chart_read_once(
    stack: Stack, browser: Browser
) -> None:
    """Whether the patient wants no AI is read with all of the launch's scopes: the same chart, whatever else they say."""
    token = token_of(browser.launch("newborn"))
    before = len(stack.fhir_requests())
    as_host(stack, token, handles)
    asked = [(one.path, one.query) for one in stack.fhir_requests()[before:]]
    searches = [one for one in asked if "/Observation" in one[0] or "/Condition" in one[0]]
    assert searches
    assert len(searches) == len(set(searches))
