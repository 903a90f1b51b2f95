"""Read a MedicationRequest: drug, dose, frequency in words, and how long the ordered supply lasts.

"Ordered" is not "started", and an active order is not a medicine taken: only what was ordered is said here.

Source: https://hl7.org/fhir/R4/medicationrequest.html, https://hl7.org/fhir/R4/dosage.html
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from app.fhir.dates import add_days
from app.fhir.source import Resource
from app.fhir.values import concept, first

NOT_NAMED = "medicine not named"
TIMES = {1: "once", 2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times"}
UNITS = {
    "s": "second",
    "min": "minute",
    "h": "hour",
    "d": "day",
    "wk": "week",
    "mo": "month",
    "a": "year",
}
DAYS = {
    "h": Decimal(1) / 24,
    "d": Decimal(1),
    "wk": Decimal(7),
    "mo": Decimal(30),
    "a": Decimal(365),
}
# EventTiming codes that change what a frequency means; others stand in the directions as sent.
WHEN = {
    "HS": "at bedtime",
    "MORN": "in the morning",
    "EVE": "in the evening",
    "AC": "before meals",
    "PC": "after meals",
}


def drug(resource: Resource) -> tuple[str, str]:
    """Return the medicine's name as sent, never cut, and the element it came from."""
    if resource.get("medicationCodeableConcept"):
        name = concept(resource["medicationCodeableConcept"])
        return name or NOT_NAMED, "medicationCodeableConcept"
    sent = resource.get("medicationReference") or {}
    target = str(sent.get("reference") or "").lstrip("#")
    inside: Resource = next(
        (c for c in resource.get("contained") or [] if c.get("id") == target), {}
    )
    name = concept(inside.get("code")) or str(sent.get("display") or "")
    return name or NOT_NAMED, "medicationReference"


def in_r4(resource: Resource) -> Resource:
    """Return a record of FHIR R5, whose medicine is one CodeableReference, with R4's elements; any other as it is.

    Source: https://hl7.org/fhir/R5/medicationrequest.html, `medication`
    """
    sent = resource.get("medication")
    if not isinstance(sent, dict):
        return resource
    rest = {k: v for k, v in resource.items() if k != "medication"}
    if "concept" in sent:
        rest["medicationCodeableConcept"] = sent["concept"]
    if "reference" in sent:
        rest["medicationReference"] = sent["reference"]
    return rest


def unnamed(resource: Resource) -> str:
    """Return the reference of a medicine (`Medication/1`) that nothing else names; empty where it has a name."""
    name, path = drug(resource)
    sent = resource.get("medicationReference")
    if path != "medicationReference" or name != NOT_NAMED or not isinstance(sent, dict):
        return ""
    reference = str(sent.get("reference") or "")
    return "" if reference.startswith("#") else reference


def medicine_to_read(resource: Resource) -> str:
    """Return the reference that `unnamed` gives; a record of another shape has none."""
    if not isinstance(resource.get("medicationReference"), dict):
        return ""
    try:
        return unnamed(resource)
    except (AttributeError, TypeError):
        return ""


def named(resource: Resource, known: Mapping[str, Resource]) -> Resource:
    """Return a resource with the name of the Medication that it refers to; itself where that is not known."""
    reference = unnamed(resource) if known else ""
    name = concept(known[reference].get("code")) if reference in known else ""
    if not name:
        return resource
    return {**resource, "medicationReference": {"reference": reference, "display": name}}


def dose(dosage: Resource) -> tuple[str, str]:
    """Return number and unit of one dose as sent; a range as `1-2`."""
    rate = first(dosage, "doseAndRate")
    if "value" in (rate.get("doseQuantity") or {}):
        quantity = rate["doseQuantity"]
        return str(quantity["value"]), str(quantity.get("unit") or quantity.get("code") or "")
    low, high = ((rate.get("doseRange") or {}).get(end) or {} for end in ("low", "high"))
    if "value" in low and "value" in high:
        return f"{low['value']}-{high['value']}", str(high.get("unit") or "")
    return "", ""


def plain_dose(value: str) -> str:
    """Print a dose without trailing zeros (Joint Commission do-not-use list) and with a leading zero."""
    try:
        exact = Decimal(value)
    except InvalidOperation:
        return value
    return f"{exact.normalize():f}"


def frequency(dosage: Resource) -> str:
    """Say how often, in words, from the structure; else the timing code's text; empty where only text was sent."""
    timing = dosage.get("timing") or {}
    repeat = timing.get("repeat") or {}
    words = _often(repeat) or concept(timing.get("code"))
    when = [WHEN[w] for w in repeat.get("when") or [] if w in WHEN]
    needed = dosage.get("asNeededBoolean") or dosage.get("asNeededCodeableConcept")
    reason = concept(dosage.get("asNeededCodeableConcept"))
    parts = [words or ("once daily" if when else ""), *when]
    if needed:
        parts.append(f"as needed for {reason}" if reason else "as needed")
    return " ".join(p for p in parts if p)


def _often(repeat: Resource) -> str:
    times, period, unit = (
        repeat.get("frequency"),
        repeat.get("period", 1),
        repeat.get("periodUnit", ""),
    )
    if unit not in UNITS or (times is None and "period" not in repeat):
        return ""
    times = times or 1
    if repeat.get("frequencyMax"):
        times = f"{times} to {repeat['frequencyMax']}"
    if period == 1:
        if (times, unit) == (1, "d"):
            return "once daily"
        often = TIMES.get(times) if isinstance(times, int) else None
        return f"{often or f'{times} times'} a{'n' if unit == 'h' else ''} {UNITS[unit]}"
    if times == 1:
        return f"every {period} {UNITS[unit]}s"
    return f"{times} times every {period} {UNITS[unit]}s"


def supply_days(resource: Resource) -> int | None:
    """Return how many days the ordered supply lasts: as sent, else quantity divided by the daily dose.

    None where it cannot be known: as needed, several steps, or quantity and dose in different units.
    """
    request = resource.get("dispenseRequest") or {}
    sent = request.get("expectedSupplyDuration") or {}
    unit = str(sent.get("code") or sent.get("unit") or "d").rstrip("s").replace("day", "d")
    if "value" in sent and unit in DAYS:
        return int(Decimal(str(sent["value"])) * DAYS[unit])
    steps = resource.get("dosageInstruction") or []
    quantity = request.get("quantity") or {}
    if len(steps) != 1 or "value" not in quantity or steps[0].get("asNeededBoolean"):
        return None
    daily = _daily(steps[0], str(quantity.get("unit") or quantity.get("code") or ""))
    return int(Decimal(str(quantity["value"])) / daily) if daily else None


def _daily(dosage: Resource, unit: str) -> Decimal | None:
    """Return the daily dose in the unit of the dispensed quantity, None where units differ."""
    value, dose_unit = dose(dosage)
    repeat = (dosage.get("timing") or {}).get("repeat") or {}
    per = DAYS.get(repeat.get("periodUnit", ""))
    if dosage.get("asNeededCodeableConcept") or repeat.get("frequencyMax") or per is None:
        return None
    if "-" in value or not value or dose_unit.lower().rstrip("s") != unit.lower().rstrip("s"):
        return None
    days = per * Decimal(str(repeat.get("period", 1)))
    return Decimal(value) * int(repeat.get("frequency", 1)) / days if days else None


def supply_end(resource: Resource) -> tuple[int, str] | None:
    """Return days and last date (ISO) of the first ordered supply, counted from the order date; None if unknown."""
    days, ordered = supply_days(resource), str(resource.get("authoredOn") or "")
    end = add_days(ordered, days) if days else ""
    return (days, end) if days and end else None
