"""Sign-in outside the EHR: OAuth 2.1 by the SDK's own client, the consent page, and everything that is refused."""

import json
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from mcp import Client
from werkzeug.test import TestResponse

from app.mcp.authorization import McpCaller, Presented
from app.mcp.errors import McpEnded
from tests.databases import contents
from tests.interaction.mcp.audit import mcp_rows
from tests.interaction.mcp.hosts import URL
from tests.interaction.mcp.sign_in import (
    ASKED,
    code_of,
    consent,
    redeemed,
    refreshed,
    revoked,
    tokens_of,
    told,
)
from tests.interaction.mcp.signing_in import (
    CALLBACK,
    DESK,
    LOCAL,
    STANDALONE,
    as_desk,
    sign_in_stack,
    user,
)
from tests.interaction.policy.it import it
from tests.requirements import requirement
from tests.stack import APP, ISS, Stack, make_stack, registered


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return sign_in_stack(tmp_path_factory.mktemp("sign_in"))


def asks(stack: Stack, **changes: str | None) -> TestResponse:
    """Open the authorization endpoint."""
    sent = {name: value for name, value in {**ASKED, **changes}.items() if value is not None}
    return stack.app.test_client().get(f"/oauth/authorize?{urlencode(sent)}", base_url=APP)


def caller(stack: Stack, token: str) -> McpCaller:
    found = stack.services.mcp_tokens.verify(Presented(token=token))
    assert found is not None
    return found


def error(response: TestResponse) -> str:
    assert response.status_code == 400, response.text
    return str(response.get_json()["error"])


async def problems(client: Client) -> Any:
    return await client.call_tool("chart_section", {"section": "problems"})


@requirement("oauth:flow", "oauth:metadata")
def test_the_sdks_own_client_finds_its_way_signs_its_user_in_and_reads_the_chart(
    stack: Stack,
) -> None:
    found, storage = as_desk(stack, problems)
    assert not found.is_error
    assert found.structured_content["facts"]
    assert storage.tokens is not None
    who = caller(stack, storage.tokens.access_token)
    assert (who.host, who.kind) == ("desk-copilot", "standalone")
    assert who.context.patient_id == stack.patient("marlena")
    acts = [row["act"] for row in mcp_rows(stack) if row.get("way") == "sign_in"]
    assert acts == ["authorize", "allowed"]
    # A second connection needs no user: what is kept still counts.
    again, _ = as_desk(stack, problems, storage=storage)
    assert not again.is_error
    assert [row["act"] for row in mcp_rows(stack) if row.get("way") == "sign_in"] == acts


@requirement("oauth:metadata")
def test_the_metadata_says_what_is_offered(stack: Stack) -> None:
    found = stack.app.test_client().get("/.well-known/oauth-authorization-server", base_url=APP)
    said = found.get_json()
    assert said["issuer"] == APP
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["token_endpoint_auth_methods_supported"] == ["none", "private_key_jwt"]


@requirement("oauth:consent")
def test_the_user_is_asked_by_whom_for_whom_what_and_until_when(stack: Stack) -> None:
    page = consent(stack, user(stack))
    text = page.text
    said = (
        "Let “<bdi>Desk copilot</bdi>” read this chart?", "<b>EVERGREEN, Marlena</b>", "<dt>Born</dt><dd>14-Mar-1958</dd>",
        "<dt>MRN</dt><dd>00471182</dd>", "registered by Harbor Clinic", "<bdi>desk-copilot-app</bdi>",
        "A program on this computer <span>(http://127.0.0.1:53682)</span>", "A. Osei, MD", "at the latest, or 30 minutes without use",
        "open this page again in this browser. Help desk 555-0142", "<li>Who the patient is</li><li>Problems</li></ul>",
        "It reads this patient's chart only.", "Nothing is written to the EHR.",
    )  # fmt: skip
    assert [words for words in said if words not in text] == []
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:53682" in policy
    assert "<script" not in text
    assert "style=" not in text


@requirement("oauth:consent")
def test_who_does_not_agree_gives_nothing_and_the_launch_ends(stack: Stack) -> None:
    person = user(stack)
    page = consent(stack, person)
    live = len(stack.services.rows.launches())
    assert told(person.decide(page, "deny")) == {"error": "access_denied", "state": "abc"}
    assert len(stack.services.rows.launches()) == live - 1
    # And it is answered once.
    assert person.decide(page, "allow").status_code == 400


