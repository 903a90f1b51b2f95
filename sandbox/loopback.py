"""Read a document from this machine: the key set of a client under `.localhost`."""

import urllib.request
from urllib.parse import urlsplit, urlunsplit

import orjson

from sandbox.assertions import Fetched

TIMEOUT_S = 5.0


def fetch(url: str) -> Fetched:
    """GET JSON; RFC 6761 6.3: names under `localhost` are this machine, which only browsers know.

    Raises:
        OSError: no answer.
        ValueError: another machine's address, or not JSON.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not (host == "localhost" or host.endswith(".localhost")):
        raise ValueError("only this machine is asked")
    address = urlunsplit(parts._replace(netloc=f"127.0.0.1:{parts.port or 80}"))
    asked = urllib.request.Request(address, headers={"Host": parts.netloc})  # noqa: S310 - loopback
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310 - loopback
        return Fetched(
            body=orjson.loads(answer.read()), cache_control=answer.headers.get("Cache-Control", "")
        )
