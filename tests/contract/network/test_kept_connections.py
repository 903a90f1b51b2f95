"""Kept connections that an EHR closes at the moment they are used again, over real sockets."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.boundary import Boundary
from app.errors import EhrUnavailable

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def server(answers: Callable[[int, int], bool]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Serve; `answers(connection, request)` tells (both from 0) whether a request is answered, else it is hung up on."""
    asked: list[tuple[int, int]] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for at in range(100):
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                for number in range(100):
                    if not connection.recv(65_536):
                        break
                    asked.append((at, number))
                    if not answers(at, number):
                        break
                    connection.sendall(ANSWER)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        # On Linux a thread that accepts goes on after close; it hears a shutdown.
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=5)


@pytest.fixture
def boundary_of() -> Iterator[Callable[[str], Boundary]]:
    """Make boundaries that are closed at the end."""
    made: list[Boundary] = []

    def make(origin: str) -> Boundary:
        made.append(Boundary(frozenset((origin,)), True))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_get_is_sent_again_when_the_kept_connection_was_closed(
    boundary_of: Callable[[str], Boundary],
) -> None:
    with server(lambda _, number: number == 0) as (origin, asked):
        boundary = boundary_of(origin)
        assert [boundary.get_json(f"{origin}/Patient/1").status for _ in range(3)] == [200] * 3
        boundary.close()
    assert asked == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


def test_a_post_is_never_sent_again(boundary_of: Callable[[str], Boundary]) -> None:
    with server(lambda _, number: number == 0) as (origin, asked):
        boundary = boundary_of(origin)
        boundary.get_json(f"{origin}/metadata")
        with pytest.raises(EhrUnavailable, match="the connection broke"):
            boundary.post_form(f"{origin}/token", {"code": "once"})
        boundary.close()
    assert asked == [(0, 0), (0, 1)]


def test_what_breaks_on_a_new_connection_is_told_at_once(
    boundary_of: Callable[[str], Boundary],
) -> None:
    with server(lambda _at, _number: False) as (origin, asked):
        boundary = boundary_of(origin)
        with pytest.raises(EhrUnavailable, match="the connection broke"):
            boundary.get_json(f"{origin}/Patient/1")
        boundary.close()
    assert asked == [(0, 0)]
