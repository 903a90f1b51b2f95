import re
from pathlib import Path

from tests.requirements import requirement
from tests.stack import APP, EHR, Browser, Stack, make_stack, page_data, registered


@requirement("chartside:framing")
def test_the_self_test_is_framed_by_its_registrations_origins_only(tmp_path: Path) -> None:
    """Its finding about the frame must be the one that a launch of this registration would meet."""
    framers = f'frame_ancestors = ["{EHR}", "http://shell.localhost:9000"]'
    config = registered(tmp_path, (f'frame_ancestors = ["{EHR}"]', framers))
    page = make_stack(tmp_path, launch_config=config).browser().open("/selftest/sandbox")
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {EHR} http://shell.localhost:9000")
    assert page_data(page) == {"page": "selftest", "slug": "sandbox", "name": "Sandbox EHR"}
    assert page.headers["Cache-Control"] == "no-store"


def test_its_cookies_say_nothing_and_go_to_its_own_address_only(stack: Stack) -> None:
    sent = stack.browser().open("/selftest/sandbox").headers.getlist("Set-Cookie")
    shown = [re.sub(r" Expires=[^;]+;", "", one) for one in sent]
    rest = "Max-Age=300; Secure; HttpOnly; Path=/selftest/sandbox/; SameSite=None"
    assert shown == [
        f"__Secure-selftest-partitioned=1; {rest}; Partitioned",
        f"__Secure-selftest=1; {rest}",
    ]


def test_it_says_which_cookies_came_back(browser: Browser) -> None:
    bare = browser.client.get("/selftest/sandbox/cookies", base_url=APP)
    assert bare.get_json() == {"partitioned": False, "plain": False}
    browser.client.set_cookie(
        "__Secure-selftest-partitioned", "1", domain="app.localhost", path="/selftest/sandbox/", secure=True
    )  # fmt: skip
    one = browser.client.get("/selftest/sandbox/cookies", base_url=APP)
    assert one.get_json() == {"partitioned": True, "plain": False}


def test_an_unknown_registration_has_no_self_test(browser: Browser) -> None:
    assert browser.open("/selftest/nobody").status_code == 404
    assert browser.open("/selftest/nobody/cookies").status_code == 404


def test_scripts_are_served_to_a_frame_without_an_origin_of_its_own(browser: Browser) -> None:
    """Else such a frame stays blank: a module is fetched across origins, and "null" is another one."""
    script = browser.open("/assets/main-1.js")
    script.close()
    assert script.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in browser.open("/selftest/sandbox").headers
