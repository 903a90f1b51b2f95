"""What true answers to sixty questions of clinicians hold, read from the raw chart files by a second program.

It shares nothing with the product: plain loops over NDJSON. `clinician60.toml` says, for each question, which
records of its chart a true answer shows, and which words it must also hold: what cannot be read here, or that
nothing was found. `Selected` is what this program found; a selection that finds nothing is a mistake in the
questions, and raises.
"""

import base64
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.evals.gold import Resource, as_of, codes_of, read, ref, words

FILE = Path(__file__).with_name("clinician60.toml")
WITHDRAWN = {"entered-in-error", "refuted", "cancelled"}
DATES = (
    "effectiveDateTime", "authoredOn", "recordedDate", "occurrenceDateTime", "performedDateTime", "date", "dateTime",
    "onsetDateTime",
)  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNITS = {"h": "hours", "d": "days"}


class Needed(NamedTuple):
    """One thing that a true answer shows: the record, and the words or the number that stand in it."""

    reference: str
    shown: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, and the measure of its answers; `says` and `decline` are patterns over all that is shown."""

    number: int
    role: str
    chart: str
    text: str
    user: str
    needed: tuple[Needed, ...]
    says: tuple[str, ...]
    decline: tuple[str, ...]
    none: bool
    calls: tuple[tuple[str, dict[str, object]], ...]


def questions() -> list[Question]:
    """Return the sixty, with what each answer needs."""
    return [_question(q) for q in tomllib.loads(FILE.read_text("utf-8"))["question"]]


def _question(told: dict[str, Any]) -> Question:
    found = resources(told["chart"])
    now = as_of(told["chart"])
    needed = [need for wanted in told.get("facts", []) for need in select(found, wanted, now)]
    says = [*told.get("says", [])]
    if "compute" in told:
        says += COMPUTED[told["compute"]](found, now)
    return Question(
        number=told["number"], role=told["role"], chart=told["chart"], text=told["text"],
        user=told.get("user", "Practitioner/none"), needed=tuple(dict.fromkeys(needed)), says=tuple(says),
        decline=tuple(told.get("decline", [])), none=told.get("none", False),
        calls=tuple((name, arguments) for name, arguments in told["calls"]),
    )  # fmt: skip


@cache
def resources(chart: str) -> list[Resource]:
    """Return a chart's records, without those that were withdrawn."""
    return [r for r in read(chart) if not _withdrawn(r)]


@cache
def by_reference(chart: str) -> dict[str, Resource]:
    """Return a chart's records by `Type/id`."""
    return {ref(r): r for r in resources(chart)}


def select(found: list[Resource], wanted: dict[str, Any], now: datetime) -> Iterable[Needed]:
    """Return what the records that `wanted` describes must show."""
    kept = [r for r in found if r["resourceType"] == wanted["kind"] and _fits(r, wanted, now)]
    if not kept:
        raise ValueError(f"nothing in the chart is {wanted}")
    if "newest" in wanted:
        kept = _newest(kept, wanted["newest"])
    for resource in kept:
        if passage := wanted.get("passage"):
            if passage not in " ".join(text(resource).split()):
                raise ValueError(f"{ref(resource)} does not hold {passage!r}")
            yield Needed(ref(resource), passage)
        else:
            for shown in SHOWN[wanted.get("show", "number")](resource):
                yield Needed(ref(resource), shown)


def text(resource: Resource) -> str:
    """Return the words of a note or a report."""
    notes = [content["attachment"].get("data", "") for content in resource.get("content", [])]
    parts = [base64.b64decode(note).decode("utf-8", "replace") for note in notes]
    return "\n".join([str(resource.get("conclusion", "")), *parts])


def named(resource: Resource) -> str:
    """Return what a record is of."""
    for field in ("code", "medicationCodeableConcept", "vaccineCode", "type"):
        concept = resource.get(field)
        for one in concept if isinstance(concept, list) else [concept]:
            if one:
                return words(one)
    return ""


