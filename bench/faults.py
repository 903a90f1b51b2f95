"""How many answers are silently wrong behind servers that behave badly: every behaviour times every question and chart.

Then how many of 1,000 mutated records crash what reads a chart, or are dropped without a word. A finding is printed to
stderr; see `tests.hostile` for the servers, the questions, the judge and the mutations. `FAULTS=status` asks only behind
the servers whose name holds that word, and mutates nothing.
"""

import os
import sys

from bench.figures import show
from tests.hostile.behaviours import BEHAVIOURS
from tests.hostile.judge import QUESTIONS, Visit, judged
from tests.hostile.mutations import crashes, mutants

# An office chart and a hospital stay.
CHARTS = ("marlena", "stay-kidney")
MUTANTS, SEED = 1000, 20261120


def main() -> None:
    only = os.environ.get("FAULTS", "")
    asked = [b for b in BEHAVIOURS if only in b.name]
    scenarios = wrong = 0
    for chart in CHARTS:
        for behaviour in asked:
            visit = Visit(chart=chart, behaviour=behaviour)
            for question in QUESTIONS:
                scenarios += 1
                if finding := judged(visit, question):
                    wrong += 1
                    sys.stderr.write(f"{chart} / {behaviour.name} / {question}: {finding}\n")
    against = f"{len(asked)} behaviours, {len(QUESTIONS)} questions, {len(CHARTS)} charts"
    show("faults.scenarios", scenarios, "scenarios", goal=60, against=against, at_least=True)
    show("faults.silently_wrong", wrong, "answers", goal=0, against=against)
    if not only:
        _mutated()


def _mutated() -> None:
    found = 0
    for mutant in mutants(SEED, MUTANTS):
        for finding in crashes(mutant):
            found += 1
            sys.stderr.write(f"{mutant.chart} / {mutant.reference} / {mutant.done}: {finding}\n")
    show("faults.crashes", found, "findings", goal=0, against=f"{MUTANTS:,} mutated records")


if __name__ == "__main__":
    main()
