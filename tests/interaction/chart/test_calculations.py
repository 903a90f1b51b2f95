"""Calculations and checks over the real protocol: matched to their result, with inputs that open, kept over a restart."""

from tests.stack import Browser, Stack

QUESTIONS = (
    "what is her CrCl?", "CHADS-VASc", "NEWS2 now and trend", "corrected calcium", "is this AKI", "everything needing renal adjustment",
    "QT drugs", "can I give her amoxicillin?", "cardiovascular risk", "morphine equivalents", "TTR", "growth percentiles",
)  # fmt: skip


def test_each_is_answered_with_a_source_that_shows_rule_and_origin(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    for at, question in enumerate(QUESTIONS):
        events = launched.ask(question, f"turn-{at:04d}")
        assert events[-1]["type"] == "RUN_FINISHED", question
        (answered,) = [e["value"] for e in events if e.get("name") == "chartside.answered"]
        assert (answered["mismatches"], answered["without_source"]) == (0, 0), question
        computed = {
            e["value"]["n"] for e in events
            if e.get("name") == "chartside.citation" and e["value"]["summary"].startswith(("Computed here", "Checked here"))
        }  # fmt: skip
        assert computed, question
        for n in computed:
            shown = launched.get(f"/sources/{n}").get_json()
            assert shown["kind_label"] in ("Calculation", "Check")
            labels = [fact["label"] for fact in shown["facts"]]
            assert {"Result", "Rule", "Source"} <= set(labels), question


def test_an_input_of_a_calculation_opens_the_chart_row_it_came_from(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    events = launched.ask("what is her CrCl?", "turn-0001")
    (block,) = [e["value"]["block"] for e in events if e.get("name") == "chartside.block"]
    numbers = [
        piece["n"]
        for row in block["rows"][1:]
        for piece in row["pieces"]
        if piece["kind"] == "cite"
    ]
    kinds = [launched.get(f"/sources/{n}").get_json()["kind_label"] for n in numbers]
    assert kinds == ["Laboratory result", "Vital sign", "Vital sign"]
