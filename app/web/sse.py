"""Server-sent events over a POST: the response's own thread runs the turn, a comment keeps it alive.

A frame that closed is noticed at the next write; the keep-alive every second makes that soon (decision 4), and the
turn is then stopped. Nothing here holds a database connection (decision 5).
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from flask import Response

from app.llm.streams import HAVE, Move, Streams, give_way, ready

KEEP_ALIVE = b": keepalive\n\n"
# A reader that takes nothing for so long has gone.
MOST_SEND_S = 60.0
CHUNKED = {"HTTP/1.0": False, "HTTP/1.1": True}
_streams = Streams()
Events = Iterator[bytes | Move | None]


class Client:
    """The socket of a response whose beginning the server has sent."""

    def __init__(self, opened: socket.socket, *, chunked: bool) -> None:
        self._socket = opened
        self._chunked = chunked

    @staticmethod
    def of(environ: dict[str, Any]) -> "Client | None":
        """Return that of a request, None where the server does not give it, or speaks TLS on it itself."""
        opened = environ.get("gunicorn.socket")
        protocol = environ.get("SERVER_PROTOCOL")
        if not HAVE or type(opened) is not socket.socket or protocol not in CHUNKED:
            return None
        return Client(opened, chunked=CHUNKED[protocol])

    def send(self, data: bytes) -> None:
        """Send a part of the body, as the server would.

        Raises:
            OSError: nobody reads any more.
        """
        left = b"%X\r\n%b\r\n" % (len(data), data) if self._chunked else data
        while left:
            try:
                sent = self._socket.send(left, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not ready(self._socket, MOST_SEND_S, to_write=True):
                    raise TimeoutError from None
                continue
            left = left[sent:]


def respond(events: Events, stop: Callable[[], None], client: Client | None = None) -> Response:
    """Return a streaming response of JSON events; None is a second without one.

    `stop` is called when the response is left, however it is left. A turn goes on to its end after its reader has
    gone, so that what was said is kept and audited. What stands between `Move.IN` and `Move.OUT` is sent to `client`
    by the thread where answers stream; without a client, by the response's own.
    """

    def leave() -> None:
        stop()
        for _ in events:
            pass

    response = Response(_stream(events, stop, client), mimetype="text/event-stream")
    # By the server's own close: a body that nobody began to read would never end otherwise.
    response.call_on_close(leave)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def one_write(events: Sequence[bytes]) -> bytes:
    """Return events as one that `respond` sends: each write is a wait for the socket and for the interpreter."""
    return b"\n\ndata: ".join(events)


def _stream(events: Events, stop: Callable[[], None], client: Client | None) -> Iterator[bytes]:
    for event in events:
        if not isinstance(event, Move):
            yield _written(event)
        elif event is Move.IN and client is not None:
            _streams.run(partial(_send, events, stop, client))


def _send(events: Events, stop: Callable[[], None], client: Client) -> None:
    """Send events until they may wait for anything; where nobody reads, they go on to there, unsent."""
    gone = False
    for event in events:
        if isinstance(event, Move):
            break
        try:
            if not gone:
                client.send(_written(event))
                give_way()
        except OSError:
            gone = True
            stop()
    if gone:
        # As if the server itself had written: it leaves the response.
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _written(event: bytes | None) -> bytes:
    return KEEP_ALIVE if event is None else b"data: " + event + b"\n\n"
