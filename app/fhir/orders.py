"""Facts of orders, fills and reports: what was ordered, what was dispensed, what is still pending.

Source: https://hl7.org/fhir/R4/medicationrequest.html, https://hl7.org/fhir/R4/servicerequest.html
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from app.fhir import medicines
from app.fhir.citation import Evidence
from app.fhir.dates import add_days
from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import categories, codes, concept, evidence, first

ORDER_INTENTS = frozenset(
    ("order", "original-order", "reflex-order", "filler-order", "instance-order", "")
)
WAITING = frozenset(("registered", "partial", "preliminary"))
# Orders that hold until somebody ends them, and referrals: nothing of a laboratory or a reader comes back for them.
STANDING = re.compile(
    r"\b(?:code status|full code|resuscitat\w*|dnr|dni|isolation|precautions?|diets?|npo|nothing by mouth|activity"
    r"|bed ?rest|vital signs|oxygen therapy|telemetry|referr\w*|consult(?:ation)?s?)\b",
    re.IGNORECASE,
)
# SNOMED CT: patient referral, referral to service, consultation.
REFERRAL_CODES = frozenset(("3457005", "306206005", "11429006"))


def ordered(r: Resource) -> When:
    """Return when an order was written; that is not when anything was started."""
    return str(r.get("authoredOn") or ""), "ordered"


def dispensed(r: Resource) -> When:
    """Return when a medicine was handed over."""
    return str(r.get("whenHandedOver") or ""), "dispensed"


def order_group(r: Resource) -> str:
    """Return the status of an order, with its intent where it is only a plan or a proposal."""
    intent, status = str(r.get("intent") or ""), str(r.get("status") or "no status")
    return status if intent in ORDER_INTENTS else f"{status} {intent}"


def order(r: Resource) -> Facts:
    """State a medication order."""
    name, path = medicines.drug(r)
    steps, dosage = r.get("dosageInstruction") or [], first(r, "dosageInstruction")
    value, unit = medicines.dose(dosage)
    refills = (r.get("dispenseRequest") or {}).get("numberOfRepeatsAllowed", "")
    say, at = stated(r, name, ordered(r)), "dosageInstruction[0]."
    return kept(
        say(path, "drug", name),
        say(at + "doseAndRate", "dose", value, unit),
        say(at + "route", "route", concept(dosage.get("route"))),
        say(at + "timing", "frequency", medicines.frequency(dosage)),
        say(at + "text", "directions", dosage.get("text") or ""),
        say(
            "dosageInstruction",
            "more",
            f"{len(steps) - 1} more dosage steps" if len(steps) > 1 else "",
        ),
        date_fact(r, "authoredOn", "date", r.get("authoredOn"), "ordered", name=name),
        say("status", "status", r.get("status") or ""),
        say("category", "setting", ", ".join(filter(None, map(concept, r.get("category") or [])))),
        say("requester", "author", display(r.get("requester"))),
        _supply(r, name),
        say("dispenseRequest.numberOfRepeatsAllowed", "refills", refills),
        say(
            "reasonCode",
            "reason",
            concept(first(r, "reasonCode")) or display(first(r, "reasonReference")),
        ),
        say("statusReason", "status reason", concept(r.get("statusReason"))),
        say(
            "reportedBoolean",
            "reported",
            "reported by the patient" if r.get("reportedBoolean") else "",
        ),
    )


def _supply(r: Resource, name: str) -> Evidence | None:
    found = medicines.supply_end(r)
    if found is None:
        return None
    days, end = found
    return evidence(
        r, "dispenseRequest", "supply", days, unit="days", name=name, date=end, role="ended"
    )


def supply_in_zone(facts: Iterable[Evidence], ordered: str) -> tuple[Evidence, ...]:
    """Return an order's facts with the end of its supply counted from `ordered`, its day in the site's zone."""
    return tuple(
        replace(f, date=add_days(ordered, int(f.value))) if f.field == "supply" else f
        for f in facts
    )


def dispense(r: Resource) -> Facts:
    """State a fill."""
    name, path = medicines.drug(r)
    say, quantity, days = (
        stated(r, name, dispensed(r)),
        r.get("quantity") or {},
        r.get("daysSupply") or {},
    )
    return kept(
        say(path, "drug", name),
        say("quantity", "quantity", quantity.get("value", ""), str(quantity.get("unit") or "")),
        say("daysSupply", "supply", days.get("value", ""), "days" if "value" in days else ""),
        date_fact(r, "whenHandedOver", "date", r.get("whenHandedOver"), "dispensed", name=name),
        say("status", "status", r.get("status") or ""),
        say("performer", "site", display(first(r, "performer").get("actor"))),
    )


def request(r: Resource) -> Facts:
    """State an order for a test, a procedure or a referral."""
    name = concept(r.get("code")) or "order not named"
    say = stated(r, name, ordered(r))
    return kept(
        say("code", "order", name),
        date_fact(r, "authoredOn", "date", r.get("authoredOn"), "ordered", name=name),
        say("status", "status", r.get("status") or ""),
        say("requester", "author", display(r.get("requester"))),
        say("reasonCode", "reason", concept(first(r, "reasonCode"))),
        say("intent", "intent", r.get("intent") if r.get("intent") not in ORDER_INTENTS else ""),
    )


def awaits_result(r: Resource) -> bool:
    """Tell whether an order is for something that gives a result: no code status, diet, precaution or referral."""
    if (categories(r) | codes(r.get("code"))) & REFERRAL_CODES:
        return False
    named = " ".join([concept(r.get("code")), *map(concept, r.get("category") or [])])
    return STANDING.search(named) is None


def report_date(r: Resource) -> When:
    """Return when the specimen was collected (or the study made), else when the report was issued."""
    when = r.get("effectiveDateTime") or (r.get("effectivePeriod") or {}).get("start")
    return (str(when), "collected") if when else (str(r.get("issued") or ""), "resulted")


def report_group(r: Resource) -> str:
    """Return "pending" while a report has no final result, else its status."""
    status = str(r.get("status") or "no status")
    return "pending" if status in WAITING else status


def report(r: Resource) -> Facts:
    """State a diagnostic report; its values are Observations of their own."""
    name, when = concept(r.get("code")) or "report not named", report_date(r)
    say = stated(r, name, when)
    issued = r.get("issued") if when[1] == "collected" else ""
    return kept(
        say("code", "order", name),
        date_fact(r, "effective[x]" if issued else "issued", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("performer", "site", display(first(r, "performer"))),
        say("conclusion", "conclusion", " ".join(str(r.get("conclusion") or "").split())),
        date_fact(r, "issued", "resulted", issued, "resulted", name=name),
    )
