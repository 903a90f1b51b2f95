"""Ask a question of a chart behind a server, and judge what was said against the same chart behind a correct one.

An answer is right when everything in it stands in the chart and, unless it says that it is not whole, nothing is
missing. What is said to be incomplete may lack facts but may not hold a wrong one, nor a "none".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from app.boundary import Boundary
from app.errors import ChartsideError
from app.fhir.card import build_card
from app.fhir.chart import Chart
from app.fhir.client import FhirSource
from app.fhir.display import Card
from app.fhir.reader import LaunchChart
from app.fhir.sections import FIRST
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import Complete
from app.fhir.values import NOT_READABLE
from app.llm.port import Entry
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from tests.hostile.behaviours import BY_NAME, CLEAN
from tests.hostile.server import ISS, MARK, Behaviour, HostileEhr, chart_of
from tests.ndjson_source import context, manifest

USER = "Practitioner/none"
# Said of what was not sent, for everyone to see; a document without a type claims to be no more than one.
UNNAMED = ("not named", "unnamed", "document")
# More than any honest read of a small chart: 60 pages of each of some sections.
MOST_REQUESTS = 601
QUESTIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "allergies": ("chart_section", {"section": "allergies"}),
    "problems": ("chart_section", {"section": "problems", "limit": 100}),
    "medications": ("chart_section", {"section": "medications", "limit": 100}),
    "encounters": ("chart_section", {"section": "encounters", "limit": 100}),
    "immunizations": ("chart_section", {"section": "immunizations", "limit": 100}),
    "procedures": ("chart_section", {"section": "procedures", "limit": 100}),
    "administrations": ("chart_section", {"section": "administrations", "limit": 100}),
    "orders": ("chart_section", {"section": "orders", "limit": 100}),
    "labs": ("chart_results", {"kind": "labs"}),
    "vitals": ("chart_results", {"kind": "vitals"}),
    "potassium": ("chart_results", {"tests": ["potassium"]}),
    "troponin": ("chart_results", {"tests": ["troponin"]}),
    "warfarin": ("chart_section", {"section": "medications", "words": "warfarin"}),
    "lisinopril": ("chart_section", {"section": "medications", "words": "lisinopril"}),
    "latex": ("chart_section", {"section": "allergies", "words": "latex"}),
    "pending": ("chart_pending", {}),
    "changes": ("changes_since", {"anchor": "date", "date": "2026-06-01"}),
    "notes": ("chart_notes", {}),
    "stroke": ("chart_search", {"words": ["stroke"]}),
    "active orders": ("chart_section", {"section": "medications", "status": "active", "limit": 100}),
    "doses": ("chart_section", {"section": "administrations", "since": "2026-11-01", "limit": 100}),
    "newer labs": ("chart_results", {"kind": "labs", "since": "2026-10-01"}),
    "newer sodium": ("chart_results", {"tests": ["sodium"], "since": "2026-11-01"}),
    "overview": ("chart_overview", {}),
    "card": ("", {}),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was answered: facts by where they stand, complete "none"s, whether all of it was read, all of the text.

    `loud`: the launch itself refused to show anything, in words.
    """

    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nones: frozenset[str] = frozenset()
    whole: bool = True
    text: str = ""
    loud: str = ""


@dataclass(kw_only=True)
class Visit:
    """One launch on one chart behind one server."""

    chart: str
    behaviour: Behaviour
    launch: LaunchChart = field(init=False)
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        told = manifest(self.chart)
        zone = ZoneInfo("America/Chicago")
        self.now = datetime.fromisoformat(told["as_of"]).astimezone(zone)
        self.ehr = HostileEhr(self.chart, self.behaviour)
        boundary = Boundary(frozenset(("https://ehr.test",)), False, self.ehr)
        launched = context(told["patient"], self.now, iss=ISS)
        shared = SharedEhr(boundary)
        source = FhirSource(boundary, launched, lambda: "t", sleep=lambda _: None, shared=shared)
        self.launch = LaunchChart(source, launched, self.now)
        self.registry = Registry(CHART_TOOLS, self.launch, launched)

    def ask(self, question: str) -> Said:
        """Ask, by a tool call or by opening the card."""
        tool, arguments = QUESTIONS[question]
        try:
            if not tool:
                return self._card()
            found = self.registry.call(tool, arguments)
        except ChartsideError as error:
            return Said(loud=error.public)
        if found.is_error:
            return Said(loud=found.text)
        return self._told(found)

    def _card(self) -> Said:
        card = build_card(self.launch, self.launch.sources, self.now + timedelta(), USER)
        states = [self.launch.sections.get(name) for name in FIRST]
        rows = {row for section in card.sections for row in _rows(card, section.id)}
        nones = frozenset(r for r in rows if _is_negative(r))
        unread = " ".join(_rows(card, "unread"))
        return Said(
            facts={r: {} for r in rows if not _is_negative(r)}, nones=nones, text=repr(card),
            whole=all(isinstance(s, Complete) for s in states) or not unread,
        )  # fmt: skip

    def _told(self, found: ToolResult) -> Said:
        chart = self.launch.chart
        facts: dict[str, Mapping[str, str]] = {}
        for entry in found.entries:
            facts.update(_facts(chart, entry))
        nones = frozenset(
            e.name for e in found.entries if e.section == "search" and e.field("complete")
        )
        states = found.completeness.values()
        said_so = "NOT READ TO ITS END" in found.text
        return Said(
            facts=facts, nones=nones, text=found.text + repr(found.entries),
            whole=all(isinstance(s, Complete) for s in states) or not said_so,
        )  # fmt: skip


def _rows(card: Card, section: str) -> list[str]:
    found = [s for s in card.sections if s.id == section]
    return [_words(row) for s in found for row in s.rows]


