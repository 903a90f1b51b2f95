"""The tool that runs a job: every part through the registry, with what of it was not read, bounded as a whole.

A part is refused alone: a launch that may not read notes still gets its medicines, and is told about the notes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.fhir.chart import Chart
from app.fhir.reader import LaunchChart
from app.fhir.source import Complete
from app.fhir.tables import patient_line
from app.fhir.unsorted import Unsorted, joined
from app.llm.port import Entry
from app.tools.bounds import MOST_CHARACTERS
from app.tools.entries import none_records, none_text, search_entry
from app.tools.jobs.catalogue import BY_NAME
from app.tools.jobs.model import Part
from app.tools.jobs.picks import records
from app.tools.registry import Found, Look, Registry, Tool, ToolResult, failed_of, told

Name = Literal["pre_visit", "what_changed", "hospital_course", "medication_review", "sbar", "discharge_checklist"]  # fmt: skip
Anchor = Literal["my_last_visit", "admission", "last_note", "24h"]
# A job stands for ten look-ups and more; what the end says of unread sections has to fit behind the parts.
MOST, END = 2 * MOST_CHARACTERS, 800
MOST_LINE = 220
NOT_GRANTED = "this launch has no permission to read what this part needs; it may exist"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One part as it came out: what is shown of it, how many there were, and the sections it read."""

    part: Part
    entries: tuple[Entry, ...]
    of: int
    looks: tuple[Look, ...]
    refused: str = ""

    @property
    def unread(self) -> str:
        """Say which sections were not read to their ends."""
        if self.refused:
            return self.refused
        return "; ".join(
            f"{look.label.lower()}: {told(look.completeness)}"
            for look in self.looks
            if not isinstance(look.completeness, Complete)
            and (not self.part.sections or look.section in self.part.sections)
        )

    @property
    def shown(self) -> int:
        """Count the records shown, without searches and what stands beside a record."""
        return sum(not e.field("relation") for e in records(self.entries))


def chart_job_of(tools: Iterable[Tool]) -> Tool:
    """Return the tool `chart_job`, whose parts are look-ups of these tools."""
    able = tuple(tools)

    def chart_job(launch: LaunchChart, name: Name, anchor: Anchor = "my_last_visit") -> Found:
        """A fixed report, part by part, every row cited, with what was not read. anchor: for what_changed."""
        job = BY_NAME[name]
        registry = Registry(able, launch, launch.context)
        runs = [
            run for part in job.parts if (run := _run(registry, launch, part, anchor)) is not None
        ]
        return _found(launch, job.title, runs, job.note)

    kinds = tuple(dict.fromkeys(kind for tool in able for kind in tool.reads))
    return Tool(function=chart_job, reads=kinds)


def _run(registry: Registry, launch: LaunchChart, part: Part, anchor: str) -> Run | None:
    """Run one part; None where it is not about this patient, or has nothing to say and misses nothing."""
    arguments = part.arguments(launch) if callable(part.arguments) else part.arguments
    if arguments is None:
        return None
    if part.tool == "changes_since" and not arguments:
        arguments = {"anchor": anchor}
    result = registry.call(part.tool, arguments)
    if result.is_error:
        refused = NOT_GRANTED if part.tool not in _names(registry) else "could not be looked up"
        return Run(part=part, entries=(), of=0, looks=(), refused=refused)
    kept = list(part.keep(launch, result.entries) if part.keep else result.entries)
    if not kept and part.none:
        kept = _none(launch, part, result.failed)
    run = _cut(part, kept, result)
    return run if run.entries or run.unread else None


def _names(registry: Registry) -> frozenset[str]:
    return frozenset(tool.name for tool in registry.describe())


def _none(launch: LaunchChart, part: Part, unsorted: Unsorted) -> list[Entry]:
    """State the search that found nothing of what the part is about."""
    launch.ensure(*part.sections)
    records = none_records(launch.chart, part.none, part.sections, unsorted)
    return [search_entry(record) for record in records]


def _cut(part: Part, kept: Sequence[Entry], result: ToolResult) -> Run:
    """Show the first `most` records; what stands beside a record goes with it."""
    shown: list[Entry] = []
    count = 0
    for entry in kept:
        own = entry.section not in ("search", "missing", "anchor") and not entry.field("relation")
        count += own
        if count <= part.most:
            shown.append(entry)
    return Run(part=part, entries=tuple(shown), of=count, looks=result.looks)


