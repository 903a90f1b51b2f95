"""Unsigned, amended, replaced and added-to notes say so in words; days in words are counted from the note's own date."""

from typing import Any

import pytest

from app.fhir.display import Text
from app.fhir.relative_days import relative_days
from app.fhir.source_view import source
from app.tools.note_tools import chart_notes, note_read
from tests.unit.fhir.test_notes import FIRST, chart, document


def fields(found: Any, name: str) -> list[tuple[str, str]]:
    return [(e.handle, e.field(name)) for e in found.entries]


def related(n: int, when: str, code: str, to: str, text: str = "Knee better.") -> dict[str, Any]:
    relation = {"code": code, "target": {"reference": f"DocumentReference/{to}"}}
    return document(n, when, text, relatesTo=[relation])


def test_a_note_that_is_not_simply_signed_says_so_in_lists_passages_and_sources() -> None:
    unsigned = {**document(1, "2026-11-01", "Knee swollen."), "docStatus": "preliminary"}
    launch, _ = chart(
        unsigned, document(2, "2026-11-02", "Knee pain."),
        related(3, "2026-11-03", "appends", "d2"), related(4, "2026-11-04", "replaces", "d1"),
        related(5, "2026-11-05", "appends", "d9"),
    )  # fmt: skip
    said = [
        ("N1", "addendum to a note that was not read"), ("N2", "replaces N5, Progress note of 01-Nov-2026"),
        ("N3", "addendum to N4, Progress note of 02-Nov-2026"),
        ("N4", "has an addendum: N3, Progress note of 03-Nov-2026"),
        ("N5", "unsigned; replaced by: N2, Progress note of 04-Nov-2026"),
    ]  # fmt: skip
    assert sorted(fields(chart_notes(launch), "standing")) == said
    assert fields(chart_notes(launch, ["knee"]), "standing") == said
    assert "unsigned; replaced by: N2" in note_read(launch, "N5").text
    facts = source(launch, launch.sources.number("N5")).facts
    assert [p.text for f in facts if f.label == "Standing" for p in f.pieces if isinstance(p, Text)] == [
        "Unsigned; replaced by: N2, Progress note of 04-Nov-2026"
    ]  # fmt: skip


def test_what_was_replaced_and_what_was_copied_stand_below_new_text() -> None:
    knee = FIRST.replace("She reports", "He reports")
    launch, _ = chart(
        document(1, "2026-11-01", FIRST), document(2, "2026-11-02", knee),
        document(3, "2026-11-09", FIRST), related(4, "2026-11-10", "replaces", "d2", "No knee pain in the left knee now."),
    )  # fmt: skip
    found = chart_notes(launch, ["left knee"]).entries
    assert [(e.field("date"), e.field("copied from")) for e in found] == [
        ("10-Nov-2026", ""), ("01-Nov-2026", ""), ("09-Nov-2026", "N4"), ("02-Nov-2026", ""),
    ]  # fmt: skip


def test_copies_beyond_the_first_passages_name_their_first_note_too() -> None:
    notes = [document(n, f"2026-10-{n:02}", FIRST) for n in range(1, 21)]
    launch, _ = chart(*notes)
    found = chart_notes(launch, ["left knee"]).entries
    assert [e.field("copied from") for e in found] == ["", *["N20"] * 19]
    assert found[0].field("date") == "01-Oct-2026"


def test_notes_entered_in_error_are_counted_and_left_out() -> None:
    wrong = {**document(1, "2026-11-01", "Knee."), "docStatus": "entered-in-error"}
    other = {**document(2, "2026-11-02", "Knee."), "status": "entered-in-error"}
    launch, _ = chart(wrong, other, document(3, "2026-11-03", "Knee."))
    found = chart_notes(launch)
    assert [e.handle for e in found.entries] == ["N1"]
    assert found.text.endswith("2 notes were entered in error and left out")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Fell yesterday evening.", [("yesterday evening", "13-Nov-2026")]),
        ("Seen the day before yesterday", [("day before yesterday", "12-Nov-2026")]),
        ("Worse TODAY, x-ray tomorrow", [("TODAY", "14-Nov-2026"), ("tomorrow", "15-Nov-2026")]),
        ("Began 3 days ago; two weeks ago well", [("3 days ago", "11-Nov-2026"), ("two weeks ago", "31-Oct-2026")]),
        ("Return in 2 weeks", [("in 2 weeks", "28-Nov-2026")]),
        ("last Tuesday; last Saturday", [("last Tuesday", "10-Nov-2026"), ("last Saturday", "07-Nov-2026")]),
        ("POD 3, HD #4", [("POD 3", "surgery on 11-Nov-2026"), ("HD #4", "admission on 11-Nov-2026")]),
        ("Post-op day 1", [("Post-op day 1", "surgery on 13-Nov-2026")]),
        ("yesterday. Yesterday.", [("yesterday", "13-Nov-2026")]),
        ("next Tuesday, on Monday, 3 months ago, some days ago, todayish", []),
        ("holiday, HDL 40, HD 0", []),
    ],
)  # fmt: skip
def test_days_in_words_are_counted_from_the_notes_own_date(
    text: str, days: list[tuple[str, str]]
) -> None:
    assert relative_days(text, "2026-11-14T09:00") == days
    assert relative_days(text, "2026-11") == []


def test_a_copied_yesterday_is_the_first_authors() -> None:
    told = "She fell yesterday on the wet stairs and has had pain in the left knee since."
    launch, _ = chart(
        document(1, "2026-11-01", told),
        document(2, "2026-11-10", f"{told} Seen today in the ward."),
    )
    found = chart_notes(launch, ["left knee"])
    assert fields(found, "days") == [
        ("N1", "“yesterday” = 31-Oct-2026; “today” = 10-Nov-2026"),
        ("N2", "“yesterday” = 31-Oct-2026"),
    ]
    assert "|days: “yesterday” = 31-Oct-2026" in found.text
    assert "DAYS by the note's own date: “yesterday” = 31-Oct-2026" in note_read(launch, "N2").text
    assert "She fell yesterday on" in note_read(launch, "N2").text
