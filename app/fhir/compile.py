"""Compile one patient's resources into a `Chart`: tables of records and grids of results, all citable."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from app.fhir.chart import Chart, Line
from app.fhir.citation import Evidence
from app.fhir.dates import local
from app.fhir.facts import display
from app.fhir.ledger import Ledger
from app.fhir.medicines import named
from app.fhir.orders import WAITING, awaits_result, supply_in_zone
from app.fhir.performed import with_device
from app.fhir.readings import Grid, Reading, Row, Unvalued
from app.fhir.sections import (
    BY_NAME,
    BY_TYPE,
    GRIDS,
    SECTIONS,
    TABLES,
    SectionName,
    section_of,
    table_of,
)
from app.fhir.shapes import fitting_patient, is_well_formed
from app.fhir.short_names import RANK, SHORT
from app.fhir.source import Complete, Completeness, Failed, Resource, Truncated
from app.fhir.stated import MALFORMED, Stated
from app.fhir.statements import on_problem_list, verification
from app.fhir.unsorted import nameless
from app.fhir.values import (
    categories,
    codes,
    concept,
    evidence,
    reference,
    test,
    version,
)

# Observations and reports that carry no result; orders keep their status (a cancelled order is a fact).
RESULTLESS = frozenset(("entered-in-error", "cancelled"))
NONE_READ: Mapping[str, Resource] = {}
# The tables whose records must say what they are about: problems, allergies, and medicines ordered, given or reported.
UNNAMED_COUNTS = ("P", "A", "M", "D", "G", "U")
# Every category code that a section asks for (and HL7 v2's LAB).
KNOWN_CATEGORIES = frozenset(
    ("LAB", *(c for s in SECTIONS for n, v in s.params if n == "category" for c in v.split(",")))
)
NOT_UNDERSTOOD = "not understood"
SPECIMEN = re.compile(
    r" in (Serum|Plasma|Blood|Urine|Arterial blood|Venous blood|Capillary blood)\b"
)
DEFAULT_WORDS = re.compile(
    r" (in (Serum or Plasma|Serum|Plasma|Blood)|by Automated count|by calculation|by Test strip|by Automated test strip)\b"
)


def compile_chart(
    read: Mapping[SectionName, Sequence[Resource]],
    *,
    zone: ZoneInfo,
    now: datetime,
    sections: Mapping[SectionName, Completeness],
    ledger: Ledger,
    medicines: Mapping[str, Resource] = NONE_READ,
    stated: Stated | None = None,
) -> Chart:
    """Compile what was read. Handles come from the launch's ledger, so that they keep their meaning.

    `medicines` are Medications that were read because an order named its medicine only by reference; `stated` is what
    the records of earlier snapshots state.
    """
    stated = stated or Stated(zone)
    stated.next_snapshot()
    every = {reference(r): r for found in read.values() for r in found}
    sent = next((r for r in every.values() if r["resourceType"] == "Patient"), {})
    patient = fitting_patient(sent)
    wrong = {ref for ref, r in every.items() if r is not sent and not stated.of(r, is_well_formed)}
    left_out: Counter[str] = Counter()
    by_type: dict[str, list[Resource]] = defaultdict(list)
    for ref, resource in every.items():
        if ref not in wrong:
            by_type[resource["resourceType"]].append(_named(resource, medicines, every))
    tables = _tables(by_type, left_out, wrong, stated, zone, ledger)
    searched_as = {reference(r): BY_NAME[n].prefix for n, found in read.items() for r in found}
    grids = _grids(by_type["Observation"], left_out, wrong, stated, ledger, searched_as)
    resources = {ref: r for ref, r in every.items() if ref not in wrong}
    if patient is not sent:
        wrong.add(reference(sent))
    left_out.update(f"{ref.partition('/')[0]} {NOT_UNDERSTOOD}" for ref in wrong)
    unread = Counter({n: sum(reference(r) in wrong for r in found) for n, found in read.items()})
    return Chart(
        patient=patient, zone=zone, now=now, tables=tables, grids=grids,
        counts=Counter({name: len(found) - unread[name] for name, found in read.items()}), left_out=+left_out,
        sections=_named_all(_honest(sections, read, unread), tables, grids), resources=resources, ledger=ledger,
    )  # fmt: skip


def _named(
    resource: Resource, medicines: Mapping[str, Resource], every: Mapping[str, Resource]
) -> Resource:
    """Return a record with the name of the medicine or device that it only refers to."""
    try:
        return with_device(named(resource, medicines), every)
    except MALFORMED:
        return resource  # its own record says what is wrong with it


def _honest(
    sections: Mapping[SectionName, Completeness],
    read: Mapping[SectionName, Sequence[Resource]],
    unread: Counter[SectionName],
) -> dict[SectionName, Completeness]:
    """Return how far each section was read; one with records that could not be compiled is not complete."""
    out = dict(sections)
    for name, n in (+unread).items():
        if isinstance(sections.get(name), Complete | Truncated):
            said = f"{n:,} record{'s' if n != 1 else ''} could not be read"
            out[name] = Failed(reason=said, n=len(read[name]) - n)
    return out


def _named_all(
    sections: dict[SectionName, Completeness],
    tables: Mapping[str, list[Line]],
    grids: Mapping[str, Grid],
) -> dict[SectionName, Completeness]:
    """Say of a section whose records do not all tell what they are about that it was not read to its end.

    A medicine, an allergy or a result without a name may be the very one that is asked for.
    """
    lines = [
        x
        for prefix in UNNAMED_COUNTS
        for x in tables[prefix]
        if x.facts[:1] and x.facts[0].value.endswith("not named")
    ]
    unnamed = Counter(section_of(x.reference).name for x in lines)
    unnamed.update({GRIDS[prefix].name: nameless(grid) for prefix, grid in grids.items()})
    for name, n in (+unnamed).items():
        state = sections.get(name)
        if isinstance(state, Complete | Truncated):
            what = f"{n:,} record{'s do' if n != 1 else ' does'} not say what {'they are' if n != 1 else 'it is'} about"
            sections[name] = Failed(reason=what, n=state.n)
    return sections


# ---------------------------------------------------------------- tables


def _tables(
    by_type: Mapping[str, list[Resource]],
    left_out: Counter[str],
    wrong: set[str],
    stated: Stated,
    zone: ZoneInfo,
    ledger: Ledger,
) -> dict[str, list[Line]]:
    encounters = {reference(r): r for r in by_type.get("Encounter", [])}
    results = _results_of(by_type, zone)
    found: dict[str, list[tuple[Resource, Line]]] = defaultdict(list)
    for name, section in BY_TYPE.items():
        kind = table_of(f"{name}/")
        for resource in by_type.get(name, []):
            if why := _not_a_fact(resource):
                left_out[f"{name} {why}"] += 1
                continue
            try:
                date, facts = (
                    local(kind.date(resource)[0], zone),
                    stated.facts(resource, kind.facts),
                )
                line = Line(
                    handle="", reference=reference(resource), date=date,
                    group=results.get(reference(resource)) or kind.group(resource),
                    facts=(*(supply_in_zone(facts, date) if section.prefix == "M" else facts),
                           *_site_of(resource, encounters)),
                )  # fmt: skip
                on_problem_list(resource)
            except MALFORMED:
                wrong.add(reference(resource))
            else:
                found[section.prefix].append((resource, line))
    return {prefix: _numbered(found[prefix], prefix, ledger) for prefix in TABLES}


def _not_a_fact(resource: Resource) -> str:
    status = str(resource.get("status") or "")
    if "entered-in-error" in (status, verification(resource), resource.get("docStatus")):
        return "entered-in-error"
    return status if resource["resourceType"] == "DiagnosticReport" and status in RESULTLESS else ""


def _numbered(found: list[tuple[Resource, Line]], prefix: str, ledger: Ledger) -> list[Line]:
    """Order a table (active first, problem list before visit diagnoses, newest first) and give it its handles."""
    newest = sorted(found, key=lambda x: (x[1].date, x[1].reference), reverse=True)
    ordered = sorted(newest, key=lambda x: (_rank(x[1].group), not on_problem_list(x[0])))
    lines = []
    for resource, line in ordered:
        handle = ledger.row(prefix, line.reference)
        ledger.issue(handle, line.facts, _content(resource, line))
        lines.append(Line(**{**line.__dict__, "handle": handle}))
    return lines


def _content(resource: Resource, line: Line) -> str:
    """Return what a record says, so that a change is seen; of a document also its version and what it carries."""
    own = [[f.field, f.value, f.unit] for f in line.facts if f.reference == line.reference]
    carried = (
        [version(resource), resource.get("content")] if line.reference.startswith("Doc") else []
    )
    return repr([own, carried])


def _rank(group: str) -> int:
    return {"active": 0, "pending": 0, "in-progress": 0}.get(group, 1)


def _results_of(by_type: Mapping[str, list[Resource]], zone: ZoneInfo) -> dict[str, str]:
    """Tell of each active order that awaits a result whether it is there: pending, in progress (report without result), resulted.

    A result belongs to an order that it names (`basedOn`), or, as many EHRs name none, that has its code and was
    written before it; where a time is missing, on its day or before.
    """
    resulted: set[str] = set()
    waiting: set[str] = set()
    last: dict[str, str] = {}
    for name in ("DiagnosticReport", "Observation"):
        for r in by_type.get(name, []):
            based = {str(b.get("reference")) for b in r.get("basedOn") or [] if isinstance(b, dict)}
            is_waiting = r.get("status") in WAITING
            (waiting if is_waiting else resulted).update(based)
            if not is_waiting and not based and r.get("status") not in RESULTLESS:
                when = local(str(r.get("effectiveDateTime") or r.get("issued") or ""), zone)
                last.update({code: max(last.get(code, ""), when) for code in codes(r.get("code"))})
    out = {}
    for r in by_type.get("ServiceRequest", []):
        if r.get("status") == "active" and awaits_result(r):
            ordered = local(str(r.get("authoredOn") or "9999"), zone)
            asked, ref = codes(r.get("code")), reference(r)
            found = any(_answers(last.get(code, ""), ordered) for code in asked)
            # Of an order that names neither test nor result nobody knows whether one is there: as sent.
            by_code = "resulted" if found else "pending" if concept(r.get("code")) else "active"
            out[ref] = (
                "resulted" if ref in resulted else "in progress" if ref in waiting else by_code
            )
    return out


def _answers(result: str, ordered: str) -> bool:
    """Tell whether a result is not older than an order, as exactly as both dates say: this morning's is no answer to noon's."""
    known = min(len(result), len(ordered))
    return bool(result) and result[:known] >= ordered[:known]


def _site_of(resource: Resource, encounters: Mapping[str, Resource]) -> tuple[Evidence, ...]:
    """State where something was ordered, from the Encounter it names: evidence of that Encounter."""
    if resource["resourceType"] not in ("MedicationRequest", "ServiceRequest"):
        return ()
    visit = encounters.get(str((resource.get("encounter") or {}).get("reference")))
    place = display((visit or {}).get("serviceProvider"))
    return (evidence(visit, "serviceProvider", "site", place),) if visit and place else ()


# ---------------------------------------------------------------- grids


def _grids(
    observations: Iterable[Resource],
    left_out: Counter[str],
    wrong: set[str],
    stated: Stated,
    ledger: Ledger,
    searched_as: Mapping[str, str],
) -> dict[str, Grid]:
    measured: dict[str, list[Reading]] = {"L": [], "V": [], "O": []}
    unvalued: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for observation in observations:
        if observation.get("status") in RESULTLESS:
            left_out[f"Observation {observation['status']}"] += 1
            continue
        try:
            found, grid, named = (
                stated.readings(observation),
                grid_of(observation),
                test(observation),
            )
            if not categories(observation) & KNOWN_CATEGORIES:
                # Categories of the EHR's own: what it found as laboratory results is one.
                grid = searched_as.get(reference(observation), grid)
        except MALFORMED:
            wrong.add(reference(observation))
            continue
        measured[grid].extend(found)
        if not found:
            left_out["Observation without a value"] += 1
            # The head of a panel has none of its own.
            unvalued[grid][named] += not observation.get("hasMember")
    return {
        prefix: replace(_grid(found, prefix, ledger), unvalued=_unvalued(unvalued[prefix]))
        for prefix, found in measured.items()
    }


def _unvalued(sent: Counter[tuple[str, str, str]]) -> tuple[Unvalued, ...]:
    return tuple(
        Unvalued(code=code, name=name, display=display, sent=n)
        for (code, name, display), n in (+sent).items()
    )


def grid_of(observation: Resource) -> str:
    """Tell which grid an Observation belongs to: V vital signs, L laboratory, O all others."""
    sent = categories(observation)
    return "V" if "vital-signs" in sent else "L" if sent & {"laboratory", "LAB"} else "O"


def _grid(found: Iterable[Reading], prefix: str, ledger: Ledger) -> Grid:
    """Arrange readings as tests by moments: same test, unit, method and moment share a cell if equal, else get a prime."""
    tests: dict[tuple[str, str, str], list[Reading]] = defaultdict(list)
    for item in found:
        tests[item.code, item.unit, item.method].append(item)
    moments = sorted({r.moment for group in tests.values() for r in group}, reverse=True)
    columns = {ledger.column(prefix, moment): moment for moment in moments}
    labels = {moment: label for label, moment in columns.items()}
    names = unique_names(tests)
    order = sorted(
        tests.items(), key=lambda t: (RANK.get(t[0][0], len(RANK)), names[t[0][0]], t[0])
    )
    rows = [
        _row(
            ledger.row(prefix, "|".join(filter(None, key))),
            _called(key, names, tests),
            group,
            labels,
            ledger,
        )
        for key, group in order
    ]
    return Grid(columns=columns, rows=tuple(rows))


def _called(
    key: tuple[str, str, str],
    names: Mapping[str, str],
    tests: Mapping[tuple[str, str, str], object],
) -> str:
    """Return a row's name; with the method where results of one test and unit were got by several."""
    code, unit, method = key
    several = sum((code, unit) == other[:2] for other in tests) > 1
    return f"{names[code]} ({method or 'method not sent'})" if several else names[code]


