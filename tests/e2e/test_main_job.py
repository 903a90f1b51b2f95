"""The main job in a real browser, inside the EHR's frame, on another site, without a key."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import FRAME, ROOT, NewContext, Servers, app_frame, panel

pytestmark = pytest.mark.e2e
QUESTION = "Why has her kidney function dropped?"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def ask(page: Page, question: str) -> None:
    box = panel(page).get_by_role("textbox", name="Ask about this patient")
    box.fill(question)
    panel(page).get_by_role("button", name="Send question").click()


def answered(page: Page, count: int = 1) -> None:
    expect(panel(page).locator("article.turn .prov")).to_have_count(count)


def axe(page: Page, servers: Servers) -> list[str]:
    frame = app_frame(page, servers)
    frame.evaluate(AXE.read_text())
    found: list[str] = frame.evaluate(
        """() => axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})
        .then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(' | ')))"""
    )
    return found


def test_the_app_is_framed_on_another_site_under_its_policy(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    with page.expect_response(lambda r: "/smart/sandbox/launch" in r.url) as launched:
        page.goto(servers.chart("marlena"))
    assert launched.value.request.all_headers()["sec-fetch-site"] == "cross-site"
    frame = page.locator(FRAME)
    assert frame.get_attribute("sandbox") == (
        "allow-forms allow-modals allow-pointer-lock allow-popups allow-popups-to-escape-sandbox "
        "allow-same-origin allow-scripts allow-downloads"
    )
    expect(panel(page).locator(".card")).to_be_visible()
    assert complaints == []
    assert re.fullmatch(rf"{servers.app}/l/[\w-]+/", app_frame(page, servers).url)


@pytest.mark.parametrize("block_cookies", [True, False], ids=["blocked", "allowed"])
def test_launch_ask_open_a_source_reload(
    servers: Servers, new_context: NewContext, block_cookies: bool
) -> None:
    page = new_context(block_cookies=block_cookies).new_page()
    page.goto(servers.ehr)
    page.get_by_role("link", name="EVERGREEN").click()
    page.get_by_role("link", name="Chartside", exact=True).click()
    card = panel(page).locator(".card")
    expect(card).to_contain_text("Since your last visit, 18-Sep-2026")
    expect(card).to_contain_text("5.6")
    expect(panel(page).locator(".b-all")).to_contain_text("penicillin")
    ask(page, QUESTION)
    answered(page)
    turn = panel(page).locator("article.turn")
    expect(turn).to_contain_text("No language model.")
    expect(turn).to_contain_text("34")
    assert turn.locator(".cite.bad").count() == 0
    # One click from a number to its source.
    turn.locator(".labs tbody button, .labs tbody a").first.click()
    source = panel(page).locator(".evidence")
    expect(source).to_contain_text("5.6")
    expect(source).to_contain_text("19-Nov-2026")
    app_frame(page, servers).evaluate("location.reload()")
    answered(page)
    expect(panel(page).locator("article.turn")).to_contain_text("34")
    expect(panel(page).locator("article.user")).to_contain_text(QUESTION)


@pytest.mark.parametrize("block_cookies", [True, False], ids=["blocked", "allowed"])
def test_stop_ends_the_answer_and_keeps_what_was_written(
    servers: Servers, new_context: NewContext, block_cookies: bool
) -> None:
    page = new_context(block_cookies=block_cookies).new_page()
    page.goto(servers.chart("large"))
    expect(panel(page).locator(".card")).to_be_visible()
    servers.fault(match="Observation", fault="slow", seconds=3)
    ask(page, "What was the last potassium?")
    panel(page).get_by_role("button", name="Stop").click()
    expect(panel(page).locator("article.turn")).to_contain_text("Stopped: not complete")
    expect(panel(page).get_by_role("button", name="Send question")).to_be_visible()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"match": "*", "fault": "server_error_500"}, "The EHR did not complete the launch"),
        ({"match": "Patient", "fault": "server_error_500"}, "The EHR does not answer"),
        ({"match": "token", "fault": "fhir_user_patient"}, "Chartside is for clinicians"),
        ({"match": "authorize", "fault": "deny_consent"}, "did not allow this launch"),
        ({"match": "Patient", "fault": "merged"}, "merged into another"),
        ({"match": "token", "fault": "missing_patient"}, "did not name a patient"),
    ],
)
def test_a_launch_that_fails_says_one_sentence_and_a_way_on(
    servers: Servers, new_context: NewContext, rule: dict[str, str], says: str
) -> None:
    page = new_context(width=400, height=860).new_page()
    servers.fault(**rule)
    page.goto(servers.chart("marlena"))
    expect(panel(page).locator("main")).to_contain_text(says)
    assert axe(page, servers) == []


def test_an_expired_session_shows_nothing_and_keeps_no_data(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(servers.chart("marlena"))
    expect(panel(page).locator(".card")).to_be_visible()
    panel(page).get_by_role("button", name="Menu").first.click()
    panel(page).get_by_role("button", name="End this launch").or_(
        panel(page).get_by_role("menuitem", name="End this launch")
    ).click()
    expect(panel(page).locator("h1")).to_contain_text("You ended this launch")
    assert "EVERGREEN" not in panel(page).locator("body").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible_and_leaves_room_for_the_answer(
    servers: Servers, new_context: NewContext, scheme: str
) -> None:
    page = new_context(color_scheme=scheme).new_page()
    page.goto(servers.chart("marlena"))
    # The frame itself, without the EHR around it, at the size of a side panel.
    page.locator(FRAME).evaluate(
        "frame => { frame.style.cssText = 'position:fixed;inset:0;width:100vw;height:100vh;border:0;z-index:9' }"
    )
    expect(panel(page).locator(".card")).to_be_visible()
    check_at_every_size(page, servers)
    questions = (QUESTION, "Any urine albumin?", "What did the last note say about ibuprofen?")
    for count, question in enumerate(questions, 1):
        ask(page, question)
        answered(page, count)
    check_at_every_size(page, servers)
    panel(page).locator("article.turn .cite").first.click()
    expect(panel(page).locator(".evidence")).to_be_visible()
    check_at_every_size(page, servers)


def check_at_every_size(page: Page, servers: Servers) -> None:
    for width, height in ((320, 600), (350, 600), (400, 860), (1200, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert axe(page, servers) == [], (width, height)
        room, fits = app_frame(page, servers).evaluate(
            "() => [document.querySelector('.log').getBoundingClientRect().height / innerHeight,"
            " document.documentElement.scrollWidth <= innerWidth]"
        )
        assert room >= 0.6, (width, height)
        assert fits, (width, height)
