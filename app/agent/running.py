"""Which turn runs in each launch of this process, and how to stop it: one at a time.

A stop reaches turns of this process only: the web tier runs as one process with many threads (decision 3), or
behind a balancer that keeps a launch with its process.
"""

import threading

from app.errors import TurnRefused
from app.llm.hang_up import HangUp


class RunningTurns:
    """The running turn of each launch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[str, HangUp]] = {}

    def start(self, launch_id: str, turn_id: str) -> HangUp:
        """Note that a turn runs and return the event that stops it.

        Raises:
            TurnRefused: another turn of this launch runs.
        """
        with self._lock:
            if launch_id in self._turns:
                raise TurnRefused("a turn of this launch runs")
            stop = HangUp()
            self._turns[launch_id] = (turn_id, stop)
        return stop

    def stop(self, launch_id: str, turn_id: str = "") -> bool:
        """Ask a turn to stop, any turn of the launch when none is named; False when it does not run."""
        with self._lock:
            running = self._turns.get(launch_id)
        if running is None or turn_id not in ("", running[0]):
            return False
        running[1].set()
        return True

    def end(self, launch_id: str, turn_id: str) -> None:
        """Note that a turn has ended."""
        with self._lock:
            running = self._turns.get(launch_id)
            if running is not None and running[0] == turn_id:
                del self._turns[launch_id]
