"""What the server copies into an answer: result tables, rows, negatives; and what a source shows."""

import re
from typing import Any

import pytest

from app.errors import UnknownHandle
from app.fhir.blocks import show
from app.fhir.display import Cite, NegativeBlock, ResultsBlock, RowsBlock
from app.fhir.reader import LaunchChart
from app.fhir.source_view import source
from tests.ndjson_source import launch
from tests.unit.fhir.ehr import observation
from tests.unit.fhir.test_card import chart_of, result, said


@pytest.fixture(scope="module")
def marlena() -> LaunchChart:
    chart = launch("marlena", denied=("MedicationDispense",), encounter_id="me-enc-today")
    chart.first_read()
    return chart


def test_results_stand_in_one_table_newest_first(marlena: LaunchChart) -> None:
    (block,) = show(marlena, ["L3", "L1", "L2"])
    assert isinstance(block, ResultsBlock)
    assert [(s.label, s.unit, s.range) for s in block.series] == [
        ("Potassium", "mmol/L", "3.5–5.1"), ("Creatinine", "mg/dL", "0.50–1.10"), ("eGFR", "mL/min/1.73 m²", "≥ 60"),
    ]  # fmt: skip
    assert [(line.date, [c and (c.text, c.flag) for c in line.cells]) for line in block.lines[:2]] == [
        ("19-Nov-2026", [("5.6", "H"), ("1.64", "H"), ("34", "L")]), ("14-Oct-2026", [("5.0", ""), ("1.34", "H"), ("43", "L")]),
    ]  # fmt: skip
    assert (block.caption, block.date_role) == ("Results, newest first", "Collected")
    assert block.note == "All 54 results final. Flags as sent by the laboratory."


def test_single_values_show_only_themselves(marlena: LaunchChart) -> None:
    (block,) = show(marlena, ["L3a", "L3b"])
    assert isinstance(block, ResultsBlock)
    assert (len(block.lines), block.note) == (
        2,
        "All 2 results final. Flags as sent by the laboratory.",
    )


def test_results_that_are_not_final_say_so() -> None:
    chart = chart_of(
        result(1, "2026-11-01", 5), result(2, "2026-11-19", 6, "H", status="preliminary")
    )
    (block,) = show(chart, ["L1"]) if chart.first_read() else ()
    assert isinstance(block, ResultsBlock)
    assert [line.cells[0] and line.cells[0].status for line in block.lines] == ["preliminary", ""]
    assert block.note == "2 results; 1 preliminary. Flags as sent by the laboratory."


def test_orders_read_as_ordered_with_their_supply(marlena: LaunchChart) -> None:
    (block,) = show(marlena, ["M2", "M1", "M3"])
    assert isinstance(block, RowsBlock)
    assert block.title == "Active orders, 3 of 9 shown"
    assert [re.sub(r" \[\d+\]", "", said(r)).replace(" ,", ",") for r in block.rows] == [
        "spironolactone 25 mg once daily / Ordered 18-Sep-2026, A. Osei, MD · supply to 17-Dec-2026",
        "ibuprofen 600 mg three times a day / Ordered 02-Oct-2026, P. Lindqvist, NP (outside) · 30-day supply ended 01-Nov-2026 unless refilled (2 refills)",
        "metformin 1,000 mg twice a day / Ordered 07-Sep-2026, A. Osei, MD · supply to 06-Dec-2026",
    ]  # fmt: skip


def test_kinds_make_blocks_in_the_order_asked(marlena: LaunchChart) -> None:
    found = show(marlena, ["P1", "L1", "A1", "E1", "N1", "R1"])
    assert [b.kind for b in found] == ["rows", "results", "rows", "rows", "rows", "rows"]


def test_a_search_that_found_nothing_cites_itself_and_names_the_open_order(
    marlena: LaunchChart,
) -> None:
    record = marlena.chart.record_search("urine albumin", "labs")
    (block,) = show(marlena, [record.handle])
    assert isinstance(block, NegativeBlock)
    assert (block.state, block.title) == ("none_found", "Urine albumin: none found.")
    texts = [getattr(p, "text", "") for p in block.pieces]
    assert (
        texts[0]
        == "Searched 259 laboratory results, 03-Mar-2019 to 19-Nov-2026, all that the EHR shows you."
    )
    assert (
        texts[2] == "One order has no result: urine albumin/creatinine ratio, ordered 18-Sep-2026"
    )
    chip = block.pieces[1]
    assert isinstance(chip, Cite)
    assert (chip.search, chip.text) == (True, "See the search")


