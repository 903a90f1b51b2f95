"""The launch card: what changed and what is dangerous, cited, before anyone types and without a model."""

from datetime import datetime

from app.fhir import since
from app.fhir.banner import allergies, banner, current_encounter, known_allergies
from app.fhir.card_notes import differing, unopened
from app.fhir.chart import Chart, Line
from app.fhir.dates import add_days, day
from app.fhir.display import Card, CardSection, Date, Piece, Row, Text
from app.fhir.held_back import held_back
from app.fhir.ledger import Sources
from app.fhir.pieces import DOT, allergy, cite, date, plain, search_cite
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
from app.fhir.statements import none_known
from app.fhir.unsorted import undated, unreadable, untold_pending, without_status
from app.fhir.values import categories
from app.fhir.visits import is_admission
from app.fhir.words import visit_words

NO_VISIT_DAYS = 90
MOST_PENDING = 6
# What a user came for, in the words of SMART's own examples and their neighbours; any other intent changes nothing.
INTENTS = {
    "reconcile-medications": "Active medicines",
    "summary-timeline-view": "What changed since the last visit?",
    "review-results": "Last labs",
    "pending-results": "What is pending?",
}
# What is worst to miss stands first.
BY_HARM: tuple[SectionName, ...] = (
    "patient", "allergies", "labs", "medications", "notes", "problems", "vitals", "reports", "requests",
    "encounters", "dispenses",
)  # fmt: skip
# SNOMED CT laboratory procedure, and the categories laboratories use.
LABORATORY = frozenset(("108252007", "laboratory", "LAB"))


def build_card(launch: LaunchChart, sources: Sources, now: datetime, user_reference: str) -> Card:
    """Build the card from what was read; it costs no request beyond the first read.

    Raises:
        RecordMerged: the record was merged into another (`app.fhir.merged`).
        ChartRestricted: the EHR shows the Patient only to who breaks the glass (`app.fhir.glass`).
        SessionEnded: the access token is gone.
    """
    launch.first_read()
    chart = launch.chart
    anchor = since.last_visit(launch, user_reference)
    after = anchor.after if anchor else add_days(now.date().isoformat(), -NO_VISIT_DAYS)
    top = banner(launch)
    encounter = _encounter_row(launch, sources)
    changed = since.rows(launch, anchor, after) or [_nothing_new(launch, sources, after)]
    changed += _new_but_unread(chart) + _not_sorted_in(chart, after)
    sections = [
        CardSection(id="since", title=since.title(chart, anchor, after), rows=tuple(changed), column="main"),
        CardSection(id="differ", title=(plain("Notes and record differ"),), rows=tuple(differing(launch, sources)), column="main"),
        CardSection(id="allergies", title=(plain("Allergies"),), rows=(_allergy_row(chart, sources),), column="side"),
        CardSection(id="pending", title=(plain("Pending"),), rows=tuple(_pending(launch, sources)), column="side"),
        CardSection(id="unread", title=(plain("Could not be read"),), rows=tuple(_unread(launch)), column="side"),
    ]  # fmt: skip
    return Card(
        banner=top, encounter=encounter, sections=tuple(s for s in sections if s.rows),
        read_at=chart.print_date(launch.read_at.isoformat(), time=True), requests=launch.requests,
        suggestions=_suggestions(launch, after), restricted=held_back(chart),
    )  # fmt: skip


def _encounter_row(launch: LaunchChart, sources: Sources) -> Row | None:
    """Return "Office visit 20-Nov-2026 08:30 · Harbor Clinic" with its reason."""
    chart, line = launch.chart, current_encounter(launch)
    if line is None:
        return None
    place, reason = line.text("site"), line.text("reason")
    where = (DOT, plain(place)) if place else ()
    head = (
        plain(visit_words(line)),
        Date(text=f"{day(line.date)} {line.date[11:16]}".strip()),
        *where,
    )
    meta = ((Text(text="Reason", style="muted"), plain(reason)),) if reason else ()
    return Row(pieces=(*head, cite(chart, sources, line.handle)), meta=meta)


def _new_but_unread(chart: Chart) -> list[Row]:
    """Say, where it is missed, that a kind of news could not be read."""
    names: tuple[SectionName, ...] = ("labs", "medications", "notes")
    unread = [n for n in names if isinstance(chart.sections.get(n), Denied | Failed | Restricted)]
    if not unread:
        return []
    words = _listed([SECTION_WORDS[n] for n in unread])
    return [
        Row(
            pieces=(plain(f"{words} could not be read: what is new there is not known."),),
            tone="warn",
        )
    ]


def _not_sorted_in(chart: Chart, after: str) -> list[Row]:
    """Say what may be new and does not say when it was, and which new results have no value to show."""
    lost = undated(chart, after)
    said = [f"{_listed(lost)} without a date: whether they are new is not known."] if lost else []
    if n := unreadable(chart, after):
        said.append(
            f"The value of {n} new result{'s is' if n == 1 else 's are'} not readable here."
        )
    # Only active orders are news, and only finished encounters a visit to count from.
    untold = without_status(chart, [*chart.tables.get("M", []), *chart.tables.get("E", [])])
    said += [f"{SECTION_WORDS[name]}: {why}." for name, why in untold.items()]
    return [Row(pieces=(plain(words),), tone="warn") for words in said]


