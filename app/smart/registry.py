"""Registrations: read from `launch_config/`, checked fail-closed at start, looked up by slug and by issuer.

A registration names the only hosts that PHI and tokens may go to (`app.smart.registration`). One with `enabled = false` is
a draft: it may be incomplete, and it stops nothing.
"""

import logging
import threading
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.errors import ConfigurationError
from app.smart.errors import UnknownIssuer
from app.smart.policy import Models
from app.smart.registration import Registration
from app.smart.registration_rules import fits, problem

log = logging.getLogger("chartside.smart")


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
        """Return the registration and the issuer for the `iss` values of a launch: as registered, or as a pattern allows.

        Raises:
            UnknownIssuer: not exactly one value, or one that this slug's registration does not name.
        """
        if len(sent) != 1:
            raise UnknownIssuer(f"{len(sent)} iss parameters")
        found = self._by_iss.get(canonical_iss(sent[0]))
        if found is not None and found[0].slug == slug:
            return found
        registration = self._by_slug.get(slug)
        if found is None and registration and fits(registration.fhir.iss_pattern, sent[0]):
            return registration, sent[0]
        raise UnknownIssuer("iss is not registered for this launch address")

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
        # Without the lock: each turn looks, and looking waits for the file system and for the interpreter.
        if _Stamp.of(self._path) == self._seen:
            return self._models
        with self._lock:
            stamp = _Stamp.of(self._path)
            if stamp != self._seen:
                self._models = self._read()
                # Last: whoever sees this stamp sees what belongs to it.
                self._seen = stamp
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
    """Read every `*.toml` in `folder`; drafts (`enabled = false`) are left alone, whatever else stands in them.

    Raises:
        ConfigurationError: an enabled one is wrong; the message names file and key.
    """
    if production and not origin.startswith("https://"):
        raise ConfigurationError("CHARTSIDE_ORIGIN must be https in production")
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise ConfigurationError(f"no registration in {folder.name}/")
    found = {path: load_registration(path, origin=origin) for path in paths if not is_draft(path)}
    if production and (sandboxes := [path.name for path, item in found.items() if item.sandbox]):
        raise ConfigurationError(
            f"{sandboxes[0]}: environment: a sandbox registration is enabled in production"
        )
    files = [ModelsFile(path, origin, item) for path, item in found.items()]
    return Registry(found.values(), files)


def is_draft(path: Path) -> bool:
    """Tell whether a file says `enabled = false`.

    Raises:
        ConfigurationError: it is not TOML, so nobody knows what it says.
    """
    return read_toml(path).get("enabled") is False


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a registration's file holds.

    Raises:
        ConfigurationError: it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name}: {error}") from error


def load_registration(path: Path, *, origin: str) -> Registration:
    """Read and check one file.

    Raises:
        ConfigurationError: it is wrong; the message names file and key.
    """
    try:
        registration = msgspec.convert(read_toml(path), Registration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path.name}: {error}") from error
    if found := problem(registration, origin):
        raise ConfigurationError(f"{path.name}: {found}")
    return registration
