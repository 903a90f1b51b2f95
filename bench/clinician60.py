"""Sixty questions of clinicians (`tests/evals/clinician60.toml`), typed to the assistant that needs no model.

`answered` holds every fact that a second, naive program reads from the raw files, each with its source, and says
what cannot be read. `declined` names what is missing. `wrong` differs from the files, or leaves a part out of what
looks whole; `silent` does neither. `tools.` is the same by the right tool calls, so that the reach of the tools is
seen apart from the matching of words. Each question that falls short goes to stderr with its reason.
"""

import sys
from collections import Counter
from collections.abc import Sequence

from bench.figures import show
from tests.evals.clinician import questions
from tests.evals.clinician_answers import Judged, called, typed

OUTCOMES = ("answered", "declined", "wrong", "silent")
GOALS = {"answered": 45, "declined": None, "wrong": 0, "silent": 0}


def main() -> None:
    asked = questions()
    answers = [typed(question) for question in asked]
    reached = [called(question) for question in asked]
    for outcome in OUTCOMES:
        found = [a for a in answers if a.outcome == outcome]
        show(f"clinician60.{outcome}", len(found), "questions", goal=GOALS[outcome],
             at_least=outcome == "answered", against=by_role(found))  # fmt: skip
    for outcome in OUTCOMES:
        found = [a for a in reached if a.outcome == outcome]
        show(
            f"clinician60.tools.{outcome}",
            len(found),
            "questions",
            goal=None,
            against=by_role(found),
        )
    _explain("typed", answers)
    _explain("tools", reached)


def by_role(found: Sequence[Judged]) -> str:
    """Return how many there are of each role's questions."""
    return ", ".join(f"{role} {n}" for role, n in Counter(j.question.role for j in found).items())


def _explain(how: str, found: Sequence[Judged]) -> None:
    for judged in found:
        if judged.outcome in ("wrong", "silent"):
            sys.stderr.write(
                f"{how} {judged.question.number} {judged.outcome} ({judged.question.chart}): "
                f"{judged.question.text}: {judged.why}\n"
            )


if __name__ == "__main__":
    main()
