"""Facts of problems and allergies.

Source: https://hl7.org/fhir/R4/condition.html, https://hl7.org/fhir/R4/allergyintolerance.html
"""

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import categories, codes, concept

# SNOMED CT: no known allergy, no known drug/food/environmental allergy. A statement, whatever its clinicalStatus.
NONE_KNOWN = frozenset(("716186003", "409137002", "428607008", "429625007"))


# An entry that says that nobody asked (SNOMED CT; data-absent-reason): never "none".
NOT_ASKED = frozenset(("1631000175102", "not-asked", "asked-unknown", "unknown"))


def clinical_status(r: Resource) -> str:
    """Return the clinical status code of a Condition or AllergyIntolerance."""
    sent = r.get("clinicalStatus")
    return next(iter(sorted(codes(sent))), "") or concept(sent).lower() or "no status"


def verification(r: Resource) -> str:
    """Return the verification status code."""
    sent = r.get("verificationStatus")
    return next(iter(sorted(codes(sent))), "") or concept(sent).lower()


def condition_date(r: Resource) -> When:
    """Return the onset of a problem, else when it was recorded."""
    onset = r.get("onsetDateTime") or (r.get("onsetPeriod") or {}).get("start")
    return (str(onset), "onset") if onset else (str(r.get("recordedDate") or ""), "recorded")


def on_problem_list(r: Resource) -> bool:
    """Tell whether a Condition is a problem-list item or health concern, not only a visit's diagnosis."""
    sent = categories(r)
    return bool(sent - {"encounter-diagnosis"}) or not sent


def condition(r: Resource) -> Facts:
    """State a problem."""
    name, status, when = (
        concept(r.get("code")) or "problem not named",
        clinical_status(r),
        condition_date(r),
    )
    say = stated(r, name, when, status)
    first_date = "onset[x]" if when[1] == "onset" else "recordedDate"
    recorded = r.get("recordedDate") if when[1] == "onset" else ""
    return kept(
        say("code", "problem", name),
        date_fact(r, first_date, "date", *when, name=name),
        say("category", "list", "list" if on_problem_list(r) and r.get("category") else ""),
        say("clinicalStatus", "status", status),
        say("verificationStatus", "verification", verification(r)),
        say("severity", "severity", concept(r.get("severity"))),
        date_fact(r, "recordedDate", "recorded", recorded, "recorded", name=name),
        date_fact(r, "abatementDateTime", "ended", r.get("abatementDateTime"), "ended", name=name),
        say("recorder", "author", display(r.get("recorder"))),
    )


def none_known(r: Resource) -> bool:
    """Tell whether an entry states the absence of allergies (SNOMED CT)."""
    return bool(codes(r.get("code")) & NONE_KNOWN)


def not_asked(r: Resource) -> bool:
    """Tell whether an entry only says that allergies were not asked for."""
    return bool(codes(r.get("code")) & NOT_ASKED)


def allergy_group(r: Resource) -> str:
    """Return the group of an entry: a stated absence, a word that nobody asked, or the allergy's clinical status."""
    if none_known(r):
        return "stated"
    return "not asked" if not_asked(r) else clinical_status(r)


def _reactions(r: Resource) -> str:
    shown = [
        ", ".join(concept(m) for m in x.get("manifestation") or [])
        + (f" ({x['severity']})" if x.get("severity") else "")
        for x in r.get("reaction") or []
    ]
    return "; ".join(s for s in shown if s)


def allergy(r: Resource) -> Facts:
    """State an allergy, or the stated absence of allergies."""
    name, status = concept(r.get("code")) or "substance not named", clinical_status(r)
    say = stated(r, name, (str(r.get("recordedDate") or ""), "recorded"), status)
    return kept(
        say("code", "substance", name),
        say("reaction", "reaction", _reactions(r)),
        say("criticality", "criticality", r.get("criticality") or ""),
        say("verificationStatus", "verification", verification(r)),
        say("clinicalStatus", "status", status),
        date_fact(r, "recordedDate", "date", r.get("recordedDate"), "recorded", name=name),
        say("recorder", "author", display(r.get("recorder"))),
    )
