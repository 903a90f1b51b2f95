"""How much of a search the granted scopes give: whole, in part, or nothing."""

from datetime import UTC, datetime

import pytest

from app.fhir.granular import granted
from app.fhir.source import Query
from app.launch_context import LaunchContext
from app.smart.scopes import parse_scopes
from tests.requirements import requirement

LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


def context(scope: str) -> LaunchContext:
    return LaunchContext(
        launch_id="l", registration="r", iss="https://ehr.example/fhir", tenant="", patient_id="p",
        encounter_id=None, user_reference="Practitioner/1", user_name="", client_id="c", scope=scope,
        grants=parse_scopes(scope), need_patient_banner=True, time_zone="UTC",
        launched_at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip


@requirement("smart:scopes:granular")
@pytest.mark.parametrize(
    ("scope", "category", "share"),
    [
        ("patient/Observation.rs", "laboratory", "all"),
        ("patient/Observation.read", "laboratory", "all"),
        ("patient/Observation.r", "laboratory", "none"),
        ("patient/Condition.rs", "laboratory", "none"),
        ("patient/Observation.rs?category=laboratory", "laboratory", "all"),
        (f"patient/Observation.rs?category={LAB}", "laboratory", "all"),
        (f"patient/Observation.rs?category={LAB}", "vital-signs", "none"),
        # The site's own code is another code: a laboratory result may carry the standard one only.
        ("patient/Observation.rs?category=urn:site|laboratory", "laboratory", "none"),
        (f"patient/Observation.rs?category={LAB}", "", "part"),
        (f"patient/Observation.rs?category={LAB}", "laboratory,survey", "part"),
        (f"patient/Observation.rs?category={LAB},survey", "laboratory,survey", "all"),
        (
            f"patient/Observation.rs?category={LAB} patient/Observation.s?category=survey",
            "laboratory,survey",
            "all",
        ),
        (f"patient/Observation.rs?category={LAB} user/Observation.rs", "vital-signs", "all"),
        (f"patient/Observation.rs?category={LAB} patient/*.s", "", "all"),
        (f"patient/Observation.rs?category={LAB}&status=final", "laboratory", "part"),
        (f"patient/Observation.rs?category={LAB}&status=final", "survey", "none"),
        ("patient/Observation.rs?date=ge2020", "laboratory", "part"),
        # What is not understood leaves out nobody knows what.
        ("patient/Observation.rs?nonsense", "laboratory", "part"),
        (f"system/Observation.rs?category={LAB}", "laboratory", "none"),
    ],
)
def test_a_restriction_gives_a_search_whole_in_part_or_not(
    scope: str, category: str, share: str
) -> None:
    params = (("category", category),) if category else ()
    query = Query(resource_type="Observation", params=(*params, ("_count", "5")))
    assert granted(context(scope), query).share == share
