"""What ought to be: which launches live, whose marks their answers may hold, and what a run found."""

from dataclasses import dataclass, field
from typing import Any

from tests.interleaving.parties import chart_mark, user_mark

# The sandbox registration's limits, and how often a use is noted (`app.smart.session`).
IDLE_S, PARKED_S, ABSOLUTE_S, TOUCH_S = 30 * 60, 5 * 60, 480 * 60, 30


@dataclass(kw_only=True)
class ModelLaunch:
    """What the model knows of a launch: whose it is, what proves it, and when it was used and left."""

    ehr: str
    patient: str
    user: str
    launch_id: str
    key: str
    resume: str
    born: float
    used: float
    parked: float | None = None
    ended: bool = False
    old_keys: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    turns: int = 0

    @property
    def own(self) -> set[str]:
        """The marks that its answers may hold."""
        return {chart_mark(self.ehr, self.patient), user_mark(self.ehr, self.user), *self.asked}

    def lives(self, now: float) -> bool:
        """Tell whether every limit leaves it alive."""
        left = self.parked is not None and now - self.parked >= PARKED_S
        over = now - self.born >= ABSOLUTE_S or now - self.used >= IDLE_S
        return not (self.ended or left or over)

    def use(self, now: float) -> None:
        """Note a use as the copilot does."""
        if self.parked is not None or now - self.used >= TOUCH_S:
            self.used, self.parked = now, None


@dataclass(kw_only=True)
class Pending:
    """A launch on its way, in its user's browser."""

    ehr: str
    patient: str
    user: str
    page: dict[str, Any]
    begun: float
    wrong_binds: int = 0


@dataclass(kw_only=True)
class Tally:
    """What a run found. Each finding is a sentence."""

    answers: int = 0
    launches: int = 0
    leaks: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
