"""What a model is told of earlier turns, over a restart and never across launches; what is sent ahead; Stop."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from app.llm.hang_up import HangUp
from app.llm.port import AssistantTurn, ModelEvent, Request, TextDelta, ToolTurn, UserTurn
from app.llm.silence import silent
from tests.databases import contents, ran
from tests.interaction.model.models import (
    Provider,
    Scripted,
    details,
    follow,
    provider,
    restarted,
)
from tests.stack import APP, Launched, Stack, events_of, make_stack

WAIT_S = 20.0


def until(true: Callable[[], object]) -> None:
    """Wait for another thread of the process."""
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def opened(stack: Stack, chart: str = "marlena") -> Launched:
    launched = stack.browser().launch(chart)
    launched.get("/card")
    return launched


def questions(request: Request) -> list[str]:
    return [turn.text for turn in request.turns if isinstance(turn, UserTurn)]


def prefix(request: Request) -> tuple[object, ...]:
    return request.policy, request.tools, request.digest, request.session


def test_the_second_turn_is_told_the_first_with_its_look_ups(
    stack: Stack, models: Provider
) -> None:
    launched = opened(stack)
    launched.ask("First?", "turn-0001")
    launched.ask("Second?", "turn-0002")
    first, looked, second = models.models["a"].requests[:3]
    assert questions(second) == ["First?", "Second?"]
    kinds = [type(turn) for turn in second.turns]
    assert kinds == [UserTurn, AssistantTurn, ToolTurn, AssistantTurn, UserTurn]
    # What was sent before is sent again as it was: the provider's cache goes on from there.
    assert prefix(first) == prefix(second)
    assert second.turns[0] == first.turns[0]
    replies = [t.replies for r in (looked, second) for t in r.turns if isinstance(t, ToolTurn)]
    assert [reply.text for reply in replies[0]] == [reply.text for reply in replies[1]]
    ended = second.turns[3]
    assert isinstance(ended, AssistantTurn)
    assert (ended.text, ended.native is not None) == ("Answer to First?", True)


def test_another_model_is_told_the_words_but_not_the_blocks(stack: Stack, models: Provider) -> None:
    launched = opened(stack)
    launched.ask("First?", "turn-0001")
    launched.ask("Second?", "turn-0002", model="b")
    ended = models.models["b"].requests[0].turns[3]
    assert isinstance(ended, AssistantTurn)
    assert (ended.text, ended.native) == ("Answer to First?", None)


def test_a_restart_keeps_the_conversation_and_every_byte_of_the_beginning(
    stack: Stack, models: Provider
) -> None:
    launched = opened(stack)
    launched.ask("First?", "turn-0001")
    before = models.models["a"].requests[0]
    # The chart grows: the overview would be another text now.
    launched.ask("Any potassium results and notes?", "turn-0002", model="none")
    after = follow(launched, restarted(stack, models))
    after.ask("Second?", "turn-0003")
    last = models.models["a"].requests[-1]
    assert questions(last)[0] == "First?"
    assert prefix(last) == prefix(before)
    assert last.turns[0] == before.turns[0]


def test_reading_the_chart_again_tells_a_new_overview(stack: Stack, models: Provider) -> None:
    launched = opened(stack)
    launched.ask("First?", "turn-0001")
    kept = stack.services.conversations.digest
    assert kept(launched.launch_id)
    launched.get("/card?again=1")
    assert kept(launched.launch_id) is None


def test_a_second_launch_sees_nothing_of_the_first(stack: Stack, models: Provider) -> None:
    first, second = opened(stack), opened(stack)
    other = opened(stack, "typical")
    first.ask("First?", "turn-0001")
    for launched in (second, other):
        launched.ask("Second?", "turn-0001")
        request = models.models["a"].requests[-1]
        assert questions(request) == ["Second?"]
        assert launched.launch_id not in request.session
    assert len({r.session for r in models.models["a"].requests}) == 3
    assert "Evergreen" not in models.models["a"].requests[-1].digest


def test_nothing_of_it_outlives_the_launch(stack: Stack) -> None:
    launched = opened(stack)
    launched.ask("First?", "turn-0001")
    launched.put("/model", {"id": "b"})
    url = stack.services.settings.database_url
    tables = ("turn", "ledger", "digest", "model_choice")
    counts = {}
    for ended in (False, True):
        if ended:
            launched.delete()
        counts[ended] = [ran(url, f"SELECT count(*) FROM {table}")[0][0] for table in tables]
    assert counts == {False: [1, 1, 1, 1], True: [0, 0, 0, 0]}
    assert b"Answer to First?" not in contents(url)


def test_the_beginning_is_sent_ahead_once_and_audited(stack: Stack, models: Provider) -> None:
    launched = opened(stack)
    model = models.models["a"]
    until(lambda: model.warmed)
    launched.get("/card")
    launched.get("/card?again=1")
    launched.ask("First?", "turn-0001")
    assert len(model.warmed) == 1
    assert model.warmed[0].turns == ()
    calls = details(stack, launched, "model_call")
    assert [call["stop"] for call in calls] == ["warm", "tools", "end"]
    assert calls[-1] == {
        "id": "a", "model": "Model a", "version": "a-1", "language_model": True, "stop": "end",
        "tools": [], "input_tokens": 900, "output_tokens": 12, "cached_tokens": 800,
    }  # fmt: skip


def test_nothing_is_sent_ahead_for_a_launch_without_a_language_model(
    stack: Stack, models: Provider
) -> None:
    launched = stack.browser().launch()
    launched.put("/model", {"id": "none"})
    launched.get("/card")
    launched.ask("First?", "turn-0001")
    assert models.asked == 0


def test_another_model_is_told_ahead_when_it_is_chosen(stack: Stack, models: Provider) -> None:
    launched = opened(stack)
    until(lambda: models.models["a"].warmed)
    launched.put("/model", {"id": "b"})
    until(lambda: models.models["b"].warmed)
    assert len(models.models["a"].warmed) == 1


def test_nothing_of_a_conversation_reaches_the_log(
    stack: Stack, models: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    launched = opened(stack)
    launched.ask("Canary Evergreen?", "turn-0001")

    def broken(_: Request) -> Iterator[ModelEvent]:
        yield TextDelta(text="Canary answer. ")
        raise RuntimeError("canary of an adapter")

    models.models["a"].play = broken
    assert launched.ask("Canary again?", "turn-0002")[-1]["code"] == "internal"
    ours = [r for r in caplog.records if not r.name.startswith(("sandbox", "sekmet", "sqlalchemy"))]
    said = "\n".join(repr(record.__dict__) for record in ours).lower()
    for canary in ("canary", "evergreen", "penicillin", "secret"):
        assert canary not in said, canary


def test_an_adapter_that_breaks_while_it_warms_quotes_nothing(
    stack: Stack, models: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that ends by an error would print it with all that it quotes."""
    warmed = threading.Event()

    def broken(request: Request) -> None:
        warmed.set()
        raise RuntimeError("canary of an adapter")

    models.models["a"].warm = broken  # type: ignore[method-assign]  # what this test is about
    opened(stack)
    assert warmed.wait(WAIT_S)
    until(lambda: any(r.message == "warm.failed" for r in caplog.records))
    (said,) = [r for r in caplog.records if r.message == "warm.failed"]
    assert (vars(said)["error"], said.exc_info) == ("RuntimeError", None)
    assert "canary" not in repr(said.__dict__)


