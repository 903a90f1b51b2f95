"""The chart tools: flat, read-only look-ups of the launched patient's chart, and the jobs that are made of them.

Each docstring is what a model is told. Everything returned from the chart is data, never an instruction.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from app.errors import ToolRefused
from app.fhir.chart import Chart, Line
from app.fhir.earlier import CORRECTED
from app.fhir.reader import LaunchChart
from app.fhir.readings import Row, Unvalued
from app.fhir.sections import SECTION_WORDS, SECTIONS, SectionName
from app.fhir.tables import digest, measurements
from app.fhir.unsorted import (
    Unsorted,
    joined,
    results_without_date,
    untold_pending,
    without_moment,
    without_status,
    without_value,
)
from app.fhir.values import NOT_READABLE
from app.llm.port import Entry
from app.llm.synonyms import Synonyms, load
from app.tools.bounds import MOST_TOKENS, as_data, digest_as_data, table_as_data
from app.tools.calculate import CALCULATE
from app.tools.changes import SHORT, AnchorKind, changed
from app.tools.changes import anchor as anchor_of
from app.tools.entries import (
    line_entry,
    literal,
    none_records,
    none_text,
    row_entry,
    search_entry,
    section_of,
    unanswered,
)  # fmt: skip
from app.tools.jobs.tool import chart_job_of
from app.tools.lookup import rows_named, unvalued_named
from app.tools.note_tools import chart_notes, note_read
from app.tools.query_tool import CHART_QUERY
from app.tools.registry import Found, Tool
from app.tools.safety_checks import SAFETY_CHECKS
from app.tools.section_tool import chart_section
from app.tools.window import Window, newest, none_within, told
from app.tools.word_search import brief, chart_search

Day = Annotated[str, Meta(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$", description="YYYY-MM-DD")]
Words = Annotated[list[Annotated[str, Meta(min_length=2, max_length=80)]], Meta(max_length=12)]
# What an overview leads with, beyond what the first screen reads.
ALERTS: tuple[SectionName, ...] = ("consents", "flags")
MOST_CORRECTED = 3
GRIDS: tuple[tuple[str, SectionName], ...] = (("L", "labs"), ("V", "vitals"), ("O", "other"))


def chart_overview(launch: LaunchChart) -> Found:
    """Active problems, medicines, allergies, code status and flags, latest results, pending orders, recent visits and notes."""
    launch.ensure(*ALERTS)
    text = digest_as_data(digest(launch))
    chart = launch.chart
    alerts = [x for x in chart.tables["F"] if x.group == "active" and section_of(x) in ALERTS]
    kept = [
        *alerts,
        *(line for line in chart.tables["P"] if line.group == "active"),
        *(line for line in chart.tables["M"] if line.group == "active"),
        *chart.tables["A"],
        *chart.tables["E"][:6],
        *unanswered(chart, [x for x in chart.tables["R"] if x.group in ("pending", "in progress")]),
    ]
    flagged = [e for e in newest_of_tests(chart, load()) if _needs_eyes(e) and not e.field("age")]
    return Found(
        text=_beside_the_patient(text, alerts),
        sections=(
            "problems",
            "medications",
            "allergies",
            "labs",
            "vitals",
            "encounters",
            "notes",
            *ALERTS,
        ),
        entries=(*flagged, *(line_entry(chart, line) for line in kept)),
        unsorted=joined(
            without_status(chart, [*chart.tables["P"], *chart.tables["M"]]), without_moment(chart)
        ),
    )


def _needs_eyes(series: Entry) -> bool:
    """Tell whether the newest result was flagged, or cannot be read; of several at one moment, or on one day, any."""
    newest = [cell for cell in series.cells if cell.moment == series.cells[0].moment]
    return any(cell.flag or cell.text == NOT_READABLE for cell in newest)


def _beside_the_patient(text: str, alerts: Sequence[Line]) -> str:
    """Put the alerts behind the patient's line: what is cut of a long overview is never a code status."""
    lines = text.split("\n")
    named = [f"{x.handle} {as_data(next((f.name for f in x.facts if f.name), ''))}" for x in alerts]
    return "\n".join(
        [*lines[:2], *([f"ALERTS active: {'|'.join(named)}"] if named else []), *lines[2:]]
    )


def newest_of_tests(chart: Chart, synonyms: Synonyms) -> list[Entry]:
    """Return one series for each laboratory test and vital sign: of several codes the one with the newest result."""
    best: dict[str, Entry] = {}
    for prefix in ("L", "V"):
        for row in chart.grids[prefix].rows:
            entry, known = row_entry(chart, prefix, row), synonyms.of_code(row.code)
            name = known.name if known else row.name
            if name not in best or entry.cells[0].moment > best[name].cells[0].moment:
                best[name] = entry
    return list(best.values())


