"""How many answers are silently wrong behind servers that behave badly: every behaviour times every question.

A finding is printed to stderr; see `tests.hostile` for the servers, the questions and the judge.
"""

import sys

from bench.figures import show
from tests.hostile.behaviours import BEHAVIOURS
from tests.hostile.judge import QUESTIONS, Visit, judged

CHART = "marlena"


def main() -> None:
    scenarios = wrong = 0
    for behaviour in BEHAVIOURS:
        visit = Visit(chart=CHART, behaviour=behaviour)
        for question in QUESTIONS:
            scenarios += 1
            if finding := judged(visit, question):
                wrong += 1
                sys.stderr.write(f"{behaviour.name} / {question}: {finding}\n")
    against = f"{len(BEHAVIOURS)} behaviours, {len(QUESTIONS)} questions"
    show("faults.scenarios", scenarios, "scenarios", goal=60, against=against, at_least=True)
    show("faults.silently_wrong", wrong, "answers", goal=0, against=against)


if __name__ == "__main__":
    main()
