"""Show what a citation points to, as `GET /api/launches/{launch}/sources/{n}` answers it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from app.boundary import pretty_fhir
from app.fhir.blocks import results
from app.fhir.chart import Chart, Line
from app.fhir.citation import COMPUTED, Evidence, SearchRecord
from app.fhir.computed_view import computed_source
from app.fhir.copies import Run, find_words
from app.fhir.display import Date, Paragraph, Piece, Segment, Source, SourceFact, Text
from app.fhir.medicines import plain_dose
from app.fhir.note import note_of
from app.fhir.pieces import date, medicine, plain, shown_range, strong, supply_pieces, value
from app.fhir.reader import LaunchChart
from app.fhir.readings import Reading, Row
from app.fhir.relative_days import in_words
from app.fhir.sections import table_of
from app.fhir.source import Complete, Resource
from app.fhir.standing import standings
from app.fhir.table_rows import shown
from app.fhir.words import drug_name, note_words, series_label, supply, thousands, visit_words

GRID_KINDS = {"L": "Laboratory result", "V": "Vital sign", "O": "Observation"}
LABELS = {
    "site": "Place", "author": "By", "list": "On the problem list", "refills": "Refills allowed", "order": "Name",
    "more": "More", "format": "Format", "reported": "Source", "substance": "Substance", "drug": "Medicine",
}  # fmt: skip
ROLE_LABELS = {
    "ordered": "Ordered", "dispensed": "Dispensed", "given": "Given", "collected": "Collected", "started": "Began",
    "resulted": "Resulted", "measured": "Measured", "recorded": "Recorded", "onset": "Onset", "ended": "Ended",
    "written": "Written", "signed": "Signed", "performed": "Performed", "planned": "Planned", "sent": "Sent",
}  # fmt: skip
# A handle was first read at the latest when it was first cited.
CHANGED = "Changed in the EHR since it was first read"


def source(launch: LaunchChart, n: int, marks: Sequence[str] = ()) -> Source:
    """Return the source numbered `n`; `marks` are words of the claim, marked where a note holds them.

    Raises:
        UnknownHandle: this launch has no such source.
    """
    handle, chart = launch.sources.get(n), launch.chart
    if handle.startswith(COMPUTED):
        return computed_source(chart, launch.sources, n, chart.ledger.computed(handle))
    if handle.startswith("S"):
        return _search(n, chart.summary(handle), chart.ledger.search(handle))
    row, cell, line = chart.row(handle), chart.cell(handle), chart.line(handle)
    if row:
        return _series(launch, n, handle, row)
    if cell:
        return _result(launch, n, handle, cell[2])
    if line and handle.startswith("N"):
        return _document(launch, n, line, marks)
    if line and line.reference in chart.texts:
        return _report(launch, n, line, marks)
    if line:
        return _record(chart, n, line)
    return _replaced(chart, n, handle)


# ---------------------------------------------------------------- results


def _series(launch: LaunchChart, n: int, handle: str, row: Row) -> Source:
    return Source(
        n=n, kind_label=f"{GRID_KINDS[handle[0]]}s", heading=(strong(row.name), plain(series_label(row)[len(row.name) :])),
        summary=launch.chart.summary(handle), reference="", results=results(launch, [handle]),
    )  # fmt: skip


def _result(launch: LaunchChart, n: int, handle: str, found: tuple[Reading, ...]) -> Source:
    chart, item = launch.chart, found[0]
    reference = item.evidence[0].reference
    resource = chart.resources.get(reference, {})
    facts = [SourceFact(label="Value", pieces=(value(item),), field="value")]
    facts += [
        _fact("Component", f"{e.path}: {e.value} {e.unit}".strip()) for e in item.evidence[1:]
    ]
    facts += [_fact("Reference range", shown_range(item.limits), "range")] if item.limits else []
    facts += [_fact("Flag", f"{item.flag}, as sent", "flag")] if item.flag else []
    facts += [_fact("Status", item.status, "status")]
    before = launch.earlier.before(item)
    facts += [_fact("Corrected", _upper(before), "changed")] if before else []
    sent = item.evidence[0]
    facts += [_dated(chart, sent.date_role, sent.date, "date")] if sent.date else []
    issued = str(resource.get("issued") or "")
    facts += (
        [_dated(chart, "resulted", issued, "resulted")]
        if issued and sent.date_role != "resulted"
        else []
    )
    facts += [_fact("Place", item.site, "site")] if item.site else []
    facts += [_fact("Test", f"{item.display} ({item.code})")]
    facts += [_fact("Also recorded as", r.evidence[0].reference) for r in found[1:]]
    notes = "\n".join(str(x.get("text")) for x in resource.get("note") or [] if x.get("text"))
    return Source(
        n=n, kind_label=GRID_KINDS[handle[0]], summary=chart.summary(handle), reference=reference,
        heading=(strong(item.name), value(item), date(chart, sent.date)), facts=tuple(facts),
        as_sent=notes, fhir_json=pretty_fhir(resource),
    )  # fmt: skip


# ---------------------------------------------------------------- records


def _record(chart: Chart, n: int, line: Line) -> Source:
    resource = chart.resources[line.reference]
    as_sent = "\n".join(
        str(d["text"]) for d in resource.get("dosageInstruction") or [] if d.get("text")
    )
    heading, fields = _heading(chart, line)
    return Source(
        n=n, kind_label=table_of(line.reference).one, heading=heading,
        summary=chart.summary(line.handle), reference=line.reference,
        facts=(
            *_changed(chart, line),
            *(_line_fact(chart, line, f) for f in line.facts if f.field not in {"directions", *fields}),
            *_not_said(chart, line),
            *_last_changed(chart, resource),
        ),
        as_sent=as_sent or str(resource.get("conclusion") or ""), fhir_json=pretty_fhir(resource),
        heading_fields=fields,
    )  # fmt: skip


def _not_said(chart: Chart, line: Line) -> tuple[SourceFact, ...]:
    """Say what an order cannot tell: whether it was handed out, where fills cannot be read, and whether it is taken."""
    if not line.reference.startswith("MedicationRequest/"):
        return ()
    read = isinstance(chart.sections.get("dispenses"), Complete)
    fills = () if read else (_fact("Fills", "Not readable here"),)
    return (*fills, _fact("Taken", "This order does not say."))


def _last_changed(chart: Chart, resource: Resource) -> tuple[SourceFact, ...]:
    sent = (resource.get("meta") or {}).get("lastUpdated")
    if not isinstance(sent, str) or not sent:
        return ()
    return (SourceFact(label="Last changed", pieces=(date(chart, sent, time=True),)),)


def _changed(chart: Chart, line: Line) -> tuple[SourceFact, ...]:
    """Say first that a record is no longer what it was, with what it was: its handle stays, as the record does."""
    old = chart.ledger.changed(line.handle)
    if old is None:
        return ()
    now = {f.field: (f.value, f.unit) for f in line.facts}
    own = [f for f in old if f.reference == line.reference]
    was = [shown(chart, f) for f in own if now.get(f.field) != (f.value, f.unit)]
    new = [name for name in now if name not in {f.field for f in old}]
    text = "what it was is not kept" if not old else "other parts of it"
    text = f"was {', '.join(was)}" if was else f"added: {', '.join(new)}" if old and new else text
    return (_fact(CHANGED, text, "changed"),)


def _heading(chart: Chart, line: Line) -> tuple[tuple[Piece, ...], tuple[str, ...]]:
    """Return what a record is, and the field that each piece of it shows."""
    if line.handle.startswith("M"):
        return _medicine_heading(line)
    if line.handle.startswith("E"):
        return (strong(visit_words(line)), date(chart, first_date(line))), ()
    return (strong(line.facts[0].name or line.facts[0].value),), ()


def _medicine_heading(line: Line) -> tuple[tuple[Piece, ...], tuple[str, ...]]:
    """Return "ibuprofen – 600 mg – oral – three times a day" (dashes between the attributes of a medicine)."""
    dose, route, often = line.fact("dose"), line.text("route"), line.text("frequency")
    if not dose and not often:
        return tuple(medicine(line)), ()
    pieces: list[Piece] = [Text(text=drug_name(line), style="drug")]
    fields = ["drug"]
    said = f"{thousands(plain_dose(dose.value))} {dose.unit}".strip() if dose else ""
    for field, text in (("dose", said), ("route", route), ("frequency", often)):
        if text:
            style: Literal["nowrap", "plain"] = "nowrap" if field == "dose" else "plain"
            pieces += [plain("–"), Text(text=text, style=style)]
            fields += ["", field]
    return tuple(pieces), tuple(fields)


def first_date(line: Line) -> str:
    """Return the record's own date as sent, empty where there is none."""
    found = line.fact("date")
    return found.value if found else ""


