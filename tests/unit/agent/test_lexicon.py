"""The words of a chart are found in a sentence wherever they stand, in any case, the longest first."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from app.agent.facts import Lexicon, Mention
from app.agent.library import background
from tests.ndjson_source import launch
from tests.unit.agent.evidence import ZONE

WORDS = ("potassium", "potassium chloride", "k", "b-12", "b", "sodium", "µ-globulin", "egfr", "eg")
LEXICON = Lexicon(
    tests={word: word for word in WORDS},
    drugs=frozenset({"potassium chloride", "eg"}),
    chart_drugs=frozenset(),
)
SENTENCES = st.lists(
    st.sampled_from([*WORDS, "Potassium", "K", "EGFR", " ", "-", ".", "s", "é", "İ", "Μ-GLOBULIN", "3"]),
    max_size=12,
).map("".join)  # fmt: skip


def plainly(text: str) -> list[Mention]:
    """Every word in turn, longest first, at each place."""
    listed = "|".join(map(re.escape, sorted(WORDS, key=lambda w: (-len(w), w))))
    found = re.finditer(rf"(?<![\w-])({listed})(?![\w])", text, re.IGNORECASE)
    return [
        Mention(text=m[0].casefold(), start=m.start(), drug=m[0].casefold() in LEXICON.drugs)
        for m in found
    ]


@given(SENTENCES)
@settings(max_examples=300, deadline=None)
def test_the_words_of_a_chart_are_found_as_one_by_one(text: str) -> None:
    assert LEXICON.mentions(text) == plainly(text)


def test_a_charts_words_are_gathered_once_for_all_its_turns() -> None:
    chart = launch("typical")
    chart.first_read()
    first, second = background(chart, ZONE, "one?"), background(chart, ZONE, "two?")
    assert second.lexicon is first.lexicon
    assert (first.question, second.question) == ("one?", "two?")
    chart.read_again()
    assert background(chart, ZONE, "three?").lexicon is not first.lexicon
