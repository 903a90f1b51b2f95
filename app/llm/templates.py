"""Write an answer from what the tools returned, by fixed patterns: what can harm now, then what was asked.

Sentences follow the citation grammar and are checked like any model's. What was not read to its end stands before
any "none found", and is said once for each section.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from app.llm import job_parts, parts, parts_asked
from app.llm.found import Found
from app.llm.plan import Plan
from app.llm.port import Entry, Reply
from app.llm.sentences import show
from app.llm.synonyms import Synonyms

CAN_LOOK_UP = (
    "*Nothing was looked up: these words ask for nothing that can be found without a language model.*\n\n"
    "What can be looked up: a summary, active problems, medicines, allergies, laboratory results and vital signs by "
    "name, what is pending, the last visit, what changed since the last visit, doses given, cultures, reports, "
    "procedures, devices, vaccinations, code status and other alerts, referrals, family and social history, coverage, "
    "and words in notes.\n"
)
NO_ACT = "Nothing is ordered, changed or written here. Not for emergencies: use the EHR."
NOTHING_EXPLAINED = "Nothing is explained or compared."
MOST_LEADS = 6
SEARCH = re.compile(r"\bS\d+\b")
SHOWN = re.compile(r"\[show ([^\]]+)\]")
ONLY_SEARCHES = re.compile(r"\[show S\d+(?: S\d+)*\]")
Part = Callable[[Found], Iterator[str]]
TOPICS: Mapping[str, Part] = {
    "overview": parts.overview, "changes": parts.changes, "medicines": parts.medicines,
    "problems": parts.problems, "pending": parts.pending, "visit": parts.visit,
    "fills": parts.fills, "notes": parts.notes, "admission": parts.admission,
    "emergency": parts.emergency,
}  # fmt: skip


def write(
    plan: Plan, replies: Sequence[Reply], synonyms: Synonyms, refused: Iterable[str] = ()
) -> str:
    """Return the whole answer."""
    first = [NO_ACT] if plan.act else []
    if plan.empty:
        missed = [f"*Not matched: {_quoted(plan.ignored)}.*"] if plan.ignored else []
        return "\n\n".join([*first, *missed, CAN_LOOK_UP])
    found, refused = Found(plan, replies, synonyms), tuple(refused)
    head = [*_harm(found), *parts.slips(found), *_remarks(found)]
    asked = [*_asked(found), *_refused(refused), *_failed(replies, refused)]
    searches = found.of("search")
    # A job says of each of its parts what was not read, where it stands.
    if job := list(job_parts.jobs(found)):
        said = [*head, *job, *_unread_first(asked, searches)]
    else:
        said = _unread_first(list(_once([*head, *asked])), searches)
    return "\n\n".join([*first, *said]) + "\n"


def _once(said: Iterable[str]) -> Iterator[str]:
    """Show each row, and say each sentence, only the first time."""
    before: set[str] = set()
    for part in said:
        asked = SHOWN.fullmatch(part)
        if asked is None:
            if part not in before:
                yield part
            before.add(part)
            continue
        handles = [h for h in asked[1].split() if h not in before]
        before.update(handles)
        yield from show(handles)


def _harm(found: Found) -> Iterator[str]:
    """Yield allergies first for "can I give", then the newest results, flagged ones first."""
    if found.plan.give:
        yield from parts.allergies(found)
        yield from parts.checked(found)
    yield from parts.leads(found, MOST_LEADS)
    if found.plan.give:
        yield from parts.drugs(found)


def _asked(found: Found) -> Iterator[str]:
    """Yield the rows for each thing asked for, in the order of the topics, then words that were searched."""
    plan = found.plan
    yield from parts.computed(found)
    if not plan.give:
        yield from parts.checked(found)
    yield from _results(found)
    yield from parts.abnormal(found)
    yield from parts.kidney_orders(found)
    if "allergies" in plan.topics and not plan.give:
        yield from parts.allergies(found)
    yield from parts.classes(found)
    if not plan.give:
        yield from parts.drugs(found)
    for topic in plan.topics:
        if topic == "medicines" and any(p.orders for p in plan.panels):
            continue
        if topic in TOPICS:
            yield from TOPICS[topic](found)
    if found.plan.outside or (found.plan.anchor and "notes" not in plan.topics):
        yield from parts.notes(found)
    yield from parts_asked.parts(found)
    yield from parts.searched(found)


def _results(found: Found) -> Iterator[str]:
    entries = found.by("chart_results")
    series = [e for e in entries if e.cells]
    if found.plan.abnormal:
        yield from _none(found.plan, entries)
        return
    yield from show(e.handle for e in series[: parts.MOST_SERIES])
    if len(series) > parts.MOST_SERIES:
        yield f"{parts.MOST_SERIES} of {len(series)} tests shown; ask for others by name."
    yield from _none(found.plan, entries)


def _none(plan: Plan, entries: Sequence[Entry]) -> Iterator[str]:
    """Show what was searched for each test that has no result; a panel's missing member only if all are missing."""
    missing = [e for e in entries if e.section == "search"]
    single = {t.name for t in plan.tests}
    nothing = not any(e.cells for e in entries)
    yield from show(e.handle for e in missing if e.name in single or nothing)


