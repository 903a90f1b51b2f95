"""A search of notes says which texts it did not reach, and is then never complete."""

import base64
from typing import Any

from app.fhir.blocks import negative
from app.fhir.display import Text
from app.fhir.reader import LaunchChart
from app.fhir.source_view import source as shown_source
from app.tools.note_tools import chart_notes
from tests.ndjson_source import context, launch
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, source

WORDS = base64.b64encode(b"Walks with a stick.").decode()


def document(n: int, **attachment: Any) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "id": f"d{n}", "status": "current", "date": f"2026-11-0{n}",
        "type": {"text": "Progress note"}, "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": attachment}],
    }  # fmt: skip


INLINE = document(1, contentType="text/plain", data=WORDS)
SCAN = document(2, contentType="application/pdf", url="Binary/b2")
ELSEWHERE = document(3, contentType="text/plain", url="Binary/b3")
SECOND_SCAN = document(4, contentType="image/jpeg", url="Binary/b4")


def chart(*documents: dict[str, Any], binary: Answer = (403, {})) -> LaunchChart:
    def answer(path: str, _query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if path.startswith("Binary/"):
            return binary
        return 200, bundle(*(documents if path == "DocumentReference" else ()))

    return LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)


def search(live: LaunchChart) -> tuple[int, bool, str]:
    (entry,) = chart_notes(live, ["gout"]).entries
    record = live.chart.ledger.search(entry.handle)
    return record.searched, record.complete, record.why_incomplete


def test_notes_that_cannot_be_read_are_not_searched() -> None:
    assert search(chart(INLINE, SCAN, ELSEWHERE)) == (
        1,
        False,
        "1 scanned document and 1 unreadable note were not searched",
    )


def test_each_kind_of_unread_note_is_counted_alone() -> None:
    assert search(chart(INLINE)) == (1, True, "")
    assert search(chart(INLINE, SCAN)) == (1, False, "1 scanned document was not searched")
    assert search(chart(INLINE, SCAN, SECOND_SCAN)) == (
        1,
        False,
        "2 scanned documents were not searched",
    )
    assert search(chart(ELSEWHERE)) == (0, False, "1 unreadable note was not searched")


def test_a_binary_that_was_read_counts_and_a_labelled_one_does_not() -> None:
    sent = {"resourceType": "Binary", "id": "b3", "contentType": "text/plain", "data": WORDS}
    assert search(chart(INLINE, ELSEWHERE, binary=(200, sent))) == (2, True, "")
    labelled = {**sent, "meta": {"security": [{"code": "PSY"}]}}
    assert search(chart(INLINE, ELSEWHERE, binary=(200, labelled)))[1] is False


def test_a_text_that_was_never_asked_for_is_said_to_be_so() -> None:
    live = chart(INLINE, ELSEWHERE)
    live.first_read()
    record = live.chart.record_search("gout", "notes")
    assert (record.searched, record.complete, record.why_incomplete) == (
        1,
        False,
        "1 note not read yet was not searched",
    )


def test_a_look_through_the_list_of_documents_needs_no_text() -> None:
    live = chart(INLINE, SCAN)
    live.first_read()
    record = live.chart.record_search("changes", "notes", listed=True)
    assert (record.searched, record.complete) == (2, True)


def test_labelled_notes_and_scans_are_both_named() -> None:
    labelled = {**document(5, contentType="text/plain"), "meta": {"security": [{"code": "PSY"}]}}
    found = search(chart(INLINE, SCAN, labelled))
    assert found[:2] == (1, False)
    assert found[2] == (
        "1 record labelled restricted by the EHR, not shown here; 1 scanned document was not searched"
    )


def test_marlenas_scans_keep_a_search_of_her_notes_from_saying_none() -> None:
    live = launch("marlena")
    (entry,) = chart_notes(live, ["zebra"]).entries
    record = live.chart.ledger.search(entry.handle)
    block = negative(live, record)
    said = " ".join(p.text for p in block.pieces if isinstance(p, Text))
    assert (block.state, record.searched) == ("unread", 8)
    assert "12 scanned documents were not searched" in said
    assert "This is not “none”" in said
    facts = shown_source(live, live.sources.number(record.handle)).facts
    read = next(f for f in facts if f.label == "Read to its end")
    assert [p.text for p in read.pieces if isinstance(p, Text)] == [
        "No: 12 scanned documents were not searched"
    ]
