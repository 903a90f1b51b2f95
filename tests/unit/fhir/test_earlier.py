"""A corrected result is shown with what it was before, where the EHR keeps versions; else that it is not readable."""

from typing import Any

from app.fhir.display import Text
from app.fhir.source import NotOffered
from app.fhir.source_view import source as shown_source
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.unit.fhir.ehr import Answer, Ehr, bundle, observation
from tests.unit.fhir.test_polite import launch, paths, shared_of


def version(number: int, status: str, value: float, **more: Any) -> dict[str, Any]:
    meta = {"versionId": str(number), "lastUpdated": f"2026-11-19T1{number}:05:00-06:00"}
    quantity = {"value": value, "unit": "mmol/L"}
    return {**observation(status=status, valueQuantity=quantity, **more), "meta": meta}


NOW_IT_IS = version(2, "corrected", 5.6)


def ehr(*history: dict[str, Any], offered: bool = True) -> Ehr:
    codes = ["search-type", *(["history-instance"] if offered else [])]
    listed = {"type": "Observation", "interaction": [{"code": code} for code in codes]}
    statement = {"resourceType": "CapabilityStatement", "rest": [{"resource": [listed]}]}

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path == "metadata":
            return 200, statement
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if path.endswith("/_history"):
            return 200, {**bundle(*history), "type": "history"}
        return 200, bundle(*([NOW_IT_IS] if query.get("category") == "laboratory" else []))

    return Ehr(answer)


def told(server: Ehr) -> str:
    chart = launch(*shared_of(server))
    result = Registry(CHART_TOOLS, chart, chart.context).call(
        "chart_results", {"tests": ["potassium"]}
    )
    return result.text.splitlines()[-1]


def test_the_value_before_a_correction_is_told_with_its_time() -> None:
    server = ehr(NOW_IT_IS, version(1, "final", 4.9))
    assert told(server) == "L1a corrected: before 4.9 mmol/L (final), as of 19-Nov-2026 11:05"


def test_it_stands_in_the_source_of_the_value_and_is_read_once() -> None:
    server = ehr(NOW_IT_IS, version(1, "preliminary", 4.9))
    chart = launch(*shared_of(server))
    chart.first_read()
    for _ in range(2):
        source = shown_source(chart, chart.sources.number("L1a"))
        facts = {f.label: [p.text for p in f.pieces if isinstance(p, Text)] for f in source.facts}
        assert facts["Corrected"] == [
            "Before 4.9 mmol/L (preliminary), as of 19-Nov-2026 11:05"
        ]  # fmt: skip
    assert paths(server).count("Observation/o1/_history") == 1


def test_without_versions_it_is_said_and_nothing_is_asked() -> None:
    server = ehr(offered=False)
    assert told(server) == "L1a corrected: what it was before is not readable here"
    assert not [path for path in paths(server) if "_history" in path]


def test_a_version_that_is_another_patients_another_records_or_labelled_is_not_shown() -> None:
    other = version(1, "final", 4.9, subject={"reference": "Patient/p2"})
    record = {**version(1, "final", 4.8), "id": "o9"}
    hidden = version(1, "final", 4.7)
    hidden["meta"] = {**hidden["meta"], "security": [{"code": "R"}]}
    assert told(ehr(NOW_IT_IS, other, record, hidden, {"resourceType": "Observation"})) == (
        "L1a corrected: what it was before is not readable here"
    )


def test_only_results_have_versions_read() -> None:
    chart = launch(*shared_of(ehr()))
    source = chart.earlier._source
    for reference in ("Patient/p1", "Patient/p2", "Condition/1", "../Observation/1", ""):
        assert source.history(reference).requests == 0
    assert isinstance(
        launch(*shared_of(ehr(offered=False))).earlier._source.history("Observation/o1").completeness,
        NotOffered,
    )  # fmt: skip
