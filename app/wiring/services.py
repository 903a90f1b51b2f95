"""What the edges are given: every service of one process, and the chores it does by itself."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from app.agent.charts import Charts
from app.agent.gate import ModelGate
from app.agent.retention import Retention
from app.agent.running import RunningTurns
from app.agent.turns import Turns
from app.audit.log import AuditLog, Detail, Who
from app.boundary import Boundary
from app.errors import ChartsideError, NotRead
from app.fhir.source import ChartSource, Resource
from app.launch_context import LaunchContext
from app.llm.catalog import Catalog
from app.mcp.cohort_hosts import CohortHosts
from app.mcp.fhir_door import FhirDoor
from app.mcp.launch_tokens import LaunchTokens
from app.mcp.reading import Reading
from app.mcp.service_accounts import ServiceAccounts
from app.mcp.sharp import SharpContexts
from app.mcp.sign_in import SignIn
from app.settings import Settings
from app.smart.backend_services import BackendTokens
from app.smart.discovery import Discovery
from app.smart.keys import Keyring
from app.smart.launch import Launcher
from app.smart.presented import TokenProver
from app.smart.registry import Registry as Registrations
from app.smart.revocation import Revoker
from app.smart.session import LaunchSessions
from app.smart.style import Styles
from app.smart.switches import Switches
from app.smart.token_endpoint import TokenEndpoint
from app.smart.tokens import TokenVault
from app.smart.user_name import user_name
from app.store.ports import ConversationStore, LaunchStore
from app.tools.cohort_door import CohortDoor

if TYPE_CHECKING:
    pass


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
    cohorts: CohortDoor
    cohort_hosts: CohortHosts
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
