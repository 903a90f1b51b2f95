"""Read a model in the thread that writes its answer, and still hear when it is silent.

A token then wakes one thread, not two: with hundreds of answers at once that is most of what it costs. But the same
thread writes the keep-alive, and it waits deep inside a vendor's SDK, where nothing can be yielded. The model is
therefore run in a greenlet of that thread: whoever waits calls `silent` each second, which hands the silence out and
comes back to go on waiting.

Not told: a wait that calls nothing of ours. Opening a call is such a wait; it has a thread of its own (`hearing`).
"""

import contextvars
from collections.abc import Generator, Iterator
from typing import TypeVar

from greenlet import getcurrent, greenlet

# How long nothing may come before the reader is told that it waits.
SILENCE_S = 1.0
T = TypeVar("T")
_OVER = object()


class _Apart(greenlet):
    """A model that is being read; `left`: nobody reads it any more."""

    left = False


def silent() -> None:
    """Tell the reader that nothing came for a while; nothing happens where nobody reads apart."""
    here = getcurrent()
    if isinstance(here, _Apart) and here.parent is not None and not here.left:
        here.parent.switch(None)


def apart(stream: Iterator[T]) -> Generator[T | None, None, None]:
    """Yield what a stream yields, and None each time `silent` is called within it; leaving closes the stream.

    Read in one thread from the first event on; the stream may have begun in another.
    """
    reader = getcurrent()

    def read() -> object:
        try:
            for event in stream:
                reader.switch(event)
        finally:
            if close := getattr(stream, "close", None):
                close()
        return _OVER

    other = _Apart(read)
    other.gr_context = contextvars.copy_context()
    try:
        while (event := other.switch()) is not _OVER:
            yield event
    finally:
        other.left = True
        if other:  # begun, and not at its end: it leaves wherever it waits
            other.throw()
