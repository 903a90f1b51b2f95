"""One part of the chart at a time: `chart_section`, whatever the part is.

Records are printed as tables, results as their last three and extremes, cultures with what grew. A part that several
sections make up says of each how far it was read; one that cannot be answered here says what is missing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from app.errors import ToolRefused
from app.fhir.chart import Chart, Line, searched
from app.fhir.dates import is_within
from app.fhir.reader import LaunchChart
from app.fhir.readings import Row
from app.fhir.sections import BY_NAME, SectionName
from app.fhir.tables import table
from app.fhir.unsorted import (
    Unsorted,
    joined,
    results_without_date,
    says_status,
    without_date,
    without_name,
    without_status,
    without_value,
)
from app.llm.asked_words import is_about, is_alert_of
from app.llm.port import Entry
from app.llm.synonyms import Synonyms, load
from app.tools import administrations, microbiology
from app.tools.bounds import as_data, table_as_data
from app.tools.care_gaps.gaps import care_gaps
from app.tools.entries import (
    declined,
    line_entry,
    literal,
    none_records,
    none_text,
    row_entry,
    search_entry,
    section_of,
)  # fmt: skip
from app.tools.lookup import ingredients_of, lines_named, unvalued_named
from app.tools.registry import Found
from app.tools.summaries import summary
from app.tools.views import HOME, VIEWS, View
from app.tools.window import Since, Window, moment, none_within, told
from app.tools.word_search import brief

Status = Annotated[str, Meta(pattern=r"^[a-z -]{0,20}$")]
Limit = Annotated[int, Meta(ge=1, le=100)]
Section = Literal[
    "problems", "medications", "home_medications", "inpatient_medications", "discharge_medications", "administrations",
    "fills", "allergies", "labs", "vitals", "microbiology", "orders", "referrals", "reports", "procedures", "devices",
    "alerts", "encounters", "episodes", "appointments", "immunizations", "assessments", "care_team", "care_plans",
    "coverage", "family", "social", "messages", "specimens", "care_gaps",
]  # fmt: skip
# The statuses of FHIR R4 that a record of these parts may have, and the words that tables say instead.
STATUSES = frozenset(
    word.strip()
    for word in [
        "active",
        " inactive",
        " recurrence",
        " relapse",
        " remission",
        " resolved",
        " on-hold",
        " stopped",
        " completed",
        " cancelled",
        " draft",
        "revoked",
        " pending",
        " in progress",
        " resulted",
        " final",
        " preliminary",
        " registered",
        " amended",
        " corrected",
        " partial",
        " planned",
        "arrived",
        " triaged",
        " in-progress",
        " onleave",
        " finished",
        " unknown",
        " given",
        " held",
        " refused",
        " not given",
        " booked",
        " proposed",
        "waitlist",
        " fulfilled",
        " noshow",
        " checked-in",
        " requested",
        " received",
        " accepted",
        " rejected",
        " ready",
        " failed",
        " suspended",
        "expired",
        " available",
        " unavailable",
        " unsatisfactory",
        " intended",
        " not-taken",
        " superseded",
        " no status",
        " stated",
    ]
)
# Where words need only begin a record's own: an echo is an echocardiogram, tetanus a Tdap.
BY_BEGINNING = ("reports", "procedures", "immunizations", "assessments", "devices")
SETTINGS = ("home_medications", "inpatient_medications", "discharge_medications")
# What parts are called in a sentence, where the name of the part does not say it.
CALLED = {"family": "family history", "social": "social history"}
# What kind of visit words ask for, by Encounter.class as sent (v3-ActCode), whatever its display says.
STAYS = {"inpatient stay": ("IMP", "ACUTE", "NONAC"), "emergency visit": ("EMER",)}


def chart_section(
    launch: LaunchChart,
    section: Section,
    status: Status = "",
    words: str = "",
    since: Since = "",
    limit: Limit = 60,
) -> Found:
    """One part of the chart, newest first; labs and vitals as last three, extremes and mean.

    status: active, stopped, pending, given, held ... as listed. words: only these, or a class (anticoagulants).
    alerts: code status, directives, isolation, diet, pregnancy.
    """
    found = _section(launch, section, (status, words, since), limit)
    return replace(found, entries=tuple(e.with_fields(("view", section)) for e in found.entries))


def _section(
    launch: LaunchChart, section: Section, narrowed: tuple[str, str, str], limit: int
) -> Found:
    status, words, since = narrowed
    view = VIEWS[section]
    if view.computed:
        return care_gaps(launch)
    if view.missing:
        return Found(
            text=f"NOT AVAILABLE: {view.missing}", sections=(), entries=(declined(view.missing),)
        )
    launch.ensure(*view.sections, *view.derived)
    chart, start = launch.chart, moment(launch, since)
    if section == "microbiology":
        return _microbiology(chart, view, start, limit)
    every = view.lines(chart)
    _demand_status(status, every)
    lines = [x for x in every if status in ("", x.group) and is_within(x.date, start)]
    lines = _named(chart, section, lines, words) if words else lines
    rows = [] if status else _rows(view, chart, words)
    named = _named(chart, section, every, words) if words else every
    unsorted = _unsorted(chart, view, named, rows, (status, words, start))
    texts, series = _told(
        chart, view, section, lines[:limit], rows, start, words=words, status=status
    )
    entries = [*series, *(_marked(line_entry(chart, x), words) for x in lines[:limit])]
    if not entries:
        more, entries = _none(chart, view, section, (status, words, start), named, unsorted)
        texts.append(more)
    shown = {name: sum(section_of(x) == name for x in lines[:limit]) for name in view.sections}
    if view.rows:
        shown[view.rows] = sum(len(e.cells) for e in series)
    return Found(
        text="\n".join(filter(None, [view.note, *texts])),
        sections=(*view.sections, *view.derived),
        entries=tuple(entries),
        shown=shown,
        unsorted=unsorted,
    )


def _unsorted(
    chart: Chart,
    view: View,
    named: Sequence[Line],
    rows: Sequence[Row],
    asked: tuple[str, str, str],
) -> dict[SectionName, str]:
    """Say what a status, a date or words could not sort; with words only the records that hold them."""
    status, words, start = asked
    mine = [x for x in named if status in ("", x.group) or not says_status(chart, x)]
    untold = without_status(chart, [x for x in mine if x.group != status]) if status else {}
    undated = without_date(mine, start)
    if words:
        untold = joined(untold, without_name(view.lines(chart)))
    if not view.rows or status:
        return joined(untold, undated)
    grid = chart.grids[BY_NAME[view.rows].prefix]
    moments = [(view.rows, grid.moment(place)) for row in rows for place in row.cells]
    known = unvalued_named(chart, words, load()) if words else []
    silent = known or [(view.rows, x) for x in grid.unvalued if not words and not view.keep_row]
    valueless = without_value((name, x) for name, x in silent if name == view.rows)
    return joined(untold, undated, results_without_date(moments, start), valueless)


def _demand_status(status: str, lines: Sequence[Line]) -> None:
    """Refuse a status that no record can have: of a word of one's own making, "none" would always be true."""
    listed = dict.fromkeys(x.group for x in lines)
    if status and status not in STATUSES and status not in listed:
        raise ToolRefused(f"no such status; listed here: {', '.join(listed) or 'none'}")


