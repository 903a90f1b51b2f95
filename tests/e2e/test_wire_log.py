"""The wire log beside the frame: a launch as an integration engineer reads it, while it happens."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import FRAME, NewContext, Servers, app_frame, panel

pytestmark = pytest.mark.e2e


def kinds(page: Page) -> list[str]:
    return page.locator(".wire li .kind").all_inner_texts()


def test_the_pane_shows_the_launch_as_it_goes_on_and_no_secret(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context(width=1400).new_page()
    posted: list[str] = []
    page.on("request", lambda one: posted.append(one.url))
    page.goto(servers.chart("marlena"))
    launch = (page.locator(FRAME).get_attribute("data-address") or "").rpartition("launch=")[2]
    expect(page.locator(".wire")).to_be_hidden()
    button = page.get_by_role("button", name="Wire log")
    button.click()
    expect(panel(page).locator(".card")).to_be_visible()
    expect(page.locator(".wire li .kind.fhir").first).to_be_visible()
    expect(page.locator(".wire li .kind.token").first).to_be_visible()
    order = kinds(page)
    assert order[0] == "launch"
    assert order.index("authorize") < order.index("token") < order.index("fhir")
    token = page.locator(".wire li", has=page.locator(".kind.token")).first
    token.locator("summary").click()
    expect(token).to_contain_text("code_verifier")
    # Live: what the frame does next is told without a reload.
    before = len(order)
    page.get_by_role("button", name="Launch again").click()
    expect(page.locator(".wire li .kind.launch").nth(1)).to_be_visible()
    expect(page.locator(".wire li .kind.token").nth(1)).to_be_visible()
    assert len(kinds(page)) > before
    shown = page.locator(".wire").inner_text()
    codes = [url.split("code=")[1].split("&")[0] for url in posted if "/callback?code=" in url]
    assert codes
    for hidden in (launch, *codes, "EVERGREEN", "eyJ"):
        assert hidden not in shown
    assert app_frame(page, servers).url not in shown
    button.click()
    expect(page.locator(".wire")).to_be_hidden()