def _nothing_new(launch: LaunchChart, sources: Sources, after: str) -> Row:
    """Say that nothing is new only of sections that were read back to the visit; cite the searches."""
    names: tuple[SectionName, ...] = ("labs", "medications", "problems", "notes")
    chart = launch.chart
    whole = all(_reaches(launch, name, after) for name in names) and not undated(chart, after)
    records = [chart.record_search(f"changes since {day(after)}", name) for name in names]
    # Rows are made of what is out of range: a normal result since the visit is new all the same.
    if tests := since.tests_with_results(chart, after):
        each = "result is" if tests == 1 else "result of each is"
        results = f"New results of {tests} test{'s' if tests != 1 else ''}; the newest {each} not flagged. "
        kinds, unread = "orders, problems or notes", "Nothing else new in what could be read."
    else:
        results, kinds = "", "results, orders, problems or notes"
        unread = "Nothing new in what could be read."
    said = results + (f"No new {kinds} found." if whole else unread)
    return Row(pieces=(plain(said), *(search_cite(sources, r) for r in records)))


def _reaches(launch: LaunchChart, name: SectionName, after: str) -> bool:
    """Tell whether a section was read to its end, or newest first back beyond a moment.

    Truncated without a next page means that the EHR counts more than it sent: nobody knows which are missing.
    """
    chart = launch.chart
    state = chart.sections.get(name)
    newest_first = isinstance(state, Truncated) and launch.is_newest_first(name)
    return isinstance(state, Complete) or (newest_first and _oldest(chart, name) < after)


def _oldest(chart: Chart, name: SectionName) -> str:
    if name == "labs":
        return min(chart.grids["L"].columns.values(), default="9999")
    prefix = {"medications": "M", "problems": "P", "notes": "N"}[name]
    return min((x.date for x in chart.tables.get(prefix, []) if x.date), default="9999")


# ---------------------------------------------------------------- allergies, pending


def _allergy_row(chart: Chart, sources: Sources) -> Row:
    """Return all known allergies in one row, or one of the three other states in words."""
    found, known = allergies(chart), known_allergies(chart)
    pieces: list[Piece] = []
    for at, line in enumerate(known):
        pieces += (
            [plain(";"), *allergy(chart, sources, line)] if at else allergy(chart, sources, line)
        )
    if known:
        more = not isinstance(chart.sections.get("allergies"), Complete)
        return Row(pieces=(*pieces, *((plain("; more may exist, see the EHR"),) if more else ())))
    stated = [x for x in chart.tables.get("A", []) if none_known(chart.resources[x.reference])]
    said = plain(f"{found.title}, {found.text}")
    if found.state == "none":
        return Row(pieces=(said, *(cite(chart, sources, x.handle) for x in stated[:1])))
    record = chart.record_search("allergies", "allergies")
    chips = (search_cite(sources, record),) if found.state == "unasked" else ()
    return Row(pieces=(said, *chips), tone="warn")


def _pending(launch: LaunchChart, sources: Sources) -> list[Row]:
    chart = launch.chart
    waiting = [x for x in chart.tables.get("R", []) if x.group == "pending"]
    out = [_pending_row(chart, sources, x) for x in waiting[:MOST_PENDING]]
    if len(waiting) > MOST_PENDING:
        out.append(Row(pieces=(Text(text=f"{len(waiting) - MOST_PENDING} more", style="muted"),)))
    whole = all(isinstance(chart.sections.get(n), Complete) for n in ("requests", "reports"))
    if unsorted := untold_pending(chart):
        out += [
            Row(pieces=(plain(f"{SECTION_WORDS[n]}: {why}."),), tone="warn")
            for n, why in unsorted.items()
        ]
    elif not waiting and whole:
        names: tuple[SectionName, ...] = ("requests", "reports")
        chips = (search_cite(sources, chart.record_search("pending results", n)) for n in names)
        out = [Row(pieces=(plain("Pending results: none found."), *chips))]
    return out


def _pending_row(chart: Chart, sources: Sources, line: Line) -> Row:
    sent, chip = line.fact("date"), cite(chart, sources, line.handle)
    dated: tuple[Piece, ...] = ()
    if sent:
        role = sent.date_role
        dated = (
            plain(role[:1].upper() + role[1:]),
            date(chart, sent.value, time=role != "ordered"),
        )
    if line.reference.startswith("DiagnosticReport/"):
        status = line.text("status")
        said = f"{status}, no result yet" if status == "registered" else f"{status}, not final"
        end: tuple[Piece, ...] = (DOT, plain(said)) if dated else (plain(said),)
    else:
        is_lab = bool(categories(chart.resources[line.reference]) & LABORATORY)
        section: SectionName = "labs" if is_lab else "reports"
        record = chart.record_search(line.text("order"), section)
        said = "no result" if record.complete else "no result in what could be read"
        end = (DOT, plain(said), search_cite(sources, record))
    return Row(
        pieces=(plain(line.text("order")), chip),
        meta=((*dated, *end),),
    )


