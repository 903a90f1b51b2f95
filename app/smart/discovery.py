"""Read an EHR's SMART configuration and keys, and refuse any endpoint outside the registered hosts.

Where the SMART configuration names no key set, the issuer's own OpenID configuration does.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.boundary import Boundary
from app.errors import ChartsideError
from app.smart.errors import DiscoveryFailed
from app.smart.registration import Registration

KEEP_S = 600.0
# A key that is not known is looked up again at most this often, so that forged kids cost the EHR nothing.
REFETCH_KEYS_S = 60.0
# Where a pattern of addresses is registered, anybody can name new ones.
MOST_KEPT = 256

T = TypeVar("T")
log = logging.getLogger("chartside.smart")


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The members of `.well-known/smart-configuration` that a launch and its tokens need."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str = ""
    jwks_uri: str = ""
    revocation_endpoint: str = ""
    introspection_endpoint: str = ""
    code_challenge_methods_supported: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class _OpenId(msgspec.Struct, frozen=True, kw_only=True):
    """The members of `.well-known/openid-configuration` that prove the user."""

    issuer: str
    jwks_uri: str


@dataclass(frozen=True, kw_only=True)
class SmartConfiguration:
    """Where to authorize, where tokens are given and taken back, and whose signature proves the user.

    What the EHR does not offer is "".
    """

    authorization_endpoint: str
    token_endpoint: str
    issuer: str
    jwks_uri: str
    revocation_endpoint: str
    introspection_endpoint: str
    authorize_post: bool


@dataclass(frozen=True, kw_only=True)
class _Kept(Generic[T]):
    value: T
    at: float


class Discovery:
    """SMART configurations and key sets, remembered for ten minutes per issuer."""

    def __init__(
        self, boundary_of: Callable[[Registration], Boundary], clock_s: Callable[[], float]
    ) -> None:
        self._boundary_of = boundary_of
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._configurations: dict[str, _Kept[SmartConfiguration]] = {}
        self._keys: dict[str, _Kept[KeySet]] = {}

    def configuration(self, registration: Registration, iss: str) -> SmartConfiguration:
        """Return the SMART configuration of a registered issuer.

        Raises:
            DiscoveryFailed: it cannot be read, is incomplete, or names a host that is not registered.

        Source: SMART App Launch 2.2.0, Conformance, Using Well-Known.
        """
        with self._lock:
            kept = self._configurations.get(iss)
        if kept is not None and self._clock_s() - kept.at < KEEP_S:
            return kept.value
        found = self._read_configuration(registration, iss)
        with self._lock:
            if len(self._configurations) >= MOST_KEPT:
                self._configurations.clear()
            self._configurations[iss] = _Kept(value=found, at=self._clock_s())
        return found

    def keys(
        self, registration: Registration, configuration: SmartConfiguration, kid: str
    ) -> KeySet:
        """Return the issuer's keys; read again when `kid` is unknown, at most once a minute.

        Raises:
            DiscoveryFailed: the keys cannot be read.
        """
        address = configuration.jwks_uri
        with self._lock:
            kept = self._keys.get(address)
        now = self._clock_s()
        known = kept is not None and any(key.kid == kid for key in kept.value.keys)
        limit = KEEP_S if known else REFETCH_KEYS_S
        if kept is not None and now - kept.at < limit:
            return kept.value
        try:
            found = KeySet.import_key_set(_get(self._boundary_of(registration), address))
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise DiscoveryFailed("the key set is not a JWKS") from error
        with self._lock:
            self._keys[address] = _Kept(value=found, at=now)
        return found

    def _read_configuration(self, registration: Registration, iss: str) -> SmartConfiguration:
        # Appended to the base even when the base has a path: SMART, unlike RFC 8615, says so.
        raw = _get(
            self._boundary_of(registration), f"{iss.rstrip('/')}/.well-known/smart-configuration"
        )
        try:
            metadata = msgspec.convert(raw, _Metadata)
        except msgspec.ValidationError as error:
            raise DiscoveryFailed(f"smart-configuration: {error}") from error
        if metadata.code_challenge_methods_supported == ("plain",):
            raise DiscoveryFailed("the EHR supports PKCE by plain only")

        def offered(address: str) -> str:
            return _endpoint(registration, iss, address) if address else ""

        issuer, jwks_uri = metadata.issuer, metadata.jwks_uri
        if not issuer or not jwks_uri:
            issuer, jwks_uri = self._openid(registration, issuer or iss)
        found = SmartConfiguration(
            authorization_endpoint=_endpoint(registration, iss, metadata.authorization_endpoint),
            token_endpoint=_endpoint(registration, iss, metadata.token_endpoint),
            issuer=issuer,
            jwks_uri=offered(jwks_uri),
            revocation_endpoint=offered(metadata.revocation_endpoint),
            introspection_endpoint=offered(metadata.introspection_endpoint),
            authorize_post="authorize-post" in metadata.capabilities,
        )
        for name, pinned in registration.pins.addresses().items():
            if getattr(found, name) != pinned:
                raise DiscoveryFailed(f"smart-configuration names another {name} than pins.{name}")
        return found

    def _openid(self, registration: Registration, issuer: str) -> tuple[str, str]:
        """Return issuer and key set of an issuer's own configuration, "" for both when it does not prove them.

        SMART App Launch 2.2.0, steps for using an ID token; OpenID Connect Discovery 1.0, 4.3: the document must name
        the issuer that it was asked of. Without both, no launch gets past its id_token.
        """
        try:
            raw = _get(
                self._boundary_of(registration),
                f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            )
            document = msgspec.convert(raw, _OpenId)
        except (DiscoveryFailed, msgspec.ValidationError) as error:
            log.info("openid.unreadable", extra={"slug": registration.slug, "why": str(error)})
            return "", ""
        return (issuer, document.jwks_uri) if document.issuer == issuer else ("", "")


def _get(boundary: Boundary, url: str) -> Any:
    try:
        response = boundary.get(url)
    except ChartsideError as error:
        raise DiscoveryFailed(str(error)) from error
    if response.status != 200:
        raise DiscoveryFailed(f"HTTP {response.status}")
    return response.json


def _endpoint(registration: Registration, iss: str, address: str) -> str:
    # Relative endpoint URLs resolve against the FHIR base (SMART App Launch 2.2.0, Conformance).
    try:
        absolute = urljoin(iss.rstrip("/") + "/", address)
        parts = urlsplit(absolute)
    except ValueError as error:  # "http://["
        raise DiscoveryFailed("smart-configuration names what is no address") from error
    if f"{parts.scheme}://{parts.netloc}" not in registration.origins() or parts.fragment:
        raise DiscoveryFailed("smart-configuration names a host that is not registered")
    return absolute
