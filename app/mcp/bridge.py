"""Where the asynchronous protocol meets the synchronous chart: threads, few enough, that tell how far they are.

A host that goes away is not waited for; the thread it leaves behind ends by the boundary's own time-outs, and counts until then.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio import to_thread

from app.errors import ChartsideError

T = TypeVar("T")
MOST_THREADS = 64
TELL_EVERY_S = 1.0
Tell = Callable[[], Awaitable[None]]


class Bridge:
    """Runs work in threads."""

    def __init__(self, most: int = MOST_THREADS, tell_every_s: float = TELL_EVERY_S) -> None:
        self._most = most
        self._tell_every_s = tell_every_s
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; its exceptions are raised here."""
        # A limiter belongs to one event loop, so it is made inside it.
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._most)
        return await to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)

    async def run_telling(self, work: Callable[[], T], tell: Tell) -> T:
        """Do the same, and call `tell` when it begins, and once a second after."""
        await tell()
        failure: ChartsideError | None = None
        async with anyio.create_task_group() as group:

            async def tick() -> None:
                while True:
                    await anyio.sleep(self._tell_every_s)
                    await tell()

            group.start_soon(tick)
            try:
                result = await self.run(work)
            except ChartsideError as error:
                failure = error  # raised outside, or the group would wrap it
            group.cancel_scope.cancel()
        if failure:
            raise failure
        return result
