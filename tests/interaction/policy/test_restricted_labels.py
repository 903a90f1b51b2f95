"""`[restricted]`: what is labelled goes to whom the site names for the label, to nobody else, and is always counted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError
from app.llm.port import ModelEvent, Request, ToolTurn
from app.smart.registry import load_registry
from tests.interaction.model.models import Provider, provider
from tests.interaction.model.test_opt_out import between
from tests.interaction.model.test_restricted import CANARY
from tests.stack import APP, Launched, Stack, make_stack, registered
from tests.unit.agent.scripted import look, say

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
HELD = "1 record labelled restricted by the EHR, not shown here"


def labelled(*codings: dict[str, str]) -> Any:
    """Return a change that labels, and marks by the canary's word, one problem of the chart."""

    def change(found: dict[str, Any]) -> None:
        resources = [e.get("resource") or {} for e in found.get("entry") or []]
        problems = [r for r in resources if r.get("resourceType") == "Condition"]
        for problem in problems[:1]:
            problem["code"] = {"text": f"{CANARY} of the knee"}
            problem["meta"] = {**problem.get("meta", {}), "security": list(codings)}

    return change


LOOKS = (
    ("chart_section", '{"section": "problems"}'),
    ("chart_search", json.dumps({"words": [CANARY]})),
    ("chart_changes", "{}"),
)


def play(request: Request) -> Iterator[ModelEvent]:
    """Look where it could stand, then say nothing."""
    looked = isinstance(request.turns[-1], ToolTurn)
    yield from say("Nothing.") if looked else look(*LOOKS[0], *LOOKS[1:])


def told(models: Provider) -> str:
    """Return everything that any language model was sent of the chart, and of the conversation."""
    sent = [r for m in models.models.values() for r in (*m.warmed, *m.requests)]
    texts = [request.digest for request in sent]
    for request in sent:
        for turn in request.turns:
            if isinstance(turn, ToolTurn):
                # Alone it is the word that was looked for.
                texts += [reply.text for reply in turn.replies]
            else:
                texts.append(turn.text)
    return "\n".join(texts).lower()


def open_with(
    tmp_path: Path, table: str, *codings: dict[str, str]
) -> tuple[Stack, Launched, Provider]:
    models = provider("a", play=play)
    config = registered(tmp_path, more=f"[restricted]\nlabels = [{table}]" if table else "")
    change = between(labelled(*codings))
    stack = make_stack(tmp_path, catalog=models.catalog, launch_config=config, between=change)
    return stack, stack.browser().launch(), models


def label(code: str, *audience: str, system: str = ACT) -> str:
    return f'{{ system = "{system}", code = "{code}", audience = {list(audience)} }}'


def problems(launched: Launched) -> str:
    """Return what the assistant without a language model shows of the problem list."""
    launched.get("/card")
    events = launched.ask("What are the active problems?", "turn-0000", model="none")
    return str(events)


PSY = {"system": ACT, "code": "PSY"}
LOCAL = {"system": "urn:site", "code": "VIP-EMPLOYEE"}


@pytest.mark.parametrize(
    ("table", "codings", "user", "model"),
    [
        # What restricts everywhere, by code alone, until the site names system and audience.
        ("", (PSY,), False, False),
        ("", ({"system": "urn:other", "code": "PSY"},), False, False),
        (label("PSY"), (PSY,), False, False),
        (label("PSY", "mcp", "bulk"), (PSY,), False, False),
        (label("PSY", "user"), (PSY,), True, False),
        (label("PSY", "user", "model"), (PSY,), True, True),
        (label("PSY", "user", "model"), ({"system": "urn:other", "code": "PSY"},), False, False),
        # Of several labels every one must be open.
        (label("PSY", "user", "model"), (PSY, {"system": ACT, "code": "HIV"}), False, False),
        # The site's own.
        ("", (LOCAL,), True, True),
        (label("VIP-EMPLOYEE", system="urn:site"), (LOCAL,), False, False),
        (label("VIP-EMPLOYEE", "user", system="urn:site"), (LOCAL,), True, False),
    ],
)
def test_each_audience_has_what_the_site_names_for_it(
    tmp_path: Path, table: str, codings: tuple[dict[str, str], ...], user: bool, model: bool
) -> None:
    _, launched, models = open_with(tmp_path, table, *codings)
    shown = problems(launched)
    assert (CANARY in shown) == user
    assert ("labelled restricted by the EHR, not shown here" in shown) != user
    events = launched.ask("What is there?", "turn-0001")
    assert events[-1]["type"] == "RUN_FINISHED"
    assert (f"{CANARY} of" in told(models)) == model
    kept = "not shown here" if not user else "not given to language models"
    assert (f"1 record labelled restricted by the ehr, {kept}" in told(models)) != model
    # What the clinician saw without a model is told to no model later.
    launched.ask("And then?", "turn-0002")
    assert (f"{CANARY} of" in told(models)) == model


def test_a_model_that_guesses_a_handle_is_told_nothing_of_it(tmp_path: Path) -> None:
    _, launched, models = open_with(tmp_path, label("PSY", "user"), PSY)
    assert CANARY in problems(launched)
    cited = "It is known [P1] [P2] [P3] [P4] [P5] [P6] [P7] [P8] [P9]."
    models.models["a"].play = lambda _: say(cited)
    events = launched.ask("What is there?", "turn-0001")
    assert CANARY not in str(events)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (label("PSY", "everybody"), "everybody"),
        (label("PSY", "model"), "restricted.labels PSY: what a model is told, its user reads"),
        (f"{label('PSY')}, {label('PSY', 'user')}", "restricted.labels names PSY of"),
        ('{ code = "PSY" }', "system"),
    ],
)
def test_a_wrong_label_stops_the_start_and_names_the_key(
    tmp_path: Path, table: str, said: str
) -> None:
    config = registered(tmp_path, more=f"[restricted]\nlabels = [{table}]")
    with pytest.raises(ConfigurationError, match=said):
        load_registry(config, origin=APP, production=False)
