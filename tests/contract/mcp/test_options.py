"""The table that `make options` writes: twelve rows of five cells, none empty, and outcomes that are defined. Timings are not compared."""

import re

from bench.options import ASKED, PAGE, ROUTES, Cell, outcome, written

ASKED_IN_ORDER = [ASKED[number] for number in sorted(ASKED)]
OUTCOME = re.compile(
    r"(correct|gap named|differs|refused|refused or this chart only); \d+ records, \d+ tokens, \d+\.\d s|not measured"
)


def test_the_page_has_a_cell_for_each_question_and_route() -> None:
    table = [r.strip("| ").split(" | ") for r in PAGE.read_text("utf-8").splitlines() if r[:1] == "|"]  # fmt: skip
    assert table[0][2:] == list(ROUTES)
    rows = table[2:-1]
    assert [about for _, about, *_ in rows] == [*ASKED_IN_ORDER, "wrong patient"]  # fmt: skip
    assert len(rows) == 12
    for _, _, *cells in rows:
        assert len(cells) == len(ROUTES)
        assert all(OUTCOME.fullmatch(cell) for cell in cells), cells


def test_what_is_missing_without_a_word_differs() -> None:
    assert outcome("answered", "") == "correct"
    assert outcome("wrong", "this EHR does not offer these") == "gap named"
    assert outcome("wrong", "Aspirin 81 mg") == "differs"


def test_a_route_that_was_not_measured_is_said_to() -> None:
    cell = Cell(outcome="correct", text="", records=1, seconds=1)
    page = written([("Q", "a", [cell, None, None, None])])
    assert "| Q | a | correct; 1 records, 0 tokens, 1.0 s | not measured | not measured | not measured |" in page  # fmt: skip
    assert "1 of 1 correct" in page
