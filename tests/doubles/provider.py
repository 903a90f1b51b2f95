"""A model provider on a loopback port that does exactly what a test says, byte by byte, and notes what it saw.

Each accepted request takes the next step of the script (the last one is repeated). A step is given the connection
and writes what it likes; the connection is closed behind it.
"""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
CHUNKED_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
LONGEST_S = 8.0


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Connection:
    """What a step writes to; `left` is set when the client has gone, `left_at` says when."""

    peer: Any
    provider: "Provider"
    left: threading.Event = field(default_factory=threading.Event)
    left_at: float = 0.0

    def send(self, data: bytes) -> None:
        self.peer.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def wait_until_left(self) -> None:
        """Wait, sending nothing, until the client closes the connection."""
        self.provider.waiting.set()
        self.peer.settimeout(LONGEST_S)
        try:
            while self.peer.recv(4096):
                pass
        except TimeoutError:
            return
        except OSError:
            pass
        self.left_at = time.monotonic()
        self.left.set()


Step = Callable[[Connection], None]


class Provider:
    """The server; used as a context manager."""

    def __init__(self, *steps: Step, tls: ssl.SSLContext | None = None) -> None:
        self.steps = list(steps)
        self.asked: list[Asked] = []
        self.connections: list[Connection] = []
        self.opened = 0
        self.waiting = threading.Event()
        self._tls = tls
        self._guard = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> "Provider":
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LONGEST_S)

    def _spawn(self, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        self.opened += 1
        try:
            if self._tls:
                peer = self._tls.wrap_socket(peer, server_side=True)
            # Kept open while steps leave it so: a connection may serve several calls.
            while (asked := _read(peer)) is not None:
                step, connection = self._next(asked, peer)
                step(connection)
                if step not in KEEPS_OPEN:
                    break
        except OSError:
            pass
        finally:
            peer.close()

    def _next(self, asked: Asked, peer: socket.socket) -> tuple[Step, Connection]:
        with self._guard:
            step = self.steps[min(len(self.asked), len(self.steps) - 1)]
            self.asked.append(asked)
            connection = Connection(peer, self)
            self.connections.append(connection)
        return step, connection


KEEPS_OPEN: set[Step] = set()


def _read(peer: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += peer.recv(65536)
    is_json = "json" in headers.get("content-type", "")
    return Asked(first.split()[1], headers, json.loads(body) if is_json and body else None)


# ---------------------------------------------------------------- steps


def streams(events: Iterable[bytes]) -> Step:
    """Send a whole stream and close: a clean FIN."""
    data = b"".join(events)

    def step(connection: Connection) -> None:
        connection.send(STREAM_HEAD + data)

    return step


def streams_chunked(events: Sequence[bytes], *, whole: bool = True) -> Step:
    """Send a stream in chunks, each event its own; not `whole`: without the last, empty chunk."""

    def step(connection: Connection) -> None:
        connection.send(CHUNKED_HEAD)
        for event in events:
            connection.chunk(event)
        if whole:
            connection.send(b"0\r\n\r\n")

    if whole:
        KEEPS_OPEN.add(step)
    return step


def stalls_before_headers(connection: Connection) -> None:
    """Answer nothing."""
    connection.wait_until_left()


def stalls_after(events: Iterable[bytes]) -> Step:
    """Send the beginning of a stream, then nothing."""
    data = b"".join(events)

    def step(connection: Connection) -> None:
        connection.send(STREAM_HEAD + data)
        connection.wait_until_left()

    return step


def drips(piece: bytes, every_s: float, events: Iterable[bytes] = ()) -> Step:
    """Send the beginning of a stream, then comments for ever: no silence, no end."""
    data = b"".join(events)

    def step(connection: Connection) -> None:
        connection.send(STREAM_HEAD + data)
        last = time.monotonic() + LONGEST_S
        while time.monotonic() < last:
            connection.send(piece)
            time.sleep(every_s)

    return step


def refuses(status: int, body: object = None, headers: dict[str, str] | None = None) -> Step:
    """Answer with an error status."""
    data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    lines = "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
    head = (
        f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\n{lines}"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    )

    def step(connection: Connection) -> None:
        connection.send(head.encode() + data)

    return step


def answers(body: object) -> Step:
    """Answer with JSON."""
    return refuses(200, body)


def breaks_off(connection: Connection) -> None:
    """Close without an answer."""
