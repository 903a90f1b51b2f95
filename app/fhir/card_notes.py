"""What the launch card says of notes: where one differs from the record, and which documents were not opened."""

from collections import Counter

from app.fhir.chart import Chart
from app.fhir.dates import day
from app.fhir.display import Date, Piece, Row, Text
from app.fhir.extraction import format_of
from app.fhir.ledger import Sources
from app.fhir.note import Note
from app.fhir.note_conflicts import conflicts
from app.fhir.notes import sent_forms
from app.fhir.pieces import DOT, cite, date, plain
from app.fhir.reader import LaunchChart
from app.fhir.words import note_words

MOST_DIFFERING = 4
# What a form of a document is called; a text that came with the document itself needs no opening.
CALLED = {"pdf": "PDF", "html": "HTML", "rtf": "RTF", "xml": "XML", "text": "text"}


def differing(launch: LaunchChart, sources: Sources) -> list[Row]:
    """Return one row for each sentence of a note that the record contradicts, with both sources.

    Only notes whose text came with the first read are looked at: the card opens no document.
    """
    chart = launch.chart
    out = []
    for found in conflicts(chart, launch.texts.notes(chart))[:MOST_DIFFERING]:
        line = chart.line(found.note.handle)
        name = note_words(line) if line else found.note.kind
        about = f"{found.about[:1].upper()}{found.about[1:]}"
        said = (
            Text(text=f"{about}:", style="strong"), plain(f"the note says “{found.sentence.strip('# ')}”"),
            cite(chart, sources, found.note.handle),
        )  # fmt: skip
        meta: list[Piece] = [plain("The record has")]
        for record in found.lines:
            named = next((f.name for f in record.facts if f.name), "")
            meta += [plain(named), plain(f"({record.group})"), cite(chart, sources, record.handle)]
        written = [plain(name), date(chart, found.note.date), *_by(found.note)]
        if found.first:
            written += [
                DOT,
                plain("first written"),
                date(chart, found.first.date),
                *_by(found.first),
            ]
            written.append(cite(chart, sources, found.first.handle))
        out.append(Row(pieces=said, meta=(tuple(meta), tuple(written)), tone="warn"))
    return out


def _by(note: Note) -> list[Piece]:
    return [DOT, plain(note.author)] if note.author else []


def unopened(chart: Chart) -> list[Row]:
    """Count the documents that nobody opened yet, by their form; whether one holds words is not known before."""
    waiting = [x for x in chart.tables.get("N", []) if chart.texts.get(x.reference) == "not asked"]
    if not waiting:
        return []
    forms = Counter(
        CALLED.get(format_of(a.get("contentType")), "other form")
        for x in waiting
        for a in sent_forms(chart.resources[x.reference])[:1]
    )
    listed = ", ".join(f"{n} {form}" for form, n in forms.items())
    noun = "document is" if len(waiting) == 1 else "documents are"
    pieces = (
        plain(f"{len(waiting)} {noun} opened only when asked about: {listed} (newest"),
        Date(text=day(max(x.date for x in waiting))), plain(")"),
    )  # fmt: skip
    return [Row(pieces=pieces)]
