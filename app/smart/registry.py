"""Registrations: one TOML file per EHR in `launch_config/`, checked fail-closed at start.

A registration names the only hosts that PHI and tokens may go to, the client that Chartside is there, who may
frame it, and the site's own facts. Secrets never stand in these files.
"""

import logging
import re
import threading
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
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
ANY_MODEL = "*"
log = logging.getLogger("chartside.smart")


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table; an unknown key is an error, so that a typing mistake never goes unnoticed."""


class Fhir(_Table, frozen=True, kw_only=True):
    """`[fhir]`: the FHIR bases of this EHR, exactly as it sends them in `iss`.

    Where `tenants` are named, a launch of any other `tenant` is refused.
    """

    iss: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    version: Literal["4.0.1"] = "4.0.1"
    tenants: tuple[str, ...] = ()


class Client(_Table, frozen=True, kw_only=True):
    """`[client]`: who Chartside is to this EHR, and how it proves it; PKCE always.

    `secret_env` names the environment variable that holds a client secret. `alg` is for `private_key_jwt`; `key` is
    the kid to sign with ("": whichever key of the ring signs at present).
    """

    id: Annotated[str, msgspec.Meta(min_length=1)]
    auth: Literal["public", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    redirect_uri: str
    alg: Literal["", "RS384", "ES384"] = ""
    key: str = ""
    secret_env: str = ""


class Backend(_Table, frozen=True, kw_only=True):
    """`[backend]`: the client of SMART Backend Services, which acts for no user; always `private_key_jwt`."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    alg: Literal["RS384", "ES384"]
    scopes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    key: str = ""


class Quirks(_Table, frozen=True, kw_only=True):
    """`[quirks]`: what this EHR needs beside the standard.

    `client_id_in_body`: also where the client is confidential. `authorize_post`: always, else only for a long request
    to an EHR that announces `authorize-post`.
    """

    client_id_in_body: bool = False
    authorize_post: bool = False


class Launch(_Table, frozen=True, kw_only=True):
    """`[launch]`: whether Chartside may also be started outside the EHR, which then asks for the patient."""

    standalone: bool = False


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
    """`[session]`: minutes without use, minutes parked by a page that was left, and minutes in all: then a launch ends.

    `introspect_on_resume`: ask the EHR whether the token still counts when a page is loaded again.
    """

    idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 30
    parked_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 5
    absolute_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 480
    introspect_on_resume: bool = False


class Coding(_Table, frozen=True, kw_only=True):
    """A code in its system; an entry without its system would match a stranger's code."""

    system: Annotated[str, msgspec.Meta(min_length=1)]
    code: Annotated[str, msgspec.Meta(min_length=1)]


class Models(_Table, frozen=True, kw_only=True):
    """`[models]`: the language models of this EHR's launches; without it there are none.

    `allowed` names them by id (`*`: all, sandbox only), `default` the one used first ("": the first allowed one).
    A model without an agreement (`baa`) that is not `local` reads no real chart unless `phi_without_baa` names it.
    A patient whose `meta.tag` or `meta.security`, or whose active Flag, carries a code of `opt_out` gets none.
    """

    allowed: tuple[str, ...] = ()
    default: str = ""
    phi_without_baa: tuple[str, ...] = ()
    opt_out: tuple[Coding, ...] = ()


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
    launch: Launch = Launch()
    quirks: Quirks = Quirks()
    backend: Backend | None = None
    models: Models = Models()

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
    """All enabled registrations, by slug and by issuer.

    Everything is fixed at start, except that `models` follows its file: a language model is switched off without one.
    """

    def __init__(
        self, registrations: Iterable[Registration], files: "Iterable[ModelsFile]" = ()
    ) -> None:
        self._files = {file.slug: file for file in files}
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

    def models(self, slug: str) -> Models:
        """Return the language models of a registration, as its file says now; none of one that is gone."""
        registration = self._by_slug.get(slug)
        if registration is None:
            return Models()
        file = self._files.get(slug)
        return file.now() if file else registration.models

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


class ModelsFile:
    """The `[models]` table of one file, read again when the file changes; a file that is wrong or gone allows none."""

    def __init__(self, path: Path, origin: str, registration: Registration) -> None:
        self.slug = registration.slug
        self._path, self._origin = path, origin
        self._lock = threading.Lock()
        self._seen = _Stamp.of(path)
        self._models = registration.models

    def now(self) -> Models:
        """Return the table as it stands in the file."""
        with self._lock:
            stamp = _Stamp.of(self._path)
            if stamp != self._seen:
                self._seen, self._models = stamp, self._read()
            return self._models

    def _read(self) -> Models:
        try:
            registration = load_registration(self._path, origin=self._origin)
        except (ConfigurationError, OSError) as error:
            log.warning("models.unreadable", extra={"slug": self.slug, "why": str(error)})
            return Models()
        same = registration.slug == self.slug and registration.enabled
        return registration.models if same else Models()


@dataclass(frozen=True, kw_only=True)
class _Stamp:
    """What shows that a file was changed or put in another's place."""

    changed_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "_Stamp | None":
        try:
            found = path.stat()
        except OSError:
            return None
        return cls(changed_ns=found.st_mtime_ns, size=found.st_size, inode=found.st_ino)


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
    found = {path: load_registration(path, origin=origin) for path in sorted(folder.glob("*.toml"))}
    if not found:
        raise ConfigurationError(f"no registration in {folder.name}/")
    if production and any(item.sandbox and item.enabled for item in found.values()):
        raise ConfigurationError("a sandbox registration is enabled in production")
    enabled = {path: item for path, item in found.items() if item.enabled}
    files = [ModelsFile(path, origin, item) for path, item in enabled.items()]
    return Registry(enabled.values(), files)


def load_registration(path: Path, *, origin: str) -> Registration:
    """Read and check one file.

    Raises:
        ConfigurationError: it is wrong; the message names file and key.
    """
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
    return _client_problem(registration) or _models_problem(registration)


def _client_problem(registration: Registration) -> str:
    client, backend = registration.client, registration.backend
    if client.auth.startswith("client_secret") != bool(client.secret_env):
        return f"client.secret_env does not go with auth {client.auth}"
    if (client.auth == "private_key_jwt") != bool(client.alg):
        return f"client.alg does not go with auth {client.auth}"
    if client.key and not client.alg:
        return f"client.key does not go with auth {client.auth}"
    if backend and not all(scope.startswith("system/") for scope in backend.scopes):
        return "backend.scopes may name system scopes only"
    return ""


def _models_problem(registration: Registration) -> str:
    models = registration.models
    if ANY_MODEL in models.allowed:
        return (
            "" if registration.sandbox else 'models.allowed "*" is for sandbox registrations only'
        )
    if models.default not in ("", "none", *models.allowed):
        return f"models.default {models.default} is not in models.allowed"
    if unknown := set(models.phi_without_baa) - set(models.allowed):
        return f"models.phi_without_baa {min(unknown)} is not in models.allowed"
    return ""
