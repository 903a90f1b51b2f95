"""Have files looked at, line by line, in processes beside this one (`looker`), as many as files are downloaded at a time.

To parse lines takes several times as long as to receive them from a server nearby, and holds the interpreter's lock; what
comes in one thread would wait for what is looked at in another. Small files, as most are that say what changed, are
looked at here: a process takes longer to start.
"""

import fcntl
import queue
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import msgspec

from app.warehouse.bulk import looker
from app.warehouse.bulk.lines import Found, LineTooLong, NotWhole, found_in
from app.warehouse.bulk.looker import LENGTH, Answer

# In gzip; some ten times as much to parse, which takes a few milliseconds.
SMALL_BYTES = 2**18
END_S = 5.0
HOME = Path(__file__).parents[3]
PIPE_BYTES = 2**20


class Lookers:
    """Processes that look at lines: started by `start` or when one is needed, ended on leaving. Thread-safe."""

    def __init__(self) -> None:
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def __enter__(self) -> "Lookers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:  # fmt: skip
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def start(self, count: int) -> None:
        """Have so many ready for what comes later."""
        for _ in range(count):
            self._idle.put(_Process())

    @contextmanager
    def look(self) -> Iterator["Look"]:
        """Look at one file, to its end or not."""
        look = Look(self)
        try:
            yield look
        except BaseException:
            if look.process:
                look.process.kill()
            raise
        if look.process:
            self._idle.put(look.process)

    def one(self, *, new: bool) -> "_Process | None":
        """Return a process that nobody else uses; where there is none, a new one or None."""
        with suppress(queue.Empty):
            while True:
                idle = self._idle.get_nowait()
                if idle.runs():
                    return idle
                idle.kill()
        return _Process() if new else None


class Look:
    """One file in gzip that is looked at while it arrives."""

    def __init__(self, lookers: Lookers) -> None:
        self._lookers = lookers
        self._kept: list[bytes] = []
        self._size = 0
        self.process: _Process | None = None

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        if self.process:
            self.process.feed(piece)
            return
        self._kept.append(piece)
        self._size += len(piece)
        self.process = self._lookers.one(new=self._size > SMALL_BYTES)
        if self.process:
            for kept in self._kept:
                self.process.feed(kept)
            self._kept.clear()

    def end(self) -> Found:
        """Return what was found.

        Raises:
            NotWhole: what came is not whole, or could not be looked at.
            LineTooLong: it holds no lines of resources.
        """
        return self.process.found() if self.process else found_in(self._kept)


class _Process:
    """One process that looks at a file after the other."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", looker.__name__]
        # By the folder that holds `app`, whatever the command was started in; Ctrl+C there is not for it.
        self._popen = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HOME, process_group=0
        )
        if self._popen.stdin is None or self._popen.stdout is None:
            raise AssertionError("both were asked for")
        self._given, self._out = self._popen.stdin, self._popen.stdout
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # Linux: fewer turns from one process to the other. More than a user may have of it is no harm.
            with suppress(OSError):
                fcntl.fcntl(self._given, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.pid = self._popen.pid

    def runs(self) -> bool:
        return self._popen.poll() is None

    def feed(self, piece: bytes) -> None:
        if not piece:
            # An empty frame is the end.
            return
        with _told():
            self._given.write(LENGTH.pack(len(piece)))
            self._given.write(piece)

    def found(self) -> Found:
        with _told():
            self._given.write(LENGTH.pack(0))
            self._given.flush()
            (length,) = LENGTH.unpack(self._out.read(LENGTH.size))
            answer = msgspec.json.decode(self._out.read(length), type=Answer)
        if answer.too_long:
            raise LineTooLong(answer.too_long)
        if answer.found is None:
            raise NotWhole(answer.not_whole)
        return answer.found

    def end(self) -> None:
        """Have it end by itself."""
        with suppress(OSError):
            self._given.close()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(END_S)
        self.kill()

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()
        with suppress(OSError):
            self._given.close()
        self._out.close()


@contextmanager
def _told() -> Iterator[None]:
    """Tell in other words that a process is gone: to ask for the file again is all that can be done."""
    try:
        yield
    except (OSError, struct.error, msgspec.DecodeError) as error:
        raise NotWhole("the process that looks at its lines ended") from error
