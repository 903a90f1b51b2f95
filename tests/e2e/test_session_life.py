"""The end of a launch in a real browser: said before, put off on the server, made by the clinician; nothing typed is lost."""

import json

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import NewContext, Servers, panel

pytestmark = pytest.mark.e2e
SOON = {"idle_s": 90, "absolute_s": 20_000, "warn_s": 120}


def test_the_end_is_said_put_off_and_made_and_what_was_typed_stays(
    servers: Servers, new_context: NewContext
) -> None:
    context = new_context()
    extended: list[str] = []

    def life(route: Route) -> None:
        """Let the server's own half hour look like its last minutes, until the page has it extended."""
        if extended or route.request.method == "POST":
            extended.append(route.request.method)
            route.continue_()
        else:
            launch = route.request.url.split("/api/launches/")[1].split("/")[0]
            headers = {"X-Launch-Id": launch, "Content-Type": "application/json"}
            route.fulfill(body=json.dumps(SOON), headers=headers)

    context.route("**/api/launches/*/life", life)
    page = context.new_page()
    page.goto(servers.chart("marlena"))
    bar = panel(page).locator(".endsbar")
    expect(bar).to_contain_text("because nothing was done")
    box = panel(page).get_by_role("textbox", name="Ask about this patient")
    box.fill("Is the potassium")
    with page.expect_response(lambda r: r.url.endswith("/life")) as answer:
        panel(page).get_by_role("button", name="Stay signed in").click()
    assert answer.value.json()["idle_s"] in range(1790, 1801)
    expect(bar).to_have_count(0)
    expect(box).to_have_value("Is the potassium")

    panel(page).locator('[aria-label="Menu"]:visible').first.click()
    panel(page).get_by_role("button", name="End this launch").click()
    expect(panel(page).locator("h1")).to_have_text("You ended this launch.")
    shown = panel(page).locator("body").inner_text()
    assert "What you typed is kept" in shown
    assert not any(word in shown for word in ("EVERGREEN", "potassium", "mmol/L"))
    assert any(exchange["path"] == "/auth/revoke" for exchange in servers.wire())
