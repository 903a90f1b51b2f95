"""Make display pieces out of chart facts: values with their flag, chips, and the rows of orders and records.

Pieces come without the spaces between them; the frontend has one rule for those (`view/spacing.ts`).
"""

import re

from app.fhir.chart import Chart, Line
from app.fhir.citation import SearchRecord
from app.fhir.dates import day
from app.fhir.display import Cite, Date, Direction, Piece, Row, Text, Value
from app.fhir.ledger import Sources
from app.fhir.medicines import plain_dose
from app.fhir.readings import Reading
from app.fhir.sections import Table, table_of
from app.fhir.table_rows import shown
from app.fhir.words import drug_name, note_words, search_label, supply, thousands, visit_words

HIGH = frozenset(("H", "HH", "HU", "U", "HX", ">"))
LOW = frozenset(("L", "LL", "LU", "D", "LX", "<"))
# Critical only where it was sent as critical (v3-ObservationInterpretation).
CRITICAL = frozenset(("HH", "LL", "AA"))
DOT = Text(text="·")
# What stands in the small line of a record.
IN_META = frozenset(("date", "status", "author", "site"))


def plain(text: str) -> Text:
    """Return plain words."""
    return Text(text=text)


def strong(text: str) -> Text:
    """Return what a row is about."""
    return Text(text=text, style="strong")


def shown_range(limits: str) -> str:
    """Print a reference range: 3.5–5.1, ≥ 60, ≤ 5; a text as sent stays."""
    if match := re.fullmatch(r"(>=|<=|[<>])\s*([\d.]+)", limits):
        return f"{match[1].replace('>=', '≥').replace('<=', '≤')} {match[2]}"
    return re.sub(r"(?<=\d)-(?=\d)", "–", limits)


def direction(flag: str) -> Direction | None:
    """Return which way a sent flag points; a code that is neither high nor low is abnormal."""
    if not flag:
        return None
    codes = set(flag.split("/")) - {"N"}
    if codes <= HIGH:
        return "high"
    return "low" if codes <= LOW else "abnormal"


def is_critical(flag: str) -> bool:
    """Tell whether a result was sent as critical."""
    return bool(set(flag.split("/")) & CRITICAL)


def value(item: Reading, *, unit: bool = True, limits: bool = False) -> Value:
    """Return a result as sent."""
    return Value(
        text=item.text, unit=item.unit if unit else "", flag=item.flag, direction=direction(item.flag),
        critical=is_critical(item.flag), range=shown_range(item.limits) if limits else "",
    )  # fmt: skip


def date(chart: Chart, sent: str, *, time: bool = False) -> Date:
    """Return a printed date, in the site's zone."""
    return Date(text=chart.print_date(sent, time=time))


def cite(chart: Chart, sources: Sources, handle: str) -> Cite:
    """Return the chip of a handle."""
    return Cite(n=sources.number(handle), label=chart.label(handle))


def search_cite(sources: Sources, record: SearchRecord, text: str = "") -> Cite:
    """Return the chip of a search: "412 searched"; of one in which nothing stands, what there is none of."""
    nothing = f"no {record.kind}" if record.complete else f"{record.kind} not read"
    shown_text = text or (f"{record.searched:,} searched" if record.searched else nothing)
    return Cite(
        n=sources.number(record.handle), label=search_label(record), text=shown_text, search=True
    )


# ---------------------------------------------------------------- rows


def medicine(line: Line) -> list[Piece]:
    """Return drug, dose and frequency; the directions as sent where there is no structure."""
    out: list[Piece] = [Text(text=drug_name(line), style="drug")]
    dose, often = line.fact("dose"), line.text("frequency")
    directions = line.text("directions")
    if dose is None and directions:
        # The dose stands in the directions: "as needed" alone would hide it.
        out.append(plain(f"“{directions}”"))
        often = ""
    if dose:
        out.append(
            Text(text=f"{thousands(plain_dose(dose.value))} {dose.unit}".strip(), style="nowrap")
        )
    if often:
        out.append(plain(often))
    if not dose and not often and not directions:
        out.append(Text(text="dose not recorded", style="muted"))
    if line.text("more"):
        out.append(plain(f"; {line.text('more')}"))
    return out


