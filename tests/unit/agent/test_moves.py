"""Where a turn may go on among other answers: only while its model's words come, whatever ends them."""

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from ag_ui.core import RunErrorEvent

from app.agent.budget import Limits
from app.agent.grounding import Judged, judge
from app.agent.turn import moving, run
from app.fhir.reader import LaunchChart
from app.llm.errors import ModelOverloaded
from app.llm.hang_up import HangUp
from app.llm.port import Done, ModelEvent, Request, TextDelta
from app.llm.streams import HAVE, Move, Streams
from tests.ndjson_source import context, launch
from tests.unit.agent.scripted import Scripted, look, say
from tests.unit.agent.shown import custom, services, verdicts
from tests.unit.fhir.ehr import NOW, Ehr, bundle, source
from tests.unit.fhir.test_unread_notes import INLINE, document


@pytest.fixture(scope="module")
def chart() -> LaunchChart:
    return launch("marlena")


RESULTS = look("chart_results", '{"tests": ["potassium"]}')
WORDS = say("She looks well today. More follows in a while, and it goes on.")


class Breaks(Scripted):
    """Says something, then fails."""

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        yield TextDelta(text="She looks ")
        yield TextDelta(text="well.")
        raise ModelOverloaded("busy")


def _drive(
    chart: LaunchChart, model: Scripted, *, stops: bool = False, **more: Any
) -> tuple[list[object], list[str]]:
    """Return what a turn yields, and the names of hooks that were called while it was among the others."""
    stop, inside, early = HangUp(), [False], list[str]()

    def hook(name: str) -> Callable[..., None]:
        def called(*_: object) -> None:
            early.extend([name] if inside[0] else [])

        return called

    hooks = {name: hook(name) for name in ("on_model_begun", "on_model_call", "on_refusal", "on_exchange")}  # fmt: skip
    given = services(chart, model, together=True, **hooks, **more)
    given.registry.call = _noting(given.registry.call, hook("tool"))  # type: ignore[method-assign]
    found: list[object] = []
    for event in moving(given, "?", "turn-1", stop):
        if isinstance(event, Move):
            inside[0] = event is Move.IN
        found.append(event)
        if stops and inside[0]:
            stop.set()
    return found, early


