"""Look-ups of one turn: each once, none longer than allowed, and the turn goes on."""

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest
from ag_ui.core import ToolCallResultEvent

from app.agent.budget import Limits
from app.agent.turn import run
from app.fhir.reader import LaunchChart
from app.llm.hang_up import HangUp
from app.llm.port import Reply, ToolTurn
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from tests.ndjson_source import launch
from tests.unit.agent.scripted import Scripted, look, say
from tests.unit.agent.shown import ask, custom, services, text, types


@pytest.fixture(scope="module")
def chart() -> LaunchChart:
    return launch("marlena")


def replies(model: Scripted) -> list[Reply]:
    turns = model.requests[-1].turns
    return [reply for turn in turns if isinstance(turn, ToolTurn) for reply in turn.replies]


def test_the_same_look_up_again_is_answered_by_what_was_shown_and_counted(
    chart: LaunchChart,
) -> None:
    first = look("chart_results", '{"tests": ["potassium"], "since": "2026-01-01"}')
    again = look("chart_results", '{"since":"2026-01-01","tests":["potassium"]}')
    other = look("chart_results", '{"tests": ["sodium"]}')
    refused: list[str] = []
    model = Scripted(first, again, other, say("Done."))
    events = ask(chart, "?", model, on_refusal=lambda code, _: refused.append(code))
    shown, repeated, new = replies(model)
    assert repeated.text.startswith("Already shown above, in this turn: ")
    assert repeated.text.split(":")[1].split(".")[0].split()[0] in shown.text
    assert (repeated.is_error, len(repeated.text) < 300, new.text != shown.text) == (
        False,
        True,
        True,
    )
    assert refused == ["tool.again"]
    results = [e.content for e in events if isinstance(e, ToolCallResultEvent)]
    assert results[1] == "Shown above"


def test_a_model_that_only_repeats_itself_is_ended_by_its_rounds(chart: LaunchChart) -> None:
    model = Scripted(look("chart_pending"))
    events = ask(chart, "?", model, limits=Limits(rounds=3))
    assert len(model.requests) == 3
    assert types(events)[-1] == "RUN_FINISHED"


def test_a_refused_look_up_may_be_asked_again(chart: LaunchChart) -> None:
    bad = look("chart_section", '{"section": "nothing"}')
    model = Scripted(bad, bad, say("Done."))
    ask(chart, "?", model)
    assert [reply.text.startswith("Refused:") for reply in replies(model)] == [True, True]


class Slow(Registry):
    """Holds the chart, as a read does while the EHR does not answer, until it is let go."""

    let_go: threading.Event
    over: threading.Event
    chart: LaunchChart

    def call(self, name: str, arguments: str | Mapping[str, object]) -> ToolResult:
        if name == "chart_section":
            with self.chart._lock:
                self.let_go.wait(30)
            self.over.set()
        return super().call(name, arguments)


def test_a_look_up_that_takes_too_long_is_given_up_and_the_turn_goes_on(
    chart: LaunchChart,
) -> None:
    chart.first_read()
    slow = Slow(CHART_TOOLS, chart, chart.context)
    slow.let_go, slow.over, slow.chart = threading.Event(), threading.Event(), chart
    refused: list[str] = []
    model = Scripted(
        look("chart_section", '{"section": "allergies"}', ("chart_pending", "{}")),
        say("Allergies could not be read [P1]."),
    )
    known = replace(
        services(
            chart,
            model,
            limits=Limits(tool_s=0.2),
            on_refusal=lambda code, _: refused.append(code),
        ),
        registry=slow,
    )
    events = [e for e in run(known, "Any allergies?", "turn-1", HangUp()) if e is not None]
    # The EHR still has not answered: nothing of the turn waited for it.
    assert not slow.over.is_set()
    assert types(events)[-1] == "RUN_FINISHED"
    late, next_one = replies(model)
    assert (late.is_error, late.text.startswith("Timed out")) == (True, True)
    assert next_one.is_error
    assert refused[:2] == ["tool.timed_out", "tool.timed_out"]
    lines = {x["label"]: x for x in custom(events, "looked_at")[-1]["lines"]}
    assert (lines["Allergies"]["state"], lines["Allergies"]["read"]) == ("failed", 0)
    (gap,) = [g for g in custom(events, "not_seen")[-1]["not_readable"] if g["touches"]][:1]
    assert gap["pieces"][0]["text"].startswith("Allergies: could not be read (no answer within")
    slow.let_go.set()
    assert slow.over.wait(30)


def test_a_part_that_was_given_up_names_its_own_sections_and_no_others(chart: LaunchChart) -> None:
    chart.first_read()
    slow = Slow(CHART_TOOLS, chart, chart.context)
    slow.let_go, slow.over, slow.chart = threading.Event(), threading.Event(), chart
    model = Scripted(
        look("chart_section", '{"section": "home_medications"}'), say("They could not be read.")
    )
    known = replace(services(chart, model, limits=Limits(tool_s=0.2)), registry=slow)
    events = [e for e in run(known, "Home meds?", "turn-1", HangUp()) if e is not None]
    lines = {x["label"]: x["state"] for x in custom(events, "looked_at")[-1]["lines"]}
    assert lines == {"Medication orders": "failed", "Reported medicines": "failed"}
    slow.let_go.set()
    assert slow.over.wait(30)


def test_look_ups_that_are_too_many_are_said_in_a_sentence(chart: LaunchChart) -> None:
    model = Scripted(
        look("chart_pending", "{}", ("chart_overview", "{}"), ("changes_since", "{}")),
        say("Done."),
    )
    events = ask(chart, "?", model, limits=Limits(tool_calls=2))
    assert text(events).endswith("*Stopped after 2 look-ups: this answer may not be complete.*\n")
