"""An EHR is asked only for what it offers, no more than it agreed to, and not twice for what did not change."""

import threading
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.boundary import Boundary
from app.fhir.client import FhirSource
from app.fhir.reader import MOST_AT_FIRST, LaunchChart
from app.fhir.sections import BY_NAME
from app.fhir.shared_ehr import SharedEhr, searched_types
from app.fhir.source import Complete, Denied, Failed, NotOffered
from app.fhir.tables import table
from app.launch_context import Grant
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, observation
from tests.unit.fhir.records import EVERY, SUBJECT, record


def statement(*types: str, code: str = "search-type") -> dict[str, Any]:
    listed = [{"type": kind, "interaction": [{"code": code}]} for kind in types]
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": listed}]}


def ehr_with(*found: dict[str, Any], metadata: Answer = (404, {})) -> Ehr:
    def answer(path: str, _: dict[str, str]) -> Answer:
        if path == "metadata":
            return metadata
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if "/" in path:
            named = [r for r in found if f"{r['resourceType']}/{r['id']}" == path]
            return (200, named[0]) if named else (404, {})
        return 200, bundle(*(r for r in found if r["resourceType"] == path))

    return Ehr(answer)


def shared_of(ehr: Ehr, **limits: Any) -> tuple[Boundary, SharedEhr]:
    boundary = Boundary(frozenset(("https://ehr.test",)), False, httpx2.WSGITransport(app=ehr))
    return boundary, SharedEhr(boundary, **limits)


def launch(boundary: Boundary, shared: SharedEhr, **changes: Any) -> LaunchChart:
    own = context("p1", NOW, **changes)
    return LaunchChart(FhirSource(boundary, own, lambda: "t", shared=shared), own, NOW)


def paths(ehr: Ehr) -> list[str]:
    return [path for path, _, _ in ehr.asked]


# ---------------------------------------------------------------- what is offered


def test_a_first_screen_does_not_wait_for_a_slow_statement_that_another_launch_reads() -> None:
    asked, answered = threading.Event(), threading.Event()

    def slow(_: httpx2.Request) -> httpx2.Response:
        asked.set()
        assert answered.wait(20)
        return httpx2.Response(200, json=statement("Goal"))

    boundary = Boundary(frozenset(("https://ehr.test",)), False, httpx2.MockTransport(slow))
    shared, found = SharedEhr(boundary), list[bool | None]()

    def offers(*, ask: bool) -> threading.Thread:
        def ask_it() -> None:
            found.append(shared.offers("https://ehr.test/fhir", "Task", ask=ask, count=lambda: None))  # fmt: skip

        thread = threading.Thread(target=ask_it)
        thread.start()
        return thread

    reading = offers(ask=True)
    assert asked.wait(20)
    offers(ask=False).join(5)
    assert found == [None]
    answered.set()
    reading.join()
    assert found == [None, False]


def test_what_an_ehr_offers_is_read_once_for_all_launches_and_after_the_first_screen() -> None:
    ehr = ehr_with(EVERY["flags"], metadata=(200, statement("Flag", "Observation")))
    boundary, shared = shared_of(ehr)
    first = launch(boundary, shared)
    first.first_read()
    assert "metadata" not in paths(ehr)
    assert first.ensure("flags", "consents") == {
        "flags": Complete(n=1),
        "consents": NotOffered(resource_type="Consent"),
    }
    second = launch(boundary, shared)
    assert second.ensure("diets") == {"diets": NotOffered(resource_type="NutritionOrder")}
    assert paths(ehr).count("metadata") == 1
    assert not {"Consent", "NutritionOrder"} & set(paths(ehr))
    # The statement is asked for without a token: it is no patient's.
    assert [sent for path, _, sent in ehr.asked if path == "metadata"] == [""]


def test_a_type_that_is_not_offered_is_said_and_never_none() -> None:
    ehr = ehr_with(metadata=(200, statement("Observation")))
    boundary, shared = shared_of(ehr)
    chart = launch(boundary, shared)
    chart.ensure("immunizations")
    printed = table(chart.chart, "I")
    assert printed == (
        "IMMUNIZATIONS: NOT READ (immunizations: this EHR does not offer Immunization); do not say none."
    )
    assert not chart.chart.record_search("tetanus", "immunizations").complete


@pytest.mark.parametrize(
    "metadata",
    [(500, {}), (200, "<html>"), (200, {"resourceType": "CapabilityStatement"}), (200, statement())],
)  # fmt: skip
def test_a_statement_that_says_nothing_forbids_nothing(metadata: Answer) -> None:
    ehr = ehr_with(EVERY["flags"], metadata=metadata)
    assert launch(*shared_of(ehr)).ensure("flags") == {"flags": Complete(n=1)}


