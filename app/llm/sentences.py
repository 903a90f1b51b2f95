"""The fixed patterns of single sentences, in the citation grammar; they are checked like any model's.

"Ordered" is never "started", a range and a flag are printed as sent, names are never cut, nothing is compared.
"""

from collections.abc import Iterable, Iterator

from app.llm.port import Cell, Entry

MOST_ROWS = 60


def result_sentence(series: Entry, cell: Cell) -> str:
    """Write "Sodium 140 mmol/L (135–145), collected 01-Feb-2025, final [L4a]."."""
    value = " ".join(part for part in (cell.text, series.unit, cell.flag) if part)
    # A range in words ("normal adult range") beside a value would be read as a judgement of it.
    limits = f" ({cell.limits})" if any(c.isdigit() for c in cell.limits) else ""
    date = f", {cell.role} {cell.date}" if cell.date else ""
    age = f" ({series.field('age')})" if series.field("age") and cell is series.cells[0] else ""
    status = f", {cell.status}" if cell.status else ""
    return f"{capital(series.name)} {value}{limits}{date}{age}{status} [{cell.handle}]."


def order_sentence(entry: Entry) -> str:
    """Write "Active order: NAME, 10 mg once daily, ordered 01-Feb-2025, supply to 02-May-2025 [M2]."."""
    how = " ".join(part for part in (entry.field("dose"), entry.field("frequency")) if part)
    status = "Active order" if entry.group == "active" else f"Order, {entry.group}"
    said = [entry.name, how, dated(entry), entry.field("supply")]
    return f"{status}: {', '.join(part for part in said if part)} [{entry.handle}]."


def passage_sentences(entry: Entry) -> Iterator[str]:
    """Quote a passage word for word, at its first note where all of it stands there; say what was copied."""
    # Which other note it belongs to stands in the source; a sentence says only what kind of note this is.
    standing = entry.field("standing").partition(",")[0].partition(":")[0]
    here = _who(entry.name, entry.field("date"), entry.field("author"), standing)
    first = _who(*(entry.field(f"copied {part}") for part in ("name", "date", "author")))
    words = entry.field("passage").replace("“", "'").replace("”", "'")
    if entry.field("copied from"):
        yield f"{first}: “{words}” [{entry.field('copied from')}]"
        yield f"Copied forward into: {here} [{entry.handle}]."
        return
    yield f"{here}: “{words}” [{entry.handle}]"
    if entry.field("part from"):
        yield f"Part of it was first written: {first} [{entry.field('part from')}]."


def _who(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def visit_sentence(entry: Entry, what: str = "Last visit") -> str:
    """Write "Last visit: office visit 01-Feb-2025, REASON, SITE, CLINICIAN [E2]."."""
    said = [
        f"{small(entry.name)} {entry.field('date')}",
        entry.field("reason"),
        entry.field("site"),
        entry.field("author"),
    ]
    return f"{what}: {', '.join(part for part in said if part)} [{entry.handle}]."


def dated(entry: Entry) -> str:
    """Return "ordered 01-Feb-2025"; empty without a date."""
    return f"{entry.field('role')} {entry.field('date')}".strip() if entry.field("date") else ""


def is_confirmed(entry: Entry) -> bool:
    """Tell whether a stated absence may be said in a sentence: an unconfirmed one is shown as its row only."""
    return entry.field("verification") in ("", "confirmed")


def stated_absence(entry: Entry) -> str:
    """Write "No known allergy, recorded 01-Feb-2025 [A1]."."""
    return f"{', '.join(filter(None, (capital(entry.name), dated(entry))))} [{entry.handle}]."


def capital(name: str) -> str:
    """Begin a sentence with a name; eGFR stays."""
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]


def small(name: str) -> str:
    """Put a name inside a sentence; HbA1c stays."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def show(handles: Iterable[str]) -> list[str]:
    """Ask for rows to be copied from the chart; nothing for no rows."""
    listed = list(dict.fromkeys(handles))[:MOST_ROWS]
    return [f"[show {' '.join(listed)}]"] if listed else []
