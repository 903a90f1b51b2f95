"""Put the sixty questions to the product, and hold what it shows against the second program's measure.

An answer is one of: `answered` (all that is needed is shown with its source, and said), `declined` (what is
missing is named, and what is not missing is there), `wrong` (something differs from its record, cites what does
not belong to the question, says "none" without a search, or leaves a part out of what looks whole) and `silent`
(nothing that is needed is there, and nothing is said of it).
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from app.agent.text_content import TurnEvent
from app.errors import UnknownHandle
from app.fhir.reader import LaunchChart
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.evals.clinician import Needed, Question, records
from tests.evals.clinician_records import Records
from tests.evals.clinician_records import text as text_of
from tests.ndjson_source import launch
from tests.unit.agent.shown import Shown, ask, custom, references, shown, text

Outcome = Literal["answered", "declined", "wrong", "silent"]
SHORT = 3
FORMS = {"tablet", "oral", "capsule"}
DATE = re.compile(r"\b\d{1,2}-[A-Z][a-z]{2}(-\d{4})?\b|\b[A-Z][a-z]{2}-\d{4}\b|\b\d{1,2}:\d{2}\b")
CHIP = re.compile("\ue000(\\d+)\ue001")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
# A sentence that ends in nothing that a row or a search proves, and yet says that there is none.
NONE_SAID = re.compile(
    r"\b(?:none (?:found|recorded)|no \w+(?: \w+)? (?:found|recorded|given|reported|on record)|(?:there (?:are|is)|has) no )",
    re.I,
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What became of one question, and why."""

    question: Question
    outcome: Outcome
    why: str
    screen: str


@cache
def opened(chart: str, user: str) -> LaunchChart:
    """Return a launch of this chart by this user."""
    return launch(chart, user_reference=user)


def typed(question: Question) -> Judged:
    """Ask the deterministic assistant in the question's own words, through the turn loop."""
    chart = opened(question.chart, question.user)
    return judge(question, chart, ask(chart, question.text))


def judge(question: Question, chart: LaunchChart, events: Sequence[TurnEvent]) -> Judged:
    """Hold one answer against its measure."""
    items = [*shown(events), *_sentences(events)]
    lacking = [
        f"not shown: {n.reference} {n.shown}" if not n.instead else n.instead
        for n in question.needed
        if not any(_holds(chart, i, n) for i in items)
    ]
    unmet = [
        (f"not said: {s.pattern}", s.instead)
        for s in question.says
        if not any(_says(i, s.pattern) and (not s.searched or _search(chart, i)) for i in items)
    ]
    accounted = [instead for _, instead in unmet if instead and _any_says(items, instead)]
    missing = [*lacking, *(told for told, instead in unmet if instead not in accounted)]
    differs = _differs(question, chart, events, items)
    undeclined = [p for p in question.decline if not _any_says(items, p)]
    needs = len(question.needed) + len(question.says)
    return Judged(
        question=question, screen=screen_of(events),
        **_outcome(differs, missing, undeclined, whole=needs, declined=bool(accounted or question.decline)),
    )  # fmt: skip


def _outcome(
    differs: str, missing: Sequence[str], undeclined: Sequence[str], *, whole: int, declined: bool
) -> dict[str, Any]:
    if differs:
        return {"outcome": "wrong", "why": differs}
    if undeclined:
        return {"outcome": "silent", "why": f"nothing of what is missing: {undeclined[0]}"}
    if missing:
        return {
            "outcome": "silent" if len(missing) == whole else "wrong",
            "why": "; ".join(missing[:8]),
        }
    return {"outcome": "declined" if declined else "answered", "why": ""}


def screen_of(events: Sequence[TurnEvent]) -> str:
    """Return every word that the answer shows, sentences and blocks."""
    blocks = [
        json.dumps(v["block"], ensure_ascii=False, default=str) for v in custom(events, "block")
    ]
    return "\n".join([text(events), *blocks])


def _sentences(events: Sequence[TurnEvent]) -> Iterator[Shown]:
    """Yield each sentence that the answer writes, with the sources in it."""
    for paragraph in text(events).splitlines():
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z*“])", paragraph):
            sources = frozenset(int(n) for n in CHIP.findall(sentence))
            if sentence.strip():
                yield Shown(words=CHIP.sub("", sentence), sources=sources)


def _any_says(items: Sequence[Shown], pattern: str) -> bool:
    return any(_says(item, pattern) for item in items)


def _says(item: Shown, pattern: str) -> bool:
    return re.search(pattern, item.words, re.IGNORECASE) is not None


def _search(chart: LaunchChart, item: Shown) -> bool:
    """Tell whether an item cites a search: a source behind which no record stands."""
    return any(not references(chart, n) for n in item.sources)


def _differs(
    question: Question, chart: LaunchChart, events: Sequence[TurnEvent], items: Sequence[Shown]
) -> str:
    """Return what is untrue or foreign in an answer, empty where nothing is."""
    for foot in custom(events, "answered"):
        if foot["mismatches"] or foot["without_source"]:
            return f"{foot['mismatches']} mismatches, {foot['without_source']} without source"
    screen = "\n".join(item.words for item in items)
    for pattern in question.must_not:
        if found := re.search(pattern, screen):
            return f"must not say: {found[0]}"
    for item in items:
        if NONE_SAID.search(item.words) and not item.sources:
            return f"none without a search: {item.words.strip()}"
    return _foreign(question, chart, items) or _misread(question, chart, events)


