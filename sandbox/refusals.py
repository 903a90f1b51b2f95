"""FHIR refusals: a status and an OperationOutcome that says why."""

from typing import Any


class FhirRefusal(Exception):
    """The gateway refuses; `headers` go with the answer."""

    def __init__(
        self, status: int, code: str, diagnostics: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.outcome = operation_outcome("error", code, diagnostics)
        self.headers = headers or {}


def operation_outcome(
    severity: str, code: str, diagnostics: str, coding: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return an OperationOutcome with one issue. `code` is from the issue-type code system."""
    issue: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if coding:
        issue["details"] = {"coding": [coding], "text": coding["display"]}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
