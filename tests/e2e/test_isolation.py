"""One launch, one patient, in the EHR's frame on another site: two engines, third-party cookies blocked and allowed.

Every cell of the matrix begins with two launches of two patients in one browser. A frame must show its own patient
only, and nothing of the other one may be in its document, in what the server answered it, or in its address.
"""

import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Playwright

from tests.e2e.conftest import ROOT, Behind, Servers, free_port, started
from tests.e2e.engines import Engine, Tab, tabs, until
from tests.e2e.recorder import Recorder, recording
from tests.requirements import requirement

pytestmark = pytest.mark.e2e
MARLENA, TYPICAL = "marlena", "typical"
QUESTION = "What was the last potassium?"
CARD = "document.querySelector('.card .cardfoot') && document.querySelector('.b-name').innerText"
GATE = "document.querySelector('.gate.stop-now button') && document.body.innerText"
STORAGE = (
    "(() => { try { localStorage.a = '1'; return 'works' } catch (error) { return error.name } })()"
)
WHOLE = "document.documentElement.outerHTML + document.documentElement.innerText"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A browser of one engine and one cookie setting, and the servers."""

    new_tab: Callable[[], Tab]
    servers: Servers
    recorder: Recorder
    block_cookies: bool
    tabs: list[Tab] = field(default_factory=list)

    def tab(self) -> Tab:
        """Open a tab that ends with the cell."""
        self.tabs.append(self.new_tab())
        return self.tabs[-1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Servers, Recorder]]:
    """Both servers, and what keeps every byte that the copilot sends to a browser."""
    with recording(free_port()) as recorder:
        behind = Behind(app=(recorder.port, recorder.behind))
        folder = tmp_path_factory.mktemp("recorded")
        with started(folder, dict(os.environ), behind=behind) as servers:
            yield servers, recorder


@pytest.fixture(
    scope="module",
    params=[(e, b) for e in ("chromium", "firefox") for b in (True, False)],
    ids=lambda given: f"{given[0]}-{'blocked' if given[1] else 'allowed'}",
)
def browser(
    request: pytest.FixtureRequest,
    recorded: tuple[Servers, Recorder],
    playwright: Playwright,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """One browser for the six cells of an engine and a cookie setting."""
    engine: Engine
    engine, block_cookies = request.param
    profile = tmp_path_factory.mktemp(engine) / "profile"
    with tabs(engine, block_cookies=block_cookies, profile=profile, playwright=playwright) as tab:
        servers, recorder = recorded
        yield Place(new_tab=tab, servers=servers, recorder=recorder, block_cookies=block_cookies)


@pytest.fixture
def place(browser: Place) -> Iterator[Place]:
    """The browser of a cell; its tabs are closed after it."""
    yield browser
    while browser.tabs:
        browser.tabs.pop().close()


@requirement("attack-29", "attack-40")
def test_two_tabs_keep_their_patients(place: Place) -> None:
    first, second = opened(place, MARLENA), opened(place, TYPICAL)
    ask(first)
    assert_own(place, first, MARLENA)
    assert_own(place, second, TYPICAL)


@requirement("attack-30", "attack-40")
def test_two_frames_of_one_tab_keep_their_patients(place: Place) -> None:
    tab = place.tab()
    left, right = (place.servers.patient(name) for name in (MARLENA, TYPICAL))
    tab.go(f"{place.servers.ehr}/two?left={left}&right={right}")
    for frame, name in enumerate((MARLENA, TYPICAL)):
        shows(tab, name, frame)
    ask(tab, 0)
    assert_own(place, tab, MARLENA, 0)
    assert_own(place, tab, TYPICAL, 1)
    # The frame that was loaded first is loaded again last.
    for frame, name in ((1, TYPICAL), (0, MARLENA)):
        reload(tab, frame)
        shows(tab, name, frame)
        assert_own(place, tab, name, frame)


@requirement("attack-31", "attack-40")
def test_a_reload_keeps_the_patient(place: Place) -> None:
    first, second = opened(place, MARLENA), opened(place, TYPICAL)
    ask(first)
    for tab, name in ((first, MARLENA), (second, TYPICAL), (first, MARLENA)):
        reload(tab)
        shows(tab, name)
        assert_own(place, tab, name)
    # The conversation is the launch's own, and came back with it.
    assert QUESTION in until(first, "document.querySelector('article.user').innerText", 0)


@requirement("attack-32", "attack-40")
def test_back_to_an_older_patient_asks_before_it_shows(place: Place) -> None:
    tab = opened(place, MARLENA)
    relaunch(place, tab, TYPICAL)
    shows(tab, TYPICAL)
    tab.run("history.back()")
    asked = until(tab, GATE, 0)
    assert f"Continue with {family(MARLENA)}" in asked
    assert "mmol/L" not in asked
    assert_own(place, tab, MARLENA)
    until(tab, f"({click('Continue with')})(document)", 0)
    shows(tab, MARLENA)
    assert_own(place, tab, MARLENA)


@requirement("attack-40")
def test_a_relaunch_in_the_same_frame_takes_the_new_patient(place: Place) -> None:
    tab = opened(place, MARLENA)
    ask(tab)
    relaunch(place, tab, TYPICAL)
    shows(tab, TYPICAL)
    assert_own(place, tab, TYPICAL)


@requirement("attack-29", "attack-40")
def test_the_refresh_of_one_chart_is_not_taken_by_the_chart_opened_last(place: Place) -> None:
    """Oracle Health's own test: launch A, launch B, press As Of on A: it must still be A."""
    first, second = opened(place, MARLENA), opened(place, TYPICAL)
    before = first.run("location.pathname", 0)
    first.run("document.querySelector('[data-launch]').click()")
    until(first, f"location.pathname !== {json.dumps(before)} && {CARD}", 0)
    shows(first, MARLENA)
    assert_own(place, first, MARLENA)
    assert_own(place, second, TYPICAL)