def _line_fact(chart: Chart, line: Line, fact: Evidence) -> SourceFact:
    if fact.field == "supply" and line.handle.startswith("M"):
        said = supply_pieces(chart, line)[1:] or (
            plain(supply(line, chart.now.date().isoformat())),
        )
        return SourceFact(label="Ordered supply", pieces=said, field="supply")
    if fact.value == fact.date and fact.date_role:
        return _dated(chart, fact.date_role, fact.value, fact.field)
    if fact.field == "status" and line.reference.startswith("MedicationRequest/"):
        said_status = (
            "Active order (as sent)"
            if fact.value == "active"
            else f"{_upper(fact.value)} (as sent)"
        )
        return _fact("Status", said_status, "status")
    text = f"{fact.value} {fact.unit}".strip()
    if fact.field == "dose":
        text = f"{thousands(plain_dose(fact.value))} {fact.unit}".strip()
    name = Text(text=text, style="drug") if fact.field in ("drug", "substance") else plain(text)
    return SourceFact(
        label=LABELS.get(fact.field, _upper(fact.field)), pieces=(name,), field=fact.field
    )


def _dated(chart: Chart, role: str, sent: str, field: str) -> SourceFact:
    return SourceFact(
        label=ROLE_LABELS.get(role, "Date"), pieces=(date(chart, sent, time=True),), field=field
    )