def _noting(work: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    def both(*given: Any, **named: Any) -> Any:
        note()
        return work(*given, **named)

    return both


def moves(found: list[object]) -> list[Move]:
    return [event for event in found if isinstance(event, Move)]


@pytest.mark.parametrize(
    ("model", "rounds"),
    [
        (lambda: Scripted(WORDS), 1), (lambda: Scripted(RESULTS, WORDS), 1), (lambda: Breaks(WORDS), 1),
        (lambda: Scripted([*WORDS[:-1], Done(stop="length")]), 1), (lambda: Scripted([*WORDS[:-1], Done(stop="refusal")]), 1),
        (lambda: Scripted(WORDS[:-1]), 1), (lambda: Scripted([TextDelta(text="Invented [L99a]. "), *WORDS]), 1),
    ],
    ids=["whole", "after a look-up", "error", "length", "refusal", "cut", "invented source"],
)  # fmt: skip
def test_nothing_but_words_stands_between_in_and_out(
    chart: LaunchChart, model: Callable[[], Scripted], rounds: int
) -> None:
    found, early = _drive(chart, model())
    assert moves(found) == [Move.IN, Move.OUT] * rounds
    assert early == []
    between = found[found.index(Move.IN) : found.index(Move.OUT)]
    assert not any(getattr(e, "type", "") in ("RUN_FINISHED", "RUN_ERROR") for e in between)


def test_stop_and_a_spent_budget_lead_out_before_the_turn_ends(chart: LaunchChart) -> None:
    stopped, early = _drive(chart, Scripted(WORDS), stops=True)
    spent, later = _drive(chart, Scripted(WORDS), limits=Limits(characters=20))
    for found in (stopped, spent):
        assert moves(found) == [Move.IN, Move.OUT]
        end = found[-1]
        assert getattr(end, "type", "") == "RUN_FINISHED"
    assert early == later == []


def test_a_model_that_waits_in_its_own_way_stays_in_its_own_thread(chart: LaunchChart) -> None:
    model = Scripted(WORDS)
    model.together = False
    assert moves(_drive(chart, model)[0]) == []


def test_who_runs_a_turn_in_one_thread_hears_of_no_other(chart: LaunchChart) -> None:
    given = replace(services(chart, Breaks(WORDS)), together=True)
    events = list(run(given, "?", "turn-1", HangUp()))
    assert not any(isinstance(event, Move) for event in events)
    assert isinstance(events[-1], RunErrorEvent)


def _through(turn: Iterator[object]) -> tuple[list[object], set[str]]:
    """Drive a turn as the server does; return its events, and the threads that it was driven in between IN and OUT."""
    kept, found, threads = Streams(), list[object](), set[str]()

    def among() -> None:
        for event in turn:
            threads.add(threading.current_thread().name)
            if event is Move.OUT:
                return
            found.append(event)

    for event in turn:
        if event is Move.IN:
            kept.run(among)
        else:
            found.append(event)
    return found, threads


@pytest.mark.skipif(not HAVE, reason="answers keep their threads here")
def test_a_note_that_has_to_be_fetched_for_a_citation_holds_nobody_up() -> None:
    """Its text, its audit, and the lock of the launch's texts are waited for elsewhere."""
    seen: list[tuple[str, str]] = []

    def note(what: str) -> None:
        seen.append((what, threading.current_thread().name))

    def answer(path: str, _: object) -> tuple[int, dict[str, Any]]:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        if path.startswith("Binary/"):
            note("fetch")
            words = base64.b64encode(b"Walks with a stick.").decode()
            return 200, {"resourceType": "Binary", "id": "b3", "contentType": "text/plain", "data": words}  # fmt: skip
        own = (document(3, contentType="text/plain", url="Binary/b3"), INLINE)
        return 200, bundle(*(own if path == "DocumentReference" else ()))

    opened = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW, on_read=lambda *_: note("audit"))  # fmt: skip
    opened.first_read()
    seen.clear()
    model = Scripted(
        look("chart_overview"), say("She walks with a stick [N1][N2]. More. [show N1]\n")
    )
    given = services(opened, model, together=True)
    found, threads = _through(moving(given, "walks?", "turn-1", HangUp()))
    assert threads == {"streams"}
    assert {what for what, _ in seen} == {"fetch", "audit"}
    assert {thread for _, thread in seen} & {"streams"} == set()
    assert "Walks with a stick" in str(custom(found, "citation")) or verdicts(found)  # type: ignore[arg-type]


@pytest.mark.skipif(not HAVE, reason="answers keep their threads here")
def test_a_sentence_is_held_against_its_sources_elsewhere(
    chart: LaunchChart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a note of a hundred kilobytes that takes a second, in which no other answer would go on."""
    chart.ensure("labs")
    row = next(r for r in chart.chart.grids["L"].rows if r.code == "2823-3")
    where: list[tuple[bool, str]] = []
    plain = judge

    def judged(parts: Any, evidence: Any, *known: Any) -> Judged:
        where.append((bool(evidence), threading.current_thread().name))
        return plain(parts, evidence, *known)

    monkeypatch.setattr("app.agent.answer.judge", judged)
    model = Scripted(
        say(f"Potassium 5.6 mmol/L [{row.handle}{next(iter(row.cells))}]. She looks well.")
    )
    found, _ = _through(moving(services(chart, model, together=True), "?", "turn-1", HangUp()))
    assert len(verdicts(found)) == 1  # type: ignore[arg-type]
    assert (True, "elsewhere") in where
    assert not any(cited and thread == "streams" for cited, thread in where)


@pytest.mark.skipif(not HAVE, reason="answers keep their threads here")
def test_a_model_that_asks_for_a_tool_before_it_says_a_word_is_read_in_one_thread(
    chart: LaunchChart,
) -> None:
    asks = [*look("chart_overview")[:-1], TextDelta(text="Let me look. "), TextDelta(text="More "), Done(stop="tools")]  # fmt: skip
    given = services(chart, Scripted(asks, WORDS), together=True)
    found, threads = _through(moving(given, "?", "turn-1", HangUp()))
    assert getattr(found[-1], "type", "") == "RUN_FINISHED"
    assert threads == {"streams"}
