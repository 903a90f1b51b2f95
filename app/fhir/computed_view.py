"""Draw a computation: the result with its rule, each input with its age and chip, what is missing, the source."""

from app.fhir.chart import Chart
from app.fhir.citation import ComputedInput, ComputedRecord
from app.fhir.computed import computed_label, computed_summary, printed_value
from app.fhir.dates import days_between
from app.fhir.display import Cite, Date, Piece, Row, RowsBlock, Source, SourceFact, Text
from app.fhir.ledger import Sources
from app.fhir.pieces import DOT, cite, plain, strong

MOST_OPEN = 14
ENTERED = "entered by you"
# The age of a measurement matters; that of a birth or an onset is in its date.
MEASURED = ("collected", "measured", "resulted", "ordered")


def computed_block(chart: Chart, sources: Sources, record: ComputedRecord) -> RowsBlock:
    """Return the result and every input as rows."""
    row = _named if record.kind == "check" else _row
    rows = [_result(sources, record), *(row(chart, sources, i) for i in record.inputs)]
    rows += [Row(pieces=(plain(f"Missing: {what}."),), tone="warn") for what in record.missing]
    kind = "Checked" if record.kind == "check" else "Computed"
    return RowsBlock(
        title=f"{kind}: {record.name}",
        rows=tuple(rows[:MOST_OPEN]),
        more=tuple(rows[MOST_OPEN:]),
        by="rule",
    )


def _result(sources: Sources, record: ComputedRecord) -> Row:
    own = Cite(n=sources.number(record.handle), label=computed_label(record))
    said = [plain(record.rule)] if record.rule else []
    meta = [tuple(said)] if said else []
    # What a check counts stands in its rule.
    also = () if record.kind == "check" else record.also
    meta += [(plain(f"{extra.name}: {extra.value} {extra.unit}".strip()),) for extra in also]
    meta += [(plain(note),) for note in record.notes]
    meta.append((plain(f"Source: {record.source}"),))
    return Row(pieces=(strong(printed_value(record)), own), meta=tuple(meta))


def _row(chart: Chart, sources: Sources, used: ComputedInput) -> Row:
    chip = (cite(chart, sources, used.handle),) if used.handle else ()
    meta = tuple(_meta(chart, used))
    return Row(
        pieces=(plain(f"{used.name}:"), Text(text=used.text, style="nowrap"), *chip),
        meta=(meta,) if meta else (),
    )


def _named(chart: Chart, sources: Sources, used: ComputedInput) -> Row:
    """Return a record that a check names: what the list says of it is a sentence, which has to wrap."""
    chip = (cite(chart, sources, used.handle),) if used.handle else ()
    meta = tuple(_meta(chart, used))
    return Row(
        pieces=(strong(f"{used.name}:"), plain(used.text), *chip), meta=(meta,) if meta else ()
    )


def _meta(chart: Chart, used: ComputedInput) -> list[Piece]:
    out: list[Piece] = []
    if used.moment:
        role = used.role[:1].upper() + used.role[1:]
        out += [plain(role)] if role else []
        out.append(Date(text=chart.print_date(used.moment, time=True)))
        out += [DOT, plain(age(chart, used.moment))] if used.role in MEASURED else []
    for said in (used.status, used.converted, ENTERED if used.entered else ""):
        if said:
            out += [DOT, plain(said)] if out else [plain(said)]
    return out


def age(chart: Chart, moment: str) -> str:
    """Say how old an input is, at the snapshot's own time: "today", "9 days old", "3 years old"."""
    days = days_between(moment, chart.now.astimezone(chart.zone).date().isoformat())
    if days is None or days < 0:
        return "age not known"
    for size, word in ((365, "year"), (60, "month"), (1, "day")):
        if days >= size:
            n = days // (30 if word == "month" else size)
            return f"{n} {word}{'s' if n != 1 else ''} old"
    return "today"


def computed_source(chart: Chart, sources: Sources, n: int, record: ComputedRecord) -> Source:
    """Return what a CALC citation points to: result, rule, inputs with their chips, what is missing, source."""
    facts = [_fact("Result", printed_value(record), "value")]
    facts += [_fact(extra.name, f"{extra.value} {extra.unit}".strip()) for extra in record.also]
    facts += [
        SourceFact(label=i.name, pieces=(*_row(chart, sources, i).pieces[1:], *_dotted(chart, i)))
        for i in record.inputs
    ]
    facts += [_fact("Missing", what) for what in record.missing]
    facts += [_fact("Rule", record.rule)] if record.rule else []
    facts += [_fact("Note", note) for note in record.notes]
    facts.append(_fact("Source", record.source))
    return Source(
        n=n, kind_label="Check" if record.kind == "check" else "Calculation", heading=(strong(record.name),),
        summary=computed_summary(record), reference="", facts=tuple(facts),
    )  # fmt: skip


def _dotted(chart: Chart, used: ComputedInput) -> tuple[Piece, ...]:
    meta = _meta(chart, used)
    return (DOT, *meta) if meta else ()


def _fact(label: str, text: str, field: str = "") -> SourceFact:
    return SourceFact(label=label, pieces=(plain(text),), field=field)
