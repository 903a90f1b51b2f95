"""When a model fails: one sentence, what is lost and kept, the ways on that exist, and each of them works."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.llm import errors
from app.llm.errors import ModelBusy, ModelFailed
from app.llm.port import AssistantTurn, Done, ModelEvent, Request, TextDelta, ToolTurn, UserTurn
from tests.interaction.model.models import Play, answer, answered, details, failed, provider
from tests.stack import Launched, Stack, make_stack
from tests.unit.agent.scripted import look

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ModelFailed)
]


def fails(error: ModelFailed, *before: ModelEvent) -> Play:
    def play(_: Request) -> Iterable[ModelEvent]:
        yield from before
        raise error

    return play


def opened(stack: Stack) -> Launched:
    launched = stack.browser().launch()
    launched.get("/card")
    return launched


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


@pytest.mark.parametrize("kind", KINDS)
def test_every_failure_is_a_sentence_with_its_ways_on(
    tmp_path: Path, kind: type[ModelFailed]
) -> None:
    models = provider("a", "b", play=fails(kind("told to operators", retry_after_s=7.0)))
    stack = make_stack(tmp_path, catalog=models.catalog)
    launched = opened(stack)
    events = launched.ask("Any allergies?")
    assert types(events)[-2:] == ["CUSTOM", "RUN_ERROR"]
    assert (events[-1]["message"], events[-1]["code"]) == (kind.public, kind.code)
    assert failed(events) == {
        "message_id": "turn-0001-m1",
        "code": kind.code,
        "text": kind.public,
        "lost": "Nothing was written.",
        "ways": list(kind.ways),
        "retry_after_s": 7.0,
    }
    assert "told to operators" not in str(events)
    stored = launched.get().get_json()["conversation"]
    assert [turn["question"] for turn in stored] == ["Any allergies?"]
    assert [e["type"] for e in stored[0]["events"]][-2:] == ["CUSTOM", "RUN_ERROR"]
    assert {"code": kind.code, "count": 1} in details(stack, launched, "refusal")
    # The beginning may be sent ahead at the same time.
    calls = [call["stop"] for call in details(stack, launched, "model_call")]
    assert [stop for stop in calls if stop != "warm"] == [kind.code]


def test_only_ways_that_exist_are_offered(tmp_path: Path) -> None:
    models = provider("a", play=fails(ModelBusy("busy")))
    launched = opened(make_stack(tmp_path, catalog=models.catalog))
    assert failed(launched.ask("Any allergies?"))["ways"] == ["retry", "no_model"]


def test_what_was_written_and_looked_up_is_said(tmp_path: Path) -> None:
    def play(request: Request) -> Iterator[ModelEvent]:
        if not isinstance(request.turns[-1], ToolTurn):
            yield from look("chart_section", '{"section": "allergies"}')
            return
        yield TextDelta(text="Allergies are known. And ")
        raise ModelBusy("busy")

    models = provider("a", play=play)
    launched = opened(make_stack(tmp_path, catalog=models.catalog))
    events = launched.ask("Any allergies?")
    assert failed(events)["lost"] == "What is shown is not complete; 1 look-up is kept."
    models.models["a"].play = answer
    launched.ask("Any allergies?", "turn-0002")
    turns = models.models["a"].requests[2].turns
    # The failed turn is told whole: question, look-up with its answer, and that its end is missing.
    assert [type(t) for t in turns] == [UserTurn, AssistantTurn, ToolTurn, AssistantTurn, UserTurn]
    assert "Allergies are known." in turns[3].text  # type: ignore[union-attr]


def test_retry_another_model_and_no_model_all_lead_on(tmp_path: Path) -> None:
    models = provider("a", "b")
    models.models["a"].play = fails(ModelBusy("busy"))
    launched = opened(make_stack(tmp_path, catalog=models.catalog))
    assert types(launched.ask("Any allergies?", "turn-0001"))[-1] == "RUN_ERROR"
    assert answered(launched.ask("Any allergies?", "turn-0002", model="b")) == "Model b (b-1)"
    assert answered(launched.ask("Any allergies?", "turn-0003", model="none")) == ""
    models.models["a"].play = answer
    assert answered(launched.ask("Any allergies?", "turn-0004")) == "Model a (a-1)"


def test_a_cut_stream_keeps_the_transcript_well_formed(tmp_path: Path) -> None:
    models = provider("a", play=lambda _: look("chart_pending")[:1])
    launched = opened(make_stack(tmp_path, catalog=models.catalog))
    assert launched.ask("Any allergies?")[-1]["code"] == "model.cut"
    models.models["a"].play = answer
    launched.ask("What is pending?", "turn-0002")
    # Nothing was looked up or written, so the model is told nothing of it.
    assert [t.text for t in models.models["a"].requests[1].turns if isinstance(t, UserTurn)] == [
        "What is pending?"
    ]


def test_a_refused_and_a_long_answer_say_so_in_a_sentence(tmp_path: Path) -> None:
    models = provider("a", play=lambda _: [Done(stop="refusal")])
    stack = make_stack(tmp_path, catalog=models.catalog)
    launched = opened(stack)
    events = launched.ask("Any allergies?")
    said = "".join(e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT")
    assert (types(events)[-1], "declined to answer" in said) == ("RUN_FINISHED", True)
    assert {"code": "model.refusal", "count": 1} in details(stack, launched, "refusal")
    models.models["a"].play = lambda _: [TextDelta(text="Long. "), Done(stop="length")]
    events = launched.ask("Any allergies?", "turn-0002")
    said = "".join(e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT")
    assert "longest answer the language model can give: this answer is not complete" in said
