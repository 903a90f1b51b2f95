"""Build what applications other than ours come in by: proofs of who they act for, sign-in, and the doors of MCP and of FHIR."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import httpx2
from sqlalchemy import Engine

from app.agent.charts import Charts
from app.agent.opt_out import OptOuts
from app.audit.log import AuditLog
from app.fhir.client import FhirSource
from app.fhir.reader import LaunchChart
from app.fhir.source import ChartSource
from app.launch_context import LaunchContext
from app.mcp.authorization import Authorization, Verifier
from app.mcp.charts import McpCharts, labels_for_hosts
from app.mcp.clients import Clients
from app.mcp.cohort_hosts import CohortHosts
from app.mcp.fhir_door import FhirDoor
from app.mcp.grants import Grants
from app.mcp.launch_tokens import LaunchTokens
from app.mcp.limits import Buckets
from app.mcp.reading import Reading
from app.mcp.refusals import Refusals
from app.mcp.service_accounts import ServiceAccounts
from app.mcp.sharp import SharpContexts
from app.mcp.sign_in import SignIn
from app.settings import Settings
from app.smart.network import (
    way_out_to_documents,
    way_out_to_services,
)
from app.smart.registry import Registry as Registrations
from app.smart.session import LaunchSessions
from app.smart.switches import Switches
from app.store.grants import GrantRows
from app.tools.cohort_door import CohortDoor
from app.wiring.services import Clock, Smart
from app.wiring.sources import facades, labels_of

Forget = list[Callable[[str], object]]


@dataclass(frozen=True, kw_only=True)
class Base:
    """What every part below is made of."""

    settings: Settings
    registry: Registrations
    audit: AuditLog
    refusals: Refusals
    switches: Switches
    sessions: LaunchSessions
    smart: Smart
    clock: Clock
    transport: httpx2.BaseTransport | None


@dataclass(frozen=True, kw_only=True)
class Guests:
    """Who reads a chart by a token that no launch of ours holds; `forget` hears of the end of their contexts."""

    sharp: SharpContexts
    services: ServiceAccounts
    grants: Grants
    forget: Forget


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """The doors for other applications; `forget` hears of the end of a launch."""

    tokens: LaunchTokens
    reading: Reading
    sign_in: SignIn
    fhir_door: FhirDoor
    cohorts: CohortHosts
    forget: Forget


def guests(base: Base, engine: Engine) -> Guests:
    """Build what proves tokens that hosts bring, and what acts for services."""
    settings, registry = base.settings, base.registry
    forget: Forget = []
    sharp = SharpContexts(
        prover=base.smart.prover, registry=registry, switches=base.switches, audit=base.audit, refusals=base.refusals,
        key=settings.secret_key, clock=base.clock, on_end=partial(_each, forget),
    )  # fmt: skip
    grants = Grants(GrantRows(engine), settings.secret_key, base.clock, base.sessions.end)
    keys_of = {
        item.slug: way_out_to_services(item, settings.variables, base.transport)
        for item in registry.all()
        if item.mcp_server.service
    }
    services = ServiceAccounts(
        token_endpoint=f"{settings.origin}/oauth/token", registry=registry, switches=base.switches,
        backend=base.smart.backend, way_out=lambda item: keys_of[item.slug], grants=grants, audit=base.audit,
        key=settings.secret_key, clock=base.clock,
    )  # fmt: skip
    return Guests(sharp=sharp, services=services, grants=grants, forget=forget)


def hosts(
    base: Base,
    guests: Guests,
    charts: Charts,
    source_of: Callable[[LaunchContext], ChartSource],
    live_of: Callable[[LaunchContext], FhirSource],
    door: CohortDoor,
) -> Hosts:
    """Build the doors; a host's charts and opt-outs are apart from those of the launch's own page."""
    settings, registry, audit = base.settings, base.registry, base.audit
    tokens_for = partial(
        LaunchTokens, issuer=settings.origin, keyring=base.smart.keyring, sessions=base.sessions, registry=registry,
        switches=base.switches, audit=audit, refusals=base.refusals, key=settings.secret_key, clock=base.clock,
    )  # fmt: skip
    tokens = tokens_for(
        url=settings.mcp_url, grant_lives=guests.grants.lives, of_service=guests.services.caller
    )
    mcp_charts = McpCharts(
        partial(_chart_for_hosts, charts, registry, source_of), guests.grants.numbering
    )
    opt_outs = OptOuts(mcp_charts)
    fhir_tokens = tokens_for(url=f"{settings.origin}/fhir")
    fhir_door = FhirDoor(
        tokens=fhir_tokens, reading=_reading((fhir_tokens,), mcp_charts, opt_outs, base), registry=registry,
        stores_of=partial(facades, settings, registry), live_of=live_of,
        labels_of=lambda context: labels_for_hosts(labels_of(registry, context)),
    )  # fmt: skip
    sign_in = SignIn(
        issuer=settings.origin, resource=settings.mcp_url, clients=_clients(settings, registry, base.transport),
        grants=guests.grants, tokens=tokens, sessions=base.sessions, registry=registry, switches=base.switches,
        audit=audit, services=guests.services,
    )  # fmt: skip
    cohorts = CohortHosts(
        url=settings.cohorts_url, tokens=tokens_for(url=settings.cohorts_url), door=door, audit=audit,
        refusals=base.refusals, buckets=Buckets(time.monotonic), switched_on=lambda slug: base.switches.demand(slug, "mcp"),
    )  # fmt: skip
    read = [mcp_charts.drop, opt_outs.drop]
    guests.forget.extend((*read, fhir_door.drop))
    return Hosts(
        tokens=tokens, reading=_reading((guests.sharp, tokens), mcp_charts, opt_outs, base), sign_in=sign_in,
        fhir_door=fhir_door, cohorts=cohorts, forget=[guests.grants.launch_ended, *read, fhir_door.drop],
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


def _reading(
    verifiers: Sequence[Verifier],
    charts: McpCharts,
    opt_outs: OptOuts,
    base: Base,
) -> Reading:
    registry = base.registry

    def calls_per_minute(context: LaunchContext) -> int:
        registration = registry.get(context.registration)
        return registration.mcp_server.calls_per_minute if registration else 1

    return Reading(
        authorization=Authorization(verifiers, base.refusals),
        charts=charts,
        opted_out=lambda context: opt_outs.asked(
            context, registry.models(context.registration).opt_out
        ),
        calls_per_minute=calls_per_minute,
        buckets=Buckets(time.monotonic),
        audit=base.audit,
    )


def _chart_for_hosts(
    charts: Charts,
    registry: Registrations,
    source_of: Callable[[LaunchContext], ChartSource],
    context: LaunchContext,
    numbers_after: Callable[[], int],
) -> LaunchChart:
    return LaunchChart(
        source_of(context),
        context,
        charts.now(context),
        charts.on_read(context),
        labels=labels_for_hosts(labels_of(registry, context)),
        numbers_after=numbers_after,
    )


def _each(forget: Sequence[Callable[[str], object]], launch_id: str) -> None:
    for leave in forget:
        leave(launch_id)
