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
from app.fhir.source import Complete, Denied, Failed, NotOffered, Truncated
from app.fhir.tables import table
from app.launch_context import Grant
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, observation, outcome
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


# ---------------------------------------------------------------- medicines that come along


def includes(*listed: str) -> dict[str, Any]:
    told = statement("MedicationRequest", "Flag")
    told["rest"][0]["resource"][0]["searchInclude"] = list(listed)
    return told


WITH_MEDICINES = includes("MedicationRequest:patient", "MedicationRequest:medication")


def along(*found: dict[str, Any], declines: int = 0, told: dict[str, Any] = WITH_MEDICINES) -> Ehr:
    """Return an EHR that sends `found` with every search that asks for what it refers to, or declines such a search."""
    orders = [r for r in found if r["resourceType"] == "MedicationRequest"]

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path == "metadata":
            return 200, told
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if path.startswith("Medication/"):
            return 200, medication(path.partition("/")[2], "read by itself")
        if path != "MedicationRequest":
            return 200, bundle()
        if "_include" in query:
            return (
                (declines, outcome("error", "not-supported")) if declines else (200, bundle(*found))
            )
        return 200, bundle(*orders, total=len(orders))

    return Ehr(answer)


def named_by(ehr: Ehr, **changes: Any) -> tuple[list[str], list[str]]:
    """Return how medicines are called, and what was asked for them, once the EHR's statement is known."""
    boundary, shared = shared_of(ehr)
    launch(boundary, shared).ensure("flags")
    ehr.asked.clear()
    chart = launch(boundary, shared, **changes)
    chart.first_read()
    asked = [p for p, query, _ in ehr.asked if p.startswith("Medication/") or "_include" in query]
    return [x.text("drug") for x in chart.chart.tables["M"]], asked


REFERS = order("a", medicationReference={"reference": "Medication/m"})


def test_medicines_come_along_with_their_orders_where_the_ehr_says_so() -> None:
    ehr = along(REFERS, medication("m", "carvedilol"))
    assert named_by(ehr) == (["carvedilol"], ["MedicationRequest"])
    assert [query["_include"] for _, query, _ in ehr.asked if "_include" in query] == ["MedicationRequest:medication"]  # fmt: skip


@pytest.mark.parametrize("told", [statement("MedicationRequest", "Flag"), includes("*"), includes("MedicationRequest:patient")])  # fmt: skip
def test_nothing_is_asked_to_come_along_that_the_ehr_does_not_list(told: dict[str, Any]) -> None:
    assert named_by(along(REFERS, told=told)) == (["read by itself"], ["Medication/m"])


def test_no_medicine_is_asked_for_without_its_scope() -> None:
    grants = tuple(
        Grant(level="patient", resource_type=kind, verbs=frozenset("rs"))
        for kind in ("Patient", "MedicationRequest")
    )
    assert named_by(along(REFERS), grants=grants) == (["medicine not named"], [])


@pytest.mark.parametrize("status", [400, 422])
def test_an_ehr_that_declines_what_it_lists_is_asked_without_it(status: int) -> None:
    asked = ["MedicationRequest", "Medication/m"]
    assert named_by(along(REFERS, declines=status)) == (["read by itself"], asked)


@pytest.mark.parametrize(
    "sent",
    [
        [medication("stranger", "heparin")],
        [medication("m", "carvedilol"), medication("m", "warfarin")],
        [{"resourceType": "Medication", "id": "m"}],
        [{**medication("m", "carvedilol"), "id": "../Patient/other"}],
    ],
)
def test_only_a_medicine_that_an_order_refers_to_and_that_has_one_form_names_it(sent: list[dict[str, Any]]) -> None:  # fmt: skip
    names, asked = named_by(along(REFERS, *sent))
    assert (names, asked) == (["read by itself"], ["MedicationRequest", "Medication/m"])


def test_a_medicine_that_comes_unasked_counts_as_before() -> None:
    read = FhirSource(shared_of(Ehr(lambda *_: (200, bundle(REFERS, medication("m", "x")))))[0], context("p1", NOW), lambda: "t")  # fmt: skip
    found = read.search(BY_NAME["medications"].query)
    assert (found.unreadable, found.included) == (1, ())


# ---------------------------------------------------------------- page sizes


def counted(ehr: Ehr, kind: str) -> list[str]:
    return [query["_count"] for path, query, _ in ehr.asked if path == kind]


def test_a_first_screen_takes_small_pages_and_a_whole_section_large_ones() -> None:
    ehr = ehr_with()
    launch(*shared_of(ehr)).first_read()
    assert counted(ehr, "Encounter") == ["100"]
    ehr.asked.clear()
    launch(*shared_of(ehr)).ensure("encounters", "administrations", "notes")
    # Documents may be large: nobody knows how large, so few of them are asked for at once.
    asked = [counted(ehr, k) for k in ("Encounter", "MedicationAdministration", "DocumentReference")]  # fmt: skip
    assert asked == [["1000"], ["1000"], ["100"]]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_page_size_that_is_declined_is_asked_for_again_smaller(status: int) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if int(query.get("_count", "0")) > 100:
            return status, outcome("error", "invalid")
        return 200, bundle(EVERY["administrations"], total=1) if path == "MedicationAdministration" else bundle()  # fmt: skip

    ehr = Ehr(answer)
    chart = launch(*shared_of(ehr, reads_statement=False))
    assert chart.ensure("administrations") == {"administrations": Complete(n=1)}
    assert counted(ehr, "MedicationAdministration") == ["1000", "100"]
    assert chart.requests == len(ehr.asked)


def test_a_large_page_of_more_bytes_than_are_read_is_asked_for_again_smaller() -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        large = int(query.get("_count", "0")) > 100
        return 200, bundle(observation("o1"), filler="x" * (200_000 if large else 1))

    ehr = Ehr(answer)
    boundary = Boundary(frozenset(("https://ehr.test",)), False, httpx2.WSGITransport(app=ehr), byte_cap=100_000)  # fmt: skip
    read = FhirSource(boundary, context("p1", NOW), lambda: "t").search(BY_NAME["other"].query)
    assert (read.requests, len(read.resources)) == (2, 1)


def test_a_full_page_alone_is_not_the_end_after_a_request_that_was_sent_twice() -> None:
    answers = iter([(429, dict[str, Any]())])
    page = bundle(*(observation(f"o{n}") for n in range(20)))
    ehr = Ehr(lambda *_: next(answers, (200, page)), **{"Retry-After": "0"})
    read = FhirSource(shared_of(ehr)[0], context("p1", NOW), lambda: "t", sleep=lambda _: None).search(BY_NAME["labs"].query)  # fmt: skip
    assert (read.requests, read.completeness) == (2, Truncated(n=20, total=None))
