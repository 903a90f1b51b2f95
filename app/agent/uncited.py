"""Tell what a sentence without a citation is: chart facts without a source, general knowledge, or neither.

General knowledge is what says so itself, or what speaks of medicine and of nobody in particular ("NSAIDs can raise
potassium"). A value of this patient, a dated event or a quotation is never general. What is neither, and no chart
fact, is unchecked if it speaks of the patient ("She looks well"), else it says nothing that needs a source.
"""

import re
from collections.abc import Callable
from typing import Literal

from app.agent.claims import Claims, claims
from app.agent.facts import says
from app.agent.people import contradicts, of_patient
from app.agent.scene import Background

Kind = Literal["", "no_source", "general_knowledge", "unchecked"]

GENERAL = re.compile(r"[(\[]?\bgeneral knowledge\b[)\]]?", re.IGNORECASE)
EMPHASIS = re.compile(r"\s*(?P<mark>\*|_)(?![*_\s]).*(?P=mark)\s*")
# How medicine is spoken of in general.
USUAL = re.compile(
    r"\b(?:can|may|might|could|should|generally|usually|typically|commonly|often|in general|guidelines?"
    r"|(?:is|are) (?:\w+ly )?(?:associated|contraindicated|recommended|considered|avoided|known|used|preferred|needed)"
    r"|(?:raises?|increases?|reduces?|lowers?) the (?:risk|chance))\b",
    re.IGNORECASE,
)


def kind_of(sentence: str, background: Background) -> Kind:
    """Tell what a sentence without a citation is; "" where it says nothing that could have a source."""
    plain = sentence.strip().strip("*_# ")
    if not plain:
        return ""
    if states_facts(sentence, background):
        return "no_source"
    if GENERAL.search(sentence):
        return "general_knowledge"
    if plain.endswith((":", "?")) or EMPHASIS.fullmatch(sentence):
        return ""
    if of_patient(plain, background):
        return "unchecked"
    return "general_knowledge" if USUAL.search(plain) and _medical(plain, background) else ""


def states_facts(sentence: str, background: Background) -> bool:
    """Tell whether a sentence without a citation states facts of the chart.

    Not what merely repeats the question, not general knowledge (unless dated or a value of this patient), not the
    names of drugs in a remark that stands wholly in emphasis.
    """
    plain = sentence.strip().strip("*_# ")
    stated, asked = claims(plain), _Asked(background.question)
    if any(d.iso not in {a.iso for a in asked().dates} for d in stated.dates if len(d.iso) > 4):
        return True
    patient = of_patient(plain, background)
    tagged = bool(GENERAL.search(sentence))
    if (stated.absences and (patient or not tagged)) or contradicts(plain, background):
        return True
    if tagged:
        return patient and _measured(stated, asked)
    if not patient and USUAL.search(plain) and not stated.quotes and not _flagged(stated):
        return False
    return _measured(stated, asked) or (
        not EMPHASIS.fullmatch(sentence)
        and (
            _quoted_or_drug(plain, stated, background)
            or (patient and (_recorded(plain, background) or _named_value(stated, background)))
        )
    )


class _Asked:
    """What the question states; it is read when that matters."""

    def __init__(self, question: str) -> None:
        self._question = question
        self._stated: Claims | None = None

    def __call__(self) -> Claims:
        self._stated = self._stated or claims(self._question)
        return self._stated


def _named_value(stated: Claims, background: Background) -> bool:
    """Tell whether a number without a unit stands behind a test's name: "eGFR 34"."""
    values = [n for n in stated.numbers if n.kind == "value"]
    names = background.lexicon.mentions(stated.rest) if values else []
    return any(
        m.start < n.start < m.start + len(m.text) + 12 for m in names for n in values if not m.drug
    )


def _recorded(plain: str, background: Background) -> bool:
    """Tell whether a sentence about the patient names a problem or an allergy of this chart."""
    text, question = plain.casefold(), background.question.casefold()
    named = [r.casefold() for r in background.records if len(r) > 3]
    return not plain.endswith(("?", ":")) and any(
        says(text, r) and r not in question for r in named
    )


def _medical(plain: str, background: Background) -> bool:
    """Tell whether a sentence names a test, a medicine or a group of medicines."""
    return bool(background.lexicon.mentions(plain)) or bool(GROUP.search(plain))


GROUP = re.compile(
    r"\b(?:\w+(?:inhibitors?|blockers?|cillins?|statins?|agonists?|antagonists?)|(?:inhibitor|blocker|agonist|antagonist)s?"
    r"|NSAIDs?|opioids?|diuretics?|anticoagulants?|antibiotics?|steroids?|\w+[ek]mia|\w+uria|kidney|renal|liver|cardiac)\b",
    re.IGNORECASE,
)


def _flagged(stated: Claims) -> bool:
    return any(n.flag for n in stated.numbers if n.kind == "value")


def _measured(stated: Claims, asked: Callable[[], Claims]) -> bool:
    return any(
        n.kind == "value"
        and (n.amount.unit or n.flag)
        and not any(n.amount == a.amount for a in asked().numbers)
        for n in stated.numbers
    )


def _quoted_or_drug(plain: str, stated: Claims, background: Background) -> bool:
    question = background.question.casefold()
    if any(q.text.count(" ") >= 2 and q.text.casefold() not in question for q in stated.quotes):
        return True
    return any(
        m.drug and m.text in background.lexicon.chart_drugs and not plain.endswith(("?", ":"))
        for m in background.lexicon.mentions(stated.rest)
    )
