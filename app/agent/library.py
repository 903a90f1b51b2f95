"""Join an answer with its launch: handles to chips and blocks, and the words that its chart knows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from app.agent.answer import Chip, Library
from app.agent.evidence import gather
from app.agent.facts import Lexicon
from app.agent.grounding import Background, First, Patient
from app.fhir.blocks import show
from app.fhir.chart import Chart
from app.fhir.dates import years_old
from app.fhir.display import Block
from app.fhir.note import COPIED_WORDS
from app.fhir.reader import LaunchChart
from app.fhir.relative_days import in_words
from app.llm.streams import elsewhere
from app.llm.synonyms import Synonyms, load
from app.tools.bounds import as_data
from app.tools.calculators.catalogue import CALCULATORS
from app.tools.calculators.needs import ENTERABLE

# What a medicine's name as sent goes on with, behind its ingredients.
STRENGTH = re.compile(r"\s*\d.*$")
# What the handles of notes and reports begin with.
NOTES = ("N", "R")
BETWEEN = re.compile(r"\s*(?:/|,| and |\+)\s*")


def library(launch: LaunchChart) -> Library:
    """Return how the answers of a launch look handles up."""

    def chip(handle: str) -> Chip:
        # The text of a note may have to be fetched, or waited for while another thread fetches one; so may a chart.
        apart = handle[:1] in NOTES or not launch.sections
        return elsewhere(lambda: made(handle)) if apart else made(handle)

    def made(handle: str) -> Chip:
        chart = launch.chart
        evidence = gather(chart, handle, note_words(launch, handle))
        return Chip(
            handle=handle, n=launch.sources.number(handle), label=chart.label(handle),
            summary=chart.summary(handle), evidence=evidence,
        )  # fmt: skip

    def blocks(handles: Sequence[str]) -> tuple[Block, ...]:
        return elsewhere(lambda: show(launch, handles))

    return Library(chip=chip, show=blocks)


def note_words(launch: LaunchChart, handle: str) -> str:
    """Return the text of a note or report, as the tools give it; "" for every other handle."""
    line = launch.chart.line(handle) if handle[:1] in NOTES else None
    if line is None or line.reference not in launch.chart.texts:
        return ""
    text = launch.texts.text(launch.chart.resources[line.reference]) or ""
    # The days that its words mean are given to a model beside them, and so may be said.
    days = launch.texts.days(launch.chart, line)
    return as_data("\n".join(filter(None, (text, in_words(days)))))


def background(launch: LaunchChart, zone: ZoneInfo, question: str) -> Background:
    """Return what an answer's sentences are checked against besides their sources."""
    known = launch.made(_known)
    return replace(known, zone=zone, question=question, first_note=FirstNotes(launch).find)


def _known(chart: Chart) -> Background:
    """Return what a chart's own words are, whatever is asked."""
    facts = [f for lines in chart.tables.values() for line in lines for f in line.facts]
    return Background(
        lexicon=lexicon(chart, load()), zone=chart.zone, patient=patient(chart),
        people=frozenset(f.value for f in facts if f.field == "author"),
        sites=frozenset(f.value for f in facts if f.field == "site"),
        records=frozenset(f.value for f in facts if f.field in ("problem", "substance")),
    )  # fmt: skip


def patient(chart: Chart) -> Patient:
    """Return who the chart is of."""
    sent = chart.patient
    names = [
        word
        for name in sent.get("name") or []
        for part in (*(name.get("given") or []), name.get("family") or "")
        for word in re.split(r"\W+", str(part).casefold())
    ]
    born = str(sent.get("birthDate") or "")
    return Patient(
        names=frozenset(names) - {""}, born=born, sex=str(sent.get("gender") or ""),
        age=years_old(born, chart.now.astimezone(chart.zone).date().isoformat()),
    )  # fmt: skip


class FirstNotes:
    """Find the note that words were first written in; note texts are read once, when first asked for."""

    def __init__(self, launch: LaunchChart) -> None:
        self._launch = launch
        self._texts: list[tuple[str, str, str, str]] | None = None

    def find(self, reference: str, words: str) -> First | None:
        """Return the earliest note before `reference` that holds these words; short ones are no copy."""
        wanted = _flat(words)
        if len(wanted.split()) < COPIED_WORDS:
            return None
        if self._texts is None:
            notes = elsewhere(lambda: self._launch.texts.notes(self._launch.chart))
            self._texts = [(n.date, n.reference, n.author, _flat(n.text)) for n in notes]
        mine = next((date for date, r, _, _ in self._texts if r == reference), "")
        earlier = [(d, a) for d, _, a, text in self._texts if d < mine and wanted in text]
        return First(date=min(earlier)[0], author=min(earlier)[1]) if earlier else None


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()


def lexicon(chart: Chart, synonyms: Synonyms) -> Lexicon:
    """Return the tests and medicines that a sentence may name: this chart's, and the reviewed ones."""
    tests = {word: test.name.casefold() for test in synonyms.tests for word in test.words}
    for grid in chart.grids.values():
        for row in grid.rows:
            known = synonyms.of_code(row.code)
            group = known.name.casefold() if known else row.name.casefold()
            names = {
                row.name,
                *(e.name for r in next(iter(row.cells.values())) for e in r.evidence),
            }
            tests.update({name.casefold(): group for name in names if len(name) > 1})
    for name, group in computed_names(synonyms):
        tests.setdefault(name, group)
    ours = {word for line in chart.tables.get("M", []) for word in drug_words(line.text("drug"))}
    listed = {ingredient.casefold() for ingredient in synonyms.ingredients}
    return Lexicon(
        tests=tests,
        drugs=frozenset(ours | listed),
        chart_drugs=frozenset(ours),
        problems={
            word.casefold(): tuple(f.casefold() for f in p.finds)
            for p in synonyms.problems
            for word in p.words
        },
    )


def computed_names(synonyms: Synonyms) -> Iterator[tuple[str, str]]:
    """Yield what a computed value is called, with its group: eGFR and BMI are also measured, and mean the same."""
    words = {c.name: c.words for c in synonyms.calculations}
    # What a user entered is no value of the chart, and goes by another name.
    yield from (
        (entered, entered) for need in ENTERABLE if (entered := f"entered {need.casefold()}")
    )
    for key, calculator in CALCULATORS.items():
        full = calculator.name.casefold()
        group = {"egfr": "egfr", "bmi": "bmi"}.get(key, full)
        plain = full.partition(" (")[0]
        yield from ((name, group) for name in (full, plain, *words.get(key, ())))
        yield from ((name.casefold(), name.casefold()) for name in calculator.beside)


def drug_words(name: str) -> set[str]:
    """Return the ingredients of a medicine's name as sent, in lower case: "aspirin 81 mg tablet" -> aspirin."""
    parts = [STRENGTH.sub("", part).strip().casefold() for part in BETWEEN.split(name)]
    words = {part for part in parts if len(part) > 3 and part[:1].isalpha()}
    return words | {part.split()[0] for part in words if len(part.split()[0]) > 4}


def numbers_in(value: object) -> set[int]:
    """Return the source numbers of everything in a block that was sent."""
    if isinstance(value, dict):
        own = {value["n"]} if isinstance(value.get("n"), int) else set()
        return own.union(*(numbers_in(part) for part in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(numbers_in(part) for part in value))
    return set()
