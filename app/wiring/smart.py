"""Build what speaks to the EHRs' authorization servers."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from app.audit.log import AuditLog, Who
from app.boundary import Boundary
from app.launch_context import LaunchContext
from app.settings import Settings
from app.smart.backend_services import BackendTokens
from app.smart.client_auth import ClientAuth
from app.smart.discovery import Discovery
from app.smart.keys import Keyring
from app.smart.presented import TokenProver
from app.smart.registration import Registration
from app.smart.registry import Registry as Registrations
from app.smart.revocation import Revoker
from app.smart.style import Styles
from app.smart.token_endpoint import TokenEndpoint
from app.smart.tokens import TokenVault
from app.store.keys import KeyRows
from app.store.tokens import TokenRows

if TYPE_CHECKING:
    pass


from app.wiring.services import Clock, Smart


def smart_services(
    settings: Settings,
    registry: Registrations,
    boundaries: Mapping[str, Boundary],
    engine: Engine,
    now: Clock,
    audit: AuditLog,
) -> Smart:
    """Return it; the registrations' keys are there, or the start is refused."""

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
