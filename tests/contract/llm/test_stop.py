"""Stop ends a call wherever it waits, here and at the provider; and never another call."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from app.llm.config import Timeouts
from app.llm.hang_up import HangUp
from app.llm.port import Done, Model, ModelEvent
from tests.doubles.dialects import REQUEST, Wire, done_of, heard
from tests.doubles.provider import (
    Provider,
    stalls_after,
    stalls_before_headers,
    streams_chunked,
)

# Measured: under 2 milliseconds on a busy machine. The bound is the promise.
SOON_S = 1.0
SETTLED_S = 0.15
PATIENT = Timeouts(connect_s=30, first_byte_s=30, between_bytes_s=30, total_s=60)


class Listening:
    """A model that is listened to in a thread of its own, as a turn does."""

    def __init__(self, model: Model) -> None:
        self.hang_up = HangUp()
        self.said: list[ModelEvent] = []
        self.error: Exception | None = None
        self.ended_at = self.pressed_at = 0.0
        self._model = model
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for event in self._model.stream(REQUEST, self.hang_up):
                self.said.append(event)  # read as it comes
        except Exception as error:  # noqa: BLE001  # whatever it is, it is an assertion's
            self.error = error
        self.ended_at = time.monotonic()

    def stop(self) -> float:
        """Press Stop once the reader waits; return how long it took to end."""
        # Without this, Stop may come while what was sent is still being read, and the socket is never waited on.
        time.sleep(SETTLED_S)
        assert self._thread.is_alive()
        self.pressed_at = at = time.monotonic()
        self.hang_up.set()
        assert time.monotonic() - at < SOON_S
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.ended_at - at


def ended_well(listening: Listening) -> None:
    assert listening.error is None
    assert not any(isinstance(event, Done) for event in listening.said)


@pytest.mark.parametrize("place", ["headers", "first event", "text", "call"])
def test_stop_frees_the_reader_and_the_provider(wire: Wire, place: str) -> None:
    """The double notes when its connection ends: closing the stream from another thread would not end it."""
    events = {
        "headers": None,
        "first event": [],
        "text": wire.text()[:6],
        "call": wire.tools()[:-4],
    }
    begun = events[place]
    step = stalls_before_headers if begun is None else stalls_after(begun)
    with Provider(step) as provider:
        listening = Listening(wire.model(provider.url, PATIENT))
        assert provider.waiting.wait(10)
        took_s = listening.stop()
        connection = provider.connections[0]
        assert connection.left.wait(10)
    ended_well(listening)
    assert 0 < took_s < SOON_S
    assert 0 < connection.left_at - listening.pressed_at < SOON_S


def test_stop_ends_a_connection_that_is_not_open_yet(wire: Wire) -> None:
    """The server's queue is full: packets are dropped."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queue = [socket.socket() for _ in range(3)]
        for waiting in queue:
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        listening = Listening(wire.model(f"http://127.0.0.1:{listener.getsockname()[1]}", PATIENT))
        time.sleep(0.3)
        took_s = listening.stop()
        for waiting in queue:
            waiting.close()
    ended_well(listening)
    assert took_s < SOON_S