# ---------------------------------------------------------------- what could not be read


def _unread(launch: LaunchChart) -> list[Row]:
    """Return one row for each reason, naming the sections it touches; scans are counted with the newest date."""
    chart = launch.chart
    by_reason: dict[tuple[str, bool], list[str]] = {}
    for name in BY_HARM:
        said = _gap(name, chart.sections.get(name))
        if said[0]:
            by_reason.setdefault(said, []).append(SECTION_WORDS[name])
    out = [
        Row(pieces=(plain(f"{_listed(names)}{words}"),), tone="warn" if amber else "plain")
        for (words, amber), names in by_reason.items()
    ]
    return [
        *out,
        *_scans(chart),
        *unopened(chart),
        *_cut(launch),
        *map(_remark, (*launch.remarks, *_by(launch))),
    ]


def _by(launch: LaunchChart) -> list[str]:
    """Say which sections were read by something else than the EHR's FHIR API."""
    found: dict[str, list[str]] = {}
    for name in FIRST:
        if (via := launch.via(name)) and not _gap(name, launch.chart.sections.get(name))[0]:
            found.setdefault(via, []).append(SECTION_WORDS[name].lower())
    return [f"read by {via}: {', '.join(names)}" for via, names in found.items()]


def _remark(said: str) -> Row:
    return Row(pieces=(plain(f"{said[:1].upper()}{said[1:]}."),))


def _cut(launch: LaunchChart) -> list[Row]:
    """Return quiet rows for the sections of which a part was read: with more to ask for, and without."""
    parts: dict[bool, list[str]] = {True: [], False: []}
    for name in FIRST:
        state = launch.chart.sections.get(name)
        if isinstance(state, Truncated):
            of = f" of {state.total:,}" if state.total else ""
            newest = "newest " if launch.has_more(name) else ""
            part = f"{newest}{state.n:,}{of} {SECTION_WORDS[name].lower()}"
            parts[launch.has_more(name)].append(part)
    ends = {True: "Older ones are read when asked for.", False: "See the EHR for the others."}
    return [
        Row(pieces=(plain(f"Not read to the end: {', '.join(found)}. {ends[more]}"),))
        for more, found in parts.items()
        if found
    ]


def _gap(name: SectionName, state: Completeness | None) -> tuple[str, bool]:
    """Return what follows the section's name, and whether it is amber; empty when read to its end."""
    match state:
        case Complete():
            return ("", False)
        case Denied(http_status=0):
            return (": the EHR does not give them to this app", True)
        case Denied(http_status=status):
            return (f" could not be read. The EHR refused ({status}).", True)
        case Restricted(why=why):
            return (f": {why}", True)
        case Failed(reason=reason, n=n):
            part = f" after {n:,}" if n else ""
            return (f" could not be read{part}: {reason}", True)
        case Truncated():
            return ("", False)  # told together, in one row
        case NotOffered():
            return (": this EHR does not offer them", True)
        case None:
            return (f" ({name}): not asked for", True)


def _listed(names: list[str]) -> str:
    head, *rest = names
    return ", ".join([head, *(n[:1].lower() + n[1:] for n in rest)])


def _scans(chart: Chart) -> list[Row]:
    scans = [x for x in chart.tables.get("N", []) if chart.texts.get(x.reference) == "scan"]
    if not scans:
        return []
    newest = max(x.date for x in scans)
    noun = "scanned document" if len(scans) == 1 else "scanned documents"
    pieces = (plain(f"{len(scans)} {noun} (newest"), Date(text=day(newest)), plain(")"))
    return [Row(pieces=pieces, tone="warn")]


# ---------------------------------------------------------------- suggestions


def _suggestions(launch: LaunchChart, after: str) -> tuple[str, ...]:
    """Return questions that this chart can answer without a language model."""
    chart = launch.chart
    kidney = since.kidney_change(chart, after)
    pending = any(x.group == "pending" for x in chart.tables.get("R", []))
    meant = INTENTS.get(launch.context.intent, "")
    found = (
        *((meant,) if meant else ()),
        *(("Why did eGFR fall?",) if kidney and since.fell(kidney[0], after) else ()),
        *_reports(launch),
        *(("Active medicines",) if chart.tables.get("M") else ()),
        *(("Last labs",) if chart.grids["L"].rows else ()),
        *(("What is pending?",) if pending else ()),
    )
    return tuple(dict.fromkeys(found))


def _reports(launch: LaunchChart) -> tuple[str, ...]:
    """Return the fixed reports that fit: of a stay the handoff, else what a visit begins with; of the dead none."""
    chart, line = launch.chart, current_encounter(launch)
    if chart.patient.get("deceasedDateTime") or chart.patient.get("deceasedBoolean"):
        return ()
    stays = line is not None and is_admission(chart.resources[line.reference])
    return ("SBAR handoff", "Hospital course") if stays else ("Pre-visit summary",)
