"""Read single values out of FHIR R4 resources: texts, numbers, statuses, and the readings of an Observation.

Numbers keep the digits that were sent (`Decimal`); units are shown as sent and never converted.

Source: https://hl7.org/fhir/R4/observation.html
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from app.fhir.citation import DateRole, Evidence
from app.fhir.dates import local
from app.fhir.readings import Reading
from app.fhir.short_names import SHORT
from app.fhir.source import Resource

PLAIN = re.compile(r"[<>]?=?-?[\d.]+(/[\d.]+)?")
SEMANTIC_TAG = re.compile(
    r" \((disorder|finding|situation|procedure|qualifier value|organism|substance|regime/therapy|"
    r"observable entity|body structure|environment|person|event|social concept|occupation)\)$"
)
# UCUM annotations and brackets, only where no display unit was sent.
UCUM_DISPLAY = {
    "mm[Hg]": "mmHg",
    "10*3/uL": "×10³/µL",
    "10*6/uL": "×10⁶/µL",
    "Cel": "°C",
    "[degF]": "°F",
}
# Any value[x], also of a kind of another FHIR version, or only its extensions.
NOT_READ = re.compile(r"_?value[A-Z]")
# What stands for a value that was sent and cannot be said.
NOT_READABLE = "value not readable here"
# What a result is called that does not say what it is.
UNNAMED = "unnamed"
SYSTOLIC, DIASTOLIC, BLOOD_PRESSURE = "8480-6", "8462-4", "85354-9"


def concept(value: object) -> str:
    """Return the text of a CodeableConcept, else its first display, else its code; without SNOMED's semantic tag."""
    sent = value if isinstance(value, dict) else {}
    codings = coded(sent)
    shown = next((c["display"] for c in codings if c.get("display")), "")
    name = sent.get("text") or shown or next((c.get("code") or "" for c in codings), "")
    return SEMANTIC_TAG.sub("", " ".join(str(name).split()))


def codes(value: object) -> set[str]:
    """Return all codes of a CodeableConcept; a plain code (AllergyIntolerance.category) is itself."""
    if isinstance(value, str):
        return {value}
    sent = value if isinstance(value, dict) else {}
    return {str(c.get("code")) for c in coded(sent) if c.get("code")}


def coded(concept: object) -> list[Resource]:
    """Return the codings of a CodeableConcept; what is sent in another form says nothing."""
    sent = concept.get("coding") if isinstance(concept, dict) else None
    return [c for c in sent if isinstance(c, dict)] if isinstance(sent, list) else []


def first(resource: Resource, name: str) -> Resource:
    """Return the first item of a list element, empty where there is none."""
    found = next(iter(resource.get(name) or []), None)
    return found if isinstance(found, dict) else {}


def version(resource: Resource) -> str:
    """Return meta.versionId, else meta.lastUpdated."""
    meta = resource.get("meta") or {}
    return str(meta.get("versionId") or meta.get("lastUpdated") or "")


def reference(resource: Resource) -> str:
    """Return `Type/id` of a resource."""
    return f"{resource['resourceType']}/{resource['id']}"


def evidence(
    resource: Resource,
    path: str,
    field: str,
    value: object,
    *,
    name: str = "",
    unit: str = "",
    date: str = "",
    role: DateRole = "",
    status: str | None = None,
) -> Evidence:
    """State one value of a resource as evidence."""
    return Evidence(
        reference=reference(resource), version=version(resource), path=path, field=field, name=name,
        value=str(value), unit=unit, date=date, date_role=role,
        status=str(resource.get("status") or "") if status is None else status,
    )  # fmt: skip


def unit_of(quantity: Resource) -> str:
    """Return the unit as displayed by the source; from the UCUM code only where no unit was sent."""
    if quantity.get("unit"):
        return str(quantity["unit"])
    code = re.sub(r"\{[^}]*\}", "", str(quantity.get("code") or ""))
    return UCUM_DISPLAY.get(code, "" if code == "1" else code)


def amount(quantity: Resource | None) -> str:
    """Return comparator and number of a Quantity as sent, empty where there is no number."""
    sent = quantity or {}
    return f"{sent.get('comparator', '')}{sent['value']}" if "value" in sent else ""


def brief(value: object) -> str:
    """Print a number as sent; beyond 6 digits (binary noise, not measurement) to 4 significant, as LEGEND says."""
    sent = str(value)
    if sum(c.isdigit() for c in sent) <= 6 or "." not in sent or "E" in sent:
        return sent
    match = re.fullmatch(r"([<>]?=?)(-?[\d.]+)", sent)
    if not match:
        return sent
    try:
        exact = Decimal(match[2])
        places = max(0, 3 - exact.adjusted())
        return match[1] + str(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN))
    except InvalidOperation:  # more digits than a decimal context holds, or several points
        return sent


def _ratio(value: Resource) -> str:
    return f"{amount(value.get('numerator'))}:{amount(value.get('denominator'))}"


def _range(value: Resource) -> str:
    return f"{amount(value.get('low'))}-{amount(value.get('high'))}"


def _period(value: Resource) -> str:
    return f"{value.get('start', '')} to {value.get('end', '')}"


def _sampled(value: Resource) -> str:
    return f"waveform of {len(str(value.get('data', '')).split())} points, not shown"


VALUE: dict[str, Callable[[Any], str]] = {
    "valueQuantity": amount, "valueCodeableConcept": concept, "valueString": str, "valueInteger": str,
    "valueBoolean": lambda v: "yes" if v else "no", "valueDateTime": str, "valueTime": str,
    "valueRatio": _ratio, "valueRange": _range, "valuePeriod": _period, "valueSampledData": _sampled,
    "dataAbsentReason": lambda v: f"absent ({concept(v)})",
}  # fmt: skip


