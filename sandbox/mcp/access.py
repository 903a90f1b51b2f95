"""Who calls: the launch's own token as bearer, or what SHARP-on-MCP passes in headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Mode = Literal["mcp", "sharp"]
MODES: tuple[Mode, ...] = ("mcp", "sharp")
SHARP = "ai.promptopinion/fhir-context"


class NoAccess(Exception):
    """Nothing says who calls, or for which FHIR server; the message tells the caller what is missing."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The access token of a launch, and the patient that the caller named outside the arguments ("" if none)."""

    token: str
    patient_id: str = ""


def caller(mode: Mode, headers: Mapping[str, str], fhir_base: str) -> Caller:
    """Return who calls.

    Raises:
        NoAccess: no token, or one for another FHIR server.
    """
    if mode == "mcp":
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise NoAccess("a bearer token of this EHR is required")
        return Caller(token=value)
    if headers.get("x-fhir-server-url", "").rstrip("/") != fhir_base:
        raise NoAccess("X-FHIR-Server-URL must name this EHR")
    token = headers.get("x-fhir-access-token", "")
    if not token:
        raise NoAccess("X-FHIR-Access-Token is required")
    return Caller(token=token, patient_id=headers.get("x-patient-id", ""))
