"""One thread in which the answers of a process stream together, each in a greenlet, while their own threads sleep.

To wake a thread for each token costs more than to make and send it: the kernel's switch, and the interpreter's lock, for
which each waits behind all that are ready. Here an answer that has something to do is switched to, and nothing else
happens. Whoever waits in this thread says so, `pause` or `ready`, and the others run meanwhile; elsewhere the same
calls wait as they always do. What waits for anything else (the store, an EHR, a lock that is held over a wait) does not belong here:
all answers would wait with it. Where that is not known before, `elsewhere` does it in a thread of its own.
"""

import contextvars
import errno
import logging
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from heapq import heappop, heappush
from typing import TypeVar

from greenlet import getcurrent, greenlet

log = logging.getLogger("chartside.llm")
T = TypeVar("T")
# The kernel's own list of sockets, in which each stays between two waits; elsewhere each answer keeps its thread.
HAVE = hasattr(select, "epoll")
GIVES_WAY_S, BEGINS_S = 0.0002, 0.25
# Who waits for the interpreter beside this thread, which seldom rests, waits for no more than this.
SWITCH_S = 0.001
FAILED_S = 0.1


class Move(Enum):
    """What a turn yields where the thread that goes on with it may change."""

    IN = "what follows waits only as `pause` and `ready` do"
    OUT = "what follows may wait for anything"


class _Wait:
    """Who waits; None once nobody does."""

    __slots__ = ("one",)

    def __init__(self) -> None:
        self.one: greenlet | None = getcurrent()


class _Beginnings:
    """Counts the answers of this process that begin: from the question until the model is asked. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._last_s = 0.0
        self.count = 0

    def one(self) -> Callable[[], None]:
        """Count one; what is returned ends it, and does nothing when it is called again."""
        with self._guard:
            self.count += 1
            self._last_s = time.monotonic()
        left = [None]

        def ends() -> None:
            with self._guard:
                if left:
                    left.pop()
                    self.count -= 1

        return ends

    def any(self) -> bool:
        """Tell whether one begins now; one that reads its chart first, for seconds, is not waited for."""
        return self.count > 0 and time.monotonic() - self._last_s < BEGINS_S


_beginnings = _Beginnings()
begins = _beginnings.one


class _Loop:
    """Switches to whoever waited long enough, or whose socket is ready. Used by its own thread, but for `soon`."""

    def __init__(self) -> None:
        self._main = getcurrent()
        # By when; the number is no other's.
        self._timers: list[tuple[float, int, _Wait]] = []
        self._number = 0
        self._waiting: dict[int, greenlet] = {}
        self._poll = select.epoll()
        self._given: deque[Callable[[], None]] = deque()
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._woken, select.EPOLLIN)

    def soon(self, begin: Callable[[], None]) -> None:
        """Have this thread begin something; any thread may ask."""
        self._given.append(begin)
        # A pipe that is full wakes it as well.
        with suppress(BlockingIOError):
            os.write(self._wake, b"0")

    def serve(self) -> None:
        """Go on for ever: what is raised here would otherwise be the end of every answer."""
        self._main = getcurrent()
        while True:
            try:
                self._once()
            except Exception as error:  # noqa: BLE001  # as above; a traceback might quote what it holds
                log.error("streams.failed", extra={"error": type(error).__name__})
                time.sleep(FAILED_S)

    def _once(self) -> None:
        for number, _ in self._poll.poll(self._rest_s()):
            if number == self._woken:
                self._begin()
            elif one := self._waiting.pop(number, None):
                one.switch(True)
        now_s, timers = time.monotonic(), self._timers
        while timers and timers[0][0] <= now_s:
            if late := heappop(timers)[2].one:
                late.switch(False)

    def _rest_s(self) -> float:
        timers = self._timers
        while timers and timers[0][2].one is None:
            heappop(timers)
        return max(0.0, timers[0][0] - time.monotonic()) if timers else -1

    def _begin(self) -> None:
        os.read(self._woken, 65_536)
        while self._given:
            self._given.popleft()()

    def sleep(self) -> None:
        """Let the others run until somebody switches back here."""
        self._main.switch()

    def pause(self, seconds: float) -> None:
        """Let the others run for so long."""
        timer = self._timer(seconds)
        try:
            self._main.switch()
        finally:
            timer.one = None

    def ready(self, number: int, most_s: float, mask: int) -> bool:
        """Let the others run until a descriptor is ready; False when it is not in that time."""
        if number < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        timer, came = self._timer(most_s), False
        self._waiting[number] = getcurrent()
        try:
            self._watch(number, mask | select.EPOLLONESHOT)
            came = bool(self._main.switch())
        finally:
            timer.one = None
            if not came:
                # Its time was over, or its answer was left: what comes is nobody's.
                self._waiting.pop(number, None)
                with suppress(OSError):
                    self._poll.unregister(number)
        return came

    def _watch(self, number: int, mask: int) -> None:
        try:
            self._poll.modify(number, mask)
        except FileNotFoundError:
            self._poll.register(number, mask)

    def _timer(self, seconds: float) -> _Wait:
        self._number += 1
        timer = _Wait()
        heappush(self._timers, (time.monotonic() + seconds, self._number, timer))
        return timer


class _Here(threading.local):
    """Of the streams' thread: its loop."""

    loop: _Loop | None = None


