"""The only HTTP client to EHRs: registered origins, no redirects, time-outs, a byte cap, nothing logged.

Every address is checked before a socket is opened, and the peer's address before a byte (so: a token) is sent.
For sandbox registrations, hosts under `.localhost` connect to 127.0.0.1 with the Host header kept (RFC 6761 6.3):
only browsers resolve such names.

`get_json` is for FHIR and decodes with msgspec, not orjson: `5.10` must stay "5.10" in the chart, and orjson makes
it 5.1. msgspec's `float_hook=Decimal` keeps the digits at the same speed (1.4 MB of Observations: orjson 14 ms,
msgspec 15 ms, `json` with `parse_float=Decimal` 23 ms). `get` and `post_form` (discovery, JWKS, tokens) use orjson.

Not protected here: which patient is asked for (`fhir.compartment`), what a registered host answers, and a host
whose DNS points to another machine of the same network (only link-local and metadata addresses are refused).
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
import msgspec
import orjson

from app.errors import (
    AnswerTooLarge,
    BoundaryRefused,
    EhrBusy,
    EhrRefused,
    EhrUnavailable,
    Redirected,
)
from app.transport import UNTIL, Transport, is_forbidden_ip

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 20.0
WHOLE_ANSWER_S = 60.0
BYTE_CAP = 32 * 2**20
FHIR_JSON = "application/fhir+json"
DEFAULT_PORTS = {"http": 80, "https": 443}
TIMEOUTS = (httpcore2.TimeoutException, httpx2.TimeoutException)
NETWORK = (
    httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, httpx2.TransportError,
    httpx2.DecodingError, OSError,
)  # fmt: skip
# Longer than anybody waits, and still a time: a server may send any number of digits.
LONGEST_RETRY_S = 86_400.0 * 365
NO_CONNECTION = (
    httpx2.ConnectError, httpx2.ConnectTimeout, httpcore2.ConnectError, httpcore2.ConnectTimeout,
)  # fmt: skip

_fhir_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer of a registered host. `json` is None when the body is not JSON (cut, HTML, empty)."""

    status: int
    json: Any
    headers: Mapping[str, str]
    size_bytes: int
    body: bytes

    def check(self, scope: str = "") -> "Response":
        """Return the answer if it is a success.

        Raises:
            EhrRefused: 401 or 403; `scope` is carried along.
            EhrBusy: 429, with Retry-After in seconds where it was sent so.
            EhrUnavailable: any other error status.
        """
        if self.status in (401, 403):
            raise EhrRefused(f"answered {self.status}", http_status=self.status, scope=scope)
        if self.status == 429:
            raise EhrBusy("answered 429", retry_after_s=self.retry_after_s)
        if not 200 <= self.status < 300:
            raise EhrUnavailable(f"answered {self.status}")
        return self

    @property
    def retry_after_s(self) -> float | None:
        """Return Retry-After where it is a number of seconds (RFC 9110 10.2.3), None otherwise; never infinite."""
        sent = self.headers.get("retry-after", "")
        return min(float(sent), LONGEST_RETRY_S) if sent.isascii() and sent.isdigit() else None


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file that is being received: `pieces` are its bytes as they are sent, content coding included."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


def never_sent(error: BaseException) -> bool:
    """Tell whether a request failed before any byte of it left this machine."""
    return isinstance(error.__cause__, NO_CONNECTION)


def read_fhir(body: bytes) -> Any:
    """Parse FHIR JSON; decimals become `Decimal` and keep the digits that were sent. None if it is not JSON."""
    try:
        found = _fhir_decoder.decode(body)
        # A name sent twice: which value counts is anybody's guess (RFC 8259 4), and the other one is lost. As many
        # names must be there as were sent; a quote inside a string is escaped, so its count is the same on both sides.
        again = msgspec.json.encode(found)
        if body.count(b'":') + body.count(b'" :') > again.count(b'":') + again.count(b'" :'):
            return None
        return found
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ArithmeticError):
        return None


