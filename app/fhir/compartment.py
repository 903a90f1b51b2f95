"""The patient guard: every resource that an EHR sends is checked, one by one, before anything else sees it.

What cannot be shown to belong to the launched patient (no subject, a group, a contained or logical reference) is
refused like another patient's. Not protected: a record that the EHR itself filed under the wrong patient.

Source: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

import re

from app.fhir.source import Resource

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# The element that names the patient; every other type of the compartment uses `subject`.
OWNER = {
    "AllergyIntolerance": "patient", "Immunization": "patient", "Device": "patient", "Consent": "patient",
    "FamilyMemberHistory": "patient", "EpisodeOfCare": "patient", "NutritionOrder": "patient",
    "ClaimResponse": "patient", "Claim": "patient", "ExplanationOfBenefit": "patient", "Coverage": "beneficiary",
    "Task": "for", "RelatedPerson": "patient", "VisionPrescription": "patient", "DetectedIssue": "patient",
}  # fmt: skip
# Read only by a reference that a resource of this patient carries, never searched.
BY_REFERENCE = frozenset(
    ("Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Binary")
)


def relative(reference: object, base: str) -> str:
    """Return `Type/id` of a reference that is relative or under our own base, empty for any other."""
    if not isinstance(reference, str):
        return ""
    sent = reference.removeprefix(base.rstrip("/") + "/")
    parts = sent.split("/")
    if len(parts) == 4 and parts[2] == "_history":
        parts = parts[:2]
    if len(parts) != 2 or not parts[0].isalpha() or not FHIR_ID.fullmatch(parts[1]):
        return ""
    return "/".join(parts) if ".." not in sent else ""


def belongs(resource: Resource, patient_id: str, base: str) -> bool:
    """Tell whether a resource is the launched patient's own."""
    kind = resource.get("resourceType")
    if kind == "Patient":
        return resource.get("id") == patient_id
    if not isinstance(kind, str) or kind in BY_REFERENCE:
        return False
    owner = resource.get(OWNER.get(kind, "subject"))
    named = owner.get("reference") if isinstance(owner, dict) else None
    return relative(named, base) == f"Patient/{patient_id}"


def may_fetch(reference: object, base: str) -> str:
    """Return `Type/id` if a reference may be read on its own, empty if not."""
    own = relative(reference, base)
    return own if own.partition("/")[0] in BY_REFERENCE else ""
