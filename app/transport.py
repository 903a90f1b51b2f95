"""The sockets under the boundary: what a name may lead to, the site's proxy and authorities, the time of a whole answer.

Only `app.boundary` uses it, which has checked the address before.
"""

import ipaddress
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpcore2
import httpx2

# Cloud metadata services beyond 169.254.0.0/16 and fe80::/10.
METADATA = frozenset(
    (ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200"))
)
# Until when the request of this thread may take; every read and write of its socket ends there.
UNTIL: ContextVar[float] = ContextVar("until")
# How often a request is sent again whose kept connection the server had closed meanwhile.
MOST_AGAIN = 2
# RFC 9110 9.2.2: what may be sent again without knowing whether it was received.
IDEMPOTENT = frozenset(("GET", "HEAD"))
CLOSED = (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError)


def is_forbidden_ip(host: str, sandbox: bool) -> bool:
    """Tell whether an IP address is one that no EHR has: metadata, link-local, unspecified; loopback but in a sandbox."""
    try:
        ip = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    never = ip.is_link_local or ip.is_unspecified or ip.is_multicast or ip in METADATA
    return never or (ip.is_loopback and not sandbox)


def is_public(host: str) -> bool:
    """Tell whether an IP address is one of the public internet's."""
    ip = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    return (getattr(ip, "ipv4_mapped", None) or ip).is_global


class _Backend(httpcore2.SyncBackend):
    """Open connections; look at the peer before anything is sent, so that DNS cannot lead to a metadata service."""

    def __init__(self, sandbox: bool, proxied: bool, public_only: bool = False) -> None:
        self._sandbox = sandbox
        self._proxied = proxied
        self._public_only = public_only

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect; RFC 6761 6.3: names under `localhost` are this machine, never a question to DNS."""
        if self._sandbox and (host == "localhost" or host.endswith(".localhost")):
            host = "127.0.0.1"
        stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        peer = stream.get_extra_info("server_addr")
        if not self._proxied and (not peer or self._forbids(str(peer[0]))):
            stream.close()
            raise httpcore2.ConnectError("a forbidden peer address")
        return _Timed(stream)

    def _forbids(self, peer: str) -> bool:
        return is_forbidden_ip(peer, self._sandbox) or (self._public_only and not is_public(peer))


class _Timed(httpcore2.NetworkStream):
    """A connection on which a whole answer has its time: a server may drip headers or bytes below the read time-out."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore2.TimeoutException]) -> float:
    left = UNTIL.get() - time.monotonic()
    if left <= 0:
        raise late("an answer that took too long")
    return left if timeout is None else min(timeout, left)


class _Stream(httpx2.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        self._inner.close()


class Transport(httpx2.BaseTransport):
    """A pool of connections: httpx2 over httpcore2's pool with our own network backend (`httpx2.HTTPTransport` takes none)."""

    def __init__(
        self,
        sandbox: bool,
        proxy: str | None,
        proxy_auth: tuple[str, str] | None,
        ca_file: Path | None,
        public_only: bool = False,
    ) -> None:
        context = ssl.create_default_context()
        if ca_file:
            # Beside the machine's own: what is publicly trusted stays so.
            context.load_verify_locations(cafile=str(ca_file))
        backend = _Backend(sandbox, proxied=proxy is not None, public_only=public_only)
        limits: dict[str, Any] = {"max_connections": 64, "max_keepalive_connections": 16}
        self._pool: httpcore2.ConnectionPool = (
            httpcore2.HTTPProxy(
                proxy, proxy_auth=proxy_auth, ssl_context=context, network_backend=backend, **limits
            )
            if proxy
            else httpcore2.ConnectionPool(context, network_backend=backend, **limits)
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request whose address was checked.

        A server may close an idle connection at the very moment it is used again. Nothing was answered then, so a GET
        is sent again; what breaks on a connection that was opened for it is told (RFC 9112 9.3.1).
        """
        left = MOST_AGAIN if request.method in IDEMPOTENT else 0
        while True:
            opened = _Opened()
            try:
                answer = self._pool.handle_request(_sent(request, opened))
                break
            except CLOSED:
                if opened.newly or not left:
                    raise
                left -= 1
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_Stream(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Opened:
    """Hears of one request whether a connection was opened for it."""

    newly = False

    def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        self.newly = self.newly or event == "connection.connect_tcp.started"


def _sent(request: httpx2.Request, opened: _Opened) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions={**request.extensions, "trace": opened},
    )