def test_stop_ends_a_question_to_dns(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answered = threading.Event(), threading.Event()

    def resolver(*_: object, **__: object) -> list[object]:
        asked.set()
        answered.wait(5)
        return []

    monkeypatch.setattr("app.llm.connections.socket.getaddrinfo", resolver)
    listening = Listening(wire.model("http://model.invalid", PATIENT))
    assert asked.wait(10)
    took_s = listening.stop()
    answered.set()
    ended_well(listening)
    assert took_s < SOON_S


def test_a_stop_before_the_call_sends_nothing(wire: Wire) -> None:
    with Provider(stalls_before_headers) as provider:
        hang_up = HangUp()
        hang_up.set()
        assert heard(wire.model(provider.url), hang_up=hang_up) == []
        assert provider.asked == []


def test_a_stop_between_two_events_is_heard_at_the_next(wire: Wire) -> None:
    with Provider(streams_chunked(wire.text())) as provider:
        hang_up = HangUp()
        stream = wire.model(provider.url).stream(REQUEST, hang_up)
        next(stream)
        hang_up.set()
        assert list(stream) == []


def test_a_late_stop_does_not_end_the_next_call_on_the_same_connection(wire: Wire) -> None:
    with Provider(
        streams_chunked(wire.text()), stalls_after(wire.text()[:6]), streams_chunked(wire.text())
    ) as provider:
        model = wire.model(provider.url, PATIENT)
        first = HangUp()
        assert done_of(heard(model, hang_up=first)).stop == "end"
        listening = Listening(model)
        assert provider.waiting.wait(10)
        assert provider.opened == 1
        first.set()
        assert not provider.connections[1].left.wait(0.3)
        listening.stop()
        # What was shut down serves nobody: the third call opens its own.
        assert done_of(heard(model)).stop == "end"
        assert provider.opened == 2


# ---------------------------------------------------------------- TLS


@pytest.mark.parametrize("place", ["headers", "text"])
def test_stop_works_through_tls(wire: Wire, tls: ssl.SSLContext, place: str) -> None:
    step = stalls_before_headers if place == "headers" else stalls_after(wire.text()[:6])
    with Provider(step, tls=tls) as provider:
        listening = Listening(wire.model(provider.url, PATIENT))
        assert provider.waiting.wait(10)
        took_s = listening.stop()
        assert provider.connections[0].left.wait(10)
    ended_well(listening)
    assert took_s < SOON_S


def test_stop_ends_a_handshake(wire: Wire) -> None:
    """The server accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = Listening(wire.model(f"https://127.0.0.1:{listener.getsockname()[1]}", PATIENT))
        peer, _ = listener.accept()
        peer.recv(1)
        took_s = listening.stop()
        peer.close()
    ended_well(listening)
    assert took_s < SOON_S


def test_a_certificate_that_nobody_trusts_ends_the_call(wire: Wire, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setattr("app.llm.asking.FIRST_WAIT_S", 0.01)
    from app.llm.errors import ModelUnreachable  # noqa: PLC0415

    with Provider(stalls_before_headers, tls=tls) as provider:
        with pytest.raises(ModelUnreachable):
            heard(wire.model(provider.url))
        assert provider.asked == []


# ---------------------------------------------------------------- a proxy


@contextlib.contextmanager
def tunnel(to_port: int) -> Iterator[tuple[int, list[bytes]]]:
    """Stand in for a hospital's proxy: CONNECT, then bytes both ways."""
    heads: list[bytes] = []
    opened: list[socket.socket] = []

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                heads.append(peer.recv(4096))
                other = socket.create_connection(("127.0.0.1", to_port))
                opened.extend((peer, other))
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                for pair in ((peer, other), (other, peer)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], heads
        listener.shutdown(socket.SHUT_RDWR)
    for one in opened:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def test_the_environments_proxy_is_used_and_stop_works_through_it(
    wire: Wire, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Provider(stalls_before_headers, tls=tls) as provider,
        tunnel(provider.port) as (port, heads),
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        listening = Listening(wire.model(provider.url, PATIENT))
        assert provider.waiting.wait(10)
        took_s = listening.stop()
        assert provider.connections[0].left.wait(10)
    ended_well(listening)
    assert took_s < SOON_S
    assert heads[0].startswith(f"CONNECT 127.0.0.1:{provider.port} ".encode())


def test_a_host_that_the_environment_excepts_is_reached_without_the_proxy(
    wire: Wire, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Provider(streams_chunked(wire.text()), tls=tls) as provider:
        assert done_of(heard(wire.model(provider.url))).stop == "end"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_plain_http_never_goes_through_a_proxy_that_could_read_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A model on this machine is labelled so: its chart text must not travel first."""
    with Provider(streams_chunked(wire.text())) as proxy, Provider(streams_chunked(wire.text())) as own:  # fmt: skip
        monkeypatch.setenv(variable, proxy.url)
        assert done_of(heard(wire.model(own.url))).stop == "end"
    assert (len(proxy.asked), len(own.asked)) == (0, 1)
