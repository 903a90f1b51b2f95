"""Select records of a raw chart file, and read what stands in them, by plain loops."""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.evals.gold import Resource, as_of, codes_of, read, ref, words

WITHDRAWN = {"entered-in-error", "refuted", "cancelled"}
DATES = (
    "effectiveDateTime", "authoredOn", "recordedDate", "occurrenceDateTime", "performedDateTime", "date", "dateTime",
    "onsetDateTime", "start", "dateAsserted",
)  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNITS = {"h": "hours", "d": "days"}


class Records:
    """A chart's records without those that were withdrawn, and its own "now"."""

    def __init__(self, chart: str) -> None:
        self.every = read(chart)
        self.all = [r for r in self.every if not _withdrawn(r)]
        self.by_reference = {ref(r): r for r in self.every}
        self.now = as_of(chart)

    def named(self, resource: Resource) -> str:
        """Return what a record is of; a medicine or a device is looked up where it is only referred to."""
        for field in ("medicationReference", "device"):
            target = resource.get(field, {}).get("reference", "")
            held = {f"#{c['id']}": c for c in resource.get("contained", [])}
            if found := held.get(target) or self.by_reference.get(target):
                return self.named(found)
        for field in ("medicationCodeableConcept", "code", "vaccineCode", "type", "category", "description"):  # fmt: skip
            concept = resource.get(field)
            for one in concept if isinstance(concept, list) else [concept]:
                if one:
                    return one if isinstance(one, str) else words(one)
        return ""


def select(chart: Records, wanted: dict[str, Any]) -> list[Resource]:
    """Return the records that `wanted` describes.

    Raises:
        ValueError: there is none.
    """
    kept = [r for r in chart.all if r["resourceType"] == wanted["kind"] and _fits(chart, r, wanted)]
    if "newest" in wanted and not wanted.get("or_older"):
        kept = _newest(chart, kept, wanted["newest"])
    if passage := wanted.get("passage"):
        kept = [r for r in kept if passage in " ".join(text(r).split())]
        if wanted.get("or_older"):
            kept = sorted(kept, key=happened)[
                :1
            ]  # Words copied forward are cited at their first author.
    if wanted.get("lowest"):
        kept = [min(same, key=_value) for same in _by_name(chart, kept).values()]
    if not kept:
        raise ValueError(f"nothing in the chart is {wanted}")
    return kept


def text(resource: Resource) -> str:
    """Return the words of a note or a report."""
    attached = [content["attachment"] for content in resource.get("content", [])]
    notes = [a.get("data", "") for a in attached if str(a.get("contentType")).startswith("text")]
    parts = [base64.b64decode(note).decode("utf-8", "replace") for note in notes]
    return "\n".join([str(resource.get("conclusion", "")), *parts])


def passage_in(resource: Resource, passage: str) -> str:
    """Return a passage as it is to be shown: quotation marks of a note become single ones."""
    assert passage in " ".join(text(resource).split())
    return passage.replace('"', "'")


def happened(resource: Resource) -> datetime:
    """Return when a record's event was; a day counts from its start."""
    period = resource.get("period") or resource.get("timingPeriod") or {}
    stamp = next((resource[d] for d in DATES if resource.get(d)), period.get("start", "0001-01-01"))
    moment = datetime.fromisoformat(str(stamp))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fits(chart: Records, resource: Resource, wanted: dict[str, Any]) -> bool:
    return all(
        test(chart, resource, wanted[name]) for name, test in TESTS.items() if name in wanted
    )


def _since(chart: Records, resource: Resource, told: str) -> bool:
    if told[-1] in UNITS:
        start = chart.now - timedelta(**{UNITS[told[-1]]: int(told[:-1])})
    else:
        start = datetime.fromisoformat(told).replace(tzinfo=chart.now.tzinfo)
    return start <= happened(resource) <= chart.now


TESTS: dict[str, Callable[[Records, Resource, Any], bool]] = {
    "status": lambda _, r, told: _status(r) in told,
    "code": lambda _, r, told: bool(set(told) & codes_of([r["code"]])),
    "name": lambda chart, r, told: bool(re.search(told, chart.named(r), re.IGNORECASE)),
    "holds": lambda _, r, told: told in text(r) or bool(re.search(told, json.dumps(r))),
    "category": lambda _, r, told: told in codes_of(r.get("category", [])),
    "performer": lambda _, r, told: told in json.dumps(r.get("performer", [])),
    "since": _since,
}  # fmt: skip


