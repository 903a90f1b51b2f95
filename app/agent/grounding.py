"""Check a sentence against the evidence it cites, by rule: numbers, units, dates and their roles, drugs, status.

Every citation proves the words before it, back to the citation before; the last one also proves what follows.
A claim is equal, different, or unknown (not a claim a rule can decide: a count, a duration, a threshold).

It does not decide: whether a sentence is complete, whether words like "rose" or "because" are right, whether
an unquoted summary of a note is fair. What was not compared is never called a match.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.agent.claims import Claims, claims
from app.agent.compare import compare
from app.agent.events import Difference, Verdict
from app.agent.facts import Fact, Lexicon, facts
from app.agent.scene import Finding, Scene
from app.fhir.citation import Evidence

GENERAL = re.compile(r"\(?general knowledge\)?", re.IGNORECASE)
EMPHASIS = re.compile(r"\s*(?P<mark>\*|_)(?![*_\s]).*(?P=mark)\s*")


@dataclass(frozen=True, kw_only=True)
class Part:
    """Words, and the handles cited behind them."""

    text: str
    handles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a citation proves of its words: the verdict, the fields found equal, the differences."""

    verdict: Verdict
    fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One sentence: a check for each handle it cites; `no_source` if it states chart facts and cites nothing."""

    checks: Mapping[str, Check]
    no_source: bool


@dataclass(frozen=True, kw_only=True)
class Background:
    """What is known around a sentence: the words of the chart, the question asked, what was cited before."""

    lexicon: Lexicon
    zone: ZoneInfo
    question: str = ""
    earlier: tuple[Fact, ...] = ()


def judge(
    parts: Sequence[Part], evidence: Mapping[str, Sequence[Evidence]], background: Background
) -> Judged:
    """Check one sentence; `evidence` holds what each cited handle points to."""
    sentence = "".join(part.text for part in parts)
    known = {
        handle: facts(handle, evidence[handle], background.zone)
        for part in parts
        for handle in part.handles
    }
    if not known:
        return Judged(checks={}, no_source=needs_source(sentence, background))
    everything = tuple(fact for found in known.values() for fact in found)
    findings: list[Finding] = []
    for text, handles in _segments(parts):
        scene = Scene(
            text=text,
            sentence=sentence,
            claims=claims(text),
            own=tuple(fact for handle in handles for fact in known[handle]),
            others=everything,
            earlier=background.earlier,
            lexicon=background.lexicon,
            zone=background.zone,
            general=bool(GENERAL.search(sentence)),
        )
        findings += compare(scene)
    return Judged(checks={handle: _check(handle, findings) for handle in known}, no_source=False)


def needs_source(sentence: str, background: Background) -> bool:
    """Tell whether a sentence without a citation states facts of the chart.

    Not what merely repeats the question, not general knowledge (unless dated), not the names of drugs in a
    remark that stands wholly in emphasis.
    """
    plain = sentence.strip().strip("*_# ")
    stated, asked = claims(plain), claims(background.question)
    if any(d.iso not in {a.iso for a in asked.dates} for d in stated.dates if len(d.iso) > 4):
        return True
    if stated.absences:
        return True
    if GENERAL.search(sentence):
        return False
    return _measured(stated, asked) or (
        not EMPHASIS.fullmatch(sentence) and _quoted_or_drug(plain, stated, background)
    )


def _measured(stated: Claims, asked: Claims) -> bool:
    return any(
        n.kind == "value"
        and (n.amount.unit or n.flag)
        and not any(n.amount == a.amount for a in asked.numbers)
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


def _segments(parts: Sequence[Part]) -> list[tuple[str, tuple[str, ...]]]:
    """Return each citation's words: those before it, for the last one also those after it."""
    segments: list[tuple[str, tuple[str, ...]]] = []
    waiting = ""
    for part in parts:
        waiting += part.text
        if part.handles:
            segments.append((waiting, part.handles))
            waiting = ""
    if waiting and segments:
        text, handles = segments[-1]
        segments[-1] = (text + waiting, handles)
    return segments


def _check(handle: str, findings: Sequence[Finding]) -> Check:
    """Sum up what was found of one handle: a difference wins, then words that nothing proves, then what is equal."""
    mine = [f for f in findings if handle in f.handles]
    differences = tuple(
        dict.fromkeys(
            Difference(field=f.field, says=f.says, record=f.record)
            for f in mine
            if f.equal is False
        )
    )
    fields = tuple(dict.fromkeys(f.field for f in mine if f.equal))
    if differences:
        return Check(verdict="mismatch", fields=fields, differences=differences)
    if not fields or any(f.equal is None for f in mine):
        return Check(verdict="unchecked")
    return Check(verdict="match", fields=fields)
