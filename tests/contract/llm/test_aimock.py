"""The three adapters against a provider's stand-in that nobody here wrote: npm's aimock, over its own three dialects."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.llm.config import Timeouts
from app.llm.errors import ModelFailed
from app.llm.port import (
    AssistantTurn,
    Model,
    ModelEvent,
    Reply,
    Request,
    TextDelta,
    ToolTurn,
    Turn,
    UserTurn,
)
from tests.doubles.dialects import CHAT, TOOLS, WIRES, Wire, calls_of, done_of, heard, text_of

FIXTURES = Path(__file__).with_name("aimock.json")
COMMAND = Path(__file__).parents[3] / "frontend/node_modules/.bin/llmock"
TIMES = Timeouts(connect_s=5, first_byte_s=20, between_bytes_s=20, total_s=60)
FAILURES = {
    "long ago": {"model.context_full"}, "wrong key": {"model.key_refused"}, "too many": {"model.busy"},
    "overloaded": {"model.overloaded"}, "cut short": {"model.cut"}, "malformed": {"model.cut", "model.failed"},
    "dropped": {"model.failed"}, "disconnect": {"model.unreachable"}, "nothing matches": {"model.missing", "model.failed"},
}  # fmt: skip


@pytest.fixture(scope="module")
def aimock() -> Iterator[str]:
    """Start it once for all dialects, on a port that it chooses itself."""
    command = [str(COMMAND), "-p", "0", "-f", str(FIXTURES), "--log-level", "info", "-c", "10"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": os.environ["PATH"], "NO_COLOR": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"listening on (http://\S+)", line):
                break
        else:
            pytest.fail(f"aimock did not start: {said}")
        yield found[1]
        process.terminate()
        process.stdout.close()
        process.wait(10)


@pytest.fixture
def model(aimock: str, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Model:
    # The waits between attempts; what is tested here is what comes out in the end.
    monkeypatch.setattr("app.llm.asking.FIRST_WAIT_S", 0.01)
    return wire.model(aimock, TIMES)


def asking(*turns: Turn) -> Request:
    return Request(
        policy="You answer from the chart.", tools=TOOLS, digest="P1 Diabetes", turns=turns
    )


def said(text: str, calls: list[ModelEvent]) -> AssistantTurn:
    return AssistantTurn(text=text, calls=tuple(calls_of(calls)), native=done_of(calls).native)


def test_text_streams_to_its_end(model: Model) -> None:
    events = heard(model, asking(UserTurn(text="hello")))
    assert text_of(events) == "Hello. Ask about this chart: results, orders, notes."
    assert len([e for e in events if isinstance(e, TextDelta)]) > 3
    assert done_of(events).stop == "end"


def test_a_turn_with_parallel_calls_goes_on_with_their_results(model: Model) -> None:
    question = UserTurn(text="parallel")
    events = heard(model, asking(question))
    calls = calls_of(events)
    assert [(c.name, json.loads(c.arguments)) for c in calls] == [
        ("chart_results", {"words": "potassium"}),
        ("chart_section", {"words": "allergies"}),
    ]
    assert done_of(events).stop == "tools"
    replies = ToolTurn(
        replies=tuple(Reply(call_id=c.id, name=c.name, text="L3 4.4") for c in calls)
    )
    turn = said(text_of(events), events)
    answer = heard(model, asking(question, turn, replies))
    assert text_of(answer) == "Potassium is 4.4 mmol/L; no allergy was found."
    assert done_of(answer).stop == "end"
    # A second question in the same conversation.
    last = heard(model, asking(question, turn, replies, said(text_of(answer), answer), UserTurn(text="hello")))  # fmt: skip
    assert done_of(last).stop == "end"


@pytest.mark.parametrize("question", FAILURES)
def test_a_failure_has_its_kind(model: Model, question: str) -> None:
    with pytest.raises(ModelFailed) as raised:
        heard(model, asking(UserTurn(text=question)))
    assert raised.value.code in FAILURES[question]


def test_a_conversation_goes_on_with_another_model(aimock: str) -> None:
    """Each dialect takes what each of the others said."""
    for first in WIRES:
        events = heard(first.model(aimock, TIMES), asking(UserTurn(text="parallel")))
        replies = ToolTurn(
            replies=tuple(Reply(call_id=c.id, name=c.name, text="L3 4.4") for c in calls_of(events))
        )
        for second in WIRES:
            turns = (UserTurn(text="parallel"), said(text_of(events), events), replies)
            answer = heard(second.model(aimock, TIMES), asking(*turns))
            assert text_of(answer) == "Potassium is 4.4 mmol/L; no allergy was found."


def test_a_compatible_server_is_tried_and_used(aimock: str) -> None:
    events = heard(CHAT.model(aimock, TIMES, client="compatible"), asking(UserTurn(text="hello")))
    assert done_of(events).stop == "end"
