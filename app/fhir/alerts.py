"""Facts of what a clinician must know before touching the patient: flags, consents, diet orders.

Source: https://hl7.org/fhir/R4/flag.html, consent.html, nutritionorder.html
"""

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import amount, concept, first, unit_of


def flagged(r: Resource) -> When:
    """Return when a flag began to hold."""
    return str((r.get("period") or {}).get("start") or ""), "started"


def flag(r: Resource) -> Facts:
    """State a flag: isolation, precautions, fall risk, code status and what else the EHR flags."""
    name, when = concept(r.get("code")) or "flag not named", flagged(r)
    say, ended = stated(r, name, when), (r.get("period") or {}).get("end")
    kinds = "; ".join(x for x in map(concept, r.get("category") or []) if x)
    return kept(
        say("code", "alert", name),
        say("category", "category", kinds),
        date_fact(r, "period.start", "date", *when, name=name),
        date_fact(r, "period.end", "ended", ended, "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("author", "author", display(r.get("author"))),
    )


def consented(r: Resource) -> When:
    """Return when a consent was recorded."""
    return str(r.get("dateTime") or ""), "recorded"


def consent(r: Resource) -> Facts:
    """State a consent or directive: its kind, what it permits or refuses, who is to be asked."""
    kinds = "; ".join(x for x in map(concept, r.get("category") or []) if x)
    provision = r.get("provision") or {}
    what = "; ".join(x for x in map(concept, provision.get("code") or []) if x)
    name, when = kinds or what or concept(r.get("scope")) or "consent not named", consented(r)
    say = stated(r, name, when)
    people = "; ".join(
        " ".join(filter(None, (concept(a.get("role")), display(a.get("reference")))))
        for a in provision.get("actor") or []
    )
    ended = (provision.get("period") or {}).get("end")
    return kept(
        say("category", "alert", name),
        say("provision.code", "about", what if what != name else ""),
        say("provision.type", "decision", provision.get("type") or ""),
        say("provision.actor", "people", people),
        date_fact(r, "dateTime", "date", *when, name=name),
        date_fact(r, "provision.period.end", "ended", ended, "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("performer", "author", display(first(r, "performer"))),
        say("organization", "site", display(first(r, "organization"))),
    )


def diet_ordered(r: Resource) -> When:
    """Return when a diet was ordered."""
    return str(r.get("dateTime") or ""), "ordered"


def diet(r: Resource) -> Facts:
    """State a diet order: oral diet with its texture, supplement, tube feed with its rate."""
    oral, tube = r.get("oralDiet") or {}, r.get("enteralFormula") or {}
    kinds = [concept(t) for t in oral.get("type") or []]
    extra = [str(s.get("productName") or concept(s.get("type"))) for s in r.get("supplement") or []]
    formula = str(tube.get("baseFormulaProductName") or concept(tube.get("baseFormulaType")))
    name = "; ".join(x for x in (*kinds, *extra, formula) if x) or "diet not named"
    when, texture = diet_ordered(r), concept(first(oral, "texture").get("modifier"))
    dose = first(tube, "administration")
    rate, ratio = dose.get("rateQuantity") or {}, dose.get("rateRatio") or {}
    per = ratio.get("numerator") or {}
    said = "; ".join(
        str(x) for x in (oral.get("instruction"), tube.get("administrationInstruction")) if x
    )
    say = stated(r, name, when)
    avoid = "; ".join(x for x in map(concept, r.get("excludeFoodModifier") or []) if x)
    return kept(
        say("oralDiet.type", "alert", name),
        say("oralDiet.texture", "texture", texture),
        say("enteralFormula.administration", "rate", amount(rate) or amount(per),
            unit_of(rate) or unit_of(per)),
        say("excludeFoodModifier", "not to eat", avoid),
        say("instruction", "directions", said),
        date_fact(r, "dateTime", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("orderer", "author", display(r.get("orderer"))),
    )  # fmt: skip
