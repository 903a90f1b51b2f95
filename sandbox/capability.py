"""The CapabilityStatement: what the gateway supports, no more."""

from typing import Any

from sandbox.compartment import SHARED_TYPES, included_with
from sandbox.data_plane import search_parameters
from sandbox.settings import SandboxSettings

COMPARTMENT_TYPES = (
    "AllergyIntolerance",
    "Appointment",
    "CarePlan",
    "CareTeam",
    "Communication",
    "Condition",
    "Consent",
    "Coverage",
    "Device",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "NutritionOrder",
    "Observation",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
    "Task",
)
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SECURITY_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def capability_statement(settings: SandboxSettings) -> dict[str, Any]:
    """Return the CapabilityStatement of this EHR."""
    types = sorted({"Patient", "Binary", *COMPARTMENT_TYPES, *SHARED_TYPES})
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-24",
        "kind": "instance",
        "software": {"name": "Chartside sandbox EHR"},
        "implementation": {"description": "Invented charts", "url": settings.fhir_base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": _security(settings),
                "resource": [_resource(resource_type) for resource_type in types],
            }
        ],
    }


def _security(settings: SandboxSettings) -> dict[str, Any]:
    endpoints = [
        {"url": name, "valueUri": f"{settings.ehr_origin}/auth/{name}"}
        for name in ("authorize", "token", "revoke", "introspect")
    ]
    return {
        "service": [{"coding": [{"system": SECURITY_SERVICES, "code": "SMART-on-FHIR"}]}],
        "extension": [{"url": OAUTH_URIS, "extension": endpoints}],
    }


def _resource(resource_type: str) -> dict[str, Any]:
    searched = resource_type != "Binary"
    kinds = {"_id": "token"} | search_parameters(resource_type)
    parameters = [
        {"name": name, "type": kind}
        for name, kind in sorted(kinds.items())
        if not name.startswith("_") or name == "_id"
    ]
    interactions = ("read", "search-type") if searched else ("read",)
    described: dict[str, Any] = {
        "type": resource_type,
        "interaction": [{"code": code} for code in interactions],
    }
    if included := included_with(resource_type):
        described["searchInclude"] = list(included)
    return described | ({"searchParam": parameters} if searched else {})
