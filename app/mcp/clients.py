"""Which applications may ask a user to sign in for them: those that a registration names, by an id or by their own document.

A client id that is an https address is the address of a document about the client (CIMD). It is fetched only from hosts that a
registration names, without redirects, within limits, never from an address that is not public, and kept for five minutes.

Not protected: whoever controls a named host controls what its documents say. A redirect to this computer (RFC 8252) reaches whatever
listens there; the page that asks for consent says so.

Source: OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document); RFC 8252; OAuth 2.1, 2.3
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from app.boundary import Boundary
from app.errors import ChartsideError
from app.mcp.errors import ClientRefused
from app.smart.mcp_server import HostClient
from app.smart.registration import Registration
from app.smart.registry import Registry

MOST_BYTES, KEPT_S, FAILED_S, MOST_KEPT = 20_000, 300.0, 30.0, 200
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]


@dataclass(frozen=True, kw_only=True)
class Application:
    """One client: `host` is its id in tokens and audit, `origin` the host that vouches for it ("": the registration itself)."""

    client_id: str
    host: str
    name: str
    origin: str
    redirect_uris: tuple[str, ...]

    def allows(self, redirect_uri: str) -> bool:
        """Tell whether the answer may go there: as registered, exactly; on this computer at any port (RFC 8252 7.3)."""
        return any(_fits(known, redirect_uri) for known in self.redirect_uris)


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a client's document."""

    client_id: Line
    redirect_uris: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=20)]
    token_endpoint_auth_method: str = "none"


class Clients:
    """Finds them; `way_out` goes to the hosts of a registration's documents and nowhere else."""

    def __init__(
        self,
        registry: Registry,
        way_out: Callable[[Registration], Boundary],
        seconds: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._way_out = way_out
        self._seconds = seconds
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[_Document | None, float]] = {}

    def any(self) -> bool:
        """Tell whether there are any."""
        return any(item.mcp_server.client for item in self._registry.all())

    def documents(self) -> bool:
        """Tell whether any may come with a document of its own."""
        return any(one.documents for item in self._registry.all() for one in item.mcp_server.client)

    def find(self, client_id: str) -> dict[str, Application]:
        """Return a client, by the slugs of the registrations that name it.

        Raises:
            ClientRefused: none does, or its document does not hold.
        """
        found: dict[str, Application] = {}
        for item in self._registry.all():
            for entry in item.mcp_server.client:
                if item.mcp_server.allows(entry.host) and (one := self._application(item, entry, client_id)):  # fmt: skip
                    found.setdefault(item.slug, one)
        if not found:
            raise ClientRefused("no registration names this client")
        return found

    def _application(
        self, registration: Registration, entry: HostClient, client_id: str
    ) -> Application | None:
        if not entry.documents:
            if entry.id != client_id:
                return None
            return Application(
                client_id=client_id, host=entry.host, name=entry.name, origin="", redirect_uris=entry.redirect_uris
            )  # fmt: skip
        if not client_id.startswith(f"https://{entry.documents}/"):
            return None
        document = self._document(registration, client_id)
        return Application(
            client_id=client_id, host=entry.host, name=entry.name, origin=entry.documents,
            redirect_uris=document.redirect_uris,
        )  # fmt: skip

    def _document(self, registration: Registration, client_id: str) -> _Document:
        now = self._seconds()
        with self._lock:
            known, until = self._kept.get(client_id, (None, 0.0))
        if now >= until:
            known = self._fetched(registration, client_id)
            with self._lock:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[client_id] = (known, now + (KEPT_S if known else FAILED_S))
        if known is None:
            raise ClientRefused("the client's document does not hold")
        return known

    def _fetched(self, registration: Registration, client_id: str) -> _Document | None:
        if not _is_client_address(client_id):
            return None
        try:
            answer = self._way_out(registration).get(client_id, most_bytes=MOST_BYTES)
            if answer.status != 200:
                return None
            document = msgspec.convert(answer.json, _Document)
        except (ChartsideError, msgspec.ValidationError):
            return None
        # The document must be about the address it stands at; what needs a secret is no public client.
        same, open_client = document.client_id == client_id, document.token_endpoint_auth_method == "none"  # fmt: skip
        sound = same and open_client and all(map(is_redirect, document.redirect_uris))
        return document if sound else None


def _is_client_address(client_id: str) -> bool:
    parts = urlsplit(client_id)
    segments = parts.path.split("/")
    return (
        parts.path not in ("", "/")
        and not parts.fragment
        and parts.username is None
        and "." not in segments
        and ".." not in segments
    )


def is_redirect(address: str) -> bool:
    """Tell whether an address may be a redirect at all: https, or http to this computer."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    shown = f"[{host}]" if ":" in host else host
    plain = not parts.fragment and parts.username is None and not any(c <= " " or c > "~" for c in address)  # fmt: skip
    return plain and (
        (parts.scheme == "https" and bool(host)) or (parts.scheme == "http" and shown in LOOPBACK)
    )


def _fits(known: str, sent: str) -> bool:
    if not is_redirect(sent):
        return False
    here = _of_this_computer(sent)
    return known == sent or (here is not None and here == _of_this_computer(known))


def _of_this_computer(address: str) -> tuple[str, str, str] | None:
    """Return a loopback address without its port, None for any other."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    shown = f"[{host}]" if ":" in host else host
    if parts.scheme != "http" or shown not in LOOPBACK:
        return None
    return shown, parts.path, parts.query
