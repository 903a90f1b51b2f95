"""Do what many threads want at once in one go: whoever comes first does it for all that have come meanwhile.

A lock would hand over from thread to thread, and each of them would hold it while it waits for the interpreter: behind
hundreds of streams that is milliseconds each, one after the other. Nobody waits who comes alone.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(kw_only=True, eq=False)
class _Waiting(Generic[T]):
    """One thing wanted; `wake` is free when it is `done`, or when its own thread is to do it."""

    wanted: T
    wake: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.wake.acquire()


class Together(Generic[T]):
    """Calls `do` with what is wanted, in the order in which it came, never twice at once."""

    def __init__(self, do: Callable[[Sequence[T]], None], *, most: int) -> None:
        """`do` does all it is given, at most `most`, or raises and has done nothing: then each is tried by itself."""
        self._do = do
        self._most = most
        self._guard = threading.Lock()
        self._waiting: list[_Waiting[T]] = []
        self._busy = False

    def want(self, wanted: T) -> None:
        """Return when it is done; raise what `do` raised for it."""
        mine = _Waiting(wanted=wanted)
        with self._guard:
            self._waiting.append(mine)
            leads, self._busy = not self._busy, True
        if not leads:
            mine.wake.acquire()
        if not mine.done:
            self._lead()
        if mine.error is not None:
            raise mine.error

    def _lead(self) -> None:
        """Do what waits, this thread's own at least, and have the first of what is left do the rest."""
        with self._guard:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            self._all(batch)
        finally:
            with self._guard:
                following = self._waiting[0] if self._waiting else None
                self._busy = following is not None
            for one in batch:
                one.done = True
                one.wake.release()
            if following is not None:
                following.wake.release()

    def _all(self, batch: Sequence[_Waiting[T]]) -> None:
        if (error := self._tried([one.wanted for one in batch])) is None:
            return
        if len(batch) == 1:
            batch[0].error = error
            return
        for one in batch:
            one.error = self._tried([one.wanted])

    def _tried(self, wanted: Sequence[T]) -> BaseException | None:
        try:
            self._do(wanted)
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that wanted it
            return error
        return None
