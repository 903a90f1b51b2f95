"""Make a finished turn small for storage: the same reducer draws the same answer from it."""

from collections.abc import Iterable, Sequence

from ag_ui.core import (
    BaseEvent,
    CustomEvent,
    EventType,
    RunErrorEvent,
    TextMessageContentEvent,
)

from app.agent.errors import TurnCut
from app.agent.text_content import TextContent, TurnEvent

TERMINAL = (EventType.RUN_FINISHED, EventType.RUN_ERROR)
LIVE_ONLY = (
    EventType.TOOL_CALL_START, EventType.TOOL_CALL_ARGS, EventType.TOOL_CALL_END,
    EventType.TOOL_CALL_RESULT, EventType.STEP_STARTED, EventType.STEP_FINISHED,
)  # fmt: skip
WHOLE = ("chartside.looked_at", "chartside.not_seen")


def coalesce(events: Iterable[TurnEvent]) -> list[BaseEvent]:
    """Join text, keep each citation once, with its verdict, where it was announced; drop steps and tool calls.

    A turn without an end (the process was stopped) gets an error as its end, so that it never looks complete.
    """
    every = list(events)
    final = _final_citations(every)
    last = {e.name: e for e in every if isinstance(e, CustomEvent) and e.name in WHOLE}
    kept: list[TurnEvent] = []
    for event in every:
        if event.type in LIVE_ONLY:
            continue
        if isinstance(event, CustomEvent) and event.name == "chartside.citation":
            if event.value["verdict"] == "pending":
                kept.append(final.get(_key(event), event))
        elif isinstance(event, CustomEvent) and event.name in WHOLE:
            if event is last[event.name]:
                kept.append(event)
        else:
            kept.append(event)
    if every and every[-1].type not in TERMINAL:
        kept.append(RunErrorEvent(message=TurnCut.public, code=TurnCut.code))
    return _joined(kept)


def _key(event: CustomEvent) -> tuple[int, int]:
    return event.value["sentence"], event.value["n"]


def _final_citations(events: Sequence[TurnEvent]) -> dict[tuple[int, int], CustomEvent]:
    return {
        _key(e): e
        for e in events
        if isinstance(e, CustomEvent)
        and e.name == "chartside.citation"
        and e.value["verdict"] != "pending"
    }


def _joined(events: Sequence[TurnEvent]) -> list[BaseEvent]:
    """Join the text between two blocks; a citation only has to stand before its chip."""
    out: list[BaseEvent] = []
    waiting: list[TextContent] = []

    def flush() -> None:
        if waiting:
            first = waiting[0]
            text = "".join(e.delta for e in waiting)
            out.append(TextMessageContentEvent(message_id=first.message_id, delta=text))
            waiting.clear()

    for event in events:
        if isinstance(event, TextContent):
            waiting.append(event)
        elif isinstance(event, CustomEvent) and event.name in (
            "chartside.citation",
            "chartside.no_source",
            *WHOLE,
        ):
            out.append(event)
        else:
            flush()
            out.append(event)
    flush()
    return out
