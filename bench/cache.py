"""How much of what a language model is sent its provider has read before (scripted accounting, no provider is asked).

A provider keeps the beginning of a request: what counts as read is the longest beginning that any earlier request of
the launch had, as the bytes that go over the wire (compatible chat dialect). Tokens follow characters closely here.
"""

import json
import os
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from app.agent.prompt import first_digest
from app.agent.services import TurnServices
from app.agent.turn import run
from app.fhir.citation import HANDLE
from app.fhir.reader import LaunchChart
from app.llm.hang_up import HangUp
from app.llm.history import MOST_CHARACTERS, Exchange, history, pack, unpack
from app.llm.openai_chat import messages
from app.llm.port import Request
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from bench.figures import show
from tests.ndjson_source import launch
from tests.unit.agent.scripted import Scripted, look, say

ANSWER = "The chart shows it as cited, with its date and status, and nothing else was found. " * 6
Round = tuple[str, str]
TURNS: tuple[tuple[str, tuple[tuple[Round, ...], ...]], ...] = (
    ("Why has her kidney function dropped?", (
        (("chart_results", '{"tests": ["creatinine", "egfr", "potassium"]}'),),
        (("chart_section", '{"section": "medications", "status": "active"}'),),
    )),
    ("Any allergies?", ((("chart_section", '{"section": "allergies"}'),),)),
    ("What changed since the last visit?", (
        (("changes_since", "{}"),),
        (("chart_notes", '{"words": ["ibuprofen"]}'), ("chart_section", '{"section": "encounters"}')),
    )),
    ("What is still pending?", ((("chart_pending", "{}"),),)),
    ("Was an albumin ever measured?", (
        (("chart_search", '{"words": ["albumin"]}'),),
        (("chart_results", '{"tests": ["albumin"]}'),),
    )),
    ("And the blood pressure?", ((("chart_results", '{"kind": "vitals"}'),),)),
)  # fmt: skip
LONG = 30


def main() -> None:
    """Print the figures."""
    six = requests(launch("marlena"), TURNS)
    show(
        "cache.share_from_turn_2", share(six), "of characters", goal=0.85, at_least=True,
        against=f"6 turns with look-ups, {sum(len(t) for t in six)} calls",
    )  # fmt: skip
    long = requests(launch("large"), [TURNS[n % len(TURNS)] for n in range(LONG)])
    show(
        "cache.share_long_conversation", share(long), "of characters", goal=0.85, at_least=True,
        against=f"{LONG} turns of the largest chart, earlier ones shortened in steps",
    )  # fmt: skip
    longest = max(len(sent) for turn in long for sent in turn)
    show("cache.longest_request", longest, "characters", goal=None, against=f"{LONG} turns")


def requests(
    chart: LaunchChart, turns: Sequence[tuple[str, tuple[tuple[Round, ...], ...]]]
) -> list[list[str]]:
    """Return what each model call of each turn sends."""
    chart.first_read()
    digest = first_digest(chart)
    kept: list[Exchange] = []
    sent: list[list[str]] = []
    for at, (question, rounds) in enumerate(turns):
        asked = [look(first[0], first[1], *more) for first, *more in rounds]
        model = Scripted(*asked, say(ANSWER, size=200))
        told = history(kept, model.key, HANDLE.findall, MOST_CHARACTERS)
        services = TurnServices(
            launch_chart=chart, registry=Registry(CHART_TOOLS, chart, chart.context), model=model,
            zone=ZoneInfo("America/Chicago"), clock=lambda: chart.now, history=told, digest=lambda: digest,
            on_exchange=lambda one: kept.append(unpack(pack(one))),
        )  # fmt: skip
        for _ in run(services, question, f"turn-{at}", HangUp()):
            pass
        sent.append([wire(request) for request in model.requests])
    return sent


def wire(request: Request) -> str:
    """Return a request as the bytes that a provider reads, in the order in which it keeps them."""
    tools = [[tool.name, tool.description, tool.schema] for tool in request.tools]
    turns = messages(request.turns, "scripted:1")
    return json.dumps([tools, request.policy, request.digest, turns], ensure_ascii=False)[:-2]


def share(turns: Sequence[Sequence[str]]) -> float:
    """Return the share of characters that an earlier request began with, from the second turn on."""
    earlier: list[str] = [*turns[0]]
    read = whole = 0
    for turn in turns[1:]:
        for sent in turn:
            read += max(same_beginning(sent, before) for before in earlier)
            whole += len(sent)
            earlier.append(sent)
    return round(read / whole, 3)


def same_beginning(sent: str, before: str) -> int:
    """Return how many characters two requests begin with alike."""
    return len(os.path.commonprefix([sent, before]))  # noqa: RUF071  # no paths


if __name__ == "__main__":
    main()
