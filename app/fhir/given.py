"""Facts of what was given, held, refused or reported as used: administrations, statements, immunizations.

Only an administration says that a dose was given; a statement says what somebody reported.

Source: https://hl7.org/fhir/R4/medicationadministration.html, medicationstatement.html, immunization.html
"""

import re

from app.fhir import medicines
from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import amount, concept, first, unit_of

GIVEN = frozenset(("completed", "in-progress", "stopped"))
REFUSED = re.compile(r"\b(?:refus|declin)\w*", re.IGNORECASE)
HELD = re.compile(r"\b(?:held|hold|withheld|npo)\b", re.IGNORECASE)


def administered(r: Resource) -> When:
    """Return when a dose was given, or for when it is recorded that it was not."""
    when = r.get("effectiveDateTime") or (r.get("effectivePeriod") or {}).get("start")
    return str(when or ""), "given" if r.get("status") in GIVEN else "recorded"


def administration_group(r: Resource) -> str:
    """Return given, refused, held or not given; another status as sent."""
    status = str(r.get("status") or "no status")
    if status == "completed":
        return "given"
    if status != "not-done":
        return status
    why = _reasons(r)
    return "refused" if REFUSED.search(why) else "held" if HELD.search(why) else "not given"


def _reasons(r: Resource) -> str:
    sent = r.get("statusReason") or []
    listed = sent if isinstance(sent, list) else [sent]
    return "; ".join(x for x in map(concept, listed) if x)


def administration(r: Resource) -> Facts:
    """State one administration: what, how much, how, when, by whom, and why not."""
    name, path = medicines.drug(r)
    when, dosage = administered(r), r.get("dosage") or {}
    say, dose = stated(r, name, when, administration_group(r)), dosage.get("dose") or {}
    ended = (r.get("effectivePeriod") or {}).get("end")
    return kept(
        say(path, "drug", name),
        say("dosage.dose", "dose", amount(dose), unit_of(dose)),
        say("dosage.rate[x]", "rate", *_rate(dosage)),
        say("dosage.route", "route", concept(dosage.get("route"))),
        say("dosage.site", "body site", concept(dosage.get("site"))),
        say("dosage.text", "directions", dosage.get("text") or ""),
        date_fact(r, "effective[x]", "date", *when, name=name),
        date_fact(r, "effectivePeriod.end", "ended", ended, "ended", name=name),
        say("status", "status", administration_group(r)),
        say("statusReason", "status reason", _reasons(r)),
        say("reasonCode", "reason", concept(first(r, "reasonCode"))),
        say("performer", "author", display(first(r, "performer").get("actor"))),
    )


def _rate(dosage: Resource) -> tuple[str, str]:
    quantity, ratio = dosage.get("rateQuantity") or {}, dosage.get("rateRatio") or {}
    if quantity:
        return amount(quantity), unit_of(quantity)
    top, per = ratio.get("numerator") or {}, ratio.get("denominator") or {}
    if not amount(top) or not amount(per):
        return "", ""
    return f"{amount(top)} {unit_of(top)}/{amount(per)} {unit_of(per)}", ""


def reported(r: Resource) -> When:
    """Return when a statement about a medicine was made, else the beginning of the use that it reports."""
    if r.get("dateAsserted"):
        return str(r["dateAsserted"]), "recorded"
    when = r.get("effectiveDateTime") or (r.get("effectivePeriod") or {}).get("start")
    return str(when or ""), "started"


def statement(r: Resource) -> Facts:
    """State what somebody reported of a medicine: never an order, never a dose that was given."""
    name, path = medicines.drug(r)
    dosage, when = first(r, "dosage"), reported(r)
    value, unit = medicines.dose(dosage)
    say, period = stated(r, name, when), r.get("effectivePeriod") or {}
    began = period.get("start") if when[1] == "recorded" else ""
    return kept(
        say(path, "drug", name),
        say("dosage[0].doseAndRate", "dose", value, unit),
        say("dosage[0].route", "route", concept(dosage.get("route"))),
        say("dosage[0].timing", "frequency", medicines.frequency(dosage)),
        say("dosage[0].text", "directions", dosage.get("text") or ""),
        date_fact(r, "dateAsserted", "date", *when, name=name),
        date_fact(r, "effectivePeriod.start", "started", began, "started", name=name),
        date_fact(r, "effectivePeriod.end", "ended", period.get("end"), "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("statusReason", "status reason", _reasons(r)),
        say("informationSource", "author", display(r.get("informationSource"))),
        say("reasonCode", "reason", concept(first(r, "reasonCode"))),
    )


def vaccinated(r: Resource) -> When:
    """Return when a vaccine was given, or for when it is recorded that it was not; a text as sent."""
    when = str(r.get("occurrenceDateTime") or "")
    return when, "given" if r.get("status") == "completed" else "recorded"


def immunization_group(r: Resource) -> str:
    """Return given, refused or not given; another status as sent."""
    status = str(r.get("status") or "no status")
    if status == "completed":
        return "given"
    if status != "not-done":
        return status
    return "refused" if REFUSED.search(_reasons(r)) else "not given"


def immunization(r: Resource) -> Facts:
    """State one immunization; whether the next is due is not known from it."""
    name, when = concept(r.get("vaccineCode")) or "vaccine not named", vaccinated(r)
    say, dose = stated(r, name, when, immunization_group(r)), r.get("doseQuantity") or {}
    protocol = first(r, "protocolApplied")
    number = protocol.get("doseNumberPositiveInt") or protocol.get("doseNumberString") or ""
    source = "reported, not given here" if r.get("primarySource") is False else ""
    return kept(
        say("vaccineCode", "vaccine", name),
        date_fact(r, "occurrenceDateTime", "date", *when, name=name),
        say("occurrenceString", "when", r.get("occurrenceString") or ""),
        say("status", "status", immunization_group(r)),
        say("statusReason", "status reason", _reasons(r)),
        say("protocolApplied.doseNumber[x]", "dose number", number),
        say("doseQuantity", "dose", amount(dose), unit_of(dose)),
        say("lotNumber", "lot", r.get("lotNumber") or ""),
        say("primarySource", "reported", source),
        say("location", "site", display(r.get("location"))),
        say("performer", "author", display(first(r, "performer").get("actor"))),
    )
