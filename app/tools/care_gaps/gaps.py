"""State all rules of this patient as computed records: one for each rule, and one that lists them."""

from collections import Counter

from app.fhir.chart import Chart
from app.fhir.citation import ComputedInput, ComputedRecord
from app.fhir.dates import day, years_old
from app.fhir.measures.rules import Rule, load
from app.fhir.reader import LaunchChart
from app.fhir.words import lower as small
from app.tools.calculate import computed_entry
from app.tools.care_gaps.evaluate import Result, Status, evaluate
from app.tools.entries import declined
from app.tools.registry import Found

ORDER: tuple[Status, ...] = ("not met", "cannot tell", "met", "excluded")
CHILDREN = "Rules for children (vaccine schedule, growth, development) are not among them."
NOT_DONE = "Not met means that this record shows none; what was done elsewhere stands here only if it was sent."
DIED = "Care-gap and visit suggestions are off: a death is recorded."
MOST_REASONS, ADULT = 3, 18
SECTIONS = tuple(dict.fromkeys(name for rule in load().rules for name in rule.sections))


def care_gaps(launch: LaunchChart) -> Found:
    """Return every rule that is about this patient: what is not met first, then what cannot be told."""
    if _died(launch.chart):
        return Found(text=DIED, sections=(), entries=(declined(DIED),))
    launch.ensure(*SECTIONS)
    results = [evaluate(launch, rule) for rule in load().rules]
    ordered = [r for status in ORDER for r in results if r.status == status]
    ledger = launch.chart.ledger
    records = [ledger.compute(_record(result)) for result in ordered]
    whole = ledger.compute(_whole(results, ordered, records, children=_is_child(launch.chart)))
    lines = [
        f"{whole.handle}|{whole.name}: {whole.value} {whole.unit}. {whole.rule} Cite [{whole.handle}]"
    ]
    lines += [_line(result, record) for result, record in zip(ordered, records, strict=True)]
    return Found(
        text="\n".join([*lines, *whole.notes, "A person decides. Advise nothing from it."]), sections=SECTIONS,
        entries=(computed_entry(launch.chart, whole, "care_gaps"),), shown=dict.fromkeys(SECTIONS, 0),
    )  # fmt: skip


def _died(chart: Chart) -> bool:
    return bool(chart.patient.get("deceasedDateTime") or chart.patient.get("deceasedBoolean"))


def _record(result: Result) -> ComputedRecord:
    rule = result.rule
    return ComputedRecord(
        handle="", kind="check", name=rule.title, value=result.status, unit="", rule=_said(rule), source=rule.source,
        inputs=(*result.who, *result.evidence), missing=tuple(dict.fromkeys(result.missing)),
        notes=(NOT_DONE,) if result.status == "not met" else (),
    )  # fmt: skip


def _said(rule: Rule) -> str:
    return f"{rule.says} Rule {rule.key}, {rule.version}."


def _is_child(chart: Chart) -> bool:
    today = chart.now.astimezone(chart.zone).date().isoformat()
    years = years_old(str(chart.patient.get("birthDate") or ""), today)
    return years is not None and years < ADULT


def _whole(
    results: list[Result], ordered: list[Result], records: list[ComputedRecord], *, children: bool
) -> ComputedRecord:
    """State the list: one row for each rule, which opens the rule's own record."""
    counts = Counter(result.status for result in results)
    rows = tuple(
        ComputedInput(name=x.rule.title, text=f"{x.status}{_why(x)}", handle=record.handle)
        for x, record in zip(ordered, records, strict=True)
    )
    counted = [f"{counts[s]} {s}" for s in ORDER if s != "not met" and counts[s]]
    told = ", ".join([*counted, f"{counts['does not apply']} for other patients"])
    missing = tuple(
        dict.fromkeys(m for x in results if x.status == "cannot tell" for m in x.missing)
    )
    return ComputedRecord(
        handle="", kind="check", name="Care gaps", value=str(counts["not met"]), unit="rules unmet",
        rule=f"Checked {len(results)} rules: {told}.",
        source=f"{load().rules[0].version}; each rule names its own", inputs=rows, missing=missing,
        notes=(*((CHILDREN,) if children else ()), NOT_DONE),
    )  # fmt: skip


def _why(result: Result) -> str:
    """Say in a few words what a status rests on: the evidence, or what was not read."""
    if result.status == "cannot tell":
        return f": {'; '.join(list(dict.fromkeys(result.missing))[:MOST_REASONS])}"
    said = [
        f"{small(i.name)} {i.text}{f', {day(i.moment)}' if i.moment else ''}"
        for i in result.evidence
    ]
    if result.status == "excluded":
        said = said[-1:]
    return f": {'; '.join(said[:MOST_REASONS])}" if said else ""


def _line(result: Result, record: ComputedRecord) -> str:
    missing = f" MISSING {'; '.join(record.missing)}." if record.missing else ""
    return f"{record.handle}|{result.rule.title}: {result.status}{_why(result)}.{missing}"
