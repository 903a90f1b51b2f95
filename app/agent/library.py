"""Join an answer with its launch: handles to chips and blocks, and the words that its chart knows."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from app.agent.answer import Chip, Library
from app.agent.evidence import gather
from app.agent.facts import Lexicon
from app.agent.grounding import Background
from app.fhir.blocks import show
from app.fhir.chart import Chart
from app.fhir.display import Block
from app.fhir.reader import LaunchChart
from app.llm.synonyms import Synonyms, load
from app.tools.bounds import as_data

# What a medicine's name as sent goes on with, behind its ingredients.
STRENGTH = re.compile(r"\s*\d.*$")
BETWEEN = re.compile(r"\s*(?:/|,| and |\+)\s*")


def library(launch: LaunchChart) -> Library:
    """Return how the answers of a launch look handles up."""

    def chip(handle: str) -> Chip:
        chart = launch.chart
        evidence = gather(chart, handle, note_words(launch, handle))
        return Chip(
            handle=handle, n=launch.sources.number(handle), label=chart.label(handle),
            summary=chart.summary(handle), evidence=evidence,
        )  # fmt: skip

    def blocks(handles: Sequence[str]) -> tuple[Block, ...]:
        return show(launch, handles)

    return Library(chip=chip, show=blocks)


def note_words(launch: LaunchChart, handle: str) -> str:
    """Return the text of a note, as the tools give it; "" for every other handle."""
    line = launch.chart.line(handle) if handle.startswith("N") else None
    if line is None:
        return ""
    return as_data(launch.texts.text(launch.chart.resources[line.reference]) or "")


def background(launch: LaunchChart, zone: ZoneInfo, question: str) -> Background:
    """Return what an answer's sentences are checked against besides their sources."""
    return Background(lexicon=lexicon(launch.chart, load()), zone=zone, question=question)


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
    ours = {word for line in chart.tables.get("M", []) for word in drug_words(line.text("drug"))}
    listed = {ingredient.casefold() for ingredient in synonyms.ingredients}
    return Lexicon(tests=tests, drugs=frozenset(ours | listed), chart_drugs=frozenset(ours))


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
