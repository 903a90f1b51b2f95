"""What else a token response says of the launch: `fhirContext` and `intent`, read with suspicion.

Everything here was written outside: what does not have the required form is left out, and nothing is fetched from it.

Source: SMART App Launch 2.2.0, launch context arrives with your access token.
"""

import re
from typing import Any

from app.launch_context import ContextReference

MOST_ITEMS = 20
RELATIVE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
# An address of any server, with or without `|version`: a name, never followed.
CANONICAL = re.compile(r"(https?://|urn:)[A-Za-z0-9\-._~:/%|]{1,400}")
SYSTEM = re.compile(r"(https?://|urn:)[A-Za-z0-9\-._~:/%]{1,200}")
VALUE = re.compile(r"[A-Za-z0-9\-._:/]{1,64}")
TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
INTENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
ROLE = INTENT
# Both have members of their own; in `fhirContext` they stand with another role than "launch" only.
ON_TOP = ("Patient/", "Encounter/")


def read_fhir_context(sent: Any) -> tuple[ContextReference, ...]:
    """Return what `fhirContext` names; an absolute reference names another server and is left out."""
    listed = sent if isinstance(sent, list) else []
    found = (_item(item) for item in listed[:MOST_ITEMS])
    return tuple(item for item in found if item is not None)


def read_intent(sent: Any) -> str:
    """Return the `intent`, "" when it is none; one that is not known opens the same view."""
    return sent if isinstance(sent, str) and INTENT.fullmatch(sent) else ""


def _item(sent: Any) -> ContextReference | None:
    if not isinstance(sent, dict):
        return None
    # A role that is left out is "launch" (SMART App Launch 2.2.0, fhirContext).
    role = _text(sent.get("role", "launch"), ROLE)
    reference = _text(sent.get("reference"), RELATIVE)
    # The id becomes part of an address some day: dots may stand in it, dot segments may not.
    if ".." in reference or (role == "launch" and reference.startswith(ON_TOP)):
        reference = ""
    found = ContextReference(
        reference=reference,
        role=role,
        canonical=_text(sent.get("canonical"), CANONICAL),
        identifier=_identifier(sent.get("identifier")),
        resource_type=_text(sent.get("type"), TYPE),
    )
    return found if role and found.named else None


def _identifier(sent: Any) -> str:
    if not isinstance(sent, dict):
        return ""
    system, value = _text(sent.get("system"), SYSTEM), _text(sent.get("value"), VALUE)
    return f"{system}|{value}" if value else ""


def _text(sent: Any, form: re.Pattern[str]) -> str:
    return sent if isinstance(sent, str) and form.fullmatch(sent) else ""
