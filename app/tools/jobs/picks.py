"""What parts keep of a look-up: this visit, what is still to come, the newest values, the stay's own problems."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.fhir.chart import Chart
from app.fhir.dates import local, years_old
from app.fhir.reader import LaunchChart
from app.fhir.since import DANGEROUS
from app.fhir.visits import is_admission
from app.llm.port import Entry
from app.tools.changes import anchor
from app.tools.jobs.model import Arguments, Keep

LAST = 3
OVER = ("finished", "completed", "onleave", "unknown")
TO_COME = ("booked", "pending", "proposed", "waitlist", "arrived", "checked-in")
GONE = ("completed", "entered-in-error", "inactive", "not-taken", "stopped")
ADULT = 18


def records(entries: Sequence[Entry]) -> list[Entry]:
    """Return what was found, without searches and marks."""
    return [e for e in entries if e.section not in ("search", "missing", "anchor")]


def now_of(launch: LaunchChart) -> str:
    """Return clinical time as sortable ISO in the site's zone."""
    return local(launch.now.isoformat(), launch.chart.zone)


def years(chart: Chart) -> int | None:
    """Return whole years of age."""
    today = chart.now.astimezone(chart.zone).date().isoformat()
    return years_old(str(chart.patient.get("birthDate") or ""), today)


def adults(arguments: Arguments) -> Callable[[LaunchChart], Arguments | None]:
    """Ask only of an adult, or where the age is not known."""
    return lambda launch: arguments if (n := years(launch.chart)) is None or n >= ADULT else None


def children(arguments: Arguments) -> Callable[[LaunchChart], Arguments | None]:
    """Ask only of a child."""
    return lambda launch: (
        arguments if (n := years(launch.chart)) is not None and n < ADULT else None
    )


def in_a_stay(arguments: Arguments) -> Callable[[LaunchChart], Arguments | None]:
    """Ask only where the chart knows a stay, or its visits could not all be read."""

    def asked(launch: LaunchChart) -> Arguments | None:
        return arguments if stay_of(launch) or not _visits_read(launch) else None

    return asked


def _visits_read(launch: LaunchChart) -> bool:
    state = launch.ensure("encounters")["encounters"]
    return state.kind == "complete"


def stay_of(launch: LaunchChart) -> Entry | None:
    """Return the stay that goes on, else the newest one that was begun, as its handle and dates."""
    launch.ensure("encounters")
    start, line, _ = anchor(launch, "admission", "")
    if line is None:
        return None
    ended = line.fact("ended")
    end = local(ended.value, launch.chart.zone) if ended else ""
    return Entry(
        section="encounters", handle=line.handle, name="", fields=(("start", start), ("end", end))
    )


# ---------------------------------------------------------------- visits and appointments


def this_visit(launch: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return the visit of this launch, else the one under way, else the last one; a label says which."""
    chart, here = launch.chart, f"Encounter/{launch.context.encounter_id}"
    found = records(entries)
    own = [e for e in found if (line := chart.line(e.handle)) and line.reference == here]
    under_way = [e for e in found if e.group == "in-progress"]
    over = [e for e in found if e.group in OVER]
    over.sort(key=lambda e: e.field("sort"), reverse=True)
    for label, some in (("This visit", own), ("Visit under way", under_way), ("Last visit", over)):
        if some:
            return [some[0].with_fields(("what", label))]
    return []


def admissions(launch: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return the stay, and the emergency visit that led to it, each with its end and disposition."""
    stay = stay_of(launch)
    if stay is None:
        return []
    own = next((e for e in records(entries) if e.handle == stay.handle), None)
    if own is None:
        return []
    before = [
        e for e in records(entries)
        if e is not own and _is_stay(launch.chart, e) and e.field("ended") and _minutes(launch, e) == own.field("sort")
    ]  # fmt: skip
    return [
        *(e.with_fields(("what", "Came from")) for e in before),
        own.with_fields(("what", "Stay")),
    ]


def _is_stay(chart: Chart, entry: Entry) -> bool:
    line = chart.line(entry.handle)
    return line is not None and is_admission(chart.resources.get(line.reference, {}))


def _minutes(launch: LaunchChart, entry: Entry) -> str:
    line = launch.chart.line(entry.handle)
    ended = line.fact("ended") if line else None
    return local(ended.value, launch.chart.zone) if ended else ""


def to_come(launch: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return appointments that lie ahead, the next one first."""
    now = now_of(launch)
    ahead = [e for e in records(entries) if e.group in TO_COME and e.field("sort") >= now]
    return sorted(ahead, key=lambda e: e.field("sort"))


# ---------------------------------------------------------------- results


def last_values(_: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return the last three values of each test."""
    return [replace(e, cells=e.cells[:LAST]) for e in entries if e.cells]


def flagged(_: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return tests of which the newest value was flagged, the dangerous first."""
    out = [replace(e, cells=e.cells[:1]) for e in entries if e.cells and e.cells[0].flag]
    return sorted(out, key=lambda e: int(e.field("urgency") or len(DANGEROUS)))


def of_sections(*names: str) -> Keep:
    """Keep the records of some sections."""

    def keep(_: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
        return [e for e in entries if e.section in names]

    return keep


def once(_: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return each problem once: a visit repeats what the list says."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        found.setdefault((entry.name.casefold(), entry.section), entry)
    return list(found.values())


def still_in(_: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return lines and devices that are not stated to be out."""
    return [e for e in records(entries) if e.group not in GONE and not e.field("ended")]


def changed(_: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return what changed: flagged results first, one value each; then records; the mark stays in front."""
    mark = [e for e in entries if e.section == "anchor"]
    results = [replace(e, cells=e.cells[:2]) for e in entries if e.cells and e.section == "labs"]
    results.sort(key=lambda e: (not e.cells[0].flag, int(e.field("urgency") or len(DANGEROUS))))
    order = (
        "medications",
        "problems",
        "notes",
        "encounters",
        "requests",
        "reports",
        "flags",
        "procedures",
    )
    news = [
        e for e in entries if not e.cells and (e.section, e.group) != ("encounters", "in-progress")
    ]
    rows = [e for name in order for e in news if e.section == name]
    return [*mark, *results, *rows, *(e for e in entries if e.section == "search")]
