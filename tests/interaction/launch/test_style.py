"""What a launch says of the page: its look, whether the EHR shows the banner, what the user came for."""

import pytest

from tests.requirements import requirement
from tests.stack import EHR, Browser, Stack

NOTHING = {"scheme": "light", "colors": [], "font_size_px": 0, "font_family": ""}


def style_requests(stack: Stack) -> int:
    return len(stack.state.wire.entries("/smart-style/"))


@requirement("smart:context:style")
def test_the_ehrs_look_is_read_once_by_the_server_without_a_token(
    stack: Stack, browser: Browser
) -> None:
    more = {"smart_style_url": f"{EHR}/smart-style/clinic.json"}
    launched = browser.launch(more=more)
    assert launched.get().get_json()["styled"] is True
    style = launched.get("/style").get_json()
    assert style == {
        "scheme": "light",
        "colors": [
            {"name": "bg", "value": "#f3efe6"},
            {"name": "ink", "value": "#1d1a14"},
            {"name": "brand", "value": "#4b3fa0"},
            {"name": "brand-ink", "value": "#ffffff"},
        ],
        "font_size_px": 15,
        "font_family": '"Georgia","Times New Roman",serif',
    }
    again = stack.browser().launch(more=more)
    assert again.get("/style").get_json() == style
    (request,) = stack.state.wire.entries("/smart-style/")
    assert request.bearer is False


@requirement("attack-58")
@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (f"{EHR}/smart-style/hostile.json", 1),
        (f"{EHR}/smart-style/pale.json", 1),
        (f"{EHR}/smart-style/huge.json", 1),
        (f"{EHR}/smart-style/moved.json", 1),
        (f"{EHR}/smart-style/none.json", 1),
        ("https://evil.example/smart-style/clinic.json", 0),
        (f"{EHR}@evil.example/smart-style/clinic.json", 0),
        ("http://169.254.169.254/latest/meta-data", 0),
        ("file:///etc/passwd", 0),
        ("javascript:alert(1)", 0),
        ({"url": "x"}, 0),
        (f"{EHR}/smart-style/clinic.json?{'x' * 3000}", 0),
    ],
)
def test_a_look_that_is_hostile_unreadable_or_elsewhere_changes_nothing(
    stack: Stack, browser: Browser, url: object, asked: int
) -> None:
    before = style_requests(stack)
    launched = browser.launch(more={"smart_style_url": url})
    assert launched.get("/style").get_json() == NOTHING
    assert style_requests(stack) - before == asked
    assert launched.get("/card").status_code == 200


@requirement("smart:context:banner")
@pytest.mark.parametrize(
    ("sent", "shown"), [(False, False), (True, True), ("false", True), (None, True), (0, True)]
)
def test_only_a_plain_false_leaves_the_banner_to_the_ehr(
    browser: Browser, sent: object, shown: bool
) -> None:
    launched = browser.launch(more={"need_patient_banner": sent})
    assert launched.get().get_json()["patient_banner"] is shown


@requirement("smart:context:intent")
def test_a_known_intent_is_the_first_suggestion_and_an_unknown_one_changes_nothing(
    stack: Stack,
) -> None:
    def suggestions(intent: str) -> list[str]:
        launched = stack.browser().launch(more={"intent": intent})
        found: list[str] = launched.get("/card").get_json()["suggestions"]
        return found

    usual = suggestions("")
    known = suggestions("reconcile-medications")
    assert (known[0], sorted(known)) == ("Active medicines", sorted(usual))
    assert suggestions("launch-the-rockets") == usual
