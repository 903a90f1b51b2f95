"""The parts of an answer that are copied from the chart, one for each topic of a question."""

import re
from collections.abc import Iterator, Sequence

from app.llm import parts_asked
from app.llm.found import Found, first_of_each, passages_once
from app.llm.port import Entry
from app.llm.sentences import (
    capital,
    is_confirmed,
    order_sentence,
    passage_sentences,
    result_sentence,
    show,
    small,
    stated_absence,
    visit_sentence,
)
from app.llm.services import service_named
from app.llm.synonyms import contains

# The title of `app.mcp.source`.
STATEMENT = "Statement of "
MOST_PASSAGES, MOST_SERIES, MOST_VISITS, MOST_OBSERVED = 4, 8, 3, 6
WAITING = ("pending", "in progress", "on-hold")
NO_ALLERGIES = "Allergies not recorded: the EHR lists none and states no absence [{}]. Ask, and record it in the EHR."
NOT_ASKED = "Allergies: the EHR's entry says “{}” [{}]. Ask, and record it in the EHR."
CURRENT = ("active", "no status", "stated")
# What these give beside their first value was asked for too.
SAYS_ALSO = ("growth_percentile", "mean_blood_pressure")
NOT_TAKING = "An active order is not proof of taking."
SEEN = ("finished", "completed", "onleave", "unknown")


# ---------------------------------------------------------------- computed


def computed(found: Found) -> Iterator[str]:
    """State each computation in one sentence; its inputs, rule and source stand in the block that comes with it."""
    for entry in found.by("calculate"):
        status = f", from a {entry.field('status')} result" if entry.field("status") else ""
        status += f", newest input {entry.field('newest')}" if entry.field("newest") else ""
        status += f", oldest {entry.field('oldest')}" if entry.field("oldest") else ""
        status += f", with {entry.field('entered')}" if entry.field("entered") else ""
        if entry.field("value"):
            yield f"{entry.name}: {entry.field('printed')}{status} [{entry.handle}]."
            also = entry.field("also").split("; ") if entry.field("key") in SAYS_ALSO else []
            yield from (f"{said} [{entry.handle}]." for said in also if said)
        else:
            missing = re.sub(r" \([^)]*\)", "", entry.field("missing"))
            yield f"{entry.name}: not computed; missing: {missing} [{entry.handle}]."
    if "mme" in found.plan.calculations:
        yield from parts_asked.doses(found)


def checked(found: Found) -> Iterator[str]:
    """State each check: how much the list names, and what was checked; its rows stand in the block."""
    for entry in found.by("safety_checks"):
        rule = entry.field("rule").removesuffix(".")
        yield f"{entry.name}: {entry.field('printed')}; {small(rule)} [{entry.handle}]."


# ---------------------------------------------------------------- allergies


def allergies(found: Found) -> Iterator[str]:
    """Yield the substances asked for first, then those that endanger most; an empty list states nothing."""
    rows = found.of("allergies")
    stated = [e for e in rows if e.group == "stated"]
    if stated and len(stated) == len(rows):
        yield from map(stated_absence, filter(is_confirmed, stated))
    unasked = [e for e in rows if e.group == "not asked"]
    if unasked and len(unasked) == len(rows):
        yield NOT_ASKED.format(unasked[0].name, unasked[0].handle)
        return
    current = [e for e in rows if e.group in CURRENT] or rows
    current.sort(key=lambda e: (not found.related(e.name), not _severe(e)))
    mine = [e for e in current if found.related(e.name)]
    # Before giving, every allergy is shown; asked about one substance, that one.
    current = mine if mine and not found.plan.give else current
    slips, empty = found.plan.slips, not rows
    missed = [e for e in found.searches("allergies") if e.field("word") not in slips]
    yield from show(e.handle for e in current)
    yield from parts_asked.doses(found)
    if not empty or any(not e.field("complete") for e in missed):
        yield from show(e.handle for e in missed if e.field("word") or not e.field("complete"))
        return
    whole = next((e for e in missed if not e.field("word")), None)
    if whole:
        yield NO_ALLERGIES.format(whole.handle)


def _severe(entry: Entry) -> bool:
    return entry.field("criticality") == "high" or "anaphyla" in entry.field("reaction").casefold()


# ---------------------------------------------------------------- medicines


def medicines(found: Found) -> Iterator[str]:
    """Yield the list of orders."""
    yield from _section(found, "medications")


def problems(found: Found) -> Iterator[str]:
    """Yield the list of problems."""
    yield from _section(found, "problems")