def _fact(label: str, text: str, field: str = "") -> SourceFact:
    return SourceFact(label=label, pieces=(plain(text),), field=field)


def _replaced(chart: Chart, n: int, handle: str) -> Source:
    """Show a value that the EHR has changed since it was cited, as it was."""
    facts = chart.evidence(handle)
    old = facts[0]
    return Source(
        n=n, kind_label=GRID_KINDS.get(handle[0], "Record"), summary=chart.summary(handle), reference=old.reference,
        heading=(strong(old.name or old.field), plain("as it was when it was cited")),
        facts=(
            *(_fact(_upper(f.field), f"{f.value} {f.unit}".strip(), f.field) for f in facts),
            _fact("Status", f"{old.status}; the EHR has changed this since", "status"),
            *((_dated(chart, old.date_role, old.date, "date"),) if old.date else ()),
        ),
    )  # fmt: skip


# ---------------------------------------------------------------- documents


def _document(launch: LaunchChart, n: int, line: Line, marks: Sequence[str]) -> Source:
    chart = launch.chart
    resource = chart.resources[line.reference]
    text = launch.texts.text(resource)
    sent, author = line.fact("date"), line.text("author")
    heading: list[Piece] = [strong(note_words(line) if text is not None else line.text("type"))]
    heading += [plain(f", {sent.date_role}"), date(chart, sent.value)] if sent else []
    heading += [plain(f", {author}")] if author else []
    unread = _unread(launch, resource)
    facts = tuple(_line_fact(chart, line, f) for f in line.facts) if text is None else ()
    return Source(
        n=n, kind_label="" if text is not None else "Document", heading=tuple(heading),
        summary=chart.summary(line.handle), reference=line.reference,
        facts=(*_changed(chart, line), *facts, *_standing(launch, line), *unread),
        note=_paragraphs(launch, line, text, marks) if text is not None else (),
        fhir_json=pretty_fhir(_without_data(resource)),
    )  # fmt: skip


def _report(launch: LaunchChart, n: int, line: Line, marks: Sequence[str]) -> Source:
    """Show a report as a record, with the words of the document that it came with."""
    resource = launch.chart.resources[line.reference]
    text, shown_record = launch.texts.text(resource), _record(launch.chart, n, line)
    return replace(
        shown_record,
        facts=(*shown_record.facts, *_standing(launch, line), *_unread(launch, resource)),
        note=_paragraphs(launch, line, text, marks) if text is not None else (),
        fhir_json=pretty_fhir(_without_data(resource)),
    )


