import threading
from collections.abc import Iterator

from app.web import sse


def test_events_arrive_in_order_and_the_stream_ends() -> None:
    stop = threading.Event()
    response = sse.respond(iter([b"1", b"2"]), stop.set)
    assert list(response.response) == [b"data: 1\n\n", b"data: 2\n\n"]
    response.close()
    assert stop.is_set()


def test_a_waiting_turn_keeps_the_connection_alive() -> None:
    response = sse.respond(iter([None, b"1"]), threading.Event().set)
    assert list(response.response) == [sse.KEEP_ALIVE, b"data: 1\n\n"]


def test_a_closed_frame_stops_the_turn_which_still_ends_in_order() -> None:
    stop, ended = threading.Event(), threading.Event()

    def turn() -> Iterator[bytes]:
        yield b"1"
        assert stop.is_set()
        yield b"stopped"
        ended.set()

    response = sse.respond(turn(), stop.set)
    assert next(iter(response.response)) == b"data: 1\n\n"
    response.close()
    assert ended.is_set()


def test_a_body_that_nobody_began_to_read_ends_too() -> None:
    ended = threading.Event()

    def turn() -> Iterator[bytes]:
        yield b"1"
        ended.set()

    sse.respond(turn(), threading.Event().set).close()
    assert ended.is_set()
