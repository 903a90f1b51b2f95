"""Read a model in the thread that writes its answer, join the words that are there already, and hear when it is silent.

A token then wakes one thread, not two: with hundreds of answers at once that is most of what it costs. But the same
thread writes the keep-alive, and it waits deep inside a vendor's SDK, where nothing can be yielded. The model is
therefore run in a greenlet of that thread: whoever waits calls `waits` before it does and `silent` each second of it.

`waits` hands out what was written so far; until then words are only put together. An answer that keeps its pace is
shown word by word; one that is late has several words to read at once, and shows them at the cost of one: the more
behind a process is, the less each word costs it. Answers that run give way to those that begin: while one does, and where
handing out had to wait, a stream rests before it reads on. To begin takes many steps, each behind every stream that is ready.

Not told: a wait that calls nothing of ours. Opening a call is such a wait; it has a thread of its own (`hearing`).
"""

import contextvars
import threading
import time
from collections.abc import Callable, Generator, Iterator

from greenlet import getcurrent, greenlet

from app.llm.port import ModelEvent, TextDelta

# How long nothing may come before the reader is told that it waits.
SILENCE_S = 1.0
# What comes without end is shown in pieces, and Stop is heard between them.
MOST_JOINED = 400
# A hand-out that waited longer than this (for the interpreter, mostly) waited for others that want to run.
CROWDED_S, RESTS, MOST_REST_S = 0.002, 10, 0.15
# How long a stream rests while an answer begins; one that reads its chart first, for seconds, is not waited for.
GIVES_WAY_S, BEGINS_S = 0.08, 0.25
_OVER = object()


class _Beginnings:
    """Counts the answers of this process that begin: from the question until the model is asked. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n = 0
        self._last_s = 0.0

    def one(self) -> Callable[[], None]:
        """Count one; what is returned ends it, and does nothing when it is called again."""
        with self._lock:
            self._n += 1
            self._last_s = time.monotonic()
        left = [None]

        def ends() -> None:
            with self._lock:
                if left:
                    left.pop()
                    self._n -= 1

        return ends

    def any(self) -> bool:
        """Tell whether one begins now."""
        return self._n > 0 and time.monotonic() - self._last_s < BEGINS_S


_beginnings = _Beginnings()
begins = _beginnings.one


class _Apart(greenlet):
    """A model that is being read; `left`: nobody reads it any more; `tells`: it has called `waits`, so words may be kept."""

    left = False
    tells = False

    def hear(self, stream: Iterator[ModelEvent]) -> object:
        """Hand out what a stream yields: words when it waits, everything else at once, in order."""
        self._words: list[str] = []
        self._length = 0
        try:
            for event in stream:
                if self.tells and isinstance(event, TextDelta):
                    self._words.append(event.text)
                    self._length += len(event.text)
                    if self._length >= MOST_JOINED:
                        self.hand_out()
                    continue
                self.hand_out()
                self.say(event)
            self.hand_out()
        except Exception:
            # What was written before an error was written.
            self.hand_out()
            raise
        finally:
            if close := getattr(stream, "close", None):
                close()
        return _OVER

    def hand_out(self) -> None:
        """Give the reader the words that were kept, as one."""
        if self._words and not self.left:
            text, self._length = "".join(self._words), 0
            self._words.clear()
            began_s, ran_s = time.monotonic(), time.thread_time()
            self.say(TextDelta(text=text))
            waited_s = time.monotonic() - began_s - (time.thread_time() - ran_s)
            if not self.left and (rest_s := _rest_s(waited_s)):
                time.sleep(rest_s)

    def say(self, event: ModelEvent | None) -> None:
        """Give the reader one event and go on when it wants the next."""
        if self.parent is not None and not self.left:
            self.parent.switch(event)


def _rest_s(waited_s: float) -> float:
    """Return how long a stream rests that waited so long, not counting what it worked; mostly 0."""
    if _beginnings.any():
        return GIVES_WAY_S
    return min(RESTS * waited_s, MOST_REST_S) if waited_s > CROWDED_S else 0.0


def waits() -> None:
    """Hand out what was written before a wait begins; nothing happens where nobody reads apart."""
    here = getcurrent()
    if isinstance(here, _Apart):
        here.tells = True
        here.hand_out()


def silent() -> None:
    """Tell the reader that nothing came for a while; nothing happens where nobody reads apart."""
    here = getcurrent()
    if isinstance(here, _Apart):
        here.hand_out()
        here.say(None)


def apart(stream: Iterator[ModelEvent]) -> Generator[ModelEvent | None, None, None]:
    """Yield what a stream yields, words joined as `waits` says, and None each time `silent` is called within it.

    Leaving closes the stream. Read in one thread from the first event on; the stream may have begun in another.
    """
    other = _Apart(lambda: other.hear(stream))
    other.gr_context = contextvars.copy_context()
    try:
        while (event := other.switch()) is not _OVER:
            yield event
    finally:
        other.left = True
        if other:  # begun, and not at its end: it leaves wherever it waits
            other.throw()
