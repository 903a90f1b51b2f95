"""The composition root: the only module that builds adapters and joins them."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import httpx2
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.agent.charts import Charts
from app.agent.gate import ModelGate
from app.agent.opt_out import OptOuts
from app.agent.retention import Retention
from app.agent.running import RunningTurns
from app.agent.turns import Turns
from app.audit.log import AuditLog, Detail, Who
from app.boundary import Boundary
from app.errors import ChartsideError, NotRead
from app.fhir.client import FhirSource
from app.fhir.labels import Labels
from app.fhir.reader import LaunchChart
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import ChartSource, Resource
from app.launch_context import LaunchContext
from app.llm.catalog import Catalog, load
from app.llm.no_llm import NoLanguageModel
from app.llm.synonyms import load as load_synonyms
from app.mcp.authorization import Authorization, Verifier
from app.mcp.charts import McpCharts, labels_for_hosts
from app.mcp.clients import Clients
from app.mcp.fhir_door import FhirDoor
from app.mcp.grants import Grants
from app.mcp.launch_tokens import LaunchTokens
from app.mcp.limits import Buckets
from app.mcp.reading import Reading
from app.mcp.service_accounts import ServiceAccounts
from app.mcp.sharp import SharpContexts
from app.mcp.sign_in import SignIn
from app.settings import Settings
from app.smart.admission import Admission
from app.smart.backend_services import BackendTokens
from app.smart.client_auth import ClientAuth
from app.smart.discovery import Discovery
from app.smart.keys import Keyring
from app.smart.launch import Launcher
from app.smart.network import (
    way_out,
    way_out_to_documents,
    way_out_to_mcp,
    way_out_to_services,
)
from app.smart.presented import TokenProver
from app.smart.registration import Registration
from app.smart.registry import Registry as Registrations
from app.smart.registry import load_registry
from app.smart.revocation import Revoker
from app.smart.session import LaunchSessions
from app.smart.style import Styles
from app.smart.switches import Switches
from app.smart.token_endpoint import TokenEndpoint
from app.smart.tokens import TokenVault
from app.smart.user_name import user_name
from app.store.conversations import Conversations
from app.store.engine import open_database
from app.store.grants import GrantRows
from app.store.keys import KeyRows
from app.store.launches import LaunchRows
from app.store.ports import ConversationStore, LaunchStore
from app.store.switches import SwitchRows
from app.store.tokens import TokenRows

if TYPE_CHECKING:
    from app.mcp.asking import Server
    from app.warehouse.store.source import Store

SWEEP_EVERY_S = 60.0
# A minute is promised from the command to the last turn that it ends.
WATCH_EVERY_S = 5.0
log = logging.getLogger("chartside.wiring")
Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Smart:
    """What speaks to the EHRs' authorization servers."""

    discovery: Discovery
    endpoint: TokenEndpoint
    keyring: Keyring
    vault: TokenVault
    revoker: Revoker
    backend: BackendTokens
    styles: Styles
    prover: TokenProver


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the edges need, built once per process."""

    settings: Settings
    registry: Registrations
    boundaries: dict[str, Boundary]
    rows: LaunchStore
    sessions: LaunchSessions
    launcher: Launcher
    smart: Smart
    conversations: ConversationStore
    audit: AuditLog
    charts: Charts
    catalog: Catalog
    gate: ModelGate
    turns: Turns
    running: RunningTurns
    switches: Switches
    retention: Retention
    mcp_tokens: LaunchTokens
    mcp: Reading
    fhir_door: FhirDoor
    sharp: SharpContexts
    sign_in: SignIn
    service_accounts: ServiceAccounts
    source_of: Callable[[LaunchContext], ChartSource]
    clock: Clock

    def sweep_every_minute(self) -> None:
        """End launches past their limits, and remove what is kept no longer, while nobody asks for it."""
        threading.Thread(target=self._sweep, name="sweeper", daemon=True).start()

    def forget_ended(self) -> None:
        """Forget the charts that MCP hosts read of launches that ended in another process, a few seconds after."""
        threading.Thread(target=self._forget, name="forget", daemon=True).start()

    def _forget(self) -> None:
        while True:
            time.sleep(WATCH_EVERY_S)
            try:
                self.sharp.sweep()
                self.mcp.forget_ended(self._mcp_lives)
            except (ChartsideError, SQLAlchemyError) as error:
                log.warning("forget.failed", extra={"error": type(error).__name__})

    def _mcp_lives(self, launch_id: str) -> bool:
        for one in (self.sharp, self.service_accounts):
            if one.owns(launch_id):
                return one.lives(launch_id)
        return self.sessions.live(launch_id, used=False)

    def watch_switches(self) -> None:
        """End turns that IT has switched off, a few seconds after it did."""
        threading.Thread(target=self._watch, name="switches", daemon=True).start()

    def obey_switches(self) -> None:
        """End every running turn that may not go on."""
        self.running.refuse(self._may_go_on)

    def _may_go_on(self, context: LaunchContext, model_id: str) -> None:
        self.switches.demand(context.registration, "chat")
        self.gate.demand_running(context, model_id)

    def _watch(self) -> None:
        while True:
            time.sleep(WATCH_EVERY_S)
            try:
                self.obey_switches()
            except SQLAlchemyError as error:
                log.warning("switches.unread", extra={"error": type(error).__name__})

    def _sweep(self) -> None:
        while True:
            time.sleep(SWEEP_EVERY_S)
            try:
                self.sessions.sweep()
                self.retention.purge()
            except (ChartsideError, SQLAlchemyError) as error:
                log.warning("sweep.failed", extra={"error": type(error).__name__})

    def patient(self, context: LaunchContext) -> Resource:
        """Return the launched Patient, for who has to name it before anything else is read.

        Raises:
            NotRead: the EHR does not give it.
        """
        read = self.source_of(context).read_patient()
        records = [f"Patient/{one.get('id')}" for one in read.resources]
        detail: Detail = {"type": "Patient", "result": read.completeness.kind, "records": records}
        self.audit.record("read", Who.of(context), detail)
        if not read.resources:
            raise NotRead("the Patient could not be read")
        return read.resources[0]

    def user_name(self, context: LaunchContext) -> str:
        """Return the signed-in user's name, empty when nobody tells it."""

        def on_read(kind: str, status: int) -> None:
            records = [context.user_reference]
            detail: Detail = {"type": kind, "result": str(status), "records": records}
            self.audit.record("read", Who.of(context), detail)

        return user_name(
            context,
            self.boundaries[context.registration],
            lambda: self.sessions.bearer(context.launch_id),
            on_read,
        )


