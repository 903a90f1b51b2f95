"""One launch, one patient: two tabs, two frames, reload, Back, with third-party cookies blocked and allowed."""

import gzip
import json

import pytest
from playwright.sync_api import Page, Response, expect

from tests.e2e.conftest import ROOT, NewContext, Servers, app_frame, panel

pytestmark = pytest.mark.e2e
COOKIES = pytest.mark.parametrize("block_cookies", [True, False], ids=["blocked", "allowed"])
QUESTION = "What was the last potassium?"


class Recorder:
    """Every byte that the copilot sent to a page, by launch."""

    def __init__(self, page: Page, servers: Servers) -> None:
        self.bodies: dict[str, list[str]] = {}
        self._app = servers.app
        page.on("response", self._keep)

    def _keep(self, response: Response) -> None:
        launch = response.headers.get("x-launch-id")
        if response.url.startswith(self._app) and launch:
            self.bodies.setdefault(launch, []).append(response.text())


def markers(name: str) -> set[str]:
    """Return what only this chart contains: ids of its resources, the patient's name, its record number."""
    raw = gzip.decompress((ROOT / "sandbox" / "charts" / name / "chart.ndjson.gz").read_bytes())
    found = set()
    for line in raw.splitlines():
        resource = json.loads(line)
        if resource["resourceType"] in ("Practitioner", "Organization", "Location"):
            continue
        found.add(f"{resource['resourceType']}/{resource['id']}")
        if resource["resourceType"] == "Patient":
            found.add(resource["name"][0]["family"].upper())
            found |= {item["value"] for item in resource["identifier"] if len(item["value"]) > 5}
    return found


def assert_apart(text: str, foreign: set[str]) -> None:
    assert [item for item in foreign if item in text or item.upper() in text.upper()] == []


def family(name: str) -> str:
    raw = gzip.decompress((ROOT / "sandbox" / "charts" / name / "chart.ndjson.gz").read_bytes())
    patient = next(json.loads(line) for line in raw.splitlines() if b'"Patient"' in line[:40])
    return str(patient["name"][0]["family"]).upper()


@COOKIES
def test_two_tabs_two_patients(
    servers: Servers, new_context: NewContext, block_cookies: bool
) -> None:
    context = new_context(block_cookies=block_cookies)
    first, second = context.new_page(), context.new_page()
    first.goto(servers.chart("marlena"))
    expect(panel(first).locator(".b-name")).to_contain_text(family("marlena"))
    second.goto(servers.chart("typical"))
    expect(panel(second).locator(".b-name")).to_contain_text(family("typical"))
    recorder = Recorder(first, servers)
    panel(first).get_by_role("textbox", name="Ask about this patient").fill(QUESTION)
    panel(first).get_by_role("button", name="Send question").click()
    expect(panel(first).locator("article.turn .prov")).to_be_visible()
    for page, name, other in ((first, "marlena", "typical"), (second, "typical", "marlena")):
        app_frame(page, servers).evaluate("location.reload()")
        expect(panel(page).locator(".b-name")).to_contain_text(family(name))
        assert_apart(panel(page).locator("body").inner_text(), markers(other))
    assert len(recorder.bodies) == 1
    assert_apart("\n".join(*recorder.bodies.values()), markers("typical"))


@COOKIES
def test_two_frames_in_one_tab(
    servers: Servers, new_context: NewContext, block_cookies: bool
) -> None:
    page = new_context(block_cookies=block_cookies).new_page()
    recorder = Recorder(page, servers)
    left, right = servers.patient("marlena"), servers.patient("typical")
    page.goto(f"{servers.ehr}/two?left={left}&right={right}")
    names = ("marlena", "typical")
    for index, name in enumerate(names):
        expect(panel(page, index).locator(".b-name")).to_contain_text(family(name))
    for index in (1, 0):
        app_frame(page, servers, index).evaluate("location.reload()")
    for index, (name, other) in enumerate((names, names[::-1])):
        expect(panel(page, index).locator(".b-name")).to_contain_text(family(name))
        assert_apart(panel(page, index).locator("body").inner_text(), markers(other))
    assert len(recorder.bodies) == 2
    for bodies in recorder.bodies.values():
        text = "\n".join(bodies)
        assert min(sum(item in text for item in markers(name)) for name in names) == 0


@COOKIES
def test_back_after_a_relaunch_asks_before_it_shows(
    servers: Servers, new_context: NewContext, block_cookies: bool
) -> None:
    page = new_context(block_cookies=block_cookies).new_page()
    page.goto(servers.chart("marlena"))
    expect(panel(page).locator(".card")).to_be_visible()
    relaunch = f"{servers.ehr}/chart/{servers.patient('typical')}/relaunch"
    app_frame(page, servers).evaluate("address => { location.href = address }", relaunch)
    expect(panel(page).locator(".b-name")).to_contain_text(family("typical"))
    expect(panel(page).locator(".card")).to_be_visible()
    page.evaluate("history.back()")
    go_on = panel(page).get_by_role("button", name=f"Continue with {family('marlena')}")
    expect(go_on).to_be_visible()
    shown = panel(page).locator("body").inner_text()
    assert "mmol/L" not in shown
    assert_apart(shown, markers("typical"))
    go_on.click()
    expect(panel(page).locator(".card")).to_be_visible()
    assert_apart(panel(page).locator("body").inner_text(), markers("typical"))
