"""Everything one running pretend EHR holds, reachable as `app.extensions["sandbox"]`.

Tests read it to count requests (`wire`), to set faults (`faults`) and to start launches (`start`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from sandbox.assertions import Assertions
from sandbox.bulk.exports import Exports
from sandbox.chart_files import Chart, read_manifest
from sandbox.clients import Client
from sandbox.data_plane import DataPlane, prepare
from sandbox.faults import Faults
from sandbox.id_tokens import IdTokenSigner, stored_key
from sandbox.launches import Launch, Launches
from sandbox.profiles import PROFILES
from sandbox.settings import SandboxConfigurationError, SandboxSettings
from sandbox.tokens import (
    AccessTokens,
    AuthorizationCode,
    Choice,
    Grant,
    OneTimeValues,
    SystemTokens,
)
from sandbox.users import EhrUser, users_of
from sandbox.wire import WireLog


@dataclass(frozen=True, kw_only=True)
class SandboxState:
    """The parts of one pretend EHR. `charts` and `users` are by patient id."""

    settings: SandboxSettings
    charts: Mapping[str, Chart]
    users: Mapping[str, tuple[EhrUser, ...]]
    clients: Mapping[str, Client]
    data_plane: DataPlane
    launches: Launches
    codes: OneTimeValues[AuthorizationCode]
    refresh_tokens: OneTimeValues[Grant]
    access_tokens: AccessTokens
    system_tokens: SystemTokens
    choices: OneTimeValues[Choice]
    assertions: Assertions
    signer: IdTokenSigner
    faults: Faults
    wire: WireLog
    exports: Exports

    def now(self) -> datetime:
        """Return the real time."""
        return self.settings.clock()

    def start(
        self,
        patient_id: str,
        *,
        user_reference: str | None = None,
        client_id: str | None = None,
        more: Mapping[str, object] | None = None,
        profile: str = "",
    ) -> str:
        """Issue a launch, as the app menu does, and return its opaque value.

        Raises:
            KeyError: no chart of this patient, or no such profile.
        """
        client = client_id or self.settings.clients[0].client_id
        launch = self.context(patient_id, client, user_reference, more or {}, profile)
        return self.launches.issue(launch, self.now())

    def start_without_patient(self, client_id: str, user_reference: str) -> str:
        """Issue a launch of a user who has no chart open, and return its opaque value."""
        launch = Launch(
            client_id=client_id, patient_id="", encounter_id=None, user_reference=user_reference,
            clinical_time=self.now(), profile=PROFILES[self.clients[client_id].profile or self.settings.profile],
        )  # fmt: skip
        return self.launches.issue(launch, self.now())

    def context(
        self,
        patient_id: str,
        client_id: str,
        user_reference: str | None = None,
        more: Mapping[str, object] = MappingProxyType({}),
        profile: str = "",
    ) -> Launch:
        """Return what a launch of this patient stands for, opened by the chart's first clinician unless named."""
        chosen = profile or self.clients[client_id].profile or self.settings.profile
        return Launch(
            client_id=client_id,
            patient_id=patient_id,
            encounter_id=_current_encounter(self.data_plane, patient_id),
            user_reference=user_reference or self.users[patient_id][0].reference,
            clinical_time=self.charts[patient_id].as_of,
            more=more,
            profile=PROFILES[chosen],
        )

    def other_patient(self, patient_id: str | None) -> str | None:
        """Return another loaded patient, None when there is only one."""
        return next((other for other in self.charts if other != patient_id), None)


def build(settings: SandboxSettings) -> SandboxState:
    """Load the charts and return a fresh EHR.

    Raises:
        SandboxConfigurationError: no chart, or one that cannot be read.
    """
    charts = tuple(read_manifest(folder) for folder in settings.chart_folders)
    if not charts:
        raise SandboxConfigurationError("SANDBOX_CHARTS names no chart folder")
    database = prepare(charts, settings.data_folder, settings.fhir_base)
    data_plane = DataPlane(database, settings.fhir_base)
    return SandboxState(
        settings=settings,
        charts={chart.patient_id: chart for chart in charts},
        users=_users(database, charts, settings.fhir_base),
        clients={client.client_id: client for client in settings.clients},
        data_plane=data_plane,
        launches=Launches(settings.launch_lifetime_s),
        codes=OneTimeValues(settings.code_lifetime_s),
        refresh_tokens=OneTimeValues(settings.refresh_token_lifetime_s),
        access_tokens=AccessTokens(settings.access_token_lifetime_s),
        system_tokens=SystemTokens(),
        choices=OneTimeValues(settings.launch_lifetime_s),
        assertions=Assertions(settings.fetch),
        signer=IdTokenSigner(issuer=settings.fhir_base, key=stored_key(settings.data_folder)),
        faults=Faults(),
        wire=WireLog(settings.clock),
        exports=Exports(settings.clock, data_plane, settings.population),
    )


@lru_cache(maxsize=8)  # a prepared file never changes
def _users(
    database: Path, charts: tuple[Chart, ...], base: str
) -> Mapping[str, tuple[EhrUser, ...]]:
    data_plane = DataPlane(database, base)
    try:
        found = {chart.patient_id: users_of(chart, data_plane) for chart in charts}
    finally:
        data_plane.close()
    return MappingProxyType(found)


def _current_encounter(data_plane: DataPlane, patient_id: str) -> str | None:
    encounters = data_plane.resources(
        "Encounter",
        ("patient", patient_id),
        ("status", "arrived,triaged,in-progress"),
        ("_sort", "-date"),
    )
    return encounters[0]["id"] if encounters else None
