"""How often one launch's hosts may ask: a bucket each, in this process."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_BUCKETS = 10_000


@dataclass(kw_only=True)
class _Bucket:
    left: float
    at: float
    told: bool = False


class Buckets:
    """Buckets that hold a minute's calls and fill evenly; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, per_minute: int) -> tuple[int, bool]:
        """Take one call; return the seconds to wait before the next (0: taken), and whether that is the first refusal."""
        now, rate = self._clock(), per_minute / 60
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket(left=float(per_minute), at=now))
            self._buckets.move_to_end(name)
            while len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
            bucket.left = min(float(per_minute), bucket.left + (now - bucket.at) * rate)
            bucket.at = now
            if bucket.left >= 1:
                bucket.left -= 1
                bucket.told = False
                return 0, False
            first, bucket.told = not bucket.told, True
            return max(1, math.ceil((1 - bucket.left) / rate)), first
