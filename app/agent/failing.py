"""Say that a model failed: what is lost, what is kept, and the ways on that exist here."""

from collections.abc import Iterator, Sequence

import msgspec
from ag_ui.core import (
    PROTOCOL_VERSION,
    BaseEvent,
    CustomEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunStartedEvent,
)

from app.agent.events import CUSTOM_NAMES, Failed
from app.errors import ChartsideError
from app.llm.errors import ModelFailed, Way


def failed(
    message_id: str,
    error: ModelFailed,
    ways: Sequence[Way],
    *,
    written: bool = False,
    look_ups: int = 0,
) -> Failed:
    """Return the event; of the error's ways on only those are offered that are among `ways`."""
    return Failed(
        message_id=message_id,
        code=error.code,
        text=error.public,
        lost=_lost(written, look_ups),
        ways=tuple(way for way in error.ways if way in ways),
        retry_after_s=error.retry_after_s,
    )


def never_began(
    thread_id: str, turn_id: str, error: ChartsideError, ways: Sequence[Way]
) -> Iterator[BaseEvent]:
    """Yield the events of a turn that could not begin; of a model that may not or cannot be used, with its ways on."""
    yield _started(thread_id, turn_id)
    if isinstance(error, ModelFailed):
        payload = failed(f"{turn_id}-m1", error, ways)
        yield CustomEvent(name=CUSTOM_NAMES[Failed], value=msgspec.to_builtins(payload))
    yield RunErrorEvent(message=error.public, code=error.code)


def stopped_before(thread_id: str, turn_id: str) -> Iterator[BaseEvent]:
    """Yield the events of a turn that was stopped before it began."""
    yield _started(thread_id, turn_id)
    outcome = RunFinishedCancelledOutcome()
    yield RunFinishedEvent(thread_id=thread_id, run_id=turn_id, outcome=outcome)


def _started(thread_id: str, turn_id: str) -> RunStartedEvent:
    return RunStartedEvent(thread_id=thread_id, run_id=turn_id, protocol_version=PROTOCOL_VERSION)


def _lost(written: bool, look_ups: int) -> str:
    head = "What is shown is not complete" if written else "Nothing was written"
    if not look_ups:
        return f"{head}."
    kept = "1 look-up is kept" if look_ups == 1 else f"{look_ups} look-ups are kept"
    return f"{head}; {kept}."