def _foreign(question: Question, chart: LaunchChart, items: Sequence[Shown]) -> str:
    """Return a record that the answer cites and the question is not about."""
    raw = records(question.chart)
    for item in items:
        for reference in sorted({r for n in item.sources for r in references(chart, n)}):
            if not any(_allows(entry, raw, reference) for entry in question.may_cite):
                named = raw.named(raw.by_reference.get(reference, {}))
                return f"cites {reference} ({named}): {item.words[:80]}"
    return ""


def _allows(entry: str, raw: Records, reference: str) -> bool:
    """Tell whether a record is of a kind, `kind~name`, or `kind@words` that stand in its text."""
    kind, how, pattern = re.findall(r"^(\w+)([~@]?)(.*)$", entry)[0]
    if kind != reference.partition("/")[0]:
        return False
    resource = raw.by_reference.get(reference, {})
    words = raw.named(resource) if how == "~" else text_of(resource)
    return not how or re.search(pattern, words, re.IGNORECASE) is not None


def _misread(question: Question, chart: LaunchChart, events: Sequence[TurnEvent]) -> str:
    raw = records(question.chart).by_reference
    for block in (v["block"] for v in custom(events, "block")):
        for cell, words in _cells(block):
            for reference in references(chart, cell["n"]):
                if not _stands(words, raw.get(reference)):
                    return f"{words} does not stand in {reference}"
    return ""


def _cells(block: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    if block["kind"] == "results":
        for line in block["lines"]:
            for cell in line["cells"]:
                if cell:
                    yield cell, str(cell["text"])


def _stands(words: str, resource: dict[str, Any] | None) -> bool:
    """Return whether every number of a cell is a number of the raw record."""
    if resource is None:
        return False
    numbers = [float(n) for n in NUMBER.findall(DATE.sub("", words))]
    held = [float(n) for n in NUMBER.findall(json.dumps(resource))]
    return all(any(abs(n - h) <= abs(h) * 0.0005 for h in held) for n in numbers)


def _holds(chart: LaunchChart, item: Shown, need: Needed) -> bool:
    if not any(need.reference in references(chart, n) for n in item.sources):
        return False
    return holds(need.shown, item.words)


def holds(needed: str, words: str) -> bool:
    """Return whether words say what is needed: a number by value, else every word but the form of a drug."""
    if re.fullmatch(r"-?\d+(\.\d+)?", needed):
        return any(float(n) == float(needed) for n in NUMBER.findall(words.replace(",", "")))
    if len(needed) < SHORT:
        return re.search(rf"\b{re.escape(needed)}\b", words) is not None
    plain = " ".join(words.casefold().replace(",", "").split())
    wanted = needed.casefold().replace(",", "").split()
    return all(word in plain for word in wanted if word not in FORMS)


# ---------------------------------------------------------------- by tool calls


def called(question: Question) -> Judged:
    """Make the right calls, and see whether what is needed reaches the model with a handle to cite."""
    chart = opened(question.chart, question.user)
    registry = Registry(CHART_TOOLS, chart, chart.context)
    registry.typed = question.text
    results = [registry.call(name, arguments) for name, arguments in question.calls]
    told = "\n".join(result.text for result in results)
    refused = [result.text for result in results if result.is_error]
    reached: dict[str, str] = {}
    for result in results:
        for handle, words in handled(result.text):
            for reference in _behind(chart, handle):
                reached[reference] = f"{reached.get(reference, '')} {words}"
    missing = [n for n in question.needed if not holds(n.shown, reached.get(n.reference, ""))]
    untold = [p for p in question.told if not re.search(p, told)]
    untold += [s.pattern for s in question.says if s.searched and not re.search(rf"\bS\d+\|.*(?:{s.pattern})", told, re.I)]  # fmt: skip
    why = "; ".join([*(f"not told: {n.reference} {n.shown}" for n in missing[:5]), *(f"not told: {p}" for p in untold)])  # fmt: skip
    outcome: Outcome = "answered"
    if refused:
        outcome, why = "wrong", f"refused: {refused[0]}"
    elif missing or untold:
        outcome = "silent" if len(missing) == len(question.needed) else "wrong"
    elif question.decline or any(s.instead for s in question.says):
        outcome = "declined"
    return Judged(question=question, outcome=outcome, why=why, screen=told)


def _behind(chart: LaunchChart, handle: str) -> set[str]:
    line = chart.chart.line(handle)
    if line:
        return {line.reference}
    try:
        return {e.reference for e in chart.chart.evidence(handle)}
    except UnknownHandle:
        return set()  # Words of the chart that look like a handle.


def handled(told: str) -> Iterator[tuple[str, str]]:
    """Pair every handle of a tool's text, also a cell of a grid, with the words of its line."""
    row = ""
    for line in told.splitlines():
        for handle in re.findall(r"\b[A-Z]{1,5}\d+[a-z]{0,3}\b", line):
            yield handle, line
        if first := re.match(r"([A-Z]\d+) ", line):
            row = first[1]
            for place, value in re.findall(r"\b([a-z]{1,3})([<>]?\d[\d./]*)", line):
                yield row + place, value
