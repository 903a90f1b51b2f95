"""An EHR that sends what no FHIR server should: it is told as unread, restricted or failed, and nothing breaks."""

import base64
from typing import Any

import pytest

from app.fhir.labels import DEFAULT
from app.fhir.reader import LaunchChart
from app.fhir.source import Query, Read
from app.fhir.values import brief, coded
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, observation, source

TEXT = base64.b64encode(b"Takes ibuprofen most days.").decode()


def _problems(body: Any) -> str:
    ehr = Ehr(lambda _path, _query: (200, body))
    return source(ehr).search(Query(resource_type="Observation")).completeness.kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"resourceType": "Bundle", "entry": 5}, "failed"),
        ({"resourceType": "Bundle", "entry": [], "link": 5}, "complete"),
        ({"resourceType": "Bundle", "entry": [{"resource": observation(), "search": ["x"]}]}, "complete"),
        (bundle({"resourceType": "OperationOutcome"}), "failed"),
        (bundle({"resourceType": "OperationOutcome", "issue": ["x"]}), "failed"),
        (bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "details": "x"}]}), "failed"),
        (bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "details": {"coding": [5]}}]}), "restricted"),
    ],
)  # fmt: skip
def test_an_answer_in_another_form_is_told_and_does_not_break_the_read(
    body: Any, kind: str
) -> None:
    assert _problems(body) == kind


@pytest.mark.parametrize(
    "meta", [5, "R", ["R"], {"security": "R"}, {"security": [{"code": ["R"]}, "R"]}]
)
def test_a_label_that_cannot_be_read_counts_as_restricting(meta: Any) -> None:
    assert DEFAULT.holds_back({"meta": meta}, "user")


@pytest.mark.parametrize("meta", [None, {}, {"security": None}, {"security": [{"code": "N"}]}])
def test_an_ordinary_label_restricts_nothing(meta: Any) -> None:
    assert not DEFAULT.holds_back({"meta": meta}, "user")


def test_a_number_with_more_digits_than_arithmetic_holds_is_shown_as_sent() -> None:
    assert brief("123456789012345678901234567890.123456") == "123456789012345678901234567890.123456"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "Takes ibuprofen most days."),
        ({"securityContext": {"reference": "Patient/p1"}}, "Takes ibuprofen most days."),
        ({"securityContext": {"reference": "Patient/other"}}, None),
        ({"meta": {"security": [{"code": "PSY"}]}}, None),
    ],
)
def test_a_binary_is_this_patients_and_not_restricted_and_its_read_is_audited(
    more: dict[str, Any], text: str | None
) -> None:
    document = {
        "resourceType": "DocumentReference", "id": "d1", "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/b1"}}],
    }  # fmt: skip
    binary = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/plain",
        "data": TEXT,
        **more,
    }

    def answer(path: str, _query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if path == "Binary/b1":
            return 200, binary
        return 200, bundle(document) if path == "DocumentReference" else bundle()

    read: list[tuple[str, int]] = []

    def on_read(query: Query, found: Read) -> None:
        read.append((query.resource_type, len(found.resources)))

    launch = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW, on_read)
    launch.first_read()
    assert launch.texts.text(document) == text
    assert read[-1] == ("Binary", 1)


@pytest.mark.parametrize(
    "label",
    [
        {"coding": [{"code": "N"}, {"code": "PSYTHPN"}]}, [{"coding": [{"code": "R"}]}], {"text": "confidential"},
        [{"coding": []}], "R", ["R"], {"coding": "R"},
    ],
)  # fmt: skip
def test_a_label_on_a_documents_content_restricts_it(label: object) -> None:
    assert DEFAULT.holds_back({"resourceType": "DocumentReference", "securityLabel": label}, "user")


def test_a_normal_label_on_a_documents_content_does_not() -> None:
    normal = [{"coding": [{"code": "N"}]}]
    assert not DEFAULT.holds_back(
        {"resourceType": "DocumentReference", "securityLabel": normal}, "user"
    )
    assert not DEFAULT.holds_back(
        {"resourceType": "DocumentReference", "securityLabel": []}, "user"
    )


def test_a_code_in_a_list_names_nothing_and_breaks_nothing() -> None:
    """Found by mutation: a report whose code stood in a list broke the rules of care."""
    assert (coded([{"coding": []}]), coded(None), coded({"coding": "x"})) == ([], [], [])


def test_a_section_that_failed_as_a_whole_is_asked_for_by_the_next_question() -> None:
    asked: list[str] = []

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        asked.append(path)
        busy = path == "AllergyIntolerance" and asked.count(path) == 1
        return 200, {"resourceType": "Parameters"} if busy else bundle()

    launch = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)
    assert launch.ensure("allergies")["allergies"].kind == "failed"
    assert launch.ensure("allergies")["allergies"].kind == "failed"
    launch.begin_turn()
    requests = launch.requests
    assert launch.ensure("allergies")["allergies"].kind == "complete"
    launch.begin_turn()
    launch.ensure("allergies", "problems")
    assert asked.count("AllergyIntolerance") == 2
    assert launch.requests == requests + 1


def test_a_record_that_cannot_be_read_is_not_asked_for_again_and_again() -> None:
    ehr = Ehr(
        lambda path, _: (200, {"resourceType": "Patient", "id": "p1"} if path.startswith("P") else bundle(entry=[5]))
    )  # fmt: skip
    launch = LaunchChart(source(ehr), context("p1", NOW), NOW)
    launch.ensure("allergies")
    sent = len(ehr.asked)
    launch.begin_turn()
    launch.ensure("allergies")
    assert len(ehr.asked) == sent
