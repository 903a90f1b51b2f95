"""The ten questions over the real protocol, on every chart: answered, cited, nothing that does not match."""

import tomllib
from pathlib import Path

import pytest

from tests.stack import Browser, Stack

QUESTIONS = tomllib.loads(Path("tests/evals/questions.toml").read_text("utf-8"))


def texts_of_questions() -> list[str]:
    (rows,) = (value for value in QUESTIONS.values() if isinstance(value, list))
    return [row["text"] for row in rows]


@pytest.mark.parametrize("chart", ["marlena", "typical", "large"])
def test_ten_questions_are_answered_with_sources_that_open(
    stack: Stack, browser: Browser, chart: str
) -> None:
    launched = browser.launch(chart)
    questions = texts_of_questions()
    assert len(questions) == 10
    for at, question in enumerate(questions):
        events = launched.ask(question, f"turn-{at:04d}")
        assert events[-1]["type"] == "RUN_FINISHED", question
        (answered,) = [e["value"] for e in events if e.get("name") == "chartside.answered"]
        assert (answered["mismatches"], answered["without_source"]) == (0, 0), question
        cited = {e["value"]["n"] for e in events if e.get("name") == "chartside.citation"}
        blocks = [e for e in events if e.get("name") == "chartside.block"]
        assert cited or blocks, question
        for n in sorted(cited)[:5]:
            assert launched.get(f"/sources/{n}").status_code == 200
    conversation = launched.get().get_json()["conversation"]
    assert [turn["question"] for turn in conversation] == questions


def test_dose_criteria_are_counted_where_they_are_asked_for_and_nowhere_else(
    browser: Browser,
) -> None:
    launched = browser.launch()

    def blocks(question: str, turn_id: str) -> list[dict[str, object]]:
        events = launched.ask(question, turn_id)
        found = [e["value"]["block"] for e in events if e.get("name") == "chartside.block"]
        return [block for block in found if block["kind"] == "criteria"]

    (block,) = blocks("Is the apixaban dose right?", "turn-0001")
    assert block["sum"] == "1 of 3 on these inputs; a new weight could change it."
    assert blocks("Active medicines", "turn-0002") == []
