"""Join cultures, organisms and susceptibilities: the report, what grew, and what each isolate is susceptible to.

They hang together by `result`, `hasMember` and `derivedFrom`, or stand in components. A susceptibility that names no
isolate belongs to the only organism of its report; where there are several, it is said that none is named.

Source: https://hl7.org/fhir/R4/observation.html#obsgrouping; v3-ObservationInterpretation (susceptibility)
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.fhir.chart import Chart, Line, section_lines
from app.fhir.readings import Reading, Row
from app.fhir.source import Resource
from app.fhir.values import categories

CULTURE = re.compile(
    # "Troponin, high sensitivity" is no susceptibility.
    r"\b(?:cultures?|gram stain|microbiolog\w*|susceptibilit\w*|(?<!high )(?<!high-)sensitivit\w*|acid.fast|fungal smear|organism|bacteria identified)\b",
    re.IGNORECASE,
)
ORGANISM = re.compile(
    r"\b(?:organism|bacteria identified|microorganism|isolate|culture)\b", re.IGNORECASE
)
SUSCEPTIBILITY = re.compile(r"\b(?:susceptib\w*|\[?mic\]?)\b", re.IGNORECASE)
INTERPRETED = frozenset(("S", "I", "R", "SDD", "NS", "SYN-R", "SYN-S", "IE"))


@dataclass(frozen=True, kw_only=True)
class Found:
    """One value with its handle."""

    handle: str
    row: Row
    reading: Reading

    @property
    def reference(self) -> str:
        """Return the Observation it stands in."""
        return self.reading.evidence[0].reference


@dataclass(kw_only=True)
class Culture:
    """A culture: its report (None where only results were sent), organisms with what they are susceptible to, and the rest."""

    report: Line | None
    organisms: list[tuple[Found, list[Found]]] = field(default_factory=list)
    unnamed: list[Found] = field(default_factory=list)
    others: list[Found] = field(default_factory=list)

    @property
    def values(self) -> list[Found]:
        """Return every value of the culture."""
        inside = [x for organism, tested in self.organisms for x in (organism, *tested)]
        return [*inside, *self.unnamed, *self.others]


def cultures(chart: Chart) -> list[Culture]:
    """Return the cultures of a chart, newest first."""
    values = _values(chart)
    taken: set[str] = set()
    out: list[Culture] = []
    for line in section_lines(chart, "reports"):
        resource = chart.resources.get(line.reference, {})
        if "MB" in categories(resource) or CULTURE.search(line.text("order")):
            mine = _members(chart, _references(resource, "result"), values)
            taken |= {x.handle for x in mine}
            out.append(_culture(chart, line, mine))
    loose = [
        x for found in values.values() for x in found if x.handle not in taken and _is_micro(x)
    ]
    by_moment: dict[str, list[Found]] = defaultdict(list)
    for one in loose:
        by_moment[one.reading.moment].append(one)
    out += [_culture(chart, None, found) for found in by_moment.values()]
    return sorted(out, key=_moment, reverse=True)


def _moment(culture: Culture) -> str:
    moments = [x.reading.moment for x in culture.values]
    return culture.report.date if culture.report else max(moments, default="")


def _values(chart: Chart) -> dict[str, list[Found]]:
    """Return the laboratory's values by the Observation that they stand in."""
    out: dict[str, list[Found]] = defaultdict(list)
    for row in chart.grids["L"].rows:
        for place, cell in row.cells.items():
            for reading in cell:
                out[reading.evidence[0].reference].append(
                    Found(handle=row.handle + place, row=row, reading=reading)
                )
    return out


def _references(resource: Resource, name: str) -> list[str]:
    sent = resource.get(name)
    return [
        str(x.get("reference") or "")
        for x in (sent if isinstance(sent, list) else [])
        if isinstance(x, dict)
    ]


def _members(
    chart: Chart, references: Iterable[str], values: dict[str, list[Found]]
) -> list[Found]:
    """Return the values of some Observations and of their members, each once."""
    waiting, seen, out = list(references), set[str](), list[Found]()
    while waiting:
        reference = waiting.pop(0)
        if reference in seen:
            continue
        seen.add(reference)
        out += values.get(reference, [])
        waiting += _references(chart.resources.get(reference, {}), "hasMember")
    return out


def _culture(chart: Chart, report: Line | None, found: Sequence[Found]) -> Culture:
    culture = Culture(report=report)
    tested = [x for x in found if _is_susceptibility(x)]
    organisms = [x for x in found if x not in tested and _is_organism(x)]
    culture.others = [x for x in found if x not in tested and x not in organisms]
    owned: dict[str, list[Found]] = defaultdict(list)
    for one in tested:
        owner = _owner(chart, one, organisms)
        (owned[owner.handle] if owner else culture.unnamed).append(one)
    culture.organisms = [(o, owned[o.handle]) for o in organisms]
    return culture


def _owner(chart: Chart, tested: Found, organisms: Sequence[Found]) -> Found | None:
    from_ = _references(chart.resources.get(tested.reference, {}), "derivedFrom")
    for organism in organisms:
        members = _references(chart.resources.get(organism.reference, {}), "hasMember")
        same = organism.reference == tested.reference
        if same or tested.reference in members or organism.reference in from_:
            return organism
    return organisms[0] if len(organisms) == 1 else None


def _is_susceptibility(found: Found) -> bool:
    named = SUSCEPTIBILITY.search(f"{found.row.name} {found.reading.display}")
    return bool(named) or found.reading.flag in INTERPRETED


def _is_organism(found: Found) -> bool:
    named = ORGANISM.search(f"{found.row.name} {found.reading.display}")
    return bool(named) and not found.reading.numeric


def _is_micro(found: Found) -> bool:
    named = f"{found.row.name} {found.reading.display}"
    return bool(CULTURE.search(named)) or _is_susceptibility(found)


def printed(chart: Chart, culture: Culture) -> list[str]:
    """Print a culture: its report, each organism with its susceptibilities, what names no isolate, other results."""
    out = [_head(chart, culture)]
    for organism, tested in culture.organisms:
        out.append(f" {organism.handle} {organism.row.name}: {_result(organism)}")
        out += [f"  {_list(tested)}"] if tested else ["  susceptibility: not reported"]
    out += [f" isolate not named: {_list(culture.unnamed)}"] if culture.unnamed else []
    out += [f" {_list(culture.others)}"] if culture.others else []
    if culture.report and not culture.values:
        conclusion = culture.report.text("conclusion")
        out.append(f" no result is linked{f'; conclusion: “{conclusion}”' if conclusion else ''}")
    return out


def _head(chart: Chart, culture: Culture) -> str:
    line = culture.report
    if line is None:
        when = culture.values[0].reading.moment if culture.values else ""
        return f"Results without a report, {chart.print_date(when)}"
    sent = line.fact("date")
    when = f"{sent.date_role} {chart.print_date(sent.value)}" if sent else "undated"
    return "|".join((line.handle, line.text("order"), when, line.text("status")))


def _list(found: Sequence[Found]) -> str:
    return ", ".join(f"{x.handle} {x.row.name} {_result(x)}" for x in found)


def _result(found: Found) -> str:
    reading = found.reading
    said = " ".join(filter(None, (reading.text, reading.unit, reading.flag)))
    return said if reading.status == "final" else f"{said} ({reading.status or 'no status'})"
