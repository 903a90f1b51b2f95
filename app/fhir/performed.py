"""Facts of what was done and what was put in: procedures, imaging studies, specimens, devices.

Source: https://hl7.org/fhir/R4/procedure.html, imagingstudy.html, specimen.html, device.html, deviceusestatement.html
"""

from collections.abc import Mapping

from app.fhir.facts import Facts, When, date_fact, display, kept, stated
from app.fhir.source import Resource
from app.fhir.values import amount, concept, first, unit_of

DONE = frozenset(("completed", "in-progress", "stopped"))


def procedure_date(r: Resource) -> When:
    """Return when a procedure was performed; of one that was not done, the date that was recorded."""
    when = r.get("performedDateTime") or (r.get("performedPeriod") or {}).get("start")
    return str(when or ""), "performed" if r.get("status") in DONE else "recorded"


def procedure(r: Resource) -> Facts:
    """State a procedure."""
    name, when = concept(r.get("code")) or "procedure not named", procedure_date(r)
    say, sites = stated(r, name, when), "; ".join(map(concept, r.get("bodySite") or []))
    reasons = "; ".join(x for x in map(concept, r.get("reasonCode") or []) if x)
    found = "; ".join(x for x in map(concept, r.get("complication") or []) if x)
    return kept(
        say("code", "procedure", name),
        date_fact(r, "performed[x]", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("statusReason", "status reason", concept(r.get("statusReason"))),
        say("bodySite", "body site", sites),
        say("outcome", "outcome", concept(r.get("outcome"))),
        say("complication", "complication", found),
        say("reasonCode", "reason", reasons),
        say("performer", "author", display(first(r, "performer").get("actor"))),
        say("location", "site", display(r.get("location"))),
    )


def study_date(r: Resource) -> When:
    """Return when a study was made."""
    return str(r.get("started") or ""), "performed"


def imaging_study(r: Resource) -> Facts:
    """State an imaging study: that it was made and of what; its images are not read here."""
    kinds = [str(m.get("display") or m.get("code") or "") for m in r.get("modality") or []]
    codes = [concept(c) for c in r.get("procedureCode") or []]
    said = next((x for x in (*codes, str(r.get("description") or "")) if x), "")
    name = said or ", ".join(filter(None, kinds)) or "study not named"
    say, when = stated(r, name, study_date(r)), study_date(r)
    parts = [
        str((s.get("bodySite") or {}).get("display") or "") for s in r.get("series") or []
    ]  # fmt: skip
    return kept(
        say("procedureCode", "study", name),
        say("modality", "modality", ", ".join(dict.fromkeys(filter(None, kinds)))),
        say("series.bodySite", "body site", "; ".join(dict.fromkeys(filter(None, parts)))),
        date_fact(r, "started", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("reasonCode", "reason", concept(first(r, "reasonCode"))),
        say("referrer", "author", display(r.get("referrer"))),
        say("location", "site", display(r.get("location"))),
    )


def specimen_date(r: Resource) -> When:
    """Return when a specimen was collected, else when it was received."""
    sent = r.get("collection") or {}
    when = sent.get("collectedDateTime") or (sent.get("collectedPeriod") or {}).get("start")
    return (str(when), "collected") if when else (str(r.get("receivedTime") or ""), "recorded")


def specimen(r: Resource) -> Facts:
    """State a specimen: its kind, where it was taken, how."""
    name, when, sent = concept(r.get("type")), specimen_date(r), r.get("collection") or {}
    name = name or "specimen not named"
    say, much = stated(r, name, when), sent.get("quantity") or {}
    return kept(
        say("type", "specimen", name),
        say("collection.bodySite", "body site", concept(sent.get("bodySite"))),
        say("collection.method", "method", concept(sent.get("method"))),
        say("collection.quantity", "quantity", amount(much), unit_of(much)),
        date_fact(r, "collection.collected[x]", "date", *when, name=name),
        say("status", "status", r.get("status") or ""),
        say("condition", "condition", concept(first(r, "condition"))),
    )


def device_date(_: Resource) -> When:
    """Return when a device was made: FHIR R4 does not say when it was put in."""
    return "", ""


def device(r: Resource) -> Facts:
    """State a device; a carrier's number tells two of a kind apart."""
    name = _device_name(r)
    say, carrier = stated(r, name, device_date(r)), first(r, "udiCarrier")
    return kept(
        say("type", "device", name),
        say("modelNumber", "model", r.get("modelNumber") or ""),
        say("manufacturer", "manufacturer", r.get("manufacturer") or ""),
        say("serialNumber", "serial", r.get("serialNumber") or ""),
        say("udiCarrier", "UDI", carrier.get("deviceIdentifier") or ""),
        say("status", "status", r.get("status") or ""),
        date_fact(r, "expirationDate", "expires", r.get("expirationDate"), "ended", name=name),
    )


def with_device(resource: Resource, every: Mapping[str, Resource]) -> Resource:
    """Return the use of a device with the name of the Device that it refers to; any other record as it is."""
    sent = resource.get("device")
    if resource.get("resourceType") != "DeviceUseStatement" or not isinstance(sent, dict):
        return resource
    found = every.get(str(sent.get("reference") or ""))
    if display(sent) or found is None or found.get("resourceType") != "Device":
        return resource
    return {**resource, "device": {**sent, "display": _device_name(found)}}


def _device_name(r: Resource) -> str:
    named = [str(n.get("name") or "") for n in r.get("deviceName") or []]
    return concept(r.get("type")) or next(filter(None, named), "") or "device not named"


def device_used(r: Resource) -> When:
    """Return since when a device is used, else when that was recorded."""
    when = (
        r.get("timingDateTime")
        or (r.get("timingPeriod") or {}).get("start")
        or first(r.get("timingTiming") or {}, "event")
    )
    if isinstance(when, str) and when:
        return when, "started"
    return str(r.get("recordedOn") or ""), "recorded"


def device_use(r: Resource) -> Facts:
    """State the use of a device: a line, a drain, a catheter, since when and where."""
    name, when = display(r.get("device")) or "device not named", device_used(r)
    say, ended = stated(r, name, when), (r.get("timingPeriod") or {}).get("end")
    return kept(
        say("device", "device", name),
        say("bodySite", "body site", concept(r.get("bodySite"))),
        date_fact(r, "timing[x]", "date", *when, name=name),
        date_fact(r, "timingPeriod.end", "ended", ended, "ended", name=name),
        say("status", "status", r.get("status") or ""),
        say("reasonCode", "reason", concept(first(r, "reasonCode"))),
    )
