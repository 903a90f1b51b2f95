"""The patient guard: every resource that an EHR sends is checked, one by one, before anything else sees it.

What cannot be shown to belong to the launched patient (no subject, a group, a contained or logical reference) is
refused like another patient's; other people inside a record (`contained`) are taken out. Not protected: a record
that the EHR itself filed under the wrong patient, and other people named in words.

Source: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

import re
from typing import Any

from app.fhir.source import Resource

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# The element that names the patient; every other type of the compartment uses `subject`.
OWNER = {
    "AllergyIntolerance": "patient", "Immunization": "patient", "Device": "patient", "Consent": "patient",
    "FamilyMemberHistory": "patient", "EpisodeOfCare": "patient", "NutritionOrder": "patient",
    "ClaimResponse": "patient", "Claim": "patient", "ExplanationOfBenefit": "patient", "Coverage": "beneficiary",
    "Task": "for", "RelatedPerson": "patient", "VisionPrescription": "patient", "DetectedIssue": "patient",
}  # fmt: skip
# Types whose patient stands among others in a list: the list, and the element of each item (itself: "").
LISTED = {"Appointment": ("participant", "actor"), "Provenance": ("target", "")}
# Read only by a reference that a resource of this patient carries, never searched.
BY_REFERENCE = frozenset(
    ("Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Binary")
)
OWNERS = frozenset(("subject", *OWNER.values()))
# A reference that may be this EHR's own, written in full or with a version.
LONG_REFERENCE = re.compile(rb'"reference"\s*:\s*"(?:https?:|[^"]*_history)')
# A person, or what lists persons: never kept inside another resource.
PEOPLE = frozenset(("Patient", "RelatedPerson", "Person", "Group"))


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


def shorten_references(body: Resource, base: str) -> None:
    """Write every reference under our own base, or to a version, as plain `Type/id`, in place: so they are compared.

    References to other servers stay as sent.
    """
    waiting: list[Any] = [body]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if own := relative(one.get("reference"), base):
                one["reference"] = own
            waiting += one.values()


def belongs(resource: Resource, patient_id: str, base: str) -> bool:
    """Tell whether a resource is the launched patient's own."""
    kind = resource.get("resourceType")
    if kind == "Patient":
        return resource.get("id") == patient_id
    if not isinstance(kind, str) or kind in BY_REFERENCE:
        return False
    if kind in LISTED:
        return _is_listed(resource, *LISTED[kind], ours=f"Patient/{patient_id}", base=base)
    owner = resource.get(OWNER.get(kind, "subject"))
    named = owner.get("reference") if isinstance(owner, dict) else None
    return relative(named, base) == f"Patient/{patient_id}"


def _is_listed(resource: Resource, name: str, element: str, *, ours: str, base: str) -> bool:
    """Tell whether a list names our patient and no other: a group's appointment shows who else comes."""
    sent = resource.get(name)
    items = [i for i in sent if isinstance(i, dict)] if isinstance(sent, list) else []
    named = [(i.get(element) if element else i) for i in items]
    references = [str(n.get("reference") or "") for n in named if isinstance(n, dict)]
    people = [r for r in references if "Patient" in r.split("/")]
    return bool(people) and all(relative(r, base) == ours for r in people)


def own_part(resource: Resource, patient_id: str, base: str) -> Resource:
    """Return a resource without the contained ones that are, or are about, another person; itself if it has none.

    Source: https://hl7.org/fhir/R4/references.html#contained
    """
    sent = resource.get("contained")
    if sent is None:
        return resource
    inside = sent if isinstance(sent, list) else [sent]
    kept = [c for c in inside if isinstance(c, dict) and not _of_another(c, patient_id, base)]
    if kept == sent:
        return resource
    rest = {k: v for k, v in resource.items() if k != "contained"}
    return {**rest, "contained": kept} if kept else rest


def _of_another(contained: Resource, patient_id: str, base: str) -> bool:
    """Look at every level: a person, or a reference to one who is not the launched patient."""
    waiting: list[Any] = [contained]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if one.get("resourceType") in PEOPLE or _names_another(one, patient_id, base):
                return True
            waiting += one.values()
    return False


def _names_another(element: Resource, patient_id: str, base: str) -> bool:
    """Tell whether an element refers to another person, or has an owner who cannot be shown to be the patient."""
    ours = f"Patient/{patient_id}"
    sent = str(element.get("reference") or "")
    if PEOPLE & set(sent.split("/")) and relative(sent, base) != ours:
        return True
    owners = [element[name] for name in OWNERS if isinstance(element.get(name), dict | list)]
    listed = [o for owner in owners for o in (owner if isinstance(owner, list) else [owner])]
    return any(
        not isinstance(o, dict) or relative(o.get("reference"), base) != ours for o in listed
    )


def may_fetch(reference: object, base: str) -> str:
    """Return `Type/id` if a reference may be read on its own, empty if not."""
    own = relative(reference, base)
    return own if own.partition("/")[0] in BY_REFERENCE else ""
