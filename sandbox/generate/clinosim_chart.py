"""Turn two of clinosim's patients into sandbox charts: each a hospital stay with notes and administrations.

The generator's content is kept; what no EHR would send is repaired and named in the manifest. Its times are a
hospital's own hours written as if they were UTC, so they are read as Chicago's. Names and numbers of patients are
ours. A Composition becomes the note that an EHR gives as a DocumentReference.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

from sandbox.generate.clinosim_run import ARGUMENTS, DISTRIBUTION, SEED, patient, version
from sandbox.generate.clock import AS_OF
from sandbox.generate.ndjson import Chart, Resource
from sandbox.generate.selection import day_of, moved, with_referenced, with_short_ids
from sandbox.generate.synthea_repair import name_concepts

DROPPED = frozenset(("ClinicalImpression", "Endpoint", "Specimen"))
# Numbers of the generator's own, and what identifies a person beyond a name.
_STRIPPED = (
    "identifier", "masterIdentifier", "extension", "telecom", "address", "contact", "endpoint", "securityLabel",
    "photo", "costToBeneficiary",
)  # fmt: skip
_OF_ORDERS = frozenset(("timing", "doseAndRate", "asNeededBoolean"))
_FOR_PEOPLE = ("text", "display")
_NUMBERED = frozenset(("Patient", "Practitioner"))
TODAY = AS_OF.date().isoformat()
_FOREIGN = "urn:oid:1.2.392."
_TAGS = re.compile(r"<[^>]+>")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which simulated patient becomes which chart, under which name; `weeks` moves the whole life, as in `synthea_chart`."""

    name: str
    about: str
    prefix: str
    fhir_id: str
    family: str
    given: str
    mrn: str
    weeks: int


PYELONEPHRITIS = Recipe(
    name="stay-kidney",
    about="a week in hospital with an infected kidney, ended 12-Nov-2026",
    prefix="sk",
    fhir_id="pt-197b51879831",
    family="Wexcombe",
    given="Thaddeus",
    mrn="80004",
    weeks=30,
)
INFARCTION = Recipe(
    name="stay-heart",
    about="two days in hospital with a heart attack, ended 17-Nov-2026",
    prefix="sh",
    fhir_id="pt-a664c9335e57",
    family="Ravensdale",
    given="Lysander",
    mrn="80005",
    weeks=39,
)


def build(recipe: Recipe, clinosim: str) -> Chart:
    """Simulate with the command `clinosim` and return the chart."""
    own, shared = patient(clinosim, recipe.fhir_id)
    documents = [
        _note(r) if r["resourceType"] == "Composition" else r for r in own if not _is_image(r)
    ]
    present = [_known_now(moved(r, timedelta(weeks=recipe.weeks))) for r in documents]
    chosen = [r for r in present if r["resourceType"] not in DROPPED and day_of(r) <= TODAY]
    pool = [*chosen, *(r for r in present if r["resourceType"] == "Specimen"), *shared]
    kept = with_referenced(chosen, [r for r in pool if r["resourceType"] != "Endpoint"])
    known = {f"{r['resourceType']}/{r['id']}" for r in kept}
    resources = with_short_ids([_repaired(r, known, recipe) for r in kept], recipe.prefix)
    return Chart(
        name=recipe.name,
        title=f"{recipe.family.upper()}, {recipe.given}: {recipe.about}",
        patient=next(r["id"] for r in resources if r["resourceType"] == "Patient"),
        generator=DISTRIBUTION,
        generator_version=version(clinosim),
        seed=SEED,
        resources=resources,
        notes=(
            f"clinosim simulate {' '.join(ARGUMENTS)}, patient {recipe.fhir_id}",
            f"Every date is {recipe.weeks} weeks later; what would lie after the charts' clock is left out.",
            f"Left out: {', '.join(sorted(DROPPED - {'Specimen'}))}, the generator's own numbers. Compositions became notes. Elements that are not FHIR R4's and codes of another country are removed. Times are read as Chicago's.",
            "Values are synthetic: results of one draw need not agree with each other.",
        ),
    )  # fmt: skip