def happened(resource: Resource) -> datetime:
    """Return when a record's event was; a day counts from its start."""
    period = resource.get("period") or {}
    stamp = next((resource[d] for d in DATES if resource.get(d)), period.get("start", "0001-01-01"))
    moment = datetime.fromisoformat(str(stamp))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fits(resource: Resource, wanted: dict[str, Any], now: datetime) -> bool:
    if "status" in wanted and resource.get("status") not in wanted["status"]:
        return False
    if "code" in wanted and not set(wanted["code"]) & codes_of([resource["code"]]):
        return False
    if "name" in wanted and not re.search(wanted["name"], named(resource), re.IGNORECASE):
        return False
    if wanted.get("flagged") and not _flagged(resource):
        return False
    return "since" not in wanted or _since(wanted["since"], now) <= happened(resource) <= now


def _since(told: str, now: datetime) -> datetime:
    if told[-1] in UNITS:
        return now - timedelta(**{UNITS[told[-1]]: int(told[:-1])})
    return datetime.fromisoformat(told).replace(tzinfo=now.tzinfo)


def _newest(found: list[Resource], how_many: int) -> list[Resource]:
    """Return the newest of each thing by name."""
    kept = []
    for name in {named(r) for r in found}:
        same = sorted((r for r in found if named(r) == name), key=happened, reverse=True)
        kept += same[:how_many]
    return kept


def _withdrawn(resource: Resource) -> bool:
    verification = codes_of([resource.get("verificationStatus", {})])
    return bool(WITHDRAWN & verification) or resource.get("status") in WITHDRAWN


def _flagged(resource: Resource) -> bool:
    return bool(codes_of(resource.get("interpretation", [])) & {"H", "L", "HH", "LL", "A"})


def _number(resource: Resource) -> list[str]:
    quantity = resource["valueQuantity"]
    return [str(quantity["value"])]


def _answer(resource: Resource) -> list[str]:
    concept = resource.get("valueCodeableConcept")
    return [words(concept)] if concept else []


def _any(resource: Resource) -> list[str]:
    return _number(resource) if "valueQuantity" in resource else _answer(resource)


def _components(resource: Resource) -> list[str]:
    return [str(part["valueQuantity"]["value"]) for part in resource["component"]]


def _date(resource: Resource) -> list[str]:
    when = happened(resource)
    return [f"{when.day:02}-{MONTHS[when.month - 1]}-{when.year}"]


def _reaction(resource: Resource) -> list[str]:
    return [words(m) for reaction in resource["reaction"] for m in reaction["manifestation"]]


def _diet(resource: Resource) -> list[str]:
    return [words(kind) for kind in resource["oralDiet"]["type"]]


def _members(resource: Resource) -> list[str]:
    return [member["member"]["display"] for member in resource["participant"]]


SHOWN = {
    "number": _number,
    "answer": _answer,
    "any": _any,
    "components": _components,
    "date": _date,
    "name": lambda r: [named(r)],
    "type": lambda r: [words(r["type"])],
    "relationship": lambda r: [words(kind) for kind in r["relationship"]],
    "reaction": _reaction,
    "recorder": lambda r: [r["recorder"]["display"]],
    "diet": _diet,
    "members": _members,
}


def mean_pressure(found: list[Resource], now: datetime) -> list[str]:
    """Return the mean systolic and diastolic of three months, to whole mmHg."""
    wanted = {"kind": "Observation", "code": ["85354-9"], "since": "92d", "show": "components"}
    values = [Decimal(n.shown) for n in select(found, wanted, now)]
    return [_mean(values[0::2]), _mean(values[1::2])]


def _mean(values: list[Decimal]) -> str:
    whole = (sum(values, Decimal()) / len(values)).quantize(Decimal(1), ROUND_HALF_UP)
    return rf"\b{whole}\b"


def mg_kg_day(found: list[Resource], now: datetime) -> list[str]:
    """Return the ordered amoxicillin for each kg and day, at the newest weight, to a tenth of a mg."""
    weight = {"kind": "Observation", "name": "^Body weight", "newest": 1}
    (kilograms,) = [Decimal(n.shown) for n in select(found, weight, now)]
    (order,) = [
        r for r in found if r["resourceType"] == "MedicationRequest" and "amoxicillin" in named(r)
    ]
    (instruction,) = order["dosageInstruction"]
    dose = Decimal(instruction["doseAndRate"][0]["doseQuantity"]["value"])
    each_day = dose * Decimal(instruction["timing"]["repeat"]["frequency"])
    return [rf"\b{(each_day / kilograms).quantize(Decimal('0.1'), ROUND_HALF_UP)}\b"]


COMPUTED = {"mean_pressure": mean_pressure, "mg_kg_day": mg_kg_day}
