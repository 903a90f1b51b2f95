"""Service accounts: a program without a user that reads the charts of patients that the registration lists, one token for each.

It proves itself by a signed assertion (private_key_jwt) and names one patient of its list; the token is for that patient, so no argument of a tool
can name another. The chart is read with Chartside's own token of Backend Services, held to this patient as every chart is. At every use
the registration must still list the service, the patient and the host.

Not protected: whoever holds the service's key reads the listed charts; the EHR's rules about users do not apply, because there is none.

Source: SMART App Launch 2.2.0, Backend Services and client authentication (asymmetric); RFC 7523; MCP 2026-07-28, authorization
"""

import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.audit.log import AuditLog, Detail, Who
from app.boundary import Boundary
from app.errors import ChartsideError, SessionEnded
from app.launch_context import LaunchContext
from app.mcp.authorization import McpCaller
from app.mcp.errors import McpHostRefused, McpRefused, OAuthRefused
from app.mcp.grants import Grants
from app.settings import Secret
from app.smart.backend_services import BackendTokens
from app.smart.mcp_server import Service
from app.smart.registration import Registration
from app.smart.registry import Registry
from app.smart.scopes import narrowed, parse_scopes
from app.smart.switches import Switches
from app.store.seal import opaque

PREFIX = "service:"
ALGORITHMS = ["ES384", "RS384"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# SMART App Launch 2.2.0, authentication JWT: no more than five minutes.
MOST_ASSERTION_S, LEEWAY_S, IDLE_S, MOST_JWKS_BYTES = 300, 10, 300.0, 65_536
Found = tuple[Registration, Service]


@dataclass(kw_only=True)
class _Used:
    """Which EHR a context in use reads, and when it was last asked for."""

    registration: Registration
    iss: str
    at: float


class ServiceAccounts:
    """Proves services, makes their contexts, and gives the boundary the token that reads for them. Thread-safe."""

    def __init__(
        self,
        *,
        token_endpoint: str,
        registry: Registry,
        switches: Switches,
        backend: BackendTokens,
        way_out: Callable[[Registration], Boundary],
        grants: Grants,
        audit: AuditLog,
        key: Secret,
        clock: Callable[[], datetime],
    ) -> None:
        self._token_endpoint = token_endpoint
        self._registry = registry
        self._switches = switches
        self._backend = backend
        self._way_out = way_out
        self._grants = grants
        self._audit = audit
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, _Used] = {}

    def any(self) -> bool:
        """Tell whether there are any."""
        return any(item.mcp_server.service for item in self._registry.all())

    def claims(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return what the token of a request says, because its service has proved itself and may read this patient.

        Raises:
            OAuthRefused: it has not, or it may not.
            SwitchedOff: IT has switched it off.
        """
        registration, service = self._proved(form)
        self._switches.demand(registration.slug, "mcp")
        patient_id = form.get("patient", "")
        if patient_id not in service.patients:
            raise OAuthRefused("invalid_request", "patient is not one of this service's list")
        have = " ".join(service.scopes)
        scope = narrowed(have, form["scope"]) if form.get("scope") else have
        if not scope:
            raise OAuthRefused("invalid_scope", "none of these scopes is registered")
        who = Who(registration=registration.slug, patient=f"{self._iss(registration, service)}/Patient/{patient_id}")  # fmt: skip
        detail: Detail = {"way": "service", "host": service.host, "client": service.client_id, "scope": scope}  # fmt: skip
        self._audit.record("mcp_token", who, detail)
        return {
            "sub": service.client_id, "client_id": service.host, "service": service.client_id,
            "registration": registration.slug, "launch": self._name(registration, service, patient_id),
            "patient": self._patient(registration, service, patient_id), "scope": scope,
        }  # fmt: skip

    def caller(self, claims: Mapping[str, Any]) -> McpCaller:
        """Return who a verified token of a service speaks for, as the registration says now.

        Raises:
            McpRefused: the registration lists the service, its host or its patient no longer.
            SwitchedOff: IT has switched it off.
        """
        registration, service = self._named(str(claims["service"]), str(claims["registration"]))
        self._switches.demand(registration.slug, "mcp")
        patients = [p for p in service.patients if self._is(registration, service, p, claims)]
        if not patients or service.host != claims["client_id"]:
            raise McpRefused("not a patient of this service")
        context = self._context(registration, service, patients[0], str(claims["scope"]))
        with self._lock:
            now = self._clock().timestamp()
            self._used[context.launch_id] = _Used(registration=registration, iss=context.iss, at=now)  # fmt: skip
        return McpCaller(
            context=context, whole=context, host=service.host, kind="service", token_id=str(claims["jti"])
        )  # fmt: skip

    def owns(self, launch_id: str) -> bool:
        """Tell whether a context is one of these."""
        return launch_id.startswith(PREFIX)

    def lives(self, launch_id: str) -> bool:
        """Tell whether a service still asks for a context."""
        now = self._clock().timestamp()
        with self._lock:
            self._used = {name: one for name, one in self._used.items() if now - one.at < IDLE_S}
            return launch_id in self._used

    def bearer(self, launch_id: str) -> str:
        """Return Chartside's own token at the EHR of a context, for the boundary only."""
        used = self._of(launch_id)
        return self._backend.get(used.registration, used.iss).access_token

    def refused(self, launch_id: str, access_token: str) -> None:
        """Note that the EHR answered 401: fetch a newer one."""
        used = self._of(launch_id)
        self._backend.get(used.registration, used.iss, refused=access_token)

    def _of(self, launch_id: str) -> _Used:
        with self._lock:
            used = self._used.get(launch_id)
        if used is None:
            raise SessionEnded("no such service context")
        return used

    def _context(
        self, registration: Registration, service: Service, patient_id: str, scope: str
    ) -> LaunchContext:
        iss = self._iss(registration, service)
        # No more than Chartside's own token at the EHR gives.
        granted = self._backend.get(registration, iss).scope.replace("system/", "patient/")
        kept = narrowed(narrowed(" ".join(service.scopes), scope), granted)
        return LaunchContext(
            launch_id=self._name(registration, service, patient_id), registration=registration.slug, iss=iss, tenant="",
            patient_id=patient_id, encounter_id=None, user_reference="", user_name="", client_id=service.client_id,
            scope=kept, grants=parse_scopes(kept), need_patient_banner=True, time_zone=registration.site.time_zone,
            launched_at=self._clock(),
        )  # fmt: skip

    def _proved(self, form: Mapping[str, str]) -> Found:
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthRefused("invalid_client", "client_assertion_type is missing or wrong")
        try:
            registration, service = self._named(_issuer(assertion), "")
            claims = dict(jwt.decode(assertion, self._keys(registration, service), algorithms=ALGORITHMS).claims)  # fmt: skip
        except (JoseError, ValueError, McpRefused, ChartsideError) as error:
            raise OAuthRefused("invalid_client", "the assertion does not hold") from error
        now = self._clock().timestamp()
        ends, jti = claims.get("exp"), claims.get("jti")
        same = claims.get("iss") == claims.get("sub") == service.client_id
        times = isinstance(ends, int) and now - LEEWAY_S < ends <= now + MOST_ASSERTION_S + LEEWAY_S
        if not same or not times or claims.get("aud") != self._token_endpoint:
            raise OAuthRefused("invalid_client", "the assertion does not hold")
        # RFC 7523 3: each counts once, in every process.
        if not isinstance(jti, str) or not self._grants.once(f"{service.client_id} {jti}", float(ends or 0) + LEEWAY_S):  # fmt: skip
            raise OAuthRefused("invalid_client", "the assertion was used before")
        return registration, service

    def _keys(self, registration: Registration, service: Service) -> KeySet:
        if service.jwks:
            return KeySet.import_key_set({"keys": [{**key} for key in service.jwks]})
        answer = self._way_out(registration).get(service.jwks_url, most_bytes=MOST_JWKS_BYTES)
        if answer.status != 200 or not isinstance(answer.json, dict):
            raise OAuthRefused("invalid_client", "the service's keys cannot be read")
        return KeySet.import_key_set(answer.json)  # type: ignore[arg-type]

    def _named(self, client_id: str, slug: str) -> Found:
        for item in self._registry.all():
            for service in item.mcp_server.service:
                if service.client_id == client_id and slug in ("", item.slug) and item.mcp_server.allows(service.host):  # fmt: skip
                    return item, service
        raise McpHostRefused("[[mcp_server.service]] names no such client")

    def _iss(self, registration: Registration, service: Service) -> str:
        return service.iss or registration.fhir.iss[0]

    def _name(self, registration: Registration, service: Service, patient_id: str) -> str:
        named = f"{service.client_id} {self._iss(registration, service)} {patient_id}"
        return PREFIX + opaque(self._key, "service", named)[:24]

    def _patient(self, registration: Registration, service: Service, patient_id: str) -> str:
        return opaque(self._key, "mcp-patient", f"{self._iss(registration, service)} {patient_id}")

    def _is(
        self,
        registration: Registration,
        service: Service,
        patient_id: str,
        claims: Mapping[str, Any],
    ) -> bool:
        return hmac.compare_digest(self._name(registration, service, patient_id), str(claims["launch"]))  # fmt: skip


def _issuer(assertion: str) -> str:
    """Return whom an assertion names, which proves nothing yet."""
    claims = orjson.loads(jws.extract_compact(assertion.encode()).payload)
    return str(claims.get("iss", "")) if isinstance(claims, dict) else ""