def order_meta(chart: Chart, line: Line, *, site: str = "") -> tuple[Piece, ...]:
    """Return "Ordered 18-Sep-2026, A. Osei, MD · supply to 17-Dec-2026"."""
    sent = line.fact("date")
    out: list[Piece] = (
        [plain("Ordered"), date(chart, sent.value)] if sent else [plain("Order date not sent")]
    )
    outside = f"{site or line.text('author')}"
    out += [plain(f", {outside}")] if outside else []
    reason = line.text("status reason")
    out += [DOT, plain(f"{line.group}: {reason}")] if reason else []
    return (*out, *supply_pieces(chart, line))


def supply_pieces(chart: Chart, line: Line) -> tuple[Piece, ...]:
    """Return the supply sentence with its date apart, so that it never breaks."""
    said = supply(line, chart.now.date().isoformat())
    found = line.fact("supply")
    if not said or found is None:
        return ()
    end = day(found.date)
    before, _, after = said.partition(end)
    rest = (plain(after.strip()),) if after.strip() else ()
    return (DOT, plain(before.strip()), Date(text=end), *rest)


def order_row(chart: Chart, sources: Sources, line: Line, *, outside: bool = False) -> Row:
    """Return a medication order with its meta line; a status other than active is said."""
    status = () if line.group == "active" else (Text(text=f"({line.group})", style="muted"),)
    author = line.text("author")
    meta = order_meta(chart, line, site=f"{author} (outside)".strip() if outside else author)
    return Row(pieces=(*medicine(line), *status, cite(chart, sources, line.handle)), meta=(meta,))


def record_row(chart: Chart, sources: Sources, line: Line) -> Row:
    """Return the row of any record but a medication order."""
    kind = line.handle[0]
    if kind == "A":
        return Row(pieces=allergy(chart, sources, line), meta=_meta(chart, line))
    if kind == "E":
        name = strong(visit_words(line))
        more = tuple(plain(x) for x in (line.text("reason"),) if x)
        return Row(pieces=(name, *more, cite(chart, sources, line.handle)), meta=_meta(chart, line))
    table = table_of(line.reference)
    style = Text(text=line.text(table.named), style="drug" if table.named == "drug" else "plain")
    more = tuple(Text(text=said, style="muted") for said in _more(chart, line, table))
    return Row(pieces=(style, *more, cite(chart, sources, line.handle)), meta=_meta(chart, line))


def _more(chart: Chart, line: Line, table: Table) -> list[str]:
    """Return what a record's own columns say beside its name: dose, decision, answers; not of tables before these."""
    if line.handle[0] in "PNRD":
        return []
    found = [
        (heading, fact)
        for heading, field in table.columns
        if field not in IN_META and field != table.named and (fact := line.fact(field))
    ]
    # A date among them says what it is a date of: "until 17-Nov-2026 15:30".
    return [
        f"{heading} {said}" if fact.value == fact.date and fact.date_role else said
        for heading, fact in found
        if (said := shown(chart, fact, timed=table.timed))
    ]


def allergy(chart: Chart, sources: Sources, line: Line) -> tuple[Piece, ...]:
    """Return "penicillin – anaphylaxis" with its chip."""
    reaction = line.text("reaction")
    head = Text(text=line.text("substance"), style="drug")
    tail = (plain(f"– {reaction}"),) if reaction else ()
    return (head, *tail, cite(chart, sources, line.handle))


def _meta(chart: Chart, line: Line) -> tuple[tuple[Piece, ...], ...]:
    """Return date with its role, status and author or site of a record."""
    sent, out = line.fact("date"), list[Piece]()
    if sent:
        role = sent.date_role
        timed = table_of(line.reference).timed
        out += [plain(role[:1].upper() + role[1:]), date(chart, sent.value, time=timed)]
    status = (
        line.text("status")
        if not line.reference.startswith("Condition/")
        else f"{line.group} problem"
    )
    for said in (status, line.text("author") or line.text("site")):
        if said:
            out += [DOT, plain(said)] if out else [plain(said)]
    return (tuple(out),) if out else ()


def note_title(line: Line) -> str:
    """Return "Telephone" for a telephone note, as a list of notes names it."""
    name = note_words(line)
    return re.sub(r"\s+note$", "", name, flags=re.IGNORECASE) or name
