"""The composition root: the only module that builds adapters and joins them."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from app.agent.running import RunningTurns
from app.agent.turn import ModelCall, TurnServices
from app.audit.log import AuditLog, Detail, Who
from app.boundary import Boundary
from app.errors import ChartsideError, SessionEnded
from app.fhir.client import FhirSource
from app.fhir.reader import LaunchChart
from app.fhir.source import Query, Read
from app.launch_context import LaunchContext
from app.llm.no_llm import NoLanguageModel
from app.llm.port import Model
from app.llm.synonyms import load as load_synonyms
from app.settings import Settings
from app.smart.discovery import Discovery
from app.smart.launch import Launcher
from app.smart.registry import Registration, load_registry
from app.smart.registry import Registry as Registrations
from app.smart.session import LaunchSessions
from app.store.conversations import Conversations
from app.store.engine import open_database
from app.store.launches import LaunchRows
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry

MOST_CHARTS = 200
SWEEP_EVERY_S = 60.0
log = logging.getLogger("chartside.wiring")


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the edges need, built once per process."""

    settings: Settings
    registry: Registrations
    rows: LaunchRows
    sessions: LaunchSessions
    launcher: Launcher
    conversations: Conversations
    audit: AuditLog
    charts: "Charts"
    running: RunningTurns
    model: Model
    clock: Callable[[], datetime]

    def sweep_every_minute(self) -> None:
        """End launches past their limits while nobody asks for them; a running turn of theirs is stopped."""
        threading.Thread(target=self._sweep, name="sweeper", daemon=True).start()

    def _sweep(self) -> None:
        while True:
            time.sleep(SWEEP_EVERY_S)
            try:
                self.sessions.sweep()
            except (ChartsideError, SQLAlchemyError) as error:
                log.warning("sweep.failed", extra={"error": type(error).__name__})

    def turn(self, context: LaunchContext) -> TurnServices:
        """Return what one turn of a launch needs: its chart, the tools it may use, the assistant, the audit."""
        chart, who = self.charts.get(context), Who.of(context)

        def on_model_call(call: ModelCall) -> None:
            detail: Detail = {
                "model": call.model,
                "version": call.version,
                "language_model": call.language_model,
                "stop": call.stop,
                "tools": list(call.tools),
                "input_tokens": call.usage.input_tokens,
                "output_tokens": call.usage.output_tokens,
            }
            self.audit.record("model_call", who, detail)

        def on_refusal(code: str, count: int) -> None:
            self.audit.record("refusal", who, {"code": code, "count": count})

        return TurnServices(
            launch_chart=chart,
            registry=Registry(CHART_TOOLS, chart, context),
            model=self.model,
            zone=ZoneInfo(context.time_zone),
            clock=lambda: self.charts.now(context),
            on_model_call=on_model_call,
            on_refusal=on_refusal,
        )


