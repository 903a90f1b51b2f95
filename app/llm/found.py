"""What the tools found for a question, by section and by tool, in the order in which it matters."""

from collections.abc import Iterable, Sequence

from app.llm.asked_words import is_alert_of
from app.llm.plan import Plan
from app.llm.port import Cell, Entry, Reply
from app.llm.synonyms import Synonyms, contains, forms

CRITICAL = ("HH", "LL", "AA")
RESULTS = ("labs", "vitals", "other")


class Found:
    """The answers of the tools to one question."""

    def __init__(self, plan: Plan, replies: Sequence[Reply], synonyms: Synonyms) -> None:
        self.plan = plan
        self.synonyms = synonyms
        self._replies = [reply for reply in replies if not reply.is_error]
        every = {
            (e.section, e.handle, e.field("word")): e for r in self._replies for e in r.entries
        }
        self.entries = list(every.values())

    def of(self, *sections: str) -> list[Entry]:
        """Return what was found of some sections, each once."""
        return list({e.handle: e for e in self.entries if e.section in sections}.values())

    def by(self, tool: str) -> list[Entry]:
        """Return what one tool gave."""
        return [e for reply in self._replies if reply.name == tool for e in reply.entries]

    def searches(self, section: str) -> list[Entry]:
        """Return the searches of one section that found nothing."""
        return [e for e in self.of("search") if e.field("section") == section]

    # ------------------------------------------------------------ results

    def newest(self) -> list[Entry]:
        """Return one series for each test: the one with the newest result (a test may have several codes)."""
        best: dict[str, Entry] = {}
        alerts = next((w for a, w in self.plan.parts.items() if a.section == "alerts"), "")
        germs = any(asked.section == "microbiology" for asked in self.plan.parts)
        for entry in self.of(*RESULTS):
            if entry.field("view") == "alerts" and not is_alert_of(
                alerts, entry.section, entry.name
            ):
                continue
            # What a germ is susceptible to is no level of the medicine.
            if not entry.cells or ("susceptib" in entry.name.casefold() and not germs):
                continue
            known = self.synonyms.of_code(entry.codes[0])
            name = known.name if known else entry.name
            if name not in best or entry.cells[0].moment > best[name].cells[0].moment:
                best[name] = entry
        return list(best.values())

    def leads(self) -> tuple[list[tuple[Entry, Cell]], list[tuple[Entry, Cell]]]:
        """Return flagged and other newest results: critical first, then the dangerous tests; old ones only if asked."""
        plan = self.plan
        asked = bool(plan.tests or plan.panels or plan.problems)
        pairs = [(s, s.cells[0]) for s in self.newest() if asked or not s.field("age")]
        flagged = [pair for pair in pairs if pair[1].flag]
        flagged.sort(
            key=lambda p: (not p[1].flag.startswith(CRITICAL), int(p[0].field("urgency") or 99))
        )
        return flagged, [pair for pair in pairs if not pair[1].flag] if asked else []

    # ------------------------------------------------------------ words

    def related(self, name: str) -> bool:
        """Tell whether an allergy is to a substance that the question names, or to one of its class."""
        plan = self.plan
        kinds = [*plan.classes, *(c for d in plan.drugs for c in self.synonyms.classes_of(d))]
        words = [*plan.drugs, *plan.leftover, *plan.quoted]
        words += [
            w for k in kinds if not k.name.startswith("other ") for w in (*k.words, *k.ingredients)
        ]
        return any(contains(name, form) for word in words for form in forms(word))

    def unmatched(self) -> list[str]:
        """Return the words of the question that nothing here knows and nothing in the chart holds."""
        plan = self.plan
        loose = [*plan.leftover, *plan.quoted]
        missed = [e.field("word") for e in self.entries if e.section == "search" and not _shut(e)]
        return [*(w for w in dict.fromkeys(missed) if w in loose), *plan.ignored]

    def unread(self) -> list[str]:
        """Return the words for which a section could not be read at all: neither matched nor not matched."""
        return [e.field("word") for e in self.entries if e.section == "search" and _shut(e)]


def _shut(search: Entry) -> bool:
    return not search.field("complete") and search.field("searched") == "0"


def first_of_each(entries: Iterable[Entry]) -> list[Entry]:
    """Return each problem once: a visit repeats what the list says."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        found.setdefault((entry.name, entry.group), entry)
    return list(found.values())


def passages_once(entries: Iterable[Entry]) -> list[Entry]:
    """Return each passage once: a copy is quoted at its first note."""
    found: dict[str, Entry] = {}
    for entry in entries:
        words = " ".join(entry.field("passage").split())
        found.setdefault(words, entry)
    return list(found.values())