def _status(resource: Resource) -> str:
    clinical = codes_of([resource.get("clinicalStatus", {})])
    return next(iter(clinical), "") or str(resource.get("status", ""))


def _withdrawn(resource: Resource) -> bool:
    verification = codes_of([resource.get("verificationStatus", {})])
    return bool(WITHDRAWN & verification) or resource.get("status") in WITHDRAWN


def _by_name(chart: Records, found: list[Resource]) -> dict[str, list[Resource]]:
    kinds: dict[str, list[Resource]] = {}
    for resource in found:
        kinds.setdefault(chart.named(resource), []).append(resource)
    return kinds


def _newest(chart: Records, found: list[Resource], how_many: int) -> list[Resource]:
    """Return the newest of each thing by name."""
    every = _by_name(chart, found).values()
    return [r for same in every for r in sorted(same, key=happened, reverse=True)[:how_many]]


def _value(resource: Resource) -> Decimal:
    return Decimal(resource["valueQuantity"]["value"])


# ---------------------------------------------------------------- what stands in a record


def _number(_: Records, resource: Resource) -> list[str]:
    quantity = resource.get("valueQuantity") or {"value": resource.get("valueInteger")}
    return [str(quantity["value"])]


def _answer(_: Records, resource: Resource) -> list[str]:
    concept = resource.get("valueCodeableConcept")
    return [words(concept) if concept else resource["valueString"]]


def _any(chart: Records, resource: Resource) -> list[str]:
    return _number(chart, resource) if "valueQuantity" in resource or "valueInteger" in resource else _answer(chart, resource)  # fmt: skip


def _components(_: Records, resource: Resource) -> list[str]:
    return [str(part["valueQuantity"]["value"]) for part in resource["component"]]


def _date(_: Records, resource: Resource) -> list[str]:
    when = happened(resource)
    return [f"{when.day:02}-{MONTHS[when.month - 1]}-{when.year}"]


def _mg(_: Records, resource: Resource) -> list[str]:
    instructions = " ".join(i.get("text", "") for i in resource["dosageInstruction"])
    return re.findall(r"(\d+(?:\.\d+)?) mg", instructions)[:1]


def _diet(_: Records, resource: Resource) -> list[str]:
    return [words(kind) for kind in resource["oralDiet"]["type"]]


def _rate(_: Records, resource: Resource) -> list[str]:
    given = resource["enteralFormula"]["administration"]
    return [str(part["rateQuantity"]["value"]) for part in given]


def _age(_: Records, resource: Resource) -> list[str]:
    return [str(part["onsetAge"]["value"]) for part in resource["condition"]]


def _reasons(_: Records, resource: Resource) -> list[str]:
    told = resource["statusReason"]
    return [words(reason) for reason in (told if isinstance(told, list) else [told])]


Shown = Callable[[Records, Resource], list[str]]
SHOWN: dict[str, Shown] = {
    "number": _number,
    "answer": _answer,
    "any": _any,
    "components": _components,
    "systolic": lambda chart, r: _components(chart, r)[:1],
    "date": _date,
    "time": lambda _, r: [f"{happened(r):%H:%M}"],
    "mg": _mg,
    "dose": lambda _, r: [str(r["dosage"]["dose"]["value"])],
    "name": lambda chart, r: [chart.named(r)],
    "type": lambda _, r: [words(r["type"])],
    "interpretation": lambda _, r: sorted(codes_of(r["interpretation"])),
    "relationship": lambda _, r: [words(kind) for kind in r["relationship"]],
    "reaction": lambda _, r: [words(m) for reaction in r["reaction"] for m in reaction["manifestation"]],
    "recorder": lambda _, r: [r["recorder"]["display"]],
    "reason": _reasons,
    "condition": lambda _, r: [words(part["code"]) for part in r["condition"]],
    "age": _age,
    "diet": _diet,
    "rate": _rate,
    "members": lambda _, r: [member["member"]["display"] for member in r["participant"]],
}  # fmt: skip
