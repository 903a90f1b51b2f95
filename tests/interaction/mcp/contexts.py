"""Another application at the EHR, with a token of its own: what a host of SHARP-on-MCP brings."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from sandbox.clients import Client as EhrClient
from tests.interaction.mcp.hosts import URL, served
from tests.stack import EHR, ISS, MARLENA, Stack, make_stack, registered

T = TypeVar("T")
REDIRECT = "https://ward.example/callback"
SCOPES = ("launch", "openid", "fhirUser", "patient/Patient.r", "patient/Condition.rs", "patient/Observation.rs")  # fmt: skip
WARD = EhrClient(
    client_id="ward-at-ehr", name="Ward copilot", launch_url="https://ward.example/launch",
    redirect_uris=(REDIRECT,), scopes=(*SCOPES, "user/*.rs", "user/Practitioner.r"),
)  # fmt: skip
TAKES = '[[mcp_server.sharp]]\nhost = "ward-copilot"\nclients = ["ward-at-ehr"]'
VERIFIER = "v" * 64


def sharp_stack(folder: Path, table: str = TAKES, *changes: tuple[str, str], **more: Any) -> Stack:
    """Return a stack whose EHR knows the ward's application, and whose registration takes its context."""
    config = registered(folder, *changes, more=table)
    return make_stack(folder, launch_config=config, extra_clients=(WARD,), **more)


def ehr_token(
    stack: Stack,
    chart: str = MARLENA,
    *,
    scopes: tuple[str, ...] = SCOPES,
    client: str = "ward-at-ehr",
    user: str | None = None,
) -> str:
    """Launch the ward's own application to the end and return its access token."""
    launch = stack.state.start(stack.patient(chart), client_id=client, user_reference=user)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()
    query = {
        "response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": " ".join(scopes),
        "state": "s" * 32, "aud": ISS, "launch": launch, "code_challenge": challenge.rstrip("="),
        "code_challenge_method": "S256",
    }  # fmt: skip
    browser = stack.ehr.test_client()
    back = browser.get(f"/auth/authorize?{urlencode(query)}", base_url=EHR)
    assert back.status_code == 302, back.text
    code = parse_qs(urlsplit(back.location).query)["code"][0]
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER, "client_id": client,
    }  # fmt: skip
    given = browser.post("/auth/token", base_url=EHR, data=form)
    assert given.status_code == 200, given.text
    return str(given.get_json()["access_token"])


def headers_of(stack: Stack, token: str, chart: str = MARLENA) -> dict[str, str]:
    """Return what the host sends."""
    return {
        "X-FHIR-Server-URL": ISS,
        "X-FHIR-Access-Token": token,
        "X-Patient-ID": stack.patient(chart),
    }


def as_sharp_host(
    stack: Stack,
    headers: dict[str, str],
    act: Callable[[Client], Awaitable[T]],
    mode: str = "auto",
) -> T:
    """Connect with these headers, act, and return what came of it."""
    found: list[T] = []
    failed: list[MCPError] = []

    async def run() -> None:
        async with (
            served(stack, **headers) as http,
            Client(streamable_http_client(URL, http_client=http), mode=mode) as client,
        ):
            try:
                found.append(await act(client))
            except MCPError as error:
                failed.append(error)

    anyio.run(run)
    if failed:
        raise failed[0]
    return found[0]
