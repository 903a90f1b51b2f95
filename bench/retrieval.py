"""Whether the right tool call finds what the file holds: 300 generated questions, gold by a second, naive program.

A record counts as found where a handle for it stands in the text that a model is told. What an answer says to have
left out (`CUT`, `newest 40 shown, 12 more`) is counted apart; what it leaves out without a word counts against it.
"""

import sys
from collections import Counter

from bench.figures import show
from tests.evals.retrieval import answers, score
from tests.evals.retrieval_gold import questions

HOW_MANY = 300


def main() -> None:
    """Print the figures, and on standard error each answer that falls short."""
    found = answers(questions(HOW_MANY))
    figures = score(found)
    kinds = Counter(a.question.kind for a in found)
    declared = sum(len(a.declared) for a in found)
    against = f"{len(found)} questions of {len(kinds)} kinds; {declared} records declared left out"
    show(
        "retrieval.recall",
        round(figures.recall, 4),
        "of records",
        goal=0.99,
        at_least=True,
        against=against,
    )
    show("retrieval.precision", round(figures.precision, 4), "of records", goal=0.9, at_least=True)
    show(
        "retrieval.medication_recall",
        round(figures.medication_recall, 4),
        "of records",
        goal=0.99,
        at_least=True,
    )
    show("retrieval.value_exact", round(figures.value_exact, 4), "of fields", goal=1, at_least=True)
    for a in found:
        strange = len(a.found) - a.right
        if a.missing or a.wrong or strange:
            q = a.question
            sys.stderr.write(
                f"{q.kind} | {q.chart} | {q.tool} {q.arguments}: {len(q.gold)} wanted, {sorted(a.missing)[:3]} missing, "
                f"{strange} more found, {list(a.wrong)[:2]} wrong\n"
            )


if __name__ == "__main__":
    main()
