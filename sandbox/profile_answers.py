"""What a launch's profile, and the marks of a chart, make of a FHIR request and its answer.

A resource that is tagged with a message's number (`urn:chartside:sandbox`) is not given to an app: a search says the
message instead, a read is refused with it. `4131` on the Patient closes the whole chart, `4107` turns it away to the
record it was merged into.
"""

from collections.abc import Sequence
from typing import Any, get_args

from sandbox.data_plane import DataPlane
from sandbox.launches import Launch
from sandbox.outcomes import Outcome, entry, refused

Resource = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

TAGS = "urn:chartside:sandbox"
SNOMED = "http://snomed.info/sct"
HL7 = "http://terminology.hl7.org/CodeSystem"


def refuse(
    launch: Launch, data_plane: DataPlane, resource_type: str, parameters: Parameters | None, base: str
) -> None:  # fmt: skip
    """Refuse what this EHR does not answer; `parameters` is None for a read.

    Raises:
        FhirRefusal: with the EHR's own message.
    """
    patient = data_plane.read("Patient", launch.patient_id)
    mark = _mark(patient)
    if mark == "4131":
        raise refused("4131")
    survivor = _survivor(patient)
    turned_away = survivor and (mark == "4107" or launch.profile.redirects_merged)
    if turned_away and resource_type == "Patient":
        raise refused("4107", Location=f"{base}/{survivor}")
    if parameters is None:
        return
    demanded = launch.profile.needs_one_of.get(resource_type, frozenset())
    names = {name.partition(":")[0] for name, _ in parameters}
    if demanded and not demanded & names:
        raise refused("59108")
    offset = int(dict(parameters).get("_offset", "0"))
    if offset and launch.profile.pages == 1:
        raise refused("4113")


def shown(resource: Resource) -> Resource:
    """Return a resource that was read.

    Raises:
        FhirRefusal: this EHR does not give it to an app.
    """
    mark = _mark(resource)
    if mark in ("4130", "59204"):
        raise refused("4130") if mark == "4130" else refused("59204")
    return resource


def shaped(launch: Launch, resource_type: str, bundle: Resource, parameters: Parameters) -> Resource:  # fmt: skip
    """Return a searchset as this EHR sends it: what is held back left out, what it says of that added."""
    entries = list(bundle.get("entry", []))
    marks = [_mark(one["resource"]) for one in entries]
    kept = [one for one, mark in zip(entries, marks, strict=True) if mark in ("", "4107")]
    said = dict.fromkeys([*(mark for mark in marks if mark not in ("", "4107")), *launch.profile.says(resource_type)])  # fmt: skip
    omitted = launch.profile.omits.get(resource_type, 0)
    if omitted and kept and "_offset" not in dict(parameters):
        kept, said = kept[omitted:], {**said, "omitted": None}
    if (
        resource_type == "AllergyIntolerance"
        and not entries
        and launch.profile.not_asked == "resource"
    ):
        kept = [_not_asked(launch.patient_id)]
    total = {"total": bundle["total"] + len(kept) - len(entries)} if "total" in bundle else {}
    told = [entry(outcome) for outcome in get_args(Outcome) if outcome in said]
    return bundle | total | ({"entry": [*kept, *told]} if kept or told else {})


def _mark(resource: Resource) -> str:
    """Return the number a resource is tagged with, empty for an ordinary one."""
    tags = resource.get("meta", {}).get("tag", [])
    numbers = [tag["code"] for tag in tags if tag.get("system") == TAGS]
    return next((number for number in numbers if number in get_args(Outcome)), "")


def _survivor(patient: Resource) -> str:
    links = [one for one in patient.get("link", []) if one["type"] == "replaced-by"]
    return str(links[0]["other"]["reference"]) if links else ""


def _not_asked(patient_id: str) -> Resource:
    code = {"system": SNOMED, "code": "1631000175102", "display": "Patient not asked"}
    status = {"system": f"{HL7}/allergyintolerance-clinical", "code": "active"}
    return {
        "resource": {
            "resourceType": "AllergyIntolerance",
            "id": f"not-asked-{patient_id}"[:64],
            "clinicalStatus": {"coding": [status]},
            "code": {"coding": [code], "text": "Not on file"},
            "patient": {"reference": f"Patient/{patient_id}"},
        },
        "search": {"mode": "match"},
    }
