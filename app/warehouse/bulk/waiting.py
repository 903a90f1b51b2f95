"""How long to wait before the next request: what the server asks for, within bounds, or a growing time.

Servers were seen to write Retry-After as seconds, as an HTTP date, and as a moment in seconds or milliseconds since
1970, which taken for seconds is a wait of 56,000 years.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LEAST_S, MOST_S = 0.5, 1800.0
# No delay is this long, and no moment that is told now is this early.
MOMENT_S, MOMENT_MS = 1e9, 1e12


def retry_after_s(sent: str, now: datetime) -> float | None:
    """Return how many seconds Retry-After asks for, in any form that servers write; None when it says nothing.

    The result may be negative or very large; `Waiting` bounds it.

    Source: RFC 9110 10.2.3.
    """
    text = sent.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 20:
        number = float(text)
        if number >= MOMENT_MS:
            return number / 1000 - now.timestamp()
        return number - now.timestamp() if number >= MOMENT_S else number
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Waits between requests. `sleep` and `clock` are replaced in tests; `most_s` bounds a single wait."""

    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    most_s: float = MOST_S

    def pause(self, sent: str, attempt: int) -> float:
        """Wait as Retry-After asks, or 1, 2, 4... seconds at the `attempt`-th time (from 0); return the seconds."""
        asked = retry_after_s(sent, self.clock())
        wanted = 2.0 ** min(attempt, 12) if asked is None else asked
        seconds = min(max(wanted, LEAST_S), self.most_s)
        self.sleep(seconds)
        return seconds
