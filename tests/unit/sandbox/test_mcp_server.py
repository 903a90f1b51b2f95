"""The EHR's MCP server, asked by the MCP SDK's own client over ASGI: three shapes, two ways to say who calls."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from sandbox.mcp import create_app
from sandbox.mcp.switches import Switches
from tests.unit.sandbox.parties import ALBA, BASE, LABS, Ehr

T = TypeVar("T")
HOST = "http://mcp.ehr.localhost:9002"


def ask(
    ehr: Ehr,
    path: str,
    does: Callable[[Client], Awaitable[T]],
    *,
    switches: Switches | None = None,
    mode: str = "auto",
    headers: Mapping[str, str],
) -> T:
    """Run `does` with a client at `path`."""
    app = create_app(
        ehr.state.settings,
        transport=httpx2.WSGITransport(app=ehr.client.application),
        switches=switches,
    )

    async def run() -> T:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), headers=headers) as http,
            Client(streamable_http_client(HOST + path, http_client=http), mode=mode) as client,
        ):
            return await does(client)

    return anyio.run(run)


async def call(client: Client, name: str, **arguments: Any) -> Any:
    result = await client.session.call_tool(name, arguments)
    text = result.content[0]
    assert text.type == "text"
    return result.is_error, text.text


def bearer(ehr: Ehr) -> dict[str, str]:
    return {"Authorization": f"Bearer {ehr.tokens()['access_token']}"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_generic_request_gives_the_gateways_answer_with_its_digits(ehr: Ehr, mode: str) -> None:
    async def does(client: Client) -> Any:
        return await call(client, "fhir-request", method="GET", path=f"Patient/{ALBA}")

    failed, text = ask(ehr, "/mcp/generic", does, mode=mode, headers=bearer(ehr))
    assert (failed, json.loads(text)["id"]) == (False, ALBA)


def test_the_gateway_decides_what_a_tool_may_read(ehr: Ehr) -> None:
    async def does(client: Client) -> Any:
        foreign = await call(client, "read", resourceType="Patient", id="bruno")
        return foreign, await call(client, "search", resourceType="Claim", params={"patient": ALBA})

    for failed, text in ask(ehr, "/mcp/search", does, headers=bearer(ehr)):
        assert failed
        assert json.loads(text)["issue"][0]["code"] == "forbidden"


def test_a_domain_tool_pages_by_a_cursor(ehr: Ehr) -> None:
    async def does(client: Client) -> Any:
        first = json.loads((await call(client, "get_labs", patient_id=ALBA))[1])
        second = await call(client, "get_labs", patient_id=ALBA, cursor=first["next_cursor"])
        return first, json.loads(second[1])

    first, second = ask(
        ehr, "/mcp/typed", does, switches=Switches(page_size=30), headers=bearer(ehr)
    )
    assert [len(page["resources"]) for page in (first, second)] == [30, LABS - 30]
    assert second["next_cursor"] == ""


def test_sharp_headers_say_which_server_which_token_and_which_patient(ehr: Ehr) -> None:
    async def does(client: Client) -> Any:
        announced = client.server_capabilities
        return announced, await call(client, "get_patient")

    token = ehr.tokens()["access_token"]
    sharp = {"X-FHIR-Server-URL": BASE, "X-FHIR-Access-Token": token, "X-Patient-ID": ALBA}
    announced, (failed, text) = ask(ehr, "/sharp/typed", does, headers=sharp)
    assert (failed, json.loads(text)["resources"][0]["id"]) == (False, ALBA)
    assert "scopes" in (announced.extensions or {})["ai.promptopinion/fhir-context"]
    assert "fhir_context_required" in (announced.experimental or {})
    elsewhere = sharp | {"X-FHIR-Server-URL": "https://other.example/fhir"}
    _, (failed, text) = ask(ehr, "/sharp/typed", does, headers=elsewhere)
    assert (failed, text) == (True, "401: X-FHIR-Server-URL must name this EHR")
