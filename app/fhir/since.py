"""What changed since the last visit: results, orders, problems, admissions and notes, the dangerous row first.

The rule of the red bar: the newest result since the visit was sent as critical; or it is one of a short reviewed
list of tests, was flagged as sent, and lies further from its range than the result before. Potassium comes first.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from app.fhir.blocks import home_of, is_outside
from app.fhir.chart import Chart, Line
from app.fhir.copies import Copies
from app.fhir.dates import day, days_between, local
from app.fhir.display import Date, Piece, Row, Text
from app.fhir.note import Note
from app.fhir.pieces import (
    DOT,
    cite,
    date,
    is_critical,
    medicine,
    note_title,
    order_meta,
    plain,
    strong,
    value,
)
from app.fhir.reader import LaunchChart
from app.fhir.readings import Reading
from app.fhir.readings import Row as Test
from app.fhir.short_names import SHORT
from app.fhir.statements import on_problem_list
from app.fhir.visits import is_admission
from app.fhir.words import lower, visit_words

# Tests whose further departure from the range needs eyes first, most urgent first (names of `short_names`).
DANGEROUS = (
    "Potassium",
    "Sodium",
    "Calcium",
    "Hemoglobin",
    "Platelets",
    "INR",
    "Lactate",
    "Troponin I",
)
FINISHED = frozenset(("finished", "completed"))
MOST_ALARMS, MOST_OTHERS, MOST_ORDERS, MOST_NOTES, MOST_PROBLEMS = 3, 4, 5, 4, 4


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The visit to count from. `mine`: the signed-in user took part in it; `after` is ISO, site zone."""

    line: Line
    after: str
    mine: bool


def last_visit(launch: LaunchChart, user_reference: str) -> Anchor | None:
    """Return the newest finished encounter in which this user took part, else the newest finished outpatient one."""
    chart, here = launch.chart, f"Encounter/{launch.context.encounter_id}"
    today = chart.now.date().isoformat()
    past = [
        x for x in chart.tables.get("E", [])
        if x.group in FINISHED and x.reference != here and x.date[:10] < today
    ]  # fmt: skip
    past.sort(key=lambda x: x.date, reverse=True)
    mine = [x for x in past if user_reference in _people(chart, x)] if user_reference else []
    seen = [x for x in past if not is_admission(chart.resources[x.reference])]
    line = next(iter(mine), None) or next(iter(seen), None)
    if line is None:
        return None
    ended = line.fact("ended")
    after = local(ended.value, chart.zone) if ended else line.date
    return Anchor(line=line, after=max(after, line.date), mine=line in mine)


def _people(chart: Chart, line: Line) -> set[str]:
    sent = chart.resources[line.reference].get("participant") or []
    named = (str((p.get("individual") or {}).get("reference") or "") for p in sent)
    return {"/".join(reference.split("/")[-2:]) for reference in named}


def title(chart: Chart, anchor: Anchor | None, after: str) -> tuple[Piece, ...]:
    """Return "Since your last visit, 18-Sep-2026 (63 days)"; another's visit says which."""
    today = chart.now.date().isoformat()
    days = days_between(anchor.line.date if anchor else after, today)
    count = f"({days} day{'s' if days != 1 else ''})"
    if anchor is None and (stay := _open_stay(chart)):
        began = days_between(stay.date, today)
        since = f"({began} day{'s' if began != 1 else ''}); no visit before it was found"
        return (plain("Since this stay began,"), date(chart, stay.date), plain(since))
    if anchor is None:
        return (plain("Last"), plain(f"{days} days; no earlier visit was found"))
    when = date(chart, anchor.line.date)
    if anchor.mine:
        return (plain("Since your last visit,"), when, plain(count))
    place = anchor.line.text("site")
    where = f", {place}" if place else ""
    return (plain(f"Since the last {lower(visit_words(anchor.line))}{where},"), when, plain(count))


def _open_stay(chart: Chart) -> Line | None:
    """Return the stay that goes on, if there is one."""
    going = (x for x in chart.tables.get("E", []) if x.group == "in-progress")
    return next((x for x in going if is_admission(chart.resources[x.reference])), None)


