"""Note texts: what is read, what is a scan, and which words were written first by whom."""

import base64
from typing import Any

import pytest

from app.fhir.copies import find_words, passages, runs
from app.fhir.notes import NoteTexts
from app.fhir.reader import LaunchChart
from app.fhir.source import Complete, Query, Read, Resource
from app.fhir.source_view import source
from tests.ndjson_source import NdjsonSource, context
from tests.unit.fhir.test_card import NOW

FIRST = "She reports pain in the left knee every morning since the fall in early spring. No fever."


def document(
    n: int, when: str, text: str | None, author: str = "A. One, MD", **more: Any
) -> Resource:
    data = (
        {"data": base64.b64encode(text.encode()).decode()}
        if text is not None
        else {"url": f"Binary/b{n}"}
    )
    kind = more.pop("kind", "text/plain; charset=utf-8")
    return {
        "resourceType": "DocumentReference", "id": f"d{n}", "status": "current", "docStatus": "final", "date": when,
        "type": {"text": "Progress note"}, "subject": {"reference": "Patient/p1"}, "author": [{"display": author}],
        "content": [{"attachment": {"contentType": kind, **data}}], **more,
    }  # fmt: skip


class WithBinary(NdjsonSource):
    """Also answers Binary reads."""

    def fetch(self, reference: str) -> Read:
        self.asked.append(Query(resource_type=reference))
        body = {
            "resourceType": "Binary",
            "id": "b",
            "contentType": "text/plain",
            "data": base64.b64encode(b"From far.").decode(),
        }
        return Read(
            query=Query(resource_type="Binary"), resources=(body,), completeness=Complete(n=1)
        )


def chart(*found: Resource) -> tuple[LaunchChart, WithBinary]:
    live = WithBinary([{"resourceType": "Patient", "id": "p1"}, *found], "p1")
    return LaunchChart(live, context("p1", NOW), NOW), live


def test_a_copied_sentence_is_attributed_to_its_first_author_whatever_its_spacing() -> None:
    copy = (
        FIRST.upper().replace(" ", "  ").replace(".", " !") + "\n\nNew today: walks with a stick."
    )
    launch, _ = chart(
        document(1, "2026-11-01", FIRST, "A. One, MD"),
        document(2, "2026-11-10", FIRST, "B. Two, MD"),
        document(3, "2026-11-19", copy, "C. Three, MD"),
    )
    notes = launch.texts.notes(launch.chart)
    split = runs(notes[2], notes)
    assert [[(r.first.author if r.first else "") for r in p] for p in split] == [
        ["A. One, MD"],
        [""],
    ]


def test_nine_words_are_no_copy() -> None:
    short = "One two three four five six seven eight nine."
    launch, _ = chart(document(1, "2026-11-01", short), document(2, "2026-11-19", short))
    notes = launch.texts.notes(launch.chart)
    assert [r.first for p in runs(notes[1], notes) for r in p] == [None]


def test_part_of_a_paragraph_may_be_copied() -> None:
    launch, _ = chart(
        document(1, "2026-11-01", FIRST),
        document(2, "2026-11-19", f"Seen again. {FIRST} Better now."),
    )
    notes = launch.texts.notes(launch.chart)
    (parts,) = runs(notes[1], notes)
    assert [bool(r.first) for r in parts] == [False, True, False]
    assert "".join(r.text for r in parts) == f"Seen again. {FIRST} Better now."


def test_marks_and_copies_stand_in_the_source() -> None:
    launch, _ = chart(
        document(1, "2026-11-01", FIRST),
        document(2, "2026-11-19", f"{FIRST}\n\nNew: no fever today."),
    )
    n = launch.sources.number("N1") if launch.first_read() else 0
    found = source(launch, n, ("NO  fever!",))
    assert [(p.copied_from, p.copied_n, [s.text for s in p.segments if s.mark]) for p in found.note] == [
        ("01-Nov-2026 by A. One, MD", 2, ["No fever"]), ("", None, ["no fever"]),
    ]  # fmt: skip
    assert launch.sources.get(2) == "N2"
    assert '"data"' not in found.fhir_json


def test_passages_of_given_words_come_first_written_first() -> None:
    launch, _ = chart(document(1, "2026-11-01", FIRST), document(2, "2026-11-19", FIRST))
    notes = launch.texts.notes(launch.chart)
    assert [n.date for n, _ in passages(notes, "LEFT knee, every morning")] == [
        "2026-11-01",
        "2026-11-19",
    ]
    assert passages(notes, "right knee") == []
    assert passages(notes, "  ") == []


def test_a_binary_is_read_once_and_only_on_demand() -> None:
    launch, live = chart(document(1, "2026-11-01", None))
    first = launch.chart
    assert launch.texts.notes(first) == []
    assert [n.text for n in launch.texts.notes(first, fetch=True)] == ["From far."]
    launch.texts.notes(first, fetch=True)
    assert [q.resource_type for q in live.asked].count("Binary/b1") == 1


@pytest.mark.parametrize("data", ["%%%", "A" * 2_000_000, 7, None])
def test_what_is_not_base64_text_is_unreadable(data: object) -> None:
    note = document(1, "2026-11-01", "x")
    note["content"][0]["attachment"]["data"] = data
    launch, _ = chart(note)
    assert launch.texts.notes(launch.chart, fetch=True) == []


def test_a_scan_says_that_it_cannot_be_read() -> None:
    launch, _ = chart(document(1, "2026-11-01", "%PDF", kind="application/pdf"))
    launch.first_read()
    found = source(launch, launch.sources.number("N1"))
    assert found.note == ()
    assert found.facts[-1].label == "Text"
    assert isinstance(launch.texts, NoteTexts)


def test_words_are_found_however_they_are_spaced() -> None:
    assert find_words("Eats,  and drinks\nless.", "and drinks less") == [(7, 22)]
    assert find_words("andes", "and") == []
