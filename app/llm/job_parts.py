"""Write a job: a heading for each part, what of it was not read, then its rows or sentences.

Every line is copied from what the tool returned. Parts are written one after the other as the job lists them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from app.llm.found import Found
from app.llm.parts import NO_ALLERGIES, NOT_ASKED
from app.llm.port import Entry
from app.llm.sentences import (
    dated,
    is_confirmed,
    order_sentence,
    passage_sentences,
    result_sentence,
    show,
    small,
    stated_absence,
    visit_sentence,
)

SEVERE = "anaphyla"
MOST_CELLS, MOST_HANDLES, MOST_COLUMNS = 3, 6, 4


def jobs(found: Found) -> Iterator[str]:
    """Yield the lines of every job that was run."""
    parts: list[Entry] = []
    for entry in found.by("chart_job"):
        if entry.section != "job":
            parts.append(entry)
            continue
        yield f"**{entry.name}**"
        yield from _job(parts)
        if entry.field("note"):
            yield f"*{entry.field('note')}*"
        parts = []


def _job(entries: Sequence[Entry]) -> Iterator[str]:
    heading, unread = "", set[str]()
    for _, group in groupby(entries, key=lambda e: e.field("part")):
        mark, *rows = group
        if mark.name != heading:
            heading, unread = mark.name, set()
            yield f"**{heading}**"
        if mark.field("unread") and mark.field("unread") not in unread:
            unread.add(mark.field("unread"))
            yield f"*Not read to its end: {mark.field('unread')}. This is not “none”.*"
        yield from STYLES[mark.field("style")]([e for e in rows if e.section != "search"])
        yield from _searches(mark, [e for e in rows if e.section == "search"])
        if mark.field("shown") != mark.field("of"):
            yield f"*{mark.field('shown')} of {mark.field('of')} shown.*"
        if mark.field("note"):
            yield f"*{mark.field('note')}*"


def _searches(mark: Entry, searches: Sequence[Entry]) -> Iterator[str]:
    """Show the searches that found nothing; an empty list of allergies is not "none", and says so."""
    if mark.field("style") == "allergies" and [e.field("complete") for e in searches] == ["yes"]:
        yield NO_ALLERGIES.format(searches[0].handle)
        return
    yield from show(e.handle for e in searches)


# ---------------------------------------------------------------- styles


def _rows(rows: Sequence[Entry]) -> Iterator[str]:
    """Copy rows; those of one label stand under it, series as their values."""
    yield from (e.name for e in rows if e.section == "missing")
    for entry in rows:
        if entry.section == "anchor" and entry.handle:
            yield f"Counted from the {entry.group} of {entry.name} [{entry.handle}]."
    listed = [e for e in rows if e.section not in ("missing", "anchor")]
    for label, some in groupby(listed, key=lambda e: e.field("label")):
        yield from [f"*{label}*"] if label else []
        for is_series, group in groupby(some, key=lambda e: bool(e.cells)):
            mine = list(group)
            yield from _latest(mine) if is_series else show(e.handle for e in mine)


def _visits(rows: Sequence[Entry]) -> Iterator[str]:
    for entry in rows:
        yield visit_sentence(entry, entry.field("what"))
        ended = entry.field("ended")
        left = entry.field("disposition")
        if ended:
            yield f"Ended {ended}{f', to {small(left)}' if left else ''} [{entry.handle}]."


def _allergies(rows: Sequence[Entry]) -> Iterator[str]:
    """Copy what endangers most first; an empty list, and one that nobody asked for, state nothing."""
    stated = [e for e in rows if e.group == "stated"]
    unasked = [e for e in rows if e.group == "not asked"]
    if unasked and len(unasked) == len(rows):
        yield NOT_ASKED.format(unasked[0].name, unasked[0].handle)
        return
    if stated and len(stated) == len(rows):
        yield from map(stated_absence, filter(is_confirmed, stated))
    yield from show(e.handle for e in sorted(rows, key=lambda e: not _is_severe(e)))


def _is_severe(entry: Entry) -> bool:
    return entry.field("criticality") == "high" or SEVERE in entry.field("reaction").casefold()


def _latest(rows: Sequence[Entry]) -> Iterator[str]:
    """Copy the newest values of each series, few tests to a table: what a narrow frame hides would be missed."""
    for at in range(0, len(rows), MOST_COLUMNS):
        yield from show(
            c.handle for e in rows[at : at + MOST_COLUMNS] for c in e.cells[:MOST_CELLS]
        )


def _sentences(rows: Sequence[Entry]) -> Iterator[str]:
    """Write events, those of one day under its label; what is told in the same words is told once, with each source."""
    for label, some in groupby(rows, key=lambda e: e.field("label")):
        told: dict[str, list[str]] = {}
        for entry in some:
            told.setdefault(_event(entry), []).append(entry.handle)
        yield f"**{label}**"
        yield "\n".join(
            f"- {said} [{', '.join(handles[:MOST_HANDLES])}]." for said, handles in told.items()
        )


def _event(entry: Entry) -> str:
    """Say what happened, without its source."""
    if entry.cells:
        return result_sentence(entry, entry.cells[0]).removesuffix(f" [{entry.handle}].")
    how = " ".join(entry.field(n) for n in ("dose", "frequency") if entry.field(n))
    told = entry.section in ("medications", "reports", "requests", "flags")
    status = (entry.field("status") or entry.group) if told else ""
    reason = entry.field("reason") if entry.section == "encounters" else ""
    said = [entry.name, how, dated(entry), status, reason]
    return f"{entry.field('what')}: {', '.join(part for part in said if part)}"


def _medicines(rows: Sequence[Entry]) -> Iterator[str]:
    """Write each order with what stands beside it: its reason, the order before, the results watched with it."""
    blocks: list[list[str]] = []
    for entry in rows:
        if not entry.field("relation"):
            blocks.append([f"- {order_sentence(entry)}"])
        elif entry.field("relation") == "reason" and entry.section == "medications":
            # The order's own words: they belong to its own sentence.
            said = f"; reason as ordered: {small(entry.name)} [{entry.handle}]."
            blocks[-1][0] = blocks[-1][0].removesuffix(f" [{entry.handle}].") + said
        else:
            blocks[-1].append(f"  {_beside(entry)}")
    yield from ("\n".join(block) for block in blocks)


def _beside(entry: Entry) -> str:
    match entry.field("relation"):
        case "reason":
            status = f", {entry.group}" if entry.group != "active" else ""
            return f"Reason as ordered: {small(entry.name)}{status} [{entry.handle}]."
        case "before":
            return f"Before it: {small(order_sentence(entry))}"
        case _:
            return result_sentence(entry, entry.cells[0])


def _computed(rows: Sequence[Entry]) -> Iterator[str]:
    """State each computation or check with its source; its inputs, rule and what is missing stand in its block."""
    for entry in rows:
        if entry.section != "computed":
            yield entry.name
        elif entry.field("value"):
            # What a check looked through is part of its result; any other rule stands in the block.
            counted = entry.field("unit") == "matches"
            rule = f"; {small(entry.field('rule').removesuffix('.'))}" if counted else ""
            yield f"{entry.name}: {entry.field('printed')}{rule} [{entry.handle}]."
        else:
            missing = re.sub(r" \([^)]*\)", "", entry.field("missing"))
            yield f"{entry.name}: not computed; missing: {missing} [{entry.handle}]."


def _passages(rows: Sequence[Entry]) -> Iterator[str]:
    """Quote passages; where a note and the record differ, both are shown."""
    for entry in rows:
        if not entry.field("passage"):
            yield from show([entry.handle])
            continue
        yield from passage_sentences(entry)
        yield from show(entry.field("rows").split())


STYLES: Mapping[str, Callable[[Sequence[Entry]], Iterator[str]]] = {
    "rows": _rows, "visit": _visits, "allergies": _allergies, "latest": _latest, "sentences": _sentences,
    "medicines": _medicines, "computed": _computed, "passages": _passages,
}  # fmt: skip
