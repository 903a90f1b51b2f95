"""Invariant 8: what the EHR labelled restricted reaches no language model, by no way; that it exists does, counted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.llm.port import ModelEvent, Request, TextDelta, ToolTurn
from tests.interaction.model.models import provider
from tests.interaction.model.test_opt_out import between
from tests.stack import make_stack
from tests.unit.agent.scripted import look, say

CANARY = "zebrafinch"
LABELS = [
    {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"},
]
SECTIONS = (
    "problems", "medications", "allergies", "encounters", "labs", "vitals", "requests", "reports", "notes", "other",
)  # fmt: skip
LOOKS = [
    *(("chart_section", json.dumps({"section": name})) for name in SECTIONS),
    ("chart_search", json.dumps({"words": [CANARY]})),
    ("chart_notes", json.dumps({"words": [CANARY]})),
    ("chart_notes", "{}"),
    ("chart_results", json.dumps({"tests": [CANARY]})),
    ("changes_since", "{}"),
    *(("note_read", json.dumps({"note": f"N{n}"})) for n in range(1, 5)),
]


def _spoil(value: Any) -> Any:
    """Return a resource whose every word is the canary's, so that any of them would be seen."""
    if isinstance(value, dict):
        return {k: _text(k, v) for k, v in value.items()}
    return [_spoil(v) for v in value] if isinstance(value, list) else value


def _text(key: str, value: Any) -> Any:
    if key in ("text", "display", "title", "description", "valueString") and isinstance(value, str):
        return f"{CANARY} {value}"
    return _spoil(value)


def _label(label: dict[str, str]) -> Any:
    def change(found: dict[str, Any]) -> None:
        resources = [e.get("resource") or {} for e in found.get("entry") or []]
        for resource in resources:
            if resource.get("resourceType") in ("Patient", "OperationOutcome", None):
                continue
            spoilt = _spoil(resource)
            resource.clear()
            resource.update(spoilt)
            resource.setdefault("meta", {})["security"] = [label]

    return change


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label["code"])
def test_no_text_of_a_labelled_resource_reaches_a_language_model(
    tmp_path: Path, label: dict[str, str]
) -> None:
    rounds = [LOOKS[at : at + 8] for at in range(0, len(LOOKS), 8)]

    def play(request: Request) -> Iterator[ModelEvent]:
        asked = sum(isinstance(turn, ToolTurn) for turn in request.turns)
        yield from look(*rounds[asked][0], *rounds[asked][1:]) if asked < len(rounds) else say("Nothing.")  # fmt: skip

    models = provider("a", play=play)
    stack = make_stack(tmp_path, catalog=models.catalog, between=between(_label(label)))
    launched = stack.browser().launch("marlena")
    launched.get("/card")
    events = launched.ask("What is there?", "turn-0001")
    assert events[-1]["type"] == "RUN_FINISHED"
    scripted = models.models["a"]
    sent = [*scripted.warmed, *scripted.requests]
    assert len(scripted.requests) == len(rounds) + 1
    for request in sent:
        told = "\n".join(_chart_text(request)).lower()
        # Behind it stands what it was put before; alone it is the word that was looked for.
        assert f"{CANARY} " not in told
    assert "labelled restricted by the ehr" in scripted.requests[0].digest.lower()


def _chart_text(request: Request) -> Iterator[str]:
    yield request.digest
    for turn in request.turns:
        if isinstance(turn, ToolTurn):
            yield from (reply.text for reply in turn.replies)


def test_the_labels_test_would_notice(tmp_path: Path) -> None:
    """Without a label the same words do reach the model: the test above sees what it looks for."""
    models = provider("a", play=lambda _: [TextDelta(text="x"), *say("")])
    normal = {"system": LABELS[0]["system"], "code": "N"}
    stack = make_stack(tmp_path, catalog=models.catalog, between=between(_label(normal)))
    launched = stack.browser().launch("marlena")
    launched.get("/card")
    launched.ask("What is there?", "turn-0001")
    assert CANARY in models.models["a"].requests[0].digest