def _section(found: Found, section: str) -> Iterator[str]:
    rows = [e for e in found.by("chart_section") if e.section == section]
    yield from show(e.handle for e in rows)
    if not rows:
        yield from show(e.handle for e in found.searches(section))


def kidney_orders(found: Found) -> Iterator[str]:
    """Yield the active orders of the kidney and potassium list, where a question about the kidneys asks for them."""
    if not any(panel.orders == "kidney" for panel in found.plan.panels):
        return
    orders = [e for e in found.of("medications") if e.group == "active"]
    kinds = [c for c in found.synonyms.classes if c.kidney]
    matter = [e for e in orders if any(c.holds(e.name) for c in kinds)]
    if matter:
        yield "*Active orders on the kidney and potassium list; not every medicine that matters is on it.*"
    yield from show(e.handle for e in matter)


def classes(found: Found) -> Iterator[str]:
    """Answer each class of medicines; a class without rows is said only if no class of the same word has one."""
    plan = found.plan
    if not plan.classes or ("allergies" in plan.topics and not (plan.give or plan.taking)):
        return
    rows: list[Entry] = []
    for kind in plan.classes:
        listed = [e for e in found.by("chart_section") if e.section == "medications"] or found.of(
            "medications"
        )
        mine = [e for e in listed if kind.holds(e.name) and e not in rows]
        rows += mine
        for entry in mine:
            yield f"{capital(kind.name)}. {order_sentence(entry)}"
    if rows:
        yield from show(e.handle for e in rows)
        yield from _about_orders(found, rows)
        return
    names = tuple(c.name for c in plan.classes)
    yield from show(e.handle for e in found.searches("medications") if e.name.endswith(names))


def drugs(found: Found) -> Iterator[str]:
    """Answer each medicine named: its orders, the active first, or that there is none, with the search."""
    plan = found.plan
    if "allergies" in plan.topics and not plan.give:
        return
    for drug in plan.drugs:
        rows = [
            e
            for e in found.by("chart_search")
            if e.section == "medications" and contains(e.name, drug)
        ]
        rows = sorted(_once(rows), key=lambda e: e.field("sort"), reverse=True)
        rows.sort(key=lambda e: e.group != "active")
        if plan.begun and rows:
            yield order_sentence(rows[0])
        yield from show(e.handle for e in rows)
        yield from _about_orders(found, rows)
        for search in found.by("chart_search"):
            if search.section == "search" and search.field("word") == drug:
                yield _no_order(drug, search)


def _no_order(drug: str, search: Entry) -> str:
    if search.field("complete"):
        return f"{capital(drug)}: no order found [{search.handle}]."
    return show([search.handle])[0]


def _about_orders(found: Found, rows: Sequence[Entry]) -> Iterator[str]:
    """Say what an order does not tell: when a medicine was begun, whether it is taken."""
    if found.plan.begun and rows:
        yield f"The order date is not a start; earlier orders: {len(rows) - 1}."
    elif found.plan.taking and not found.plan.ever and any(e.group == "active" for e in rows):
        yield NOT_TAKING


def _once(rows: Sequence[Entry]) -> list[Entry]:
    return list({e.handle: e for e in rows}.values())


# ---------------------------------------------------------------- orders, visits, fills, notes


def pending(found: Found) -> Iterator[str]:
    """Yield what waits for a result."""
    entries = found.by("chart_pending")
    rows = [e for e in entries if e.section != "search"]
    yield from show(e.handle for e in rows or entries)


def visit(found: Found) -> Iterator[str]:
    """Yield the last visit and those before it."""
    rows = [e for e in found.of("encounters") if e.group in SEEN]
    about = [*found.plan.leftover, *found.plan.problems]
    if about:
        # "Visits for chest pain": those that say so, not the last one.
        rows = [e for e in rows if any(contains(f"{e.name} {e.field('reason')}", w) for w in about)]
    rows.sort(key=lambda e: e.field("sort"), reverse=True)
    if rows:
        yield visit_sentence(rows[0], "Newest such visit") if about else visit_sentence(rows[0])
        yield from show(e.handle for e in rows[:MOST_VISITS])
    elif not about:
        yield from show(e.handle for e in found.searches("encounters"))