def effective(observation: Resource) -> tuple[str, DateRole]:
    """Return when it was observed, as sent, and what that date means; only the issue date is "resulted"."""
    period = observation.get("effectivePeriod") or {}
    when = (
        observation.get("effectiveDateTime")
        or observation.get("effectiveInstant")
        or period.get("start")
    )
    if when:
        is_lab = bool({"laboratory", "LAB"} & categories(observation))
        return str(when), "collected" if is_lab else "measured"
    return str(observation.get("issued") or ""), "resulted"


def categories(resource: Resource) -> set[str]:
    """Return all category codes of a resource."""
    sent = resource.get("category") or []
    # Of some types (Procedure, MedicationAdministration) it is one concept, not a list.
    listed = sent if isinstance(sent, list) else [sent]
    return {code for category in listed for code in codes(category)}


def limits(part: Resource) -> tuple[str, bool]:
    """Return the first reference range as sent, and whether the value lies outside it."""
    for sent in part.get("referenceRange") or []:
        low, high = ((sent.get(end) or {}).get("value") for end in ("low", "high"))
        if low is None and high is None:
            if sent.get("text"):
                return str(sent["text"]), False
            continue
        both = low is not None and high is not None
        plain = f"{low}-{high}" if both else f"<={high}" if low is None else f">={low}"
        # The laboratory's own text keeps zeros that its numbers may lack; long texts are comments, not ranges.
        text = str(sent["text"]) if 0 < len(str(sent.get("text") or "")) <= 24 else plain
        value = (part.get("valueQuantity") or {}).get("value")
        comparable = isinstance(value, int | Decimal)
        below = comparable and low is not None and value < low
        above = comparable and high is not None and value > high
        return text, bool(below or above)
    return "", False


def flag(part: Resource) -> str:
    """Return the interpretation codes as sent (H, L, HH, A ...); N is no flag."""
    sent: list[Resource] = [
        next(iter(i.get("coding") or []), {}) for i in part.get("interpretation") or []
    ]
    return "".join(
        str(c.get("code") or "") for c in sent if c.get("code") not in ("N", "NEG", None)
    )


def test(part: Resource) -> tuple[str, str, str]:
    """Return code, name and display of what an Observation, or a component, says that it measured."""
    coding: Resource = next(iter((part.get("code") or {}).get("coding") or []), {})
    name = SHORT.get(coding.get("code", "")) or concept(part.get("code")) or UNNAMED
    return str(coding.get("code") or name), name, str(coding.get("display") or name)


def _numberless(name: str, part: Resource) -> bool:
    return name == "valueQuantity" and not amount(part[name])


def _reading(observation: Resource, part: Resource, path: str, zone: ZoneInfo) -> Reading | None:
    element = next((name for name in VALUE if name in part and not _numberless(name, part)), "")
    element = element or next((name for name in part if NOT_READ.match(name)), "")
    if not element:
        return None
    # A result that was sent and cannot be said is there all the same: it must not become "none".
    is_read = element in VALUE and not _numberless(element, part)
    sent = VALUE[element](part[element]) if is_read else NOT_READABLE
    quantity = part[element] if element == "valueQuantity" and is_read else {}
    code, name, display = test(part)
    date, role = effective(observation)
    text, outside = limits(part)
    fact = evidence(
        observation,
        path + element,
        "value",
        sent,
        name=name,
        unit=unit_of(quantity),
        date=date,
        role=role,
    )
    return Reading(
        code=code, name=name, display=display,
        unit=unit_of(quantity), moment=local(date, zone), text=sent, flag=flag(part),
        status=str(observation.get("status") or ""), limits=text, outside=outside,
        site=str(first(observation, "performer").get("display") or ""), evidence=(fact,),
        numeric=PLAIN.fullmatch(sent) is not None and element != "valueString",
        method=concept(observation.get("method")),
    )  # fmt: skip


def readings(observation: Resource, zone: ZoneInfo) -> list[Reading]:
    """Return every value of an Observation; systolic and diastolic of one panel become one reading."""
    components = observation.get("component") or []
    parts = [(observation, ""), *((c, f"component[{i}].") for i, c in enumerate(components))]
    found = [r for part, path in parts if (r := _reading(observation, part, path, zone))]
    # A panel without a value of its own says why; its components are the values.
    found = [r for r in found if len(found) == 1 or r.evidence[0].path != "dataAbsentReason"]
    by_code = {r.code: r for r in found}
    high, low = by_code.get(SYSTOLIC), by_code.get(DIASTOLIC)
    if not (high and low and high.unit == low.unit and len(by_code) == len(found)):
        return found
    if not (high.numeric and low.numeric):
        return found
    both = blood_pressure(high, low)
    return [both, *(r for r in found if r not in (high, low))]


def blood_pressure(high: Reading, low: Reading) -> Reading:
    """Join systolic and diastolic into one reading that cites both components."""
    same = high.flag == low.flag
    return Reading(
        code=BLOOD_PRESSURE, name="Blood pressure", display="Blood pressure", unit=high.unit,
        moment=high.moment, text=f"{high.text}/{low.text}", status=high.status, limits="",
        flag=high.flag if same else f"{high.flag or 'N'}/{low.flag or 'N'}",
        outside=high.outside or low.outside, site=high.site, evidence=high.evidence + low.evidence,
        numeric=True, method=high.method,
    )  # fmt: skip
