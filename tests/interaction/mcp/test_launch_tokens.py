"""Tokens for MCP hosts: who gets one, what it is bound to, and what makes it worthless."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import text

from app.errors import SwitchedOff
from app.mcp.authorization import McpCaller, Presented
from app.mcp.errors import McpEnded, McpHostRefused, McpRefused
from app.store.engine import open_database, reading
from tests.interaction.mcp.audit import refusals as times_refused
from tests.interaction.policy.it import it
from tests.requirements import requirement
from tests.stack import APP, MCP, Browser, Launched, Stack, make_stack, registered

URL = f"{MCP}/mcp"


def minted(launched: Launched, **body: str) -> dict[str, Any]:
    response = launched.post("/mcp-token", {"host": "ward-copilot", **body})
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def verify(stack: Stack, token: str) -> McpCaller:
    found = stack.services.mcp_tokens.verify(Presented(token=token))
    assert found is not None
    return found


def claims_of(token: str) -> dict[str, Any]:
    return dict(json.loads(jws.extract_compact(token.encode()).payload))


def signed(stack: Stack, claims: Mapping[str, Any], **header: str) -> str:
    """Sign claims as this server would: what a fault of ours, or another token of ours, could look like."""
    key = stack.services.smart.keyring.signing("ES256")
    made = {"alg": "ES256", "kid": str(key.kid), "typ": "at+jwt", **header}
    return jwt.encode(made, dict(claims), key, algorithms=["ES256"])


def refusals(stack: Stack) -> list[dict[str, Any]]:
    engine = open_database(stack.services.settings.database_url)
    with reading(engine) as db:
        rows = db.execute(text("select detail from audit where kind = 'mcp' order by position"))
        return [json.loads(row.detail) for row in rows]


@requirement("mcp:auth:launch", "mcp:auth:no-passthrough", "mcp:auth:hosts")
def test_a_launched_user_gets_a_short_token_for_the_launch_and_not_the_ehrs(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    found = minted(launched)
    assert {name: found[name] for name in ("token_type", "expires_in", "url", "host")} == {
        "token_type": "Bearer", "expires_in": 900, "url": URL, "host": "ward-copilot",
    }  # fmt: skip
    claims = claims_of(found["access_token"])
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (APP, URL, "ward-copilot")
    assert claims["exp"] - claims["iat"] == 900
    held = stack.services.smart.vault.held(launched.launch_id)
    assert held is not None
    assert held.access_token not in found["access_token"]
    # The patient is named by nothing that another server, or a reader of the token, could use.
    assert stack.patient("marlena") not in json.dumps(claims)
    caller = verify(stack, found["access_token"])
    assert (caller.launch_id, caller.host, caller.kind) == (launched.launch_id, "ward-copilot", "launch")  # fmt: skip
    assert caller.context.patient_id == stack.patient("marlena")
    assert "patient/Observation.rs" in found["scope"].split()
    assert "openid" not in found["scope"].split()


@requirement("mcp:auth:hosts")
def test_a_token_may_have_less_than_its_launch_and_never_more(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    less = minted(launched, scope="patient/Condition.rs patient/Observation.c system/*.rs")
    assert less["scope"] == "patient/Condition.rs"
    caller = verify(stack, less["access_token"])
    assert caller.context.can("Condition", "s")
    assert not caller.context.can("Observation", "s")
    assert caller.whole.can("Observation", "s")


@requirement("mcp:auth:hosts")
def test_a_host_that_the_registration_does_not_name_gets_nothing(tmp_path: Path) -> None:
    config = registered(tmp_path, ('hosts = ["*"]', 'hosts = ["ward-copilot"]'))
    stack = make_stack(tmp_path, launch_config=config)
    launched = stack.browser().launch()
    response = launched.post("/mcp-token", {"host": "someone-else"})
    assert (response.status_code, response.get_json()["code"]) == (403, "mcp.host")
    assert launched.post("/mcp-token", {"host": "ward-copilot"}).status_code == 200
    assert launched.post("/mcp-token", {"host": "Ward Copilot"}).status_code == 400
    # A token of a host that was named once counts no more, once it is not.
    context = stack.services.sessions.context(launched.launch_id)
    token = stack.services.mcp_tokens.mint(context, "ward-copilot").token
    claims = {**claims_of(token), "client_id": "someone-else"}
    with pytest.raises(McpHostRefused):
        verify(stack, signed(stack, claims))


@requirement("mcp:auth:launch")
def test_only_the_launchs_own_key_has_a_token_minted(browser: Browser) -> None:
    mine, other = browser.launch(), browser.launch("typical")
    crossed = Launched(launch_id=other.launch_id, key=mine.key, client=mine.client)
    assert crossed.post("/mcp-token", {"host": "ward-copilot"}).status_code == 404
    keyless = Launched(launch_id=mine.launch_id, key="", client=mine.client)
    assert keyless.post("/mcp-token", {"host": "ward-copilot"}).status_code == 401


@requirement("mcp:auth:validation", "mcp:auth:audience")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"aud": f"{MCP}/mcp/"}, "for another server"),
        ({"aud": MCP}, "for another server"),
        ({"aud": [URL]}, "for another server"),
        ({"aud": None}, "for another server"),
        ({"iss": "http://ehr.localhost:9000"}, "for another server"),
        ({"exp": 9_999_999_999}, "times do not hold"),
        ({"exp": None}, "times do not hold"),
        ({"iat": 9_999_999_000, "exp": 9_999_999_800}, "made later than now"),
        ({"patient": "0" * 32}, "bound to another patient"),
        ({"launch": "AAAAAAAAAAAAAAAAAAAAAA"}, "the launch has ended"),
    ],
)
def test_claims_that_do_not_hold_are_refused_and_audited(
    stack: Stack, browser: Browser, change: dict[str, Any], why: str
) -> None:
    claims = {**claims_of(minted(browser.launch())["access_token"]), **change}
    with pytest.raises(McpRefused, match=why):
        verify(stack, signed(stack, claims))
    assert refusals(stack)[-1]["why"] == why


@requirement("mcp:auth:validation")
def test_forged_signatures_and_other_algorithms_are_refused_and_audited(
    stack: Stack, browser: Browser
) -> None:
    token = minted(browser.launch())["access_token"]
    claims, kid = claims_of(token), jws.extract_compact(token.encode()).headers()["kid"]
    header, payload, signature = token.split(".")
    stranger = ECKey.generate_key("P-256", parameters={"kid": kid})
    secret = OctKey.import_key(b"k" * 32)
    ours = {"typ": "at+jwt", "kid": kid}
    none = _part({"alg": "none", **ours})
    forged = [
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{_part({**claims, 'patient': 'x'})}.{signature}",
        jwt.encode({"alg": "ES256", **ours}, claims, stranger),
        jwt.encode({"alg": "ES256", **ours, "kid": "other"}, claims, stranger),
        jwt.encode({"alg": "HS256", **ours}, claims, secret),
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
    ]
    before = times_refused(stack)
    for one in forged:
        with pytest.raises(McpRefused):
            verify(stack, one)
    assert times_refused(stack) == before + len(forged)
    # A key that proves us to EHRs signs no token of ours.
    proof = stack.services.smart.keyring.signing("ES384")
    as_client = jwt.encode(
        {"alg": "ES384", **ours, "kid": str(proof.kid)}, claims, proof, algorithms=["ES384"]
    )
    with pytest.raises(McpRefused):
        verify(stack, as_client)
    published = {key["alg"] for key in browser.open("/.well-known/jwks.json").get_json()["keys"]}
    assert "ES256" not in published


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(dict(value)).encode()).decode().rstrip("=")


@requirement("mcp:auth:launch")
def test_a_token_ends_with_its_launch_and_its_time(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    token = minted(launched)["access_token"]
    verify(stack, token)
    assert launched.delete().status_code == 204
    with pytest.raises(McpEnded):
        verify(stack, token)
    second = browser.launch()
    later = minted(second)["access_token"]
    stack.clock.forward(minutes=15)
    second.get("/life")
    with pytest.raises(McpEnded, match="expired"):
        verify(stack, later)


@requirement("mcp:auth:launch")
def test_a_hosts_calls_keep_no_launch_alive_that_its_user_left(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    launched.post("/park")
    for _ in range(4):
        stack.clock.forward(minutes=1)
        verify(stack, minted_behind(stack, launched))
    stack.clock.forward(minutes=1, seconds=1)
    with pytest.raises(McpEnded, match="launch"):
        verify(stack, signed(stack, claims_of(minted_behind(stack, launched))))


def minted_behind(stack: Stack, launched: Launched) -> str:
    """Mint without the page, whose request would be a use of the launch."""
    context = stack.services.sessions.context(launched.launch_id)
    return stack.services.mcp_tokens.mint(context, "ward-copilot").token


@requirement("mcp:auth:launch")
def test_what_it_switched_off_answers_no_host_and_mints_nothing(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    token = minted(launched)["access_token"]
    assert it(stack, "disable", "action", "mcp", "--reason", "Drill") == 0
    try:
        with pytest.raises(SwitchedOff, match="mcp"):
            verify(stack, token)
        response = launched.post("/mcp-token", {"host": "ward-copilot"})
        assert (response.status_code, response.get_json()["code"]) == (503, "action.switched_off")
    finally:
        it(stack, "enable", "action", "mcp")
    verify(stack, token)


def test_another_kind_of_token_is_left_to_another_verifier(stack: Stack) -> None:
    for token in ("", "opaque", "a.b.c", "x" * 20_000):
        assert stack.services.mcp_tokens.verify(Presented(token=token)) is None
