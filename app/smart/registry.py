"""Registrations: one TOML file per EHR in `launch_config/`, checked fail-closed at start.

A registration names the only hosts that PHI and tokens may go to, the client that Chartside is there, who may
frame it, and the site's own facts. Secrets never stand in these files.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.errors import ConfigurationError
from app.smart.errors import UnknownIssuer

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
LOOPBACK = ("127.0.0.1", "localhost")
# scheme, host and port only: a wildcard, a path or a keyword here would let others frame the app.
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table; an unknown key is an error, so that a typing mistake never goes unnoticed."""


class Fhir(_Table, frozen=True, kw_only=True):
    """`[fhir]`: the FHIR bases of this EHR, exactly as it sends them in `iss`."""

    iss: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    version: Literal["4.0.1"] = "4.0.1"


class Client(_Table, frozen=True, kw_only=True):
    """`[client]`: who Chartside is to this EHR. Public client: no secret, PKCE always."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    auth: Literal["public"]
    redirect_uri: str


class Scopes(_Table, frozen=True, kw_only=True):
    """`[scopes]`: what is asked for; without a required one the launch is refused."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


class Pins(_Table, frozen=True, kw_only=True):
    """`[pins]`: hosts besides those of `iss` that discovery may point to, as `host` or `host:port`."""

    hosts: tuple[str, ...] = ()


class Embed(_Table, frozen=True, kw_only=True):
    """`[embed]`: every origin that may frame Chartside, outer ones included."""

    frame_ancestors: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Site(_Table, frozen=True, kw_only=True):
    """`[site]`: the organisation and the clock on its walls."""

    name: str
    time_zone: str
    help_desk: str


class Session(_Table, frozen=True, kw_only=True):
    """`[session]`: minutes without use, and minutes in all, after which a launch ends."""

    idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 30
    absolute_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 480


class Registration(_Table, frozen=True, kw_only=True):
    """One EHR, from one file."""

    schema: Literal[1]
    slug: Slug
    name: str
    vendor: str
    environment: Literal["production", "sandbox"]
    enabled: bool
    fhir: Fhir
    client: Client
    scopes: Scopes
    embed: Embed
    site: Site
    pins: Pins = Pins()
    session: Session = Session()

    @property
    def sandbox(self) -> bool:
        """Tell whether this is the pretend EHR: loopback hosts and a chart's own time are allowed."""
        return self.environment == "sandbox"

    def origins(self) -> frozenset[str]:
        """Return every origin that Chartside may call for this registration."""
        bases = [urlsplit(iss) for iss in self.fhir.iss]
        scheme = "http" if self.sandbox else "https"
        pinned = [f"{scheme}://{host}" for host in self.pins.hosts]
        return frozenset([*(f"{base.scheme}://{base.netloc}" for base in bases), *pinned])


class Registry:
    """All enabled registrations, by slug and by issuer."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._by_slug: dict[str, Registration] = {}
        self._by_iss: dict[str, tuple[Registration, str]] = {}
        for registration in registrations:
            if registration.slug in self._by_slug:
                raise ConfigurationError(f"slug {registration.slug} stands in two files")
            self._by_slug[registration.slug] = registration
            for iss in registration.fhir.iss:
                known = canonical_iss(iss)
                if known in self._by_iss:
                    raise ConfigurationError(f"iss {iss} stands in two registrations")
                self._by_iss[known] = (registration, iss)

    def get(self, slug: str) -> Registration | None:
        """Return the registration of a slug."""
        return self._by_slug.get(slug)

    def all(self) -> tuple[Registration, ...]:
        """Return every enabled registration."""
        return tuple(self._by_slug.values())

    def by_iss(self, slug: str, sent: list[str]) -> tuple[Registration, str]:
        """Return the registration and the issuer, as registered, for the `iss` values of a launch.

        Raises:
            UnknownIssuer: not exactly one value, or one that this slug's registration does not name.
        """
        if len(sent) != 1:
            raise UnknownIssuer(f"{len(sent)} iss parameters")
        found = self._by_iss.get(canonical_iss(sent[0]))
        if found is None or found[0].slug != slug:
            raise UnknownIssuer("iss is not registered for this launch address")
        return found

    def frame_ancestors(self) -> tuple[str, ...]:
        """Return every origin that any registration allows to frame Chartside."""
        origins = {origin for item in self.all() for origin in item.embed.frame_ancestors}
        return tuple(sorted(origins))


def canonical_iss(iss: str) -> str:
    """Return `iss` with scheme and host in lower case and without slashes at its end; nothing else is forgiven."""
    scheme, separator, rest = iss.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{host.lower()}{slash}{path}".rstrip("/")


def load_registry(folder: Path, *, origin: str, production: bool) -> Registry:
    """Read every `*.toml` in `folder`.

    Raises:
        ConfigurationError: any file is wrong; the message names file and key.
    """
    found = [_load(path, origin=origin) for path in sorted(folder.glob("*.toml"))]
    if not found:
        raise ConfigurationError(f"no registration in {folder.name}/")
    if production and any(item.sandbox and item.enabled for item in found):
        raise ConfigurationError("a sandbox registration is enabled in production")
    return Registry(item for item in found if item.enabled)


def _load(path: Path, *, origin: str) -> Registration:
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        registration = msgspec.convert(raw, Registration)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name}: {error}") from error
    if problem := _problem(registration, origin):
        raise ConfigurationError(f"{path.name}: {problem}")
    return registration


def _problem(registration: Registration, origin: str) -> str:
    """Say what a well-formed registration must not contain; empty when it is fine."""
    addresses = [*registration.fhir.iss, *registration.embed.frame_ancestors]
    if not registration.sandbox and any(not url.startswith("https://") for url in addresses):
        return "http is for sandbox registrations only"
    for iss in registration.fhir.iss:
        parts = urlsplit(iss)
        if parts.query or parts.fragment or parts.username is not None or not parts.hostname:
            return f"fhir.iss {iss} is not a plain base address"
    for ancestor in registration.embed.frame_ancestors:
        if not ORIGIN.fullmatch(ancestor):
            return f"embed.frame_ancestors {ancestor} is not an origin"
    expected = f"{origin}/smart/{registration.slug}/callback"
    if registration.client.redirect_uri != expected:
        return f"client.redirect_uri must be {expected}"
    try:
        ZoneInfo(registration.site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return f"site.time_zone {registration.site.time_zone} is not an IANA time zone"
    return ""
