"""Choose where a chart is read from: the FHIR API, the EHR's MCP server, the store; and with whose token."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import httpx2

from app.boundary import Boundary
from app.fhir.client import FhirSource
from app.fhir.labels import Labels
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import ChartSource
from app.launch_context import LaunchContext
from app.mcp.service_accounts import ServiceAccounts
from app.mcp.sharp import SharpContexts
from app.settings import Settings
from app.smart.network import (
    way_out_to_mcp,
)
from app.smart.registration import Registration
from app.smart.registry import Registry as Registrations
from app.smart.session import LaunchSessions

if TYPE_CHECKING:
    from app.mcp.asking import Server
    from app.warehouse.store.source import Store


if TYPE_CHECKING:
    from app.mcp.asking import Server
    from app.warehouse.store.source import Store

from app.wiring.services import Clock


class Bearers:
    """Which token reads whose chart: a launch's, the one that a host brought itself, or for a service Chartside's own."""

    def __init__(
        self, sessions: LaunchSessions, sharp: SharpContexts, services: ServiceAccounts
    ) -> None:
        self._sessions = sessions
        self._others = (sharp, services)

    def bearer(self, launch_id: str) -> str:
        """Return the access token, for the boundary only."""
        owner = self._owner(launch_id)
        return (owner or self._sessions).bearer(launch_id)

    def refused(self, launch_id: str, access_token: str) -> None:
        """Note that the EHR answered 401."""
        (self._owner(launch_id) or self._sessions).refused(launch_id, access_token)

    def _owner(self, launch_id: str) -> SharpContexts | ServiceAccounts | None:
        return next((one for one in self._others if one.owns(launch_id)), None)


def labels_of(registry: Registrations, context: LaunchContext) -> Labels:
    """Return who may have what is labelled, as the launch's registration says."""
    registration = registry.get(context.registration)
    labels = registration.restricted.labels if registration else ()
    return Labels(audiences={(one.system, one.code): frozenset(one.audience) for one in labels})


def sources(
    settings: Settings,
    registry: Registrations,
    boundaries: Mapping[str, Boundary],
    bearers: Bearers,
    now: Clock,
    transport: httpx2.BaseTransport | None,
) -> tuple[Callable[[LaunchContext], ChartSource], Callable[[LaunchContext], FhirSource]]:
    """Return what reads a launch's chart, and what reads it by the EHR's FHIR API whatever else is registered."""
    shared = {
        item.slug: SharedEhr(
            boundaries[item.slug],
            connections=item.limits.connections,
            requests=item.limits.requests_per_launch,
            requests_per_turn=item.limits.requests_per_turn,
        )
        for item in registry.all()
    }
    servers = _mcp_servers(settings, registry, shared, transport)
    stores = {item.slug: stores_of(settings, item) for item in registry.all() if reads_store(item)}

    def live_of(context: LaunchContext) -> FhirSource:
        bearer = partial(bearers.bearer, context.launch_id)
        refused = partial(bearers.refused, context.launch_id)
        slug = context.registration
        return FhirSource(boundaries[slug], context, bearer, refused=refused, shared=shared[slug])

    def source_of(context: LaunchContext) -> ChartSource:
        slug = context.registration
        bearer = partial(bearers.bearer, context.launch_id)
        refused = partial(bearers.refused, context.launch_id)
        boundary, live = boundaries[slug], live_of(context)
        fhir = _beside_the_store(live, stores.get(slug, ()), boundary, context, registry)
        if slug not in servers:
            return fhir
        # Loaded with the servers.
        from app.mcp.source import McpSource, joined  # noqa: PLC0415

        mcp = McpSource(servers[slug], boundary, context, bearer, refused=refused, now=now)
        return joined(fhir, mcp, registry.get(slug))

    return source_of, live_of


def reads_store(registration: Registration) -> bool:
    """Tell whether charts of this EHR are read from the store."""
    return registration.bulk is not None and registration.bulk.chart == "store"


def stores_of(
    settings: Settings, registration: Registration, base: str = ""
) -> "tuple[Store, ...]":
    """Return the data sets of a registration that may hold a launch's patient; `base` as for `open_stores`."""
    # DuckDB takes a while to load, which a site without a store need not wait for.
    from app.warehouse.store.source import open_stores  # noqa: PLC0415

    return open_stores(settings.warehouse, registration, settings.secret_key, base)


def facades(settings: Settings, registry: Registrations, slug: str) -> "tuple[Store, ...]":
    """Return the data sets of a registration as its own FHIR address gives them."""
    registration = registry.get(slug)
    return (
        stores_of(settings, registration, f"{settings.origin}/fhir/{slug}") if registration else ()
    )


def _beside_the_store(
    live: FhirSource,
    stores: "Sequence[Store]",
    boundary: Boundary,
    context: LaunchContext,
    registry: Registrations,
) -> ChartSource:
    if not stores:
        return live
    from app.warehouse.store.source import StoreSource  # noqa: PLC0415

    labels = labels_of(registry, context)
    return StoreSource(live, stores, boundary, context, labels=labels)


def _mcp_servers(
    settings: Settings,
    registry: Registrations,
    shared: Mapping[str, SharedEhr],
    transport: httpx2.BaseTransport | None,
) -> "dict[str, Server]":
    """Return the EHRs' MCP servers that registrations name, by slug."""
    registered = [(item, item.mcp) for item in registry.all() if item.mcp]
    if not registered:
        return {}
    # The MCP SDK takes a second to load, which most sites need not wait for.
    from app.mcp.asking import Server  # noqa: PLC0415
    from app.mcp.client import McpClient  # noqa: PLC0415
    from app.mcp.portal import Portal  # noqa: PLC0415

    portal, found = Portal(), {}
    for item, mcp in registered:
        way = way_out_to_mcp(item, mcp, settings.variables, transport)
        client = McpClient(way, mcp.url, portal, mcp.protocol)
        found[item.slug] = Server(mcp=mcp, client=client, shared=shared[item.slug])
    return found
