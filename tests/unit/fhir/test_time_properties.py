"""Partial dates, zones and days on which clocks change, whatever was sent: no day is invented, no hour is lost."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.fhir.dates import as_date, is_unplaced, is_within, later, local, printed
from app.fhir.reader import LaunchChart
from app.tools.window import moment as since_moment
from tests.ndjson_source import context
from tests.unit.fhir.ehr import Answer, Ehr, bundle, observation, source
from tests.unit.fhir.records import SUBJECT, record
from tests.unit.tools.test_section_tool import call

# A busy machine is slow, and nothing here is about that.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CHICAGO = ZoneInfo("America/Chicago")
FIRST = datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)
MINUTES = st.integers(0, 3 * 365 * 24 * 60).map(lambda n: FIRST + timedelta(minutes=n))
FORMS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M")
# Clocks go forward on 08-Mar-2026 and back on 01-Nov-2026.
CHANGES = (datetime(2026, 3, 8, 12, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC))


def span(iso: str) -> tuple[datetime, datetime]:
    """Return the first moment that a date as precise as sent can mean, and the first one after all of them."""
    form = FORMS[(4, 7, 10, 16).index(len(iso))]
    first = datetime.strptime(iso, form)  # noqa: DTZ007  # local times, all of one zone
    if form == "%Y":
        return first, first.replace(year=first.year + 1)
    if form == "%Y-%m":
        return first, (first + timedelta(days=32)).replace(day=1)
    return first, first + (timedelta(days=1) if form == "%Y-%m-%d" else timedelta(minutes=1))


@given(MINUTES, st.sampled_from(FORMS), MINUTES, st.sampled_from(FORMS), st.booleans())
@settings(CALM, max_examples=300)
def test_a_date_is_inside_limits_only_if_all_that_it_can_mean_is(
    at: datetime, form: str, limit: datetime, limit_form: str, until: bool
) -> None:
    sent, asked = at.strftime(form), limit.strftime(limit_form)
    first, after = span(sent)
    edge = span(asked)[0]
    limits = {"until": asked} if until else {"since": asked}
    inside = after <= edge if until else first >= edge
    outside = first >= edge if until else after <= edge
    if is_unplaced(sent, **limits):
        assert len(sent) < len(asked)
        assert not is_within(sent, **limits)
    else:
        assert is_within(sent, **limits) == inside
        assert inside or outside


@given(MINUTES, st.sampled_from(FORMS[:3]))
@CALM
def test_no_day_and_no_hour_is_invented(at: datetime, form: str) -> None:
    sent = at.strftime(form)
    assert local(sent, CHICAGO) == sent
    assert len(printed(sent, CHICAGO, time=True).split("-")) == len(sent.split("-"))
    assert (as_date(sent) is None) == (len(sent) < 10)


@pytest.mark.parametrize("sent", ["2026-W47", "2026-W47-4", "20261119", "2026-323"])
def test_forms_of_iso_that_fhir_does_not_have_are_no_day(sent: str) -> None:
    assert as_date(sent) is None


@given(MINUTES, st.sampled_from(["UTC", "Asia/Tokyo", "America/Chicago", "America/St_Johns"]))
@CALM
def test_the_day_printed_is_the_day_at_the_site(at: datetime, sent_in: str) -> None:
    moment = at.replace(tzinfo=UTC)
    shown = printed(moment.astimezone(ZoneInfo(sent_in)).isoformat(), CHICAGO, time=True)
    assert shown == moment.astimezone(CHICAGO).strftime("%d-%b-%Y %H:%M")


@given(st.sampled_from(CHANGES), st.integers(-36, 36), st.integers(0, 96))
@CALM
def test_hours_back_are_hours_that_passed(noon: datetime, off: int, hours: int) -> None:
    now = (noon + timedelta(hours=off)).astimezone(CHICAGO)
    then = later(now, -timedelta(hours=hours))
    passed = now.astimezone(UTC) - then.astimezone(UTC)
    assert passed == timedelta(hours=hours)
    assert then.tzinfo is CHICAGO


# ---------------------------------------------------------------- through the chart


def dose(fhir_id: str, at: datetime) -> dict[str, Any]:
    return record(
        "MedicationAdministration", fhir_id, SUBJECT, status="completed",
        medicationCodeableConcept={"text": "heparin"}, effectiveDateTime=at.astimezone(UTC).isoformat(),
        dosage={"dose": {"value": 5000, "unit": "units"}},
    )  # fmt: skip


def chart_at(now: datetime, *found: dict[str, Any]) -> LaunchChart:
    """Return a launch at a moment, at a site in Chicago, on an EHR that sends UTC."""

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        wanted = query.get("category", "laboratory") == "laboratory"
        return 200, bundle(*(r for r in found if r["resourceType"] == path and wanted))

    who = context("p1", now, clinical_time=now)
    return LaunchChart(source(Ehr(answer)), who, now)


@given(
    st.sampled_from(CHANGES),
    st.integers(-30, 30),
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
)
@settings(CALM, max_examples=25)
def test_doses_of_24_hours_are_those_of_24_hours(noon: datetime, off: int, ago: list[int]) -> None:
    """Hours are told apart by half hours off the edge, so that no minute is disputed."""
    now = (noon + timedelta(hours=off, minutes=15)).astimezone(CHICAGO)
    doses = [
        dose(f"d{n}", now.astimezone(UTC) - timedelta(hours=h, minutes=30)) for n, h in enumerate(ago)
    ]  # fmt: skip
    launch = chart_at(now, *doses)
    found = call(launch, "chart_section", section="administrations", since="24h", limit=100)
    given_then = [e for e in found.entries if e.section == "administrations"]
    edge = local(later(now, -timedelta(hours=24)).isoformat(), CHICAGO)
    assert since_moment(launch, "24h") == edge
    # In the hour that comes twice two moments read the same.
    twice = sum(local(d["effectiveDateTime"], CHICAGO) >= edge for d in doses)
    assert len(given_then) == twice
    if not edge.startswith("2026-11-01T01"):
        assert len(given_then) == sum(h < 24 for h in ago)


def test_a_result_of_the_evening_is_of_that_day_though_the_server_says_tomorrow() -> None:
    now = datetime(2026, 11, 20, 8, tzinfo=CHICAGO)
    late = observation(effectiveDateTime="2026-11-20T03:30:00Z")
    launch = chart_at(now, late)
    found = call(launch, "chart_results", tests=["potassium"])
    assert [c.date for e in found.entries for c in e.cells] == ["19-Nov-2026"]
    assert call(launch, "chart_results", tests=["potassium"], until="2026-11-20").entries[0].cells
    assert (
        not call(launch, "chart_results", tests=["potassium"], since="2026-11-20").entries[0].cells
    )


def test_doses_are_counted_by_the_days_of_the_site() -> None:
    now = datetime(2026, 11, 20, 8, tzinfo=CHICAGO)
    at = [(19, 21, 30), (19, 23, 59), (20, 0, 0), (20, 6, 0)]
    doses = [
        dose(f"d{n}", datetime(2026, 11, day, hour, minute, tzinfo=CHICAGO))
        for n, (day, hour, minute) in enumerate(at)
    ]
    sql = (
        "select date, count(*) as n from records where section = 'administrations' "
        "group by date order by date"
    )
    text = call(chart_at(now, *doses), "chart_query", sql=sql).text
    assert text.splitlines()[1:3] == ["2026-11-19|2", "2026-11-20|2"]


def test_a_supply_ends_by_the_day_it_was_ordered_at_the_site() -> None:
    order = record(
        "MedicationRequest", "m", SUBJECT, status="active", intent="order", authoredOn="2026-11-20T03:30:00Z",
        medicationCodeableConcept={"text": "lisinopril 10 mg"},
        dispenseRequest={"expectedSupplyDuration": {"value": 30, "code": "d"}},
    )  # fmt: skip
    launch = chart_at(datetime(2026, 11, 20, 8, tzinfo=CHICAGO), order)
    supply = launch.chart.tables["M"][0].fact("supply") if launch.first_read() else None
    assert supply is not None
    assert supply.date == date(2026, 12, 19).isoformat()
