"""Sixty questions of clinicians (`tests/evals/clinician60.toml`), typed to the assistant that needs no model.

`answered` holds every fact that a second, naive program reads from the raw files, each with its source, and cites
nothing that does not belong to the question. `declined` names what is missing. `wrong` differs from the files, cites
what is foreign, says "none" without a search, or leaves a part out of what looks whole; `silent` does neither. `tools.`
is the same by the right tool calls, so that the reach of the tools is seen apart from the matching of words.
`other_words.` are the same questions in words that were not looked at before they were asked, and six of two hospital
stays (`clinician_paraphrases.toml`); what was found then is mended since, so the figure is that of today. `second_words.`
are thirty more, of which 8 were answered, 4 declined, 11 wrong and 7 silent when they were first asked; `third_words.`
twenty more, of which then 6 were answered, 1 declined, 12 wrong and 1 silent; `fourth_words.` eighteen more, of which
then 6 were answered, 9 wrong and 3 silent: that is what free wording is worth where nobody mended it. Each question that
falls short goes to stderr with its reason.
"""

import sys
from collections import Counter
from collections.abc import Sequence

from bench.figures import show
from tests.evals.clinician import (
    fourth_paraphrases,
    paraphrases,
    questions,
    second_paraphrases,
    third_paraphrases,
)
from tests.evals.clinician_answers import Judged, called, typed

OUTCOMES = ("answered", "declined", "wrong", "silent")
GOALS = {"answered": 45, "declined": None, "wrong": 0, "silent": 0}
NO_GOALS = dict.fromkeys(OUTCOMES)


def main() -> None:
    _tell("", [typed(q) for q in questions()], GOALS)
    _tell("tools.", [called(q) for q in questions()], GOALS)
    _tell("other_words.", [typed(q) for q in paraphrases()], NO_GOALS)
    _tell("second_words.", [typed(q) for q in second_paraphrases()], NO_GOALS)
    _tell("third_words.", [typed(q) for q in third_paraphrases()], NO_GOALS)
    _tell("fourth_words.", [typed(q) for q in fourth_paraphrases()], NO_GOALS)


def _tell(how: str, found: Sequence[Judged], goals: dict[str, int | None]) -> None:
    for outcome in OUTCOMES:
        mine = [judged for judged in found if judged.outcome == outcome]
        show(f"clinician60.{how}{outcome}", len(mine), "questions", goal=goals[outcome],
             at_least=outcome == "answered", against=by_role(mine))  # fmt: skip
    for judged in found:
        if judged.outcome in ("wrong", "silent"):
            asked = judged.question
            sys.stderr.write(f"{how or 'typed'} {asked.number} {judged.outcome} ({asked.chart}): {asked.text}: {judged.why}\n")  # fmt: skip


def by_role(found: Sequence[Judged]) -> str:
    """Return how many there are of each role's questions."""
    return ", ".join(f"{role} {n}" for role, n in Counter(j.question.role for j in found).items())


if __name__ == "__main__":
    main()
