"""What a result table carries to be drawn over time: places on a scale, edges as sent, orders as bars."""

from typing import Any

from app.fhir.blocks import show
from app.fhir.display import Edge, ResultsBlock, SupplyBar, Text, Trend
from app.fhir.reader import LaunchChart
from app.fhir.source_view import source
from tests.ndjson_source import launch
from tests.unit.fhir.test_card import chart_of, result


def table(chart: LaunchChart, *handles: str) -> ResultsBlock:
    chart.first_read()
    return next(b for b in show(chart, handles) if isinstance(b, ResultsBlock))


def ranged(n: int, when: str, value: Any, **limits: Any) -> dict[str, Any]:
    return {**result(n, when, value), "referenceRange": [limits]}


def test_marlenas_kidney_results_carry_numbers_moments_and_edges_with_the_digits_as_sent() -> None:
    block = table(launch("marlena"), "L1", "L2", "L3")
    assert [(s.label, s.low, s.high, s.plotted) for s in block.series] == [
        ("Creatinine", Edge(number=0.5, text="0.50"), Edge(number=1.1, text="1.10"), True),
        ("eGFR", Edge(number=60.0, text="60"), None, True),
        ("Potassium", Edge(number=3.5, text="3.5"), Edge(number=5.1, text="5.1"), True),
    ]
    newest = block.lines[0]
    assert newest.at == "2026-11-19T09:10"
    assert {(c.text, c.number) for c in newest.cells if c} == {
        ("5.6", 5.6),
        ("1.64", 1.64),
        ("34", 34.0),
    }
    assert block.trend == Trend(title="Results", until="2026-11-20T08:42")


def test_orders_asked_for_with_results_stand_under_them_by_order_date() -> None:
    chart = launch("marlena")
    found = table(chart, "L3", "M1", "M2")
    assert found.trend is not None
    assert [(b.label, b.ordered, b.starts, b.ends, b.days, b.refill) for b in found.trend.bars] == [
        ("spironolactone 25 mg once daily", "18-Sep-2026", "2026-09-18", "2026-12-17", "90", True),
        ("ibuprofen 600 mg three times a day", "02-Oct-2026", "2026-10-02", "2026-11-01", "30", True),
    ]  # fmt: skip
    assert all(
        isinstance(b, SupplyBar) and chart.sources.get(b.n)[0] == "M" for b in found.trend.bars
    )


def test_a_comparator_and_a_month_have_no_place_on_the_axes() -> None:
    under = result(2, "2026-11-18", 5)
    under["valueQuantity"]["comparator"] = "<"
    block = table(chart_of(result(1, "2026-11-19", 5), under, result(4, "2026-10", 4)), "L1")
    assert [(line.at, c.text, c.number) for line in block.lines for c in line.cells if c] == [
        ("2026-11-19", "5", 5.0),
        ("2026-11-18", "<5", None),
        ("", "4", 4.0),
    ]
    assert (block.trend, block.series[0].plotted) == (None, False)


def test_two_moments_make_a_trend_and_one_does_not() -> None:
    two = table(chart_of(result(1, "2026-11-01", 4), result(2, "2026-11-19", 5)), "L1")
    assert (two.series[0].plotted, two.trend is not None) == (True, True)
    one = table(chart_of(result(1, "2026-11-19", 4)), "L1")
    assert (one.series[0].plotted, one.trend) == (False, None)


def test_no_edge_is_shown_where_results_came_with_different_ranges() -> None:
    same = {"low": {"value": 3}, "high": {"value": 5}}
    other = {"low": {"value": 3}, "high": {"value": 6}}
    block = table(
        chart_of(ranged(1, "2026-11-01", 4, **same), ranged(2, "2026-11-19", 4, **other)), "L1"
    )
    assert (block.series[0].low, block.series[0].high) == (None, None)
    block = table(
        chart_of(ranged(1, "2026-11-01", 4, **same), ranged(2, "2026-11-19", 4, **same)), "L1"
    )
    assert (block.series[0].low, block.series[0].high) == (
        Edge(number=3, text="3"),
        Edge(number=5, text="5"),
    )


def test_a_range_in_words_has_no_edges() -> None:
    block = table(
        chart_of(ranged(1, "2026-11-01", 4, text="see note"), ranged(2, "2026-11-19", 4, text="see note")), "L1"
    )  # fmt: skip
    assert (block.series[0].low, block.series[0].high, block.series[0].range) == (
        None,
        None,
        "see note",
    )


def order(status: str = "active", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": "m1", "status": status, "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "warfarin"},
        "authoredOn": "2026-11-02", **more,
    }  # fmt: skip


def bars(*orders: dict[str, Any]) -> tuple[SupplyBar, ...]:
    chart = chart_of(result(1, "2026-11-01", 4), result(2, "2026-11-19", 5), *orders)
    trend = table(chart, "L1", "M1").trend
    assert trend is not None
    return trend.bars


def test_an_order_without_a_known_supply_has_a_start_and_no_end() -> None:
    (bar,) = bars(order())
    assert (bar.starts, bar.ends, bar.days, bar.refill) == ("2026-11-02", "", "", False)


def test_an_order_without_refills_is_not_dashed_on() -> None:
    (bar,) = bars(
        order(dispenseRequest={"numberOfRepeatsAllowed": 0, "expectedSupplyDuration": {"value": 10, "code": "d"}})
    )  # fmt: skip
    assert (bar.ends, bar.days, bar.refill) == ("2026-11-12", "10", False)


def test_an_order_that_is_not_active_or_not_dated_has_no_bar() -> None:
    assert bars(order("stopped")) == ()
    undated = order()
    del undated["authoredOn"]
    assert bars(undated) == ()


def test_an_order_names_the_field_of_each_attribute_once() -> None:
    chart = launch("marlena", denied=("MedicationDispense",))
    chart.first_read()
    shown = source(chart, chart.sources.number("M1"))
    assert [p.text for p in shown.heading if isinstance(p, Text)] == [
        "ibuprofen", "–", "600 mg", "–", "oral", "–", "three times a day",
    ]  # fmt: skip
    assert shown.heading_fields == ("drug", "", "dose", "", "route", "", "frequency")
    labels = {f.label: " ".join(getattr(p, "text", "") for p in f.pieces) for f in shown.facts}
    assert not labels.keys() & {"Dose", "Frequency", "Medicine", "Route"}
    assert (labels["Fills"], labels["Taken"]) == ("Not readable here", "This order does not say.")
    assert "Last changed" in labels