# ---------------------------------------------------------------- what is given back


def _found(launch: LaunchChart, title: str, runs: Sequence[Run], note: str) -> Found:
    chart = launch.chart
    headings = ["", *(run.part.heading for run in runs)]
    parts = [_lines(chart, run, headings[at]) for at, run in enumerate(runs)]
    head = [f"{title.upper()}. {patient_line(chart)}"]
    room = MOST - END - sum(map(len, head)) - len(note)
    text = "\n".join([*head, *_bounded(parts, room), note])
    entries = [e for at, run in enumerate(runs) for e in _entries(run, at)]
    looks = {look.section: look for run in runs for look in run.looks}
    shown = {
        name: min(
            sum(r.read for run in runs for r in run.looks if r.section == name), look.searched
        )
        for name, look in looks.items()
    }
    end = Entry(section="job", handle="", name=title, fields=(("note", note),))
    unsorted = joined(*(failed_of(run.looks) for run in runs))
    return Found(
        text=text, sections=tuple(looks), entries=(*entries, end), shown=shown, most=MOST, unsorted=unsorted
    )  # fmt: skip


def _entries(run: Run, at: int) -> list[Entry]:
    """Return a part's own entry, which says how it is written and what is missing, and its rows marked with its number."""
    fields = (
        ("part", str(at)), ("style", run.part.style), ("unread", run.unread), ("note", run.part.note),
        ("shown", str(run.shown)), ("of", str(run.of)),
    )  # fmt: skip
    mark = Entry(section="part", handle="", name=run.part.heading, fields=fields)
    return [mark, *(e.with_fields(("part", str(at))) for e in run.entries)]


def _lines(chart: Chart, run: Run, before: str) -> list[str]:
    """Print a part for a model: heading where it is not the one before, what is missing, one line for each row."""
    head = [] if run.part.heading == before else [f"## {run.part.heading}"]
    head += [f"{run.shown} of {run.of}:"] if run.of > run.shown else []
    head += [f"NOT READ: {run.unread}. Do not say none."] if run.unread else []
    lines, label = [], ""
    for entry in run.entries:
        if entry.field("label") != label:
            label = entry.field("label")
            lines.append(f"{label}:")
        lines.append(_line(chart, entry)[:MOST_LINE])
    return [*head, *filter(None, lines)]


def _line(chart: Chart, entry: Entry) -> str:
    if entry.section == "search":
        return none_text(chart.ledger.search(entry.handle))
    if entry.section in ("missing", "anchor"):
        return f"{entry.group} {entry.name} {entry.handle}".strip()
    what = f"{entry.field('what')}: " if entry.field("what") else ""
    what = f"- {entry.field('relation')}: " if entry.field("relation") else what
    if entry.cells:
        cells = ", ".join(f"[{c.handle}] {c.text}{c.flag} {c.date}" for c in entry.cells)
        return f"{what}{entry.name} {entry.unit}: {cells}"
    if entry.section == "computed":
        return f"{entry.handle}|{entry.name}: {entry.field('printed')}; {entry.field('missing') or entry.field('rule')}"
    names = ("role", "date", "dose", "frequency", "reason", "supply", "reaction", "site", "passage")
    said = [entry.field(n) for n in names if entry.field(n)]
    return f"{what}{'|'.join([entry.handle, entry.name, entry.group, *said])}"


def _bounded(parts: Sequence[list[str]], room: int) -> list[str]:
    """Share the room among the parts: a short part takes what it needs, a long one is cut and says by how much."""
    sizes = sorted(sum(len(line) + 1 for line in part) for part in parts)
    share, left = room, room
    for at, size in enumerate(sizes):
        share = left // (len(sizes) - at)
        if size > share:
            break
        left -= size
    out: list[str] = []
    for part in parts:
        out += _within(part, share)
    return out


def _within(part: Sequence[str], share: int) -> list[str]:
    size, kept = 0, list[str]()
    for line in part:
        size += len(line) + 1
        if size > share - 40 and sum(len(x) + 1 for x in part) > share:
            break
        kept.append(line)
    cut = len(part) - len(kept)
    return [*kept, *([f"CUT: {cut} more lines of this part"] if cut else [])]