def build(
    settings: Settings,
    *,
    transport: httpx2.BaseTransport | None = None,
    clock: Clock | None = None,
    catalog: Catalog | None = None,
) -> Services:
    """Build the services of one process; `transport`, `clock` and `catalog` are given by tests only."""
    now = clock or _utc_now
    production = settings.environment == "production"
    registry = load_registry(settings.launch_config, origin=settings.origin, production=production)
    boundaries = {
        item.slug: way_out(item, settings.variables, transport) for item in registry.all()
    }
    engine = open_database(settings.database_url)
    rows, audit = LaunchRows(engine), AuditLog(engine, now)
    conversations, running = Conversations(engine, settings.secret_key), RunningTurns()
    # What an ended launch leaves is forgotten in this order; the parts made below add themselves.
    forget: list[Callable[[str], object]] = [running.launch_ended]
    smart = _smart(settings, registry, boundaries, engine, now, audit)
    retention = Retention(conversations, audit, registry, now)
    ended = partial(_end, forget, audit, retention)
    sessions = LaunchSessions(rows, settings.secret_key, registry, smart.vault, now, ended)
    switches = Switches(SwitchRows(engine), registry, now)
    forget_hosts: list[Callable[[str], object]] = []
    sharp = SharpContexts(
        prover=smart.prover, registry=registry, switches=switches, audit=audit, key=settings.secret_key, clock=now,
        on_end=partial(_each, forget_hosts),
    )  # fmt: skip
    grants = Grants(GrantRows(engine), settings.secret_key, now, sessions.end)
    keys_of = {
        item.slug: way_out_to_services(item, settings.variables, transport)
        for item in registry.all()
        if item.mcp_server.service
    }
    services = ServiceAccounts(
        token_endpoint=f"{settings.origin}/oauth/token", registry=registry, switches=switches, backend=smart.backend,
        way_out=lambda item: keys_of[item.slug], grants=grants, audit=audit,
        key=settings.secret_key, clock=now,
    )  # fmt: skip
    bearers = Bearers(sessions, sharp, services)
    source_of, live_of = _sources(settings, registry, boundaries, bearers, now, transport)
    charts = Charts(
        source_of=source_of, conversations=conversations, audit=audit, clock=now,
        labels_of=partial(_labels_of, registry),
    )  # fmt: skip
    models = catalog or load(settings, NoLanguageModel(load_synonyms()))
    opt_outs = OptOuts(charts)
    gate = ModelGate(models, registry, opt_outs, conversations, audit, switches)
    turns = Turns(
        charts=charts, catalog=models, gate=gate, conversations=conversations, audit=audit,
        key=settings.secret_key, clock=now, ready=sessions.ready, is_ready=sessions.is_ready,
        may_ask=lambda context: context.may("chat") and switches.may(context.registration, "chat"),
    )  # fmt: skip
    forget += [charts.drop, opt_outs.drop, turns.drop]
    forget.append(grants.launch_ended)
    mcp_tokens = LaunchTokens(
        issuer=settings.origin, url=settings.mcp_url, keyring=smart.keyring, sessions=sessions, registry=registry,
        switches=switches, audit=audit, key=settings.secret_key, clock=now, grant_lives=grants.lives,
        of_service=services.caller,
    )  # fmt: skip
    mcp_charts = McpCharts(partial(_chart_for_hosts, charts, registry, source_of))
    host_opt_outs = OptOuts(mcp_charts)
    forget_hosts += [mcp_charts.drop, host_opt_outs.drop]
    forget += forget_hosts
    mcp = _mcp((sharp, mcp_tokens), mcp_charts, host_opt_outs, registry, audit)
    sign_in = SignIn(
        issuer=settings.origin, resource=settings.mcp_url, clients=_clients(settings, registry, transport),
        grants=grants, tokens=mcp_tokens, sessions=sessions, registry=registry, switches=switches, audit=audit, services=services,
    )  # fmt: skip
    fhir_tokens = LaunchTokens(
        issuer=settings.origin, url=f"{settings.origin}/fhir", keyring=smart.keyring, sessions=sessions, registry=registry,
        switches=switches, audit=audit, key=settings.secret_key, clock=now,
    )  # fmt: skip
    fhir_door = FhirDoor(
        tokens=fhir_tokens, reading=_mcp((fhir_tokens,), mcp_charts, host_opt_outs, registry, audit), registry=registry,
        stores_of=partial(_facades, settings, registry), live_of=live_of,
        labels_of=lambda context: labels_for_hosts(_labels_of(registry, context)),
    )  # fmt: skip
    forget_hosts.append(fhir_door.drop)
    forget.append(fhir_door.drop)
    launcher = Launcher(
        rows=rows, sessions=sessions, discovery=smart.discovery, endpoint=smart.endpoint,
        admission=Admission(lambda registration: boundaries[registration.slug]), revoker=smart.revoker,
        key=settings.secret_key, clock=now, demand=switches.demand,
    )  # fmt: skip
    return Services(
        settings=settings, registry=registry, boundaries=boundaries, rows=rows, sessions=sessions, launcher=launcher,
        conversations=conversations, audit=audit, charts=charts, catalog=models, gate=gate, turns=turns,
        running=running, switches=switches, retention=retention, clock=now, smart=smart, mcp_tokens=mcp_tokens, mcp=mcp, sharp=sharp,
        sign_in=sign_in, service_accounts=services, source_of=source_of,
        fhir_door=fhir_door,
    )  # fmt: skip