def _unread_first(said: Sequence[str], searches: Sequence[Entry]) -> list[str]:
    """Put what was not read to its end before any row and any "none found"; a section without any record is said once."""
    unread = {
        e.handle: e.field("section") if e.field("searched") == "0" else e.handle
        for e in searches
        if not e.field("complete")
    }
    first: dict[str, str] = {}
    rest: list[str] = []
    place = None
    for part in said:
        if not ONLY_SEARCHES.fullmatch(part):
            if place is None and re.search(r"\[S\d+\]|^\[show ", part):
                place = len(rest)
            rest.append(part)
            continue
        place = len(rest) if place is None else place
        handles = SEARCH.findall(part)
        for handle in handles:
            if handle in unread:
                first.setdefault(unread[handle], handle)
        rest += show(h for h in handles if h not in unread)
    at = place or 0
    return [*rest[:at], *show(first.values()), *rest[at:]]


# ---------------------------------------------------------------- remarks


def _remarks(found: Found) -> Iterator[str]:
    """Name the words that were matched, in one line wholly in emphasis; then what is not read here."""
    plan = found.plan
    named = [
        f"“{m.words}”" if m.means.casefold() == m.words else f"“{m.words}” = {m.means}"
        for m in plan.matches
    ]
    named += [
        f"“{plan.calculation_words[e.field('key')]}” = {e.name}"
        for e in found.by("calculate")
        if e.field("key") in plan.calculation_words
    ]
    missing = found.unmatched()
    named += [
        f"“{w}” = {_where(plan)}"
        for w in (*plan.leftover, *plan.quoted)
        if w not in (*missing, *found.unread())
    ]
    line = f"Matched words: {'; '.join(named)}. " if named else ""
    line += f"Not matched: {_quoted(missing)}. " if missing else ""
    yield f"*{line}{NOTHING_EXPLAINED}*"
    yield from plan.declined
    if plan.unread:
        yield f"{', '.join(plan.unread)}: not among what can be looked up here."


def _where(plan: Plan) -> str:
    if "allergies" in plan.topics and not plan.give:
        return "allergies"
    return "words in notes" if "notes" in plan.topics else "words of the chart"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


REFUSED_WORDS = {
    "chart_job": "This report",
    "calculate": "A calculation's inputs", "safety_checks": "Orders and allergies for the checks",
    "chart_notes": "Notes", "note_read": "Notes", "chart_results": "Results",
    "chart_pending": "Orders and reports", "chart_section": "This part of the chart",
    "chart_query": "A query", "chart_search": "Words", "changes_since": "Changes", "chart_overview": "The summary",
}  # fmt: skip


def _refused(names: Iterable[str]) -> Iterator[str]:
    for name in sorted(names):
        what = REFUSED_WORDS.get(name, "This")
        yield f"{what} could not be looked up: this launch has no permission to read it. It may exist."


def _failed(replies: Sequence[Reply], refused: Sequence[str]) -> Iterator[str]:
    """Say that a computation was not done whose tool refused it; what nobody may read is said by `_refused`."""
    if any(r.is_error and r.name == "calculate" for r in replies) and not refused:
        yield "A computation that is asked for was not done: what it needs does not stand in the question."
