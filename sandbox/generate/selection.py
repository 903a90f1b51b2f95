"""What every generated chart needs: dates moved, what a record refers to kept, short ids given.

References are as a generator wrote them, `urn:uuid:x` or `Type/x`, until `with_short_ids` rewrites them.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.generate.clock import ZONE
from sandbox.generate.ndjson import Resource

_URN = "urn:uuid:"
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT")
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_DATES = (
    "effectiveDateTime",
    "authoredOn",
    "recordedDate",
    "performedDateTime",
    "occurrenceDateTime",
    "date",
    "started",
    "onsetDateTime",
    "created",
    "manufactureDate",
)
_SHORT = {
    "AllergyIntolerance": "allergy",
    "CarePlan": "plan",
    "CareTeam": "team",
    "Claim": "claim",
    "Condition": "cond",
    "Coverage": "cov",
    "Device": "dev",
    "DeviceUseStatement": "use",
    "DiagnosticReport": "dr",
    "DocumentReference": "doc",
    "Encounter": "enc",
    "ExplanationOfBenefit": "eob",
    "FamilyMemberHistory": "family",
    "Goal": "goal",
    "ImagingStudy": "img",
    "Immunization": "imm",
    "Location": "loc",
    "MedicationAdministration": "adm",
    "MedicationRequest": "med",
    "Observation": "obs",
    "Organization": "org",
    "Patient": "patient",
    "Practitioner": "prac",
    "PractitionerRole": "role",
    "Procedure": "proc",
    "ServiceRequest": "sr",
    "Specimen": "spec",
}


def day_of(resource: Resource) -> str:
    """Return the day the resource happened, or an empty string for a person or place."""
    for key in _DATES:
        if key in resource:
            return str(resource[key])[:10]
    period: Resource = resource.get("period") or {}
    return str(period.get("start", ""))[:10]


def moved(value: Any, by: timedelta) -> Any:
    """Return `value` with every date later by `by` and every time read as Chicago's."""
    if isinstance(value, dict):
        later = {key: moved(item, by) for key, item in value.items()}
        if str(value.get("contentType", "")).startswith("text/plain"):
            later["data"] = _moved_text(value["data"], by)
        return later
    if isinstance(value, list):
        return [moved(item, by) for item in value]
    if isinstance(value, str) and _STAMP.match(value):
        wall = datetime.fromisoformat(value).replace(tzinfo=None, microsecond=0)
        return (wall + by).replace(tzinfo=ZONE).isoformat()
    if isinstance(value, str) and _DAY.fullmatch(value):
        return (date.fromisoformat(value) + by).isoformat()
    return value


def _moved_text(data: str, by: timedelta) -> str:
    text = base64.b64decode(data).decode()
    moved = _DAY.sub(lambda match: (date.fromisoformat(match[0]) + by).isoformat(), text)
    return base64.b64encode(moved.encode()).decode()


def with_referenced(chosen: Sequence[Resource], pool: Sequence[Resource]) -> list[Resource]:
    """Return `chosen` and whatever it refers to, in the order of `pool`."""
    by_id = {resource["id"]: resource for resource in pool}
    wanted = {resource["id"] for resource in chosen}
    waiting = sorted(wanted)
    while waiting:
        for reference in references(by_id[waiting.pop()]):
            target = reference["reference"].removeprefix(_URN).rpartition("/")[2]
            if target in by_id and target not in wanted:
                wanted.add(target)
                waiting.append(target)
    return [resource for resource in pool if resource["id"] in wanted]


def references(value: Any) -> Iterator[dict[str, str]]:
    """Return every Reference inside a resource."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def with_short_ids(resources: Sequence[Resource], prefix: str) -> list[Resource]:
    """Number the resources of each type by day, and rewrite every reference to them."""
    counts: Counter[str] = Counter()
    addresses: dict[str, str] = {}
    for resource in sorted(resources, key=lambda r: (r["resourceType"], day_of(r), r["id"])):
        kind = resource["resourceType"]
        counts[kind] += 1
        number = "" if kind == "Patient" else f"-{counts[kind]:04}"
        addresses[resource["id"]] = f"{kind}/{prefix}-{_SHORT[kind]}{number}"
    names = dict(_names(resources))
    for resource in resources:
        for reference in references(resource):
            target = reference["reference"].removeprefix(_URN).rpartition("/")[2]
            reference["reference"] = addresses[target]
            if target in names:
                reference["display"] = names[target]
    for resource in resources:
        resource["id"] = addresses[resource["id"]].partition("/")[2]
        resource["meta"] = _meta(resource)
    return [_head_first(resource) for resource in resources]


def _names(resources: Iterable[Resource]) -> Iterator[tuple[str, str]]:
    """Return what a reference to each person and place shows."""
    for resource in resources:
        kind = resource["resourceType"]
        if kind == "Practitioner":
            yield resource["id"], resource["name"][0]["text"]
        elif kind in {"Organization", "Location"}:
            yield resource["id"], resource["name"]


def _meta(resource: Resource) -> Resource:
    stamps = (resource.get(key) for key in ("issued", *_DATES))
    period: Resource = resource.get("period") or {}
    stamp = next((s for s in (*stamps, period.get("end"), period.get("start")) if s), "")
    return {"lastUpdated": stamp} if _STAMP.match(str(stamp)) else {}


def _head_first(resource: Resource) -> Resource:
    head = {key: resource[key] for key in ("resourceType", "id")}
    meta = {"meta": resource["meta"]} if resource["meta"] else {}
    return head | meta | {k: v for k, v in resource.items() if k not in {*head, "meta"}}
