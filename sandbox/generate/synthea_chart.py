"""Turn one PySynthea patient into a sandbox chart: date, repair, select, give short ids."""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.generate.clock import AS_OF, ZONE
from sandbox.generate.ndjson import Chart, Resource
from sandbox.generate.synthea_repair import repair
from sandbox.generate.synthea_run import ARGUMENTS, DISTRIBUTION, SEED, patient, version

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
    "DiagnosticReport": "dr",
    "DocumentReference": "doc",
    "Encounter": "enc",
    "ExplanationOfBenefit": "eob",
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
}
# Kept whatever their age: a chart without them would be false rather than short.
_TIMELESS = frozenset({"Patient", "AllergyIntolerance", "Immunization"})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which generated patient becomes which chart.

    `since` is the day from which this EHR kept records; active problems, active orders, allergies
    and vaccines are kept whatever their age. `weeks` moves the whole life, birth included, so that
    the last visit comes shortly before the charts' clock; whole weeks keep the weekdays.
    """

    name: str
    title: str
    prefix: str
    file_stem: str
    since: str
    weeks: int
    dropped: frozenset[str]
    remark: str = ""


TYPICAL = Recipe(
    name="typical",
    title="KIRLIN, Davis: an ordinary chart of several problems",
    prefix="ty",
    file_stem="Davis_Kirlin",
    since="2012-01-01",
    weeks=28,
    dropped=frozenset({"Claim", "Device", "ExplanationOfBenefit", "Provenance", "SupplyDelivery"}),
)
LARGE = Recipe(
    name="large",
    title="CARTWRIGHT, Mitzie: a very large chart",
    prefix="la",
    file_stem="Mitzie_Cartwright",
    since="",
    weeks=0,
    dropped=frozenset({"Provenance", "SupplyDelivery"}),
    remark=" Claim and ExplanationOfBenefit are kept for size; no clinician reads them.",
)


def build(recipe: Recipe, synthea: str) -> Chart:
    """Generate the patient with the command `synthea` and return the chart."""
    everything = patient(synthea, recipe.file_stem)
    generated = [r for r in everything if r["resourceType"] not in recipe.dropped]
    moved = [_moved(resource, timedelta(weeks=recipe.weeks)) for resource in generated]
    present = [r for r in moved if day_of(r) <= AS_OF.date().isoformat()]
    kept = _with_referenced(_recent(repair(present), recipe.since), present)
    resources = _with_short_ids(kept, recipe.prefix)
    return Chart(
        name=recipe.name,
        title=recipe.title,
        patient=next(r["id"] for r in resources if r["resourceType"] == "Patient"),
        generator=DISTRIBUTION,
        generator_version=version(synthea),
        seed=SEED,
        resources=resources,
        notes=_notes(recipe),
    )


def day_of(resource: Resource) -> str:
    """Return the day the resource happened, or an empty string for a person or place."""
    for key in _DATES:
        if key in resource:
            return str(resource[key])[:10]
    period: Resource = resource.get("period") or {}
    return str(period.get("start", ""))[:10]


def _notes(recipe: Recipe) -> Sequence[str]:
    dropped = ", ".join(sorted(recipe.dropped))
    span = (
        f"Kept from {recipe.since}, with everything still active."
        if recipe.since
        else "Whole life."
    )
    moved = f" Every date is {recipe.weeks} weeks later." if recipe.weeks else ""
    return (
        f"synthea {' '.join(ARGUMENTS)}, patient {recipe.file_stem}",
        f"{span} Left out: {dropped}.{moved}{recipe.remark}",
        "Repaired as sandbox/generate/synthea_repair.py says. Values are synthetic: results of one "
        "draw need not agree with each other.",
    )


def _moved(value: Any, by: timedelta) -> Any:
    """Return `value` with every date later by `by` and every time read as Chicago's."""
    if isinstance(value, dict):
        moved = {key: _moved(item, by) for key, item in value.items()}
        if str(value.get("contentType", "")).startswith("text/plain"):
            moved["data"] = _moved_text(value["data"], by)
        return moved
    if isinstance(value, list):
        return [_moved(item, by) for item in value]
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


def _recent(resources: Sequence[Resource], since: str) -> list[Resource]:
    """Return what stays; of a visit before `since` not even the reference does."""
    kept = [r for r in resources if not since or _stays(r, since)]
    for resource in kept:
        if day_of(resource) < since:
            resource.pop("encounter", None)
    return kept


def _stays(resource: Resource, since: str) -> bool:
    kind = resource["resourceType"]
    if kind in _TIMELESS or (day_of(resource) or since) >= since:
        # People and places have no day: they stay only if something that stays refers to them.
        return bool(day_of(resource)) or kind in _TIMELESS
    if kind == "MedicationRequest":
        return str(resource["status"]) == "active"
    if kind == "Condition":
        category = resource["category"][0]["coding"][0]["code"]
        clinical = resource["clinicalStatus"]["coding"][0]["code"]
        return (category, clinical) == ("problem-list-item", "active")
    return False


def _with_referenced(chosen: Sequence[Resource], pool: Sequence[Resource]) -> list[Resource]:
    """Return `chosen` and whatever it refers to, in the order of `pool`."""
    by_id = {resource["id"]: resource for resource in pool}
    wanted = {resource["id"] for resource in chosen}
    waiting = sorted(wanted)
    while waiting:
        for reference in references(by_id[waiting.pop()]):
            target = reference["reference"].removeprefix(_URN)
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


def _with_short_ids(resources: Sequence[Resource], prefix: str) -> list[Resource]:
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
            target = reference["reference"].removeprefix(_URN)
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
