"""What ordinary and older servers send, read for what it means: R5 medicines, own categories, loose dates, no order."""

from typing import Any

import pytest

from app.boundary import read_fhir
from app.fhir.card import build_card
from app.fhir.reader import LaunchChart
from app.fhir.source import Complete, Failed, Resource
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.ndjson_source import context
from tests.unit.fhir.ehr import BASE, NOW, Answer, Ehr, bundle, observation, source

OWN = {"subject": {"reference": "Patient/p1"}}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "m",
    "status": "active",
    "intent": "order",
    **OWN,
}


def held(*records: Resource, **more: Any) -> LaunchChart:
    """Return a launch on these records; `more` goes into each Bundle."""

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        found = [r for r in records if r["resourceType"] == path]
        wanted = query.get("category", "laboratory") == "laboratory"
        return 200, bundle(*(found if wanted else ()), **(more if found else {}))

    return LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)


def told(launch: LaunchChart, tool: str, **arguments: Any) -> str:
    return Registry(CHART_TOOLS, launch, launch.context).call(tool, arguments).text


def test_the_medicine_of_an_r5_order_is_found_by_its_name() -> None:
    launch = held({**ORDER, "medication": {"concept": {"text": "warfarin 5 mg tablet"}}})
    assert launch.chart.tables["M"][0].text("drug") == "warfarin 5 mg tablet"
    assert launch.sections["medications"] == Complete(n=1)


@pytest.mark.parametrize(
    "medicine",
    [{}, {"medicationReference": {"reference": "urn:uuid:1"}}, {"medicationCodeableConcept": {}}],
)
def test_none_is_not_said_beside_an_order_whose_medicine_nobody_can_name(medicine: Any) -> None:
    launch = held({**ORDER, **medicine})
    text = told(launch, "chart_section", section="medications", words="warfarin")
    why = "1 record does not say what it is about"
    assert launch.sections["medications"] == Failed(reason=why, n=1)
    assert "none found" not in text
    assert f"NOT READ TO ITS END: Medication orders: not read ({why})" in text


@pytest.mark.parametrize(
    "sent",
    [
        {"valueQuantity": {"unit": "mmol/L"}},
        {"valueAttachment": {"title": "x"}},
        {"_valueString": {}},
    ],
)
def test_a_result_whose_value_cannot_be_read_is_not_none(sent: Any) -> None:
    result = {k: v for k, v in observation().items() if k != "valueQuantity"}
    text = told(held({**result, **sent}), "chart_results", tests=["potassium"])
    assert "value not readable here" in text
    assert "none found" not in text


def test_results_of_the_ehrs_own_category_are_laboratory_results_where_it_found_them_so() -> None:
    launch = held(observation(category=[{"coding": [{"system": "urn:local", "code": "CHEM"}]}]))
    assert [row.name for row in launch.first_read().grids["L"].rows] == ["Potassium"]


@pytest.mark.parametrize(
    "sent",
    [
        "2026-11-20T03:30:00Z",
        "2026-11-20T03:30:00z",
        "2026-11-20 03:30:00+00:00",
        "2026-11-20t03:30Z",
    ],
)
def test_a_result_of_the_evening_stands_on_the_sites_day(sent: str) -> None:
    launch = held(observation(effectiveDateTime=sent))
    assert list(launch.first_read().grids["L"].columns.values()) == ["2026-11-19T21:30"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a":1,"a":2}', None),
        (b'{"a":{"b":1},"c":[{"b" : 1, "b" :2}]}', None),
        (b'{"a":"\\":\\":","b":{"a":"x\\" :"}}', {"a": '":":', "b": {"a": 'x" :'}}),
        (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    ],
)
def test_json_that_names_an_element_twice_is_not_read(body: bytes, found: Any) -> None:
    assert read_fhir(body) == found


@pytest.mark.parametrize(
    ("dates", "none"), [(("2014-03-01", "2014-01-01"), True), (("2014-01-01", "2014-02-01"), False)]
)
def test_nothing_new_is_said_of_a_part_only_if_it_came_newest_first(
    dates: tuple[str, str], none: bool
) -> None:
    results = [observation(f"o{n}", effectiveDateTime=d) for n, d in enumerate(dates)]
    launch = held(*results, next_url=f"{BASE}/Observation?page=2")
    launch.first_read()
    assert launch.is_newest_first("labs") is none
    card = build_card(launch, launch.sources, NOW, "Practitioner/none")
    assert ("No new results, orders, problems or notes found." in repr(card)) is none
