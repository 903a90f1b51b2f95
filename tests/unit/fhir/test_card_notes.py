"""What the card says of notes and stays: a note against the record, documents that are no scans, a stay that goes on."""

from app.fhir.card import build_card
from app.fhir.display import Row
from tests.ndjson_source import launch


def card(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return title and rows of each section of a chart's card, as words."""
    found = launch(name)
    built = build_card(found, found.sources, found.now, "Practitioner/none")
    return {
        s.id: (" ".join(getattr(p, "text", "") for p in s.title), [_words(row) for row in s.rows])
        for s in built.sections
    }


def _words(row: Row) -> str:
    pieces = [*row.pieces, *(p for line in row.meta for p in line)]
    return " ".join(text for p in pieces if (text := getattr(p, "text", "")))


def test_orders_that_hold_until_they_are_ended_are_not_pending() -> None:
    _, rows = card("messy")["pending"]
    assert not [row for row in rows if "Code status" in row or "Referral" in row]
    assert any("Transesophageal echocardiogram" in row for row in rows)


def test_a_note_that_differs_from_the_record_stands_on_the_card_with_its_first_author() -> None:
    title, rows = card("messy")["differ"]
    assert title == "Notes and record differ"
    code = next(row for row in rows if row.startswith("Code status"))
    assert "full code" in code
    assert "do not resuscitate" in code
    assert "first written 15-Nov-2026 · E. Vandermeer, MD" in code


def test_only_pictures_and_what_calls_itself_scanned_are_scans() -> None:
    _, rows = card("messy")["unread"]
    assert "1 scanned document (newest 15-Nov-2026 )" in rows
    assert any("opened only when asked about: 1 PDF, 1 HTML, 1 RTF, 1 XML" in row for row in rows)


def test_a_first_stay_is_counted_from_its_beginning() -> None:
    title, _ = card("newborn")["since"]
    assert title == "Since this stay began, 18-Nov-2026 (2 days); no visit before it was found"


def test_the_dose_in_the_directions_is_not_hidden_behind_as_needed() -> None:
    _, rows = card("messy")["since"]
    assert any("“5 mg by mouth every 6 hours as needed for moderate pain”" in row for row in rows)
