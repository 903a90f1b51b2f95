"""The EHR's own numbered messages, as they stand in an OperationOutcome.

Source: the public list of Epic's codes (https://fhir.epic.com/Specifications); the sentences are ours. `omitted` has
no number: an EHR says so in words only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.refusals import FhirRefusal, operation_outcome

Resource = dict[str, Any]
Outcome = Literal["4107", "4113", "4119", "4130", "4131", "59108", "59204", "omitted"]

EPIC_MESSAGES = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"


@dataclass(frozen=True, kw_only=True)
class Message:
    """`code` is of the issue-type code system; `status` is what a refusal for this reason has."""

    code: str
    text: str
    severity: Literal["fatal", "error", "warning", "information"] = "warning"
    status: int = 400


MESSAGES: Mapping[Outcome, Message] = {
    "4107": Message(
        code="processing", status=302, severity="fatal", text="The record that was asked for has been merged."
    ),
    "4113": Message(
        code="processing", severity="fatal", text="The session of these search results has expired."
    ),
    "4119": Message(
        code="suppressed", text="This answer holds what the user may see. It may not contain the entire record."
    ),
    "4130": Message(
        code="suppressed", status=403, text="Break-the-glass security prevents access to data."
    ),
    "4131": Message(
        code="suppressed", status=403, severity="fatal",
        text="The patient is restricted. Break the glass to access patient data.",
    ),
    "59108": Message(
        code="required", severity="fatal", text="Either category or code must be given."
    ),
    "59204": Message(
        code="suppressed",
        text="The authenticated client's search request applies to a sub-resource that the client is not "
        "authorized for. Results of this sub-type will not be returned.",
    ),
    "omitted": Message(
        code="incomplete", text="One or more entries could not be represented and were omitted."
    ),
}  # fmt: skip


def entry(outcome: Outcome) -> Resource:
    """Return the message as an entry of a searchset."""
    return {"resource": _resource(outcome), "search": {"mode": "outcome"}}


def refused(outcome: Outcome, **headers: str) -> FhirRefusal:
    """Return the message as a refusal of the whole request."""
    message = MESSAGES[outcome]
    refusal = FhirRefusal(message.status, message.code, message.text, headers)
    refusal.outcome = _resource(outcome)
    return refusal


def _resource(outcome: Outcome) -> Resource:
    message = MESSAGES[outcome]
    coding = {"system": EPIC_MESSAGES, "code": outcome, "display": message.text}
    numbered = coding if outcome.isdecimal() else None
    return operation_outcome(message.severity, message.code, message.text, numbered)
