"""A stop that also frees whoever waits on a socket.

Closing a stream from another thread leaves its reader blocked and the provider connected; what ends both at once is
to shut the socket down. A model that waits for its provider therefore says how, for as long as it waits.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import ChartsideError


class HangUp(threading.Event):
    """An event that ends a turn: set once, by Stop, by a closed frame, by the end of the launch, or by IT.

    `why` is what IT switched off or that the launch is over, None for the others.
    """

    def __init__(self) -> None:
        super().__init__()
        self.why: ChartsideError | None = None
        self._calls: list[Callable[[], None]] = []
        self._guard = threading.Lock()

    def set(self) -> None:
        """Set the event and end every call that waits."""
        with self._guard:
            super().set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def refuse(self, why: ChartsideError) -> None:
        """Set the event because the turn may not go on; the first reason stands, and a Stop before it."""
        with self._guard:
            if not self.is_set():
                self.why = why
        self.set()

    @contextmanager
    def ends(self, call: Callable[[], None]) -> Iterator[None]:
        """Have `call` run when the event is set, at once if it is set already; forget it when the block is left.

        `call` must not raise and must not block: it runs in the thread that presses Stop.
        """
        with self._guard:
            late = self.is_set()
            if not late:
                self._calls.append(call)
        if late:
            call()
        try:
            yield
        finally:
            with self._guard:
                if call in self._calls:
                    self._calls.remove(call)
