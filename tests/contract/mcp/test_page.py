"""The page that `make conformance` writes: of these versions, with a reason for whatever does not apply, and nothing that fails."""

import re

from tests.conformance.page import Outcome, pinned, written
from tests.conformance.reasons import CLIENT, SERVER, reason
from tests.stack import ROOT

PAGE = (ROOT / "docs" / "mcp-conformance.md").read_text("utf-8")


def test_the_page_is_of_the_locked_suites_and_nothing_on_it_fails() -> None:
    for version in pinned().values():
        assert version.removeprefix("npm:") in PAGE
    assert "fails" not in PAGE.partition("## ")[2]
    counted = re.findall(r"^\| Our \w+ \| [\d-]+ \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(counted) == 4
    assert all(apply == passed and int(passed) for apply, passed in counted)


def test_what_the_page_calls_not_applicable_is_what_the_reasons_say() -> None:
    sections = re.findall(r"^## Our (server|client), ([\d-]+)\n(.*?)(?=^## )", PAGE, re.M | re.S)
    assert len(sections) == 4
    for side, revision, text in sections:
        known = SERVER if side == "server" else CLIENT
        ran, _, left = text.partition("Does not apply:")
        assert all(not reason(revision, n, known) for n in re.findall(r"^\| `(.+?)`", ran, re.M))
        for name in re.findall(r"`(.+?)`", left):
            assert reason(revision, name, known), name


def test_a_scenario_that_fails_or_checks_nothing_is_said_to() -> None:
    one = Outcome(revision="2026-07-28", side="client", name="x", passed=1, failed=("id",))
    none = Outcome(revision="2026-07-28", side="client", name="y")
    page = written([one, none], [])
    assert "| `x` | 1 of 2 | fails: id |" in page
    assert "| `y` | 0 of 0 | fails: nothing was checked |" in page
    assert "| Our client | 2026-07-28 | 2 | 0 | 0 | 1 |" in page
