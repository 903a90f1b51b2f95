"""A newborn's age in hours, and results that a method tells apart."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.fhir.ages import BIRTH_TIME, patient_age
from app.fhir.banner import banner
from app.fhir.reader import LaunchChart
from app.fhir.tables import digest
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, observation, source

ZONE = ZoneInfo("America/Chicago")


def born(at: datetime, **more: Any) -> dict[str, Any]:
    sent = {"extension": [{"url": BIRTH_TIME, "valueDateTime": at.isoformat()}]}
    day = at.astimezone(ZONE).date().isoformat()
    return {"resourceType": "Patient", "id": "p1", "birthDate": day, "_birthDate": sent, **more}


@pytest.mark.parametrize(
    ("hours", "shown"), [(0, "0h"), (38, "38h"), (167, "167h"), (168, "1w 0d"), (24 * 30, "4w 2d")]
)
def test_a_newborn_is_hours_old_until_a_week(hours: int, shown: str) -> None:
    assert patient_age(born(NOW - timedelta(hours=hours)), NOW, ZONE) == shown


def test_hours_are_counted_across_the_change_of_clocks() -> None:
    """02:00 became 01:00 on 01-Nov-2026 in Chicago: the night had 25 hours."""
    before = datetime(2026, 10, 31, 23, 30, tzinfo=ZONE)
    after = datetime(2026, 11, 1, 23, 30, tzinfo=ZONE)
    assert patient_age(born(before), after.astimezone(UTC), ZONE) == "25h"


@pytest.mark.parametrize(
    "sent",
    [None, "x", {"extension": "x"}, {"extension": [{"url": BIRTH_TIME, "valueDateTime": "2026-11-19"}]},
     {"extension": [{"url": BIRTH_TIME, "valueDateTime": "soon"}]}, {"extension": [5]}],
)  # fmt: skip
def test_without_an_hour_of_birth_a_newborn_is_days_old(sent: object) -> None:
    patient = {"resourceType": "Patient", "birthDate": "2026-11-19", "_birthDate": sent}
    assert patient_age(patient, NOW, ZONE) == "0w 1d"


def test_banner_and_overview_say_the_hours() -> None:
    patient = born(NOW - timedelta(hours=38))

    def answer(path: str, _: dict[str, str]) -> Answer:
        return 200, patient if path.startswith("Patient/") else bundle()

    launch = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)
    assert banner(launch).age == "38h"
    assert "born 18-Nov-2026, 38h" in digest(launch)


def test_results_got_by_several_methods_stand_in_rows_of_their_own() -> None:
    found = [
        observation("a", method={"text": "point of care"}),
        observation("b", method={"text": "core laboratory"}),
        observation("c", code={"coding": [{"code": "2951-2"}]}, method={"text": "core laboratory"}),
    ]

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        return 200, bundle(*(found if query.get("category") == "laboratory" else []))

    launch = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)
    rows = {r.name: r.handle for r in launch.first_read().grids["L"].rows}
    assert set(rows) == {"Potassium (core laboratory)", "Potassium (point of care)", "Sodium"}
    again = {r.name: r.handle for r in launch.read_again().grids["L"].rows}
    assert again == rows