def test_an_unread_section_is_not_none() -> None:
    chart = chart_of(denied=("DocumentReference",))
    record = chart.first_read().record_search("cardiology advice", "notes")
    (block,) = show(chart, [record.handle])
    assert isinstance(block, NegativeBlock)
    assert (block.state, block.title) == ("unread", "Notes could not be read.")
    assert "This is not “none”: notes may exist." in getattr(block.pieces[0], "text", "")
    assert record.complete is False


def test_the_same_search_is_one_source() -> None:
    chart = chart_of().first_read()
    assert (
        chart.record_search("x", "labs").handle == chart.record_search("x", "labs").handle == "S1"
    )
    assert chart.record_search("y", "labs").handle == "S2"


@pytest.mark.parametrize("handle", ["L99", "L1zz", "M99", "S9", "X1", "P1a"])
def test_a_handle_that_was_never_issued_is_unknown(marlena: LaunchChart, handle: str) -> None:
    with pytest.raises(UnknownHandle):
        show(marlena, [handle])
    with pytest.raises(UnknownHandle):
        marlena.chart.label(handle)
    with pytest.raises(UnknownHandle):
        source(marlena, 10_000)


def facts(launch_chart: LaunchChart, handle: str) -> dict[str, str]:
    found = source(launch_chart, launch_chart.sources.number(handle))
    return {f.label: " ".join(_text(p) for p in f.pieces) for f in found.facts}


def _text(piece: Any) -> str:
    return f"{piece.text} {getattr(piece, 'unit', '')}".strip()


def test_a_result_shows_value_range_flag_status_dates_and_place(marlena: LaunchChart) -> None:
    assert facts(marlena, "L3a") == {
        "Value": "5.6 mmol/L", "Reference range": "3.5–5.1", "Flag": "H, as sent", "Status": "final",
        "Collected": "19-Nov-2026 09:10", "Resulted": "19-Nov-2026 14:48", "Place": "Mercy Laboratory",
        "Test": "Potassium [Moles/volume] in Serum or Plasma (2823-3)",
    }  # fmt: skip


def test_an_order_is_ordered_never_started(marlena: LaunchChart) -> None:
    found = source(marlena, marlena.sources.number("M1"))
    shown = facts(marlena, "M1")
    assert shown["Ordered"] == "02-Oct-2026 17:20"
    assert shown["Status"] == "Active order (as sent)"
    assert shown["Ordered supply"] == "30-day supply ended 01-Nov-2026 unless refilled (2 refills)"
    assert found.as_sent.startswith("Ibuprofen 600 mg tablet. Take 1 tablet by mouth 3 times a day")
    assert '"value": 600' in found.fhir_json
    assert (
        found.summary
        == "ordered 02-Oct-2026 · active order · P. Lindqvist, NP · Bayside Urgent Care"
    )


def test_a_value_that_the_ehr_changed_is_shown_as_it_was() -> None:
    chart = chart_of(result(1, "2026-11-19", 5))
    chart.first_read()
    n = chart.sources.number("L1a")
    chart._source._own[1:] = [result(1, "2026-11-19", 6, status="corrected")]  # type: ignore[attr-defined]  # the EHR corrects it
    chart.read_again()
    old = source(chart, n)
    assert "5 mmol/L" in [_text(p) for f in old.facts for p in f.pieces]
    assert "final; the EHR has changed this since" in [
        _text(p) for f in old.facts for p in f.pieces
    ]


def test_every_source_can_be_drawn() -> None:
    for name in ("marlena", "typical"):
        chart = launch(name)
        chart.first_read()
        handles = [x.handle for t in chart.chart.tables.values() for x in t]
        handles += [r.handle for g in chart.chart.grids.values() for r in g.rows]
        handles += [
            r.handle + p
            for g in chart.chart.grids.values()
            for r in g.rows
            for p in list(r.cells)[:2]
        ]
        for handle in handles:
            found = source(chart, chart.sources.number(handle))
            assert found.facts or found.note or found.results
            assert chart.chart.label(handle)
            assert chart.chart.summary(handle)


def test_blood_pressure_cites_both_components() -> None:
    parts = [
        {"code": {"coding": [{"code": c}]}, "valueQuantity": {"value": v, "unit": "mmHg"}}
        for c, v in (("8480-6", 141), ("8462-4", 88))
    ]
    bp = observation("bp", category=[{"coding": [{"code": "vital-signs"}]}], component=parts)
    del bp["valueQuantity"]
    chart = chart_of(bp)
    chart.first_read()
    assert [(e.path, e.value) for e in chart.chart.evidence("V1a")] == [
        ("component[0].valueQuantity", "141"),
        ("component[1].valueQuantity", "88"),
    ]
    assert facts(chart, "V1a")["Value"] == "141/88 mmHg"