@requirement("oauth:consent")
def test_another_browser_and_another_page_cannot_answer(stack: Stack) -> None:
    person, other = user(stack), user(stack)
    page = consent(stack, person)
    assert other.decide(page, "allow").status_code == 400
    assert other.open(urlsplit(page.request.path).path).status_code == 400
    assert person.decide(page, "allow", Origin="https://evil.example").status_code == 400
    assert "code" in told(person.decide(page, "allow", Origin=APP))


@requirement("oauth:consent")
def test_a_form_counts_from_our_own_page_only(stack: Stack) -> None:
    """A page under `Referrer-Policy: no-referrer` would send its form with the origin "null" (Fetch)."""
    person = user(stack)
    page = consent(stack, person)
    assert page.headers["Referrer-Policy"] == "same-origin"
    for site in ("cross-site", "same-site", "none"):
        assert person.decide(page, "allow", **{"Origin": APP, "Sec-Fetch-Site": site}).status_code == 400  # fmt: skip
    assert person.decide(page, "allow", Origin="null").status_code == 400
    ours = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert "code" in told(person.decide(page, "allow", **ours))


@requirement("oauth:user-ends")
def test_who_agreed_ends_it_on_the_same_page_and_nobody_else_does(stack: Stack) -> None:
    person, other = user(stack), user(stack)
    page = consent(stack, person)
    path = urlsplit(page.request.path).path
    given = redeemed(stack, told(person.decide(page))["code"]).get_json()
    who = caller(stack, given["access_token"])
    assert (other.open(path).status_code, other.decide(page, "end").status_code) == (400, 400)
    assert mcp_rows(stack)[-1]["why"] == "consent: not this browser's"
    shown = person.open(path)
    assert "“<bdi>Desk copilot</bdi>” can read one chart." in shown.text
    assert not any(word in shown.text for word in ("EVERGREEN", "Marlena", "00471182"))
    # What is allowed stays allowed until it is ended, and nothing is allowed twice.
    assert person.decide(page, "allow").status_code == 400
    assert caller(stack, given["access_token"]).launch_id == who.launch_id
    assert "Access has ended" in person.decide(page, "end").text
    with pytest.raises(McpEnded):
        caller(stack, given["access_token"])
    assert error(refreshed(stack, given["refresh_token"])) == "invalid_grant"
    assert stack.services.rows.launch(who.launch_id) is None
    assert mcp_rows(stack, who.launch_id)[-2]["act"] == "revoked"


@requirement("oauth:user-ends")
def test_an_access_that_has_ended_is_said_to_have_ended(stack: Stack) -> None:
    person = user(stack)
    page = consent(stack, person)
    given = redeemed(stack, told(person.decide(page))["code"]).get_json()
    who = caller(stack, given["access_token"])
    stack.services.sessions.end(who.launch_id, "user")
    assert "Access has ended" in person.open(urlsplit(page.request.path).path).text
    assert person.decide(page, "end").status_code == 200


@requirement("oauth:consent")
def test_of_several_ehrs_the_user_says_at_which_they_sign_in(tmp_path: Path) -> None:
    two = (
        'iss = ["http://ehr.localhost:9000/fhir"]',
        f'iss = ["{ISS}", "http://north.localhost:9000/fhir"]',
    )
    config = registered(tmp_path, two, more=f"{STANDALONE}\n{DESK}")
    stack = make_stack(tmp_path, launch_config=config)
    page = asks(stack)
    assert "Where do you sign in for “<bdi>Desk copilot</bdi>”?" in page.text
    links = [unescape(one) for one in re.findall(r'class="btn" href="([^"]+)"', page.text)]
    assert [parse_qs(urlsplit(one).query)["ehr"] for one in links] == [[f"sandbox {ISS}"], ["sandbox http://north.localhost:9000/fhir"]]  # fmt: skip
    person = user(stack)
    assert "EVERGREEN, Marlena" in person.sign_in(f"{APP}{links[0]}").text
    # One that is not registered is none.
    assert told(asks(stack, ehr="sandbox https://evil.example/fhir"))["error"] == "access_denied"


