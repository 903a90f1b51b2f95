"""Match words with what this chart holds: tests by code, handle, name or reviewed synonym; records by their words."""

from collections.abc import Iterable, Sequence

from app.fhir.chart import Chart, Line
from app.fhir.readings import Row, Unvalued
from app.fhir.sections import GRIDS, SectionName
from app.llm.synonyms import Synonyms, contains, forms


def rows_named(chart: Chart, words: str, synonyms: Synonyms) -> list[tuple[str, Row]]:
    """Return the series that words stand for: a handle, a LOINC code, a reviewed name, or words of the chart's name."""
    plain = " ".join(words.split())
    every = [(prefix, row) for prefix in ("L", "V", "O") for row in chart.grids[prefix].rows]
    exact = [(p, r) for p, r in every if plain in (r.handle, r.code)]
    if exact:
        return exact
    codes = [code for test in synonyms.named(plain) for code in test.loinc]
    problem = synonyms.problem(plain)
    if not codes and problem:
        codes = list(problem.loinc)
    if codes:
        found = [(p, r) for p, r in every if r.code in codes]
        return sorted(found, key=lambda pair: codes.index(pair[1].code))
    return [(p, r) for p, r in every if any(_named(r, form) for form in forms(plain))]


def unvalued_named(
    chart: Chart, words: str, synonyms: Synonyms
) -> list[tuple[SectionName, Unvalued]]:
    """Return the tests that words stand for of which results came without a value, with their sections."""
    plain = " ".join(words.split())
    problem = synonyms.problem(plain)
    codes = {code for test in synonyms.named(plain) for code in test.loinc}
    codes |= {plain, *(problem.loinc if problem else ())}
    return [
        (GRIDS[prefix].name, one)
        for prefix, grid in chart.grids.items()
        for one in grid.unvalued
        if one.code in codes
        or any(contains(name, form) for name in (one.name, one.display) for form in forms(plain))
    ]


def _named(row: Row, words: str) -> bool:
    """Match the chart's own name of a test; a name may come as a short one and as sent."""
    names = {
        row.name,
        *(e.name for cell in row.cells.values() for r in cell for e in r.evidence[:1]),
    }
    names |= {r.display for cell in list(row.cells.values())[:1] for r in cell}
    return any(contains(name, words) for name in names)


def lines_named(lines: Iterable[Line], words: str, ingredients: Sequence[str] = ()) -> list[Line]:
    """Return the records whose words hold these words, or one of the ingredients they stand for."""
    wanted = [*forms(words), *ingredients]
    return [
        line for line in lines if any(contains(text, w) for w in wanted for text in _texts(line))
    ]


def _texts(line: Line) -> list[str]:
    said = ("reason", "directions", "conclusion", "reaction", "description", "class")
    return [f.name for f in line.facts[:1]] + [f.value for f in line.facts if f.field in said]


def ingredients_of(words: str, synonyms: Synonyms) -> tuple[str, ...]:
    """Return the ingredients that a word for a class of medicines stands for."""
    asked = forms(words)
    return tuple(
        dict.fromkeys(
            i
            for c in synonyms.classes
            if any(form in c.words or form == c.name.casefold() for form in asked)
            for i in c.ingredients
        )
    )


def searched_words(words: str, synonyms: Synonyms) -> tuple[str, ...]:
    """Return the spellings that are looked for: of a problem its reviewed words, else singular and plural."""
    problem = synonyms.problem(words)
    return problem.finds if problem else forms(words)
