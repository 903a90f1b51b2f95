"""Registered clients: who may ask for tokens, where the answer may go, and how much they may have."""

from dataclasses import dataclass

CHARTSIDE_CLIENT_ID = "chartside-sandbox"

# MedicationDispense is left out on purpose: many EHRs give no fills to an app, and the copilot has
# to say so. A request for it is not granted, and the gateway answers 403.
CHARTSIDE_SCOPES = (
    "launch",
    "openid",
    "fhirUser",
    "online_access",
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
    "patient/Organization.rs",
    "patient/Location.rs",
    "user/Practitioner.r",
)


@dataclass(frozen=True, kw_only=True)
class Client:
    """One registration of a public client. Its redirect addresses are compared as strings."""

    client_id: str
    name: str
    launch_url: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]


def chartside_client(launch_url: str, scopes: tuple[str, ...] = CHARTSIDE_SCOPES) -> Client:
    """Return Chartside's registration; its redirect address is the launch address's neighbour."""
    return Client(
        client_id=CHARTSIDE_CLIENT_ID,
        name="Chartside",
        launch_url=launch_url,
        redirect_uris=(launch_url.rpartition("/")[0] + "/callback",),
        scopes=scopes,
    )