def opened(place: Place, chart: str) -> Tab:
    """Open a chart with the copilot beside it, and wait for its card."""
    tab = place.tab()
    tab.go(place.servers.chart(chart))
    shows(tab, chart)
    assert_framed_on_another_site(place.recorder)
    return tab


def shows(tab: Tab, chart: str, frame: int = 0) -> None:
    name = until(tab, f"location.pathname.startsWith('/l/') && ({CARD})", frame)
    assert family(chart) in name


def reload(tab: Tab, frame: int = 0) -> None:
    tab.run("globalThis.__old = true", frame)
    tab.run("void setTimeout(() => location.reload())", frame)
    until(tab, "!globalThis.__old && document.readyState === 'complete'", frame)


def relaunch(place: Place, tab: Tab, chart: str) -> None:
    address = f"{place.servers.ehr}/chart/{place.servers.patient(chart)}/relaunch"
    tab.run("globalThis.__old = true", 0)
    tab.run(f"void (document.querySelector('iframe').src = {json.dumps(address)})")
    until(tab, "!globalThis.__old && location.pathname.startsWith('/l/')", 0)


def click(name: str) -> str:
    return (
        f"(page) => {{ const found = [...page.querySelectorAll('button')]"
        f".find((one) => one.innerText.startsWith({json.dumps(name)})); found?.click(); return !!found }}"
    )


def ask(tab: Tab, frame: int = 0) -> None:
    """Ask by the page's own box and button."""
    until(tab, "document.querySelector('.composer textarea, textarea')?.focus() ?? true", frame)
    tab.run(
        "(() => { const box = document.querySelector('textarea');"
        " Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, "
        f"{json.dumps(QUESTION)}); box.dispatchEvent(new Event('input', {{ bubbles: true }})) }})()",
        frame,
    )
    until(
        tab,
        "(() => { const send = document.querySelector('button[aria-label=\"Send question\"]');"
        " if (send && !send.disabled) send.click(); return !!send })()",
        frame,
    )
    until(tab, "!!document.querySelector('article.turn .prov')", frame)


def assert_own(place: Place, tab: Tab, chart: str, frame: int = 0) -> None:
    """Assert that a frame holds its own patient and no byte of the other one, nor a secret in its address."""
    other = TYPICAL if chart == MARLENA else MARLENA
    address, referrer, shown = tab.run(f"[location.href, document.referrer, {WHOLE}]", frame)
    assert re.fullmatch(rf"{place.servers.app}/l/[\w-]+/", address)
    assert not any(secret in referrer for secret in ("code=", "state=", "launch="))
    # The setting does what it says: in both engines a blocked third party has no local storage.
    assert tab.run(STORAGE, frame) == ("SecurityError" if place.block_cookies else "works")
    answers = place.recorder.of_launch(address.split("/")[4])
    assert any(one.target.endswith("/card") for one in answers) or "Continue with" in shown
    told = "\n".join([shown, *(one.body.decode() for one in answers)]).upper()
    assert family(chart) in told
    assert [mark for mark in marks(other) if mark in told] == []


def assert_framed_on_another_site(recorder: Recorder) -> None:
    last = [one.sent for one in recorder.exchanges if "/launch?" in one.target][-1]
    assert (last["sec-fetch-site"], last["sec-fetch-dest"]) == ("cross-site", "iframe")


@cache
def marks(chart: str) -> frozenset[str]:
    """Return what only this chart contains, in capitals: its resources, the patient's name, its record number."""
    found = set()
    for resource in resources(chart):
        if resource["resourceType"] in ("Practitioner", "Organization", "Location"):
            continue
        found.add(f"{resource['resourceType']}/{resource['id']}".upper())
        if resource["resourceType"] == "Patient":
            found.add(resource["name"][0]["family"].upper())
            found |= {item["value"] for item in resource["identifier"] if len(item["value"]) > 5}
    return frozenset(found)


@cache
def family(chart: str) -> str:
    """Return the patient's family name as the copilot writes it."""
    patient = next(one for one in resources(chart) if one["resourceType"] == "Patient")
    return str(patient["name"][0]["family"]).upper()


@cache
def resources(chart: str) -> tuple[dict[str, Any], ...]:
    raw = gzip.decompress((ROOT / "sandbox" / "charts" / chart / "chart.ndjson.gz").read_bytes())
    return tuple(json.loads(line) for line in raw.splitlines())
