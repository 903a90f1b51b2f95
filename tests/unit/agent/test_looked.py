import pytest

from app.agent.looked import Looked, not_seen, step, words
from app.fhir.display import Text
from app.fhir.source import (
    Complete,
    Completeness,
    Denied,
    Failed,
    NotOffered,
    Restricted,
    Truncated,
)  # fmt: skip
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Look, Registry, ToolResult
from tests.ndjson_source import launch

STATES: list[tuple[Completeness, str]] = [
    (Complete(n=3), ""), (Truncated(n=100, total=432), "100 of 432 read"), (Truncated(n=100, total=None), "100 of more read"),
    (Denied(scope="patient/X.rs", http_status=403), "the EHR refused (403)"), (Denied(scope="x", http_status=0), "the EHR does not give them to this app"),
    (Restricted(why="2 labelled restricted", n=1), "2 labelled restricted"), (Failed(reason="time-out"), "could not be read (time-out)"),
    (NotOffered(resource_type="Consent"), "this EHR does not offer them"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "said"), STATES)
def test_every_state_has_words(state: Completeness, said: str) -> None:
    assert words(state) == said
    look = Look(
        section="labs", label="Laboratory results", searched=412, read=15, completeness=state
    )
    shown = step(look)
    assert shown == (
        "Laboratory results: 412 searched, 15 read"
        if state.kind in ("complete", "truncated")
        else f"Laboratory results: {said}"
    )


def test_look_ups_of_one_section_add_up_but_not_past_what_there_is() -> None:
    looked = Looked()
    look = Look(
        section="labs",
        label="Laboratory results",
        searched=20,
        read=15,
        completeness=Complete(n=20),
    )
    for _ in range(2):
        looked.add("chart_results", ToolResult(text="", looks=(look,)))
    assert [(x.read, x.total) for x in looked.lines()] == [(20, 20)]


def test_a_section_without_rows_is_named_only_if_nothing_else_was_read() -> None:
    empty = Look(section="notes", label="Notes", searched=20, read=0, completeness=Complete(n=20))
    full = Look(
        section="labs", label="Laboratory results", searched=9, read=2, completeness=Complete(n=9)
    )
    assert Looked().add("chart_search", ToolResult(text="", looks=(empty, full))) == [
        "Laboratory results: 9 searched, 2 read"
    ]
    assert Looked().add("chart_search", ToolResult(text="", looks=(empty,))) == [
        "Notes: 20 searched, 0 read"
    ]


def test_a_part_that_was_refused_for_another_question_is_no_gap_of_this_one() -> None:
    chart = launch("marlena", denied=("Consent",))
    chart.ensure("consents")
    result = Registry(CHART_TOOLS, chart, chart.context).call(
        "chart_section", {"section": "allergies"}
    )
    looked = Looked()
    looked.add("chart_section", result)
    said = [
        gap.pieces[0].text
        for gap in not_seen("m", looked, chart, (), negative=False).not_readable
        if isinstance(gap.pieces[0], Text)
    ]
    assert not [text for text in said if text.startswith("Consents")]
    asked = Registry(CHART_TOOLS, chart, chart.context).call("chart_section", {"section": "alerts"})
    looked.add("chart_section", asked)
    gaps = not_seen("m", looked, chart, (), negative=False).not_readable
    assert [
        g.touches
        for g in gaps
        if isinstance(g.pieces[0], Text) and g.pieces[0].text.startswith("Consents")
    ] == [True]
