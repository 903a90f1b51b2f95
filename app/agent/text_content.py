"""The event that there is one of for each token, and how any event is sent."""

from typing import ClassVar

import msgspec
from ag_ui.core import BaseEvent, CustomEvent, EventType, StepStartedEvent


class TextContent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="TEXT_MESSAGE_CONTENT"):  # fmt: skip
    """AG-UI's TEXT_MESSAGE_CONTENT, byte for byte: there is one for each token, and its own class takes ten times as long."""

    message_id: str
    delta: str

    type: ClassVar[EventType] = EventType.TEXT_MESSAGE_CONTENT


TurnEvent = BaseEvent | TextContent
READING, WRITING = "Reading the chart", "Writing the answer"
FOLLOWED = frozenset({EventType.RUN_STARTED, EventType.STEP_FINISHED, EventType.TEXT_MESSAGE_START})


def is_followed(event: TurnEvent) -> bool:
    """Tell whether a turn says something more at once, so that this need not be sent by itself."""
    writing = isinstance(event, StepStartedEvent) and event.step_name == WRITING
    return writing or event.type in FOLLOWED


def encoded(event: TurnEvent) -> bytes:
    """Return an event as it is sent."""
    if isinstance(event, TextContent):
        return msgspec.json.encode(event)
    if type(event) is CustomEvent:
        # There is one for each citation and more; written by its own class, the same bytes take ten times as long.
        return msgspec.json.encode({"type": event.type, "name": event.name, "value": event.value})
    return event.model_dump_json(by_alias=True, exclude_none=True).encode()
