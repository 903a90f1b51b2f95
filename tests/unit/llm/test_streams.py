"""The thread in which answers stream together: who waits lets the others run, and nothing is left of who went."""

import contextvars
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from greenlet import getcurrent, greenlet

from app.llm import streams
from app.llm.streams import Streams, begins, elsewhere, is_here, pause, ready

pytestmark = pytest.mark.skipif(not streams.HAVE, reason="answers keep their threads here")


def _together(*works: Callable[[], None]) -> None:
    """Run works at once, and raise what one of them raises."""
    kept = Streams()
    with ThreadPoolExecutor(len(works)) as pool:
        for one in [pool.submit(kept.run, work) for work in works]:
            one.result(timeout=30)


def test_answers_take_turns_in_one_thread() -> None:
    said: list[str] = []
    threads: set[int] = set()

    def speaker(name: str, other: str) -> Callable[[], None]:
        def speak() -> None:
            for word in range(3):
                threads.add(threading.get_ident())
                said.append(f"{name}{word}")
                # It goes on only when the other has spoken too, which it can only meanwhile.
                while f"{other}{word}" not in said:
                    pause(0)

        return speak

    _together(speaker("a", "b"), speaker("b", "a"))
    assert sorted(said) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert not is_here()


def test_who_waits_longer_goes_on_later_and_others_run_meanwhile() -> None:
    order: list[str] = []

    def after(seconds: float, name: str) -> Callable[[], None]:
        def wait() -> None:
            pause(seconds)
            order.append(name)

        return wait

    began_s = time.process_time()
    _together(after(0.3, "late"), after(0.02, "early"), after(0.15, "between"))
    assert order == ["early", "between", "late"]
    assert time.process_time() - began_s < 0.2, "it waits without looking again and again"


def test_what_is_raised_is_raised_where_it_was_asked_for_and_the_thread_goes_on() -> None:
    kept = Streams()

    def fail() -> None:
        pause(0)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        kept.run(fail)
    done: list[bool] = []
    kept.run(lambda: done.append(is_here()))
    assert done == [True]


def test_what_fails_in_the_thread_itself_is_noted_and_the_answers_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(streams, "FAILED_S", 0.0)
    done: list[bool] = []

    def fail() -> None:
        raise ValueError("mine")

    def go_on() -> None:
        loop = streams._here.loop
        assert loop is not None
        loop.soon(fail)
        pause(0.05)
        done.append(is_here())

    Streams().run(go_on)
    assert done == [True]
    assert [(r.message, getattr(r, "error", "")) for r in caplog.records] == [("streams.failed", "ValueError")]  # fmt: skip


def test_what_may_wait_for_anything_is_done_elsewhere_and_holds_nobody_up() -> None:
    go_on, seen = threading.Event(), list[str]()
    mine = contextvars.ContextVar("mine", default="")

    def read() -> str:
        assert go_on.wait(30)
        seen.append("read")
        return f"{mine.get()} {threading.current_thread().name}"

    def asks() -> None:
        mine.set("of this answer")
        seen.append(elsewhere(read))
        with pytest.raises(ValueError, match="mine"):
            elsewhere(_fails)

    def speaks() -> None:
        pause(0.02)
        seen.append("spoken meanwhile")
        go_on.set()

    _together(asks, speaks)
    assert seen == ["spoken meanwhile", "read", "of this answer elsewhere"]
    assert elsewhere(threading.current_thread) is threading.current_thread()


def _fails() -> None:
    raise ValueError("mine")


def test_a_descriptor_that_cannot_be_waited_for_leaves_nothing_behind() -> None:
    seen: list[object] = []

    def wait() -> None:
        loop = streams._here.loop
        assert loop is not None
        closed, other = socket.socketpair()
        closed.close()
        other.close()
        with pytest.raises(OSError, match="Bad file"):
            ready(closed, 0.01)
        number = os.open(os.devnull, os.O_RDONLY)
        # The kernel refuses to wait for such a file.
        with pytest.raises(OSError, match="not permitted"):
            loop.ready(number, 0.01, select.EPOLLIN)
        os.close(number)
        began_s = time.monotonic()
        pause(0.1)
        seen.extend((time.monotonic() - began_s > 0.09, dict(loop._waiting)))

    Streams().run(wait)
    assert seen == [True, {}]


@pytest.mark.parametrize("here", [True, False])
def test_a_socket_is_waited_for_in_either_thread(here: bool) -> None:
    ours, theirs = socket.socketpair()
    seen: list[object] = []

    def read() -> None:
        seen.append(ready(ours, 0.01))
        theirs.send(b"x")
        seen.append(ready(ours, 30))
        seen.append(ours.recv(10))
        # The same again: the kernel keeps it between two waits.
        threading.Timer(0.05, theirs.send, (b"y",)).start()
        seen.append(ready(ours, 30))
        seen.append(ours.recv(10))
        threading.Timer(0.05, theirs.shutdown, (socket.SHUT_RDWR,)).start()
        seen.append(ready(ours, 30))
        seen.append(ours.recv(10))

    with ours, theirs:
        Streams().run(read) if here else read()
    assert seen == [False, True, b"x", True, b"y", True, b""]


def test_a_full_socket_is_waited_for_until_it_takes_more() -> None:
    ours, theirs = socket.socketpair()
    seen: list[object] = []

    def write() -> None:
        ours.setblocking(False)
        try:
            while True:
                ours.send(b"x" * 65_536)
        except BlockingIOError:
            seen.append(ready(ours, 0.01, to_write=True))
        threading.Timer(0.05, _drained, (theirs,)).start()
        seen.append(ready(ours, 30, to_write=True))

    with ours, theirs:
        Streams().run(write)
    assert seen == [False, True]


def _drained(peer: socket.socket) -> None:
    peer.setblocking(False)
    try:
        while peer.recv(1_000_000):
            pass
    except BlockingIOError:
        pass


def test_who_is_left_while_it_waits_leaves_nothing_that_wakes_the_thread() -> None:
    ours, theirs = socket.socketpair()
    left: list[object] = []

    def leave() -> None:
        loop = streams._here.loop
        assert loop is not None
        inner = greenlet(lambda: left.append(ready(ours, 30)))
        inner.parent = getcurrent()
        # It is begun by the loop, to which it comes back when it waits.
        loop.soon(inner.switch)
        pause(0.05)
        inner.throw()
        left.append(dict(loop._waiting))
        # At its end a socket is always ready: one that was forgotten would wake the thread for ever.
        theirs.close()
        began_s = time.thread_time()
        pause(0.3)
        left.append(time.thread_time() - began_s < 0.1)

    with ours:
        Streams().run(leave)
    assert left == [{}, True]


def test_an_answer_that_begins_has_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    first, second = begins(), begins()
    streams.give_way()
    first()
    first()
    streams.give_way()
    assert slept == [streams.GIVES_WAY_S] * 2
    monkeypatch.setattr(streams, "BEGINS_S", 0.0)
    streams.give_way()
    assert len(slept) == 2, "one that reads its chart first is not waited for"
    monkeypatch.undo()
    second()
    monkeypatch.setattr(time, "sleep", slept.append)
    streams.give_way()
    assert len(slept) == 2, "its model is asked"


def test_nothing_is_kept_open_for_it_that_a_child_would_inherit() -> None:
    kept: list[int] = []

    def look() -> None:
        loop = streams._here.loop
        assert loop is not None
        kept.extend((loop._woken, loop._wake, loop._poll.fileno()))

    Streams().run(look)
    assert not any(os.get_inheritable(number) for number in kept)
    assert select.EPOLLONESHOT
