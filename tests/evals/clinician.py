"""What true answers to sixty questions of clinicians hold, read from the raw chart files by a second program.

It shares nothing with the product: plain loops over NDJSON. `clinician60.toml` says, for each question, which
records of its chart a true answer shows, what it has to say, what it may cite, and which sentence accounts for
what it leaves out. A selection that finds nothing is a mistake in the questions, and raises.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.evals.clinician_computed import COMPUTED
from tests.evals.clinician_records import SHOWN, Records, passage_in, select
from tests.evals.gold import ref

FILE = Path(__file__).with_name("clinician60.toml")
OTHER_WORDS = Path(__file__).with_name("clinician_paraphrases.toml")


class Needed(NamedTuple):
    """One thing that a true answer shows: the record, the words or the number in it, and what accounts for its absence."""

    reference: str
    shown: str
    instead: str


class Said(NamedTuple):
    """A pattern that one sentence or row holds; `searched`: one that cites a search."""

    pattern: str
    searched: bool
    instead: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, and the measure of its answers."""

    number: int
    role: str
    chart: str
    text: str
    user: str
    needed: tuple[Needed, ...]
    says: tuple[Said, ...]
    decline: tuple[str, ...]
    may_cite: tuple[str, ...]
    must_not: tuple[str, ...]
    calls: tuple[tuple[str, dict[str, object]], ...]
    told: tuple[str, ...]


@cache
def records(chart: str) -> Records:
    """Return a chart's records."""
    return Records(chart)


def questions(file: Path = FILE) -> list[Question]:
    """Return the questions of a file, with what each answer needs."""
    return [_question(q) for q in tomllib.loads(file.read_text("utf-8"))["question"]]


def paraphrases() -> list[Question]:
    """Return the same questions in other words, each with the measure of its own question, and some of other charts."""
    told = tomllib.loads(OTHER_WORDS.read_text("utf-8"))
    return [*_again(told["paraphrase"]), *(_question(q) for q in told["question"])]


def second_paraphrases() -> list[Question]:
    """Return the questions of the second time, each with the measure of its own question."""
    return _again(tomllib.loads(OTHER_WORDS.read_text("utf-8"))["second"])


def third_paraphrases() -> list[Question]:
    """Return the questions of the third time, each with the measure of its own question."""
    return _again(tomllib.loads(OTHER_WORDS.read_text("utf-8"))["third"])


def fourth_paraphrases() -> list[Question]:
    """Return the questions of the fourth time, each with the measure of its own question."""
    return _again(tomllib.loads(OTHER_WORDS.read_text("utf-8"))["fourth"])


def _again(told: list[dict[str, Any]]) -> list[Question]:
    known = {q.number: q for q in questions()}
    return [replace(known[p["number"]], text=p["text"]) for p in told]


def _question(told: dict[str, Any]) -> Question:
    chart = records(told["chart"])
    needed = [need for wanted in told.get("facts", []) for need in _needed(chart, wanted)]
    computed = COMPUTED[told["compute"]](chart) if "compute" in told else []
    return Question(
        number=told["number"], role=told["role"], chart=told["chart"], text=told["text"],
        user=told.get("user", "Practitioner/none"), needed=tuple(dict.fromkeys(needed)),
        says=(*(_said(s) for s in [*told.get("says", []), *computed]), *(Said(s, True, "") for s in told.get("searched", []))),
        decline=tuple(told.get("decline", [])), may_cite=tuple(told["may_cite"]),
        must_not=tuple(told.get("must_not", [])),
        calls=tuple((name, arguments) for name, arguments in told.get("calls", [])), told=tuple(told.get("told", [])),
    )  # fmt: skip


def _said(told: str | dict[str, str]) -> Said:
    if isinstance(told, str):
        return Said(_in_sentence(told), searched=False, instead="")
    return Said(_in_sentence(told["pattern"]), searched=False, instead=_in_sentence(told["else"]))


def _in_sentence(pattern: str) -> str:
    """Let "[^.]*" run over the point of a number, which ends no sentence."""
    return pattern.replace("[^.]*", r"(?:[^.]|\.(?=\d))*")


def _needed(chart: Records, wanted: dict[str, Any]) -> Iterable[Needed]:
    instead = wanted.get("else", "")
    for resource in select(chart, wanted):
        if passage := wanted.get("passage"):
            yield Needed(ref(resource), passage_in(resource, passage), instead)
        else:
            for shown in SHOWN[wanted.get("show", "number")](chart, resource):
                yield Needed(ref(resource), shown, instead)