def test_only_a_search_counts_as_offered_and_a_server_mode() -> None:
    assert searched_types(statement("Flag", code="read")) is None
    both = statement("Flag")
    both["rest"] += [{"mode": "client", "resource": [{"type": "Task"}]}, "x", {"resource": "x"}]
    assert searched_types(both) == frozenset({"Flag"})
    silent = {"resourceType": "CapabilityStatement", "rest": [{"resource": [{"type": "Flag"}]}]}
    assert searched_types(silent) == frozenset({"Flag"})


def test_a_statement_is_read_again_the_next_day_and_after_a_failure_in_ten_minutes() -> None:
    now, answers = [0.0], [(500, {}), (200, statement("Flag")), (200, statement("Task"))]
    ehr = Ehr(lambda *_: answers[0])
    _, shared = shared_of(ehr, clock=lambda: now[0])
    iss = "https://ehr.test/fhir"
    asked = []
    for at, left in ((0.0, 0), (599.0, 0), (601.0, 1), (86_000.0, 1), (87_100.0, 2)):
        now[0], answers[0] = at, [(500, {}), (200, statement("Flag")), (200, statement("Task"))][left]  # fmt: skip
        asked.append((shared.offers(iss, "Flag", ask=True, count=list), len(ehr.asked)))
    assert asked == [(None, 1), (None, 1), (True, 2), (True, 2), (False, 3)]


def test_the_statement_is_a_request_of_the_launch_that_reads_it() -> None:
    ehr = ehr_with(EVERY["flags"], metadata=(200, statement("Flag")))
    boundary, shared = shared_of(ehr, requests=12)
    limit = Failed(reason="this site's limit of 12 requests for one launch is reached")
    first, second = launch(boundary, shared), launch(boundary, shared)
    first.first_read()
    assert (first.ensure("flags"), paths(ehr)[11:]) == ({"flags": limit}, ["metadata"])
    # It is read for all: the next launch has that request for the chart.
    second.first_read()
    assert second.ensure("flags") == {"flags": Complete(n=1)}
    assert paths(ehr)[12:] == ["Patient/p1", "Flag"]


def test_what_was_not_granted_costs_no_request_at_all() -> None:
    ehr = ehr_with(metadata=(200, statement("Observation")))
    grants = (Grant(level="patient", resource_type="Patient", verbs=frozenset("r")),)
    chart = launch(*shared_of(ehr), grants=grants)
    assert chart.ensure("flags") == {"flags": Denied(scope="patient/Flag.rs", http_status=0)}
    assert paths(ehr) == ["Patient/p1"]


# ---------------------------------------------------------------- how much at once


