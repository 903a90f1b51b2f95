"""The frame self-test in the EHR's frame: what it finds, and what it says where nothing can run."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, Playwright, expect

from tests.e2e.conftest import NewContext, Servers, panel
from tests.e2e.engines import tabs, until
from tests.e2e.test_main_job import axe
from tests.requirements import requirement

pytestmark = pytest.mark.e2e
COOKIES = pytest.mark.parametrize("block_cookies", [True, False], ids=["blocked", "allowed"])


def opened(page: Page, servers: Servers) -> FrameLocator:
    page.goto(f"{servers.chart('marlena')}&selftest=1")
    expect(panel(page).get_by_role("heading", name="Frame self-test · Sandbox EHR")).to_be_visible()
    return panel(page)


def found(frame: FrameLocator) -> dict[str, str]:
    rows = frame.locator("dl > div")
    return {row.locator("dt").inner_text(): row.locator(".tag").inner_text() for row in rows.all()}


@COOKIES
def test_the_self_test_finds_what_the_frame_and_the_browser_allow(
    servers: Servers, new_context: NewContext, block_cookies: bool
) -> None:
    page = new_context(block_cookies=block_cookies).new_page()
    frame = opened(page, servers)
    untried = dict.fromkeys(("Copying", "Pop-ups", "Printing", "Downloads"), "Not tried")
    assert found(frame) == {
        "Frame": "Works", "Launch": "Works", "Storage": "Limited" if block_cookies else "Works",
        "Cookies": "Works", "Size": "Works", "Messages to the EHR": "Works", **untried,
    }  # fmt: skip
    expect(frame.locator("dl")).to_contain_text(f"Framed by {servers.ehr}.")
    carried = (
        "a partitioned cookie" if block_cookies else "session storage and a partitioned cookie"
    )
    expect(frame.locator("dl")).to_contain_text(f"comes back, by {carried}.")
    expect(frame.locator("dl")).to_contain_text(
        "third-party cookies are blocked" if block_cookies else "third-party cookies too"
    )
    frame.get_by_role("button", name="Copy this report").click()
    expect(frame.get_by_role("status")).to_have_text("Copied.")
    # The frame has no allow="clipboard-write": said, with the older way that works.
    assert found(frame)["Copying"] == "Limited"
    expect(frame.locator("dl")).to_contain_text('add allow="clipboard-write".')
    frame.get_by_role("button", name="Try a pop-up").click()
    expect(frame.locator("dl")).to_contain_text("A window can be opened.")
    with page.expect_download() as saved:
        frame.get_by_role("button", name="Try a download").click()
    assert saved.value.suggested_filename == "chartside-selftest.txt"
    frame.get_by_role("button", name="Yes, saved").click()
    assert found(frame)["Downloads"] == "Works"
    report = frame.get_by_role("textbox").input_value()
    assert report.startswith("Chartside frame self-test, Sandbox EHR\nBrowser: Mozilla/5.0")
    assert "EVERGREEN" not in report.upper()
    assert not re.search(r"me-patient|/l/|launch=", report)
    for width in (320, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert axe(page, servers) == []


@requirement("attack-39")
def test_a_frame_without_its_origin_is_told_what_is_missing(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    frame = opened(page, servers)
    page.locator("iframe").evaluate(
        "frame => { frame.setAttribute('sandbox', 'allow-scripts'); frame.src = frame.src }"
    )
    expect(frame.locator("dl")).to_contain_text("This frame takes the page's origin away.")
    states = found(frame)
    assert (states["Frame"], states["Launch"], states["Messages to the EHR"]) == ("Blocked",) * 3
    expect(frame.locator("dl")).to_contain_text('add allow-same-origin to sandbox="…".')
    frame.get_by_role("button", name="Try a pop-up").click()
    expect(frame.locator("dl")).to_contain_text("add allow-popups")


def test_firefox_with_third_party_cookies_blocked_keeps_session_storage_only(
    servers: Servers, playwright: Playwright, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    with tabs("firefox", block_cookies=True, profile=profile, playwright=playwright) as new_tab:
        tab = new_tab()
        tab.go(f"{servers.chart('marlena')}&selftest=1")
        lines = until(tab, "document.querySelector('#report')?.value", 0).splitlines()
    assert (
        "Launch: Works. A launch is carried, and a reload comes back, by session storage." in lines
    )
    assert (
        "Storage: Limited. The browser blocks local storage in this frame. Chartside works without."
        in lines
    )
    assert next(line for line in lines if line.startswith("Cookies")).startswith(
        "Cookies: Limited."
    )


def relaunch_in(page: Page, servers: Servers, sandbox: str) -> None:
    page.goto(servers.chart("marlena"))
    expect(panel(page).locator(".card")).to_be_visible()
    relaunch = f"{servers.ehr}/chart/{servers.patient('marlena')}/relaunch"
    page.locator("iframe").evaluate(
        "(frame, [sandbox, address]) => { frame.setAttribute('sandbox', sandbox); frame.src = address }",
        [sandbox, relaunch],
    )


def test_a_launch_in_a_frame_without_its_origin_says_so(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    relaunch_in(page, servers, "allow-scripts")
    expect(panel(page).locator("body")).to_contain_text("without allow-same-origin")


def test_a_launch_in_a_frame_without_scripts_says_so(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    relaunch_in(page, servers, "allow-same-origin")
    said = panel(page).locator("noscript p", has_text="add allow-scripts")
    expect(said).to_be_visible()
