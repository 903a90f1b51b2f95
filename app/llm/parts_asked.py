"""The rows of the parts of the chart that a question asks for, what they do not tell, and what is declined by name."""

from collections.abc import Iterator, Sequence

from app.llm.asked_sections import Asked
from app.llm.asked_words import is_about, is_alert_of
from app.llm.found import Found
from app.llm.port import Entry
from app.llm.sentences import capital, show

MOST_DOSES, MOST_ROWS = 3, 40
GIVEN = ("given", "in-progress", "stopped")


def parts(found: Found) -> Iterator[str]:
    """Yield each part: a lead for doses, rows or the search that found none, and what the rows do not tell."""
    for asked, words in found.plan.parts.items():
        mine = [e for e in found.by("chart_section") if e.field("view") == asked.section]
        rows = [e for e in mine if e.section not in ("search", "missing")]
        rows = [e for e in rows if _is_about(e, words)] if asked.about else rows
        yield from (e.name for e in mine if e.section == "missing")
        rows = _alerts(rows, words) if asked.section == "alerts" else rows
        if asked.section == "administrations":
            yield from _doses(rows)
        yield from show(e.handle for e in rows[:MOST_ROWS])
        yield from concluded(rows)
        if len(rows) > MOST_ROWS:
            yield f"{MOST_ROWS} of {len(rows)} rows shown, newest first."
        yield from show(e.handle for e in mine if e.section == "search")
        yield from _nothing_about(found, asked, words, mine, rows)
        if asked.note:
            yield f"*{asked.note}*"


def _nothing_about(
    found: Found, asked: Asked, words: str, mine: Sequence[Entry], rows: Sequence[Entry]
) -> Iterator[str]:
    """Where rows of the part are about something else, say so and show the search of the words in the whole chart."""
    others = [e for e in mine if e.section not in ("search", "missing")]
    if asked.about and others and not rows:
        yield f"*The {asked.means} listed are about something else; “{words}” was searched in the whole chart.*"
    if not rows and (asked.about or asked.section == "alerts"):
        wanted = words.split(", ")
        searched = [e for e in found.by("chart_search") if e.field("word") in wanted]
        yield from show(e.handle for e in searched if e.section == "search")


def doses(found: Found) -> Iterator[str]:
    """Yield the doses that were looked for beside allergies: whether a class was given since."""
    mine = [e for e in found.by("chart_section") if e.field("view") == "administrations"]
    rows = [e for e in mine if e.section != "search"]
    yield from _doses(rows)
    yield from show(e.handle for e in rows[:MOST_ROWS] or mine)


def concluded(rows: Sequence[Entry]) -> Iterator[str]:
    """Quote what reports conclude, word for word."""
    told = [e for e in rows if e.field("conclusion")]
    for entry in told[:MOST_DOSES]:
        words = entry.field("conclusion").replace("“", "'").replace("”", "'")
        yield f"{capital(entry.name)}, {entry.field('role')} {entry.field('date')}: “{words}” [{entry.handle}]"


def _is_about(entry: Entry, words: str) -> bool:
    """Tell whether a row is about the words of the question, by the beginnings of its own words."""
    said = (entry.name, *(entry.field(n) for n in ("modality", "study", "answers")))
    return is_about(" ".join(said), words)


def _alerts(rows: Sequence[Entry], words: str) -> list[Entry]:
    """Keep the kinds of alert that a question asks for; all where it asks for alerts at large."""
    return [e for e in rows if is_alert_of(words, e.section, f"{e.name} {e.field('category')}")]


def _doses(rows: Sequence[Entry]) -> Iterator[str]:
    """Name the last dose that was given of each medicine."""
    last: dict[str, Entry] = {}
    for entry in rows:
        if entry.group in GIVEN and entry.field("date"):
            last.setdefault(entry.name, entry)
    newest = sorted(last.values(), key=lambda e: e.field("sort"), reverse=True)
    for entry in newest[:MOST_DOSES]:
        dose = f" {entry.field('dose')}" if entry.field("dose") else ""
        yield f"Last dose: {entry.name}{dose}, given {entry.field('date')} [{entry.handle}]."
    if rows and not last:
        yield f"{capital('no dose of these was recorded as given.')}"