def rows(launch: LaunchChart, anchor: Anchor | None, after: str) -> list[Row]:
    """Return all rows since `after`, the dangerous first."""
    return [
        *result_rows(launch, after),
        *_order_rows(launch, anchor, after),
        *_problem_rows(launch, after),
        *_admission_rows(launch, after),
        *_note_rows(launch, anchor, after),
    ]


# ---------------------------------------------------------------- results


def series(test: Test) -> list[tuple[str, Reading]]:
    """Return (place, reading) of a test, newest first; of several at one moment, or on one day, the flagged first."""
    found = [(place, cell[0]) for place, cell in test.cells.items()]
    return sorted(found, key=lambda one: (one[1].moment, bool(one[1].flag)), reverse=True)


def tests_with_results(chart: Chart, after: str) -> int:
    """Count the laboratory tests with a result since `after`, flagged or not."""
    return sum(1 for t in chart.grids["L"].rows if t.cells and series(t)[0][1].moment > after)


def result_rows(launch: LaunchChart, after: str) -> list[Row]:
    """Return alarms, then the change of kidney function, then all others out of range in one row."""
    chart = launch.chart
    fresh = [
        test for prefix in ("L", "V") for test in chart.grids[prefix].rows
        if test.cells and series(test)[0][1].moment > after
    ]  # fmt: skip
    alarms = sorted((t for t in fresh if is_alarm(t)), key=_urgency)
    kidney = kidney_change(chart, after)
    shown = {t.handle for t in alarms[:MOST_ALARMS]} | {t.handle for t in kidney or ()}
    others = [t for t in fresh if series(t)[0][1].flag and t.handle not in shown]
    out = [_alarm_row(launch, test) for test in alarms[:MOST_ALARMS]]
    out += [_kidney_row(launch, kidney, after)] if kidney else []
    return out + ([_others_row(launch, others)] if others else [])


def is_alarm(test: Test) -> bool:
    """Tell whether the newest result takes the red bar: critical as sent, or dangerous and moving away."""
    (_, newest), *before = series(test)
    if is_critical(newest.flag):
        return True
    if SHORT.get(test.code) not in DANGEROUS or not newest.flag:
        return False
    return not before or _distance(newest) > _distance(before[0][1])


def _urgency(test: Test) -> tuple[bool, int]:
    name = SHORT.get(test.code, "")
    rank = DANGEROUS.index(name) if name in DANGEROUS else len(DANGEROUS)
    return (not is_critical(series(test)[0][1].flag), rank)


def _distance(item: Reading) -> Decimal:
    """Return how far a result lies outside its own sent range, 0 inside or where it cannot be told."""
    number = _number(item.text)
    ends = [_number(part) for part in item.limits.replace("–", "-").lstrip("<>=≤≥ ").split("-")]
    if number is None or any(end is None for end in ends):
        return Decimal(1) if item.flag else Decimal(0)
    known = [end for end in ends if end is not None]
    return max(min(known) - number, number - max(known), Decimal(0))


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip().lstrip("<>=≤≥ "))
    except InvalidOperation:
        return None


def _alarm_row(launch: LaunchChart, test: Test) -> Row:
    chart, sources = launch.chart, launch.sources
    (place, newest), *before = series(test)
    meta: list[Piece] = [date(chart, newest.moment), plain(newest.status)]
    for at, (_, item) in enumerate(before[:2]):
        meta += (
            [plain(","), value(item, unit=False)]
            if at
            else [DOT, plain("before:"), value(item, unit=False)]
        )
        meta += [plain("on"), date(chart, item.moment)]
    pieces = (
        strong(test.name),
        value(newest, limits=True),
        cite(chart, sources, test.handle + place),
    )
    return Row(pieces=pieces, meta=(tuple(meta),), tone="alarm")


def kidney_change(chart: Chart, after: str) -> tuple[Test, ...] | None:
    """Return eGFR, and creatinine where there is one, if eGFR has a result before and another after the visit."""
    named = {name: _freshest(chart, name) for name in ("eGFR", "Creatinine")}
    egfr = named["eGFR"]
    if egfr is None or series(egfr)[0][1].moment <= after:
        return None
    first, last = _ends(egfr, after)
    if first is None or first.text == last.text:
        return None
    return (egfr, named["Creatinine"]) if named["Creatinine"] else (egfr,)


