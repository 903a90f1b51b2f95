"""Dates as sent, printed in the site's zone; ages and supply ends."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir.dates import add_days, age, as_date, day, days_between, local, months_before, printed
from app.fhir.medicines import frequency, plain_dose, supply_end

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-11-20T03:30:00Z", "19-Nov-2026 21:30"), ("2026-11-20", "20-Nov-2026"), ("2026-11", "Nov-2026"),
        ("2026", "2026"), ("", ""), ("2026-07-01T12:00:00+02:00", "01-Jul-2026 05:00"), ("nonsense", "nonsense"),
        ("2026-11-20T08:00:00", "20-Nov-2026 08:00"), ("2026-13-40", "2026"),
    ],
)  # fmt: skip
def test_a_date_is_printed_in_the_sites_zone_and_gets_no_time_it_was_not_sent(
    sent: str, shown: str
) -> None:
    assert printed(sent, CHICAGO, time=True) == shown


@given(
    st.datetimes(timezones=st.just(UTC), allow_imaginary=False).filter(
        lambda m: 1900 < m.year < 2100
    )
)
def test_moments_sort_by_time_whatever_offset_was_sent(moment: datetime) -> None:
    east = moment.astimezone(ZoneInfo("Asia/Tokyo")).isoformat()
    assert local(east, CHICAGO) == local(moment.isoformat(), CHICAGO)


@given(st.dates())
def test_a_day_survives_printing(when: date) -> None:
    assert day(when.isoformat()).endswith(f"{when.year:04d}")
    assert days_between(when.isoformat(), when.isoformat()) == 0


@given(st.text(max_size=30))
def test_no_text_breaks_printing(text: str) -> None:
    printed(text, CHICAGO, time=True)
    assert as_date(text) is None or isinstance(as_date(text), date)


@given(st.dates(date(1900, 1, 1), date(2026, 11, 20)))
def test_every_birth_date_has_an_age(born: date) -> None:
    assert age(born.isoformat(), "2026-11-20") != ""


def test_calendar_arithmetic() -> None:
    assert (add_days("2026-10-02", 30), months_before("2026-11-20", 12), add_days("2026", 3)) == (
        "2026-11-01",
        "2025-11-20",
        "",
    )


@pytest.mark.parametrize(
    ("repeat", "words"),
    [
        ({"frequency": 1, "period": 1, "periodUnit": "d"}, "once daily"),
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, "twice a day"),
        ({"frequency": 3, "period": 1, "periodUnit": "d"}, "three times a day"),
        ({"frequency": 1, "period": 8, "periodUnit": "h"}, "every 8 hours"),
        ({"frequency": 1, "period": 1, "periodUnit": "wk"}, "once a week"),
        ({"frequency": 2, "period": 3, "periodUnit": "d"}, "2 times every 3 days"),
        ({"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}, "1 to 2 times a day"),
        ({"when": ["HS"]}, "once daily at bedtime"),
        ({}, ""),
    ],
)
def test_a_frequency_in_words(repeat: dict[str, Any], words: str) -> None:
    assert frequency({"timing": {"repeat": repeat}}) == words


def test_as_needed_names_its_reason_and_a_code_stands_in_for_structure() -> None:
    assert (
        frequency(
            {"asNeededCodeableConcept": {"text": "pain"}, "timing": {"code": {"text": "BID"}}}
        )
        == "BID as needed for pain"
    )


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("5.0", "5"), ("0.50", "0.5"), ("1000", "1000"), ("1-2", "1-2"), ("100", "100")],
)
def test_a_dose_has_no_trailing_zero(sent: str, shown: str) -> None:
    assert plain_dose(sent) == shown


def order(**request: Any) -> dict[str, Any]:
    step = {
        "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
    }
    return {"authoredOn": "2026-10-02", "dosageInstruction": [step], "dispenseRequest": request}


def test_a_supply_ends_after_quantity_by_daily_dose_or_as_sent() -> None:
    assert supply_end(order(quantity={"value": 90, "unit": "tablets"})) == (30, "2026-11-01")
    assert supply_end(order(expectedSupplyDuration={"value": 90, "unit": "days"})) == (
        90,
        "2026-12-31",
    )
    assert supply_end(order(expectedSupplyDuration={"value": 2, "code": "wk"})) == (
        14,
        "2026-10-16",
    )


def test_a_supply_that_cannot_be_known_is_not_guessed() -> None:
    assert supply_end(order(quantity={"value": 90, "unit": "mL"})) is None
    assert supply_end(order()) is None
    assert (
        supply_end({**order(quantity={"value": 9, "unit": "tablet"}), "dosageInstruction": []})
        is None
    )
    assert (
        supply_end({**order(quantity={"value": 9, "unit": "tablet"}), "authoredOn": "2026"}) is None
    )