def test_all_launches_together_hold_no_more_connections_than_agreed() -> None:
    busy, most, lock = [0], [0], threading.Lock()

    def answer(*_: object) -> Answer:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        threading.Event().wait(0.002)
        with lock:
            busy[0] -= 1
        return 200, {"resourceType": "Patient", "id": "p1"}

    boundary, shared = shared_of(Ehr(answer), connections=2)
    charts = [launch(boundary, shared) for _ in range(3)]
    threads = [threading.Thread(target=chart.first_read) for chart in charts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 2


def test_a_launch_that_has_made_its_requests_says_so_and_asks_no_more() -> None:
    ehr = ehr_with(EVERY["flags"])
    chart = launch(*shared_of(ehr, requests=11, reads_statement=False))
    assert chart.ensure("flags") == {
        "flags": Failed(reason="this site's limit of 11 requests for one launch is reached")
    }
    assert len(ehr.asked) == 11


# ---------------------------------------------------------------- what did not change


def test_a_re_read_of_what_did_not_change_is_asked_for_by_its_tag() -> None:
    tags: list[str] = []

    class Tagged(Ehr):
        def __call__(self, environ: dict[str, Any], start: Any) -> Any:
            tags.append(environ.get("HTTP_IF_NONE_MATCH", ""))
            if tags[-1] == 'W/"1"':
                start("304 X", [])
                return [b""]
            return super().__call__(environ, start)

    ehr = Tagged(ehr_with(observation()).answer, ETag='W/"1"')
    chart = launch(*shared_of(ehr))
    before = [row.handle for row in chart.first_read().grids["L"].rows]
    again = chart.read_again()
    assert [row.handle for row in again.grids["L"].rows] == before == ["L1"]
    assert again.sections["labs"] == Complete(n=1)
    # The tag is sent on the second read only; 11 answers were not sent again.
    assert (tags.count(""), tags.count('W/"1"'), len(ehr.asked)) == (11, 11, 11)


def test_large_answers_are_not_kept_beyond_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    # A limit like any other; only its size is a test's.
    monkeypatch.setattr("app.fhir.asking.MOST_KEPT_BYTES", 20_000)
    tags: list[str] = []

    class Tagged(Ehr):
        def __call__(self, environ: dict[str, Any], start: Any) -> Any:
            tags.append(environ.get("HTTP_IF_NONE_MATCH", ""))
            return super().__call__(environ, start)

    long: dict[str, Any] = {"code": {"text": "Potassium", "coding": [{"display": "x" * 30_000}]}}
    ehr = Tagged(ehr_with(observation(**long)).answer, ETag='W/"1"')
    chart = launch(*shared_of(ehr))
    chart.first_read()
    first = len(tags)
    chart.read_again()
    searched = [path for path in paths(ehr)[first:] if path == "Observation"]
    asked_in_full = [
        p
        for p, tag in zip(paths(ehr)[first:], tags[first:], strict=True)
        if p == "Observation" and not tag
    ]
    assert (len(searched), len(asked_in_full)) == (2, 2)


def test_an_answer_without_a_body_that_nobody_asked_for_is_a_failure() -> None:
    def answer(path: str, _: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        return 304, b""

    chart = launch(*shared_of(Ehr(answer)))
    assert chart.first_read().sections["labs"] == Failed(reason="the EHR answered 304")


# ---------------------------------------------------------------- names of medicines


def order(fhir_id: str, **medicine: Any) -> dict[str, Any]:
    return record("MedicationRequest", fhir_id, SUBJECT, status="active", intent="order", **medicine)  # fmt: skip


def medication(fhir_id: str, name: str) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": fhir_id, "code": {"text": name}}


def test_a_medicine_is_named_from_code_contained_or_reference_alike() -> None:
    ehr = ehr_with(
        order("a", medicationCodeableConcept={"text": "aspirin"}),
        order("b", contained=[{**medication("m", "bisoprolol"), "id": "m"}], medicationReference={"reference": "#m"}),
        order("c", medicationReference={"reference": "Medication/c"}),
        order("d", medicationReference={"reference": "Medication/c"}),
        order("e", medicationReference={"reference": "Medication/gone"}),
        order("f", medicationReference={"reference": "Medication/f", "display": "furosemide"}),
        medication("c", "carvedilol"),
    )  # fmt: skip
    chart = launch(*shared_of(ehr))
    chart.ensure("medications")
    named = {x.reference[-1]: x.text("drug") for x in chart.chart.tables["M"]}
    assert named == {
        "a": "aspirin", "b": "bisoprolol", "c": "carvedilol", "d": "carvedilol",
        "e": "medicine not named", "f": "furosemide",
    }  # fmt: skip
    chart.ensure("medications")
    assert [p for p in paths(ehr) if p.startswith("Medication/")] == [
        "Medication/c",
        "Medication/gone",
    ]
    # The record that is shown stays what was sent.
    assert chart.chart.resources["MedicationRequest/c"]["medicationReference"] == {
        "reference": "Medication/c"
    }


def test_names_of_medicines_do_not_make_the_first_screen_dear() -> None:
    many = [order(str(n), medicationReference={"reference": f"Medication/{n}"}) for n in range(30)]
    ehr = ehr_with(*many, *(medication(str(n), f"drug {n}") for n in range(30)))
    chart = launch(*shared_of(ehr, reads_statement=False))
    chart.first_read()
    assert len(ehr.asked) == chart.requests == MOST_AT_FIRST
    chart.ensure("medications")
    assert {x.text("drug") for x in chart.chart.tables["M"]} == {f"drug {n}" for n in range(30)}


def test_a_model_is_told_how_old_what_it_reads_is() -> None:
    class Later(LaunchChart):
        passed = timedelta()

        @property
        def now(self) -> datetime:
            return super().now + self.passed

    boundary, shared = shared_of(ehr_with(EVERY["flags"], observation()))
    own = context("p1", NOW)
    chart = Later(FhirSource(boundary, own, lambda: "t", shared=shared), own, NOW)
    registry = Registry(CHART_TOOLS, chart, own)
    chart.first_read()
    assert "AS READ" not in registry.call("chart_section", {"section": "labs"}).text
    chart.passed = timedelta(minutes=75)
    old = registry.call("chart_section", {"section": "labs"}).text.splitlines()[-1]
    assert old == "AS READ 20-Nov-2026 08:42, 75 minutes ago; newer records may exist."
    # What is read now is new, whatever else is old.
    assert "AS READ" not in registry.call("chart_section", {"section": "immunizations"}).text


def test_the_time_of_a_read_is_kept_for_each_section() -> None:
    chart = launch(*shared_of(ehr_with(EVERY["flags"])))
    chart.first_read()
    chart.ensure("flags")
    assert chart.read_time("flags") >= chart.read_time("labs")
    assert BY_NAME["flags"].first is False
