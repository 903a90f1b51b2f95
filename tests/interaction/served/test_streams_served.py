"""Answers that stream together, through gunicorn's own sockets: each whole and in order, whoever reads, slowly or no more."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_socket import enable_socket

from app.llm import streams

pytestmark = pytest.mark.skipif(not streams.HAVE, reason="answers keep their threads here")
KEEP_ALIVE = ": keepalive"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Gunicorn, as `make run` starts it."""
    enable_socket()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = listener.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "gthread", "--threads", "24", "--log-level", "warning",
        "-b", f"127.0.0.1:{found}", "tests.served_app:create()",
    ]  # fmt: skip
    with subprocess.Popen(command, env=dict(os.environ)) as server:
        _up(found)
        try:
            yield found
        finally:
            server.terminate()
            # It gives what still runs 30 s.
            server.wait(60)


@pytest.fixture(autouse=True)
def _sockets() -> None:
    enable_socket()


def _up(port: int) -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/seen", timeout=30)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("gunicorn did not start")


def _seen(port: int, name: str, *, until: str) -> list[str]:
    """Return what became of an answer, once that is among it."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/seen", timeout=30) as answer:
            found: list[str] = json.load(answer).get(name, [])
        if until in found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{name} never came to {until}")


def _said(body: bytes) -> list[dict[str, Any] | str]:
    parts = body.decode().split("\n\n")
    assert parts[-1] == ""
    return [part if part == KEEP_ALIVE else json.loads(part.removeprefix("data: ")) for part in parts[:-1]]  # fmt: skip


def _whole(said: list[dict[str, Any] | str], count: int) -> bool:
    words = [one if isinstance(one, str) else one["is"] for one in said]
    return words == ["before", *map(str, range(count)), KEEP_ALIVE, "behind"]


@pytest.mark.parametrize("together", ["1", "0"])
def test_an_answer_is_whole_and_in_order_and_the_connection_serves_the_next(
    port: int, together: str
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for name in ("first", "second"):
        connection.request("POST", f"/stream?name={name}&count=20&together={together}")
        answer = connection.getresponse()
        said = _said(answer.read())
        assert _whole(said, 20)
        threads = {one["is"]: one["thread"] for one in said if isinstance(one, dict)}
        assert (threads["7"] == "streams") == (together == "1")
        assert "streams" not in (threads["before"], threads["behind"])
    connection.close()


def test_http_1_0_is_answered_without_chunks(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        peer.sendall(b"POST /stream?name=old&count=5 HTTP/1.0\r\nHost: x\r\n\r\n")
        received = b""
        while data := peer.recv(65_536):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    said = _said(body)
    assert _whole(said, 5)
    assert said[3]["thread"] == "streams"  # type: ignore[index]


def test_many_answers_stream_at_once_each_to_its_own_reader(port: int) -> None:
    def read(number: int) -> list[dict[str, Any] | str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", f"/stream?name=many-{number}&count=40&size={number}&gap=0.005")
        said = _said(connection.getresponse().read())
        connection.close()
        return said

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(read, range(16)))
    for number, said in enumerate(answers):
        assert _whole(said, 40)
        assert {len(one["more"]) for one in said[1:-2]} == {number}  # type: ignore[index]


def test_a_reader_that_takes_nothing_for_a_while_gets_all_and_holds_nobody_up(port: int) -> None:
    slow = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    slow.request("POST", "/stream?name=slow&count=60&size=200000")
    answer = slow.getresponse()
    quick = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    quick.request("POST", "/stream?name=quick&count=50&gap=0.002")
    assert _whole(_said(quick.getresponse().read()), 50)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/seen", timeout=30) as seen:
        assert json.load(seen)["slow"] == [], "twelve megabytes do not fit into any buffer between"
    assert _whole(_said(answer.read()), 60)
    slow.close()
    quick.close()


@pytest.mark.parametrize("size", [0, 200_000], ids=["between writes", "in a write"])
def test_a_reader_that_has_gone_stops_the_turn_which_goes_on_to_its_end(
    port: int, size: int
) -> None:
    name = f"gone-{size}"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        peer.sendall(f"POST /stream?name={name}&count=400&size={size}&gap=0.002 HTTP/1.1\r\nHost: x\r\n\r\n".encode())  # fmt: skip
        received = b""
        while b"before" not in received:
            # The head may come by itself.
            data = peer.recv(4096)
            assert data
            received += data
        if size:
            time.sleep(0.2)  # the server's buffers are full, and it waits
    seen = _seen(port, name, until="end")
    assert seen.index("stop") < seen.index("out") < seen.index("end")