def build(
    settings: Settings,
    *,
    transport: httpx2.BaseTransport | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Services:
    """Build the services of one process; `transport` and `clock` are given by tests only."""
    now = clock or _utc_now
    registry = load_registry(
        settings.launch_config,
        origin=settings.origin,
        production=settings.environment == "production",
    )
    engine = open_database(settings.database_url)
    rows = LaunchRows(engine)
    running = RunningTurns()

    def on_end(context: LaunchContext, by: str) -> None:
        running.stop(context.launch_id)
        charts.drop(context.launch_id)
        conversations.forget(context.launch_id)
        audit.record("end", Who.of(context), {"by": by})

    sessions = LaunchSessions(rows, settings.secret_key, registry, now, on_end)
    boundaries = {
        item.slug: Boundary(item.origins(), item.sandbox, transport) for item in registry.all()
    }

    def boundary_of(registration: Registration) -> Boundary:
        return boundaries[registration.slug]

    audit = AuditLog(engine, now)
    conversations = Conversations(engine, settings.secret_key)
    charts = Charts(
        boundaries=boundaries,
        sessions=sessions,
        conversations=conversations,
        audit=audit,
        clock=now,
    )
    return Services(
        settings=settings,
        registry=registry,
        rows=rows,
        sessions=sessions,
        launcher=Launcher(
            rows=rows,
            sessions=sessions,
            discovery=Discovery(boundary_of, time.monotonic),
            boundary_of=boundary_of,
            key=settings.secret_key,
            clock=now,
        ),
        conversations=conversations,
        audit=audit,
        charts=charts,
        running=running,
        model=NoLanguageModel(load_synonyms()),
        clock=now,
    )


class Charts:
    """The charts of live launches, one each, kept in this process; the least used are dropped past a limit.

    A chart that was dropped is read again from the EHR when it is asked for, and its handles mean what they meant.
    """

    def __init__(
        self,
        *,
        boundaries: dict[str, Boundary],
        sessions: LaunchSessions,
        conversations: Conversations,
        audit: AuditLog,
        clock: Callable[[], datetime],
    ) -> None:
        self._boundaries = boundaries
        self._sessions = sessions
        self._conversations = conversations
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, LaunchChart] = OrderedDict()
        # A chart past the limit that a turn still uses stays the launch's only one: two would number sources apart.
        self._used: WeakValueDictionary[str, LaunchChart] = WeakValueDictionary()

    def get(self, context: LaunchContext) -> LaunchChart:
        """Return the chart of a launch."""
        with self._lock:
            chart = self._used.get(context.launch_id) or self._new(context)
            self._kept[context.launch_id] = self._used[context.launch_id] = chart
            self._kept.move_to_end(context.launch_id)
            while len(self._kept) > MOST_CHARTS:
                self._kept.popitem(last=False)
        return chart

    def keep(self, context: LaunchContext) -> None:
        """Keep what this launch's handles mean, so that a restart changes no citation."""
        with self._lock:
            chart = self._used.get(context.launch_id)
        if chart and not self._conversations.keep_ledger(context.launch_id, chart.export()):
            self.drop(context.launch_id)

    def drop(self, launch_id: str) -> None:
        """Forget the chart of an ended launch."""
        with self._lock:
            self._kept.pop(launch_id, None)
            self._used.pop(launch_id, None)

    def user_name(self, context: LaunchContext) -> str:
        """Return the signed-in user's name: as the id_token gave it, else from `fhirUser`, else empty."""
        kind = context.user_reference.partition("/")[0]
        if context.user_name or not context.can(kind, "r"):
            return context.user_name
        try:
            response = self._boundaries[context.registration].get_json(
                f"{context.iss.rstrip('/')}/{context.user_reference}",
                bearer=self._sessions.bearer(context.launch_id),
            )
        except SessionEnded:
            raise
        except ChartsideError:
            return ""
        detail: Detail = {
            "type": kind,
            "result": str(response.status),
            "records": [context.user_reference],
        }
        self._audit.record("read", Who.of(context), detail)
        return _practitioner_name(response.json) if response.status == 200 else ""

    def now(self, context: LaunchContext) -> datetime:
        """Return clinical time in the site's zone: a sandbox chart's own, else real time."""
        return (context.clinical_time or self._clock()).astimezone(ZoneInfo(context.time_zone))

    def _new(self, context: LaunchContext) -> LaunchChart:
        source = FhirSource(
            self._boundaries[context.registration],
            context,
            lambda: self._sessions.bearer(context.launch_id),
        )
        who = Who.of(context)

        def on_read(query: Query, read: Read) -> None:
            ids = [f"{item['resourceType']}/{item.get('id', '')}" for item in read.resources]
            detail: Detail = {
                "type": query.resource_type,
                "result": read.completeness.kind,
                "records": ids,
                "dropped_foreign": read.dropped_foreign,
            }
            self._audit.record("read", who, detail)

        return LaunchChart(
            source,
            context,
            self.now(context),
            on_read,
            restored=self._conversations.ledger(context.launch_id),
        )


def _practitioner_name(resource: object) -> str:
    """Return `A. Osei, MD` from a Practitioner: given initials, family, first suffix or qualification."""
    names = resource.get("name") if isinstance(resource, dict) else None
    if not isinstance(names, list) or not names or not isinstance(names[0], dict):
        return ""
    name = names[0]
    if isinstance(name.get("text"), str):
        return str(name["text"])
    given = [f"{part[0]}." for part in name.get("given") or [] if isinstance(part, str) and part]
    suffix = ", ".join(part for part in name.get("suffix") or [] if isinstance(part, str))
    plain = " ".join([*given, str(name.get("family", ""))]).strip()
    return f"{plain}, {suffix}" if suffix else plain


def _utc_now() -> datetime:
    return datetime.now(UTC)
