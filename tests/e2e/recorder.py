"""A reverse proxy before a server that keeps what passes: addresses, headers and bodies, as bytes.

It stands outside the browser, so that no engine's own view of an answer is believed.
"""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# RFC 9110 7.6.1: these belong to one connection.
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


@dataclass(kw_only=True)
class Passed:
    """One exchange. `body` is the answer's; header names are in small letters."""

    method: str
    target: str
    sent: dict[str, str]
    asked: bytes
    status: int = 0
    answered: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    over: bool = False


@dataclass(kw_only=True)
class Recorder:
    """Everything that passed, in the order of the requests. Browsers speak to `port`, the server listens `behind`."""

    port: int
    behind: int
    exchanges: list[Passed] = field(default_factory=list)

    def of_launch(self, launch_id: str) -> list[Passed]:
        """Return what was answered for one launch."""
        return [one for one in self.exchanges if one.answered.get("x-launch-id") == launch_id]


@contextmanager
def recording(server_port: int) -> Iterator[Recorder]:
    """Run a recorder on a free port before a server that will listen on this machine."""
    exchanges: list[Passed] = []

    class Handler(_Handler):
        kept = exchanges
        behind = server_port

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Recorder(port=server.server_port, behind=server_port, exchanges=exchanges)
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    kept: list[Passed]
    behind: int

    def _pass(self) -> None:
        self.close_connection = True
        length = int(self.headers.get("Content-Length", 0))
        one = Passed(
            method=self.command,
            target=self.path,
            sent={name.lower(): value for name, value in self.headers.items()},
            asked=self.rfile.read(length),
        )
        self.kept.append(one)
        try:
            self._forward(one)
        except (OSError, http.client.HTTPException):
            pass  # one of the two has gone, as they may
        finally:
            one.over = True

    def _forward(self, one: Passed) -> None:
        server = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=120)
        try:
            headers = {name: value for name, value in one.sent.items() if name not in HOP_BY_HOP}
            server.request(one.method, one.target, one.asked or None, headers)
            answer = server.getresponse()
            one.status = answer.status
            one.answered = {name.lower(): value for name, value in answer.getheaders()}
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := answer.read1(65_536):
                one.body += piece
                self.wfile.write(piece)
        finally:
            server.close()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _pass  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""
