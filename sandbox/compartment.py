"""The patient compartment: which resources belong to a patient, and which requests stay inside.

Membership is read from the element that names the patient in each type, from Binary's `securityContext`, and
where patients stand in a list (an appointment's participants, what a Provenance is about) from all of them. Not
covered: resources that belong to a patient only through another element, such as a Group; they are refused.
"""

from collections.abc import Sequence
from typing import Any

from sandbox.refusals import FhirRefusal

Resource = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

# Records of the organization, not of a patient; readable when a scope of the type is granted.
SHARED_TYPES = frozenset(
    {"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"}
)
OWNER_ELEMENTS = ("subject", "patient", "securityContext", "beneficiary", "for")
LISTS = {"Appointment": "participant", "Provenance": "target"}
OWNER_PARAMETERS = ("patient", "subject")
RESULT_PARAMETERS = frozenset({"_id", "_count", "_offset", "_sort", "_summary", "_format"})
NUMBERS = frozenset({"_count", "_offset"})
# The one `_include`: what these refer to is a medicine, never a person.
WITH_MEDICINES = frozenset(
    {"MedicationRequest", "MedicationAdministration", "MedicationDispense", "MedicationStatement"}
)


def belongs(resource: Resource, patient_id: str) -> bool:
    """Tell whether the resource is the patient, one of the patient's records, or shared."""
    resource_type = resource["resourceType"]
    if resource_type in SHARED_TYPES:
        return True
    if resource_type == "Patient":
        return bool(resource["id"] == patient_id)
    if resource_type in LISTS:
        return _listed(resource, patient_id)
    owners = [resource[name] for name in OWNER_ELEMENTS if name in resource]
    return any(owner.get("reference") == f"Patient/{patient_id}" for owner in owners)


def _listed(resource: Resource, patient_id: str) -> bool:
    items = resource.get(LISTS[resource["resourceType"]], [])
    references = [str(item.get("actor", item).get("reference", "")) for item in items]
    patients = {reference for reference in references if reference.startswith("Patient/")}
    return patients == {f"Patient/{patient_id}"}


def inside(
    resource_type: str, parameters: Parameters, patient_id: str, base_url: str
) -> Parameters:
    """Return the search to run, which can only find the patient's records.

    Raises:
        FhirRefusal: the search does not name the patient, names another, or reaches past the type
            by another `_include` than a medicine's, `_revinclude`, `_has` or a chained parameter.
    """
    for name, value in parameters:
        if name != "_include" or value not in included_with(resource_type):
            _check(name, value)
    if resource_type in SHARED_TYPES:
        return parameters
    if resource_type == "Patient":
        _require(parameters, ("_id",), {patient_id})
        return parameters
    _require(
        parameters,
        OWNER_PARAMETERS,
        {patient_id, f"Patient/{patient_id}", f"{base_url}/Patient/{patient_id}"},
    )
    unowned = [(name, value) for name, value in parameters if name not in OWNER_PARAMETERS]
    return [("patient", patient_id), *unowned]


def included_with(resource_type: str) -> tuple[str, ...]:
    """Return what can be included in a search of the type."""
    return (f"{resource_type}:medication",) if resource_type in WITH_MEDICINES else ()


def _check(name: str, value: str) -> None:
    if "." in name or (name.startswith("_") and name not in RESULT_PARAMETERS):
        raise FhirRefusal(400, "not-supported", f"search parameter {name} is not supported")
    if (name in NUMBERS and not value.isdecimal()) or (name == "_summary" and value != "count"):
        raise FhirRefusal(400, "value", f"search parameter {name} does not support {value!r}")


def _require(parameters: Parameters, names: tuple[str, ...], accepted: set[str]) -> None:
    naming = [(name, value) for name, value in parameters if name.partition(":")[0] in names]
    if not naming:
        raise FhirRefusal(403, "forbidden", f"the search must name the patient by {names[0]}")
    for name, value in naming:
        if name not in names or value not in accepted:
            raise FhirRefusal(
                403, "forbidden", "the search names another patient than the launched"
            )
