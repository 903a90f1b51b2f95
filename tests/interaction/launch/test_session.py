from dataclasses import replace

from tests.databases import contents
from tests.requirements import requirement
from tests.stack import APP, Browser, Stack


@requirement("chartside:session:key", "attack-34")
def test_a_key_opens_its_own_launch_only(stack: Stack) -> None:
    marlena, other = stack.browser().launch("marlena"), stack.browser().launch("typical")
    crossed = marlena.client.get(
        f"/api/launches/{other.launch_id}",
        base_url=APP,
        headers={"Authorization": f"Bearer {marlena.key}"},
    )
    assert (crossed.status_code, crossed.get_json()["code"]) == (404, "not_found")
    for headers in (
        {},
        {"Authorization": "Bearer guess"},
        {"Authorization": f"Basic {marlena.key}"},
    ):
        refused = marlena.client.get(
            f"/api/launches/{marlena.launch_id}", base_url=APP, headers=headers
        )
        assert (refused.status_code, refused.get_json()["code"]) == (401, "session.ended")


@requirement("chartside:session:key", "attack-29")
def test_two_launches_of_one_browser_keep_their_patients(browser: Browser) -> None:
    first, second = browser.launch("marlena"), browser.launch("typical")
    names = [item.get().get_json()["patient"]["family"] for item in (first, second, first)]
    assert names[0] == names[2] == "EVERGREEN"
    assert names[1] != "EVERGREEN"
    assert first.get().headers["X-Launch-Id"] == first.launch_id


@requirement("chartside:session:resume", "attack-31")
def test_a_reload_gets_a_new_key_and_the_old_one_stops(browser: Browser) -> None:
    launched = browser.launch()
    resumed = browser.resume(launched.launch_id)
    assert resumed.status_code == 200
    assert launched.get().status_code == 401
    key = resumed.get_json()["key"]
    again = browser.client.get(
        f"/api/launches/{launched.launch_id}",
        base_url=APP,
        headers={"Authorization": f"Bearer {key}"},
    )
    assert again.status_code == 200


@requirement("chartside:session:resume", "attack-35")
def test_nobody_else_can_resume(stack: Stack, browser: Browser) -> None:
    launched, other = browser.launch(), stack.browser().launch("typical")
    assert stack.browser().resume(launched.launch_id).status_code == 401
    for site in ("cross-site", "same-site", "none", ""):
        assert browser.resume(launched.launch_id, site).status_code == 401
    # The cookie's path keeps it from every other launch.
    assert browser.resume(other.launch_id).status_code == 401
    assert launched.get().status_code == 200


@requirement("smart:launch:token-not-in-cookies")
def test_cookies_name_no_patient_and_are_scoped(browser: Browser) -> None:
    launched = browser.launch()
    cookies = {cookie.key: cookie for cookie in (browser.client._cookies or {}).values()}
    resume = cookies["__Secure-lr"]
    assert (resume.path, resume.secure, resume.http_only) == (
        f"/l/{launched.launch_id}/",
        True,
        True,
    )
    assert all(launched.key not in cookie.value for cookie in cookies.values())


@requirement("chartside:session:limits", "attack-37")
def test_idle_and_absolute_limits_end_a_launch(stack: Stack, browser: Browser) -> None:
    idle, used = browser.launch(), stack.browser().launch()
    stack.clock.forward(minutes=29)
    assert used.get("/sources/999").status_code == 404
    stack.clock.forward(minutes=2)
    assert idle.get().status_code == 401
    assert used.get("/sources/999").status_code == 404
    assert browser.resume(idle.launch_id).status_code == 401


@requirement("chartside:session:warning", "attack-37")
def test_asking_how_long_a_launch_lives_is_no_use_and_going_on_moves_the_idle_limit_only(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    stack.clock.forward(minutes=28, seconds=10)
    asked, again = launched.get("/life"), launched.get("/life")
    assert asked.get_json()["idle_s"] in range(105, 111)
    assert again.get_json()["idle_s"] <= asked.get_json()["idle_s"]
    extended = launched.post("/life").get_json()
    assert (extended["idle_s"] in range(1795, 1801), extended["warn_s"]) == (True, 120)
    for _ in range(15):  # 29 minutes, fifteen times: to 7 h 43 min of the eight hours
        stack.clock.forward(minutes=29)
        launched.post("/life")
    left = launched.get("/life").get_json()
    assert (left["idle_s"] > 1700, left["absolute_s"] in range(1000, 1020)) == (True, True)
    stack.clock.forward(minutes=17)
    assert launched.post("/life").status_code == 401
    assert browser.resume(launched.launch_id).status_code == 401


@requirement("chartside:session:warning")
def test_a_launch_that_is_only_asked_about_ends(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    for _ in range(6):
        stack.clock.forward(minutes=4, seconds=50)
        assert launched.get("/life").status_code == 200
    stack.clock.forward(minutes=1, seconds=10)
    assert launched.get("/life").status_code == 401


def test_an_ended_launch_is_gone(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    assert launched.delete().status_code == 204
    assert launched.get().status_code == 401
    assert browser.resume(launched.launch_id).status_code == 401
    assert stack.services.smart.vault.held(launched.launch_id) is None
    assert stack.services.audit.events(launched.launch_id)[-1].kind == "end"


@requirement("smart:scopes:granted")
def test_what_was_not_granted_is_not_asked_for(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    launched.get("/card")
    asked = {exchange.path for exchange in stack.state.wire.entries("/fhir/")}
    assert "/fhir/Observation" in asked
    # The sandbox does not grant it: medication fills are said to be unreadable without a request.
    assert "/fhir/MedicationDispense" not in asked


@requirement("chartside:session:sealed")
def test_the_database_holds_no_secret_and_no_name(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    launched.get("/card")
    raw = contents(stack.services.settings.database_url)
    for secret in (launched.key, "Evergreen", "EVERGREEN", "Bearer "):
        assert secret.encode() not in raw


@requirement("chartside:session:park")
def test_a_page_that_was_left_parks_its_launch_which_ends_soon(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    assert launched.post("/park").status_code == 204
    stack.clock.forward(minutes=6)
    assert launched.get().status_code == 401
    assert browser.resume(launched.launch_id).status_code == 401


@requirement("chartside:session:park")
def test_a_page_that_comes_back_goes_on(stack: Stack, browser: Browser) -> None:
    launched, reloaded = browser.launch(), stack.browser()
    other = reloaded.launch()
    for one in (launched, other):
        one.post("/park")
    stack.clock.forward(minutes=4)
    assert launched.get().status_code == 200
    assert reloaded.resume(other.launch_id).status_code == 200
    stack.clock.forward(minutes=20)
    assert launched.get().status_code == 200
    assert stack.services.sessions.live(other.launch_id)


def test_only_the_launchs_own_key_parks_it(stack: Stack) -> None:
    mine, other = stack.browser().launch(), stack.browser().launch("typical")
    crossed = replace(mine, launch_id=other.launch_id).post("/park")
    assert crossed.status_code == 404
    stack.clock.forward(minutes=6)
    assert other.get().status_code == 200