def _words(shown: Any) -> str:
    """Return the words of pieces, without the numbers of sources (they depend on what was cited before)."""
    groups = (shown.pieces, *shown.meta)
    said = " | ".join(" ".join(str(getattr(p, "text", "")) for p in g).strip() for g in groups)
    # How much was looked through depends on what was sent beside it.
    # A NUL is sent as one and shown as nothing, by every browser.
    return re.sub(r"\d+ searched", "searched", said).replace("\0", "")


def _is_negative(words: str) -> bool:
    lowered = words.lower()
    return any(
        w in lowered
        for w in ("none found", "no known", "no new results", "none recorded", "no result |")
    )


def _facts(chart: Chart, entry: Entry) -> dict[str, Mapping[str, str]]:
    out: dict[str, Mapping[str, str]] = {}
    for cell in entry.cells:
        place = chart.cell(cell.handle)
        for reading in place[2] if place else ():
            for fact in reading.evidence:
                out[f"{fact.reference}#{fact.path.rpartition('.')[0]}"] = {
                    "name": entry.name, "value": fact.value, "unit": fact.unit, "status": reading.status,
                    "flag": reading.flag, "moment": reading.moment,
                }  # fmt: skip
    line = chart.line(entry.handle) if not entry.cells else None
    if line:
        kept = {
            f.field: f"{f.value} {f.unit}".strip()
            for f in line.facts
            if f.field not in ("date", "resulted", "recorded", "ended")
        }
        out[line.reference] = {"name": entry.name, "group": line.group, "date": line.date, **kept}
    return out


@cache
def truth(chart: str, question: str) -> Said:
    """Return what is said behind a correct server."""
    return _clean(chart).ask(question)


@cache
def _clean(chart: str) -> Visit:
    return Visit(chart=chart, behaviour=CLEAN)


def wrong(said: Said, right: Said, visit: Visit) -> str:
    """Say what is silently wrong with an answer; empty when it is right, or says what it lacks."""
    behaviour = visit.behaviour
    if MARK in said.text:
        return "another patient's data"
    if said.loud:
        return "not read at all" if behaviour.mild else ""
    if found := _false(said, right, visit):
        return found
    one_of_several = not said.whole and "do not say none" in said.text
    if (extra := said.nones - right.nones) and not one_of_several:
        return f"none: {sorted(extra)[0][:80]}"
    return _missing(said, right, behaviour)


def _false(said: Said, right: Said, visit: Visit) -> str:
    """Say which fact is not in the chart, or is another one there."""
    for place, facts in said.facts.items():
        known = right.facts.get(place)
        if known is None and not _may_differ(place, said, visit):
            return f"not in the chart: {place[:80]}"
        for name, value in facts.items() if known is not None else ():
            if found := _false_field(place, name, value, facts, known or {}, visit.behaviour.apart):
                return found
    return ""


def _false_field(
    place: str, name: str, value: str, facts: Mapping[str, str], known: Mapping[str, str], apart: frozenset[str]
) -> str:  # fmt: skip
    if name in apart:
        # A document's status is its docStatus, which a server without `status` sends all the same.
        sent = place.startswith("DocumentReference/") and known.get(name) == value
        invented = name == "status" and value == "final" and not sent
        return f"{place}: a status that was not sent" if invented else ""
    # Beside a value that is said not to be readable no unit is needed, and two that could be read are not joined to a
    # blood pressure: each component has its own name.
    of_part = "#component" in place and name in ("name", "flag")
    unneeded = facts.get("value") == NOT_READABLE and (of_part or (name == "unit" and not value))
    if unneeded or value.endswith(UNNAMED) or known.get(name, value) == value.replace("\0", ""):
        return ""
    return f"{place} {name}: {value!r} is not {known[name]!r}"


def _missing(said: Said, right: Said, behaviour: Behaviour) -> str:
    apart = behaviour.apart
    if said.whole and (missing := set(right.facts) - set(said.facts)) and not apart:
        return f"missing: {sorted(missing)[0][:80]}, {len(missing)}"
    if said.whole and apart and len(said.facts) < len(right.facts):
        return f"missing {len(right.facts) - len(said.facts)}"
    # What the EHR does not offer at all, no server reads to its end.
    if behaviour.mild and right.whole and not said.whole:
        return "said to be incomplete behind an ordinary server"
    return ""


def _may_differ(place: str, said: Said, visit: Visit) -> bool:
    """Tell whether something may be said that a correct server's answer does not hold.

    The card's rows are words: where a part is missing or not said, other words are right. A record of the chart may
    stand in an answer whose choice hangs on what was not sent: what a correct server marks as an error is a record like
    any other without its status, the newest 100 without dates are any 100, results without codes are one series, and a newest value that
    cannot be read may be one that is out of range.
    """
    apart = visit.behaviour.apart
    if "#" in place or "/" in place.split(" ", maxsplit=1)[0]:
        kind, _, fhir_id = place.partition("#")[0].partition("/")
        chosen_by = apart & {"status", "date", "name", "value"}
        return bool(chosen_by) and any(r["id"] == fhir_id for r in chart_of(visit.chart)[kind])
    return not said.whole or bool(apart)


def scenario(chart: str, name: str, question: str) -> str:
    """Return what is silently wrong in one scenario."""
    behaviour = BY_NAME[name]
    return judged(Visit(chart=chart, behaviour=behaviour), question)


def judged(visit: Visit, question: str) -> str:
    """Ask and judge; an exception that nobody meant is wrong, and so are requests without end."""
    try:
        said = visit.ask(question)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
        return f"{type(error).__name__}: {error}"[:200]
    if visit.ehr.requests > MOST_REQUESTS:
        return f"{visit.ehr.requests} requests"
    return wrong(said, truth(visit.chart, question), visit)
