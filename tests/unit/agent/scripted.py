"""A model that says what a test wrote: rounds of events, one list for each call."""

from collections.abc import Iterator, Sequence

from app.llm.hang_up import HangUp
from app.llm.port import Done, ModelEvent, Request, TextDelta, ToolCall


class Scripted:
    """Play one round for each call, and keep the requests."""

    name = "Scripted"
    version = "1"
    language_model = together = True
    key = "scripted:1"

    def __init__(self, *rounds: Sequence[ModelEvent]) -> None:
        self._rounds = list(rounds)
        self.requests: list[Request] = []

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        self.requests.append(request)
        yield from self._rounds.pop(0) if len(self._rounds) > 1 else self._rounds[0]

    def warm(self, request: Request) -> None: ...


def say(text: str, *, size: int = 7) -> list[ModelEvent]:
    """Return an answer in small deltas, and its end."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [*(TextDelta(text=piece) for piece in pieces), Done(stop="end")]


def look(name: str, arguments: str = "{}", *more: tuple[str, str]) -> list[ModelEvent]:
    """Return a round that asks for tools."""
    wanted = [(name, arguments), *more]
    calls = [
        ToolCall(id=f"c{n}", name=tool, arguments=given) for n, (tool, given) in enumerate(wanted)
    ]
    return [*calls, Done(stop="tools")]