def admission(found: Found) -> Iterator[str]:
    """Yield the newest inpatient stay; emergency visits stand apart from stays."""
    yield from _stays(found, "inpatient stay")
    urgent = _of_class(found, "emergency visit")
    if urgent and "emergency" not in found.plan.topics:
        yield "*Emergency visits; not inpatient stays.*"
        yield from show(e.handle for e in urgent[:MOST_VISITS])


def emergency(found: Found) -> Iterator[str]:
    """Yield the newest emergency visit."""
    yield from _stays(found, "emergency visit")


def _stays(found: Found, kind: str) -> Iterator[str]:
    rows = _of_class(found, kind)
    if rows:
        yield visit_sentence(rows[0], f"Newest {kind}")
        yield from show(e.handle for e in rows[:MOST_VISITS])
        return
    yield from show(e.handle for e in found.searches("encounters") if e.name == kind)


def _of_class(found: Found, kind: str) -> list[Entry]:
    rows = [e for e in found.by("chart_section") if e.field("stay") == kind]
    rows = [e for e in rows if e.group not in ("cancelled", "planned", "entered-in-error")] or rows
    return sorted(rows, key=lambda e: e.field("sort"), reverse=True)


def fills(found: Found) -> Iterator[str]:
    """Yield what was dispensed."""
    rows = found.of("dispenses")
    yield from show(e.handle for e in rows or found.searches("dispenses"))
    reported = [e for e in found.by("chart_section") if e.section == "statements"]
    yield from show(e.handle for e in reported)
    yield "*Fills at other pharmacies are not readable here.*"


def notes(found: Found) -> Iterator[str]:
    """Quote the passages found, or list the notes."""
    entries = [e for e in found.by("chart_notes") if e.section != "conflict"]
    passages = passages_once(e for e in entries if e.field("passage"))
    # What an EHR's tool says in words has the date of its asking, later than every note: it takes no note's place.
    passages.sort(key=lambda entry: entry.name.startswith(STATEMENT))
    # A service that wrote nothing itself: that comes before what others say of it.
    yield from show(e.handle for e in entries if passages and e.section == "search")
    for entry in passages[:MOST_PASSAGES]:
        yield from passage_sentences(entry)
    if len(passages) > MOST_PASSAGES:
        yield f"{MOST_PASSAGES} of {len(passages)} passages shown, newest first."
    if not passages:
        yield from show(e.handle for e in entries[:12])
    if found.plan.leftover and any(service_named(word) for word in found.plan.leftover):
        # Asked what one service wrote: what others' notes contradict is no part of it.
        return
    for entry in found.by("chart_notes") if "notes" in found.plan.topics else ():
        if entry.section == "conflict":
            yield "*The note and the record differ; both are shown.*"
            yield from passage_sentences(entry)
            yield from show(entry.field("rows").split())


# ---------------------------------------------------------------- overview, changes


def overview(found: Found) -> Iterator[str]:
    """Yield orders, problems, allergies and what is pending."""
    mine = found.by("chart_overview")
    yield from show(e.handle for e in mine if e.section == "medications")
    yield from show(e.handle for e in first_of_each(e for e in mine if e.section == "problems"))
    yield from show(
        e.handle
        for e in sorted(mine, key=lambda e: not _severe(e))
        if e.section == "allergies" and e.group in CURRENT
    )
    yield from show(e.handle for e in mine if e.section in ("requests", "reports"))


def changes(found: Found) -> Iterator[str]:
    """Yield what is newer than the visit counted from, flagged results first."""
    mine = found.by("changes_since")
    mark = next((e for e in mine if e.section == "anchor"), None)
    if mark and mark.handle:
        yield f"Counted from the {mark.group} of {mark.name} [{mark.handle}]."
    series = [e for e in mine if e.cells and e.section == "labs"]
    flagged = [e for e in series if e.cells[0].flag]
    yield from show(e.handle for e in (flagged or series)[:MOST_SERIES])
    if found.plan.anchor:
        dangerous = sorted(
            (e for e in series if e.field("urgency")), key=lambda e: int(e.field("urgency"))
        )
        yield from show(e.handle for e in dangerous[:MOST_SERIES])
        yield from show(e.handle for e in mine if e.cells and e.section == "vitals")
        yield from show(
            e.handle for e in mine if e.section in ("administrations", "flags", "procedures")
        )
    for section in ("medications", "problems", "notes"):
        yield from show(e.handle for e in mine if e.section == section)
    waiting = [e for e in mine if e.section in ("requests", "reports") and e.group in WAITING]
    yield from show(e.handle for e in waiting)
    yield from show(e.handle for e in mine if e.section == "search")


