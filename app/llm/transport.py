"""What a vendor's SDK sends with: httpx2 over our own connections, to one origin, with the site's proxy.

Not protected here: what the provider does with what it was sent.
"""

import logging
import ssl
import urllib.request
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpcore2
import httpx2

from app.errors import ConfigurationError
from app.llm.connections import Connections
from app.llm.errors import ModelFailed

KEEP_S = 15.0
MOST_KEPT = 16
PORTS = {"http": 80, "https": 443}


def http_client(base_url: str, proxy: str = "", ca_file: str = "") -> httpx2.Client:
    """Return a client that reaches the origin of `base_url` and no other.

    `proxy` and `ca_file` are the model's own. Without them, a proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`) is used for https, for hospitals have one; so are the certificates
    it names (`SSL_CERT_FILE`). Redirects are not followed: the conversation would travel.

    Raises:
        ConfigurationError: not an http(s) address, or a proxy that is not http://.
    """
    try:
        origin = _origin(httpx2.URL(base_url))
    except httpx2.InvalidURL as error:
        raise ConfigurationError("a model's base_url is not an address") from error
    if origin[0] not in PORTS or not origin[1]:
        raise ConfigurationError("a model's base_url is not an http(s) address")
    # All of them log addresses, some whole requests, below WARNING.
    for name in ("httpx2", "httpcore2", "anthropic", "openai"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client = httpx2.Client(
        transport=_Transport(origin, _proxy(origin, proxy), ca_file),
        trust_env=False,
        follow_redirects=False,
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or PORTS.get(url.scheme, 0)


def _proxy(origin: tuple[str, str, int], own: str) -> str:
    scheme, host, port = origin
    # Plain http is for the site's own servers: a proxy could read the conversation, and has another 127.0.0.1.
    if scheme == "http":
        return ""
    if own:
        return _plain(own)
    if urllib.request.proxy_bypass(f"{host}:{port}") or urllib.request.proxy_bypass(host):
        return ""
    known = urllib.request.getproxies()
    proxy = known.get(scheme) or known.get("all") or ""
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    return _plain(proxy) if proxy else ""


def _plain(proxy: str) -> str:
    if httpx2.URL(proxy).scheme != "http":
        # The conversation is encrypted from end to end through it; TLS to the proxy itself is not spoken here.
        raise ConfigurationError("a model's proxy is not an http:// proxy")
    return proxy


class _Body(httpx2.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _Transport(httpx2.BaseTransport):
    """httpx2 over httpcore2's pool with our own connections, to one origin."""

    def __init__(self, origin: tuple[str, str, int], proxy: str, ca_file: str) -> None:
        self._origin = origin
        context = httpx2.create_ssl_context()
        if ca_file:
            try:
                context.load_verify_locations(cafile=ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationError("a model's ca_file holds no certificates") from error
        limits: dict[str, Any] = {
            "max_connections": None, "max_keepalive_connections": MOST_KEPT,
            "keepalive_expiry": KEEP_S, "network_backend": Connections(),
        }  # fmt: skip
        self._pool: httpcore2.ConnectionPool = (
            httpcore2.HTTPProxy(**_proxy_parts(proxy), ssl_context=context, **limits)
            if proxy
            else httpcore2.ConnectionPool(context, **limits)
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        if _origin(url) != self._origin:
            raise ModelFailed("a model's client asked for an origin that is not configured")
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


def _proxy_parts(address: str) -> dict[str, Any]:
    url = httpx2.URL(address)
    plain = httpcore2.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    auth = (url.username, url.password) if url.username else None
    return {"proxy_url": plain, "proxy_auth": auth}
