"""Facts of encounters and documents.

Source: https://hl7.org/fhir/R4/encounter.html, https://hl7.org/fhir/R4/documentreference.html
"""

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import concept, first

# The displays of Encounter.class codes that come without one, https://terminology.hl7.org/CodeSystem-v3-ActCode.html.
CLASSES = {
    "AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient encounter", "ACUTE": "inpatient acute",
    "NONAC": "inpatient non-acute", "OBSENC": "observation encounter", "SS": "short stay", "VR": "virtual",
    "HH": "home health", "FLD": "field", "PRENC": "pre-admission",
}  # fmt: skip
ADMITTED = frozenset(("EMER", "IMP", "ACUTE", "NONAC", "OBSENC", "SS"))


def started(r: Resource) -> When:
    """Return when an encounter started."""
    return str((r.get("period") or {}).get("start") or ""), "started"


def encounter_class(r: Resource) -> str:
    """Return Encounter.class as sent: its display, else what its code says. What kind of visit it was, `type` says."""
    sent = r.get("class") or {}
    code = str(sent.get("code") or "")
    return str(sent.get("display") or CLASSES.get(code, code))


def is_admission(r: Resource) -> bool:
    """Tell whether an encounter is a stay or an emergency visit."""
    return (r.get("class") or {}).get("code") in ADMITTED


def encounter(r: Resource) -> Facts:
    """State an encounter."""
    period = r.get("period") or {}
    name = concept(first(r, "type")) or encounter_class(r) or "encounter"
    say = stated(r, name, started(r))
    people = [display(p.get("individual")) for p in r.get("participant") or []]
    reasons = "; ".join(x for x in map(concept, r.get("reasonCode") or []) if x)
    place = display(first(r, "location").get("location")) or display(r.get("serviceProvider"))
    return kept(
        date_fact(r, "period.start", "date", period.get("start"), "started", name=name),
        say("class", "class", encounter_class(r)),
        say("type", "type", concept(first(r, "type"))),
        say("reasonCode", "reason", reasons),
        say("status", "status", r.get("status") or ""),
        date_fact(r, "period.end", "ended", period.get("end"), "ended", name=name),
        say("location", "site", place),
        say(
            "hospitalization.dischargeDisposition",
            "disposition",
            concept((r.get("hospitalization") or {}).get("dischargeDisposition")),
        ),
        say("participant", "author", "; ".join(dict.fromkeys(filter(None, people)))),
    )


def note_date(r: Resource) -> When:
    """Return when a document was signed (if it is final) or written."""
    period = (r.get("context") or {}).get("period") or {}
    if r.get("date"):
        return str(r["date"]), "signed" if r.get("docStatus") in ("final", "amended") else "written"
    return str(period.get("start") or ""), "written"


def note(r: Resource) -> Facts:
    """State a document: what it is, not what it says."""
    name = concept(r.get("type")) or str(r.get("description") or "") or "document"
    status, when = str(r.get("docStatus") or r.get("status") or ""), note_date(r)
    say = stated(r, name, when, status)
    sent = (
        str((c.get("attachment") or {}).get("contentType") or "") for c in r.get("content") or []
    )
    formats = sorted({kind.partition(";")[0] for kind in sent if kind})
    authors = [display(a) for a in r.get("author") or []]
    setting = concept((r.get("context") or {}).get("practiceSetting"))
    return kept(
        date_fact(r, "date", "date", *when, name=name),
        say("type", "type", name),
        say("author", "author", "; ".join(a for a in authors if a)),
        say("docStatus", "status", status),
        say("content", "format", ", ".join(formats)),
        say("context.practiceSetting", "service", setting),
        say("custodian", "site", display(r.get("custodian"))),
        say("description", "description", r.get("description") or ""),
    )
