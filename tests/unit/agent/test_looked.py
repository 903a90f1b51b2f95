import pytest

from app.agent.looked import Looked, step, words
from app.fhir.source import Complete, Completeness, Denied, Failed, Restricted, Truncated
from app.tools.registry import Look, ToolResult

STATES: list[tuple[Completeness, str]] = [
    (Complete(n=3), ""), (Truncated(n=100, total=432), "100 of 432 read"), (Truncated(n=100, total=None), "100 of more read"),
    (Denied(scope="patient/X.rs", http_status=403), "the EHR refused (403)"), (Denied(scope="x", http_status=0), "the EHR does not give them to this app"),
    (Restricted(why="2 labelled restricted", n=1), "2 labelled restricted"), (Failed(reason="time-out"), "could not be read (time-out)"),
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
