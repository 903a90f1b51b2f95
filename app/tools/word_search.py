"""Find words anywhere in a chart. A word that nothing holds is named as a word, with what was looked through."""

import re
from typing import Annotated

from msgspec import Meta

from app.fhir.chart import Chart
from app.fhir.citation import SearchRecord
from app.fhir.reader import LaunchChart
from app.fhir.sections import BY_NAME, SectionName
from app.fhir.unsorted import joined, without_name, without_value
from app.llm.port import Entry
from app.llm.synonyms import Synonyms, load, one_edit
from app.tools.bounds import as_data
from app.tools.entries import line_entry, literal, none_records, none_text, row_entry, search_entry
from app.tools.lookup import (
    ingredients_of,
    lines_named,
    rows_named,
    searched_words,
    unvalued_named,
)
from app.tools.note_tools import passages_with
from app.tools.registry import Found

# Parts beyond the first screen that words are searched in, and the letters of their records.
MORE: tuple[SectionName, ...] = (
    "procedures", "immunizations", "imaging", "statements", "flags", "consents", "devices", "device_use", "family",
    "questionnaires", "care_plans",
)  # fmt: skip
SEARCHED = (
    "P", "M", "A", "E", "R", *dict.fromkeys(BY_NAME[name].prefix for name in MORE)
)  # fmt: skip
# What a line of a record has to say beside its name, date and dose.
BESIDE = ("reaction", "rate", "status reason", "author", "conclusion", "passage")
LEAST_LETTERS = 6
SHUT = ("denied", "failed", "not_offered")
Words = Annotated[list[Annotated[str, Meta(min_length=2, max_length=80)]], Meta(max_length=12)]


def chart_search(launch: LaunchChart, words: Words) -> Found:
    """Find words anywhere in the chart: tests, medicines, problems, visits, reports, procedures, notes. Each apart."""
    synonyms = load()
    names: tuple[SectionName, ...] = (
        "problems", "medications", "allergies", "encounters", "labs", "vitals", "other", "requests", "reports", "notes",
    )  # fmt: skip
    names = (*names[:-1], *_readable(launch, (*names, *MORE)), "notes")
    texts: list[str] = []
    entries: list[Entry] = []
    for word in words:
        found = _everywhere(launch, word, synonyms)
        records = _missing(launch, word, found, names, synonyms)
        texts.append(f"“{word}”:")
        texts += [brief(entry) for entry in found]
        texts += [none_text(record) for record in records]
        near = _near(launch.chart, word) if records and not found else ""
        texts += [f"near “{word}” in this chart: {as_data(near)}"] if near else []
        entries += [
            *found, *(search_entry(record, word).with_fields(("near", near)) for record in records),
        ]  # fmt: skip
    shown = {name: sum(e.section == name for e in entries) for name in names}
    return Found(text="\n".join(texts), sections=names, entries=tuple(entries), shown=shown)


def _near(chart: Chart, word: str) -> str:
    """Return the word of the chart's own names that a word is one letter away from; short words are near too many."""
    if len(word) < LEAST_LETTERS or not word.isalpha():
        return ""
    lines = (f.name for lines in chart.tables.values() for x in lines for f in x.facts[:1])
    rows = (row.name for grid in chart.grids.values() for row in grid.rows)
    named = {w for name in (*lines, *rows) for w in re.findall(r"[^\W\d_]+", name.casefold())}
    return min((w for w in named if one_edit(word.casefold(), w)), default="")


def _readable(launch: LaunchChart, names: tuple[SectionName, ...]) -> tuple[SectionName, ...]:
    """Read what is searched; of the parts beyond the first screen, return those that this EHR and launch have.

    What was searched is named in each record: a part that nobody could look into is not among it.
    """
    read = launch.ensure(*names)
    return tuple(n for n in MORE if n not in names[: -len(MORE)] and read[n].kind not in SHUT)


def _everywhere(launch: LaunchChart, word: str, synonyms: Synonyms) -> list[Entry]:
    chart, meant = launch.chart, ingredients_of(word, synonyms)
    wanted = searched_words(word, synonyms)
    rows = [row_entry(chart, p, row) for p, row in rows_named(chart, word, synonyms)]
    lines = [
        line_entry(chart, line)
        for prefix in SEARCHED
        for line in lines_named(chart.tables[prefix], wanted[0], (*wanted[1:], *meant))
    ]
    # Of a class the notes name a member: "stop atorvastatin" is about the statin.
    spelt = dict.fromkeys((*wanted, *meant))
    passages = [p for form in spelt for p in passages_with(launch, [form])]
    found = [*rows, *lines, *_newest_first(passages)]
    if not found and " " in word and not synonyms.problem(word):
        return passages_with(launch, word.split())
    return found


def _newest_first(passages: list[Entry]) -> list[Entry]:
    unique = {(p.handle, p.field("passage")): p for p in passages}
    return sorted(unique.values(), key=lambda p: p.field("sort"), reverse=True)


def _missing(
    launch: LaunchChart, word: str, found: list[Entry], names: tuple[SectionName, ...], synonyms: Synonyms
) -> list[SearchRecord]:  # fmt: skip
    """Record what was not found: orders of a known medicine by its name; any other word as a word."""
    if synonyms.classes_of(word):
        if any(entry.section == "medications" for entry in found):
            return []
        return none_records(launch.chart, f"orders of {word}", ("medications",))
    problem = synonyms.problem(word)
    what = literal(problem.finds if problem else (word,))
    if not found:
        return none_records(launch.chart, what, names, _silent(launch.chart, word, synonyms))
    if problem:
        # The list that would answer could not be read: other rows do not make up for it.
        records = none_records(launch.chart, what, ("problems",))
        return [r for r in records if not r.complete and not r.searched]
    return []


def _silent(chart: Chart, word: str, synonyms: Synonyms) -> dict[SectionName, str]:
    """Say which records may be about a word and do not say so: those without a code, and results without a value."""
    lines = [line for prefix in SEARCHED for line in chart.tables[prefix]]
    return joined(without_name(lines), without_value(unvalued_named(chart, word, synonyms)))


def brief(entry: Entry) -> str:
    """Print an entry in one line, for a model."""
    if entry.cells:
        last = entry.cells[0]
        return f"{entry.handle}|{entry.name}|{len(entry.cells)} results, last {last.text}{last.flag} {last.date} [{last.handle}]"
    said = [entry.field(name) for name in ("role", "date", "dose", "frequency")]
    said += [] if entry.field("dose") else [entry.field("directions")]
    said += [entry.field(name) for name in BESIDE]
    return "|".join([entry.handle, entry.name, entry.group, *(text for text in said if text)])