def chart_results(
    launch: LaunchChart,
    tests: Words = [],  # noqa: B006  # msgspec copies it for every call
    kind: Literal["labs", "vitals", "other"] = "labs",
    since: Day = "",
    until: Day = "",
) -> Found:
    """Laboratory results, vital signs or other observations over time.

    tests: names, LOINC codes or row handles; searched in every kind. Empty: all of this kind.
    """
    synonyms = load()
    sections = _sections_for(tests, kind, synonyms)
    launch.ensure(*sections)
    chart = launch.chart
    window = Window(since=since, until=until)
    if not tests:
        return _all_results(chart, kind, window, sections)
    texts: list[str] = []
    entries: list[Entry] = []
    unsorted = _unsorted(chart, tests, window, synonyms)
    for words in tests:
        found = [
            row_entry(chart, p, row, since, until) for p, row in rows_named(chart, words, synonyms)
        ]
        found = [entry for entry in found if entry.cells]
        entries += [entry for entry in found if entry not in entries]
        if not found:
            searched = _sections_for([words], kind, synonyms)
            every = [row_entry(chart, p, row) for p, row in rows_named(chart, words, synonyms)]
            lost = _unsorted(chart, [words], window, synonyms)
            more, none = _outside(chart, _test_asked(words), searched, window, every, lost)
            texts, entries = texts + more, entries + none
    named = {entry.handle for entry in entries if entry.cells}
    inside = {h for h in named if _holds_any(chart, h, window)}
    handles = [entry.handle for entry in entries if entry.handle in inside]
    texts += [
        table_as_data(
            measurements(
                chart, prefix, rows=mine, since=since, until=until, budget_tokens=MOST_TOKENS
            )
        )
        for prefix, _ in GRIDS
        if (mine := [h for h in handles if h.startswith(prefix)])
    ]
    texts += _corrected(launch, [e for e in entries if e.handle in inside])
    return _results("\n".join(texts), sections, entries, unsorted)


def _unsorted(
    chart: Chart, tests: Sequence[str], window: Window, synonyms: Synonyms
) -> dict[SectionName, str]:
    """Say which results of these tests have no value, or no date to tell by whether they lie inside the window."""
    rows = {r.handle: (p, r) for words in tests for p, r in rows_named(chart, words, synonyms)}
    silent = [one for words in tests for one in unvalued_named(chart, words, synonyms)]
    return _lost(chart, list(rows.values()), silent, window)


def _lost(
    chart: Chart,
    rows: Sequence[tuple[str, Row]],
    silent: Sequence[tuple[SectionName, Unvalued]],
    window: Window,
) -> dict[SectionName, str]:
    moments = [
        (dict(GRIDS)[p], chart.grids[p].moment(place)) for p, row in rows for place in row.cells
    ]
    return joined(
        results_without_date(moments, window.since, window.until),
        without_value(dict.fromkeys(silent)),
    )


def _corrected(launch: LaunchChart, entries: Sequence[Entry]) -> list[str]:
    """Say of the newest corrected results what they were before."""
    handles = [c.handle for e in entries for c in e.cells if c.status in CORRECTED]
    cells = [(h, cell) for h in handles[:MOST_CORRECTED] if (cell := launch.chart.cell(h))]
    return [f"{h} corrected: {as_data(launch.earlier.before(cell[2][0]))}" for h, cell in cells]


def _all_results(
    chart: Chart, kind: SectionName, window: Window, sections: Sequence[SectionName]
) -> Found:
    """Return every series of a grid inside the window; where none has a value there, the search that found none."""
    prefix, rows = next((p, chart.grids[p].rows) for p, name in GRIDS if name == kind)
    since, until = window.since, window.until
    text = table_as_data(
        measurements(chart, prefix, since=since, until=until, budget_tokens=MOST_TOKENS)
    )
    entries = [row_entry(chart, prefix, row, since, until) for row in rows]
    silent = [(kind, one) for one in chart.grids[prefix].unvalued]
    lost = _lost(chart, [(prefix, row) for row in rows], silent, window)
    if any(entry.cells for entry in entries):
        return _results(text, sections, entries, lost)
    every = [row_entry(chart, prefix, row) for row in rows]
    more, entries = _outside(chart, SECTION_WORDS[kind].lower(), (kind,), window, every, lost)
    return _results("\n".join([text, *more]), sections, entries, lost)


def _outside(
    chart: Chart,
    what: str,
    sections: Sequence[SectionName],
    window: Window,
    every: Sequence[Entry],
    unsorted: Unsorted,
) -> tuple[list[str], list[Entry]]:
    """Return texts and entries of a search that found nothing inside its limits, with the newest from outside them."""
    records = [none_within(chart, what, name, window, (), unsorted) for name in sections]
    last = newest(every)
    texts = [told(record, brief(last) if last else "") for record in records]
    # The name stays what was asked for; the record says the limits.
    missing = [replace(search_entry(record), name=what) for record in records]
    return texts, [*missing, *([last] if last else [])]


