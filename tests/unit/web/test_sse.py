import threading
from collections.abc import Iterator

from app.web import sse


def read(response: object) -> list[bytes]:
    return list(response.response)  # type: ignore[attr-defined]  # werkzeug's iterable body


def test_events_arrive_in_order_and_the_stream_ends() -> None:
    stop = threading.Event()
    chunks = read(sse.respond(iter([b"1", b"2"]), stop))
    assert chunks == [b"data: 1\n\n", b"data: 2\n\n"]
    assert stop.is_set()


def test_a_waiting_turn_keeps_the_connection_alive() -> None:
    go_on = threading.Event()

    def slow() -> Iterator[bytes]:
        go_on.wait(10)
        yield b"1"

    body = iter(sse.respond(slow(), threading.Event()).response)
    assert next(body) == sse.KEEP_ALIVE
    go_on.set()
    assert next(chunk for chunk in body if chunk != sse.KEEP_ALIVE) == b"data: 1\n\n"


def test_a_closed_frame_stops_the_turn_which_still_ends_in_order() -> None:
    stop, ended = threading.Event(), threading.Event()

    def turn() -> Iterator[bytes]:
        try:
            yield b"1"
            assert stop.wait(10)
            yield b"stopped"
        finally:
            ended.set()

    body = sse.respond(turn(), stop).response
    assert next(iter(body)) == b"data: 1\n\n"
    body.close()  # type: ignore[union-attr]  # a generator
    assert stop.is_set()
    assert ended.wait(10)


def test_a_turn_that_writes_faster_than_it_is_read_waits_instead_of_filling_memory() -> None:
    written = 0

    def flood() -> Iterator[bytes]:
        nonlocal written
        for _ in range(10 * sse.MOST_WAITING):
            written += 1
            yield b"x"

    body = sse.respond(flood(), threading.Event()).response
    next(iter(body))
    assert written <= sse.MOST_WAITING + 3
    body.close()  # type: ignore[union-attr]  # a generator