def _known_now(resource: Resource) -> Resource:
    """Return a problem or an allergy without the record of a visit that is still to come."""
    lasting = resource["resourceType"] in ("Condition", "AllergyIntolerance")
    if not lasting or str(resource.get("recordedDate", ""))[:10] <= TODAY:
        return resource
    return {k: v for k, v in resource.items() if k not in ("recordedDate", "encounter")}


def _is_image(resource: Resource) -> bool:
    """Tell whether this is a Composition that repeats a diagnostic report."""
    return (
        resource["resourceType"] == "Composition" and "imaging" in resource["type"]["text"].lower()
    )


def _note(composition: Resource) -> Resource:
    """Return the Composition as the document that an EHR gives of it, section by section."""
    parts = [
        f"{section['title']}\n{unescape(_TAGS.sub('', section['text']['div'])).strip()}"
        for section in composition["section"]
    ]
    text = "\n\n".join(parts)
    attached = {
        "contentType": "text/plain; charset=utf-8",
        "data": base64.b64encode(text.encode()).decode(),
        "title": composition["title"],
    }
    system = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
    note = {"system": system, "code": "clinical-note", "display": "Clinical Note"}
    return {
        "resourceType": "DocumentReference",
        "id": composition["id"],
        "status": "current",
        "docStatus": composition["status"],
        "type": composition["type"],
        "category": [{"coding": [note], "text": "Clinical Note"}],
        "subject": composition["subject"],
        "date": composition["date"],
        "author": composition["author"],
        "content": [{"attachment": attached}],
        "context": {"encounter": [composition["encounter"]]},
    }


def _repaired(resource: Resource, known: set[str], recipe: Recipe) -> Resource:
    kind = resource["resourceType"]
    stripped = [n for n in _STRIPPED if not (n == "identifier" and kind in _NUMBERED)]
    out: Resource = _pruned({k: v for k, v in resource.items() if k not in stripped}, known)
    if kind == "Patient":
        out["name"] = [{"use": "official", "family": recipe.family, "given": [recipe.given]}]
        out["identifier"] = [
            {**out["identifier"][0], "system": "urn:harbor:mrn", "value": recipe.mrn}
        ]
        out["identifier"][0].pop("assigner", None)
    if kind == "Practitioner":
        named = out["name"][0]
        codes = [
            c["code"] for q in out.get("qualification", []) for c in q["code"].get("coding", [])
        ]
        named["text"] = ", ".join([f"{' '.join(named['given'])} {named['family']}", *codes[:1]])
    if kind == "Observation" and out["category"][0]["coding"][0]["code"] == "LAB":
        system = "http://terminology.hl7.org/CodeSystem/observation-category"
        coding = {"system": system, "code": "laboratory", "display": "Laboratory"}
        out["category"] = [{"coding": [coding], "text": "Laboratory"}]
    if kind == "MedicationAdministration" and "dosage" in out:
        # FHIR R4 MedicationAdministration.dosage has neither `timing` nor `doseAndRate`; an order has.
        out["dosage"] = {k: v for k, v in out["dosage"].items() if k not in _OF_ORDERS}
    if kind == "Organization":
        out["active"] = True
    name_concepts(out)
    return out


def _pruned(value: Any, known: set[str]) -> Any:
    """Return `value` without references to what is not in the chart, codes of another country, and hashes.

    Names that the generator wrote for programs ("Blood_culture_x2") are written for people.
    """
    if isinstance(value, dict):
        if not _stays(value, known):
            return None
        kept = {k: _pruned(v, known) for k, v in value.items() if k not in ("hash", "size")}
        spaced = {k: kept[k].replace("_", " ") for k in _FOR_PEOPLE if isinstance(kept.get(k), str)}
        return {k: v for k, v in (kept | spaced).items() if v not in (None, [], {})}
    if isinstance(value, list):
        return [v for v in (_pruned(one, known) for one in value) if v not in (None, [], {})]
    return value


def _stays(value: Resource, known: set[str]) -> bool:
    reference, system = value.get("reference"), value.get("system")
    dangling = isinstance(reference, str) and reference not in known
    return not dangling and not (isinstance(system, str) and system.startswith(_FOREIGN))


def charts(clinosim: str) -> Sequence[Chart]:
    """Return both stays."""
    return [build(recipe, clinosim) for recipe in (PYELONEPHRITIS, INFARCTION)]
