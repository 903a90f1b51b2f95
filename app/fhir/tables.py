"""Print a chart as short text in which every value can be cited: what a language model reads.

Every table says how far its section was read; a section that was not read to its end never says "none".
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from app.fhir.ages import patient_age
from app.fhir.chart import Chart, Line, section_lines, why_incomplete
from app.fhir.dates import day, is_within, months_before
from app.fhir.grid_text import (
    CHARS_PER_TOKEN,
    blocks_text,
    cell_text,
    cells_at,
    dates_text,
    row_text,
)  # fmt: skip
from app.fhir.reader import LaunchChart
from app.fhir.readings import Grid, Row
from app.fhir.sections import (
    BY_NAME,
    BY_PREFIX,
    SECTION_WORDS,
    Columns,
    SectionName,
    Table,
)  # fmt: skip
from app.fhir.short_names import KEY
from app.fhir.source import Complete, Denied, Failed, NotOffered
from app.fhir.table_rows import brief_rows, full_rows
from app.fhir.values import first

LEGEND = (
    "Newest first. 'a4.1H' = value 4.1, flag H as sent, at the date of column a; cite [L3a] = row L3, column a. "
    "* outside the sent range, ~ preliminary, ^ corrected, ? unknown status, = same result recorded twice, "
    "a' = second result at that moment, >6 digits shown as 4 significant."
)
RECENT_VISITS, RECENT_NOTES = 3, 2  # of the digest
GRID_TITLES = {"L": "LABS", "V": "VITALS", "O": "OTHER OBSERVATIONS"}
# What a line of the digest shows; the rest is a tool call away.
BRIEF: dict[str, Columns] = {
    "P": (("problem", "problem"), ("onset", "date")),
    "M": (("drug", "drug"), ("dose", "dose"), ("route", "route"), ("frequency", "frequency"),
          ("ordered", "date"), ("supply", "supply")),
    "E": (("start", "date"), ("type", "type"), ("reason", "reason")),
    "N": (("date", "date"), ("type", "type"), ("author", "author")),
}  # fmt: skip
# Said once in the heading instead of in every line of the digest.
USUAL_SAID = {
    "M": "blank: not recorded",
    "A": "blank: not recorded; confirmed unless said",
}
# Fields that tell lines of the same thing apart only by time; `merge` prints such lines once.
DATES = frozenset(("date", "list", "supply", "author", "status"))


# ---------------------------------------------------------------- how far a section was read


def _names(prefix: str, section: SectionName = "") -> tuple[SectionName, ...]:
    return (section,) if section else tuple(s.name for s in BY_PREFIX[prefix])


def _gaps(chart: Chart, names: Sequence[SectionName]) -> list[str]:
    """Return what keeps the table from being complete, in words."""
    states = [(name, chart.sections.get(name)) for name in names]
    return [
        f"{name}: {why_incomplete(state)}"
        for name, state in states
        if not isinstance(state, Complete)
    ]


def _is_unread(chart: Chart, names: Sequence[SectionName]) -> bool:
    states = [chart.sections.get(name) for name in names]
    shut = (Denied, Failed, NotOffered)
    return all(s is None or (isinstance(s, shut) and not getattr(s, "n", 0)) for s in states)


def _kind(names: Sequence[SectionName]) -> Table:
    """Return how a table is printed; one that holds several sections has both titles."""
    tables = [t for name in names if (t := BY_NAME[name].table)]
    return replace(tables[0], title=" AND ".join(t.title for t in tables))


# ---------------------------------------------------------------- tables


def unread_text(chart: Chart, prefix: str) -> str:
    """Say that nothing of a grid was read; empty where something was."""
    names = _names(prefix)
    if not _is_unread(chart, names):
        return ""
    return f"{GRID_TITLES[prefix]}: NOT READ ({'; '.join(_gaps(chart, names))}); do not say none."


def table(
    chart: Chart,
    prefix: str,
    *,
    section: SectionName = "",
    only: Collection[str] | None = None,
    group: str = "",
    since: str = "",
    most: int = 100,
    merge: bool = False,
    brief: bool = False,
) -> str:
    """Print a table by its letter. `group` keeps one status; `merge`, of the brief form: lines equal but for the date once.

    `section` keeps one of the sections that share the table, `only` these handles.
    `brief` leaves out columns and the usual values (an allergy is confirmed, its reaction not recorded).
    """
    names = _names(prefix, section)
    kind, gaps = _kind(names), _gaps(chart, names)
    every = section_lines(chart, section) if section else chart.tables.get(prefix, [])
    if _is_unread(chart, names):
        return f"{kind.title}: NOT READ ({'; '.join(gaps)}); do not say none."
    kept = [x for x in every if group in ("", x.group) and is_within(x.date, since)]
    kept = kept if only is None else [x for x in kept if x.handle in only]
    lines = _merged(kind, kept) if merge else [(x, 1) for x in kept]
    heading = [_count(every, kept, lines, group)]
    heading += [f"newest {most} shown, {len(lines) - most} more"] if len(lines) > most else []
    heading += [USUAL_SAID[prefix]] if brief and kept and prefix in USUAL_SAID else []
    heading += [f"NOT COMPLETE, {'; '.join(gaps)}"] if gaps else []
    columns = BRIEF.get(prefix, kind.columns) if brief else kind.columns
    if brief:
        body = brief_rows(chart, lines[:most], columns, group)
        header = "|".join(name for name, _ in columns)
    else:
        header, body = full_rows(chart, kind, [x for x, _ in lines[:most]], group)
    return "\n".join(
        [f"{kind.title} {'; '.join(heading)}" + (f" | {header}" if kept else ""), *body]
    )


def _count(every: list[Line], kept: list[Line], lines: list[tuple[Line, int]], group: str) -> str:
    if not kept:
        return (
            f"no {group} one of {len(every)}"
            if group and every
            else "none recorded"
            if not every
            else "none"
        )
    distinct = f", {len(lines)} distinct" if len(lines) < len(kept) else ""
    return (
        f"{len(kept)} {group}".strip()
        + distinct
        + (f" of {len(every)}" if len(kept) < len(every) else "")
    )


def _merged(kind: Table, kept: list[Line]) -> list[tuple[Line, int]]:
    """Join lines that say the same at different times; each keeps its own handle in the full table."""
    groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in kept:
        groups[tuple(line.text(field) for _, field in kind.columns if field not in DATES)].append(
            line
        )
    return [(same[0], len(same)) for same in groups.values()]


# ---------------------------------------------------------------- measurements


def measurements(
    chart: Chart,
    prefix: str,
    *,
    rows: Sequence[str] = (),
    since: str = "",
    until: str = "",
    budget_tokens: int = 5000,
) -> str:
    """Print labs (L), vitals (V) or other observations (O) as labelled sparse rows, newest first.

    `rows` are row handles (`L3`) or LOINC codes, all when empty; `since` and `until` are ISO dates (until is not
    included). Stops before the block that would pass the budget, and says how to go on.
    """
    grid, gaps = chart.grids[prefix], _gaps(chart, _names(prefix))
    if _is_unread(chart, _names(prefix)):
        return f"{GRID_TITLES[prefix]}: NOT READ ({'; '.join(gaps)}); do not say none."
    wanted = [r for r in grid.rows if not rows or r.handle in rows or r.code in rows]
    used = {p.rstrip("'") for r in wanted for p in r.cells}
    places = [p for p, at in grid.columns.items() if p in used and is_within(at, since, until)]
    out, printed = blocks_text(grid, wanted, places, budget_tokens * CHARS_PER_TOKEN)
    older = ""
    if printed < len(places):
        older = f", older left out: ask with until={grid.columns[places[printed]][:10]}T24"
    asked = (
        [f"since {since}"] * bool(since)
        + [f"until {until}"] * bool(until)
        + ["rows asked for"] * bool(rows)
    )
    only = f" (only {', '.join(asked)})" if asked else ""
    count = f"{_values(wanted, places[:printed])} of {_values(grid.rows, list(grid.columns))} values shown"
    return "\n".join([*out, f"END {count}{only}{older}; section {'; '.join(gaps) or 'complete'}."])


def _values(rows: Sequence[Row], places: Sequence[str]) -> int:
    wanted = set(places)
    return sum(
        len(item.evidence)
        for r in rows
        for place, cell in r.cells.items()
        if place.rstrip("'") in wanted
        for item in cell
    )


# ---------------------------------------------------------------- digest


def digest(launch: LaunchChart) -> str:
    """Print the overview: every active problem, medicine and allergy, last values, and a count of what is left out.

    Reads problems, medications and allergies to their end first, and results back to 12 months where they are not.
    """
    launch.ensure("problems", "medications", "allergies")
    year_ago = months_before(launch.now.date().isoformat(), 12)
    short = [
        name for name, prefix in (("labs", "L"), ("vitals", "V"))
        if min(launch.chart.grids[prefix].columns.values(), default="") > year_ago
    ]  # fmt: skip
    launch.ensure(*short)
    chart = launch.chart
    lines = [
        f"CHART as of {chart.print_date(chart.now.isoformat(), time=True)}. Cite [P3]: a row; [L3a]:"
        " value a of row L3.",
        patient_line(chart),
        _read_line(chart),
        table(chart, "P", group="active", most=200, merge=True, brief=True),
        table(chart, "M", group="active", most=200, merge=True, brief=True),
        table(chart, "A", most=200, brief=True),
        *_latest(chart, "V", year_ago),
        *_latest(chart, "L", year_ago),
        table(chart, "R", group="pending", most=10),
        table(chart, "E", most=RECENT_VISITS, brief=True),
        table(chart, "N", most=RECENT_NOTES, brief=True),
        _left_out(chart),
    ]
    return "\n".join(lines)


def patient_line(chart: Chart) -> str:
    """Return who the chart is of, as a model may be told."""
    p = chart.patient
    name = first(p, "name")
    given, born = " ".join(name.get("given") or []), str(p.get("birthDate") or "")
    died = str(p.get("deceasedDateTime") or ("date not sent" if p.get("deceasedBoolean") else ""))
    parts = [
        "PATIENT name withheld (restricted)"
        if not chart.names_patient
        else f"PATIENT {given} {name.get('family', '')}".strip(),
        str(p.get("gender") or "sex not recorded"),
        f"born {day(born)}, {patient_age(p, chart.now, chart.zone, died if died[:1].isdigit() else '')}",
        f"died {chart.print_date(died) if died[:1].isdigit() else died}" if died else "",
    ]
    return ", ".join(p for p in parts if p)


def _read_line(chart: Chart) -> str:
    """Say what was not read to its end; counts stand in each heading, fills have no table of their own here."""
    whole = [name for name, state in chart.sections.items() if isinstance(state, Complete)]
    gaps = {n: why_incomplete(s) for n, s in chart.sections.items() if n not in whole}
    missing = "; ".join(f"{SECTION_WORDS[name].lower()}: {why}" for name, why in gaps.items())
    fills = (
        f"; medication fills: {chart.counts['dispenses'] or 'none'} recorded"
        if "dispenses" in whole
        else ""
    )
    if not gaps:
        return f"READ TO END: all sections{fills}"
    return f"READ TO END: {', '.join(whole)}{fills}\nNOT SEEN: {missing}"


def _latest(chart: Chart, prefix: str, since: str) -> list[str]:
    """Print the last result of each test of the last 12 months.

    A test out of range has its own line: the range, and for key tests up to 3 results of these months. All others
    stand together under their unit.
    """
    names = _names(prefix)
    grid, title, gaps = chart.grids[prefix], GRID_TITLES[prefix], _gaps(chart, names)
    if _is_unread(chart, names):
        return [f"{title}: NOT READ ({'; '.join(gaps)}); do not say none."]
    fresh = [r for r in grid.rows if _newest(grid, r) >= since]
    state = f"; NOT COMPLETE, {'; '.join(gaps)}" if gaps else ""
    if not fresh:
        return [f"{title}: none in 12 months, {len(grid.rows)} tests older{state}"]
    shown_at = {r.handle: _recent(grid, r, since) for r in fresh}
    used = {p for places in shown_at.values() for p in places}
    out = [
        f"{title}, last of 12 months{state}",
        dates_text(grid, [p for p in grid.columns if p in used]),
    ]
    off = [r for r in fresh if _is_off(r)]
    out += [row_text(r, shown_at[r.handle], limits=True) for r in off]
    out += _by_unit([r for r in fresh if r not in off], shown_at)
    rest = sum(len(r.cells) for r in grid.rows) - sum(len(p) for p in shown_at.values())
    old = len(grid.rows) - len(fresh)
    older = f", {old} tests last done earlier" if old else ""
    return [*out, f"{title} not shown: {rest} earlier results{older}"]


def _by_unit(rows: Sequence[Row], shown_at: Mapping[str, Sequence[str]]) -> list[str]:
    """Print one result each, the unit once: `mmol/L: L3 Potassium a4.1|L4 Sodium a138`; words with their column once.

    Words stand as `at c: L37 Color=Yellow|L39 Odor=None`, cited [L37c].
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for r in rows:
        for place, cell in cells_at(r, shown_at[r.handle]):
            item = cell[0]
            head = (r.unit or "no unit") if item.numeric else f"at {place}"
            text = (
                f" {cell_text(place, cell)}"
                if item.numeric
                else f"={cell_text('', cell)} {r.unit}".rstrip()
            )
            groups[head].append(f"{r.handle} {r.name}{text}".replace("|", "/"))
    return [f"{head}: {'|'.join(texts)}" for head, texts in groups.items()]


def _recent(grid: Grid, row: Row, since: str) -> list[str]:
    places = [p for p in _places(row) if grid.columns[p] >= since]
    return places[: 3 if row.code in KEY and _is_off(row) else 1]


def _is_off(row: Row) -> bool:
    """Tell whether the newest result, or one of several at its moment, is out of range: as flagged, or by its sent range."""
    items = [item for cell in row.cells.values() for item in cell]
    return any(i.flag or i.outside for i in items if i.moment == items[0].moment)


def _newest(grid: Grid, row: Row) -> str:
    return max((grid.moment(p) for p in row.cells), default="")


def _places(row: Row) -> list[str]:
    return list(dict.fromkeys(p.rstrip("'") for p in row.cells))


def _left_out(chart: Chart) -> str:
    """Count what stands in no table and no grid; each heading counts what it does not show."""
    parts = [f"{n} {why}" for why, n in sorted(chart.left_out.items())]
    return "LEFT OUT: " + (", ".join(parts) or "nothing")