def _clients(
    settings: Settings, registry: Registrations, transport: httpx2.BaseTransport | None
) -> Clients:
    ways = {
        item.slug: way_out_to_documents(item, settings.variables, transport)
        for item in registry.all()
        if any(one.documents for one in item.mcp_server.client)
    }
    return Clients(registry, lambda item: ways[item.slug], time.monotonic)


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


def _each(forget: Sequence[Callable[[str], object]], launch_id: str) -> None:
    for leave in forget:
        leave(launch_id)


def _mcp(
    verifiers: Sequence[Verifier],
    charts: McpCharts,
    opt_outs: OptOuts,
    registry: Registrations,
    audit: AuditLog,
) -> Reading:
    def calls_per_minute(context: LaunchContext) -> int:
        registration = registry.get(context.registration)
        return registration.mcp_server.calls_per_minute if registration else 1

    return Reading(
        authorization=Authorization(verifiers, audit),
        charts=charts,
        opted_out=lambda context: opt_outs.asked(
            context, registry.models(context.registration).opt_out
        ),
        calls_per_minute=calls_per_minute,
        buckets=Buckets(time.monotonic),
        audit=audit,
    )


def _chart_for_hosts(
    charts: Charts,
    registry: Registrations,
    source_of: Callable[[LaunchContext], ChartSource],
    context: LaunchContext,
) -> LaunchChart:
    return LaunchChart(
        source_of(context),
        context,
        charts.now(context),
        charts.on_read(context),
        labels=labels_for_hosts(_labels_of(registry, context)),
    )


