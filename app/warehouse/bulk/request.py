"""What is asked for: a kick-off request in the words of the specification, by GET or by POST."""

from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

Level = Literal["system", "patient", "group"]
# What US Core 9 needs and EHRs export; a registration may name fewer or others.
TYPES = (
    "AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport",
    "DocumentReference", "Encounter", "FamilyMemberHistory", "Flag", "Goal", "Immunization", "Location", "Medication",
    "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation",
    "Organization", "Patient", "Practitioner", "PractitionerRole", "Procedure", "Provenance",
    "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Specimen",
)  # fmt: skip


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One kick-off. Instants are text as the server wrote them, so that none is rounded on the way back.

    `filters` are searches such as `Condition?category=problem-list-item`; several of a type are joined by "or".
    `patients` (ids) are for the levels patient and group, and need `method` POST.
    """

    level: Level = "system"
    group: str = ""
    types: tuple[str, ...] = TYPES
    filters: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    elements: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    organize_by: str = ""
    partial_manifests: bool = False
    method: Literal["GET", "POST"] = "GET"

    def path(self) -> str:
        """Return the operation's address below the FHIR base."""
        match self.level:
            case "system":
                return "$export"
            case "patient":
                return "Patient/$export"
            case "group":
                return f"Group/{self.group}/$export"

    def parameters(self) -> list[tuple[str, str]]:
        """Return name and value of each parameter, in the specification's order."""
        found = [
            ("_since", self.since),
            ("_until", self.until),
            ("_type", ",".join(self.types)),
            ("_elements", ",".join(self.elements)),
            *(("_typeFilter", one) for one in self.filters),
            ("organizeOutputBy", self.organize_by),
            ("allowPartialManifests", "true" if self.partial_manifests else ""),
        ]
        return [(name, value) for name, value in found if value]

    def url(self, base: str) -> str:
        """Return the address of the GET request."""
        address = f"{base}/{self.path()}"
        return address if self.method == "POST" else f"{address}?{urlencode(self.parameters())}"

    def body(self) -> dict[str, Any]:
        """Return the Parameters resource of the POST request."""
        kinds = {"_since": "valueInstant", "_until": "valueInstant", "allowPartialManifests": "valueBoolean"}  # fmt: skip
        sent: list[dict[str, Any]] = [
            {"name": name, kinds.get(name, "valueString"): True if value == "true" else value}
            for name, value in self.parameters()
        ]
        sent += [
            {"name": "patient", "valueReference": {"reference": f"Patient/{one}"}} for one in self.patients
        ]  # fmt: skip
        return {"resourceType": "Parameters", "parameter": sent}

    def unheard(self, echoed: str) -> tuple[str, ...]:
        """Return the parameters of ours that the manifest's `request` does not repeat, by name.

        A server that was asked by POST repeats only the address, and is not judged by it.
        """
        if self.method == "POST" or not urlsplit(echoed).query:
            return ()
        heard = {name for name, _ in parse_qsl(urlsplit(echoed).query)}
        return tuple(sorted({name for name, _ in self.parameters()} - heard))
