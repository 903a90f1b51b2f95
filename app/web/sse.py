"""Server-sent events over a POST: one thread writes the turn, the response reads it, a comment keeps it alive.

A frame that closed is noticed at the next write; the keep-alive every second makes that soon (decision 4), and the
turn is then stopped. Nothing here holds a database connection (decision 5).
"""

import queue
import threading
from collections.abc import Callable, Iterator

from flask import Response

KEEP_ALIVE_S = 1.0
KEEP_ALIVE = b": keepalive\n\n"
# A reader that falls this far behind blocks the turn instead of filling memory.
MOST_WAITING = 256


def respond(events: Iterator[bytes], stop: threading.Event) -> Response:
    """Return a streaming response of JSON events; closing it sets `stop`."""
    waiting: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
    gone = threading.Event()
    writer = threading.Thread(target=_write, args=(events, waiting.put, gone), daemon=True)

    def leave() -> None:
        stop.set()
        gone.set()
        _drain(waiting, writer)

    # Started here, and left by the server's own close too: a body that nobody began to read would never end.
    writer.start()
    response = Response(_stream(waiting, leave), mimetype="text/event-stream")
    response.call_on_close(leave)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _stream(waiting: "queue.Queue[bytes | None]", leave: Callable[[], None]) -> Iterator[bytes]:
    try:
        while True:
            try:
                event = waiting.get(timeout=KEEP_ALIVE_S)
            except queue.Empty:
                yield KEEP_ALIVE
                continue
            if event is None:
                return
            yield b"data: " + event + b"\n\n"
    finally:
        leave()


def _write(
    events: Iterator[bytes], put: Callable[[bytes | None], None], gone: threading.Event
) -> None:
    try:
        for event in events:
            # A turn goes on to its end after the reader left, so that what was said is kept and audited.
            if not gone.is_set():
                put(event)
    finally:
        put(None)


def _drain(waiting: "queue.Queue[bytes | None]", writer: threading.Thread) -> None:
    """Free a writer that waits for room, so that its thread can end."""
    while writer.is_alive():
        try:
            if waiting.get(timeout=KEEP_ALIVE_S) is None:
                return
        except queue.Empty:
            return
