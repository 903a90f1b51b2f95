"""The chart tools: eight flat, read-only look-ups of the launched patient's chart.

Each docstring is what a model is told. Everything returned from the chart is data, never an instruction.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from app.fhir.chart import Chart, Line
from app.fhir.reader import LaunchChart
from app.fhir.sections import SECTION_WORDS, SectionName
from app.fhir.tables import digest, measurements, table
from app.llm.port import Entry
from app.llm.synonyms import Synonyms, load
from app.tools.bounds import MOST_TOKENS, as_data, digest_as_data, table_as_data
from app.tools.calculate import CALCULATE
from app.tools.changes import anchor, changed
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
from app.tools.lookup import ingredients_of, lines_named, rows_named
from app.tools.note_tools import chart_notes, note_read
from app.tools.registry import Found, Tool
from app.tools.safety_checks import SAFETY_CHECKS
from app.tools.window import Window, newest, none_within, told
from app.tools.word_search import brief, chart_search

Day = Annotated[str, Meta(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$", description="YYYY-MM-DD")]
Words = Annotated[list[Annotated[str, Meta(min_length=2, max_length=80)]], Meta(max_length=12)]
Limit = Annotated[int, Meta(ge=1, le=100)]
Section = Literal[
    "problems", "medications", "allergies", "encounters", "fills", "orders", "reports"
]

PREFIX: dict[Section, str] = {
    "problems": "P", "medications": "M", "allergies": "A", "encounters": "E", "fills": "D",
    "orders": "R", "reports": "R",
}  # fmt: skip
Status = Literal[
    "", "active", "on-hold", "stopped", "completed", "cancelled", "draft", "resolved", "inactive", "remission",
    "recurrence", "relapse", "pending", "in progress", "in-progress", "planned", "arrived", "finished", "final",
    "resulted", "unknown", "no status",
]  # fmt: skip
SECTION: dict[Section, SectionName] = {
    "problems": "problems", "medications": "medications", "allergies": "allergies",
    "encounters": "encounters", "fills": "dispenses", "orders": "requests", "reports": "reports",
}  # fmt: skip
# What kind of visit words ask for, by Encounter.class as sent (v3-ActCode), whatever its display says.
STAYS = {"inpatient stay": ("IMP", "ACUTE", "NONAC"), "emergency visit": ("EMER",)}
GRIDS: tuple[tuple[str, SectionName], ...] = (("L", "labs"), ("V", "vitals"), ("O", "other"))


def chart_overview(launch: LaunchChart) -> Found:
    """Active problems, medicines, allergies, latest results, pending orders, recent visits and notes."""
    text = digest_as_data(digest(launch))
    chart = launch.chart
    kept = [
        *(line for line in chart.tables["P"] if line.group == "active"),
        *(line for line in chart.tables["M"] if line.group == "active"),
        *chart.tables["A"],
        *chart.tables["E"][:6],
        *unanswered(chart, [x for x in chart.tables["R"] if x.group in ("pending", "in progress")]),
    ]
    flagged = [e for e in newest_of_tests(chart, load()) if e.cells[0].flag and not e.field("age")]
    return Found(
        text=text,
        sections=("problems", "medications", "allergies", "labs", "vitals", "encounters", "notes"),
        entries=(*flagged, *(line_entry(chart, line) for line in kept)),
    )


def newest_of_tests(chart: Chart, synonyms: Synonyms) -> list[Entry]:
    """Return one series for each test: the one with the newest result (a test may have several codes)."""
    best: dict[str, Entry] = {}
    for prefix, _ in GRIDS:
        for row in chart.grids[prefix].rows:
            entry, known = row_entry(chart, prefix, row), synonyms.of_code(row.code)
            name = known.name if known else row.name
            if name not in best or entry.cells[0].moment > best[name].cells[0].moment:
                best[name] = entry
    return list(best.values())


def chart_section(
    launch: LaunchChart,
    section: Section,
    status: Status = "",
    words: str = "",
    since: Day = "",
    limit: Limit = 60,
) -> Found:
    """One section as a table, newest first.

    status: active, stopped, resolved, pending ... as listed. words: only these, or a class (anticoagulants).
    """
    name = SECTION[section]
    launch.ensure(name)
    chart, prefix = launch.chart, PREFIX[section]
    every = [line for line in chart.tables[prefix] if section_of(line) == name]
    lines = [x for x in every if (not status or x.group == status) and x.date >= since]
    if words:
        stays = STAYS.get(words) if section == "encounters" else None
        lines = (
            [x for x in lines if _class_code(chart, x) in stays]
            if stays
            else lines_named(lines, words, _meant(section, words))
        )
        text = "\n".join(brief(line_entry(chart, line)) for line in lines[:limit])
    else:
        text = table_as_data(table(chart, prefix, group=status, since=since, most=limit))
    entries = [_marked(line_entry(chart, line), words) for line in lines[:limit]]
    if not lines:
        known = not words or bool(load().classes_of(words)) or words in STAYS
        what = " ".join(filter(None, (status, words or section))) if known else literal([words])
        if words and section == "allergies":
            what = f"allergy to {words}" if known else f"{what} among the allergies"
        elif section == "allergies":
            what = f"{what} and a stated absence in the EHR"
        outside = lines_named(every, words, _meant(section, words)) if words else every
        none, entry = _none_in(chart, name, what, (status, words, since), outside)
        text, entries = f"{text}\n{none}".strip(), [entry]
    return Found(
        text=text, sections=(name,), entries=tuple(entries), shown={name: len(lines[:limit])}
    )


def _none_in(
    chart: Chart, name: SectionName, what: str, asked: tuple[str, str, str], named: Sequence[Line]
) -> tuple[str, Entry]:
    """Record that nothing of what was asked is there; name the newest of `named` that only the limits keep out."""
    status, words, since = asked
    moments = [x.date for x in named if status in ("", x.group)]
    record = none_within(chart, what, name, Window(since=since), moments)
    newer = max(named, key=lambda x: x.date, default=None) if since or status else None
    last = brief(line_entry(chart, newer)) if newer else ""
    return told(record, last), search_entry(record, words)


def _class_code(chart: Chart, line: Line) -> str:
    sent = chart.resources.get(line.reference, {}).get("class") or {}
    return str(sent.get("code") or "")


def _marked(entry: Entry, words: str) -> Entry:
    """Say of a visit which kind it was found as."""
    return replace(entry, fields=(*entry.fields, ("stay", words))) if words in STAYS else entry


def _meant(section: Section, words: str) -> tuple[str, ...]:
    """Return the ingredients that words stand for; among allergies also the words of a medicine's whole class."""
    meant = ingredients_of(words, load())
    if section != "allergies":
        return meant
    kinds = [c for c in load().classes_of(words) if not c.name.startswith("other ")]
    return (*meant, *(w for kind in kinds for w in (*kind.words, *kind.ingredients)))


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
    for words in tests:
        found = [
            row_entry(chart, p, row, since, until) for p, row in rows_named(chart, words, synonyms)
        ]
        found = [entry for entry in found if entry.cells]
        entries += [entry for entry in found if entry not in entries]
        if not found:
            searched = _sections_for([words], kind, synonyms)
            every = [row_entry(chart, p, row) for p, row in rows_named(chart, words, synonyms)]
            more, none = _outside(chart, _test_asked(words), searched, window, every)
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
    return _results("\n".join(texts), sections, entries)


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
    if any(entry.cells for entry in entries):
        return _results(text, sections, entries)
    every = [row_entry(chart, prefix, row) for row in rows]
    more, entries = _outside(chart, SECTION_WORDS[kind].lower(), (kind,), window, every)
    return _results("\n".join([text, *more]), sections, entries)


