"""Read a model in the thread that writes its answer, join the words that are there already, and hear when it is silent.

A token then wakes one thread, not two: with hundreds of answers at once that is most of what it costs. But the same
thread writes the keep-alive, and it waits deep inside a vendor's SDK, where nothing can be yielded. The model is
therefore run in a greenlet of that thread: whoever waits calls `waits` before it does and `silent` each second of it.

`waits` hands out what was written so far; until then words are only put together. An answer that keeps its pace is
shown word by word; one that is late has several words to read at once, and shows them at the cost of one: the more
behind a process is, the less each word costs it.

Not told: a wait that calls nothing of ours. Opening a call is such a wait; it has a thread of its own (`hearing`).
"""

import contextvars
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from greenlet import getcurrent, greenlet

from app.llm.port import ModelEvent, TextDelta
from app.llm.streams import is_here, pause

# How long nothing may come before the reader is told that it waits.
SILENCE_S = 1.0
# What comes without end is shown in pieces, and Stop is heard between them.
MOST_JOINED = 400
_OVER = object()


class _Apart(greenlet):
    """A model that is being read; `left`: nobody reads it any more; `tells`: it has called `waits`, so words may be kept."""

    left = False
    tells = False

    def hear(self, stream: Iterator[ModelEvent]) -> object:
        """Hand out what a stream yields: words when it waits, everything else at once, in order."""
        self._words: list[TextDelta] = []
        self._length = 0
        try:
            for event in stream:
                if self.tells and isinstance(event, TextDelta):
                    self._words.append(event)
                    self._length += len(event.text)
                    if self._length >= MOST_JOINED:
                        self.hand_out()
                        if is_here():
                            # It may never have to wait, and others do.
                            pause(0)
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
            words, self._words, self._length = self._words, [], 0
            self.say(
                words[0] if len(words) == 1 else TextDelta(text="".join(w.text for w in words))
            )

    def say(self, event: ModelEvent | None) -> None:
        """Give the reader one event and go on when it wants the next."""
        if self.parent is not None and not self.left:
            self.parent.switch(event)


class _Opening(threading.local):
    """Of a thread that opens a call: what is to be called when it first waits."""

    asked: Callable[[], None] | None = None


_opening = _Opening()


@contextmanager
def opening(asked: Callable[[], None]) -> Iterator[None]:
    """Call `asked` once: as soon as what is done meanwhile in this thread waits for its provider, else at its end."""
    _opening.asked = asked
    try:
        yield
    finally:
        late, _opening.asked = _opening.asked, None
        if late is not None:
            late()


def waits() -> None:
    """Hand out what was written before a wait begins; nothing happens where nobody reads apart."""
    here = getcurrent()
    if isinstance(here, _Apart):
        here.tells = True
        here.hand_out()
    elif (asked := _opening.asked) is not None:
        _opening.asked = None
        asked()


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
