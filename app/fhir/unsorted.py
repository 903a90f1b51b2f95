"""What a question could not sort: records that do not say the status, date, code or value it was asked by.

Such a record may be the very one that is asked for, so it is counted, never silently absent, and "none" is not said
beside it. What is counted here concerns one question; a section whose records do not say what they are about at all is
incomplete for every question (`app.fhir.compile`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from app.fhir.chart import Chart, Line
from app.fhir.dates import is_unplaced, is_within
from app.fhir.readings import Grid, Unvalued
from app.fhir.sections import GRIDS, SectionName, section_of
from app.fhir.values import NOT_READABLE, UNNAMED

# By section, in words: {"requests": "3 records without a status were not sorted"}.
Unsorted = Mapping[SectionName, str]
SORTED: Unsorted = {}
# The words of FHIR R4 (and R5's own) that sort a record; "unknown", a word of the EHR's own and none at all do not.
STATUSES: Mapping[str, frozenset[str]] = {
    "MedicationRequest": frozenset(
        ("active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "ended")
    ),
    "ServiceRequest": frozenset(
        ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "ended")
    ),
    "DiagnosticReport": frozenset(
        ("registered", "partial", "preliminary", "modified", "final", "amended", "corrected", "appended", "cancelled",
         "entered-in-error")
    ),
}  # fmt: skip
# The tables whose undated records may be news, and what one of them is called.
DATED = {"M": "order", "P": "problem", "N": "note"}
UNTOLD = frozenset(("no status", "unknown"))


def says_status(chart: Chart, line: Line) -> bool:
    """Tell whether a record's status sorts it; of problems and allergies the clinical status."""
    kind = line.reference.partition("/")[0]
    if kind not in STATUSES:
        return line.group not in UNTOLD
    return str(chart.resources.get(line.reference, {}).get("status") or "") in STATUSES[kind]


def without_status(chart: Chart, lines: Iterable[Line]) -> dict[SectionName, str]:
    """Count the records whose status sorts them nowhere."""
    return _counted((x for x in lines if not says_status(chart, x)), "a status")


def without_name(lines: Iterable[Line]) -> dict[SectionName, str]:
    """Count the records that do not say what they are about: any word may be theirs."""
    return _counted((x for x in lines if is_nameless(x)), "a code")


def untold_pending(chart: Chart) -> dict[SectionName, str]:
    """Count the orders and reports of which nobody can tell whether they are pending.

    They say no status; or an active order says neither what it is for nor does a result name it.
    """
    lines = chart.tables.get("R", [])
    nameless = [x for x in lines if x.group == "active" and is_nameless(x)]
    return joined(without_status(chart, lines), without_name(nameless))


def is_nameless(line: Line) -> bool:
    """Tell whether a record does not say what it is."""
    return any(fact.value.endswith("not named") for fact in line.facts[:1])


def without_date(lines: Iterable[Line], since: str, until: str = "") -> dict[SectionName, str]:
    """Count the records that cannot be placed before or after a limit; none without a limit."""
    lost = (x for x in lines if is_unplaced(x.date, since, until))
    return _counted(lost, "a date that could be compared")


def results_without_date(
    rows: Iterable[tuple[SectionName, str]], since: str, until: str = ""
) -> dict[SectionName, str]:
    """Count the results, given as section and moment, that cannot be placed before or after a limit."""
    lost = Counter(name for name, moment in rows if is_unplaced(moment, since, until))
    return {name: lacking(n, "a date that could be compared") for name, n in lost.items()}


def without_moment(chart: Chart) -> dict[SectionName, str]:
    """Count the results without any date: which of a test is the newest is not known beside them."""
    lost = {GRIDS[p].name: _moments(grid).count("") for p, grid in chart.grids.items()}
    return {name: lacking(n, "a date", "result") for name, n in lost.items() if n}


def without_value(found: Iterable[tuple[SectionName, Unvalued]]) -> dict[SectionName, str]:
    """Count the results that were sent without any value (`Grid.unvalued`)."""
    lost: Counter[SectionName] = Counter()
    for name, one in found:
        lost[name] += one.sent
    return {name: lacking(n, "a value", "result") for name, n in lost.items()}


def undated(chart: Chart, after: str) -> list[str]:
    """Name and count what may be newer than a day and does not say when it was: ["2 results", "1 note"]."""
    results = [m for p in ("L", "V") for m in _moments(chart.grids[p])]
    lines = {noun: [x.date for x in chart.tables.get(p, [])] for p, noun in DATED.items()}
    moments, limit = {"result": results, **lines}, after[: len("2026-11-19")]
    lost = {noun: sum(is_unplaced(m, limit) for m in found) for noun, found in moments.items()}
    return [f"{n:,} {noun}{'s' if n != 1 else ''}" for noun, n in lost.items() if n]


def unreadable(chart: Chart, after: str) -> int:
    """Count the results newer than `after` that were sent in a form that is not read here, or without a number."""
    newer = (
        cell[0]
        for p in ("L", "V")
        for test in chart.grids[p].rows
        for cell in test.cells.values()
        if is_within(cell[0].moment, after) and cell[0].moment > after
    )
    return sum(reading.text == NOT_READABLE for reading in newer)


def nameless(grid: Grid) -> int:
    """Count the results that do not say what they are, with a value or without."""
    readings_of = (r for row in grid.rows for cell in row.cells.values() for r in cell)
    return sum(r.name == UNNAMED for r in readings_of) + sum(
        x.sent for x in grid.unvalued if x.name == UNNAMED
    )


def _moments(grid: Grid) -> list[str]:
    return [grid.moment(place) for row in grid.rows for place in row.cells]


def lacking(n: int, what: str, noun: str = "record") -> str:
    """Say what was not sorted: "3 records without a status were not sorted"."""
    many = f"{n:,} {noun}{'s' if n != 1 else ''}"
    return f"{many} without {what} {'were' if n != 1 else 'was'} not sorted"


def joined(*found: Unsorted) -> dict[SectionName, str]:
    """Join what several questions could not sort."""
    out: dict[SectionName, list[str]] = {}
    for one in found:
        for name, said in one.items():
            out.setdefault(name, []).append(said)
    return {name: "; ".join(dict.fromkeys(said)) for name, said in out.items()}


def _counted(lost: Iterable[Line], what: str) -> dict[SectionName, str]:
    counts = Counter(section_of(x.reference).name for x in lost)
    return {name: lacking(n, what) for name, n in counts.items()}