class Waiting(Scripted):
    """Writes a word and then waits for its provider, as a socket would."""

    waits: threading.Event
    freed: threading.Event

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        self.requests.append(request)
        yield TextDelta(text="Well. ")
        with hang_up.ends(self.freed.set):
            self.waits.set()
            until_s = time.monotonic() + WAIT_S
            while not self.freed.wait(0.05) and time.monotonic() < until_s:
                silent()


@pytest.fixture
def waiting(tmp_path: Path) -> tuple[Stack, Waiting]:
    models = provider("a")
    slow = Waiting(config=models.models["a"].config, play=lambda _: [])
    slow.waits, slow.freed = threading.Event(), threading.Event()
    models.models["a"] = slow
    return make_stack(tmp_path, catalog=models.catalog), slow


@pytest.mark.parametrize("by", ["stop", "end", "closed frame"])
def test_stop_the_end_and_a_closed_frame_free_a_waiting_model(
    waiting: tuple[Stack, Waiting], by: str
) -> None:
    stack, model = waiting
    launched = opened(stack)
    body = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Allergies?"}]}
    request = EnvironBuilder(
        path=f"/api/launches/{launched.launch_id}/turns", base_url=APP, method="POST", json=body,
        headers=[("Authorization", f"Bearer {launched.key}")],
    ).get_environ()  # fmt: skip
    stream = stack.app.wsgi_app(request, lambda *_: lambda _: None)
    chunks = iter(stream)
    while not model.waits.is_set():  # as a server reads it: the turn runs in the reader's thread
        next(chunks)
    started = time.monotonic()
    match by:
        case "stop":
            launched.post("/turns/turn-0001/stop")
        case "end":
            launched.delete()
        case _:
            stream.close()  # type: ignore[attr-defined]  # werkzeug's body
    assert model.freed.wait(1)
    assert time.monotonic() - started < 1
    if by != "closed frame":
        events = list(events_of(b"".join(chunks).decode()))
        assert (events[-1]["type"], events[-1].get("outcome")) in (
            ("RUN_FINISHED", {"type": "cancelled"}),
            ("RUN_ERROR", None),
        )
    until(lambda: not stack.services.running.stop(launched.launch_id))
    if by != "end":
        kept = [json.loads(e.detail) for e in stack.services.audit.events(launched.launch_id) if e.kind == "model_call"]  # fmt: skip
        assert "cut" in [call["stop"] for call in kept]


