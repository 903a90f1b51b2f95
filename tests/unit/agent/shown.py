"""Read the events of a turn as a clinician would see them: what is shown, and what it cites."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ag_ui.core import CustomEvent, TextMessageContentEvent

from app.agent.library import numbers_in
from app.agent.text_content import TextContent, TurnEvent
from app.agent.turn import TurnServices, run
from app.fhir.reader import LaunchChart
from app.llm.hang_up import HangUp
from app.llm.no_llm import NoLanguageModel
from app.llm.port import Model
from app.llm.synonyms import load
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry

ZONE = ZoneInfo("America/Chicago")


def frozen() -> datetime:
    return datetime(2026, 11, 20, 14, 42, tzinfo=UTC)


def services(launch: LaunchChart, model: Model | None = None, **more: Any) -> TurnServices:
    return TurnServices(
        launch_chart=launch,
        registry=Registry(CHART_TOOLS, launch, launch.context),
        model=model or NoLanguageModel(load()),
        zone=ZONE,
        **{"clock": frozen, **more},
    )


def ask(
    launch: LaunchChart, question: str, model: Model | None = None, **more: Any
) -> list[TurnEvent]:
    events = run(services(launch, model, **more), question, "turn-1", HangUp())
    return [event for event in events if event is not None]


def custom(events: Iterable[TurnEvent], name: str) -> list[dict[str, Any]]:
    return [e.value for e in events if isinstance(e, CustomEvent) and e.name == f"chartside.{name}"]


def types(events: Iterable[TurnEvent]) -> list[str]:
    return [e.type.value for e in events]


def text(events: Iterable[TurnEvent]) -> str:
    return "".join(e.delta for e in events if isinstance(e, TextContent | TextMessageContentEvent))


def verdicts(events: Iterable[TurnEvent]) -> list[dict[str, Any]]:
    return [c for c in custom(events, "citation") if c["verdict"] != "pending"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Words on the screen, and the sources they carry."""

    words: str
    sources: frozenset[int]


def shown(events: Iterable[TurnEvent]) -> list[Shown]:
    """Return every judged sentence, table cell and row with the numbers of its sources."""
    every = list(events)
    items = [Shown(words=c["claim"], sources=frozenset({c["n"]})) for c in verdicts(every)]
    for value in custom(every, "block"):
        block = value["block"]
        if block["kind"] == "results":
            items += _results(block)
        elif block["kind"] == "rows":
            items += [
                Shown(words=_words(row), sources=frozenset(numbers_in(row)))
                for row in (*block["rows"], *block["more"])
            ]
        else:
            items.append(
                Shown(
                    words=f"{block['title']} {_words(block)}", sources=frozenset(numbers_in(block))
                )
            )
    return items


def _results(block: dict[str, Any]) -> list[Shown]:
    return [
        Shown(
            words=f"{line['date']} {series['label']} {cell['text']} {series['unit']}",
            sources=frozenset({cell["n"]}),
        )
        for line in block["lines"]
        for series, cell in zip(block["series"], line["cells"], strict=True)
        if cell
    ]


def _words(part: Any) -> str:
    if isinstance(part, dict):
        own = [str(part[k]) for k in ("text", "unit", "flag") if isinstance(part.get(k), str)]
        return " ".join(
            [*own, *(_words(v) for v in part.values() if isinstance(v, dict | list | tuple))]
        )
    if isinstance(part, list | tuple):
        return " ".join(_words(p) for p in part)
    return ""


def references(launch: LaunchChart, n: int) -> set[str]:
    """Return the resources behind a source; a search has none."""
    handle = launch.sources.get(n)
    line = launch.chart.line(handle)
    if line:
        return {line.reference}
    return {e.reference for e in launch.chart.evidence(handle) if e.reference}
