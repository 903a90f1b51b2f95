"""The calculator tool: a result computed from this chart, with every input cited, and what is missing named."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from app.fhir.chart import SECTION_OF, Chart
from app.fhir.citation import ComputedInput, ComputedRecord
from app.fhir.computed import printed_value
from app.fhir.computed_view import ENTERED, MEASURED, age
from app.fhir.dates import days_between
from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.words import lower as small
from app.llm.port import Entry
from app.tools.calculators.catalogue import CALCULATORS, Name
from app.tools.calculators.entered import entered as read_entered
from app.tools.calculators.inputs import Inputs
from app.tools.calculators.model import run
from app.tools.registry import Found, Tool

FAR_APART_DAYS = 30
MOST_ALSO = 6
MEASURED_AT = ("collected", "measured", "resulted")
Entered = Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=12)]
READS = ("Observation", "Condition", "MedicationRequest")


def calculate(
    launch: LaunchChart,
    name: Name,
    entered: Entered = [],  # noqa: B006  # msgspec copies it for every call
    *,
    typed: str,
) -> Found:
    """A clinical calculation from this chart. Cite its CALC handle; never compute yourself.

    entered: only what the user typed, name=value: weight=72 kg, confusion=no, medicine=NAME.
    """
    asked = Inputs(launch=launch, entered=read_entered(entered, typed))
    calculator = CALCULATORS[name]
    record = launch.chart.ledger.compute(run(calculator, asked))
    sections = tuple(asked.sections)
    shown: dict[SectionName, int] = dict.fromkeys(sections, 0)
    for used in record.inputs:
        section = SECTION_OF.get(used.handle[:1])
        if section in shown:
            shown[section] += 1
    return Found(
        text=computed_text(launch.chart, record), sections=sections,
        entries=(computed_entry(launch.chart, record, name, over_time=calculator.over_time),), shown=shown,
    )  # fmt: skip


def computed_text(chart: Chart, record: ComputedRecord) -> str:
    """Say a computation for a model: result, inputs with their handles, what is missing, rule and source."""
    lines = [f"{record.handle}|{record.name}: {printed_value(record)}; cite [{record.handle}]"]
    lines += [f"also {extra.name}: {extra.value} {extra.unit}".strip() for extra in record.also]
    lines += [f"input {_input(chart, used)}" for used in record.inputs]
    lines += [f"MISSING {what}" for what in record.missing]
    lines += [f"note {note}" for note in record.notes]
    return "\n".join(
        [
            *lines,
            f"rule {record.rule} Source: {record.source}",
            "Shown with its inputs. Advise nothing from it.",
        ]
    )


def check_text(chart: Chart, records: Sequence[ComputedRecord]) -> str:
    """Say checks for a model: what was checked and what is missing first, so that nothing of it is cut."""
    lines = [
        f"{r.handle}|{r.name}: {printed_value(r)}. {r.rule}{''.join(f' MISSING {m}.' for m in r.missing)} Cite [{r.handle}]"
        for r in records
    ]
    lines.append("Advise nothing from it. Say that no match is not a clearance.")
    for record in records:
        lines += [f"{record.handle}: {_input(chart, used)}" for used in record.inputs]
    notes = dict.fromkeys(note for record in records for note in record.notes)
    sources = dict.fromkeys(record.source for record in records)
    return "\n".join([*lines, *notes, *(f"source {source}" for source in sources)])


def _input(chart: Chart, used: ComputedInput) -> str:
    old = f", {age(chart, used.moment)}" if used.role in MEASURED else ""
    when = f", {used.role} {chart.print_date(used.moment)}{old}" if used.moment else ""
    more = "".join(
        f", {said}"
        for said in (used.status, used.converted, ENTERED if used.entered else "")
        if said
    )
    return f"{used.name}: {used.text}{when}{more}{f' [{used.handle}]' if used.handle else ''}"


def computed_entry(
    chart: Chart, record: ComputedRecord, key: str, *, over_time: bool = False
) -> Entry:
    """State a computation as fields; `status` are the words for inputs that are not final."""
    status = ", ".join(
        dict.fromkeys(i.status for i in record.inputs if i.status and i.role in MEASURED_AT)
    )
    moments = sorted(i.moment for i in record.inputs if i.role in MEASURED_AT) or [""]
    old = (days_between(moments[0], moments[-1]) or 0) > FAR_APART_DAYS
    oldest = moments[0] if old and not over_time else ""
    entered = [f"entered {small(i.name)} {i.text}" for i in record.inputs if i.entered]
    fields = (
        ("also", "; ".join(f"{a.name}: {a.value} {a.unit}".strip() for a in record.also[:MOST_ALSO])),
        ("oldest", chart.print_date(oldest)), ("entered", ", ".join(entered)),
        ("key", key), ("newest", chart.print_date(moments[-1])), ("value", record.value), ("unit", record.unit), ("printed", printed_value(record)),
        ("status", status), ("missing", "; ".join(record.missing)), ("kind", record.kind), ("rule", record.rule),
    )  # fmt: skip
    return Entry(section="computed", handle=record.handle, name=record.name, fields=fields)


CALCULATE = Tool(function=calculate, reads=READS, hears=True)
