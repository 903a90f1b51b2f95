"""The faults inside a token response: more, less or other than the copilot would like."""

from collections.abc import Mapping
from dataclasses import replace

from sandbox.faults import Fault, Struck
from sandbox.launches import Launch
from sandbox.tokens import Grant

Body = dict[str, object]

LEFT_OUT: Mapping[Fault, str] = {
    "missing_patient": "patient",
    "missing_encounter": "encounter",
    "banner_unsaid": "need_patient_banner",
    "no_expiry": "expires_in",
}
CONTEXT: Body = {
    "fhirContext": [
        {"reference": "ImagingStudy/sandbox-1", "type": "ImagingStudy"},
        {"reference": "DocumentReference/sandbox-2", "role": "https://roles.example/open"},
    ],
    "intent": "summary-timeline-view",
    "tenant": "sandbox-tenant",
}
MORE_SCOPES = "patient/*.cruds user/*.cruds system/*.cruds"


def changed(body: Body, struck: Struck, other_patient: str | None, *, first: bool) -> Body:
    """Return the response as the striking rules make it; some strike refreshes only (not `first`)."""
    if struck.rule("more_context"):
        body = body | CONTEXT
    if struck.rule("needs_patient_banner"):
        body["need_patient_banner"] = True
    if struck.rule("other_patient"):
        body["patient"] = other_patient or "stranger"
    if struck.rule("more_scopes"):
        body["scope"] = f"{body['scope']} {MORE_SCOPES}"
    left_out = {name for fault, name in LEFT_OUT.items() if struck.rule(fault)}
    if not first:
        left_out |= {"id_token"} if struck.rule("refresh_without_id_token") else set()
        left_out |= {"refresh_token"} if struck.rule("no_rotation") else set()
    return {name: value for name, value in body.items() if name not in left_out}


def named(grant: Grant, struck: Struck) -> tuple[Grant, str]:
    """Return the grant and the user that an id_token names, in the form that the rules ask for."""
    launch: Launch = grant.launch
    user = launch.user_reference
    if struck.rule("fhir_user_patient"):
        user = f"Patient/{launch.patient_id}"
    if struck.rule("fhir_user_related"):
        user = f"RelatedPerson/relative-{launch.patient_id}"
    if struck.rule("fhir_user_foreign"):
        user = f"https://elsewhere.example/fhir/{user}"
    if struck.rule("fhir_user_relative") or struck.rule("fhir_user_foreign"):
        as_written = replace(launch.profile, fhir_user="relative")
        grant = replace(grant, launch=replace(launch, profile=as_written))
    return grant, user