_here = _Here()


class Streams:
    """The thread; it starts with the first answer, and ends with the process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._loop: _Loop | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Run `work` among the others, and return when it has; raise what it raises. The calling thread sleeps."""
        done = threading.Event()
        raised: list[BaseException] = []

        def whole() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # raised again in the thread that asked
                raised.append(error)
            finally:
                done.set()

        context = contextvars.copy_context()

        def begin() -> None:
            one = greenlet(whole)
            one.gr_context = context
            one.switch()

        self._started().soon(begin)
        done.wait()
        if raised:
            raise raised[0]

    def _started(self) -> _Loop:
        with self._guard:
            if self._loop is None:
                self._loop = _Loop()
                sys.setswitchinterval(SWITCH_S)
                threading.Thread(target=_serve, args=(self._loop,), name="streams", daemon=True).start()  # fmt: skip
            return self._loop


def _serve(loop: _Loop) -> None:
    _here.loop = loop
    loop.serve()


def is_here() -> bool:
    """Tell whether this is the streams' thread, where nothing may wait by itself."""
    return _here.loop is not None


def give_way() -> None:
    """Let an answer that begins have the interpreter: it takes many steps, and would wait for each behind every stream."""
    if _beginnings.any():
        time.sleep(GIVES_WAY_S)


def elsewhere(work: Callable[[], T]) -> T:
    """Do what may wait for anything, in a thread of its own where it would hold up every answer; return what it gives."""
    loop = _here.loop
    if loop is None:
        return work()
    here, context = getcurrent(), contextvars.copy_context()
    given: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            given.append(context.run(work))
        except BaseException as error:  # noqa: BLE001  # raised again where it was asked for
            raised.append(error)
        loop.soon(here.switch)

    threading.Thread(target=run, name="elsewhere", daemon=True).start()
    loop.sleep()
    if raised:
        raise raised[0]
    return given[0]


def pause(seconds: float) -> None:
    """Wait so long; 0 lets the others run."""
    if _here.loop is None:
        time.sleep(seconds)
    else:
        _here.loop.pause(seconds)


def ready(opened: socket.socket, most_s: float, *, to_write: bool = False) -> bool:
    """Wait until a socket can be read, or written, or is at its end; False when it is not in that time."""
    if _here.loop is not None:
        mask = select.EPOLLOUT if to_write else select.EPOLLIN
        return _here.loop.ready(opened.fileno(), most_s, mask)
    poll = select.poll()
    poll.register(opened, select.POLLOUT if to_write else select.POLLIN)
    return bool(poll.poll(most_s * 1000))
