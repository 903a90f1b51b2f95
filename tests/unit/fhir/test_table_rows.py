"""What repeats in a table is said once, and every record reads back with its own handle, date and words."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.fhir.chart import Chart, Line, section_lines
from app.fhir.compile import compile_chart
from app.fhir.ledger import Ledger
from app.fhir.sections import SECTIONS, Section
from app.fhir.source import Complete
from app.fhir.tables import table
from tests.ndjson_source import launch

TABLED = [s for s in SECTIONS if s.table]
ALL = 10**9


def read_back(text: str, section: Section) -> dict[str, dict[str, str]]:
    """Read a printed table: the cells of each handle by the heading of their column."""
    heading, *rows = text.split("\n")
    assert section.table
    parts = heading.split(" | ")
    common = next((p.removeprefix("all: ") for p in parts if p.startswith("all: ")), "")
    names = parts[-1].split("|")
    every = [name for name, _ in section.table.columns]
    shared = {n: c[len(n) + 1 :] for c in common.split("|") for n in every if c.startswith(f"{n} ")}
    dated = next((name for name, field in section.table.columns if field == "date"), "")
    out: dict[str, dict[str, str]] = {}
    for row in rows:
        if not re.match(r"[A-Z]\d+(\||$)", row):
            continue  # a status
        first, _, also = row.partition("; also ")
        handle, *cells = first.split("|")
        said = {**shared, **dict(zip(names, cells, strict=False))}
        out[handle] = said
        for of_year in filter(None, also.split("; ")):
            year, _, days = (
                of_year.partition(": ") if re.match(r"\d{4}: ", of_year) else ("", "", of_year)
            )
            for one in days.split(", "):
                handles, _, date = one.partition("=")
                out |= {
                    h: {**said, dated: f"{date}-{year}" if year else date} for h in handles.split()
                }
    return {h: {n: c for n, c in said.items() if c} for h, said in out.items()}


def printed(chart: Chart, line: Line, section: Section) -> dict[str, str]:
    """Say what a row of this record alone would hold, where it was sent."""
    assert section.table
    said: dict[str, str] = {}
    for name, field in section.table.columns:
        fact = line.fact(field)
        if fact and fact.date_role and fact.value == fact.date:
            said[name] = chart.print_date(fact.value, time=section.table.timed)
        elif fact and field not in ("supply", "dose"):
            said[name] = " ".join(f"{fact.value} {fact.unit}".split()).replace("|", "/")
    return said


@pytest.mark.parametrize("name", ["marlena", "typical", "large", "child", "newborn"])
def test_every_record_of_every_table_reads_back_with_its_handle_date_and_words(name: str) -> None:
    whole = launch(name)
    whole.ensure(*(s.name for s in TABLED))
    chart, records = whole.chart, 0
    for section in TABLED:
        lines = section_lines(chart, section.name)
        found = read_back(table(chart, section.prefix, section=section.name, most=ALL), section)
        assert found.keys() == {x.handle for x in lines}, section.name
        for line in lines:
            want = printed(chart, line, section)
            assert {n: found[line.handle].get(n) for n in want} == want, line.reference
        records += len(lines)
    assert records > 10


def compiled_of(section: str, sent: list[dict[str, Any]]) -> Chart:
    zone = ZoneInfo("America/Chicago")
    return compile_chart(
        {section: sent}, zone=zone, now=datetime(2026, 11, 20, 8, 42, tzinfo=zone),
        sections={section: Complete(n=len(sent))}, ledger=Ledger(),
    )  # fmt: skip


def done(n: int, name: str, when: str) -> dict[str, Any]:
    return {
        "resourceType": "Procedure", "id": f"c{n}", "status": "completed", "performedDateTime": when,
        "code": {"text": name},
    }  # fmt: skip


def test_rows_alike_but_for_their_date_stand_behind_the_newest_with_handles_and_dates() -> None:
    sent = [
        done(1, "Dialysis", "2026-11-19"), done(2, "Dialysis", "2026-11-17"), done(3, "Dialysis", "2025-12"),
        done(4, "Dialysis", "2026-11-17"), done(5, "Biopsy", "2026-11-18"), done(6, "Dialysis", "2026-11-01"),
    ]  # fmt: skip
    assert table(compiled_of("procedures", sent), "C") == (
        "PROCEDURES 6 | also: the same on other dates | procedure|date|body site|reason|outcome|by\n"
        "completed:\n"
        "C1|Dialysis|19-Nov-2026; also 2026: C3 C4=17-Nov, C5=01-Nov; C6=Dec-2025\n"
        "C2|Biopsy|18-Nov-2026"
    )


def test_two_rows_alike_are_written_out() -> None:
    sent = [done(1, "Dialysis", "2026-11-19"), done(2, "Dialysis", "2026-11-17")]
    assert table(compiled_of("procedures", sent), "C").endswith(
        "\nC1|Dialysis|19-Nov-2026\nC2|Dialysis|17-Nov-2026"
    )


def test_what_all_rows_share_is_said_once_but_never_a_dose() -> None:
    orders = [
        {
            "resourceType": "MedicationRequest", "id": f"m{n}", "status": "active", "intent": "order",
            "medicationCodeableConcept": {"text": name}, "authoredOn": "2026-11-19",
            "dosageInstruction": [{"route": {"text": "oral"}, "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}]}],
        }
        for n, name in enumerate(("apixaban", "ramipril", "bisoprolol"))
    ]  # fmt: skip
    assert table(compiled_of("medications", orders), "M") == (
        "MEDICATION ORDERS 3 | all: route oral | drug|dose|frequency|ordered|by|supply\n"
        "active:\n"
        "M1|bisoprolol|5 mg||19-Nov-2026\nM2|ramipril|5 mg||19-Nov-2026\nM3|apixaban|5 mg||19-Nov-2026"
    )