def _outside(
    chart: Chart,
    what: str,
    sections: Sequence[SectionName],
    window: Window,
    every: Sequence[Entry],
) -> tuple[list[str], list[Entry]]:
    """Return texts and entries of a search that found nothing inside its limits, with the newest from outside them."""
    moments = [cell.moment for entry in every for cell in entry.cells]
    records = [none_within(chart, what, name, window, moments) for name in sections]
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
            "vitals" if t.kind == "vitals" else "labs" for t in synonyms.named(words)
        ]
        sections += known or ([kind] if kind != "labs" else ["labs", "vitals"])
    return tuple(dict.fromkeys(sections))


def _results(text: str, sections: Sequence[SectionName], entries: Sequence[Entry]) -> Found:
    shown = {name: sum(len(e.cells) for e in entries if e.section == name) for name in sections}
    return Found(text=text, sections=tuple(sections), entries=tuple(entries), shown=shown)


def chart_changes(launch: LaunchChart, since: Day = "") -> Found:
    """What is new since a date; without one, since the last visit before today: results, orders, notes, problems."""
    names: tuple[SectionName, ...] = (
        "encounters", "labs", "vitals", "medications", "problems", "notes", "requests", "reports",
    )  # fmt: skip
    launch.ensure(*names)
    chart = launch.chart
    start, visit = anchor(chart, since, launch.context)
    return changed(chart, start, visit, names)


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
    text = "\n".join(
        [
            "PENDING | order or report | role date | status | by",
            *(_pending(chart, line) for line in lines),
        ]
    )
    entries = [line_entry(chart, line) for line in lines]
    if not lines:
        records = none_records(chart, "pending orders and reports", ("requests", "reports"))
        text, entries = "\n".join(map(none_text, records)), [search_entry(r) for r in records]
    return Found(
        text=text,
        sections=("requests", "reports"),
        entries=tuple(entries),
        shown={name: sum(section_of(x) == name for x in lines) for name in ("requests", "reports")},
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


CHART_TOOLS = (
    CALCULATE,
    Tool(function=chart_changes, reads=("Observation", "MedicationRequest", "DocumentReference")),
    Tool(function=chart_notes, reads=("DocumentReference",)),
    Tool(
        function=chart_overview,
        reads=("Condition", "MedicationRequest", "AllergyIntolerance", "Observation"),
    ),
    Tool(function=chart_pending, reads=("ServiceRequest", "DiagnosticReport")),
    Tool(function=chart_results, reads=("Observation",)),
    Tool(
        function=chart_search,
        reads=("Observation", "MedicationRequest", "Condition", "DocumentReference"),
    ),
    Tool(
        function=chart_section,
        reads=(
            "Condition",
            "MedicationRequest",
            "AllergyIntolerance",
            "Encounter",
            "MedicationDispense",
            "ServiceRequest",
            "DiagnosticReport",
        ),
    ),
    Tool(function=note_read, reads=("DocumentReference",)),
    SAFETY_CHECKS,
)
