"""Ask the tools the generated questions, and compare what a model is told with the records of the file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.fhir.citation import HANDLE, Evidence
from app.fhir.reader import LaunchChart
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.evals.gold import ref
from tests.evals.retrieval_gold import Question, said
from tests.ndjson_source import launch
from tests.unit.fhir.printed import read_labelled

# An answer says with these words that it leaves something out, or holds it back.
DECLARED = re.compile(r"CUT: |\d more|older left out|more passages|labelled restricted")
MEDICINES = ("medicine orders", "medicines given")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One question's answer: the records behind its handles, those missing undeclared, those said wrongly."""

    question: Question
    found: frozenset[str]
    missing: frozenset[str]
    declared: frozenset[str]
    wrong: tuple[str, ...]
    values: int
    text: str = field(repr=False)

    @property
    def right(self) -> int:
        """How many records of the gold the answer holds."""
        return len(self.found & {ref(r) for r in self.question.gold})


def answers(questions: Sequence[Question]) -> list[Answer]:
    """Ask each question in a launch of its chart."""
    charts: dict[str, LaunchChart] = {}
    for question in questions:
        if question.chart not in charts:
            charts[question.chart] = launch(question.chart)
    return [ask(charts[q.chart], q) for q in questions]


def ask(chart: LaunchChart, question: Question) -> Answer:
    """Make the call and look up every handle that its text prints."""
    result = Registry(CHART_TOOLS, chart, chart.context).call(question.tool, question.arguments)
    return read(question, "" if result.is_error else result.text, chart.chart.evidence)


def read(question: Question, text: str, evidence: Callable[[str], Sequence[Evidence]]) -> Answer:
    """Hold what a call told against the file; `evidence` looks up a handle."""
    told: dict[str, tuple[Evidence, ...]] = {}
    for handle in printed_handles(text):
        for one in evidence(handle):
            told[one.reference] = (*told.get(one.reference, ()), one)
    gold = {ref(r): r for r in question.gold}
    own = {
        r: facts
        for r, facts in told.items()
        if r.partition("/")[0] in {g.partition("/")[0] for g in gold}
    }
    missing = frozenset(gold) - frozenset(own)
    is_declared = bool(DECLARED.search(text))
    checks = [
        (r, name, want) for r in gold if r in own for name, want in said(gold[r]).items() if want
    ]
    wrong = [
        f"{r} {name}: {want!r} is not in {[(f.field, f.value, f.date, f.status) for f in own[r]][:6]}"
        for r, name, want in checks
        if not says(own[r], name, want)
    ]
    return Answer(
        question=question, found=frozenset(own), missing=frozenset() if is_declared else missing,
        declared=missing if is_declared else frozenset(), wrong=tuple(wrong), values=len(checks), text=text,
    )  # fmt: skip


def printed_handles(text: str) -> list[str]:
    """Return the handles of an answer: records as they stand, results by the row and column of each value."""
    cells = list(read_labelled(text)) if "\nDATES " in f"\n{text}" else []
    lines = [x for x in text.splitlines() if not (cells and re.match(r"[LVO]\d+ |DATES ", x))]
    records = [h for line in lines for h in _handles(line) if not h.startswith(("S", "CALC"))]
    return list(dict.fromkeys([*cells, *records]))


def _handles(line: str) -> list[str]:
    """Return the handle that a line begins with, and those of the rows alike that stand behind it."""
    first = re.match(rf"({HANDLE.pattern})(?:\||$)", line)
    also = re.findall(rf"(?<=[ :])({HANDLE.pattern})(?=[= ])", line.partition("; also")[2])
    return [first[1], *also] if first else []


def says(facts: Sequence[Evidence], name: str, want: str) -> bool:
    """Tell whether what stands behind the handles says this; blanks and SNOMED's semantic tag are normalised on purpose."""
    match name:
        case "value":
            return any(f.value == want for f in facts)
        case "unit":
            return any(f.unit == want for f in facts)
        case "date":
            return any(want in (f.date, f.value) for f in facts)
        case "status":
            return any(want in (f.status, f.value) for f in facts)
        case _:
            return any(plain(want) in (plain(f.name), plain(f.value)) for f in facts)


def plain(text: str) -> str:
    return re.sub(r" \([a-z /]+\)$", "", " ".join(text.split()))


@dataclass(frozen=True, kw_only=True)
class Score:
    """The figures over some answers."""

    recall: float
    precision: float
    medication_recall: float
    value_exact: float


def score(found: Sequence[Answer]) -> Score:
    """Count over records: right of those wanted and not declared left out, right of those given, said as in the file."""
    medicines = [a for a in found if a.question.kind.startswith(MEDICINES)]
    values = sum(a.values for a in found)
    return Score(
        recall=recall(found), medication_recall=recall(medicines),
        precision=sum(a.right for a in found) / max(sum(len(a.found) for a in found), 1),
        value_exact=(values - sum(len(a.wrong) for a in found)) / max(values, 1),
    )  # fmt: skip


def recall(found: Sequence[Answer]) -> float:
    """Return the share of the records wanted that stands in the answers, of those not said to be left out."""
    right, missing = sum(a.right for a in found), sum(len(a.missing) for a in found)
    return right / max(right + missing, 1)
