"""Build the one way out to an EHR, as its registration says: hosts, proxy, authorities."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from app.boundary import Boundary
from app.errors import ConfigurationError
from app.settings import Secret
from app.smart.ehr_mcp import Mcp
from app.smart.registration import Registration


def way_out(
    registration: Registration,
    variables: Mapping[str, Secret],
    transport: httpx2.BaseTransport | None = None,
) -> Boundary:
    """Return the boundary of a registration; `transport` replaces the network in tests.

    Raises:
        ConfigurationError: what the proxy asks for is not set, or the authorities cannot be read.
    """
    return _boundary(registration, registration.origins(), variables, transport)


def way_out_to_mcp(
    registration: Registration,
    mcp: Mcp,
    variables: Mapping[str, Secret],
    transport: httpx2.BaseTransport | None = None,
) -> Boundary:
    """Return the boundary of the EHR's MCP server: its origin and no other, by the same rules. Raises as `way_out`."""
    return _boundary(registration, frozenset((mcp.origin,)), variables, transport)


def way_out_to_documents(
    registration: Registration,
    variables: Mapping[str, Secret],
    transport: httpx2.BaseTransport | None = None,
) -> Boundary:
    """Return the boundary to where clients' documents stand (CIMD): the named hosts, public addresses only. Raises as `way_out`."""
    hosts = {one.documents for one in registration.mcp_server.client if one.documents}
    origins = frozenset(f"https://{host}" for host in hosts)
    return _boundary(registration, origins, variables, transport, public_only=True)


def way_out_to_services(
    registration: Registration,
    variables: Mapping[str, Secret],
    transport: httpx2.BaseTransport | None = None,
) -> Boundary:
    """Return the boundary to where services publish their keys, which may be in the site's own network. Raises as `way_out`."""
    urls = {one.jwks_url for one in registration.mcp_server.service if one.jwks_url}
    origins = frozenset("://".join(urlsplit(url)[:2]) for url in urls)
    return _boundary(registration, origins, variables, transport)


def _boundary(
    registration: Registration,
    origins: frozenset[str],
    variables: Mapping[str, Secret],
    transport: httpx2.BaseTransport | None,
    *,
    public_only: bool = False,
) -> Boundary:
    network = registration.network
    try:
        return Boundary(
            origins,
            registration.sandbox and not public_only,
            transport,
            proxy=network.proxy or None,
            proxy_auth=_proxy_auth(registration, variables),
            ca_file=Path(network.ca_file) if network.ca_file else None,
            public_only=public_only,
        )
    except (ssl.SSLError, OSError) as error:
        said = f"{registration.slug}: network.ca_file {network.ca_file} holds no certificates"
        raise ConfigurationError(said) from error


def _proxy_auth(
    registration: Registration, variables: Mapping[str, Secret]
) -> tuple[str, str] | None:
    name = registration.network.proxy_env
    if not name:
        return None
    if name not in variables:
        raise ConfigurationError(f"{registration.slug}: network.proxy_env: {name} is not set")
    user, colon, password = variables[name].reveal().decode(errors="surrogateescape").partition(":")
    if not colon:
        raise ConfigurationError(
            f"{registration.slug}: network.proxy_env: {name} is not user:password"
        )
    return user, password