# ---------------------------------------------------------------- words searched


def searched(found: Found) -> Iterator[str]:
    """Yield what holds the words searched: problems first, then records, results, passages; then what was not found."""
    plan, mine = found.plan, found.by("chart_search")
    listed = {e.handle for e in found.by("chart_results")}
    listed |= {e.handle for e in found.by("chart_section")} if plan.give else set()
    named = {e.handle for e in mine if e.section == "medications" and _named(found, e)}
    rows = [
        e
        for e in mine
        if e.section not in ("search", "notes", "family") and e.handle not in listed | named
    ]
    if not any(asked.section == "microbiology" for asked in plan.parts):
        # What a germ is susceptible to is no level of the medicine.
        rows = [e for e in rows if "susceptib" not in e.name.casefold()]
    yield from show(e.handle for e in first_of_each(e for e in rows if e.section == "problems"))
    apart = ("problems", "encounters", *(("medications",) if plan.give else ()))
    plain = [e for e in rows if not e.cells and e.section not in apart]
    yield from show(e.handle for e in plain)
    yield from parts_asked.concluded([e for e in plain if e.section == "reports"])
    visits = [e for e in rows if e.section == "encounters"]
    yield from show(e.handle for e in visits[:MOST_VISITS])
    series = [e for e in rows if e.cells]
    for entry in [e for e in series if e.section == "other"][:MOST_OBSERVED]:
        yield from show(cell.handle for cell in entry.cells[:MOST_OBSERVED])
    yield from show(e.handle for e in [e for e in series if e.section != "other"][:MOST_SERIES])
    yield from _passages(found, few=bool(plan.problems and rows))
    yield from _not_found(found, mine, nothing=not rows and not found.of("notes"))


def _named(found: Found, entry: Entry) -> bool:
    return any(contains(entry.name, drug) for drug in found.plan.drugs)


def _passages(found: Found, *, few: bool) -> Iterator[str]:
    """Quote passages; before giving, those about the whole class come first ("avoid NSAIDs")."""
    entries = passages_once(e for e in found.by("chart_search") if e.section == "notes")
    kinds = [k for word in found.plan.related for k in found.synonyms.classes_of(word)]
    words = {word for kind in kinds for word in kind.words}
    entries.sort(key=lambda e: not any(contains(e.field("passage"), word) for word in words))
    most = MOST_PASSAGES // 2 if few else MOST_PASSAGES
    for entry in entries[:most]:
        yield from passage_sentences(entry)
    if len(entries) > most:
        yield f"{most} of {len(entries)} passages shown."


def _not_found(found: Found, mine: Sequence[Entry], *, nothing: bool) -> Iterator[str]:
    """Name the words that nothing holds as words; a slip is asked about instead."""
    plan = found.plan
    for search in mine:
        word = search.field("word")
        asked_back = bool(search.field("near")) or word in plan.slips
        if search.section != "search" or asked_back or word in (*plan.drugs, *plan.related):
            continue
        alone = not plan.matches and nothing
        shut = not search.field("complete") and search.field("searched") == "0"
        visits = word in plan.leftover and {"visit", "admission", "emergency"} & set(plan.topics)
        if word in plan.problems or word in plan.spelt or alone or shut or visits:
            yield from show([search.handle])


def abnormal(found: Found) -> Iterator[str]:
    """Yield every test whose newest result is flagged, a few at a time."""
    if not found.plan.abnormal:
        return
    flagged, _ = found.leads()
    handles = [series.handle for series, _ in flagged]
    for at in range(0, len(handles), MOST_SERIES):
        yield from show(handles[at : at + MOST_SERIES])
    if not handles:
        yield from show(e.handle for e in found.by("chart_results") if e.section == "search")


def slips(found: Found) -> Iterator[str]:
    """Ask about the words that are one edit away from a known one and stand nowhere."""
    missed = found.unmatched()
    for word, known in found.plan.slips.items():
        if word in missed:
            yield f"Did you mean {known}?"
    for search in found.by("chart_search"):
        if search.field("near") and search.field("word") not in found.plan.slips:
            yield f"Did you mean {search.field('near')}?"


def leads(found: Found, most: int) -> Iterator[str]:
    """Yield the newest results, flagged ones first; where not all flagged ones are named, how many are."""
    flagged, others = found.leads()
    for series, cell in [*flagged, *others][:most]:
        yield result_sentence(series, cell)
    if len(flagged) > most:
        yield f"{most} of {len(flagged)} flagged results named here."
