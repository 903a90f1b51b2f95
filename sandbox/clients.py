"""Registered clients: who may ask for tokens, where the answer may go, and how much they may have."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

CHARTSIDE_CLIENT_ID = "chartside-sandbox"

# MedicationDispense is left out on purpose: many EHRs give no fills to an app, and the copilot has
# to say so. A request for it is not granted, and the gateway answers 403.
CHARTSIDE_SCOPES = (
    "launch",
    "launch/patient",
    "openid",
    "fhirUser",
    "online_access",
    "offline_access",
    "patient/Patient.rs",
    "patient/Encounter.rs",
    "patient/Condition.rs",
    "patient/AllergyIntolerance.rs",
    "patient/MedicationRequest.rs",
    "patient/Medication.rs",
    "patient/Observation.rs",
    "patient/ServiceRequest.rs",
    "patient/DiagnosticReport.rs",
    "patient/DocumentReference.rs",
    "patient/Binary.rs",
    "patient/Procedure.rs",
    "patient/Immunization.rs",
    "patient/Flag.rs",
    "patient/Appointment.rs",
    "patient/CarePlan.rs",
    "patient/CareTeam.rs",
    "patient/Communication.rs",
    "patient/Consent.rs",
    "patient/Coverage.rs",
    "patient/Device.rs",
    "patient/DeviceUseStatement.rs",
    "patient/EpisodeOfCare.rs",
    "patient/FamilyMemberHistory.rs",
    "patient/Goal.rs",
    "patient/ImagingStudy.rs",
    "patient/MedicationAdministration.rs",
    "patient/MedicationStatement.rs",
    "patient/NutritionOrder.rs",
    "patient/Provenance.rs",
    "patient/QuestionnaireResponse.rs",
    "patient/RelatedPerson.rs",
    "patient/Specimen.rs",
    "patient/Task.rs",
    "patient/Organization.rs",
    "patient/Location.rs",
    "user/Practitioner.r",
    "user/PractitionerRole.rs",
)


# OpenID Connect's registered names of the ways to authenticate.
Authentication = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]


@dataclass(frozen=True, kw_only=True)
class Client:
    """One registration. Its redirect addresses are compared as strings.

    `secret` is for the two `client_secret_…`, `jwks_url` for `private_key_jwt`. A confidential client must leave
    `client_id` out of its requests, unless `client_id_in_body` demands it. `system_scopes` are for Backend Services.
    `profile` names how the EHR behaves to this client; "": as the instance does. A client `at_launcher` is launched as the
    public SMART launcher does, which registers nobody. One that `introspects` may ask what any client's token is (RFC 7662: a
    protected resource).
    """

    client_id: str
    name: str
    launch_url: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    authentication: Authentication = "none"
    secret: str = ""
    jwks_url: str = ""
    client_id_in_body: bool = False
    system_scopes: tuple[str, ...] = ()
    profile: str = ""
    at_launcher: bool = False
    introspects: bool = False


def chartside_client(launch_url: str, scopes: tuple[str, ...] = CHARTSIDE_SCOPES) -> Client:
    """Return Chartside's registration; its redirect address is the launch address's neighbour."""
    return Client(
        client_id=CHARTSIDE_CLIENT_ID,
        name="Chartside",
        launch_url=launch_url,
        redirect_uris=(launch_url.rpartition("/")[0] + "/callback",),
        scopes=scopes,
    )


def backend_client(launch_url: str) -> Client:
    """Return Chartside's own registration for Backend Services, which exports; its key set stands at its own address."""
    parts = urlsplit(launch_url)
    return Client(
        client_id="chartside-backend",
        name="Chartside, exports",
        launch_url=launch_url,
        redirect_uris=(),
        scopes=(),
        authentication="private_key_jwt",
        jwks_url=f"{parts.scheme}://{parts.netloc}/.well-known/jwks.json",
        system_scopes=("system/*.rs",),
        introspects=True,
    )


def launcher_client(launch_url: str) -> Client:
    """Return Chartside as the public SMART launcher starts it: another registration of the same copilot."""
    there = launch_url.replace("/smart/sandbox/", "/smart/launcher/")
    return Client(
        client_id="chartside",
        name="Chartside at the SMART launcher",
        launch_url=there,
        redirect_uris=(),
        scopes=(),
        at_launcher=True,
    )