def _freshest(chart: Chart, name: str) -> Test | None:
    found = [t for t in chart.grids["L"].rows if SHORT.get(t.code) == name and t.cells]
    return max(found, key=lambda t: series(t)[0][1].moment, default=None)


def _ends(test: Test, after: str) -> tuple[Reading | None, Reading]:
    """Return the last result before or at the visit, and the newest one."""
    every = series(test)
    return next((item for _, item in every if item.moment <= after), None), every[0][1]


def fell(test: Test, after: str) -> bool:
    """Tell whether the newest result is lower than the one before the visit."""
    first, last = _ends(test, after)
    before, now = (_number(first.text), _number(last.text)) if first else (None, None)
    return before is not None and now is not None and now < before


def _kidney_row(launch: LaunchChart, tests: tuple[Test, ...], after: str) -> Row:
    chart, sources = launch.chart, launch.sources
    egfr = tests[0]
    first, last = _ends(egfr, after)
    start = first or last
    pieces = (
        strong(egfr.name), value(start, unit=False), plain("→"), value(last, limits=True),
        cite(chart, sources, egfr.handle),
    )  # fmt: skip
    meta: list[Piece] = [
        date(chart, start.moment),
        plain("to"),
        date(chart, last.moment),
        plain(f", {last.status}"),
    ]
    if len(tests) > 1:
        before, newest = _ends(tests[1], after)
        meta += [DOT, plain("creatinine")]
        meta += [value(before, unit=False), plain("to")] if before else []
        meta += [value(newest), cite(chart, sources, tests[1].handle)]
    return Row(pieces=pieces, meta=(tuple(meta),))


def _others_row(launch: LaunchChart, tests: list[Test]) -> Row:
    chart, out = launch.chart, list[Piece]()
    out.append(strong("Also out of range:"))
    for at, test in enumerate(tests[:MOST_OTHERS]):
        place, item = series(test)[0]
        out += [plain(";")] if at else []
        out += [plain(test.name), value(item), cite(chart, launch.sources, test.handle + place)]
    more = len(tests) - MOST_OTHERS
    out += [plain(f"; {more} more")] if more > 0 else []
    return Row(pieces=tuple(out))


# ---------------------------------------------------------------- orders, problems, admissions


def _order_rows(launch: LaunchChart, anchor: Anchor | None, after: str) -> list[Row]:
    chart = launch.chart
    home = home_of(chart, launch.context.encounter_id)
    orders = [x for x in chart.tables.get("M", []) if x.group == "active"]
    then = [x for x in orders if anchor and _at_visit(chart, x, anchor)]
    new = [x for x in orders if x.date > after and x not in then]
    outside = [x for x in new if is_outside(chart, x.reference, home)]
    inside = [x for x in new if x not in outside]
    shown = [
        *((x, "New order from outside:") for x in outside),
        *((x, "New order:") for x in inside),
        *((x, "Ordered at that visit:") for x in then),
    ]
    out = [_order_row(launch, line, words) for line, words in shown[:MOST_ORDERS]]
    return out + _more(len(shown) - MOST_ORDERS, "order")


def _at_visit(chart: Chart, line: Line, anchor: Anchor) -> bool:
    named = (chart.resources[line.reference].get("encounter") or {}).get("reference")
    if named:
        return str(named) == anchor.line.reference
    return len(line.date) > 10 and anchor.line.date <= line.date <= anchor.after


def _order_row(launch: LaunchChart, line: Line, words: str) -> Row:
    chart = launch.chart
    pieces = (strong(words), *medicine(line), cite(chart, launch.sources, line.handle))
    if words.startswith("Ordered"):
        author = line.text("author")
        by = (plain(f", {author}"),) if author else ()
        return Row(pieces=pieces, meta=((date(chart, line.date), *by),))
    site = line.text("site") if "outside" in words else line.text("author")
    return Row(pieces=pieces, meta=(order_meta(chart, line, site=site),))


