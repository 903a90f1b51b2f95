"""Facts of what is planned, asked for and said: appointments, tasks, communications.

Source: https://hl7.org/fhir/R4/appointment.html, task.html, communication.html
"""

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import concept, first


def appointment_date(r: Resource) -> When:
    """Return for when an appointment is made: it says nothing of whether the patient came."""
    return str(r.get("start") or ""), "planned"


def appointment(r: Resource) -> Facts:
    """State an appointment."""
    kinds = [concept(r.get("appointmentType")), *map(concept, r.get("serviceType") or [])]
    said = [concept(x) for x in r.get("specialty") or []]
    name = next((x for x in (*kinds, *said, str(r.get("description") or "")) if x), "appointment")
    when, others = appointment_date(r), [p.get("actor") or {} for p in r.get("participant") or []]
    by = [display(a) for a in others if _kind(a) in ("Practitioner", "PractitionerRole", "")]
    at = [display(a) for a in others if _kind(a) in ("Location", "HealthcareService")]
    reasons = "; ".join(x for x in map(concept, r.get("reasonCode") or []) if x)
    say = stated(r, name, when)
    return kept(
        say("serviceType", "appointment", name),
        date_fact(r, "start", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("cancelationReason", "status reason", concept(r.get("cancelationReason"))),
        say("reasonCode", "reason", reasons),
        say("participant", "author", "; ".join(dict.fromkeys(filter(None, by)))),
        say("participant", "site", "; ".join(filter(None, at))),
    )


def _kind(actor: Resource) -> str:
    return str(actor.get("reference") or "").partition("/")[0]


def task_date(r: Resource) -> When:
    """Return when a task was written."""
    return str(r.get("authoredOn") or ""), "ordered"


def task(r: Resource) -> Facts:
    """State a task: what is to be done, by whom, how far it is."""
    name = concept(r.get("code")) or str(r.get("description") or "") or "task not named"
    when, due = task_date(r), ((r.get("restriction") or {}).get("period") or {}).get("end")
    say, more = stated(r, name, when), str(r.get("description") or "")
    return kept(
        say("code", "task", name),
        say("description", "description", more if more != name else ""),
        date_fact(r, "authoredOn", "date", *when, name=name),
        date_fact(r, "restriction.period.end", "due", due, "planned", name=name),
        say("status", "status", r.get("status") or ""),
        say("businessStatus", "progress", concept(r.get("businessStatus"))),
        say("statusReason", "status reason", concept(r.get("statusReason"))),
        say("focus", "about", display(r.get("focus"))),
        say("owner", "author", display(r.get("owner"))),
        say("requester", "requester", display(r.get("requester"))),
    )


def said_on(r: Resource) -> When:
    """Return when a message was sent."""
    return str(r.get("sent") or r.get("received") or ""), "sent"


def communication(r: Resource) -> Facts:
    """State a message with its words."""
    parts = [str(p.get("contentString") or "") for p in r.get("payload") or []]
    words = " ".join(" ".join(parts).split())
    topic = concept(r.get("topic")) or "; ".join(
        x for x in map(concept, r.get("category") or []) if x
    )
    name, when = topic or "message", said_on(r)
    say = stated(r, name, when)
    to = "; ".join(filter(None, (display(x) for x in r.get("recipient") or [])))
    return kept(
        say("topic", "task", name),
        say("payload", "description", words),
        date_fact(r, "sent", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("sender", "author", display(r.get("sender"))),
        say("recipient", "people", to),
        say("reasonCode", "reason", concept(first(r, "reasonCode"))),
    )