def _rows(view: View, chart: Chart, words: str) -> list[Row]:
    from_view = view.series(chart)
    if not words:
        return from_view
    return [
        r for r in from_view if words.casefold() in r.name.casefold() or is_about(r.name, words)
    ]


def _told(
    chart: Chart, view: View, section: str, lines: Sequence[Line], rows: Sequence[Row], start: str,
    *, words: str, status: str,
) -> tuple[list[str], list[Entry]]:  # fmt: skip
    """Return the texts of a view, and its series as entries."""
    if words:
        texts = [brief(line_entry(chart, line)) for line in lines]
    else:
        texts = _tables(chart, view, lines, start, status)
    if section == "administrations" and lines:
        head = ["BY MEDICINE" + (f" since {chart.print_date(start, time=True)}" if start else "")]
        texts = [*head, *map(as_data, administrations.by_medicine(chart, lines)), *texts]
    if section in SETTINGS:
        texts.append(_without_setting(chart))
    if not view.rows:
        return texts, []
    text, series = summary(chart, BY_NAME[view.rows].prefix, rows, start)
    return [*texts, table_as_data(text)], series


def _tables(chart: Chart, view: View, lines: Sequence[Line], start: str, status: str) -> list[str]:
    """Print one table for each section; where the view keeps only some records, those."""
    out = []
    for name in view.sections:
        own = BY_NAME[name]
        mine = {x.handle for x in lines if section_of(x) == name}
        if own.table and not (
            view.keep and len(view.sections) > 1 and not mine and _is_whole(chart, name)
        ):
            only = mine if view.keep else None
            printed = table(
                chart,
                own.prefix,
                section=name,
                only=only,
                group=status,
                since=start,
                most=max(len(mine), 1),
            )
            out.append(table_as_data(printed))
    return out


def _is_whole(chart: Chart, name: SectionName) -> bool:
    state = chart.sections.get(name)
    return state is not None and state.kind == "complete"


