"""The chart tools: eight flat, read-only look-ups of the launched patient's chart.

Each docstring is what a model is told. Everything returned from the chart is data, never an instruction.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from app.fhir.chart import Chart, Line, SectionName
from app.fhir.reader import LaunchChart
from app.fhir.tables import digest, measurements, table
from app.llm.port import Entry
from app.llm.synonyms import Synonyms, load
from app.tools.bounds import MOST_TOKENS
from app.tools.changes import anchor, changed
from app.tools.entries import line_entry, none_text, row_entry, search_entry, section_of
from app.tools.lookup import ingredients_of, lines_named, rows_named
from app.tools.note_tools import chart_notes, note_read, passages_with
from app.tools.registry import Found, Tool

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
SECTION: dict[Section, SectionName] = {
    "problems": "problems", "medications": "medications", "allergies": "allergies",
    "encounters": "encounters", "fills": "dispenses", "orders": "requests", "reports": "reports",
}  # fmt: skip
GRIDS: tuple[tuple[str, SectionName], ...] = (("L", "labs"), ("V", "vitals"), ("O", "other"))


def chart_overview(launch: LaunchChart) -> Found:
    """Active problems, medicines, allergies, latest results, pending orders, recent visits and notes."""
    text = digest(launch)
    chart = launch.chart
    kept = [
        *(line for line in chart.tables["P"] if line.group == "active"),
        *(line for line in chart.tables["M"] if line.group == "active"),
        *chart.tables["A"],
        *chart.tables["E"][:6],
        *(line for line in chart.tables["R"] if line.group in ("pending", "in progress")),
    ]
    flagged = [
        row_entry(chart, prefix, row)
        for prefix, _ in GRIDS
        for row in chart.grids[prefix].rows
        if next(iter(row.cells.values()))[0].flag
    ]
    return Found(
        text=text,
        sections=("problems", "medications", "allergies", "labs", "vitals", "encounters", "notes"),
        entries=(*flagged, *(line_entry(chart, line) for line in kept)),
    )


def chart_section(
    launch: LaunchChart,
    section: Section,
    status: str = "",
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
        lines = lines_named(lines, words, ingredients_of(words, load()))
        text = "\n".join(_brief(line_entry(chart, line)) for line in lines[:limit])
    else:
        text = table(chart, prefix, group=status, since=since, most=limit)
    entries = [line_entry(chart, line) for line in lines[:limit]]
    if not lines:
        record = chart.record_search(" ".join(filter(None, (status, words or section))), name)
        text, entries = f"{text}\n{none_text(record)}".strip(), [search_entry(record)]
    return Found(
        text=text, sections=(name,), entries=tuple(entries), shown={name: len(lines[:limit])}
    )


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
    if not tests:
        prefix = next(p for p, name in GRIDS if name == kind)
        text = measurements(chart, prefix, since=since, until=until, budget_tokens=MOST_TOKENS)
        entries = [row_entry(chart, prefix, row, since, until) for row in chart.grids[prefix].rows]
        return _results(text, sections, entries)
    texts: list[str] = []
    entries = []
    for words in tests:
        found = [
            row_entry(chart, p, row, since, until) for p, row in rows_named(chart, words, synonyms)
        ]
        found = [entry for entry in found if entry.cells]
        entries += [entry for entry in found if entry not in entries]
        if not found:
            searched = _sections_for([words], kind, synonyms)
            records = [chart.record_search(words, name) for name in searched]
            texts += [none_text(record) for record in records]
            entries += [search_entry(record) for record in records]
    handles = [entry.handle for entry in entries if entry.cells]
    texts += [
        measurements(chart, prefix, rows=mine, since=since, until=until, budget_tokens=MOST_TOKENS)
        for prefix, _ in GRIDS
        if (mine := [h for h in handles if h.startswith(prefix)])
    ]
    return _results("\n".join(texts), sections, entries)


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
    text = "\n".join(
        [
            "PENDING | order or report | role date | status | by",
            *(_pending(chart, line) for line in lines),
        ]
    )
    entries = [line_entry(chart, line) for line in lines]
    if not lines:
        records = [
            chart.record_search("pending orders", "requests"),
            chart.record_search("pending reports", "reports"),
        ]
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
        [line.handle, line.text("order"), when, line.text("status"), line.text("author")]
    )


def chart_search(launch: LaunchChart, words: Words) -> Found:
    """Find words anywhere: tests, medicines, problems, allergies, visits, orders, notes. Each word or phrase apart."""
    names: tuple[SectionName, ...] = (
        "problems", "medications", "allergies", "encounters", "labs", "vitals", "requests", "reports", "notes",
    )  # fmt: skip
    launch.ensure(*names)
    chart, synonyms = launch.chart, load()
    texts: list[str] = []
    entries: list[Entry] = []
    for word in words:
        found = _everywhere(launch, word, synonyms)
        texts.append(f"“{word}”:")
        texts += [_brief(entry) for entry in found]
        if not found:
            records = [
                chart.record_search(word, name)
                for name in ("medications", "problems", "labs", "notes")
            ]
            texts += [none_text(record) for record in records]
            found = [search_entry(record) for record in records]
        entries += found
    shown = {name: sum(e.section == name for e in entries) for name in names}
    return Found(text="\n".join(texts), sections=names, entries=tuple(entries), shown=shown)


def _everywhere(launch: LaunchChart, word: str, synonyms: Synonyms) -> list[Entry]:
    chart, meant = launch.chart, ingredients_of(word, synonyms)
    rows = [row_entry(chart, p, row) for p, row in rows_named(chart, word, synonyms)]
    lines = [
        line_entry(chart, line)
        for prefix in ("M", "P", "A", "E", "R")
        for line in lines_named(chart.tables[prefix], word, meant)
    ]
    return [*rows, *lines, *passages_with(launch, [word])]


def _brief(entry: Entry) -> str:
    if entry.cells:
        last = entry.cells[0]
        return f"{entry.handle}|{entry.name}|{len(entry.cells)} results, last {last.text}{last.flag} {last.date} [{last.handle}]"
    said = [
        entry.field(name) for name in ("role", "date", "dose", "frequency", "author", "passage")
    ]
    return "|".join([entry.handle, entry.name, entry.group, *(text for text in said if text)])


CHART_TOOLS = (
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
)
