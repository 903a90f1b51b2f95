"""Refusals of what hosts present to prove themselves, written down: of those alike one row at once, and one with their number a minute later.

Whoever is refused has proved nothing, and may ask without end: each request leaves its trace, and none costs a row of its own.

Not protected: the number of the last minute is lost with a process that is killed. Of more than a hundred kinds in a minute, the rest are
counted together.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.audit.log import AuditLog, Detail, Who

WINDOW = timedelta(minutes=1)
MOST_KINDS = 100
REST = "others of many kinds"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What makes two refusals alike."""

    who: Who
    code: str
    why: str
    host: str = ""


@dataclass(kw_only=True)
class _Window:
    """What came after the first of a kind, until `ends_at`."""

    ends_at: datetime
    more: int = 0


class Refusals:
    """Thread-safe; `clock` gives real time."""

    def __init__(self, audit: AuditLog, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[Refusal, _Window] = {}

    def record(self, who: Who, code: str, why: str, host: str = "") -> None:
        """Write down that a host was refused, and why; nothing of the token itself."""
        refusal = Refusal(who=who, code=code, why=why, host=host)
        self.sweep()
        with self._lock:
            if refusal not in self._windows and len(self._windows) >= MOST_KINDS:
                refusal = Refusal(who=Who(), code=code, why=REST)
            window = self._windows.get(refusal)
            if window is not None:
                window.more += 1
                return
            self._windows[refusal] = _Window(ends_at=self._clock() + WINDOW)
        self._write(refusal)

    def sweep(self) -> None:
        """Write the number of each minute that is over."""
        with self._lock:
            now = self._clock()
            over = {r: w for r, w in self._windows.items() if w.ends_at <= now}
            for refusal in over:
                del self._windows[refusal]
        for refusal, window in over.items():
            if window.more:
                self._write(refusal, window.more)

    def _write(self, refusal: Refusal, more: int = 0) -> None:
        detail: dict[str, str | int] = {
            "act": "refused", "code": refusal.code, "why": refusal.why, "host": refusal.host,
        }  # fmt: skip
        whole: Detail = {**detail, "more": more} if more else detail
        self._audit.record("mcp", refusal.who, whole)
