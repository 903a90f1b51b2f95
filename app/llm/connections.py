"""The connections of a model's calls: every socket belongs to the call that uses it, so that Stop ends both at once.

Each socket is duplicated when it is opened; shutting the twin down wakes whoever waits in connect, in the TLS
handshake, for headers or for the next bytes, through TLS and through a proxy, and the provider sees the connection
end. A connection that was shut down never serves another call: the pool drops one that is readable while idle.

Not protected here: a resolver that hangs (its thread is left behind until the resolver gives up; the call is not).
"""

import contextlib
import ipaddress
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore2

from app.llm.call import Call
from app.llm.silence import SILENCE_S, silent, waits
from app.llm.streams import is_here, pause, ready

# A socket's own time-out of 0 would not wait at all.
SHORTEST_S = 0.001
# What is read of one connection before others are.
MOST_AT_ONCE = 2**15
_of_thread = threading.local()


@contextlib.contextmanager
def serving(call: Call) -> Iterator[None]:
    """Have what this thread sends and opens meanwhile belong to a call."""
    before, _of_thread.call = _current(), call
    try:
        yield
    finally:
        _of_thread.call = before


def _current() -> Call | None:
    found = getattr(_of_thread, "call", None)
    return found if isinstance(found, Call) else None


class _Wire:
    """A twin of one socket, and the call that uses it now. Closed together with the stream."""

    def __init__(self, opened: socket.socket) -> None:
        self._twin = opened.dup()
        self._guard = threading.Lock()
        self._open = True
        self.call: Call | None = None

    def serve(self, call: Call | None) -> None:
        """Belong to a call from here on; the one before can no longer end it."""
        with self._guard:
            self.call = call
        if call is not None:
            call.uses(self)

    def end(self, call: Call) -> None:
        """Shut the connection down if it is still used by that call."""
        with self._guard:
            if self._open and self.call is call:
                with contextlib.suppress(OSError):
                    self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the twin."""
        with self._guard:
            self._open = False
            self._twin.close()


class _Stream(httpcore2.NetworkStream):
    """One connection; its waits last as long as its call allows."""

    def __init__(self, opened: socket.socket, wire: _Wire) -> None:
        self._socket = opened
        self._wire = wire
        # Bytes that were there without a wait, one after the other.
        self._at_once = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = self._wire.call
        with _mapped(httpcore2.ReadTimeout, httpcore2.ReadError):
            if call is None:
                self._socket.settimeout(timeout)
                return self._socket.recv(max_bytes)
            data = self._heard(max_bytes, call)
        call.received(len(data))
        return data

    def _heard(self, max_bytes: int, call: Call) -> bytes:
        """Wait as long as the call allows, and tell of the wait, and of each second of it."""
        if not _at_hand(self._socket):
            waits()
        until_s = time.monotonic() + call.patience()
        while True:
            left_s = until_s - time.monotonic()
            try:
                return self._received(max_bytes, min(SILENCE_S, max(left_s, SHORTEST_S)))
            except TimeoutError:
                if left_s <= SILENCE_S:
                    raise
            call.patience()  # raises where the call is over
            silent()

    def _received(self, max_bytes: int, most_s: float) -> bytes:
        """Wait for bytes; raises TimeoutError. Among other answers, these run meanwhile (`streams`)."""
        if not is_here():
            self._socket.settimeout(most_s)
            return self._socket.recv(max_bytes)
        until_s = time.monotonic() + most_s
        self._socket.settimeout(0)
        while True:
            to_write = False
            try:
                data = self._socket.recv(max_bytes)
                self._at_once += len(data)
                if self._at_once > MOST_AT_ONCE:
                    # It may never have to wait, and others do.
                    self._at_once = 0
                    pause(0)
                return data
            except ssl.SSLWantWriteError:
                to_write = True
            except (BlockingIOError, ssl.SSLWantReadError):
                # A whole record of TLS is needed to read any byte of it.
                pass
            self._at_once = 0
            if not ready(self._socket, until_s - time.monotonic(), to_write=to_write):
                raise TimeoutError

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = _current()
        if call is not None and call is not self._wire.call:
            self._wire.serve(call)
        with _mapped(httpcore2.WriteTimeout, httpcore2.WriteError):
            self._socket.settimeout(call.patience() if call else timeout)
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._wire.close()
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        call = self._wire.call
        try:
            with _mapped(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                self._socket.settimeout(call.connecting() if call else timeout)
                inner = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return _Stream(inner, self._wire)

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._socket
            case "is_readable":
                return _readable(self._socket)
            case "ssl_object":
                return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case _:
                return None


@contextlib.contextmanager
def _mapped(slow: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise slow("no answer in time") from error
    except OSError as error:
        raise broken(type(error).__name__) from error


def _readable(opened: socket.socket) -> bool:
    """Tell whether an idle connection has something to read: its end, mostly."""
    if opened.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    return bool(poll.poll(0))


def _at_hand(opened: socket.socket) -> bool:
    """Tell whether a connection in use has more to read without waiting: TLS may have it already."""
    if isinstance(opened, ssl.SSLSocket) and opened.pending():
        return True
    return _readable(opened)


class Connections(httpcore2.NetworkBackend):
    """Open connections that the current call can end while they are being opened."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the call's own
        local_address: str | None = None,  # noqa: ARG002  # never set by the pool above
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  # as above
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers, in the current call's time."""
        call = _current()
        if call is None:
            raise httpcore2.ConnectError("a connection outside a call")
        addresses = _resolve(host, port, call)
        for left in range(len(addresses), 0, -1):
            try:
                return self._open(addresses[-left], call, left)
            except OSError as error:
                if call.ended or left == 1:
                    raise httpcore2.ConnectError("no connection") from error
        raise httpcore2.ConnectError("no address")

    def _open(self, address: Any, call: Call, left: int) -> httpcore2.NetworkStream:
        """Connect to one of `left` addresses in its share of the time."""
        family, kind, protocol, _, target = address
        opened = socket.socket(family, kind, protocol)
        wire = _Wire(opened)
        try:
            wire.serve(call)
            opened.settimeout(call.connecting() / left)
            opened.connect(target)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if call.ended:
                raise OSError("ended")
        except BaseException:
            wire.close()
            opened.close()
            raise
        return _Stream(opened, wire)


def _resolve(host: str, port: int, call: Call) -> list[Any]:
    """Ask for a host's addresses in a thread of its own: nothing can wake one that waits for a resolver."""
    found: list[Any] = []

    def ask() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        done.set()

    done = threading.Event()
    if _is_ip(host):
        ask()
        return found
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    if not call.waits_for(done, call.connecting()):
        raise httpcore2.ConnectTimeout("the host's name was not resolved in time")
    return list(found)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
