"""The faults inside a FHIR answer: a stranger's record, a suppressed part, a dead or merged patient."""

from typing import Any

from sandbox.data_plane import DataPlane
from sandbox.faults import Struck
from sandbox.outcomes import entry as outcome_entry

Resource = dict[str, Any]


def changed(
    body: Resource, struck: Struck, data_plane: DataPlane, other_patient: str | None
) -> Resource:
    """Return the answer as the striking rules make it; the stored resources stay as they are."""
    if body["resourceType"] == "Patient":
        return _changed_patient(body, struck, other_patient)
    if body["resourceType"] != "Bundle":
        return body
    entries = [
        entry | {"resource": _changed_patient(entry["resource"], struck, other_patient)}
        for entry in body.get("entry", [])
    ]
    if struck.rule("wrong_patient_entry") and entries:
        entries.append(_foreign_entry(entries[0], data_plane, other_patient or "stranger"))
    if rule := struck.rule("outcome_entry"):
        entries.append(outcome_entry(rule.outcome))
    return body | {"entry": entries} if entries else body


def _changed_patient(resource: Resource, struck: Struck, other_patient: str | None) -> Resource:
    if resource["resourceType"] != "Patient":
        return resource
    if struck.rule("deceased"):
        resource = resource | {"deceasedDateTime": "2026-10-02"}
    if struck.rule("merged"):
        other = {"reference": f"Patient/{other_patient or 'survivor'}"}
        link = {"other": other, "type": "replaced-by"}
        resource = resource | {"active": False, "link": [link]}
    return resource


def _foreign_entry(entry: Resource, data_plane: DataPlane, other_patient: str) -> Resource:
    resource_type = entry["resource"]["resourceType"]
    if resource_type == "Patient":
        found = data_plane.resources("Patient", ("_id", other_patient))
    else:
        found = data_plane.resources(resource_type, ("patient", other_patient))
    # A chart without this type still has to leak something: the first entry, under another owner.
    owner = {"reference": f"Patient/{other_patient}"}
    element = "patient" if "patient" in entry["resource"] else "subject"
    made_up = entry["resource"] | {"id": f"foreign-{entry['resource']['id']}"[:64], element: owner}
    resource = found[0] if found else made_up
    address = entry["fullUrl"].rpartition("/")[0]
    return {
        "fullUrl": f"{address}/{resource['id']}",
        "resource": resource,
        "search": {"mode": "match"},
    }
