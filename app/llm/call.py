"""One model call: how long each of its waits may last, and how it is ended from another thread."""

import threading
import time
from typing import Protocol

import httpcore2

from app.llm.config import Timeouts
from app.llm.hang_up import HangUp

MOST_BYTES = 64 * 2**20
SLICE_S = 0.05
# A finished answer leaves its connection for the next call, if its last bytes come at once.
LAST_BYTES_S = 0.25


class Connection(Protocol):
    """What a call can end."""

    def end(self, call: "Call") -> None:
        """End the connection if it is still used by that call; must not block or raise."""


class Call:
    """The waits of one call, retries included. Used by one thread, ended by any."""

    def __init__(self, timeouts: Timeouts, hang_up: HangUp) -> None:
        self.hang_up = hang_up
        self._timeouts = timeouts
        self._last_at = time.monotonic() + timeouts.total_s
        self._guard = threading.Lock()
        self._connections: list[Connection] = []
        self._left_bytes = MOST_BYTES
        self._silence_s = timeouts.first_byte_s
        self.ended = False

    def uses(self, connection: Connection) -> None:
        """Note a connection of this call, and end it if the call is over already."""
        with self._guard:
            self._connections.append(connection)
            ended = self.ended
        if ended:
            connection.end(self)

    def end(self) -> None:
        """End every connection of this call; what waits on them wakes."""
        with self._guard:
            self.ended = True
            connections = list(self._connections)
        for connection in connections:
            connection.end(self)

    def answers(self) -> None:
        """Note that the answer has begun: from here on silence is short."""
        self._silence_s = self._timeouts.between_bytes_s

    def finishes(self) -> None:
        """Note that the answer is whole: what is left is worth no wait."""
        self._silence_s = LAST_BYTES_S

    def patience(self) -> float:
        """Return how long the next wait may last.

        Raises:
            httpcore2.ReadTimeout: the whole call has taken too long.
            httpcore2.ReadError: the call was ended.
        """
        if self.ended:
            raise httpcore2.ReadError("ended")
        return min(self._silence_s, self.remaining())

    def connecting(self) -> float:
        """Return how long opening a connection may take; raises as `patience`."""
        if self.ended:
            raise httpcore2.ConnectError("ended")
        return min(self._timeouts.connect_s, self.remaining())

    def remaining(self) -> float:
        """Return what is left of the whole call's time; raises as `patience`."""
        left = self._last_at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the whole call took too long")
        return left

    def received(self, count: int) -> None:
        """Count bytes.

        Raises:
            httpcore2.ReadError: more than any answer has.
        """
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise httpcore2.ReadError(f"more than {MOST_BYTES} bytes")

    def waits_for(self, done: threading.Event, most_s: float) -> bool:
        """Wait for another thread; False when the time is over or the call was ended."""
        last = time.monotonic() + most_s
        while not done.wait(SLICE_S):
            if self.ended or time.monotonic() > last:
                return False
        return True

    def pauses(self, delay_s: float) -> bool:
        """Wait before another attempt; False when Stop ended it or the call has no time for it."""
        left = self._last_at - time.monotonic()
        return delay_s < left and not self.hang_up.wait(delay_s)
