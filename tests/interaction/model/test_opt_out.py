"""A patient who asked that AI not be used: no language model on any path, not even a warm-up."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from sandbox.faults import FaultRule
from tests.interaction.model.models import Provider, answered, details, failed
from tests.stack import Stack, make_stack

CODING = {"system": "urn:chartside:sandbox", "code": "no-ai"}
NOTICE = "This patient asked that AI not be used. Chart rows are shown without a language model."
Change = Callable[[dict[str, Any]], None]


def between(change: Change) -> Callable[[WSGIApplication], WSGIApplication]:
    """Return an EHR whose JSON answers are changed on their way."""

    def wrap(ehr: WSGIApplication) -> WSGIApplication:
        def changed(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            begun: list[Any] = []
            body = b"".join(ehr(environ, lambda *given: begun.append(given)))  # type: ignore[arg-type]  # no write()
            status, headers = begun[-1][0], begun[-1][1]
            if environ["PATH_INFO"].startswith("/fhir/") and status.startswith("200"):
                found = json.loads(body)
                change(found)
                body = json.dumps(found).encode()
                # Another body is another answer: it no longer has the tag of the first.
                headers = [h for h in headers if h[0].lower() not in ("content-length", "etag")]
            start(status, headers)
            return [body]

        return changed

    return wrap


def label(name: str, coding: dict[str, str]) -> Change:
    def change(found: dict[str, Any]) -> None:
        if found.get("resourceType") == "Patient":
            found.setdefault("meta", {})[name] = [coding]

    return change


def flag(status: str, coding: dict[str, str]) -> Change:
    def change(found: dict[str, Any]) -> None:
        self_link = next((x["url"] for x in found.get("link", []) if x["relation"] == "self"), "")
        if found.get("resourceType") == "Bundle" and "/Flag?" in self_link:
            patient = self_link.split("patient=")[1].split("&")[0].replace("Patient%2F", "")
            resource = {
                "resourceType": "Flag", "id": "f1", "status": status, "code": {"coding": [coding]},
                "subject": {"reference": f"Patient/{patient}"},
            }  # fmt: skip
            found["entry"] = [{"resource": resource, "search": {"mode": "match"}}]
            found["total"] = 1

    return change


@pytest.mark.parametrize(
    "change", [label("tag", CODING), label("security", CODING), flag("active", CODING)]
)
def test_nothing_reaches_a_language_model_on_any_path(
    tmp_path: Path, models: Provider, change: Change
) -> None:
    stack = make_stack(tmp_path, catalog=models.catalog, between=between(change))
    launched = stack.browser().launch()
    assert launched.get().get_json()["model"]["language_model"] is False
    launched.get("/card")
    found = launched.get("/model").get_json()
    assert (found["current"], [c["id"] for c in found["choices"]]) == ("none", ["none"])
    assert found["notice"] == NOTICE
    refused = launched.put("/model", {"id": "a"})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "model.opted_out")
    events = launched.ask("Any allergies?", "turn-0001", model="a")
    assert (events[-1]["code"], failed(events)["ways"], failed(events)["text"]) == (
        "model.opted_out",
        ["no_model"],
        NOTICE,
    )
    assert answered(launched.ask("Any allergies?", "turn-0002")) == ""
    launched.get("/card?again=1")
    assert [d["code"] for d in details(stack, launched, "refusal")] == ["model.opted_out"] * 2
    assert models.asked == 0


@pytest.mark.parametrize(
    "change",
    [
        flag("inactive", CODING),
        flag("active", {**CODING, "system": "urn:other"}),
        label("tag", {**CODING, "code": "other"}),
        label("tag", {"code": "no-ai"}),
    ],
)
def test_another_code_or_an_ended_flag_changes_nothing(
    tmp_path: Path, models: Provider, change: Change
) -> None:
    stack = make_stack(tmp_path, catalog=models.catalog, between=between(change))
    launched = stack.browser().launch()
    launched.get("/card")
    assert launched.get("/model").get_json()["notice"] == ""
    assert answered(launched.ask("Any allergies?")) == "Model a (a-1)"


@pytest.mark.parametrize("fault", ["server_error_500", "forbidden_403", "truncated_json"])
def test_what_cannot_be_read_counts_as_asked_and_is_tried_again(
    stack: Stack, models: Provider, fault: Any
) -> None:
    stack.state.faults.set(FaultRule(match="Flag", fault=fault))
    launched = stack.browser().launch()
    launched.get("/card")
    found = launched.get("/model").get_json()
    assert found["notice"].startswith("Whether this patient asked")
    assert answered(launched.ask("Any allergies?")) == ""
    assert models.asked == 0
    stack.state.faults.clear()
    assert launched.get("/model").get_json()["current"] == "a"


def test_flags_are_read_once_and_only_if_a_language_model_is_on(
    tmp_path: Path, stack: Stack
) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    for n in range(3):
        launched.get("/model")
        launched.ask("Any allergies?", f"turn-000{n}")
    asked = [one.path for one in stack.fhir_requests()]
    assert asked.count("/fhir/Flag") == 1
    (tmp_path / "without").mkdir()
    without = make_stack(tmp_path / "without")
    launched = without.browser().launch()
    launched.get("/card")
    launched.get("/model")
    launched.ask("Any allergies?")
    assert "/fhir/Flag" not in [one.path for one in without.fhir_requests()]


def test_an_opt_out_that_comes_later_counts_when_the_chart_is_read_again(
    tmp_path: Path, models: Provider
) -> None:
    later: list[Change] = []

    def change(found: dict[str, Any]) -> None:
        for one in later:
            one(found)

    stack = make_stack(tmp_path, catalog=models.catalog, between=between(change))
    launched = stack.browser().launch()
    launched.get("/card")
    assert answered(launched.ask("Any allergies?")) == "Model a (a-1)"
    later.append(flag("active", CODING))
    launched.get("/card?again=1")
    assert answered(launched.ask("Any allergies?", "turn-0002")) == ""


def test_stop_is_heard_while_flags_are_read(tmp_path: Path, models: Provider) -> None:
    let_go, reading = threading.Event(), threading.Event()

    def slow(_: float) -> None:
        reading.set()
        let_go.wait(20)

    stack = make_stack(tmp_path, catalog=models.catalog, sleep=slow)
    launched = stack.browser().launch()
    stack.state.faults.set(FaultRule(match="Flag", fault="slow"))
    asking = threading.Thread(target=lambda: found.extend(launched.ask("Any allergies?")))
    found: list[dict[str, Any]] = []
    asking.start()
    assert reading.wait(20)
    launched.post("/turns/turn-0001/stop")
    asking.join(5)
    assert [event["type"] for event in found] == ["RUN_STARTED", "RUN_FINISHED"]
    assert found[-1]["outcome"] == {"type": "cancelled"}
    let_go.set()


def test_a_chart_that_cannot_be_read_is_said_before_any_model(
    stack: Stack, models: Provider
) -> None:
    launched = stack.browser().launch()
    stack.state.faults.set(FaultRule(match="Patient", fault="server_error_500"))
    events = launched.ask("Any allergies?")
    assert [(e["type"], e.get("code")) for e in events] == [
        ("RUN_STARTED", None),
        ("RUN_ERROR", "ehr.unavailable"),
    ]
    assert models.asked == 0
