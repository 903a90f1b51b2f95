"""Turn one PySynthea patient into a sandbox chart: date, repair, select, give short ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sandbox.generate.clock import AS_OF
from sandbox.generate.ndjson import Chart, Resource
from sandbox.generate.selection import day_of, moved, with_referenced, with_short_ids
from sandbox.generate.synthea_repair import repair
from sandbox.generate.synthea_run import ARGUMENTS, DISTRIBUTION, SEED, patient, version

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
    moved = [moved(resource, timedelta(weeks=recipe.weeks)) for resource in generated]
    present = [r for r in moved if day_of(r) <= AS_OF.date().isoformat()]
    kept = with_referenced(_recent(repair(present), recipe.since), present)
    resources = with_short_ids(kept, recipe.prefix)
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
