"""Take the reviewed words out of a question: tests, panels, classes, problems, ingredients."""

import re

from app.llm.plan import Match, Plan
from app.llm.synonyms import Known, MedicineClass, Panel, Problem, Synonyms, Test, forms, words_of


def take_named(plan: Plan, rest: str, synonyms: Synonyms, question: str) -> str:
    """Take the reviewed words, the longest first; a word of two classes means both."""
    entries: list[Known] = [
        *synonyms.tests,
        *synonyms.panels,
        *synonyms.classes,
        *synonyms.problems,
    ]
    for word, meant in words_of(entries):
        found = re.search(_pattern(word), rest)
        if found:
            _add(plan, found[0], meant, question)
            rest = re.sub(_pattern(word), " ", rest)
    for ingredient in sorted(synonyms.ingredients, key=len, reverse=True):
        if re.search(_pattern(ingredient), rest):
            plan.drugs.append(ingredient)
            kinds = [c.name for c in synonyms.classes if ingredient in c.ingredients]
            plan.matches.append(Match(words=ingredient, means=f"{ingredient} ({', '.join(kinds)})"))
            rest = re.sub(_pattern(ingredient), " ", rest)
    return rest


def _pattern(word: str) -> str:
    """Match a word in the singular and in the plural."""
    listed = "|".join(map(re.escape, sorted(forms(word), key=len, reverse=True)))
    return rf"(?<![\w-])(?:{listed})(?![\w-])"


def _add(plan: Plan, word: str, meant: tuple[Known, ...], question: str) -> None:
    means: list[str] = []
    for entry in meant:
        match entry:
            case Test():
                plan.tests.append(entry)
            case Panel():
                plan.panels.append(entry)
            case MedicineClass():
                plan.classes.append(entry)
            case Problem():
                spelt = re.search(re.escape(word), question, re.IGNORECASE)
                plan.problems.append(spelt[0] if spelt else word)
        means += entry.tests if isinstance(entry, Panel) else [entry.name]
    plan.matches.append(Match(words=word, means=", ".join(dict.fromkeys(means))))
