"""What an answer looked at, and what it did not see: computed from completeness, never written by a model."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.agent.events import Gap, LookedAt, LookedAtLine, NotSeen
from app.fhir.chart import Chart, section_dates
from app.fhir.citation import SearchRecord
from app.fhir.display import Text
from app.fhir.pieces import search_cite
from app.fhir.reader import LaunchChart
from app.fhir.sections import FIRST, SECTION_WORDS, SectionName
from app.fhir.source import (
    Complete,
    Completeness,
    Denied,
    Failed,
    NotOffered,
    Restricted,
    Truncated,
)
from app.tools.registry import Look, ToolResult, named

# Named as not searched where an answer did not use them.
OPTIONAL: tuple[SectionName, ...] = (
    "problems",
    "medications",
    "labs",
    "vitals",
    "notes",
    "reports",
)
NEVER_READ = "images; records that other hospitals do not share"


@dataclass(kw_only=True)
class Looked:
    """The look-ups of one answer: each section once, with how many records were searched and given back."""

    looks: dict[SectionName, Look] = field(default_factory=dict)
    searches: dict[str, str] = field(default_factory=dict)

    def add(self, tool: str, result: ToolResult) -> list[str]:
        """Take in a tool's result; return the steps to show, in a clinician's words with counts."""
        for look in result.looks:
            before = self.looks.get(look.section)
            read = min(look.read + (before.read if before else 0), max(look.searched, look.read))
            self.looks[look.section] = Look(
                section=look.section, label=look.label, searched=look.searched, read=read,
                completeness=look.completeness,
            )  # fmt: skip
        for entry in result.entries:
            if entry.section == "search":
                self.searches.setdefault(entry.handle, tool)
        able = [self.looks[look.section] for look in result.looks]
        told = [look for look in able if look.read or look.completeness.kind != "complete"]
        return [step(look) for look in told or able[:1]]

    def lines(self) -> tuple[LookedAtLine, ...]:
        """Return one line for each section."""
        return tuple(
            LookedAtLine(
                label=look.label, read=look.read, total=_total(look), state=look.completeness.kind,
                detail=words(look.completeness),
            )
            for look in self.looks.values()
        )  # fmt: skip


def step(look: Look) -> str:
    """Say a look-up: "Laboratory results: 412 searched, 15 read"."""
    match look.completeness:
        case Complete() | Truncated():
            return f"{look.label}: {look.searched:,} searched, {look.read:,} read"
        case _:
            return f"{look.label}: {words(look.completeness)}"


def _total(look: Look) -> int | None:
    return look.completeness.total if isinstance(look.completeness, Truncated) else look.searched


def words(state: Completeness) -> str:
    """Say how a section ended where that was not its end; empty when complete."""
    match state:
        case Complete():
            return ""
        case Truncated():
            return f"{state.n:,} of {state.total if state.total is not None else 'more'} read"
        case Denied():
            return (
                f"the EHR refused ({state.http_status})"
                if state.http_status
                else "the EHR does not give them to this app"
            )
        case Restricted():
            return state.why
        case Failed():
            return f"could not be read ({state.reason})"
        case NotOffered():
            return "this EHR does not offer them"


def looked_at(message_id: str, looked: Looked, chart: Chart) -> LookedAt:
    """Return what an answer read so far, whole."""
    dates = [d for name in looked.looks for d in section_dates(chart, name) if d]
    first = min(dates, default="")[:4]
    return LookedAt(
        message_id=message_id,
        records_read=sum(look.read for look in looked.looks.values()),
        records_total=sum(look.searched for look in looked.looks.values()),
        span=f"{first} to today" if first else "",
        lines=looked.lines(),
    )


# ---------------------------------------------------------------- what was not seen


def not_seen(
    message_id: str, looked: Looked, launch: LaunchChart, cited: Iterable[str], *, negative: bool
) -> NotSeen:
    """Return the gaps of an answer; `cited` are the searches it already shows, `negative`: it says that something is none."""
    chart, shown = launch.chart, set(cited)
    return NotSeen(
        message_id=message_id,
        not_readable=(
            *_unread(looked, launch),
            *_scans(looked, chart, negative=negative),
            *_remarks(launch),
        ),
        not_searched=_unused(looked, chart),
        none_found=tuple(
            _none(launch, chart.ledger.search(handle))
            for handle, tool in looked.searches.items()
            if handle not in shown
            and tool != "chart_search"
            and chart.ledger.search(handle).complete
        ),
    )


def _unread(looked: Looked, launch: LaunchChart) -> Iterable[Gap]:
    """A used section that was not read to its end touches the question; fills touch every medicines question."""
    # A look-up that was given up read nothing, however far its section was read before.
    given_up = {
        n: x.completeness for n, x in looked.looks.items() if x.completeness.kind == "failed"
    }
    for name, state in {**launch.sections, **given_up}.items():
        used = name in looked.looks
        if not used and name not in FIRST:
            continue  # read for another question: here it would only be noise
        if isinstance(state, Complete) or (isinstance(state, Truncated) and not used):
            continue
        touches = used or (name == "dispenses" and "medications" in looked.looks)
        said = words(state)
        if name == "dispenses" and touches:
            said = f"{said}; whether these orders were filled is unknown"
        yield Gap(pieces=(Text(text=f"{named(launch, name)}: {said}."),), touches=touches)


def _scans(looked: Looked, chart: Chart, *, negative: bool) -> Iterable[Gap]:
    scans = [x for x in chart.tables.get("N", []) if chart.texts.get(x.reference) == "scan"]
    if not scans:
        return
    newest = max(x.date for x in scans)
    many = f"{len(scans)} scanned documents" if len(scans) > 1 else "1 scanned document"
    text = f"{many} (newest {chart.print_date(newest)})."
    yield Gap(pieces=(Text(text=text),), touches="notes" in looked.looks or negative)


def _remarks(launch: LaunchChart) -> Iterable[Gap]:
    """What the EHR says of every record alike touches no question by itself."""
    for said in launch.remarks:
        yield Gap(pieces=(Text(text=f"{said[:1].upper()}{said[1:]}."),), touches=False)


def _unused(looked: Looked, chart: Chart) -> tuple[Gap, ...]:
    unused = [
        SECTION_WORDS[name].lower()
        for name in OPTIONAL
        if name not in looked.looks and chart.counts[name]
    ]
    text = "; ".join([*unused, NEVER_READ])
    return (Gap(pieces=(Text(text=f"{text[:1].upper()}{text[1:]}."),)),)


def _none(launch: LaunchChart, record: SearchRecord) -> Gap:
    name = f"{record.what[:1].upper()}{record.what[1:]}"
    return Gap(pieces=(Text(text=name), search_cite(launch.sources, record)))
