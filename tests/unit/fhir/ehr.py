"""A scripted FHIR server as a WSGI app: answers by path and query, and remembers what it was asked."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from app.boundary import Boundary
from app.fhir.client import FhirSource
from tests.ndjson_source import context

BASE = "https://ehr.test/fhir"
NOW = datetime(2026, 11, 20, 14, 42, tzinfo=UTC)
Answer = tuple[int, Any]


class Ehr:
    """Answers with what `answer(path, query)` gives: a status and a body (dict, bytes or text)."""

    def __init__(self, answer: Callable[[str, dict[str, str]], Answer], **headers: str) -> None:
        self.answer = answer
        self.headers = headers
        self.asked: list[tuple[str, dict[str, str], str]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix("/fhir/")
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        self.asked.append((path, query, environ.get("HTTP_AUTHORIZATION", "")))
        status, body = self.answer(path, query)
        sent = (
            body
            if isinstance(body, bytes)
            else (body if isinstance(body, str) else json.dumps(body)).encode()
        )
        headers = {"Content-Type": "application/fhir+json", **self.headers}
        start(f"{status} X", list(headers.items()))
        return [sent]


def source(
    ehr: Ehr,
    *,
    token: Callable[[], str] = lambda: "secret",
    waits: list[float] | None = None,
    **changes: Any,
) -> FhirSource:
    """Return a source for patient `p1` over a scripted EHR."""
    boundary = Boundary(frozenset(("https://ehr.test",)), False, httpx2.WSGITransport(app=ehr))
    sleep = waits.append if waits is not None else lambda _: None
    return FhirSource(boundary, context("p1", NOW, **changes), token, sleep=sleep)


def observation(fhir_id: str = "o1", patient: str = "p1", **more: Any) -> dict[str, Any]:
    """Return a potassium result."""
    return {
        "resourceType": "Observation", "id": fhir_id, "status": "final",
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": "2026-11-19T09:10:00-06:00",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "Potassium"}]},
        "valueQuantity": {"value": 4.1, "unit": "mmol/L"}, **more,
    }  # fmt: skip


def bundle(*resources: dict[str, Any], next_url: str = "", **more: Any) -> dict[str, Any]:
    """Return a searchset."""
    link = [{"relation": "next", "url": next_url}] if next_url else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": link,
        "entry": [{"resource": r} for r in resources],
        **more,
    }


def outcome(severity: str, code: str, number: str = "", text: str = "") -> dict[str, Any]:
    """Return an OperationOutcome with one issue."""
    details = {"coding": [{"code": number}]} if number else {"text": text}
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "details": details}],
    }
