"""A seeded series of interleavings over one world."""

import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.interleaving.acts import Acts
from tests.interleaving.model import ModelLaunch, Tally
from tests.interleaving.parties import EHRS, PATIENTS, USERS

MOST_LIVE = 8


class World(Acts):
    """Acts that are drawn by lot."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder)
        self.draw = random.Random(seed)  # a series that can be had again

    def run(self, rounds: int) -> Tally:
        """Run so many interleavings: each is two acts at once, over the launches that earlier ones left."""
        with ThreadPoolExecutor(2) as pool, _switching_often():
            for _ in range(rounds):
                self._step(pool)
        return self.tally

    def _step(self, pool: ThreadPoolExecutor) -> None:
        self._tidy()
        acts = self._same_launch() if self.draw.random() < 0.3 else self._two_launches()
        for act in [pool.submit(act) for act in acts]:
            act.result(60)
        if self.draw.random() < 0.25:
            pause = self.draw.choices((20, 70, 260, 320, 1900), (35, 38, 10, 14, 3))[0]
            self.clock.now += timedelta(seconds=pause)

    def _tidy(self) -> None:
        now = self.clock.seconds
        # An EHR's launch value lives for five minutes; the browser gives such a launch up.
        self.pending = [one for one in self.pending if now - one.begun < 290]
        while len(self.launches) > MOST_LIVE:
            gone = self.launches.pop(self.draw.randrange(len(self.launches)))
            if gone.lives(now):
                self.end(gone)

    def _two_launches(self) -> list[Callable[[], None]]:
        chosen = self.draw.sample(self.launches, min(2, len(self.launches)))
        acts: list[Callable[[], None]] = []
        for one in (*chosen, None, None)[:2]:
            if one is None or self.draw.random() < 0.35:
                acts.append(self._arriving())
            else:
                acts.append(self._act(one))
        return acts

    def _arriving(self) -> Callable[[], None]:
        if self.pending and self.draw.random() < 0.6:
            one = self.pending.pop(self.draw.randrange(len(self.pending)))
            if one.wrong_binds < 2 and self.draw.random() < 0.2:
                return lambda: self.wrong_bind(one)
            return lambda: self.callback(one)
        ehr, patient, user = (self.draw.choice(names) for names in (EHRS, PATIENTS, USERS))
        return lambda: self.begin(ehr, patient, user)

    def _act(self, one: ModelLaunch) -> Callable[[], None]:
        name = self.draw.choices(
            ("read", "card", "again", "ask", "resume", "park", "end", "cross"),
            (20, 8, 8, 16, 14, 12, 5, 10),
        )[0]
        if name == "cross":
            other = self.draw.choice(self.launches)
            return lambda: self.cross(one, other)
        act: Callable[[ModelLaunch], None] = getattr(self, name)
        return lambda: act(one)

    def _same_launch(self) -> list[Callable[[], None]]:
        """Draw two acts on one launch. What may come of them is said by `_settle`, whichever came first."""
        if self.pending and self.draw.random() < 0.3:
            pending = self.pending.pop(self.draw.randrange(len(self.pending)))
            return [lambda: self.callback_twice(pending)]
        if not self.launches:
            return [self._arriving()]
        one = self.draw.choice(self.launches)
        both = self.draw.choice(
            ("resume resume", "again again", "ask end", "ask resume", "park read", "end end")
        )
        return [lambda: self.at_once(one, both.split())]


@contextmanager
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
