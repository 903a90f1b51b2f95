"""Ask the same questions by two routes to a chart, and compare what a model is told: the same, or a gap with a name.

A route gives a launch of a chart by its folder's name: from the file, by the FHIR API, by an EHR's MCP server, by our own.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.fhir.reader import LaunchChart
from app.smart.session import context_from
from tests.evals.retrieval import Answer, ask
from tests.evals.retrieval_gold import Question
from tests.stack import Stack

Route = Callable[[str], LaunchChart]
# What an answer says of what it could not read: the only words that excuse a difference.
NAMED = re.compile(r"NOT READ TO ITS END: ([^\n]*)")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One question by two routes. `gap` is what the other route's answer says that it could not read."""

    question: Question
    one: Answer
    other: Answer

    @property
    def same(self) -> bool:
        """Whether both tell the same records, and say the same things of them rightly or wrongly."""
        return (self.one.found, self.one.wrong) == (self.other.found, self.other.wrong)

    @property
    def gap(self) -> str:
        found = NAMED.search(self.other.text)
        return found[1] if found else ""

    @property
    def verdict(self) -> str:
        """`same`, `named gap`, or `differs`: the only one that must not be."""
        return "same" if self.same else "named gap" if self.gap else "differs"


def compare(questions: Sequence[Question], one: Route, other: Route) -> list[Compared]:
    """Ask each question by both routes; each chart is launched once by each."""
    charts: dict[str, tuple[LaunchChart, LaunchChart]] = {}
    for question in questions:
        if question.chart not in charts:
            charts[question.chart] = (one(question.chart), other(question.chart))
    return [
        Compared(question=q, one=ask(charts[q.chart][0], q), other=ask(charts[q.chart][1], q))
        for q in questions
    ]


def launched(stack: Stack) -> Route:
    """Return the route of a stack: its EHR launches the chart, and the copilot reads it as its registration says."""

    def route(chart: str) -> LaunchChart:
        launch = stack.browser().launch(chart)
        opened = stack.services.sessions.open(launch.key)
        assert opened is not None
        return stack.services.charts.get(context_from(opened))

    return route