def _row(
    handle: str, name: str, group: list[Reading], labels: Mapping[str, str], ledger: Ledger
) -> Row:
    group.sort(key=lambda r: (r.moment, r.evidence[0].reference), reverse=True)
    cells: dict[str, tuple[Reading, ...]] = {}
    for item in group:
        place = ledger.place(handle, labels[item.moment], item.same)
        cells[place] = (*cells.get(place, ()), item)
    for place, cell in cells.items():
        ledger.remember(handle + place, tuple(e for r in cell for e in r.evidence))
    ledger.remember(handle, tuple(e for cell in cells.values() for r in cell for e in r.evidence))
    newest = group[0]
    return Row(
        handle=handle, code=newest.code, name=name, unit=newest.unit,
        limits=next((r.limits for r in group if r.limits), ""), cells=cells,
    )  # fmt: skip


def unique_names(tests: Mapping[tuple[str, str, str], list[Reading]]) -> dict[str, str]:
    """Name each test as briefly as stays unambiguous beside its unit: name; name and specimen; name and code."""
    levels: dict[str, tuple[str, str, str]] = {}
    units: dict[str, str] = {}
    for (code, unit, _), group in tests.items():
        item = group[0]
        named = item.name.replace(": ", " - ").replace(" [Susceptibility]", " susceptibility")
        plain = re.sub(r" \[[^\]]*\]", "", named)
        brief = SHORT.get(code) or DEFAULT_WORDS.sub("", plain)
        specimen = SPECIMEN.search(item.display)
        levels[code] = (
            brief,
            f"{brief} {specimen[1].lower()}" if specimen else plain,
            f"{brief} ({code})",
        )
        units[code] = unit
    taken = [
        Counter((names[level], units[code]) for code, names in levels.items()) for level in range(3)
    ]
    return {
        code: next(
            (n for n, all_ in zip(names, taken, strict=True) if all_[n, units[code]] == 1), names[2]
        )
        for code, names in levels.items()
    }
