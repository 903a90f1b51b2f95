"""Units: what is the same stays the same, factors keep order and come back, and no two units are ever mixed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.fhir.statistics import statistics
from app.tools.calculators.units import NoConversion, Quantity, convert, load
from tests.unit.fhir.ehr import observation
from tests.unit.tools.test_section_tool import call, chart_of

# A busy machine is slow, and nothing here is about that.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FACTORS = [(one, other, f) for (one, other), found in load().factors.items() for f in found]
CODES = sorted({code for one, other, _ in FACTORS for code in (one, other)})
VALUES = st.decimals(Decimal("0.001"), Decimal(100_000), places=3)


def converted(value: Decimal, one: str, other: str, substance: str) -> Decimal:
    return convert(Quantity(value=value, unit=one), other, substance).value


@given(st.sampled_from(FACTORS), VALUES, VALUES)
@CALM
def test_a_factor_keeps_the_order_of_values(factor: Any, low: Decimal, high: Decimal) -> None:
    one, other, how = factor
    ends = [converted(v, one, other, how.substance) for v in sorted((low, high))]
    assert ends == sorted(ends)
    assert (ends[0] == ends[1]) == (low == high)


@given(st.sampled_from(FACTORS), VALUES)
@CALM
def test_there_and_back_is_the_same_value(factor: Any, value: Decimal) -> None:
    one, other, how = factor
    there = converted(value, one, other, how.substance)
    try:
        back = converted(there, other, one, how.substance)
    except NoConversion:
        return
    assert abs(back - value) <= value * Decimal("0.001") + Decimal("0.001")


@given(st.sampled_from(CODES), st.sampled_from(CODES), VALUES)
@CALM
def test_what_is_not_in_the_table_is_not_converted(one: str, other: str, value: Decimal) -> None:
    known = load().is_same(one, other) or any(
        not how.substance for how in load().factors.get((one, other), ())
    )
    if known:
        converted(value, one, other, "no such substance")
    else:
        with pytest.raises(NoConversion):
            converted(value, one, other, "no such substance")


@given(st.sampled_from([sorted(group) for group in load().same]), VALUES)
@CALM
def test_codes_of_the_same_amount_change_nothing(group: list[str], value: Decimal) -> None:
    assert {converted(value, one, other, "") for one in group for other in group} == {value}


MIXED = st.lists(
    st.tuples(st.sampled_from(("mmol/L", "mg/dL", "meq/L", "")), st.integers(1, 999)),
    min_size=1,
    max_size=8,
)


@given(MIXED)
@CALM
def test_results_in_different_units_share_no_series_and_no_mean(
    sent: list[tuple[str, int]],
) -> None:
    results = [
        observation(
            f"o{n}",
            valueQuantity={"value": value, **({"unit": unit} if unit else {})},
            effectiveDateTime=f"2026-11-{n + 1:02d}T09:00:00-06:00",
        )
        for n, (unit, value) in enumerate(sent)
    ]
    launch = chart_of(*results)
    found = call(launch, "chart_results", tests=["potassium"])
    assert sorted(e.unit for e in found.entries) == sorted({unit for unit, _ in sent})
    grid = launch.chart.grids["L"]
    for row in grid.rows:
        mine = [value for unit, value in sent if unit == row.unit]
        stats = statistics(grid, row)
        assert sorted(int(p.reading.text) for p in stats.points) == sorted(mine)
        assert stats.least is not None
        assert int(stats.least.reading.text) == min(mine)