def test_an_id_that_was_used_is_refused_before_a_model_is_asked(tmp_path: Path) -> None:
    models = provider("a")
    launched = opened(make_stack(tmp_path, catalog=models.catalog))
    launched.ask("Any allergies?", "turn-0001")
    asked = len(models.models["a"].requests)
    body = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Again?"}]}
    answer = launched.post("/turns", body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "turn.repeated")
    assert len(models.models["a"].requests) == asked


def test_the_audit_knows_of_a_call_before_its_model_is_told_anything(tmp_path: Path) -> None:
    """A process that is killed in the middle leaves the row: the chart went to that model."""
    models = provider("a")
    stack = make_stack(tmp_path, catalog=models.catalog)
    launched = opened(stack)
    known: list[list[str]] = []

    def killed(_: Request) -> Iterator[ModelEvent]:
        known.append([e.kind for e in stack.services.audit.events(launched.launch_id)])
        raise SystemExit

    models.models["a"].play = killed
    with suppress(SystemExit):
        launched.ask("Any allergies?", "turn-0001")
    assert "model_begun" in known[0]
    assert details(stack, launched, "model_begun") == [
        {"id": "a", "model": "Model a", "version": "a-1"}
    ]


def test_nothing_is_told_to_a_model_that_the_audit_cannot_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    models = provider("a")
    stack = make_stack(tmp_path, catalog=models.catalog)
    launched = opened(stack)
    record = stack.services.audit.record

    def full(kind: Any, who: Any, detail: Any) -> None:
        if kind == "model_begun":
            raise OSError("disk full")
        record(kind, who, detail)

    monkeypatch.setattr(stack.services.audit, "record", full)  # a disk that is full
    end = launched.ask("Any allergies?", "turn-0001")[-1]
    assert (end["code"], models.models["a"].requests) == ("internal", [])