@requirement("oauth:redirect", "oauth:client")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "someone-else"},
        {"client_id": None},
        {"client_id": "https://evil.example/client.json"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:53682/other"},
        {"redirect_uri": "http://127.0.0.1.evil.example/callback"},
        {"redirect_uri": "https://desk.example/callback?more=1"},
        {"redirect_uri": "https://desk.example:444/callback"},
        {"redirect_uri": None},
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_the_clients(
    stack: Stack, changes: Mapping[str, str | None]
) -> None:
    answer = asks(stack, **changes)
    assert (answer.status_code, answer.headers.get("Location")) == (400, None)
    assert mcp_rows(stack)[-1]["act"] == "refused"


@requirement("oauth:resource", "oauth:pkce")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{URL}/"}, "invalid_target"),
        ({"resource": None}, "invalid_target"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_does_not_hold_goes_back_to_the_host(
    stack: Stack, changes: Mapping[str, str | None], code: str
) -> None:
    found = told(asks(stack, **changes))
    assert (found["error"], found["state"]) == (code, "abc")


@requirement("oauth:resource")
def test_scopes_that_nobody_can_give_end_the_sign_in(stack: Stack) -> None:
    person = user(stack)
    back = consent(stack, person, scope="patient/Nonsense.rs")
    assert told(back) == {"error": "invalid_scope", "state": "abc"}


@requirement("oauth:code")
def test_a_code_counts_once_and_a_second_use_ends_what_it_gave(stack: Stack) -> None:
    code = code_of(stack)
    first = redeemed(stack, code)
    token = first.get_json()["access_token"]
    assert caller(stack, token).host == "desk-copilot"
    assert error(redeemed(stack, code)) == "invalid_grant"
    with pytest.raises(McpEnded):
        caller(stack, token)
    assert error(refreshed(stack, first.get_json()["refresh_token"])) == "invalid_grant"


@requirement("oauth:code")
def test_a_made_up_code_or_token_ends_nothing_that_it_names(stack: Stack) -> None:
    """A grant's id stands in an address; only what was given out once, and comes again, tells of a theft."""
    given = redeemed(stack, code_of(stack)).get_json()
    kind, grant_id, secret = given["refresh_token"].split(".", 2)
    for one in (
        "x",
        "v" * 48,
        secret[:-1] + ("a" if secret[-1] != "a" else "b"),
        secret[:32],
        "é" * 48,
    ):
        assert error(refreshed(stack, f"{kind}.{grant_id}.{one}")) == "invalid_grant"
        assert error(redeemed(stack, f"c.{grant_id}.{one}")) == "invalid_grant"
    assert error(redeemed(stack, f"c.{grant_id}.{secret}")) == "invalid_grant"
    assert mcp_rows(stack)[-1]["why"] == "code: made up"
    assert caller(stack, given["access_token"]).host == "desk-copilot"
    assert refreshed(stack, given["refresh_token"]).status_code == 200


@requirement("oauth:consent")
def test_a_form_that_meets_a_switch_answers_its_user_with_a_page(stack: Stack) -> None:
    person = user(stack)
    page = consent(stack, person)
    it(stack, "disable", "action", "mcp", "--reason", "drill")
    try:
        answer = person.decide(page)
    finally:
        it(stack, "enable", "action", "mcp")
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "This sign-in cannot go on" in answer.text
    assert "drill" in answer.text
    assert "code" in told(person.decide(page))


@requirement("oauth:code", "oauth:pkce")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": CALLBACK}, "invalid_grant"),
        ({"client_id": "someone-else"}, "invalid_grant"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"code": "c.made.up"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_without_its_proof_gives_nothing(
    stack: Stack, changes: Mapping[str, str], code: str
) -> None:
    assert error(redeemed(stack, code_of(stack), **changes)) == code


@requirement("oauth:code")
def test_a_code_lives_a_minute(stack: Stack) -> None:
    code = code_of(stack)
    stack.clock.forward(seconds=61)
    assert error(redeemed(stack, code)) == "invalid_grant"


@requirement("oauth:refresh")
def test_a_refresh_token_is_replaced_and_one_that_comes_back_ends_everything(stack: Stack) -> None:
    first = tokens_of(stack)
    second = refreshed(stack, first["refresh_token"]).get_json()
    assert second["refresh_token"] != first["refresh_token"]
    assert caller(stack, second["access_token"]).context.scope == first["scope"]
    assert error(refreshed(stack, second["refresh_token"], scope="user/*.rs")) == "invalid_scope"
    fewer = refreshed(stack, second["refresh_token"], scope="patient/Condition.rs").get_json()
    assert fewer["scope"] == "patient/Condition.rs"
    assert error(refreshed(stack, first["refresh_token"])) == "invalid_grant"
    with pytest.raises(McpEnded):
        caller(stack, second["access_token"])
    assert error(refreshed(stack, fewer["refresh_token"])) == "invalid_grant"


@requirement("oauth:revocation")
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revoking_ends_the_access_the_launch_and_the_ehrs_token(stack: Stack, kind: str) -> None:
    given = tokens_of(stack)
    who = caller(stack, given["access_token"])
    assert revoked(stack, given[kind]).status_code == 200
    with pytest.raises(McpEnded):
        caller(stack, given["access_token"])
    assert stack.services.rows.launch(who.launch_id) is None
    assert mcp_rows(stack, who.launch_id)[-2]["act"] == "revoked"


@requirement("oauth:revocation")
def test_what_is_not_known_is_as_good_as_revoked(stack: Stack) -> None:
    assert revoked(stack, "made.up").status_code == 200


@requirement("oauth:revocation")
def test_the_end_of_the_launch_and_it_end_the_access(stack: Stack) -> None:
    given = tokens_of(stack)
    who = caller(stack, given["access_token"])
    it(stack, "disable", "action", "mcp", "--reason", "drill")
    try:
        assert error(refreshed(stack, given["refresh_token"])) == "unauthorized_client"
        assert "drill" in asks(stack).text
    finally:
        it(stack, "enable", "action", "mcp")
    assert caller(stack, given["access_token"]).launch_id == who.launch_id
    stack.services.sessions.end(who.launch_id, "user")
    with pytest.raises(McpEnded):
        caller(stack, given["access_token"])
    assert error(refreshed(stack, given["refresh_token"])) == "invalid_grant"


@requirement("oauth:life")
def test_a_hosts_use_keeps_its_launch_and_silence_ends_it(stack: Stack) -> None:
    given = tokens_of(stack)
    who = caller(stack, given["access_token"])
    for _ in range(4):
        stack.clock.forward(minutes=14)
        given = refreshed(stack, given["refresh_token"]).get_json()
        assert caller(stack, given["access_token"]).launch_id == who.launch_id
    stack.clock.forward(minutes=31)
    assert error(refreshed(stack, given["refresh_token"])) == "invalid_grant"


@requirement("oauth:patient")
def test_two_users_who_sign_in_at_once_get_each_their_own_patient(stack: Stack) -> None:
    people = {chart: user(stack) for chart in ("child", "newborn")}
    pages = {chart: consent(stack, person, chart) for chart, person in people.items()}
    codes = {chart: told(people[chart].decide(page))["code"] for chart, page in pages.items()}
    for chart, code in codes.items():
        token = redeemed(stack, code).get_json()["access_token"]
        assert caller(stack, token).context.patient_id == stack.patient(chart)
        other = next(one for one in codes if one != chart)
        assert stack.patient(other) not in pages[chart].text


@requirement("oauth:client")
def test_without_a_client_in_a_registration_there_is_no_authorization_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stack = sign_in_stack(tmp_path_factory.mktemp("none"), "")
    browser = stack.app.test_client()
    for path in ("/.well-known/oauth-authorization-server", "/oauth/authorize"):
        assert browser.get(path, base_url=APP).status_code == 404
    assert browser.post("/oauth/token", base_url=APP, data={}).status_code == 404


@requirement("oauth:kept")
def test_no_code_no_token_and_no_verifier_stands_in_the_store(stack: Stack) -> None:
    code = code_of(stack)
    given = redeemed(stack, code).get_json()
    kept = contents(stack.services.settings.database_url)
    for secret in (code.rpartition(".")[2], given["refresh_token"].rpartition(".")[2], given["access_token"]):  # fmt: skip
        assert secret.encode() not in kept
    assert json.dumps(LOCAL).encode() not in kept