def _end(
    forget: Sequence[Callable[[str], object]],
    audit: AuditLog,
    retention: Retention,
    context: LaunchContext,
    by: str,
) -> None:
    # The end is written down before anybody reads of it; nothing of the launch is kept where it cannot be.
    try:
        audit.record("end", Who.of(context), {"by": by})
    finally:
        for leave in forget:
            leave(context.launch_id)
        retention.launch_ended(context)


def _labels_of(registry: Registrations, context: LaunchContext) -> Labels:
    registration = registry.get(context.registration)
    labels = registration.restricted.labels if registration else ()
    return Labels(audiences={(one.system, one.code): frozenset(one.audience) for one in labels})


def _sources(
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


def _facades(settings: Settings, registry: Registrations, slug: str) -> "tuple[Store, ...]":
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

    labels = _labels_of(registry, context)
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
        client = McpClient(way, mcp.url, portal)
        found[item.slug] = Server(mcp=mcp, client=client, shared=shared[item.slug])
    return found


def _smart(
    settings: Settings,
    registry: Registrations,
    boundaries: Mapping[str, Boundary],
    engine: Engine,
    now: Clock,
    audit: AuditLog,
) -> Smart:
    def on_refresh(context: LaunchContext, result: str) -> None:
        audit.record("refresh", Who.of(context), {"result": result})

    def boundary_of(registration: Registration) -> Boundary:
        return boundaries[registration.slug]

    discovery = Discovery(boundary_of, time.monotonic)
    keyring = Keyring(KeyRows(engine), settings.secret_key, now)
    client_auth = ClientAuth(settings.variables, keyring, now)
    client_auth.check(registry.all())
    endpoint = TokenEndpoint(discovery, boundary_of, client_auth)
    revoker = Revoker(endpoint)
    vault = TokenVault(
        rows=TokenRows(engine),
        key=settings.secret_key,
        endpoint=endpoint,
        revoker=revoker,
        registration_of=registry.get,
        clock=now,
        on_refresh=on_refresh,
    )
    backend = BackendTokens(discovery, boundary_of, client_auth, now)
    prover = TokenProver(
        discovery=discovery, client_auth=client_auth, boundary_of=boundary_of, clock=now
    )
    return Smart(
        discovery=discovery, endpoint=endpoint, keyring=keyring, vault=vault, revoker=revoker, backend=backend,
        styles=Styles(boundaries.__getitem__), prover=prover,
    )  # fmt: skip


def _utc_now() -> datetime:
    return datetime.now(UTC)