def _problem_rows(launch: LaunchChart, after: str) -> list[Row]:
    """Return problem-list entries recorded, or ended, since the visit; a visit's own diagnoses are not repeated."""
    chart = launch.chart
    lines = [x for x in chart.tables.get("P", []) if on_problem_list(chart.resources[x.reference])]
    new = [(x, "New problem:", r) for x in lines if (r := _recorded(chart, x)) > after]
    ended = [(x, "Problem ended:", e) for x in lines if (e := _ended(chart, x)) > after]
    found = sorted((*new, *ended), key=lambda item: item[2], reverse=True)
    out = [
        Row(
            pieces=(
                strong(words),
                plain(line.text("problem")),
                cite(chart, launch.sources, line.handle),
            ),
            meta=((plain("Recorded" if words.startswith("New") else "Ended"), date(chart, when)),),
        )
        for line, words, when in found[:MOST_PROBLEMS]
    ]
    return out + _more(len(found) - MOST_PROBLEMS, "problem")


def _recorded(chart: Chart, line: Line) -> str:
    sent = line.fact("recorded") or line.fact("date")
    return local(sent.value, chart.zone) if sent else ""


def _ended(chart: Chart, line: Line) -> str:
    sent = line.fact("ended")
    return local(sent.value, chart.zone) if sent else ""


def _admission_rows(launch: LaunchChart, after: str) -> list[Row]:
    chart, here = launch.chart, f"Encounter/{launch.context.encounter_id}"
    found = [
        x for x in chart.tables.get("E", [])
        if x.date > after and x.reference != here and is_admission(chart.resources[x.reference])
    ]  # fmt: skip
    out = []
    for line in found[:MOST_PROBLEMS]:
        reason, place, ended = line.text("reason"), line.text("site"), line.fact("ended")
        meta: list[Piece] = [plain("Began"), date(chart, line.date)]
        meta += [plain(", ended"), date(chart, ended.value)] if ended else []
        meta += [DOT, plain(place)] if place else []
        more = (plain(reason),) if reason else ()
        head = strong(f"{visit_words(line)}:" if reason else visit_words(line))
        out.append(
            Row(pieces=(head, *more, cite(chart, launch.sources, line.handle)), meta=(tuple(meta),))
        )
    return out + _more(len(found) - MOST_PROBLEMS, "admission")


# ---------------------------------------------------------------- notes


def _note_rows(launch: LaunchChart, anchor: Anchor | None, after: str) -> list[Row]:
    """Return one row that lists new notes, oldest first, each saying what part was copied forward."""
    chart = launch.chart
    new = [
        x for x in chart.tables.get("N", [])
        if x.date > after and chart.texts.get(x.reference) != "scan" and not _of_visit(chart, x, anchor)
    ]  # fmt: skip
    if not new:
        return []
    new.sort(key=lambda x: x.date)
    notes = launch.texts.notes(chart)
    copies = launch.texts.copies(notes)
    lines = [_note_line(launch, x, notes, copies) for x in new[-MOST_NOTES:]]
    more = len(new) - MOST_NOTES
    tail: list[tuple[Piece, ...]] = [(plain(f"{more} more"),)] if more > 0 else []
    count = f"{len(new)} new note{'s' if len(new) != 1 else ''}"
    return [Row(pieces=(strong(count),), meta=(*lines, *tail))]


def _of_visit(chart: Chart, line: Line, anchor: Anchor | None) -> bool:
    sent = (chart.resources[line.reference].get("context") or {}).get("encounter") or []
    return anchor is not None and anchor.line.reference in {str(e.get("reference")) for e in sent}


def _note_line(
    launch: LaunchChart, line: Line, notes: list[Note], copies: Copies
) -> tuple[Piece, ...]:
    chart = launch.chart
    out: list[Piece] = [plain(note_title(line)), date(chart, line.date)]
    author = line.text("author")
    out += [plain(f", {author}")] if author else []
    copied = _copied_from(line, notes, copies)
    out += [plain("; part copied from"), Date(text=copied)] if copied else []
    return (*out, cite(chart, launch.sources, line.handle))


def _copied_from(line: Line, notes: list[Note], copies: Copies) -> str:
    """Return the earliest date that a part of a note was copied from, from texts that need no request."""
    note = next((n for n in notes if n.handle == line.handle), None)
    if note is None:
        return ""
    firsts = [run.first.date for paragraph in copies.runs(note) for run in paragraph if run.first]
    return day(min(firsts)) if firsts else ""


def _more(count: int, noun: str) -> list[Row]:
    if count <= 0:
        return []
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return [
        Row(pieces=(Text(text=f"{count} more {noun if count == 1 else plural}", style="muted"),))
    ]
