"""Run slow work in a thread of its own, so that Stop, or its time-out, ends the wait at once.

The work itself is not ended: a read that is under way goes on and is audited, its result is dropped. A launch reads
one thing at a time, so the next question's first read waits for it; the launch is free to take that question.
"""

import contextvars
import threading
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from app.llm.hang_up import HangUp
from app.llm.silence import SILENCE_S

T = TypeVar("T")


class StoppedAside(Exception):  # not an error: a person pressed Stop
    """Leave the work alone: it was stopped before it was done."""


class LateAside(Exception):  # not an error of ours: the work takes too long
    """Leave the work alone: it was not done in time. `done` is set when it is."""

    def __init__(self, done: threading.Event) -> None:
        super().__init__("not done in time")
        self.done = done


def aside(
    work: Callable[[], T], stop: HangUp, timeout_s: float | None = None, *, name: str = "look-up"
) -> Generator[None, None, T]:
    """Return what the work gives, or raise what it raises; yield None after each second of waiting.

    Raises:
        StoppedAside: `stop` was set before the work was done.
        LateAside: it was not done within `timeout_s`.
    """
    given: list[T] = []
    raised: list[BaseException] = []
    done, moved = threading.Event(), threading.Event()

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again in the turn's own thread
            raised.append(error)
        finally:
            done.set()
            moved.set()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name=name, daemon=True).start()
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    with stop.ends(moved.set):
        while not moved.wait(_wait_s(until_s)):
            if until_s is not None and time.monotonic() >= until_s:
                raise LateAside(done)
            yield None
    if raised:
        raise raised[0]
    if not given:
        raise StoppedAside
    return given[0]


def _wait_s(until_s: float | None) -> float:
    return SILENCE_S if until_s is None else max(0.0, min(SILENCE_S, until_s - time.monotonic()))
