"""Hear a model in a thread of its own, and take in what came meanwhile in one piece.

A token then costs its thread's wake-up and little more: checking, encoding and sending are done for all that came
since the last time, at most once in `PACE_S`. With hundreds of answers at once this is what keeps up. The first
words wait for nothing.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from app.llm.hang_up import HangUp
from app.llm.port import ModelEvent, TextDelta

# No reader sees the difference between this and every token by itself. A machine that cannot keep it up is asked
# less often: each answer goes on in larger pieces, and none falls behind.
PACE_S, SLOWEST_PACE_S = 0.04, 0.4
# How long nothing may come before the caller is told that it waits.
SILENCE_S = 1.0
# A model that writes faster than the answer is read waits instead of filling memory.
MOST_WAITING = 1_000
# Stop, and the limits of an answer, are looked at after this many characters.
MOST_JOINED = 500


@dataclass(frozen=True)
class _Over:
    """The stream's end: by itself, by an error, or by Stop."""

    error: BaseException | None = None


_Said = queue.SimpleQueue[ModelEvent | _Over]
Begin = Callable[[HangUp], Iterator[ModelEvent]]


def heard(begin: Begin, stop: HangUp) -> Generator[ModelEvent | None, None, None]:
    """Yield what a model says, neighbouring text joined; None after each second of silence.

    `begin` is given what ends this one call: set by `stop`, and when this generator is left. It ends at once when
    `stop` is set, and raises what the stream raises.
    """
    said: _Said = queue.SimpleQueue()
    call = HangUp()

    def hang_up() -> None:
        call.set()
        said.put(_Over())

    with stop.ends(hang_up):
        threading.Thread(
            target=_listen, args=(begin, call, said), name="model", daemon=True
        ).start()
        try:
            yield from _taken(said)
        finally:
            call.set()


def _listen(begin: Begin, call: HangUp, said: _Said) -> None:
    """Take what the model says as it comes; the thread's whole work."""
    error: BaseException | None = None
    try:
        stream = begin(call)
        try:
            for event in stream:
                while said.qsize() > MOST_WAITING and not call.is_set():
                    time.sleep(PACE_S)
                if call.is_set():
                    break
                said.put(event)
        finally:
            if close := getattr(stream, "close", None):
                close()
    except BaseException as raised:  # noqa: BLE001  # raised again in the turn's own thread
        error = raised
    said.put(_Over(error))


def _taken(said: _Said) -> Iterator[ModelEvent | None]:
    pace = _Pace()
    while True:
        try:
            first = said.get(timeout=SILENCE_S)
        except queue.Empty:
            yield None
            continue
        text, event = _joined(first, said)
        if text:
            yield TextDelta(text=text)
        if isinstance(event, _Over):
            if event.error is not None:
                raise event.error
            return
        if event is not None:
            yield event
            continue
        pace.rest()


class _Pace:
    """How long to wait for more: longer while this thread wakes up late, which says that too many want to run."""

    def __init__(self) -> None:
        self._pace_s = PACE_S
        self._due_s = 0.0

    def rest(self) -> None:
        """Wait until the next piece is due."""
        now_s = time.monotonic()
        self._due_s = max(now_s, self._due_s + self._pace_s)
        if self._due_s > now_s:
            time.sleep(self._due_s - now_s)
            late_s = time.monotonic() - self._due_s
            slower = late_s > PACE_S / 4
            self._pace_s = (
                min(SLOWEST_PACE_S, self._pace_s * 1.5)
                if slower
                else max(PACE_S, self._pace_s * 0.9)
            )


def _joined(first: ModelEvent | _Over, said: _Said) -> tuple[str, ModelEvent | _Over | None]:
    """Return all text that is there already, and what stands behind it; None: nothing yet."""
    text: list[str] = []
    event: ModelEvent | _Over | None = first
    length = 0
    while isinstance(event, TextDelta):
        text.append(event.text)
        length += len(event.text)
        if length >= MOST_JOINED:
            return "".join(text), None
        try:
            event = said.get_nowait()
        except queue.Empty:
            event = None
    return "".join(text), event
