"""Server-sent events over a POST: the response's own thread runs the turn, a comment keeps it alive.

A frame that closed is noticed at the next write; the keep-alive every second makes that soon (decision 4), and the
turn is then stopped. Nothing here holds a database connection (decision 5).
"""

from collections.abc import Callable, Iterator, Sequence

from flask import Response

KEEP_ALIVE = b": keepalive\n\n"


def respond(events: Iterator[bytes | None], stop: Callable[[], None]) -> Response:
    """Return a streaming response of JSON events; None is a second without one.

    `stop` is called when the response is left, however it is left. A turn goes on to its end after its reader has
    gone, so that what was said is kept and audited.
    """

    def leave() -> None:
        stop()
        for _ in events:
            pass

    response = Response(_stream(events), mimetype="text/event-stream")
    # By the server's own close: a body that nobody began to read would never end otherwise.
    response.call_on_close(leave)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def one_write(events: Sequence[bytes]) -> bytes:
    """Return events as one that `respond` sends: each write is a wait for the socket and for the interpreter."""
    return b"\n\ndata: ".join(events)


def _stream(events: Iterator[bytes | None]) -> Iterator[bytes]:
    for event in events:
        yield KEEP_ALIVE if event is None else b"data: " + event + b"\n\n"
