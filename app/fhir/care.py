"""Facts of who cares for the patient and how: teams, plans, goals, relatives, coverage, family history, episodes.

Source: https://hl7.org/fhir/R4/careteam.html, careplan.html, goal.html, relatedperson.html, coverage.html,
familymemberhistory.html, episodeofcare.html
"""

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import amount, codes, concept, first, unit_of

MOST_PEOPLE = 12


def begun(r: Resource) -> When:
    """Return when a period began."""
    return str((r.get("period") or {}).get("start") or ""), "started"


def _ended(r: Resource) -> object:
    return (r.get("period") or {}).get("end")


def care_team(r: Resource) -> Facts:
    """State a care team with its members; who is on call now, it does not say."""
    kinds = [concept(c) for c in r.get("category") or []]
    name = str(r.get("name") or next(filter(None, kinds), "")) or "care team"
    say, every = stated(r, name, begun(r)), [_member(p) for p in r.get("participant") or []]
    people = [p for p in dict.fromkeys(every) if p]
    more = len(people) - MOST_PEOPLE
    listed = "; ".join(people[:MOST_PEOPLE]) + (f"; {more} more" if more > 0 else "")
    return kept(
        say("name", "team", name),
        say("participant", "people", listed),
        date_fact(r, "period.start", "date", *begun(r), name=name),
        date_fact(r, "period.end", "ended", _ended(r), "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("managingOrganization", "site", display(first(r, "managingOrganization"))),
    )


def _member(participant: Resource) -> str:
    """Return "Dr. A. Osei (cardiologist)"; the patient is not a member of the own team here."""
    member = participant.get("member") or {}
    if str(member.get("reference") or "").startswith("Patient/"):
        return ""
    role = concept(first(participant, "role"))
    name = display(member)
    return f"{name} ({role})" if name and role else name or role


def care_plan(r: Resource) -> Facts:
    """State a care plan with its activities."""
    kinds = [c for c in map(concept, r.get("category") or []) if c]
    name = str(r.get("title") or "") or (kinds[-1] if kinds else "") or "care plan"
    say = stated(r, name, begun(r))
    steps = [_activity(a) for a in r.get("activity") or []]
    about = "; ".join(filter(None, (display(x) for x in r.get("addresses") or [])))
    return kept(
        say("title", "plan", name),
        say("activity", "activities", "; ".join(dict.fromkeys(filter(None, steps)))),
        say("addresses", "reason", about),
        date_fact(r, "period.start", "date", *begun(r), name=name),
        date_fact(r, "period.end", "ended", _ended(r), "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("intent", "intent", r.get("intent") or ""),
        say("author", "author", display(r.get("author"))),
    )


def _activity(activity: Resource) -> str:
    detail = activity.get("detail") or {}
    said = concept(detail.get("code")) or str(detail.get("description") or "")
    status = str(detail.get("status") or "")
    said = said or display(activity.get("reference"))
    return f"{said} ({status})" if said and status else said


def goal_date(r: Resource) -> When:
    """Return when a goal began to be pursued, else when its status was set."""
    if r.get("startDate"):
        return str(r["startDate"]), "started"
    return str(r.get("statusDate") or ""), "recorded"


def goal(r: Resource) -> Facts:
    """State a goal with its target."""
    name, when, target = concept(r.get("description")), goal_date(r), first(r, "target")
    name, status = name or "goal not named", str(r.get("lifecycleStatus") or "")
    say, much = stated(r, name, when, status), target.get("detailQuantity") or {}
    wanted = concept(target.get("detailCodeableConcept")) or str(target.get("detailString") or "")
    return kept(
        say("description", "plan", name),
        say("target", "target", amount(much) or wanted, unit_of(much)),
        date_fact(r, "startDate", "date", *when, name=name),
        date_fact(r, "target.due", "due", target.get("dueDate"), "planned", name=name),
        say("lifecycleStatus", "status", status),
        say("achievementStatus", "achievement", concept(r.get("achievementStatus"))),
        say("expressedBy", "author", display(r.get("expressedBy"))),
    )


def relative(r: Resource) -> Facts:
    """State a related person: what they are to the patient, and how they are reached."""
    kinds = "; ".join(x for x in map(concept, r.get("relationship") or []) if x)
    sent = first(r, "name")
    own = " ".join([*(sent.get("given") or []), str(sent.get("family") or "")]).strip()
    name = str(sent.get("text") or own) or "name not sent"
    say = stated(r, name, begun(r), "")
    phone = next(
        (str(t.get("value") or "") for t in r.get("telecom") or [] if t.get("system") == "phone"),
        "",
    )
    return kept(
        say("name", "person", name),
        say("relationship", "relationship", kinds),
        say("telecom", "phone", phone),
        date_fact(r, "period.start", "date", *begun(r), name=name),
    )


def coverage(r: Resource) -> Facts:
    """State a coverage; formulary, copayment and prior authorization are not in it."""
    payer = "; ".join(filter(None, (display(p) for p in r.get("payor") or [])))
    plan = next(
        (str(c.get("name") or c.get("value") or "") for c in r.get("class") or []
         if "plan" in codes(c.get("type"))), "",
    )  # fmt: skip
    name = payer or concept(r.get("type")) or "payer not named"
    say = stated(r, name, begun(r))
    return kept(
        say("payor", "payer", name),
        say("class", "plan", plan),
        say("type", "category", concept(r.get("type"))),
        say("relationship", "relationship", concept(r.get("relationship"))),
        date_fact(r, "period.start", "date", *begun(r), name=name),
        date_fact(r, "period.end", "ended", _ended(r), "ended", name=name),
        say("status", "status", r.get("status") or ""),
    )


def told_on(r: Resource) -> When:
    """Return when a family history was recorded."""
    return str(r.get("date") or ""), "recorded"


def family_member(r: Resource) -> Facts:
    """State what is recorded of one relative; it is said of the relative, never of the patient."""
    who = concept(r.get("relationship")) or "relative not named"
    found = "; ".join(filter(None, (_condition(c) for c in r.get("condition") or [])))
    say = stated(r, f"{who}: {found}" if found else who, told_on(r))
    died = r.get("deceasedBoolean") or any(name.startswith("deceased") for name in r)
    return kept(
        say("relationship", "relative", who),
        say("condition", "conditions", found),
        say("deceased[x]", "deceased", "died" if died and r.get("deceasedBoolean", True) else ""),
        date_fact(r, "date", "date", *told_on(r), name=who),
        say("status", "status", r.get("status") or ""),
    )


def _condition(sent: Resource) -> str:
    """Return "breast cancer, onset at 42 years"."""
    name, age = concept(sent.get("code")), sent.get("onsetAge") or {}
    onset = f"{amount(age)} {unit_of(age)}".strip() or str(sent.get("onsetString") or "")
    said = f"{name}, onset at {onset}" if onset else name
    ended = concept(sent.get("outcome"))
    return f"{said} ({ended})" if ended else said


def episode(r: Resource) -> Facts:
    """State an episode of care."""
    name = concept(first(r, "type")) or "episode of care"
    about = "; ".join(filter(None, (display(d.get("condition")) for d in r.get("diagnosis") or [])))
    say = stated(r, name, begun(r))
    return kept(
        say("type", "type", name),
        say("diagnosis", "reason", about),
        date_fact(r, "period.start", "date", *begun(r), name=name),
        date_fact(r, "period.end", "ended", _ended(r), "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("careManager", "author", display(r.get("careManager"))),
        say("managingOrganization", "site", display(r.get("managingOrganization"))),
    )
