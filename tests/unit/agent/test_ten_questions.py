"""Ten questions, three charts, no language model, held against gold that another program reads from the files."""

import re
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from app.agent.measure import amounts
from app.agent.text_content import TurnEvent
from app.fhir.reader import LaunchChart
from tests.evals.gold import Fact, Gold, gold
from tests.ndjson_source import launch
from tests.unit.agent.shown import Shown, ask, custom, references, shown, types, verdicts

QUESTIONS = {
    q["number"]: q["text"]
    for q in tomllib.loads((Path(__file__).parents[2] / "evals" / "questions.toml").read_text())[
        "question"
    ]
}
CHARTS = ("marlena", "typical", "large")
CASES = [(chart, number) for chart in CHARTS for number in QUESTIONS]


@cache
def opened(chart: str) -> LaunchChart:
    return launch(chart)


@cache
def measure(chart: str) -> dict[int, Gold]:
    return gold(chart)


@cache
def answer(chart: str, number: int) -> tuple[TurnEvent, ...]:
    return tuple(ask(opened(chart), QUESTIONS[number]))


@pytest.mark.parametrize(("chart", "number"), CASES)
def test_an_answer_ends_well(chart: str, number: int) -> None:
    events = answer(chart, number)
    assert types(events)[0] == "RUN_STARTED"
    assert types(events)[-1] == "RUN_FINISHED"
    assert types(events).count("RUN_FINISHED") == 1


@pytest.mark.parametrize(("chart", "number"), CASES)
def test_nothing_is_cited_that_gold_does_not_allow(chart: str, number: int) -> None:
    events, allowed = answer(chart, number), measure(chart)[number].may_cite
    for item in shown(events):
        for n in item.sources:
            assert references(opened(chart), n) <= allowed, item.words[:80]


@pytest.mark.parametrize(("chart", "number"), CASES)
def test_every_fact_of_gold_is_shown_with_its_source(chart: str, number: int) -> None:
    items = shown(answer(chart, number))
    missing = [
        f
        for f in measure(chart)[number].must
        if not any(_holds(opened(chart), i, f) for i in items)
    ]
    assert missing == []


@pytest.mark.parametrize(("chart", "number"), CASES)
def test_no_sentence_differs_from_its_source_and_none_lacks_one(chart: str, number: int) -> None:
    events = answer(chart, number)
    assert [v for v in verdicts(events) if v["verdict"] != "match"] == []
    assert custom(events, "no_source") == []
    (foot,) = custom(events, "answered")
    assert (foot["mismatches"], foot["without_source"]) == (0, 0)


@pytest.mark.parametrize(("chart", "number"), CASES)
def test_none_is_said_only_where_gold_says_so(chart: str, number: int) -> None:
    events = answer(chart, number)
    blocks = [v["block"] for v in custom(events, "block")]
    negative = [b["title"] for b in blocks if b["kind"] == "negative"]
    # An empty allergy list is said in a sentence that cites its search, never as "none found".
    negative += [v["claim"] for v in verdicts(events) if v["search"]]
    assert bool(negative) == measure(chart)[number].absent


def _holds(chart: LaunchChart, item: Shown, fact: Fact) -> bool:
    if not any(fact.reference in references(chart, n) for n in item.sources):
        return False
    if re.fullmatch(r"[<>]?=?-?[\d.]+", fact.value):
        number = Decimal(fact.value.lstrip("<>="))
        said = [found.amount.number for found in amounts(item.words.replace("/", " / "))]
        return any(_same(number, other) for other in said)
    return " ".join(_plain(fact.value).split()[:1]) in _plain(item.words) and _most(
        fact.value, item.words
    )


def _same(number: Decimal, shown_as: Decimal) -> bool:
    """Compare by value; tables print 4 significant digits of a number with more than 6."""
    if number == shown_as:
        return True
    digits = len(number.as_tuple().digits)
    return digits > 6 and abs(number - shown_as) <= abs(number) * Decimal("0.0005")


def _plain(words: str) -> str:
    return " ".join(words.casefold().replace(",", "").split())


def _most(value: str, words: str) -> bool:
    """Every word of a name is shown; strength and form may stand apart from it ("ibuprofen 600 mg", no "tablet")."""
    forms = {"tablet", "capsule", "oral", "tablets", "capsules"}
    return all(w in _plain(words) for w in _plain(value).split() if w not in forms)
