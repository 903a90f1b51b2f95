"""`[limits]`: an EHR is asked no more than the site agreed; what was not read for it is said, and goes on next time."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.llm.port import ModelEvent, Request, ToolTurn
from tests.interaction.model.models import provider
from tests.stack import Launched, Stack, make_stack, registered
from tests.unit.agent.scripted import look, say


def play(request: Request) -> Iterator[ModelEvent]:
    """Look at results of old, and at others, which the launch card does not need."""
    looked = isinstance(request.turns[-1], ToolTurn)
    other = ("chart_results", '{"tests": ["smoking"], "kind": "other"}')
    yield from (
        say("Nothing.") if looked else look("chart_results", '{"tests": ["potassium"]}', other)
    )


def opened(tmp_path: Path, chart: str, limit: str) -> tuple[Stack, Launched, list[Request]]:
    models = provider("a", play=play)
    opt_out = 'opt_out = [{ system = "urn:chartside:sandbox", code = "no-ai" }]'
    config = registered(tmp_path, (opt_out, ""), more=f"[limits]\n{limit}")
    stack = make_stack(tmp_path, launch_config=config, catalog=models.catalog)
    launched = stack.browser().launch(chart)
    launched.get("/card")
    for thread in threading.enumerate():
        # What is sent ahead reads of the chart too, beside the question.
        if thread.name == "warm":
            thread.join()
    return stack, launched, models.models["a"].requests


def asked(stack: Stack) -> int:
    """Return how often the EHR was asked, its CapabilityStatement included."""
    return len(stack.fhir_requests())


def told(requests: list[Request]) -> list[str]:
    """Return what the tools said in the last turn."""
    turn: Any = requests[-1].turns[-1]
    return [reply.text for reply in turn.replies]


def test_a_question_asks_no_more_than_the_site_agreed_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    stack, launched, requests = opened(tmp_path, "large", "requests_per_turn = 4")
    said = "this site's limit of 4 requests for one question is reached"
    for turn, cut in ((1, True), (2, False)):
        before = asked(stack)
        events = launched.ask("What was the potassium?", f"turn-000{turn}")
        assert (asked(stack) - before == 4) == cut
        assert (said in str(told(requests))) == cut
        # The clinician reads it under the answer.
        assert (said in str(events)) == cut


def test_a_launch_asks_no_more_than_the_site_agreed(tmp_path: Path) -> None:
    stack, launched, requests = opened(tmp_path, "marlena", "requests_per_launch = 20")
    launched.get("/card?again=1")
    events = launched.ask("What was the potassium?")
    # Who is signed in is asked beside the chart, and not counted with it.
    assert asked(stack) <= 21
    said = "this site's limit of 20 requests for one launch is reached"
    assert said in str(told(requests))
    assert said in str(events)
