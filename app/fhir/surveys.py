"""Facts of filled questionnaires, and of who made or changed records.

An answer is printed beside its question; a score stands where the EHR sent one, never added up here.

Source: https://hl7.org/fhir/R4/questionnaireresponse.html, https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Iterator

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import amount, concept, first, unit_of

MOST_ANSWERS = 40


def answered_on(r: Resource) -> When:
    """Return when a questionnaire was answered."""
    return str(r.get("authored") or ""), "recorded"


def questionnaire(r: Resource) -> Facts:
    """State a filled questionnaire: each question with its answer, in order."""
    name, when = _title(r), answered_on(r)
    say, answers = stated(r, name, when), list(_answers(r.get("item") or []))
    more = len(answers) - MOST_ANSWERS
    text = "; ".join(answers[:MOST_ANSWERS]) + (f"; {more} more answers" if more > 0 else "")
    return kept(
        say("questionnaire", "survey", name),
        date_fact(r, "authored", "date", *when, name=name),
        say("item", "answers", text),
        say("status", "status", r.get("status") or ""),
        say("author", "author", display(r.get("author"))),
        say("source", "source", display(r.get("source"))),
    )


def _title(r: Resource) -> str:
    """Return the title that came with it, else the last part of the questionnaire's address."""
    sent = r.get("_questionnaire") or {}
    shown = next(
        (str(x.get("valueString") or "") for x in sent.get("extension") or [] if "display" in str(x.get("url"))),
        "",
    )  # fmt: skip
    address = str(r.get("questionnaire") or "").partition("|")[0].rstrip("/")
    return shown or address.rpartition("/")[2] or "questionnaire"


def _answers(items: list[Resource]) -> Iterator[str]:
    for item in items:
        question = " ".join(str(item.get("text") or item.get("linkId") or "").split())
        given = [_value(a) for a in item.get("answer") or []]
        if said := ", ".join(filter(None, given)):
            yield f"{question}: {said}"
        yield from _answers(item.get("item") or [])
        for answer in item.get("answer") or []:
            yield from _answers(answer.get("item") or [])


def _value(answer: Resource) -> str:
    coding, quantity = answer.get("valueCoding") or {}, answer.get("valueQuantity") or {}
    if coding:
        return concept({"coding": [coding]})
    if quantity:
        return f"{amount(quantity)} {unit_of(quantity)}".strip()
    if "valueBoolean" in answer:
        return "yes" if answer["valueBoolean"] else "no"
    plain = ("valueString", "valueDecimal", "valueInteger", "valueDate", "valueDateTime")
    return next((str(answer[name]) for name in plain if name in answer), "")


def made_on(r: Resource) -> When:
    """Return when something was recorded."""
    return str(r.get("recorded") or ""), "recorded"


def provenance(r: Resource) -> Facts:
    """State who made or sent records, and when."""
    name, when = concept(r.get("activity")) or "source of records", made_on(r)
    say, agent = stated(r, name, when, ""), first(r, "agent")
    return kept(
        say("activity", "source", name),
        date_fact(r, "recorded", "date", *when, name=name),
        say("agent.who", "author", display(agent.get("who"))),
        say("agent.onBehalfOf", "site", display(agent.get("onBehalfOf"))),
        say("agent.type", "role", concept(agent.get("type"))),
        say("target", "records", len(r.get("target") or []) or ""),
    )
