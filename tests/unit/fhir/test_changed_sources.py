"""A record that the EHR changes after it was cited says so where it is shown, with what it was."""

import base64
from typing import Any

from app.fhir.display import Source, Text
from app.fhir.reader import LaunchChart
from app.fhir.source import Resource
from app.fhir.source_view import source as shown_source
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr, bundle, source

SINCE = "Changed in the EHR since it was first read"


def order(dose: int, status: str, **more: Any) -> Resource:
    return {
        "resourceType": "MedicationRequest", "id": "m1", "status": status, "intent": "order",
        "subject": {"reference": "Patient/p1"}, "authoredOn": "2026-09-18",
        "medicationCodeableConcept": {"text": "ibuprofen"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mg"}}]}], **more,
    }  # fmt: skip


def document(words: str, **more: Any) -> Resource:
    data = base64.b64encode(words.encode()).decode()
    return {
        "resourceType": "DocumentReference", "id": "d1", "status": "current", "date": "2026-11-01",
        "type": {"text": "Progress note"}, "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}], **more,
    }  # fmt: skip


class Changing:
    """An EHR that holds one record, and a launch of its patient."""

    def __init__(self, held: Resource, kept: dict[str, Any] | None = None) -> None:
        self.held: tuple[Resource, ...] = (held,)
        self.launch = LaunchChart(source(Ehr(self._answer)), context("p1", NOW), NOW, restored=kept)
        self.launch.first_read()

    def _answer(self, path: str, _query: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        return 200, bundle(*(r for r in self.held if r["resourceType"] == path))

    def becomes(self, *held: Resource) -> None:
        self.held = held
        self.launch.read_again()

    def shown(self, handle: str) -> Source:
        return shown_source(self.launch, self.launch.sources.number(handle))


def changes(found: Source) -> list[str]:
    at = [(i, f) for i, f in enumerate(found.facts) if f.label == SINCE]
    assert all(i == 0 for i, _ in at)
    return [p.text for _, f in at for p in f.pieces if isinstance(p, Text)]


def test_an_order_that_was_changed_in_place_says_what_it_was() -> None:
    ehr = Changing(order(600, "active"))
    assert changes(ehr.shown("M1")) == []
    ehr.becomes(order(200, "stopped"))
    assert changes(ehr.shown("M1")) == ["was 600 mg, active"]
    ehr.becomes(order(600, "active"))
    assert changes(ehr.shown("M1")) == []


def test_what_was_only_added_or_taken_away_is_said_too() -> None:
    ehr = Changing(order(600, "active"))
    ehr.becomes(order(600, "active", statusReason={"text": "on request"}))
    assert changes(ehr.shown("M1")) == ["added: status reason"]
    ehr.becomes(order(600, "active", authoredOn=None))
    assert changes(ehr.shown("M1")) == ["was 18-Sep-2026"]


def test_a_new_version_with_the_same_content_is_no_change_of_an_order() -> None:
    ehr = Changing(order(600, "active", meta={"versionId": "1"}))
    ehr.becomes(order(600, "active", meta={"versionId": "2"}))
    assert changes(ehr.shown("M1")) == []


def test_what_another_section_adds_to_an_order_is_no_change_of_it() -> None:
    visit = {
        "resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": "Patient/p1"},
        "serviceProvider": {"display": "Mercy"},
    }  # fmt: skip
    ehr = Changing(order(600, "active", encounter={"reference": "Encounter/e1"}))
    ehr.becomes(*ehr.held, visit)
    assert "Mercy" in ehr.launch.chart.tables["M"][0].text("site")
    assert changes(ehr.shown("M1")) == []


def test_a_note_whose_words_or_version_changed_says_so() -> None:
    ehr = Changing(document("No fever.", meta={"versionId": "1"}))
    assert changes(ehr.shown("N1")) == []
    ehr.becomes(document("Fever.", meta={"versionId": "1"}))
    assert changes(ehr.shown("N1")) == ["other parts of it"]
    ehr.becomes(document("No fever.", meta={"versionId": "2"}, docStatus="amended"))
    assert changes(ehr.shown("N1")) == ["was current"]


def test_a_change_over_a_restart_is_told_without_the_values_that_were_not_kept() -> None:
    before = Changing(order(600, "active"))
    before.shown("M1")
    kept = before.launch.export()
    assert changes(Changing(order(600, "active"), kept).shown("M1")) == []
    assert changes(Changing(order(200, "stopped"), kept).shown("M1")) == ["what it was is not kept"]
