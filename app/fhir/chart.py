"""The compiled chart: tables of records, grids of results, and what every handle points to.

A `Chart` is one snapshot of one launch. Handles are append-only in the launch's `Ledger`: a row handle (`P3`, `M1`)
always means the same record, a value handle (`L3b`) always means that value at that moment; when a value is
corrected, the corrected one gets a handle of its own and the old one still resolves to what it was.

Not protected here: resources of another patient (the source refuses them), instructions inside chart text (the
caller marks tool results as data), or wrong source data. Units are never converted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from app.errors import UnknownHandle
from app.fhir import words
from app.fhir.citation import COMPUTED, Evidence, SearchRecord
from app.fhir.computed import computed_evidence
from app.fhir.dates import printed
from app.fhir.ledger import Ledger
from app.fhir.readings import Grid, Reading, Row
from app.fhir.sections import BY_NAME, BY_PREFIX, SECTION_WORDS, SectionName
from app.fhir.source import (
    Complete,
    Completeness,
    Denied,
    Failed,
    NotOffered,
    Resource,
    Restricted,
    Truncated,
)  # fmt: skip

# How far a document's text was read: never asked for, pictures of pages (all, or some), refused or in no readable form, or as
# words.
TextState = Literal["not asked", "scan", "in part", "unreadable", "read"]
READABLE = frozenset(("read", "in part"))

# The section a handle's first letter belongs to; of sections that share a table, the first.
SECTION_OF: dict[str, SectionName] = {prefix: found[0].name for prefix, found in BY_PREFIX.items()}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One record of a table: handle, reference, group (status as sent), its date and its facts.

    `date` is for sorting and filtering (ISO, site zone); every fact has a `field` to look it up by.
    """

    handle: str
    reference: str
    group: str
    date: str
    facts: tuple[Evidence, ...]

    def fact(self, name: str) -> Evidence | None:
        """Return the fact of one field, None where nothing was sent."""
        return next((f for f in self.facts if f.field == name), None)

    def text(self, name: str) -> str:
        """Return the value and unit of one field as sent, empty where nothing was sent."""
        found = self.fact(name)
        return f"{found.value} {found.unit}".strip() if found else ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One snapshot. `tables` and `grids` are keyed by the letter of their handles (`app.fhir.sections`); `left_out` counts what is not in them.

    `held_back` are the references of labelled records that its reader may not have; `names_patient`: a model may be told who
    it is. `texts` says of each document how far its text was read; `NoteTexts` keeps it.
    """

    patient: Resource
    zone: ZoneInfo
    now: datetime
    tables: Mapping[str, list[Line]]
    grids: Mapping[str, Grid]
    counts: Counter[str]
    left_out: Counter[str]
    sections: Mapping[SectionName, Completeness]
    resources: Mapping[str, Resource]
    ledger: Ledger = field(default_factory=Ledger)
    texts: dict[str, TextState] = field(default_factory=dict)
    held_back: frozenset[str] = frozenset()
    names_patient: bool = True

    def evidence(self, handle: str) -> tuple[Evidence, ...]:
        """Return what a handle points to: one fact per field, per component, or per result of a series.

        Raises:
            UnknownHandle: this launch never issued the handle.
        """
        if handle.startswith(COMPUTED):
            return computed_evidence(self, self.ledger.computed(handle))
        if handle.startswith("S"):
            return (search_evidence(self.ledger.search(handle)),)
        row = self.row(handle)
        if row:
            return tuple(e for cell in row.cells.values() for r in cell for e in r.evidence)
        found = self.ledger.facts(handle)
        if not found or any(fact.reference in self.held_back for fact in found):
            raise UnknownHandle(f"{handle[:12]!r} was never issued in this launch")
        return found

    def row(self, handle: str) -> Row | None:
        """Return the row of a series handle (`L3`), None for any other handle."""
        grid = self.grids.get(handle[:1])
        return next((r for r in grid.rows if r.handle == handle), None) if grid else None

    def line(self, handle: str) -> Line | None:
        """Return the line of a row handle (`M2`), None for any other handle."""
        return next((x for x in self.tables.get(handle[:1], []) if x.handle == handle), None)

    def cell(self, handle: str) -> tuple[Row, str, tuple[Reading, ...]] | None:
        """Return row, column label and readings of a value handle (`L3b`), None if it is not in this snapshot."""
        place = handle.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ").lstrip("0123456789")
        row = self.row(handle.removesuffix(place)) if place else None
        return (row, place, row.cells[place]) if row and place in row.cells else None

    def label(self, handle: str) -> str:
        """Return the spoken label of a chip: "potassium, 19-Nov-2026"; raises UnknownHandle."""
        return words.label(self, handle)

    def summary(self, handle: str) -> str:
        """Return the small line of a source: "19-Nov-2026 · final · Mercy Laboratory"; raises UnknownHandle."""
        return words.summary(self, handle)

    def record_search(
        self, what: str, section: SectionName, *, kind: str = "", listed: bool = False
    ) -> SearchRecord:
        """Issue S1, S2 ...: what a negative statement about `section` cites. The same search gets the same handle.

        `what` is what was looked for ("urine albumin"), `kind` what was looked through ("laboratory results").
        Only a section that was read to its end makes the record `complete`; of notes, every text must have been
        read, unless only their list was looked through (`listed`: dates, types, authors).
        """
        return self.ledger.record(searched(self, what, section, kind, listed=listed))

    def print_date(self, date: str, *, time: bool = False) -> str:
        """Print a date as sent in the site's zone: dd-MMM-yyyy, with hh:mm on request and only if it was sent."""
        return printed(date, self.zone, time=time)


