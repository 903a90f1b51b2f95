"""The faults inside a FHIR answer: a stranger's record, a suppressed part, a dead or merged patient."""

from collections.abc import Mapping
from typing import Any

from sandbox.data_plane import DataPlane
from sandbox.faults import Outcome, Struck
from sandbox.refusals import operation_outcome

Resource = dict[str, Any]

EPIC_MESSAGES = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"
OUTCOMES: Mapping[Outcome, tuple[str, str, str]] = {
    "59204": (
        "warning",
        "suppressed",
        "The authenticated client's search request applies to a sub-resource that the client is not "
        "authorized for. Results of this sub-type will not be returned.",
    ),
    "4130": ("warning", "suppressed", "Break-the-glass security prevents access to data."),
}


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
        entries.append({"resource": _outcome(rule.outcome), "search": {"mode": "outcome"}})
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


def _outcome(outcome: Outcome) -> Resource:
    severity, code, text = OUTCOMES[outcome]
    coding = {"system": EPIC_MESSAGES, "code": outcome, "display": text}
    return operation_outcome(severity, code, text, coding)