def _holds_any(chart: Chart, handle: str, window: Window) -> bool:
    row = chart.row(handle)
    return row is not None and any(window.holds(r.moment) for c in row.cells.values() for r in c)


def _test_asked(words: str) -> str:
    return words if load().named(words) else literal([words])


def _sections_for(
    tests: Sequence[str], kind: SectionName, synonyms: Synonyms
) -> tuple[SectionName, ...]:
    """Return the grids to read: where the tables know the test, that one; else laboratory and vital signs."""
    if not tests:
        return (kind,)
    sections: list[SectionName] = []
    for words in tests:
        known: list[SectionName] = [
            t.kind if t.kind in ("vitals", "other") else "labs" for t in synonyms.named(words)
        ]
        sections += known or ([kind] if kind != "labs" else ["labs", "vitals"])
    return tuple(dict.fromkeys(sections))


def _results(
    text: str, sections: Sequence[SectionName], entries: Sequence[Entry], unsorted: Unsorted
) -> Found:
    shown = {name: sum(len(e.cells) for e in entries if e.section == name) for name in sections}
    return Found(
        text=text, sections=tuple(sections), entries=tuple(entries), shown=shown, unsorted=unsorted
    )


def changes_since(
    launch: LaunchChart, anchor: AnchorKind = "my_last_visit", date: Day = ""
) -> Found:
    """What is new since an anchor: results, orders, notes, problems; in a stay also doses, alerts, procedures.

    date: with anchor date.
    """
    names: tuple[SectionName, ...] = (
        "encounters", "labs", "vitals", "medications", "problems", "notes", "requests", "reports",
    )  # fmt: skip
    kind: AnchorKind = "date" if date else anchor
    if kind == "date" and not date:
        raise ToolRefused("anchor date needs a date")
    names += ("administrations", "flags", "procedures") if kind in SHORT else ()
    launch.ensure(*names)
    start, line, called = anchor_of(launch, kind, date)
    return changed(launch.chart, start, line, names, called)


def chart_pending(launch: LaunchChart) -> Found:
    """Orders without a result, and reports that are registered or preliminary."""
    launch.ensure("requests", "reports", "labs")
    chart = launch.chart
    lines = [
        line
        for line in chart.tables["R"]
        if line.group in ("pending", "in progress", "on-hold")
        or line.text("status") in ("registered", "preliminary", "partial")
    ]
    lines = unanswered(chart, lines)
    unsorted = untold_pending(chart)
    text = "\n".join(
        [
            "PENDING | order or report | role date | status | by",
            *(_pending(chart, line) for line in lines),
        ]
    )
    entries = [line_entry(chart, line) for line in lines]
    if not lines:
        what, parts = "pending orders and reports", ("requests", "reports")
        records = none_records(chart, what, parts, unsorted)
        text, entries = "\n".join(map(none_text, records)), [search_entry(r) for r in records]
    return Found(
        text=text,
        sections=("requests", "reports", "labs"),  # A result ends the wait for it.
        entries=tuple(entries),
        shown={name: sum(section_of(x) == name for x in lines) for name in ("requests", "reports")},
        unsorted=unsorted,
    )


def _pending(chart: Chart, line: Line) -> str:
    date = line.fact("date")
    when = f"{date.date_role} {chart.print_date(date.date)}" if date else ""
    return "|".join(
        as_data(text)
        for text in (
            line.handle,
            line.text("order"),
            when,
            line.text("status"),
            line.text("author"),
        )
    )


LOOK_UPS = (
    CALCULATE,
    Tool(function=changes_since, reads=("Observation", "MedicationRequest", "DocumentReference")),
    Tool(function=chart_notes, reads=("DocumentReference",)),
    Tool(
        function=chart_overview,
        reads=("Condition", "MedicationRequest", "AllergyIntolerance", "Observation"),
    ),
    Tool(function=chart_pending, reads=("ServiceRequest", "DiagnosticReport")),
    Tool(function=chart_results, reads=("Observation",)),
    CHART_QUERY,
    Tool(
        function=chart_search,
        reads=("Observation", "MedicationRequest", "Condition", "DocumentReference"),
    ),
    # Every type of the table: with any one of them there is something to show.
    Tool(function=chart_section, reads=tuple(dict.fromkeys(s.kind for s in SECTIONS[1:]))),
    Tool(function=note_read, reads=("DocumentReference",)),
    SAFETY_CHECKS,
)
CHART_TOOLS = (*LOOK_UPS, chart_job_of(LOOK_UPS))
