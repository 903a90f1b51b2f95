"""How old a patient is, in the words of the age: a newborn in hours, where the hour of birth was sent.

Source: https://hl7.org/fhir/R4/extension-patient-birthtime.html
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.fhir.dates import age, local
from app.fhir.source import Resource

BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
# Past a week nobody counts in hours.
MOST_HOURS = 7 * 24


def patient_age(patient: Resource, now: datetime, zone: ZoneInfo, died: str = "") -> str:
    """Return the age at death, else now: "38h" of a newborn, else by band; empty where it is not known."""
    born, end = str(patient.get("birthDate") or ""), local(died, zone)
    if end:
        return age(born, end)
    hours = _hours(patient, now)
    if hours is not None and hours < MOST_HOURS:
        return f"{hours}h"
    return age(born, now.astimezone(zone).date().isoformat())


def _hours(patient: Resource, now: datetime) -> int | None:
    """Return whole hours since birth; None where its hour, with an offset, was not sent."""
    sent = patient.get("_birthDate")
    listed = sent.get("extension") if isinstance(sent, dict) else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("url") == BIRTH_TIME:
            try:
                born = datetime.fromisoformat(str(one.get("valueDateTime")))
            except ValueError:
                return None
            known = born.tzinfo is not None and born <= now
            return int((now - born).total_seconds() // 3600) if known else None
    return None
