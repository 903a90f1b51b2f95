"""What one turn may spend, and the sentence that says when it is spent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one turn; characters are those of the answer, `tool_s` is for one look-up."""

    rounds: int = 8
    tool_calls: int = 16
    wall_s: float = 120.0
    tool_s: float = 30.0
    characters: int = 24_000


@dataclass(kw_only=True)
class Budget:
    """What one turn has spent so far."""

    limits: Limits
    clock: Callable[[], datetime]
    started: datetime
    rounds: int = 0
    tool_calls: int = 0

    @classmethod
    def start(cls, limits: Limits, clock: Callable[[], datetime]) -> "Budget":
        """Start counting now."""
        return cls(limits=limits, clock=clock, started=clock())

    def writing(self, characters: int) -> str:
        """Return the sentence for a limit of time or length that is reached, "" while there is room to write."""
        if (self.clock() - self.started).total_seconds() >= self.limits.wall_s:
            return f"Stopped after {self.limits.wall_s:.0f} seconds: this answer is not complete."
        if characters >= self.limits.characters:
            return "Stopped at the longest answer allowed: this answer is not complete."
        return ""

    def looking(self, characters: int) -> str:
        """Return the sentence for any limit that is reached, "" while there is room for another round."""
        if spent := self.writing(characters):
            return spent
        if self.rounds >= self.limits.rounds:
            return f"Stopped after {self.limits.rounds} rounds of look-ups: this answer is not complete."
        return ""

    def refuses_call(self) -> bool:
        """Count one tool call, and tell whether it is one too many."""
        self.tool_calls += 1
        return self.tool_calls > self.limits.tool_calls
