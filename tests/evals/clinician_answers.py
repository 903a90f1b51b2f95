"""Put the sixty questions to the product, and hold what it shows against the second program's measure.

An answer is one of: `answered` (all that is needed is shown with its source, and said), `declined` (what is
missing is named), `wrong` (something differs from its record, or a part was left out of what looks whole) and
`silent` (neither).
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
from app.llm.hang_up import HangUp
from app.llm.port import Done, ModelEvent, Request, ToolCall
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.evals.clinician import Needed, Question, by_reference
from tests.ndjson_source import launch
from tests.unit.agent.shown import Shown, ask, custom, references, shown, text, verdicts

Outcome = Literal["answered", "declined", "wrong", "silent"]
FORMS = {"tablet", "oral", "capsule"}
DATE = re.compile(r"\b\d{1,2}-[A-Z][a-z]{2}(-\d{4})?\b|\b[A-Z][a-z]{2}-\d{4}\b|\b\d{1,2}:\d{2}\b")


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
    events = ask(chart, question.text)
    return judge(question, chart, events)


def judge(question: Question, chart: LaunchChart, events: Sequence[TurnEvent]) -> Judged:
    """Hold one answer against its measure."""
    items = shown(events)
    screen = screen_of(events)
    missing = [n for n in question.needed if not any(_holds(chart, i, n) for i in items)]
    unsaid = [p for p in question.says if not _says(screen, p)]
    differs = _differs(question, chart, events, items)
    none_shown = question.none and not _none_shown(events)
    declined = any(_says(screen, p) for p in question.decline)
    outcome: Outcome
    if differs:
        outcome, why = "wrong", differs
    elif question.decline and not question.needed:
        told = declined and not unsaid
        outcome, why = ("declined", "") if told else ("silent", "names nothing of what is missing")
    elif not missing and not unsaid and not none_shown:
        outcome, why = "answered", ""
    elif declined:
        outcome, why = "declined", ""
    else:
        why = _why(missing, unsaid, none=none_shown)
        nothing = len(missing) == len(question.needed) and (unsaid or none_shown)
        outcome = "silent" if nothing else "wrong"
    return Judged(question=question, outcome=outcome, why=why, screen=screen)


def screen_of(events: Sequence[TurnEvent]) -> str:
    """Return every word that the answer shows, sentences and blocks."""
    blocks = [
        json.dumps(v["block"], ensure_ascii=False, default=str) for v in custom(events, "block")
    ]
    return "\n".join([text(events), *blocks])


def _why(missing: Sequence[Needed], unsaid: Sequence[str], *, none: bool) -> str:
    said = [f"not shown: {n.reference} {n.shown}" for n in missing[:4]]
    said += [f"not said: {p}" for p in unsaid]
    return "; ".join([*said, *(["no search is cited"] if none else [])])


def _says(screen: str, pattern: str) -> bool:
    return re.search(pattern, screen, re.IGNORECASE) is not None


def _none_shown(events: Sequence[TurnEvent]) -> bool:
    blocks = [v["block"] for v in custom(events, "block")]
    return any(b["kind"] == "negative" for b in blocks) or any(
        v["search"] for v in verdicts(events)
    )


def _differs(
    question: Question, chart: LaunchChart, events: Sequence[TurnEvent], items: Sequence[Shown]
) -> str:
    for foot in custom(events, "answered"):
        if foot["mismatches"] or foot["without_source"]:
            return f"{foot['mismatches']} mismatches, {foot['without_source']} without source"
    raw = by_reference(question.chart)
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
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", DATE.sub("", words))]
    held = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", json.dumps(resource))]
    return all(any(abs(n - h) <= abs(h) * 0.0005 for h in held) for n in numbers)


def _holds(chart: LaunchChart, item: Shown, need: Needed) -> bool:
    if not any(need.reference in references(chart, n) for n in item.sources):
        return False
    return holds(need.shown, item.words)


def holds(needed: str, words: str) -> bool:
    """Return whether words say what is needed: a number by value, else every word but the form of a drug."""
    if re.fullmatch(r"-?\d+(\.\d+)?", needed):
        return any(
            float(n) == float(needed) for n in re.findall(r"\d+(?:\.\d+)?", words.replace(",", ""))
        )
    plain = " ".join(words.casefold().replace(",", "").split())
    wanted = needed.casefold().replace(",", "").split()
    return all(word in plain for word in wanted if word not in FORMS)


class Caller:
    """A model that makes the calls it was given, then says no more; it keeps what the tools told it."""

    name = "Caller"
    version = "1"
    language_model = True
    key = "caller:1"

    def __init__(self, calls: Sequence[tuple[str, dict[str, object]]]) -> None:
        self._calls = calls
        self._asked = False

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        if self._asked or not self._calls:
            yield Done(stop="end")
            return
        self._asked = True
        for at, (name, arguments) in enumerate(self._calls):
            yield ToolCall(id=f"c{at}", name=name, arguments=json.dumps(arguments))
        yield Done(stop="tools")

    def warm(self, request: Request) -> None: ...


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
        for handle, words in _handled(result.text):
            for reference in _behind(chart, handle):
                reached[reference] = f"{reached.get(reference, '')} {words}"
    missing = [n for n in question.needed if not holds(n.shown, reached.get(n.reference, ""))]
    outcome: Outcome
    if refused:
        outcome, why = "wrong", f"refused: {refused[0]}"
    elif not question.calls:
        outcome, why = "declined", "no tool holds it"
    elif not missing:
        outcome, why = "answered", ""
    else:
        outcome = "silent" if len(missing) == len(question.needed) else "wrong"
        why = _why(missing, (), none=False)
    return Judged(question=question, outcome=outcome, why=why, screen=told)


def _behind(chart: LaunchChart, handle: str) -> set[str]:
    line = chart.chart.line(handle)
    if line:
        return {line.reference}
    try:
        return {e.reference for e in chart.chart.evidence(handle)}
    except UnknownHandle:
        return set()  # Words of the chart that look like a handle.


def _handled(told: str) -> Iterator[tuple[str, str]]:
    """Pair every handle of a tool's text, also a cell of a grid, with the words of its line."""
    row = ""
    for line in told.splitlines():
        for handle in re.findall(r"\b[A-Z]{1,5}\d+[a-z]{0,3}\b", line):
            yield handle, line
        if first := re.match(r"([A-Z]\d+) ", line):
            row = first[1]
            for place, value in re.findall(r"\b([a-z]{1,3})([<>]?\d[\d./]*)", line):
                yield row + place, value
