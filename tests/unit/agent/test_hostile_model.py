"""A model that sends anything: nonsense, floods, hidden characters, HTML, nothing at all. The turn says so and ends."""

import time

import pytest
from ag_ui.core import ToolCallStartEvent

from app.agent.clean import Cleaner
from app.agent.turn import ModelCall
from app.fhir.reader import LaunchChart
from app.llm.port import Done, ModelEvent, TextDelta, ToolCall, ToolTurn
from tests.ndjson_source import launch
from tests.unit.agent.scripted import Scripted, look, say
from tests.unit.agent.shown import ask, custom, text, types

SOON_S = 5.0


@pytest.fixture(scope="module")
def chart() -> LaunchChart:
    return launch("marlena")


def calls(*wanted: tuple[str, str]) -> list[ModelEvent]:
    asked = [ToolCall(id="same", name=name, arguments=given) for name, given in wanted]
    return [*asked, Done(stop="tools")]


@pytest.mark.parametrize(
    "arguments",
    ["[" * 100_000, '{"tests":' + "[" * 100_000, '{"a":' * 2_000, "null", "7", '"x"', "{", '"\\ud800"'],
)  # fmt: skip
def test_arguments_that_are_nonsense_are_refused_and_the_turn_goes_on(
    chart: LaunchChart, arguments: str
) -> None:
    short = arguments[:15_000]
    model = Scripted(calls(("chart_results", short)), say("Nothing was read."))
    events = ask(chart, "?", model)
    turn = model.requests[1].turns[-1]
    assert isinstance(turn, ToolTurn)
    assert [r.is_error for r in turn.replies] == [True]
    assert types(events)[-1] == "RUN_FINISHED"


@pytest.mark.parametrize(
    "flood",
    [
        calls(*(("chart_results", f'{{"tests": ["x{n}"]}}') for n in range(500))),
        calls(("chart_results", '{"tests": ["' + "x" * 1_000_000 + '"]}')),
        calls(("x" * 1_000_000, "{}")),
    ],
    ids=["calls", "arguments", "name"],
)
def test_a_flood_of_look_ups_ends_the_call_and_is_not_remembered(
    chart: LaunchChart, flood: list[ModelEvent]
) -> None:
    """Kept, it would be sent with every later question, and none of them would fit."""
    kept: list[object] = []
    model = Scripted(flood, say("Never."))
    events = ask(chart, "?", model, on_exchange=kept.append)
    assert (types(events)[-1], len(model.requests)) == ("RUN_ERROR", 1)
    assert custom(events, "failed")[0]["code"] == "model.failed"
    assert len(str(kept)) < 1_000


def test_a_flood_in_one_piece_is_cut_like_any_long_answer(chart: LaunchChart) -> None:
    kept: list[object] = []
    flood: list[ModelEvent] = [TextDelta(text="Word. " * 200_000), Done(stop="end")]
    events = ask(chart, "?", Scripted(flood), on_exchange=kept.append)
    assert "Stopped at the longest answer allowed" in text(events)
    assert len(text(events)) < 26_000
    assert len(str(kept)) < 27_000


@pytest.mark.parametrize("unseen", ["\u200b", "<b>", "[L99x]", "[show L999]\n"])
def test_a_flood_of_what_is_not_shown_is_cut_too(chart: LaunchChart, unseen: str) -> None:
    kept: list[object] = []
    flood = (TextDelta(text=unseen * 100) for _ in range(5_000))
    model = Scripted([])
    model.stream = lambda request, hang_up: flood  # type: ignore[method-assign]  # as long as it is heard
    events = ask(chart, "?", model, on_exchange=kept.append)
    assert "Stopped at the longest answer allowed" in text(events)
    assert len(str(kept).replace("\\u200b", "x")) < 60_000


@pytest.mark.parametrize(
    "said", ["", "  \n\n \n", "[L99x]", "[show L999]", "\ue000\u200b", "<b></b>"]
)
def test_an_answer_that_shows_nothing_is_a_failure_with_ways_on(
    chart: LaunchChart, said: str
) -> None:
    events = ask(chart, "?", Scripted(say(said)), ways=lambda: ("retry", "no_model"))
    assert types(events)[-1] == "RUN_ERROR"
    (failed,) = custom(events, "failed")
    assert (failed["code"], failed["ways"]) == ("model.empty", ("retry", "no_model"))
    assert text(events) == ""


def test_nothing_after_look_ups_is_a_failure_too(chart: LaunchChart) -> None:
    looked = look("chart_results", '{"tests": ["potassium"]}')
    model = Scripted([TextDelta(text="Let me look. "), *looked], say(""))
    events = ask(chart, "?", model)
    assert custom(events, "failed")[0]["code"] == "model.empty"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000])
@pytest.mark.parametrize(
    "said",
    [
        "<<b>script>alert(1)</script>",
        "<i<b>mg src=x onerror=y>",
        "<<b><i>img src=x>",
        "<\u200bimg src=x>",
        "<<<b>b>img src=x>",
    ],
)
def test_no_tag_is_made_by_taking_another_out(said: str, size: int) -> None:
    cleaner = Cleaner()
    pieces = (said[at : at + size] for at in range(0, len(said), size))
    shown = "".join(cleaner.feed(piece) for piece in pieces) + cleaner.finish()
    assert "<img" not in shown
    assert "<script" not in shown


def test_less_than_stays_what_it_is() -> None:
    cleaner = Cleaner()
    said = "Troponin <6 ng/L, eGFR <60 and K < 3.5; BP <140/90, age > 65."
    assert "".join(cleaner.feed(c) for c in said) + cleaner.finish() == said


def test_a_made_up_tool_leaves_no_words_in_the_audit_or_on_the_screen(chart: LaunchChart) -> None:
    told: list[ModelCall] = []
    name = "Marlena Oakwood has\u202e HIV"
    model = Scripted(calls((name, "{}"), ("chart_section", "{}")), say("Nothing."))
    events = ask(chart, "?", model, on_model_call=told.append)
    assert told[0].tools == ("unknown", "chart_section")
    started = [e.tool_call_name for e in events if isinstance(e, ToolCallStartEvent)]
    assert started == ["unknown", "chart_section"]


@pytest.mark.parametrize(
    "said",
    ["1 ", "...", "5 mg ", "potassium 5.6 and ", "[", "“x ", "19-Nov-2026 ", "<a "],
)
def test_judging_endless_text_takes_no_time_from_others(chart: LaunchChart, said: str) -> None:
    """A pattern that takes its time holds every other answer of the process."""
    chart.ensure("labs")
    began_s = time.process_time()
    ask(chart, "?", Scripted(say(f"{said * (23_000 // len(said))}[M1].", size=400)))
    assert time.process_time() - began_s < SOON_S
