"""The rows of the parts of the chart that a question asks for, what they do not tell, and what is declined by name."""

import re
from collections.abc import Iterator, Sequence

from app.llm.asked_sections import Asked
from app.llm.found import Found
from app.llm.port import Entry
from app.llm.sentences import capital, show
from app.llm.synonyms import contains, forms

MOST_DOSES, MOST_ROWS = 3, 40
GIVEN = ("given", "in-progress", "stopped")
# Words of a question and the beginning of what the record calls it.
STEMS = {
    "ct": ("ct", "computed tomography"), "cat": ("ct", "computed tomography"), "mri": ("mr", "mri", "magnetic"),
    "echo": ("echo",), "x-ray": ("x-ray", "xr", "radiograph", "plain"), "xray": ("x-ray", "xr", "radiograph", "plain"),
    "tetanu": ("tetanus", "tdap", "td "), "flu": ("influenza", "flu"), "influenza": ("influenza", "flu"),
    "shingle": ("zoster", "shingles"), "ultrasound": ("ultraso", "us", "sono"), "colonoscopy": ("colonoscop",), "pet": ("pet", "positron"),
}  # fmt: skip


def parts(found: Found) -> Iterator[str]:
    """Yield each part: a lead for doses, rows or the search that found none, and what the rows do not tell."""
    for asked, words in found.plan.parts.items():
        mine = [e for e in found.by("chart_section") if e.field("view") == asked.section]
        rows = [e for e in mine if e.section not in ("search", "missing")]
        rows = [e for e in rows if _is_about(e, words)] if asked.about else rows
        yield from (e.name for e in mine if e.section == "missing")
        if asked.section == "administrations":
            rows = _of_drugs(found, rows)
            yield from _doses(rows)
        yield from show(e.handle for e in rows[:MOST_ROWS])
        yield from _concluded(rows)
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
    if (asked.about and not rows) or asked.section == "alerts":
        held = " ".join(e.name for e in rows).casefold()
        wanted = [word for word in words.split(", ") if word not in held]
        searched = [e for e in found.by("chart_search") if e.field("word") in wanted]
        yield from show(e.handle for e in searched if e.section == "search")


def _concluded(rows: Sequence[Entry]) -> Iterator[str]:
    """Quote what reports conclude, word for word."""
    told = [e for e in rows if e.field("conclusion")]
    for entry in told[:MOST_DOSES]:
        words = entry.field("conclusion").replace("“", "'").replace("”", "'")
        yield f"{capital(entry.name)}, {entry.field('role')} {entry.field('date')}: “{words}” [{entry.handle}]"


def _is_about(entry: Entry, words: str) -> bool:
    """Tell whether a row is about the words of the question, by the beginnings of its own words."""
    text = " ".join(
        (entry.name, *(entry.field(n) for n in ("modality", "study", "answers")))
    ).casefold()
    wanted = [w for w in re.findall(r"[a-z0-9-]+", words.casefold()) if w not in NOISE]
    stems = [s for w in wanted for s in STEMS.get(w.rstrip("s"), (w.rstrip("s"),))]
    return any(re.search(rf"(?<![a-z0-9]){re.escape(s)}", text) for s in stems)


NOISE = frozenset(("scan", "scans", "report", "reports", "score", "scores", "chest", "abdominal", "head", "imaging"))  # fmt: skip


def _of_drugs(found: Found, rows: list[Entry]) -> list[Entry]:
    """Keep the doses of the medicines that the question names, all where it names none."""
    plan = found.plan
    kinds = [*plan.classes]
    words = [*plan.drugs, *plan.leftover]
    if not words and not kinds:
        return rows
    return [
        e for e in rows
        if any(contains(e.name, form) for w in words for form in forms(w)) or any(k.holds(e.name) for k in kinds)
    ]  # fmt: skip


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