def _standing(launch: LaunchChart, line: Line) -> tuple[SourceFact, ...]:
    """Say what is unusual about a note, and which days its words mean, counted from its own date."""
    standing = standings(launch.chart).get(line.reference, "")
    days = in_words(launch.texts.days(launch.chart, line))
    return (
        *((_fact("Standing", _upper(standing), "standing"),) if standing else ()),
        *((_fact("Days in words", days, "days"),) if days else ()),
    )


def _unread(launch: LaunchChart, resource: Resource) -> tuple[SourceFact, ...]:
    """Say what of a document cannot be read, and why."""
    found = launch.texts.found(resource)
    if found is None or (not found.text and not found.why):
        return (_fact("Text", "Cannot be read: scanned, or not sent as text"),)
    if not found.text:
        scan = "scanned, " if found.scan else ""
        return (_fact("Text", f"Cannot be read: {scan}{found.why}"),)
    if found.blank_pages:
        pages = f"{found.blank_pages} page{'s' if found.blank_pages > 1 else ''}"
        return (_fact("Text", f"Read in part: {pages} scanned, without words"),)
    return ()


def _without_data(resource: Resource) -> Resource:
    """Leave the base64 text out of the shown resource: the note itself stands above it."""
    contents = [
        {**c, "attachment": _stripped(c.get("attachment"))} for c in resource.get("content") or []
    ]
    forms = [_stripped(form) for form in resource.get("presentedForm") or []]
    return {
        **resource,
        **({"content": contents} if contents else {}),
        **({"presentedForm": forms} if forms else {}),
    }


def _stripped(attachment: Resource | None) -> Resource:
    return {k: v for k, v in (attachment or {}).items() if k != "data"}


def _paragraphs(
    launch: LaunchChart, line: Line, text: str, marks: Sequence[str]
) -> tuple[Paragraph, ...]:
    chart = launch.chart
    split = launch.texts.copies(launch.texts.notes(chart)).runs(note_of(line, text))
    return tuple(_paragraph(launch, run, marks) for paragraph in split for run in paragraph)


def _paragraph(launch: LaunchChart, run: Run, marks: Sequence[str]) -> Paragraph:
    segments = tuple(marked(run.text.strip(), marks))
    if run.first is None:
        return Paragraph(segments=segments)
    by = f" by {run.first.author}" if run.first.author else ""
    return Paragraph(
        segments=segments, copied_from=f"{launch.chart.print_date(run.first.date)}{by}",
        copied_n=launch.sources.number(run.first.handle),
    )  # fmt: skip


def marked(text: str, marks: Sequence[str]) -> list[Segment]:
    """Split a text where it holds the words of a claim."""
    spans = sorted(span for words in marks for span in find_words(text, words))
    out, at = list[Segment](), 0
    for start, end in spans:
        if start < at:
            continue
        if start > at:
            out.append(Segment(text=text[at:start]))
        out.append(Segment(text=text[start:end], mark=True))
        at = end
    return [*out, Segment(text=text[at:])] if at < len(text) else out


# ---------------------------------------------------------------- searches


def _search(n: int, summary: str, record: SearchRecord) -> Source:
    facts = [
        _fact("Looked for", record.what),
        _fact("Looked through", f"{record.searched:,} {record.kind}"),
    ]
    if record.first_date:
        span = (Date(text=record.first_date), plain("to"), Date(text=record.last_date))
        facts.append(SourceFact(label="Span", pieces=span, field="span"))
    whole = "Yes, all that the EHR shows you" if record.complete else f"No: {record.why_incomplete}"
    facts += [
        _fact("Read to its end", whole),
        SourceFact(label="Searched", pieces=(Date(text=record.searched_at),)),
    ]
    return Source(
        n=n, kind_label="Search", heading=(strong(_upper(record.what)),), summary=summary, reference="",
        facts=tuple(facts),
    )  # fmt: skip


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
