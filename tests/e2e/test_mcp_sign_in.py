"""A host outside the EHR signs its user in by a real browser: the EHR's own pages, the consent page, back, and the end of it."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from mcp import Client
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewContext, Servers
from tests.e2e.desk_host import CLIENT_ID, WAIT_S, DeskHost, SignInNeeded, desk
from tests.requirements import requirement

pytestmark = pytest.mark.e2e
AXE = (Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js").read_text()  # fmt: skip
RUN_AXE = """() => axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})
  .then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(' | ')))"""
SIZES = ((350, 600), (400, 860), (1200, 900))
Scheme = Any


async def allergies(client: Client) -> Any:
    """List the tools, and call one."""
    listed = await client.list_tools()
    assert {"chart_overview", "chart_section", "chart_results"} <= {t.name for t in listed.tools}
    return await client.call_tool("chart_section", {"section": "allergies"})


def faults(page: Page) -> list[str]:
    """Return what is wrong with a page at each size, light and dark: axe, and anything outside the frame."""
    page.evaluate(AXE)
    found = []
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            wide = page.evaluate("() => document.documentElement.scrollWidth")
            found += [f"{width} {scheme} {one}" for one in page.evaluate(RUN_AXE)]
            found += [f"{width} {scheme}: {wide} px wide"] if wide > width else []
    return found


def to_consent(
    page: Page, host: DeskHost, servers: Servers, chart: str, *, checked: bool = False
) -> None:
    """Open what the host asks for, and choose the patient at the EHR."""
    page.goto(host.address())
    expect(page.get_by_role("heading", name="asks for a patient")).to_be_visible()
    assert page.url.startswith(f"{servers.ehr}/auth/authorize?")
    assert not checked or faults(page) == []
    page.locator(f"a[href$='patient={servers.patient(chart)}']").click()
    expect(page.get_by_role("heading", name="Let “Desk copilot” read this chart?")).to_be_visible()


def token(servers: Servers, form: dict[str, str]) -> tuple[int, str]:
    """Ask the token endpoint."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{servers.app_port}/oauth/token", urlencode(form).encode(),
        {"Host": servers.app.removeprefix("http://")},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@requirement("oauth:flow", "oauth:consent", "oauth:user-ends", "oauth:patient")
def test_a_host_reads_the_chart_that_its_user_chose_until_the_user_ends_it(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    with desk(servers) as host:
        reading = host.begin(allergies)
        to_consent(page, host, servers, "marlena", checked=True)
        assert faults(page) == []
        asked = page.inner_text("body")
        said = (
            "EVERGREEN, Marlena", "14-Mar-1958", "00471182", "registered by Harbor Clinic", CLIENT_ID, "A. Osei, MD",
            f"A program on this computer ({host.redirect_uri.removesuffix('/callback')})", "or 30 minutes without use",
            "Sign out in the application, or open this page again in this browser", "Allergies", "Nothing is written to the EHR.",
        )  # fmt: skip
        assert [words for words in said if words not in asked] == []
        consent_url = page.url
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Allow", exact=True)).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Do not allow")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Back at the desk")).to_be_visible()
        found = reading.result(WAIT_S)
        assert not found.is_error
        assert "penicillin" in found.content[0].text

        async def of_another(client: Client) -> Any:
            other = {"section": "allergies", "patient": servers.patient("child")}
            return await client.call_tool("chart_section", other)

        refused = host.ask(of_another)
        assert refused.is_error
        assert "penicillin" not in json.dumps(refused.structured_content)

        # The same page, opened again, is where its user ends it.
        page.goto(consent_url)
        expect(
            page.get_by_role("heading", name="“Desk copilot” can read one chart.")
        ).to_be_visible()
        assert "EVERGREEN" not in page.content()
        assert faults(page) == []
        page.get_by_role("button", name="End access").click()
        expect(page.get_by_role("heading", name="Access has ended")).to_be_visible()
        ended = time.monotonic()
        with pytest.raises(SignInNeeded):
            host.ask(allergies)
        assert time.monotonic() - ended < 5
        assert faults(page) == []
    assert complaints == []


@requirement("oauth:consent", "oauth:code", "oauth:redirect")
def test_what_is_denied_replayed_or_sent_elsewhere_gives_nothing(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    with desk(servers) as host:
        reading = host.begin(allergies)
        to_consent(page, host, servers, "child")
        page.get_by_role("button", name="Do not allow").click()
        expect(page.get_by_role("heading", name="Back at the desk")).to_be_visible()
        with pytest.raises(PermissionError, match="access_denied"):
            reading.result(WAIT_S)
        assert host.storage.tokens is None

        reading = host.begin(allergies)
        address = host.address()
        host.addresses.put(address)
        to_consent(page, host, servers, "child")
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading", name="Back at the desk")).to_be_visible()
        found = reading.result(WAIT_S)
        assert "penicillin" not in found.content[0].text
        assert not host.ask(allergies).is_error
        # Whoever read the address that the browser came back with uses its code once more: both lose.
        form = {
            "grant_type": "authorization_code", "code": host.came["code"], "client_id": CLIENT_ID,
            "redirect_uri": host.redirect_uri, "code_verifier": "v" * 64, "resource": host.url,
        }  # fmt: skip
        status, said = token(servers, form)
        assert (status, json.loads(said)["error"]) == (400, "invalid_grant")
        with pytest.raises(SignInNeeded):
            host.ask(allergies)

        elsewhere = dict(parse_qsl(urlsplit(address).query)) | {"redirect_uri": "https://evil.example/callback"}  # fmt: skip
        page.goto(f"{servers.app}/oauth/authorize?{urlencode(elsewhere)}")
        expect(page.get_by_role("heading", name="This sign-in cannot go on.")).to_be_visible()
        assert page.url.startswith(servers.app)
        assert faults(page) == []
