"""A small EHR and an app that speaks the protocol by hand, sharing no code with either side."""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox import create_app, sandbox_state
from sandbox.clients import CHARTSIDE_CLIENT_ID, Client
from sandbox.settings import SandboxSettings
from sandbox.state import SandboxState

ALBA, BRUNO = "alba", "bruno"
EHR = "http://ehr.localhost:9000"
BASE = f"{EHR}/fhir"
CALLBACK = "http://app.localhost:9001/smart/sandbox/callback"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
LABS = 45
OTHER_CLIENT = Client(
    client_id="other-app",
    name="Other",
    launch_url="http://other.localhost:9005/launch",
    redirect_uris=("http://other.localhost:9005/callback",),
    scopes=(
        "launch",
        "patient/Observation.rs?category=laboratory",
        "patient/Patient.read",
        "patient/*.r",
    ),
)


@dataclass(kw_only=True)
class Clock:
    """A clock that moves only when told."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Ehr:
    """The EHR and its test client. `slept` are the delays it asked for."""

    state: SandboxState
    client: FlaskClient
    clock: Clock
    slept: list[float]

    def authorize(self, scope: str = "launch patient/*.rs", **changes: str | None) -> TestResponse:
        """Send a correct authorization request with `changes`; None leaves a parameter out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CHARTSIDE_CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": "s-1",
            "aud": BASE,
            "launch": None if "launch" in changes else self.state.start(ALBA),
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        query = {name: value for name, value in (parameters | changes).items() if value is not None}
        return self.client.get("/auth/authorize", query_string=query)

    def code(self, scope: str = "launch patient/*.rs", **changes: str | None) -> str:
        """Return a fresh authorization code."""
        return answer_of(self.authorize(scope, **changes))["code"]

    def exchange(self, code: str, **changes: str | None) -> TestResponse:
        """Send a correct token request for `code` with `changes`."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CHARTSIDE_CLIENT_ID,
            "code_verifier": VERIFIER,
        }
        return self.post_form("/auth/token", form | changes)

    def post_form(self, path: str, form: Mapping[str, str | None]) -> TestResponse:
        """POST a form without the values that are None."""
        return self.client.post(path, data={k: v for k, v in form.items() if v is not None})

    def tokens(self, scope: str = "launch patient/*.rs", **changes: str | None) -> dict[str, Any]:
        """Return a token response."""
        response = self.exchange(self.code(scope, **changes))
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.get_json()
        return body

    def fhir(self, path: str, token: str | None, **headers: str) -> TestResponse:
        """GET below the FHIR base."""
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.get(f"/fhir/{path}", headers=authorization | headers)


def answer_of(response: TestResponse) -> dict[str, str]:
    """Return the parameters of a redirect to the app."""
    assert response.status_code == 302, response.text
    assert response.location.split("?")[0] == CALLBACK
    return {k: v for k, [v] in parse_qs(urlsplit(response.location).query).items()}


def make_ehr(folder: Path, latency_ms: int = 0) -> Ehr:
    """Return an EHR over the charts in `folder`."""
    clock, slept = Clock(), list[float]()
    settings = SandboxSettings(
        data_folder=folder / "run",
        chart_folders=(folder / ALBA, folder / BRUNO),
        extra_clients=(OTHER_CLIENT,),
        clock=clock,
        sleep=slept.append,
        latency_ms=latency_ms,
    )
    app = create_app(settings)
    return Ehr(state=sandbox_state(app), client=app.test_client(), clock=clock, slept=slept)


def write_chart(folder: Path, patient: str) -> None:
    """Write a chart of one patient with a few records of each kind."""
    folder.mkdir()
    manifest = {
        "name": patient,
        "title": f"Chart of {patient}",
        "patient": patient,
        "as_of": "2026-11-20T08:42:00-06:00",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    lines = "".join(line + "\n" for line in _lines(patient))
    (folder / "chart.ndjson.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def _lines(patient: str) -> list[str]:
    subject = {"reference": f"Patient/{patient}"}
    resources: list[dict[str, Any]] = [
        {
            "resourceType": "Patient",
            "id": patient,
            "name": [{"family": patient.title(), "given": ["Test"]}],
            "birthDate": "1958-03-14",
        },
        {"resourceType": "Practitioner", "id": "osei", "name": [{"text": "A. Osei, MD"}]},
        {
            "resourceType": "Encounter",
            "id": f"{patient}-visit",
            "status": "in-progress",
            "subject": subject,
            "period": {"start": "2026-11-20T08:30:00-06:00"},
            "participant": [{"individual": {"reference": "Practitioner/osei"}}],
        },
        {
            "resourceType": "MedicationDispense",
            "id": f"{patient}-fill",
            "status": "completed",
            "subject": subject,
        },
        {
            "resourceType": "Binary",
            "id": f"{patient}-note",
            "contentType": "text/plain",
            "data": base64.b64encode(b"a note").decode(),
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": f"{patient}-allergy",
            "patient": subject,
            "code": {"text": "penicillin"},
        },
        *(_observation(patient, number, "laboratory") for number in range(LABS)),
        *(_observation(patient, number, "vital-signs") for number in range(5)),
    ]
    # json cannot write 1.10; a chart's laboratory does.
    return [json.dumps(one).replace('"@1.10"', "1.10") for one in resources]


def _observation(patient: str, number: int, category: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": f"{patient}-{category}-{number:02d}",
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": f"{number % 3}-1"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"2026-{number % 11 + 1:02d}-{number % 28 + 1:02d}T08:00:00-06:00",
        "valueQuantity": {"value": "@1.10", "unit": "mg/dL"},
    }
