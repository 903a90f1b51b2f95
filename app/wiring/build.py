"""Join the adapters into the services of one process."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import httpx2

from app.agent.charts import Charts
from app.agent.gate import ModelGate
from app.agent.opt_out import OptOuts
from app.agent.retention import Retention
from app.agent.running import RunningTurns
from app.agent.turns import Turns
from app.audit.log import AuditLog, Who
from app.launch_context import LaunchContext
from app.llm.catalog import Catalog, load
from app.llm.no_llm import NoLanguageModel
from app.llm.synonyms import load as load_synonyms
from app.mcp.refusals import Refusals
from app.settings import Settings
from app.smart.admission import Admission
from app.smart.analyst import AnalystSessions
from app.smart.launch import Launcher
from app.smart.network import (
    way_out,
)
from app.smart.registry import load_registry
from app.smart.session import LaunchSessions
from app.smart.switches import Switches
from app.store.conversations import Conversations
from app.store.engine import open_database
from app.store.grants import GrantRows
from app.store.launches import LaunchRows
from app.store.switches import SwitchRows
from app.tools.cohort_door import CohortDoor
from app.wiring.hosts import Base, guests, hosts
from app.wiring.services import Clock, Services
from app.wiring.smart import smart_services
from app.wiring.sources import Bearers, labels_of, sources


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
    smart = smart_services(settings, registry, boundaries, engine, now, audit)
    retention = Retention(conversations, audit, registry, now)
    ended = partial(_end, forget, audit, retention)
    sessions = LaunchSessions(rows, settings.secret_key, registry, smart.vault, now, ended)
    switches = Switches(SwitchRows(engine), registry, now)
    base = Base(
        settings=settings, registry=registry, audit=audit, refusals=Refusals(audit, now), switches=switches,
        sessions=sessions, smart=smart, clock=now, transport=transport,
    )  # fmt: skip
    others = guests(base, engine)
    cohorts = CohortDoor(
        opened=AnalystSessions(GrantRows(engine), settings.secret_key, registry, now), registry=registry,
        switches=switches, audit=audit, warehouse=settings.warehouse, clock=now,
    )  # fmt: skip
    bearers = Bearers(sessions, others.sharp, others.services)
    source_of, live_of = sources(settings, registry, boundaries, bearers, now, transport)
    charts = Charts(
        source_of=source_of, conversations=conversations, audit=audit, clock=now,
        labels_of=partial(labels_of, registry),
    )  # fmt: skip
    models = catalog or load(settings, NoLanguageModel(load_synonyms()))
    opt_outs = OptOuts(charts)
    gate = ModelGate(models, registry, opt_outs, conversations, audit, switches)
    turns = Turns(
        charts=charts, catalog=models, gate=gate, conversations=conversations, audit=audit,
        key=settings.secret_key, clock=now, ready=sessions.ready, is_ready=sessions.is_ready,
        may_ask=lambda context: context.may("chat") and switches.may(context.registration, "chat"),
    )  # fmt: skip
    doors = hosts(base, others, charts, source_of, live_of, cohorts)
    forget += [charts.drop, opt_outs.drop, turns.drop, *doors.forget]
    launcher = Launcher(
        rows=rows, sessions=sessions, discovery=smart.discovery, endpoint=smart.endpoint,
        admission=Admission(lambda registration: boundaries[registration.slug]), revoker=smart.revoker,
        key=settings.secret_key, clock=now, demand=switches.demand,
    )  # fmt: skip
    return Services(
        settings=settings, registry=registry, boundaries=boundaries, rows=rows, sessions=sessions, launcher=launcher,
        conversations=conversations, audit=audit, charts=charts, catalog=models, gate=gate, turns=turns,
        running=running, switches=switches, retention=retention, clock=now, smart=smart, mcp_tokens=doors.tokens,
        mcp=doors.reading, sharp=others.sharp, sign_in=doors.sign_in, service_accounts=others.services,
        source_of=source_of, fhir_door=doors.fhir_door, cohorts=cohorts, cohort_hosts=doors.cohorts,
    )  # fmt: skip


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


def _utc_now() -> datetime:
    return datetime.now(UTC)
