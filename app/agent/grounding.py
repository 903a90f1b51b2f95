"""Check a sentence against the evidence it cites, by rule: numbers, units, dates and their roles, drugs, status.

Every citation proves the words before it, back to the citation before; the last one also proves what follows.
A claim is equal, different, or unknown (not a claim a rule can decide: a duration, a threshold). Who the patient is,
which of two values came first, and which of two events came first are read from the whole sentence.

It does not decide: whether a sentence is complete, whether "because" is right, whether an unquoted summary of a
note is fair. What was not compared is never called a match.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.agent.claims import claims
from app.agent.compare import compare
from app.agent.events import Difference, Verdict
from app.agent.facts import Fact, facts
from app.agent.people import identity
from app.agent.scene import Background, Finding, First, Patient, Scene
from app.agent.trends import sequences, trends
from app.agent.uncited import GENERAL, Kind, kind_of
from app.fhir.citation import Evidence

__all__ = ["Background", "Check", "First", "Judged", "Kind", "Part", "Patient", "judge"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Words, and the handles cited behind them; `invented`: only handles that were never issued."""

    text: str
    handles: tuple[str, ...] = ()
    invented: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a citation proves of its words: the verdict, the fields found equal, the differences."""

    verdict: Verdict
    fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One sentence: a check for each handle it cites; `kind` says what its words without a citation are, "" for none."""

    checks: Mapping[str, Check]
    kind: Kind

    @property
    def no_source(self) -> bool:
        """Tell whether it states chart facts that nothing proves."""
        return self.kind == "no_source"


@dataclass(frozen=True, kw_only=True)
class _Segment:
    """Words, and what is cited for them; no handles: a citation stood there that was never issued."""

    text: str
    handles: tuple[str, ...]


def judge(
    parts: Sequence[Part],
    evidence: Mapping[str, Sequence[Evidence]],
    background: Background,
    known: Mapping[str, tuple[Fact, ...]] | None = None,
) -> Judged:
    """Check one sentence; `evidence` holds what each cited handle points to, `known` the facts of those read before."""
    parts = [Part(text=_unmarked(p.text), handles=p.handles, invented=p.invented) for p in parts]
    sentence = "".join(part.text for part in parts)
    before = known or {}
    cited = {
        handle: before.get(handle) or facts(handle, evidence[handle], background.zone)
        for part in parts
        for handle in part.handles
    }
    if not cited:
        # Whoever cites says that it stands in the chart; what was never issued is no source.
        invented = any(part.invented for part in parts)
        return Judged(checks={}, kind="no_source" if invented else kind_of(sentence, background))
    segments = _segments(parts)
    everything = tuple(fact for found in cited.values() for fact in found)

    def scene(text: str, own: tuple[Fact, ...]) -> Scene:
        return Scene(
            text=text, sentence=sentence, claims=claims(text), own=own, others=everything,
            known=background, general=bool(GENERAL.search(sentence)),
        )  # fmt: skip

    findings: list[Finding] = []
    whole = scene(sentence, everything)
    kind: Kind = ""
    for segment in segments:
        own = tuple(fact for handle in segment.handles for fact in cited[handle])
        if not own:
            kind = kind or ("no_source" if kind_of(segment.text, background) == "no_source" else "")
        else:
            findings += compare(whole if len(segments) == 1 else scene(segment.text, own))
    findings += [*identity(whole), *trends(whole), *sequences(whole)]
    return Judged(checks={handle: _check(handle, findings) for handle in cited}, kind=kind)


def _unmarked(text: str) -> str:
    """Drop the marks of bold text and code, which stand between a value and its unit or flag."""
    return text.replace("**", "").replace("`", "")


def _segments(parts: Sequence[Part]) -> list[_Segment]:
    """Return each citation's words: those before it, for the last one also those after it."""
    segments: list[_Segment] = []
    waiting = ""
    for part in parts:
        waiting += part.text
        if segments and part.handles and segments[-1].handles and not waiting.strip():
            # [L3a] [L3b]: two brackets for the same words.
            last = segments[-1]
            segments[-1] = _Segment(text=last.text, handles=(*last.handles, *part.handles))
            waiting = ""
        elif part.handles or part.invented:
            segments.append(_Segment(text=waiting, handles=part.handles))
            waiting = ""
    if waiting and segments:
        last = segments[-1]
        segments[-1] = _Segment(text=last.text + waiting, handles=last.handles)
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
