"""Say in the interface's words what a handle is: the spoken label of a chip and the small line of a source."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.errors import UnknownHandle
from app.fhir.citation import COMPUTED
from app.fhir.computed import computed_label, computed_summary
from app.fhir.dates import day
from app.fhir.readings import Reading, Row
from app.fhir.sections import section_of, table_of

if TYPE_CHECKING:
    from app.fhir.chart import Chart, Line
    from app.fhir.citation import SearchRecord

STATUS_WORDS = {"active": "active order", "on-hold": "order on hold"}


def lower(name: str) -> str:
    """Start a name in lower case inside a sentence, unless it is an acronym (eGFR, HbA1c, WBC)."""
    return name[:1].lower() + name[1:] if name[1:2].islower() or name[1:2] in (" ", "") else name


def label(chart: "Chart", handle: str) -> str:
    """Return "potassium, 19-Nov-2026", "eGFR, 5 results", "medication request, ibuprofen"; raises UnknownHandle."""
    if handle.startswith(COMPUTED):
        return computed_label(chart.ledger.computed(handle))
    if handle.startswith("S"):
        return search_label(chart.ledger.search(handle))
    row, cell, line = chart.row(handle), chart.cell(handle), chart.line(handle)
    if row:
        return series_label(row)
    if cell:
        return f"{lower(cell[0].name)}, {day(cell[2][0].moment) or 'undated'}"
    if line:
        return LABELS.get(handle[0], _named)(line)
    old = chart.evidence(handle)[0]
    return f"{lower(old.name)}, {chart.print_date(old.date)}"


def series_label(row: Row) -> str:
    """Return "eGFR, 5 results"."""
    n = sum(len(cell) for cell in row.cells.values())
    return f"{lower(row.name)}, {n} result{'s' if n != 1 else ''}"


def search_label(record: "SearchRecord") -> str:
    """Return "412 searched: laboratory results, 03-Mar-2019 to 20-Nov-2026, complete"."""
    span = f", {record.first_date} to {record.last_date}" if record.first_date else ""
    state = "complete" if record.complete else "not complete"
    return f"{record.searched:,} searched: {record.kind}{span}, {state}"


def visit_words(line: "Line") -> str:
    """Return what an encounter is called: its type, else its class."""
    return line.text("type") or line.text("class") or "encounter"


def note_words(line: "Line") -> str:
    """Return what a note is called, ending in "note" or "document"."""
    name = line.text("type")
    return (
        name
        if name.lower().endswith(("note", "document", "summary", "report", "letter"))
        else f"{name} note"
    )


def _named(line: "Line") -> str:
    """Return "condition, asthma": what kind of record it is, and what it says it is."""
    table = table_of(line.reference)
    return f"{section_of(line.reference).spoken}, {lower(line.text(table.named))}"


def _request(line: "Line") -> str:
    if line.reference.startswith("DiagnosticReport/"):
        return f"diagnostic report, {lower(line.text('order'))}, {line.text('status')}"
    return f"service request, {lower(line.text('order'))}"


# Every other record is called by its kind and its name.
LABELS: dict[str, Callable[["Line"], str]] = {
    "M": lambda line: f"medication request, {drug_name(line)}",
    "R": _request,
    "E": lambda line: f"encounter, {lower(visit_words(line))} {day(line.date)}",
    "N": lambda line: f"{lower(note_words(line))}, {day(line.date)}",
}


def drug_name(line: "Line") -> str:
    """Return the drug without the strength and form that repeat the dose: "ibuprofen 600 mg tablet" -> "ibuprofen".

    Only a strength equal to the ordered dose is left out; a name is never cut otherwise.
    """
    name, dose = line.text("drug"), line.fact("dose")
    if dose is None:
        return name
    written = {f"{dose.value} {dose.unit}".lower(), f"{thousands(dose.value)} {dose.unit}".lower()}
    for strength in written:
        head, found, tail = name.partition(" " + strength)
        rest = tail.split()
        if not found:
            head, found, tail = _insensitive(name, strength)
            rest = tail.split()
        if found and head and all(w.lower().strip(",") in FORMS for w in rest):
            forms = " ".join(w for w in rest if w.lower() not in PLAIN_FORMS)
            return f"{head} {forms}".strip()
    return name


def _insensitive(name: str, strength: str) -> tuple[str, str, str]:
    at = name.lower().find(" " + strength)
    size = len(strength) + 1
    return (name[:at], name[at : at + size], name[at + size :]) if at >= 0 else (name, "", "")


PLAIN_FORMS = frozenset(("tablet", "tablets", "capsule", "capsules", "oral"))
FORMS = PLAIN_FORMS | {"extended-release", "delayed-release", "chewable", "er", "xr"}


def thousands(value: str) -> str:
    """Print a whole number of four or more digits with a comma: 1000 -> 1,000."""
    return f"{int(value):,}" if value.isdigit() and len(value) > 3 else value


def supply(line: "Line", today: str) -> str:
    """Return "supply to 17-Dec-2026" or "30-day supply ended 01-Nov-2026 unless refilled (2 refills)"; else empty."""
    found = line.fact("supply")
    if found is None or line.reference.startswith("MedicationDispense/"):
        return f"{found.value} days" if found else ""
    if found.date >= today:
        return f"supply to {day(found.date)}"
    refills = line.text("refills")
    if refills == "0":
        return f"{found.value}-day supply ended {day(found.date)}, 0 refills"
    count = f" ({refills} refill{'s' if refills != '1' else ''})" if refills else ""
    return f"{found.value}-day supply ended {day(found.date)} unless refilled{count}"


# ---------------------------------------------------------------- summaries


def summary(chart: "Chart", handle: str) -> str:
    """Return "19-Nov-2026 · final · Mercy Laboratory"; raises UnknownHandle."""
    if handle.startswith(COMPUTED):
        return computed_summary(chart.ledger.computed(handle))
    if handle.startswith("S"):
        record = chart.ledger.search(handle)
        return f"{record.searched:,} searched · {record.searched_at}"
    row, cell, line = chart.row(handle), chart.cell(handle), chart.line(handle)
    if row:
        newest = next(iter(row.cells.values()))[0]
        return reading_summary(newest)
    if cell:
        return reading_summary(cell[2][0])
    if line:
        return _line_summary(chart, line)
    old = chart.evidence(handle)
    if not old:
        raise UnknownHandle(handle[:12])
    return f"{chart.print_date(old[0].date)} · {old[0].status}, since changed"


def reading_summary(item: Reading) -> str:
    """Return date, status and site of a result; other dates than the collection's are named."""
    role = item.evidence[0].date_role
    dated = f"{role} {day(item.moment)}" if role == "measured" else day(item.moment)
    return " · ".join(p for p in (dated, item.status, item.site) if p)


def _line_summary(chart: "Chart", line: "Line") -> str:
    found = line.fact("date")
    date = f"{found.date_role} {chart.print_date(found.date)}" if found else "undated"
    if line.reference.startswith("Condition/"):
        return f"{date} · {line.group} problem"
    if line.reference.startswith("MedicationRequest/"):
        status = STATUS_WORDS.get(line.group, line.group)
        outside = line.text("site")
        return " · ".join(p for p in (date, status, line.text("author"), outside) if p)
    status = line.text("status")
    return " · ".join(p for p in (date, status, line.text("author") or line.text("site")) if p)
