"""One thread per process in which the MCP SDK's client runs: the synchronous rest calls into it and waits.

The thread starts when it is first needed, so a process without an MCP registration has none, and a worker that was
forked has its own. Neither it nor the threads that send keep a process from ending.
"""

import asyncio
import atexit
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Lock
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

# More than an EHR's connections: who waits for one waits there, and says so.
MOST_SENDING = 64
T = TypeVar("T")


class Portal:
    """The way from threads into one event loop. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        # Not anyio's own worker threads: those are joined when a process ends, and never told that it does.
        self._sending = ThreadPoolExecutor(MOST_SENDING, thread_name_prefix="mcp-send")
        self._open: tuple[AbstractContextManager[BlockingPortal], BlockingPortal] | None = None

    def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` in the loop and return what it gives, or raise what it raises."""
        return self._portal().call(work)

    async def send(self, work: Callable[[], T]) -> T:
        """Run what blocks in a thread, from inside the loop; one that is given up ends by its own time-outs."""
        return await asyncio.get_running_loop().run_in_executor(self._sending, work)

    def close(self) -> None:
        """End the thread."""
        self._end(None)

    def _abandon(self) -> None:
        """End the thread with what still runs in it, before the interpreter stops it: who ends it then waits for ever."""
        self._end(SystemExit())

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            opened, self._open = self._open, None
        if opened:
            atexit.unregister(self._abandon)
            # With an error it cancels what still runs.
            opened[0].__exit__(type(error) if error else None, error, None)
        self._sending.shutdown(wait=False)

    def _portal(self) -> BlockingPortal:
        with self._lock:
            if self._open is None:
                manager = start_blocking_portal(name="mcp-client")
                self._open = (manager, manager.__enter__())
                atexit.register(self._abandon)
            return self._open[1]
