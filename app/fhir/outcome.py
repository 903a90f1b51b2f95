"""Understand an OperationOutcome, alone or as an entry of a searchset: is more there than was shown?

At the largest vendor it is the normal case that a 200 searchset carries one. Known codes are told in our words;
of unknown ones only the coded text is used, never `diagnostics`, which may hold anything.

Source: https://hl7.org/fhir/R4/operationoutcome.html; Epic's codes from a public capture of its pages, not verified live.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.fhir.source import Resource
from app.fhir.values import coded, concept

Meaning = Literal["nothing", "quiet", "restricted", "expired", "failed", "merged"]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What one issue means for completeness, in words for the clinician.

    `quiet` is worth a line and holds nothing back; `expired` is a page that is gone, not a search that failed;
    `glass` is the EHR's break-the-glass.
    """

    meaning: Meaning
    words: str
    glass: bool = False


BREAK_THE_GLASS = "the EHR restricts part of this chart (break the glass)"
GLASS = Notice(meaning="restricted", words=BREAK_THE_GLASS, glass=True)


KNOWN: dict[str, Notice] = {
    "4100": Notice(meaning="failed", words="the EHR could not process the request"),
    "4101": Notice(meaning="nothing", words=""),
    "4107": Notice(meaning="merged", words="this record was merged into another"),
    "4113": Notice(meaning="expired", words="the EHR's page link has expired"),
    # It comes with every search of some launches, whatever the chart holds: alone it says nothing of this search.
    "4119": Notice(meaning="quiet", words="the EHR says that this may not be the entire record"),
    "4130": GLASS,
    "4131": GLASS,
    "4134": GLASS,
    "4135": Notice(meaning="failed", words="the EHR's daily limit of document searches is reached"),
    "59204": Notice(
        meaning="restricted", words="the EHR does not return some kinds of results to this app"
    ),
}
# Issue types that mean data was held back (http://hl7.org/fhir/issue-type).
HELD_BACK = frozenset(
    (
        "suppressed",
        "forbidden",
        "security",
        "incomplete",
        "throttled",
        "too-costly",
        "login",
        "unknown",
    )
)
# What an informational issue says when it is not only informational. Its diagnostics are searched, never shown.
SAYS_HELD_BACK = re.compile(
    r"withh[eo]ld|filtered|suppress|restrict|redact|hidden|exclud|omit|mask|removed|"
    r"\bnot (?:\w+ ){0,2}(?:return|show|display|includ|disclos|releas|availab|authoriz|permit|complete)",
    re.IGNORECASE,
)


def notices(outcomes: Iterable[Resource]) -> tuple[Notice, ...]:
    """Return what the issues of some OperationOutcomes mean, each once."""
    sent = [outcome.get("issue") for outcome in outcomes]
    found = [
        _notice(issue)
        for issues in sent
        for issue in (issues if isinstance(issues, list) else [issues])
    ]
    return tuple(dict.fromkeys(n for n in found if n.meaning != "nothing"))


def _notice(issue: object) -> Notice:
    if not isinstance(issue, dict):
        return Notice(meaning="failed", words="the EHR reported something that cannot be read")
    sent = issue.get("details")
    details = sent if isinstance(sent, dict) else {}
    for coding in coded(details):
        if str(coding.get("code")) in KNOWN:
            return KNOWN[str(coding["code"])]
    severity, kind = str(issue.get("severity") or ""), str(issue.get("code") or "")
    words = concept(details)[:160]
    if kind in HELD_BACK:
        return Notice(
            meaning="restricted", words=words or "the EHR says that more exists than it shows"
        )
    if severity in ("error", "fatal"):
        return Notice(meaning="failed", words=words or "the EHR reported an error")
    if severity == "warning":
        return Notice(
            meaning="restricted", words=words or "the EHR gave a warning about this search"
        )
    if SAYS_HELD_BACK.search(f"{words} {issue.get('diagnostics') or ''}"):
        return Notice(
            meaning="restricted", words=words or "the EHR says that more exists than it shows"
        )
    return Notice(meaning="nothing", words="")