def _without_setting(chart: Chart) -> str:
    """Say how many active orders do not tell their setting: they may belong to any list."""
    known = {*HOME, "inpatient", "discharge"}
    lines = [x for x in chart.tables["M"] if x.group == "active"]
    silent = [x for x in lines if not set(x.text("setting").casefold().split(", ")) & known]
    if not silent:
        return ""
    said = "active order does" if len(silent) == 1 else "active orders do"
    return f"{len(silent)} {said} not say whether for home, the stay or discharge."


def _named(chart: Chart, section: str, lines: Sequence[Line], words: str) -> list[Line]:
    stays = STAYS.get(words) if section == "encounters" else None
    if stays:
        return [x for x in lines if _class_code(chart, x) in stays]
    if section == "alerts":
        return [x for x in lines if is_alert_of(words, section_of(x), _said(x))]
    found = lines_named(lines, words, _meant(section, words))
    if section not in BY_BEGINNING:
        return found
    return [x for x in lines if x in found or is_about(_said(x), words)]


def _said(line: Line) -> str:
    names = [f.name for f in line.facts[:1]]
    return " ".join(
        [*names, *(line.text(n) for n in ("modality", "study", "category", "description"))]
    )


def _class_code(chart: Chart, line: Line) -> str:
    sent = chart.resources.get(line.reference, {}).get("class") or {}
    return str(sent.get("code") or "")


def _marked(entry: Entry, words: str) -> Entry:
    """Say of a visit which kind it was found as."""
    return entry.with_fields(("stay", words)) if words in STAYS else entry


def _meant(section: str, words: str) -> tuple[str, ...]:
    """Return the ingredients that words stand for; among allergies also the words of a medicine's whole class."""
    synonyms = load()
    meant = ingredients_of(words, synonyms)
    if section != "allergies":
        return meant
    kinds = [c for c in synonyms.classes_of(words) if not c.name.startswith("other ")]
    return (*meant, *(w for kind in kinds for w in (*kind.words, *kind.ingredients)))


# ---------------------------------------------------------------- nothing found


def _none(
    chart: Chart, view: View, section: str, asked: tuple[str, str, str], outside: Sequence[Line],
    unsorted: Unsorted,
) -> tuple[str, list[Entry]]:  # fmt: skip
    """Record that nothing of what was asked is there; name the newest that only the limits keep out."""
    status, words, since = asked
    what = _what(section, status, words, load())
    silent = _without_setting(chart) if section in SETTINGS else ""
    if silent:
        record = replace(
            searched(chart, as_data(what), "medications", ""), complete=False, why_incomplete=silent.rstrip(".")
        )  # fmt: skip
        record = chart.ledger.record(record)
        return none_text(record), [search_entry(record, words)]
    if len(view.sections) > 1:
        window = Window(since=since)
        records = none_records(chart, as_data(f"{what}{window.words}"), view.sections, unsorted)
        return "\n".join(map(none_text, records)), [search_entry(r, words) for r in records]
    record = none_within(chart, what, view.sections[0], Window(since=since), (), unsorted)
    newer = max(outside, key=lambda x: x.date, default=None) if since or status else None
    last = brief(line_entry(chart, newer)) if newer else ""
    return told(record, last), [search_entry(record, words)]


def _what(section: str, status: str, words: str, synonyms: Synonyms) -> str:
    """Name what was looked for: a known class or kind as such, any other word as a word."""
    known = not words or bool(synonyms.classes_of(words)) or words in STAYS
    part = CALLED.get(section, section.replace("_", " "))
    what = " ".join(filter(None, (status, words or part))) if known else literal([words])
    if words and section == "allergies":
        return f"allergy to {words}" if known else f"{what} among the allergies"
    if section == "allergies":
        return f"{what} and a stated absence in the EHR"
    return what


# ---------------------------------------------------------------- microbiology


def _microbiology(chart: Chart, view: View, start: str, limit: int) -> Found:
    found = [c for c in microbiology.cultures(chart) if _newest(c) >= start][:limit]
    text = [as_data(line) for culture in found for line in microbiology.printed(chart, culture)]
    reports = [line_entry(chart, c.report) for c in found if c.report]
    rows = {x.row.handle: x.row for c in found for x in c.values}
    entries = [*reports, *(row_entry(chart, "L", row, start) for row in rows.values())]
    shown = {"reports": len(reports), "labs": sum(len(c.values) for c in found)}
    if not found:
        records = none_records(
            chart, as_data(f"cultures{Window(since=start).words}"), view.sections
        )
        text, entries = list(map(none_text, records)), [search_entry(r) for r in records]
    return Found(
        text="\n".join(["CULTURES: report, organism, susceptibility (S, I, R as sent)", *text]),
        sections=view.sections, entries=tuple(entries), shown=shown,
    )  # fmt: skip


def _newest(culture: microbiology.Culture) -> str:
    dates = [x.reading.moment for x in culture.values]
    return max([*dates, culture.report.date if culture.report else ""], default="")
