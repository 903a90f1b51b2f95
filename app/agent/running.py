"""Which turn runs in each launch of this process, and how to stop it: one at a time.

A stop reaches turns of this process only: the web tier runs as one process with many threads (decision 3), or
behind a balancer that keeps a launch with its process.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import ChartsideError, SessionEnded, TurnRefused
from app.launch_context import LaunchContext
from app.llm.hang_up import HangUp


@dataclass(kw_only=True)
class _Running:
    """One turn; what answers it is known once it has begun."""

    turn_id: str
    stop: HangUp
    context: LaunchContext | None = None
    model_id: str = ""


class RunningTurns:
    """The running turn of each launch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, _Running] = {}

    def start(self, launch_id: str, turn_id: str) -> HangUp:
        """Note that a turn runs and return the event that stops it.

        Raises:
            TurnRefused: another turn of this launch runs.
        """
        with self._lock:
            if launch_id in self._turns:
                raise TurnRefused("a turn of this launch runs")
            stop = HangUp()
            self._turns[launch_id] = _Running(turn_id=turn_id, stop=stop)
        return stop

    def answers(self, context: LaunchContext, turn_id: str, model_id: str) -> None:
        """Note for whom a turn runs, and which model answers it."""
        with self._lock:
            running = self._turns.get(context.launch_id)
            if running is not None and running.turn_id == turn_id:
                running.context, running.model_id = context, model_id

    def refuse(self, demand: Callable[[LaunchContext, str], None]) -> None:
        """End every turn that may not go on: `demand(context, model id)` raises why; the clinician reads it."""
        with self._lock:
            running = [(one, one.context) for one in self._turns.values() if one.context]
        for one, context in running:
            try:
                demand(context, one.model_id)
            except ChartsideError as error:
                one.stop.refuse(error)

    def stop(self, launch_id: str, turn_id: str = "") -> bool:
        """Ask a turn to stop, any turn of the launch when none is named; False when it does not run."""
        with self._lock:
            running = self._turns.get(launch_id)
        if running is None or turn_id not in ("", running.turn_id):
            return False
        running.stop.set()
        return True

    def launch_ended(self, launch_id: str) -> None:
        """End the turn of a launch that is over; the clinician reads that it is, and gets the question back."""
        with self._lock:
            running = self._turns.get(launch_id)
        if running is not None:
            running.stop.refuse(SessionEnded("the launch has ended"))

    def end(self, launch_id: str, turn_id: str) -> None:
        """Note that a turn has ended."""
        with self._lock:
            running = self._turns.get(launch_id)
            if running is not None and running.turn_id == turn_id:
                del self._turns[launch_id]
