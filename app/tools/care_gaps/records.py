"""Find the records that a rule's evidence means: by code in its own system, or by the words of the printed name.

Only what was done counts: a final report, a completed procedure, a vaccine that was given, a problem that is neither refuted nor
unsure. Orders and plans are no evidence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.fhir.chart import Chart, Line, section_lines
from app.fhir.measures.rules import Evidence, ValueSet, load
from app.fhir.readings import Reading
from app.fhir.sections import BY_NAME, SectionName, table_of
from app.fhir.source import Resource
from app.fhir.unsorted import is_nameless
from app.fhir.values import coded, codes
from app.fhir.visits import is_admission
from app.llm.synonyms import contains
from app.tools.calculators.inputs import readings_of

FINAL = frozenset(("final", "amended", "corrected", "appended", ""))
UNSURE = frozenset(("refuted", "entered-in-error", "unconfirmed", "provisional", "differential"))
CURRENT = frozenset(("active", "recurrence", "relapse", "no status"))
# The groups of a table's records that were done, or are true.
DONE: dict[SectionName, frozenset[str]] = {
    "procedures": frozenset(("completed",)), "immunizations": frozenset(("given",)),
    "imaging": frozenset(("available",)), "reports": FINAL, "questionnaires": frozenset(("completed", "amended")),
    "encounters": frozenset(("finished", "completed", "in-progress", "onleave", "arrived", "triaged")),
}  # fmt: skip
CODED = ("code", "vaccineCode", "medicationCodeableConcept")
SYSTEMS = (("snomed", "snomed"), ("loinc", "loinc"), ("cvx", "cvx"))


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One record that belongs to a set: its handle, what it says, its ISO date (as precise as sent) and what the date means."""

    handle: str
    text: str
    date: str
    role: str


def hits(chart: Chart, one: Evidence) -> list[Hit]:
    """Return every record that this evidence means, newest first; the window is not applied."""
    found: dict[str, Hit] = {}
    for name in one.set.sections:
        own = _lines(chart, one, name) if BY_NAME[name].table else _readings(chart, one, name)
        found.update((hit.handle, hit) for hit in own)
    return sorted(found.values(), key=lambda hit: hit.date, reverse=True)


def _lines(chart: Chart, one: Evidence, name: SectionName) -> Iterator[Hit]:
    for line in section_lines(chart, name):
        resource = chart.resources.get(line.reference, {})
        text = line.text(table_of(line.reference).named)
        if _counts(line, one, name) and _belongs(one.set, resource, text, own=name == "problems"):
            date = line.fact("date")
            yield Hit(
                handle=line.handle,
                text=text,
                date=line.date,
                role=str(date.date_role) if date else "",
            )


def nameless(chart: Chart, one: Evidence, name: SectionName) -> list[Line]:
    """Return the records of a table that would count and do not say what they are: each may be what is meant."""
    if not BY_NAME[name].table:
        return []  # a result without a name makes its whole section incomplete
    lines = section_lines(chart, name)
    return [
        x for x in lines if is_nameless(x) and _counts(x, one, name) and not _is_coded(chart, x)
    ]


def _is_coded(chart: Chart, line: Line) -> bool:
    """Tell whether a record without a name has a code, which is compared as such."""
    resource = chart.resources.get(line.reference, {})
    return any(coding.get("code") for field in CODED for coding in coded(resource.get(field) or {}))


def _counts(line: Line, one: Evidence, name: SectionName) -> bool:
    """Tell whether a record stands for something that was done, or that is so."""
    if line.text("verification") in UNSURE or line.group == "entered-in-error":
        return False
    if one.active:
        return line.group in CURRENT
    if name == "reports":
        return line.text("status") in FINAL
    if name == "allergies":
        return line.group in CURRENT
    return name not in DONE or line.group in DONE[name]


def _readings(chart: Chart, one: Evidence, name: SectionName) -> Iterator[Hit]:
    """Yield results by LOINC, also of a panel's component; else by the words of the test's name."""
    prefix = BY_NAME[name].prefix
    coded_hits = {h for h, _, _ in readings_of(chart, one.set.loinc) if h.startswith(prefix)}
    for row in chart.grids[prefix].rows:
        named = _named(one.set, row.name)
        for place, cell in row.cells.items():
            handle = row.handle + place
            if (named or handle in coded_hits) and _measured(chart, cell[0], one):
                role = str(cell[0].evidence[0].date_role)
                said = f"{cell[0].text} {cell[0].unit}".strip()
                yield Hit(handle=handle, text=said, date=cell[0].moment, role=role)


def _measured(chart: Chart, reading: Reading, one: Evidence) -> bool:
    if reading.status not in FINAL:
        return False
    if not one.outpatient:
        return True
    resource = chart.resources.get(reading.evidence[0].reference, {})
    visit = str((resource.get("encounter") or {}).get("reference") or "")
    return not is_admission(chart.resources.get(visit, {}))


# ---------------------------------------------------------------- what belongs to a set


def _belongs(wanted: ValueSet, resource: Resource, text: str, *, own: bool) -> bool:
    """Tell whether a record belongs to a set; `own`: a problem has to be the patient's own and certain by its words."""
    if any(contains(text, ingredient) for ingredient in wanted.ingredients):
        return True
    if _coded(wanted, resource):
        return True
    return _named(wanted, text) and not (own and any(contains(text, w) for w in load().never))


def _coded(wanted: ValueSet, resource: Resource) -> bool:
    for field in CODED:
        for coding in coded(resource.get(field) or {}):
            system, code = str(coding.get("system") or "").casefold(), str(coding.get("code") or "")
            if "icd-10" in system and code.startswith(wanted.icd10 or ("\x00",)):
                return True
            if any(word in system and code in getattr(wanted, name) for word, name in SYSTEMS):
                return True
    return bool(set(wanted.loinc) & codes(resource.get("code")))


def _named(wanted: ValueSet, text: str) -> bool:
    """Tell whether a name holds one of the words and none that make it something else."""
    if any(contains(text, word) for word in wanted.but_not):
        return False
    return any(contains(text, word) for word in wanted.words)
