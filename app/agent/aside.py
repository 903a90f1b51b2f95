"""Run slow work in a thread of its own, so that Stop ends a turn at once for its reader.

The work itself is not ended: a read that is under way goes on and is audited, its result is dropped. A launch reads
one thing at a time, so the next question's first read waits for it; the launch is free to take that question.
"""

import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.05
T = TypeVar("T")


class StoppedAside(Exception):  # not an error: a person pressed Stop
    """Leave the work alone: it was stopped before it was done."""


def aside(work: Callable[[], T], stop: threading.Event) -> T:
    """Return what the work gives, or raise what it raises.

    Raises:
        StoppedAside: `stop` was set before the work was done.
    """
    given: list[T] = []
    raised: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again in the turn's own thread
            raised.append(error)
        finally:
            done.set()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="look-up", daemon=True).start()
    while not done.wait(POLL_S):
        if stop.is_set():
            raise StoppedAside
    if raised:
        raise raised[0]
    return given[0]
