"""Write an answer from what the tools returned, by fixed patterns: what can harm now, then what was asked.

Sentences follow the citation grammar and are checked like any model's. "Ordered" is never "started", a range and a
flag are printed as sent, names are never cut, nothing is compared.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from app.llm.intents import Plan
from app.llm.port import Cell, Entry, Reply
from app.llm.synonyms import Synonyms

CAN_LOOK_UP = (
    "*Nothing was looked up: these words ask for nothing that can be found without a language model.*\n\n"
    "What can be looked up: a summary, active problems, medicines, allergies, laboratory results and vital signs by "
    "name, what is pending, the last visit, what changed since the last visit, and words in notes.\n"
)
NOTHING_EXPLAINED = "Nothing is explained or compared."
MOST_FLAGGED, MOST_PASSAGES, MOST_ROWS, MOST_SERIES = 6, 4, 60, 8
CRITICAL = ("HH", "LL", "AA")
WAITING = ("pending", "in progress", "on-hold")


def write(
    plan: Plan, replies: Sequence[Reply], synonyms: Synonyms, refused: Iterable[str] = ()
) -> str:
    """Return the whole answer."""
    if plan.empty:
        return CAN_LOOK_UP
    found = _Answer(plan, replies, synonyms)
    parts = [*found.harm(), *_remarks(plan, found), *found.asked(), *_refused(refused)]
    return "\n\n".join(parts) + "\n"


def _remarks(plan: Plan, found: "_Answer") -> Iterator[str]:
    """Name the words that were matched, in one line wholly in emphasis; then what is not read here."""
    named = [
        f"“{m.words}”" if m.means.casefold() == m.words else f"“{m.words}” = {m.means}"
        for m in plan.matches
    ]
    missing = found.unmatched()
    where = "words in notes" if "notes" in plan.topics else "words of the chart"
    named += [f"“{w}” = {where}" for w in (*plan.leftover, *plan.quoted) if w not in missing]
    missed = [f"“{words}”" for words in missing]
    line = f"Matched words: {'; '.join(named)}. " if named else ""
    line += f"Not matched: {', '.join(missed)}. " if missed and named else ""
    yield f"*{line}{NOTHING_EXPLAINED}*"
    if plan.unread:
        yield f"{', '.join(plan.unread)}: not among what can be looked up here."


REFUSED_WORDS = {
    "chart_notes": "Notes", "note_read": "Notes", "chart_results": "Results",
    "chart_pending": "Orders and reports", "chart_section": "This part of the chart",
    "chart_search": "Words", "chart_changes": "Changes", "chart_overview": "The summary",
}  # fmt: skip


def _refused(names: Iterable[str]) -> Iterator[str]:
    for name in sorted(names):
        what = REFUSED_WORDS.get(name, "This")
        yield f"{what} could not be looked up: this launch has no permission to read it. It may exist."


# ---------------------------------------------------------------- sentences


def result_sentence(series: Entry, cell: Cell) -> str:
    """Write "Sodium 140 mmol/L (135–145), collected 01-Feb-2025, final [L4a]."."""
    value = " ".join(part for part in (cell.text, series.unit, cell.flag) if part)
    limits = f" ({cell.limits})" if cell.limits else ""
    date = f", {cell.role} {cell.date}" if cell.date else ""
    status = f", {cell.status}" if cell.status else ""
    return f"{_capital(series.name)} {value}{limits}{date}{status} [{cell.handle}]."


def order_sentence(entry: Entry) -> str:
    """Write "Active order: NAME, 10 mg once daily, ordered 01-Feb-2025, supply to 02-May-2025 [M2]."."""
    how = " ".join(part for part in (entry.field("dose"), entry.field("frequency")) if part)
    status = "Active order" if entry.group == "active" else f"Order, {entry.group}"
    said = [entry.name, how, _dated(entry), entry.field("supply")]
    return f"{status}: {', '.join(part for part in said if part)} [{entry.handle}]."


def passage_sentences(entry: Entry) -> Iterator[str]:
    """Quote a passage word for word, at its first note where all of it stands there; say what was copied."""
    here = _who(entry.name, entry.field("date"), entry.field("author"))
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


def visit_sentence(entry: Entry) -> str:
    """Write "Last visit: office visit 01-Feb-2025, REASON, SITE, CLINICIAN [E2]."."""
    said = [
        f"{_small(entry.name)} {entry.field('date')}",
        entry.field("reason"),
        entry.field("site"),
        entry.field("author"),
    ]
    return f"Last visit: {', '.join(part for part in said if part)} [{entry.handle}]."


def _dated(entry: Entry) -> str:
    return f"{entry.field('role')} {entry.field('date')}".strip() if entry.field("date") else ""


def _capital(name: str) -> str:
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]


def _small(name: str) -> str:
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def show(handles: Iterable[str]) -> list[str]:
    """Ask for rows to be copied from the chart; nothing for no rows."""
    listed = list(dict.fromkeys(handles))[:MOST_ROWS]
    return [f"[show {' '.join(listed)}]"] if listed else []


# ---------------------------------------------------------------- the answer


class _Answer:
    """What was found, arranged by what it is."""

    def __init__(self, plan: Plan, replies: Sequence[Reply], synonyms: Synonyms) -> None:
        self._plan = plan
        self._synonyms = synonyms
        self._replies = [reply for reply in replies if not reply.is_error]
        every = {(e.section, e.handle): e for reply in self._replies for e in reply.entries}
        self._entries = list(every.values())

    def _of(self, *sections: str) -> list[Entry]:
        return [e for e in self._entries if e.section in sections]

    def _from(self, tool: str) -> list[Entry]:
        return [e for reply in self._replies if reply.name == tool for e in reply.entries]

    # ------------------------------------------------------------ what can harm now

    def harm(self) -> Iterator[str]:
        """Yield the newest result of every test asked for, flagged ones first; allergies first for "can I give"."""
        if self._plan.give:
            yield from self._allergies()
        cells = [(s, s.cells[0]) for s in self._newest() if s.cells]
        flagged = [pair for pair in cells if pair[1].flag]
        flagged.sort(key=lambda pair: not any(pair[1].flag.startswith(c) for c in CRITICAL))
        asked = bool(self._plan.tests or self._plan.panels)
        plain = [pair for pair in cells if not pair[1].flag] if asked else []
        for series, cell in [*flagged, *plain][:MOST_FLAGGED]:
            yield result_sentence(series, cell)

    def _newest(self) -> list[Entry]:
        """Return one series for each test: the one with the newest result (a test may have several codes)."""
        best: dict[str, Entry] = {}
        for entry in self._of("labs", "vitals", "other"):
            if not entry.cells or not self._wanted(entry):
                continue
            known = self._synonyms.of_code(entry.codes[0])
            name = known.name if known else entry.name
            if name not in best or entry.cells[0].moment > best[name].cells[0].moment:
                best[name] = entry
        return list(best.values())

    def _wanted(self, entry: Entry) -> bool:
        """Keep to the tests asked for; a word search gives series too."""
        return bool(entry.handle)

    # ------------------------------------------------------------ what was asked

    def asked(self) -> Iterator[str]:
        """Yield the rows for each thing asked for, in the order of the topics, then words that were searched."""
        writers: dict[str, Callable[[], Iterator[str]]] = {
            "overview": self._overview, "changes": self._changes, "medicines": self._medicines,
            "problems": self._problems, "pending": self._pending, "visit": self._visit,
            "fills": self._fills, "notes": self._notes,
        }  # fmt: skip
        yield from self._results()
        yield from self._kidney_orders()
        yield from self._classes()
        if "allergies" in self._plan.topics and not self._plan.give:
            yield from self._allergies()
        for topic in self._plan.topics:
            if topic == "medicines" and any(p.orders for p in self._plan.panels):
                continue
            yield from writers.get(topic, lambda: iter(()))()
        yield from self._searched()

    def _results(self) -> Iterator[str]:
        series = [e for e in self._from("chart_results") if e.cells]
        yield from show(e.handle for e in series[:MOST_SERIES])
        if len(series) > MOST_SERIES:
            yield f"{MOST_SERIES} of {len(series)} tests shown; ask for others by name."
        yield from self._none(self._from("chart_results"))

    def _kidney_orders(self) -> Iterator[str]:
        if not any(panel.orders == "kidney" for panel in self._plan.panels):
            return
        orders = [e for e in self._of("medications") if e.group == "active"]
        kinds = [c for c in self._synonyms.classes if c.kidney]
        matter = [e for e in orders if any(c.holds(e.name) for c in kinds)]
        if matter:
            yield "*Active orders on the kidney and potassium list; not every medicine that matters is on it.*"
        yield from show(e.handle for e in matter)

    def _classes(self) -> Iterator[str]:
        """Answer each class of medicines; a class without rows is said only if no class of the same word has one."""
        if not self._plan.classes:
            return
        orders = self._of("medications")
        empty = [
            e
            for e in self._of("search")
            if any(e.name.endswith(c.name) for c in self._plan.classes)
        ]
        rows = []
        for kind in self._plan.classes:
            mine = [e for e in orders if kind.holds(e.name)]
            rows += mine
            for entry in mine:
                yield f"{_capital(kind.name)}. {order_sentence(entry)}"
        if rows:
            yield from show(e.handle for e in rows)
        else:
            yield from show(e.handle for e in empty)

    def _allergies(self) -> Iterator[str]:
        rows = self._of("allergies")
        stated = [e for e in rows if e.group == "stated"]
        if stated and len(stated) == len(rows):
            for entry in stated:
                yield f"{_capital(entry.name)}, {_dated(entry)} [{entry.handle}]."
        current = [e for e in rows if e.group in ("active", "no status", "stated")]
        yield from show(e.handle for e in current or rows)
        if not rows:
            yield from self._section_none("allergies")
            yield "*An empty allergy list is not “no known allergies”.*"

    def _section_none(self, words: str) -> Iterator[str]:
        yield from show(e.handle for e in self._of("search") if e.name.endswith(words))

    def _medicines(self) -> Iterator[str]:
        rows = [e for e in self._from("chart_section") if e.section == "medications"]
        yield from show(e.handle for e in rows)
        if not rows:
            yield from self._section_none("medications")

    def _problems(self) -> Iterator[str]:
        rows = [e for e in self._from("chart_section") if e.section == "problems"]
        yield from show(e.handle for e in rows)
        if not rows:
            yield from self._section_none("problems")

    def _pending(self) -> Iterator[str]:
        entries = self._from("chart_pending")
        rows = [e for e in entries if e.section != "search"]
        yield from show(e.handle for e in rows)
        if not rows:
            yield from show(e.handle for e in entries)

    def _visit(self) -> Iterator[str]:
        rows = [e for e in self._of("encounters") if e.group in ("finished", "onleave", "unknown")]
        rows.sort(key=lambda e: e.field("sort"), reverse=True)
        if rows:
            yield visit_sentence(rows[0])
            yield from show(e.handle for e in rows[:3])
        else:
            yield from self._section_none("encounters")

    def _fills(self) -> Iterator[str]:
        yield from show(e.handle for e in self._of("dispenses"))
        if not self._of("dispenses"):
            yield from self._section_none("fills")

    def _notes(self) -> Iterator[str]:
        entries = self._from("chart_notes")
        passages = _unique(e for e in entries if e.field("passage"))
        for entry in passages[:MOST_PASSAGES]:
            yield from passage_sentences(entry)
        if len(passages) > MOST_PASSAGES:
            yield f"{MOST_PASSAGES} of {len(passages)} passages shown, newest first."
        if not passages:
            yield from show(e.handle for e in entries[:12])

    def _overview(self) -> Iterator[str]:
        found = self._from("chart_overview")
        for section in ("medications", "problems", "allergies"):
            yield from show(e.handle for e in found if e.section == section)
        yield from show(e.handle for e in found if e.section in ("requests", "reports"))

    def _changes(self) -> Iterator[str]:
        found = self._from("chart_changes")
        mark = next((e for e in found if e.section == "anchor"), None)
        if mark and mark.handle:
            yield f"Counted from the visit of {mark.name} [{mark.handle}]."
        series = [e for e in found if e.cells and e.section == "labs"]
        flagged = [e for e in series if e.cells[0].flag]
        yield from show(e.handle for e in (flagged or series)[:MOST_SERIES])
        for section in ("medications", "problems", "notes"):
            yield from show(e.handle for e in found if e.section == section)
        waiting = [e for e in found if e.section in ("requests", "reports") and e.group in WAITING]
        yield from show(e.handle for e in waiting)
        yield from show(e.handle for e in found if e.section == "search")

    # ------------------------------------------------------------ words searched

    def unmatched(self) -> list[str]:
        """Return the searched words that nothing in the chart holds."""
        missed = [e.name for e in self._from("chart_search") if e.section == "search"]
        return list(dict.fromkeys(missed))

    def _searched(self) -> Iterator[str]:
        found = self._from("chart_search")
        rows = [e for e in found if e.section not in ("search", "notes")]
        yield from show(e.handle for e in rows if not e.cells)
        yield from show(e.handle for e in [r for r in rows if r.cells][:MOST_SERIES])
        for entry in _unique(e for e in found if e.section == "notes")[:MOST_PASSAGES]:
            yield from passage_sentences(entry)
        if not self._plan.matches and not rows and not self._of("notes"):
            yield from show(e.handle for e in found if e.section == "search")

    def _none(self, entries: Sequence[Entry]) -> Iterator[str]:
        """Show what was searched for each test that has no result; a panel's missing member only if all are missing."""
        missing = [e for e in entries if e.section == "search"]
        single = {t.name for t in self._plan.tests}
        nothing = not any(e.cells for e in entries)
        yield from show(e.handle for e in missing if e.name in single or nothing)


def _unique(entries: Iterable[Entry]) -> list[Entry]:
    """Return each passage once: a copy is quoted at its first note."""
    found: dict[str, Entry] = {}
    for entry in entries:
        words = " ".join(entry.field("passage").split())
        found.setdefault(words, entry)
    return list(found.values())
