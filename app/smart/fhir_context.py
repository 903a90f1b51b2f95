"""What else a token response says of the launch: `fhirContext` and `intent`, read with suspicion.

Everything here was written outside: what does not have the required form is left out, and nothing is fetched from it.

Source: SMART App Launch 2.2.0, launch context arrives with your access token.
"""

import re
from typing import Any

from app.launch_context import ContextReference

MOST_REFERENCES = 20
RELATIVE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
INTENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
ROLE = INTENT


def read_fhir_context(sent: Any) -> tuple[ContextReference, ...]:
    """Return the relative references of `fhirContext`; absolute ones name another server and are left out."""
    listed = sent if isinstance(sent, list) else []
    found = (_reference(item) for item in listed[:MOST_REFERENCES])
    return tuple(item for item in found if item is not None)


def read_intent(sent: Any) -> str:
    """Return the `intent`, "" when it is none; one that is not known opens the same view."""
    return sent if isinstance(sent, str) and INTENT.fullmatch(sent) else ""


def _reference(item: Any) -> ContextReference | None:
    if not isinstance(item, dict):
        return None
    # A role that is left out is "launch" (SMART App Launch 2.2.0, fhirContext).
    reference, role = item.get("reference"), item.get("role", "launch")
    if not isinstance(reference, str) or not isinstance(role, str):
        return None
    # The id becomes part of an address some day: dots may stand in it, dot segments may not.
    if not RELATIVE.fullmatch(reference) or ".." in reference or not ROLE.fullmatch(role):
        return None
    return ContextReference(reference=reference, role=role)
