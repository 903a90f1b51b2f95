"""The launch card over the real protocol."""

import pytest

from tests.stack import Browser, Stack


@pytest.mark.parametrize("chart", ["marlena", "typical", "large"])
def test_the_card_costs_at_most_twelve_requests(stack: Stack, browser: Browser, chart: str) -> None:
    before = len(stack.fhir_requests())
    launched = browser.launch(chart)
    launched.get()
    card = launched.get("/card").get_json()
    asked = [one for one in stack.fhir_requests()[before:] if "/." not in one.path]
    assert len(asked) <= 12
    assert card["requests"] <= 12
    assert card["banner"]["family"]


def test_every_row_of_the_card_opens_its_source(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    card = launched.get("/card").get_json()
    numbers = set()
    for section in card["sections"]:
        for row in section["rows"]:
            lines = [row["pieces"], *row["meta"]]
            cites = [piece["n"] for line in lines for piece in line if piece["kind"] == "cite"]
            if section["id"] != "unread":
                assert cites, row
            numbers |= set(cites)
    for n in numbers:
        source = launched.get(f"/sources/{n}")
        assert source.status_code == 200, n
        assert source.get_json()["n"] == n


def test_a_source_keeps_its_meaning_over_a_restart(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    launched.get("/card")
    before = launched.get("/sources/2").get_json()
    stack.services.charts.drop(launched.launch_id)
    after = launched.get("/sources/2").get_json()
    assert (after["reference"], after["summary"]) == (before["reference"], before["summary"])


def test_reading_again_notices_and_keeps_numbers(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    first = launched.get("/card").get_json()
    again = launched.get("/card?again=1").get_json()
    assert again["sections"] == first["sections"]