def search_evidence(record: SearchRecord) -> Evidence:
    """State a search as evidence, so that a negative sentence has something to be checked against."""
    return Evidence(
        reference="", version="", path="", field="search", name=record.what, value=str(record.searched),
        status="complete" if record.complete else "incomplete", date=record.searched_at, date_role="searched",
    )  # fmt: skip


def searched(
    chart: Chart, what: str, section: SectionName, kind: str, *, listed: bool = False
) -> SearchRecord:
    """Describe a search of one section as it stands now: count, span, how far; the ledger gives the handle."""
    state = chart.sections.get(section)
    dates, count, unread = section_dates(chart, section), chart.counts[section], ""
    if section == "notes" and not listed:
        documents = [*chart.tables.get("N", []), *chart.tables.get("R", [])]
        readable = [x for x in documents if chart.texts.get(x.reference) in READABLE]
        dates, count, unread = [x.date for x in readable], len(readable), unsearched(chart)
    complete = isinstance(state, Complete) and not unread
    dates = sorted(d for d in dates if d)
    return SearchRecord(
        handle="", what=what, kind=kind or SECTION_WORDS[section].lower(), searched=count,
        total=count if complete else getattr(state, "total", None),
        first_date=chart.print_date(dates[0]) if dates else "",
        last_date=chart.print_date(dates[-1]) if dates else "",
        searched_at=printed(chart.now.isoformat(), chart.zone, time=True),
        complete=complete, why_incomplete="; ".join(w for w in (why_incomplete(state), unread) if w),
        section=section,
    )  # fmt: skip


def unsearched(chart: Chart) -> str:
    """Say which documents no search of words reaches: "12 scanned documents and 1 unreadable note were not searched"."""
    states = Counter(chart.texts.values())
    named = (
        (states["scan"], "scanned document", "scanned documents"),
        (states["in part"], "document with scanned pages", "documents with scanned pages"),
        (states["unreadable"], "unreadable note", "unreadable notes"),
        (states["not asked"], "note not read yet", "notes not read yet"),
    )
    parts = [f"{n:,} {one if n == 1 else many}" for n, one, many in named if n]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    total = sum(n for n, _, _ in named)
    return f"{listed} {'was' if total == 1 else 'were'} not searched" if parts else ""


def section_dates(chart: Chart, section: SectionName) -> list[str]:
    """Return the dates of everything in a section."""
    prefix = BY_NAME[section].prefix
    if prefix in chart.grids:
        return list(chart.grids[prefix].columns.values())
    return [x.date for x in section_lines(chart, section)]


def section_lines(chart: Chart, section: SectionName) -> list[Line]:
    """Return the records of a section that stand in a table, in the table's order."""
    own = BY_NAME[section]
    lines = chart.tables.get(own.prefix, [])
    return [x for x in lines if x.reference.startswith(f"{own.kind}/")]


def why_incomplete(state: Completeness | None) -> str:
    """Say in a few words why a section is not read to its end; empty when it is."""
    match state:
        case None:
            return "not asked for yet"
        case Complete():
            return ""
        case Truncated(n=n, total=total):
            return f"{n:,} of {total:,} read" if total else f"{n:,} read, more may exist"
        case Denied(scope=scope, http_status=status):
            return f"the EHR refused ({status})" if status else f"missing permission {scope}"
        case Restricted(why=why):
            return why
        case Failed(reason=reason):
            return reason
        case NotOffered(resource_type=kind):
            return f"this EHR does not offer {kind}"
    assert_never(state)
