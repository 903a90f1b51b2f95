"""Who may sit at the EHR: the practitioners of the charts, and two people the copilot refuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from sandbox.chart_files import Chart
from sandbox.data_plane import DataPlane

UserKind = Literal["Practitioner", "Patient", "RelatedPerson"]

MOST_CLINICIANS = 8


@dataclass(frozen=True, kw_only=True)
class EhrUser:
    """A signed-in person. `reference` is what fhirUser will point to."""

    reference: str
    name: str
    kind: UserKind


def users_of(chart: Chart, data_plane: DataPlane) -> tuple[EhrUser, ...]:
    """Return who may open this chart: its clinicians, then the patient and a relative.

    The clinician of the newest encounter comes first. A chart whose encounters name nobody may be
    opened by any practitioner.
    """
    name = display_name(data_plane.read("Patient", chart.patient_id))
    return (
        *_clinicians(chart, data_plane),
        EhrUser(reference=f"Patient/{chart.patient_id}", name=name, kind="Patient"),
        EhrUser(
            reference=f"RelatedPerson/{chart.relative_id}",
            name=f"Relative of {name}",
            kind="RelatedPerson",
        ),
    )


def _clinicians(chart: Chart, data_plane: DataPlane) -> Iterator[EhrUser]:
    encounters = data_plane.resources(
        "Encounter", ("patient", chart.patient_id), ("_sort", "-date")
    )
    ids = dict.fromkeys(
        reference.removeprefix("Practitioner/")
        for encounter in encounters
        for participant in encounter.get("participant", [])
        if (reference := participant.get("individual", {}).get("reference", "")).startswith(
            "Practitioner/"
        )
    )
    found = {person["id"]: person for person in data_plane.resources("Practitioner")}
    for fhir_id in islice((one for one in ids or found if one in found), MOST_CLINICIANS):
        yield EhrUser(
            reference=f"Practitioner/{fhir_id}",
            name=display_name(found[fhir_id]),
            kind="Practitioner",
        )


def display_name(resource: dict[str, Any]) -> str:
    """Return a person's name for people: its text, or given and family names and suffix."""
    name: dict[str, Any] = next(iter(resource.get("name", [])), {})
    parts = [*name.get("given", []), name.get("family", "")]
    plain = " ".join(part for part in parts if part)
    suffix = ", ".join(name.get("suffix", []))
    built = f"{plain}, {suffix}" if plain and suffix else plain
    return str(name.get("text") or built or resource["id"])