def pretty_fhir(resource: Any) -> str:
    """Print a FHIR resource as indented JSON with the digits that were sent."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(resource)
    return msgspec.json.format(encoded, indent=2).decode()


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address in one form (lower case, default port left out).

    Raises:
        BoundaryRefused: not an http(s) address, or one written to mislead.
    """
    lowered = url.lower()
    if any(c in url for c in "\\\x7f") or any(c <= " " for c in url):
        raise BoundaryRefused("an address with blanks, control characters or a backslash")
    path, _, _ = lowered.partition("?")
    if ".." in path or "%2e" in path or "%2f" in path or "%5c" in path:
        raise BoundaryRefused("an address with dot segments or encoded separators")
    try:
        parts = urlsplit(lowered)
        port = parts.port
    except ValueError as error:
        raise BoundaryRefused("not an address") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise BoundaryRefused("not an http address of a host")
    if parts.hostname.endswith(".") or not parts.hostname.isascii():
        raise BoundaryRefused("a host name in an unusual form")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"


class Boundary:
    """One pool of connections to the origins of one or more registrations. Thread-safe.

    `origins` are "https://host[:port]"; anything else is refused without a socket. `sandbox` allows `.localhost`
    and loopback. `transport` replaces the network in tests (`httpx2.WSGITransport`). `proxy` (with user and
    password) and `ca_file` (authorities beside the machine's own) are the site's; the environment is never read.
    `public_only` refuses every address of a private network, unless a proxy stands between.
    """

    def __init__(
        self,
        origins: frozenset[str],
        sandbox: bool = False,
        transport: httpx2.BaseTransport | None = None,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        byte_cap: int = BYTE_CAP,
        proxy: str | None = None,
        proxy_auth: tuple[str, str] | None = None,
        ca_file: Path | None = None,
        public_only: bool = False,
    ) -> None:
        self._origins = frozenset(origin_of(origin) for origin in origins)
        self._sandbox = sandbox
        self._byte_cap = byte_cap
        # Both libraries log whole addresses (and so patient ids) below WARNING.
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx2.Client(
            transport=transport or Transport(sandbox, proxy, proxy_auth, ca_file, public_only),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(read_timeout_s, connect=connect_timeout_s),
        )
        # One client serves many launches: a cookie of one user's answer must not go with another's request.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def allows(self, url: str) -> bool:
        """Tell whether an address may be asked at all."""
        try:
            self.check(url)
        except BoundaryRefused:
            return False
        return True

    def check(self, url: str) -> None:
        """Refuse an address outside the registered origins.

        Raises:
            BoundaryRefused: another scheme, host or port, user info, a backslash, dot segments, or a metadata address.
        """
        origin = origin_of(url)
        if origin not in self._origins:
            raise BoundaryRefused("an origin that is not registered")
        host = urlsplit(origin).hostname or ""
        if is_forbidden_ip(host, self._sandbox):
            raise BoundaryRefused("an address of this machine or of a metadata service")
        if host.endswith("localhost") and not self._sandbox:
            raise BoundaryRefused("a localhost name outside a sandbox registration")

    def get_json(
        self, url: str, *, bearer: str = "", headers: Mapping[str, str] | None = None
    ) -> Response:
        """GET FHIR JSON. Any status comes back, see `Response.check`; decimals keep the digits sent.

        Raises:
            BoundaryRefused: the address.
            Redirected: a redirect (never followed: the token would travel).
            EhrUnavailable: no answer in time, a broken connection, or more bytes than the cap.
        """
        sent = {"Accept": FHIR_JSON, **(headers or {})}
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        status, answered, body = self._send("GET", url, sent)
        return Response(
            status=status, json=read_fhir(body), headers=answered, size_bytes=len(body), body=body
        )

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, most_bytes: int | None = None
    ) -> Response:
        """GET a plain document (discovery, JWKS, a style); raises as `get_json`, and for more than `most_bytes`."""
        sent = {"Accept": "application/json", **(headers or {})}
        status, answered, body = self._send("GET", url, sent, most_bytes)
        return Response(
            status=status, json=_plain(body), headers=answered, size_bytes=len(body), body=body
        )

    def post_form(
        self,
        url: str,
        data: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Response:
        """POST a form (token, revocation); `auth` is client_secret_basic. Raises as `get_json`."""
        sent = {"Accept": "application/json", **(headers or {})}
        status, answered, body = self._send("POST", url, sent, data=dict(data), auth=auth)
        return Response(
            status=status, json=_plain(body), headers=answered, size_bytes=len(body), body=body
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        bearer: str = "",
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Response:
        """Send any request of a protocol that answers with JSON or with headers only; raises as `get_json`."""
        sent = dict(headers)
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        more: dict[str, Any] = {} if body is None else {"content": body}
        status, answered, found = self._send(method, url, sent, **more)
        return Response(
            status=status, json=_plain(found), headers=answered, size_bytes=len(found), body=found
        )

    @contextmanager
    def download(
        self, url: str, *, bearer: str = "", headers: Mapping[str, str], most_s: float
    ) -> Iterator[Download]:
        """Open a file to be read piece by piece, in the content coding it is sent in; redirects come back as they are.

        Each piece has the read time-out, the whole has `most_s` seconds. Raises as `get_json`, while it is read too.
        """
        self.check(url)
        sent = {**headers, "Accept-Encoding": "gzip"}
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        UNTIL.set(time.monotonic() + most_s)
        with _as_ours(), self._client.stream("GET", url, headers=sent) as answer:
            told = {k.lower(): v for k, v in answer.headers.items()}
            yield Download(status=answer.status_code, headers=told, pieces=answer.iter_raw())

    def exchange(
        self,
        method: str,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        enough: Callable[[bytes], bool] | None = None,
    ) -> Response:
        """Send any body with any headers and return the answer unread (MCP); raises as `get_json`.

        `enough` is told what has come after each event of a stream, and ends one that the server leaves open.
        """
        status, answered, body = self._send(
            method, url, dict(headers), content=content, enough=enough
        )
        return Response(status=status, json=None, headers=answered, size_bytes=len(body), body=body)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        most_bytes: int | None = None,
        enough: Callable[[bytes], bool] | None = None,
        **more: Any,
    ) -> tuple[int, dict[str, str], bytes]:
        self.check(url)
        # One encoding only: a stack of them could inflate between the layers, where nothing counts.
        sent = {**headers, "Accept-Encoding": "gzip"}
        UNTIL.set(time.monotonic() + WHOLE_ANSWER_S)
        with _as_ours(), self._client.stream(method, url, headers=sent, **more) as answer:
            if answer.headers.get("content-encoding", "gzip").lower() not in ("gzip", "identity"):
                raise EhrUnavailable("an answer in an encoding that was not asked for")
            # A stream of events is looked at as its parts come; all else is read in large pieces.
            pieces = answer.iter_bytes() if enough else answer.iter_bytes(2**16)
            body = _until(self._bounded(pieces, most_bytes), enough)
            # 304 goes nowhere: it answers a conditional request (RFC 9110 15.4.5).
            if 300 <= answer.status_code < 400 and answer.status_code != 304:
                raise Redirected(
                    f"a redirect ({answer.status_code})",
                    location=answer.headers.get("location", ""),
                    body=read_fhir(body),
                )
            return answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body

    def _bounded(self, chunks: Iterable[bytes], most_bytes: int | None) -> Iterator[bytes]:
        """Pass decoded bytes on until the cap or the deadline (of what has no socket, too)."""
        cap = self._byte_cap if most_bytes is None else min(most_bytes, self._byte_cap)
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > cap:
                raise AnswerTooLarge(f"an answer of more than {cap} bytes")
            if time.monotonic() > UNTIL.get():
                raise EhrUnavailable(f"an answer that took more than {WHOLE_ANSWER_S:.0f} s")
            yield chunk


@contextmanager
def _as_ours() -> Iterator[None]:
    """Turn what the network does into our errors."""
    try:
        yield
    except httpx2.InvalidURL as error:
        raise BoundaryRefused("not an address") from error
    except TIMEOUTS as error:
        raise EhrUnavailable("no answer in time") from error
    except NETWORK as error:
        raise EhrUnavailable("the connection broke") from error


def _until(pieces: Iterable[bytes], enough: Callable[[bytes], bool] | None) -> bytes:
    found = bytearray()
    for piece in pieces:
        found += piece
        # WHATWG HTML 9.2.6: a blank line ends an event.
        if enough and piece.endswith((b"\n\n", b"\r\n\r\n")) and enough(bytes(found)):
            break
    return bytes(found)


def _plain(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
