"""Invariant 11: IT switches it off without a deploy, in every process, and the clinician reads what, why, whom to call."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.llm.port import ModelEvent, Request, TextDelta
from tests.interaction.launch.test_standalone import begun, chosen
from tests.interaction.model.models import (
    Provider,
    answered,
    details,
    failed,
    follow,
    launch_config,
    provider,
    restarted,
)
from tests.interaction.policy.it import it, it_in_a_process
from tests.stack import ISS, Stack, make_stack, page_data, registered
from tests.unit.agent.scripted import say

WHY = "Wrong doses were reported"
OFF = "Chartside for Sandbox EHR is switched off by the IT department."
REST = f"Reason: {WHY}. Help desk: 555-0142."
WHOLE = f"{OFF} {REST}"


def model_off(label: str) -> str:
    return f"{label} is switched off by the IT department. {REST}"


def test_a_registration_is_off_in_every_process_at_the_next_request(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    browser = stack.browser()
    launched = browser.launch()
    other = restarted(stack, provider())
    pending = browser.authorize(browser.launch_page()["authorize"])
    assert it_in_a_process(stack, "disable", "registration", "sandbox", "--reason", WHY).endswith(
        f"Z  {WHY}\n"
    )
    question = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Any allergies?"}]}
    for one in (launched, follow(launched, other)):
        for refused in (
            one.get(),
            one.get("/card"),
            one.post("/turns", question),
            one.get("/model"),
        ):
            body = refused.get_json()
            assert (refused.status_code, body["code"]) == (503, "switched_off")
            assert (body["title"], body["detail"]) == (OFF, REST)
    assert not any(exchange.bearer for exchange in stack.fhir_requests())
    launch = stack.state.start(stack.patient("marlena"))
    page = browser.open(f"/smart/sandbox/launch?iss={ISS}&launch={launch}")
    assert (page.status_code, page_data(page)["title"]) == (503, OFF)
    assert browser.complete(pending).get_json()["code"] == "switched_off"
    assert browser.resume(launched.launch_id).get_json()["code"] == "switched_off"
    kinds = [event.kind for event in stack.services.audit.events()]
    assert kinds.count("refusal") == 8
    assert kinds.count("launch_refused") == 3
    assert it(stack, "enable", "registration", "sandbox") == 0
    assert browser.complete(pending).status_code == 200
    assert launched.get("/card").status_code == 200


def test_a_launch_ends_and_its_tokens_go_back_while_everything_is_off(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    launched = stack.browser().launch()
    assert it(stack, "disable", "all", "--reason", WHY) == 0
    assert launched.get().get_json()["title"] == "Chartside is switched off by the IT department."
    assert launched.post("/park").status_code == 204
    assert launched.delete().status_code == 204
    switch = next(e for e in stack.services.audit.events() if e.kind == "switch")
    detail = json.loads(switch.detail)
    assert detail.pop("by")
    assert detail == {"act": "disable", "kind": "all", "name": "", "reason": WHY}


def running(stack: Stack, *command: str) -> Iterator[ModelEvent]:
    """Say something, have IT switch something off meanwhile, and try to go on."""
    yield TextDelta(text="The first sentence. ")
    assert it(stack, *command, "--reason", WHY) == 0
    stack.services.obey_switches()
    yield TextDelta(text="The second sentence, which nobody reads. ")
    yield from say("And the end.")


def in_flight(tmp_path: Path, *command: str) -> tuple[Stack, list[dict[str, object]]]:
    stacks: list[Stack] = []

    def play(_: Request) -> Iterator[ModelEvent]:
        yield from running(stacks[0], *command)

    models = provider("a", "b", play=play)
    stacks.append(make_stack(tmp_path, catalog=models.catalog))
    return stacks[0], stacks[0].browser().launch().ask("What is there?")


@pytest.mark.parametrize("command", [("disable", "registration", "sandbox"), ("disable", "action", "chat")])  # fmt: skip
def test_a_turn_that_runs_ends_with_the_words(tmp_path: Path, command: tuple[str, ...]) -> None:
    _, events = in_flight(tmp_path, *command)
    what = (
        OFF
        if "registration" in command
        else "Asking questions is switched off by the IT department."
    )
    assert (events[-1]["type"], events[-1]["message"]) == ("RUN_ERROR", f"{what} {REST}")
    assert events[-1]["code"] == ("switched_off" if what == OFF else "action.switched_off")
    assert "nobody reads" not in json.dumps(events)


def test_a_model_that_runs_ends_with_the_ways_on(tmp_path: Path) -> None:
    stack, events = in_flight(tmp_path, "disable", "model", "a")
    said = failed(events)
    assert (said["code"], said["text"]) == ("model.switched_off", model_off("Model a"))
    assert said["ways"] == ["other_model", "no_model"]
    assert events[-1]["type"] == "RUN_ERROR"
    assert "nobody reads" not in json.dumps(events)
    assert [e.kind for e in stack.services.audit.events()].count("switch") == 1


def test_no_model_is_told_of_a_chart_that_nobody_may_ask_about(tmp_path: Path) -> None:
    models = provider("a")
    stack = make_stack(tmp_path, catalog=models.catalog)
    assert it(stack, "disable", "action", "chat", "--reason", WHY) == 0
    launched = stack.browser().launch()

    def warmed_by(path: str) -> int:
        assert launched.get(path).status_code == 200
        for thread in [one for one in threading.enumerate() if one.name == "warm"]:
            thread.join()
        return len(models.models["a"].warmed)

    assert warmed_by("/card") == 0
    assert it(stack, "enable", "action", "chat") == 0
    assert warmed_by("/card") == 1


def notice(events: list[dict[str, object]]) -> str:
    (found,) = [e["value"] for e in events if e.get("name") == "chartside.answered"]
    assert isinstance(found, dict)
    return str(found["notice"])


def test_another_allowed_model_answers_for_one_that_is_off_and_says_so(tmp_path: Path) -> None:
    models = provider("a", "b")
    stack = make_stack(tmp_path, catalog=models.catalog)
    launched = stack.browser().launch()
    first = launched.ask("First?", "turn-0001")
    assert (answered(first), notice(first)) == ("Model a (a-1)", "")
    assert it(stack, "disable", "model", "a", "--reason", WHY) == 0
    instead = f"{model_off('Model a')} Model b answers instead."
    second = launched.ask("Second?", "turn-0002")
    assert (answered(second), notice(second)) == ("Model b (b-1)", instead)
    choices = launched.get("/model").get_json()
    assert (choices["current"], choices["notice"]) == ("b", instead)
    assert [c["why_not"] for c in choices["choices"]] == [model_off("Model a"), "", ""]
    refused = launched.ask("Third?", "turn-0003", model="a")
    assert failed(refused)["text"] == model_off("Model a")
    assert launched.put("/model", {"id": "a"}).get_json()["code"] == "model.switched_off"
    assert len(models.models["a"].requests) == 2
    assert it(stack, "enable", "model", "a") == 0
    assert answered(launched.ask("Fourth?", "turn-0004")) == "Model a (a-1)"
    codes = [d["code"] for d in details(stack, launched, "refusal")]
    assert codes.count("model.switched_off") == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("model", "a"), model_off("Model a")),
        (("action", "models"), model_off("Answering with language models")),
    ],
)
def test_without_another_model_the_chart_itself_answers_and_says_so(
    tmp_path: Path, command: tuple[str, str], words: str
) -> None:
    models: Provider = provider("a")
    stack = make_stack(tmp_path, catalog=models.catalog)
    assert it(stack, "disable", *command, "--reason", WHY) == 0
    launched = stack.browser().launch()
    launched.get("/card")
    events = launched.ask("Any allergies?")
    assert events[-1]["type"] == "RUN_FINISHED"
    shown = f"{words} Chart rows are shown without a language model."
    assert (answered(events), notice(events)) == ("", shown)
    assert models.asked == 0
    assert launched.get().get_json()["model"]["language_model"] is False


def test_a_default_that_is_off_gives_way_to_the_next(tmp_path: Path) -> None:
    models = provider("a", "b", "c")
    config = launch_config(tmp_path, '[models]\nallowed = ["a", "b", "c"]\ndefault = "b"\n')
    stack = make_stack(tmp_path, catalog=models.catalog, launch_config=config)
    assert it(stack, "disable", "model", "b", "--reason", WHY) == 0
    events = stack.browser().launch().ask("What is there?")
    assert answered(events) == "Model a (a-1)"
    assert notice(events) == f"{model_off('Model b')} Model a answers instead."


def test_an_action_is_off_and_the_rest_goes_on(tmp_path: Path) -> None:
    config = registered(tmp_path, more="[launch]\nstandalone = true")
    stack = make_stack(tmp_path, launch_config=config)
    launched = stack.browser().launch()
    for action in ("chat", "standalone"):
        assert it(stack, "disable", "action", action, "--reason", WHY) == 0
    assert launched.get("/card").status_code == 200
    turn = launched.post("/turns", {"runId": "turn-0001", "messages": [{"role": "user", "content": "?"}]})  # fmt: skip
    assert turn.get_json()["title"] == "Asking questions is switched off by the IT department."
    page = page_data(stack.browser().open("/smart/sandbox/standalone"))
    assert (
        page["title"] == "Opening Chartside outside the EHR is switched off by the IT department."
    )


def test_a_standalone_launch_that_was_under_way_does_not_end_its_sign_in(tmp_path: Path) -> None:
    config = registered(tmp_path, more="[launch]\nstandalone = true")
    stack = make_stack(tmp_path, launch_config=config)
    browser = stack.browser()
    page = begun(browser, browser.open("/smart/sandbox/standalone"))
    callback = chosen(stack, page["authorize"], stack.patient("marlena"))
    ordinary = browser.authorize(browser.launch_page()["authorize"])
    assert it(stack, "disable", "action", "standalone", "--reason", WHY) == 0
    refused = browser.complete(callback)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "action.switched_off")
    assert not stack.state.wire.entries("/auth/token")
    assert browser.complete(ordinary).status_code == 200


def test_the_command_takes_no_name_that_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = make_stack(tmp_path, launch_config=registered(tmp_path))
    for command, said in (
        (("registration", "sandbax"), "no registration sandbax; there is: sandbox"),
        (("model", ""), "no model (no name given); there is: none"),
        (
            ("action", "write"),
            "no action write; there is: chat, cohort, export, mcp, models, standalone",
        ),
        (("all", "x"), "all takes no name"),
    ):
        assert it(stack, "disable", *command, "--reason", WHY) == 2
        assert capsys.readouterr().err == f"{said}\n"
    assert it(stack, "disable", "model", "elsewhere", "--reason", WHY) == 0
    note = "note: no model elsewhere is known here (none); it is off all the same\n"
    assert capsys.readouterr().err == note
    assert it(stack, "enable", "model", "elsewhere") == 0
    assert it(stack, "disable", "all", "--reason", "a\nb") == 2
    assert it(stack, "enable", "all") == 2
    assert capsys.readouterr().err.endswith("all is not switched off\n")
    capsys.readouterr()
    assert it(stack, "disable", "action", "chat", "--reason", WHY) == 0
    assert it(stack, "disabled") == 0
    line = rf"action chat  since \d{{4}}-\d\d-\d\dT\d\d:\d\dZ  {WHY}\n"
    assert re.fullmatch(line * 2, capsys.readouterr().out)
    assert it(stack, "enable", "action", "chat") == 0
    assert capsys.readouterr().out == "Nothing is switched off.\n"
