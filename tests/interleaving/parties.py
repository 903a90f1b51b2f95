"""The copilot and two EHRs with equal ids and other contents, in one process."""

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx2
from flask import Flask

from app.settings import Secret, Settings
from app.web.application import make_app
from app.wiring import build
from sandbox import create_app as create_ehr
from sandbox.settings import SandboxSettings
from tests.stack import APP, pretend_build

EHRS = ("north", "south")
PATIENTS = ("p1", "p2", "p3", "p4")
USERS = ("u1", "u2")
START = datetime(2026, 11, 20, 14, 42, tzinfo=UTC)
# Short, so that a minute of standing about makes the next read refresh it.
ACCESS_TOKEN_S = 120


def chart_mark(ehr: str, patient: str) -> str:
    """Return the mark of everything in one patient's chart at one EHR."""
    return f"zqchart{ehr}{patient}"


def user_mark(ehr: str, user: str) -> str:
    """Return the mark of a user's name at one EHR."""
    return f"zquser{ehr}{user}"


@dataclass(kw_only=True)
class StillClock:
    """Time that only a step moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    @property
    def seconds(self) -> float:
        """Return it as the stores keep it."""
        return self.now.timestamp()


def iss(ehr: str) -> str:
    """Return the FHIR base of an EHR."""
    return f"http://{ehr}.localhost:9000/fhir"


def parties(folder: Path, clock: StillClock) -> tuple[Flask, dict[str, Flask]]:
    """Return the copilot and the EHRs by name."""
    ehrs = {name: _ehr(folder / name, name, clock) for name in EHRS}

    def by_host(environ: WSGIEnvironment, start: StartResponse) -> Any:
        return ehrs[environ["HTTP_HOST"].partition(".")[0]](environ, start)

    settings = Settings(
        environment="development",
        origin=APP,
        secret_key=Secret(b"s" * 32),
        database_url=f"sqlite:///{folder}/chartside.db",
        launch_config=_registrations(folder / "launch_config"),
        frontend=pretend_build(folder),
    )
    services = build(settings, transport=httpx2.WSGITransport(app=by_host), clock=clock)
    return make_app(services), ehrs


def _registrations(folder: Path) -> Path:
    folder.mkdir()
    for ehr in EHRS:
        (folder / f"{ehr}.toml").write_text(
            f"""schema = 1
slug = "{ehr}"
name = "{ehr}"
vendor = "chartside-sandbox"
environment = "sandbox"
enabled = true
[fhir]
iss = ["{iss(ehr)}"]
[client]
id = "chartside-sandbox"
auth = "public"
redirect_uri = "{APP}/smart/{ehr}/callback"
[scopes]
required = ["launch", "openid", "fhirUser", "patient/Patient.r"]
optional = ["online_access", "patient/Condition.rs", "patient/AllergyIntolerance.rs", "user/Practitioner.r"]
[embed]
frame_ancestors = ["http://{ehr}.localhost:9000"]
[site]
name = "{ehr}"
time_zone = "America/Chicago"
help_desk = "555-0142"
[models]
allowed = ["*"]
""",
            "utf-8",
        )
    return folder


def _ehr(folder: Path, ehr: str, clock: StillClock) -> Flask:
    charts = tuple(_chart(folder / patient, ehr, patient) for patient in PATIENTS)
    return create_ehr(
        SandboxSettings(
            ehr_origin=f"http://{ehr}.localhost:9000",
            app_launch_url=f"{APP}/smart/{ehr}/launch",
            data_folder=folder / "data",
            chart_folders=charts,
            access_token_lifetime_s=ACCESS_TOKEN_S,
            clock=clock,
        )
    )


def _chart(folder: Path, ehr: str, patient: str) -> Path:
    folder.mkdir(parents=True)
    mark, subject = chart_mark(ehr, patient), {"reference": f"Patient/{patient}"}
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    allergy = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1958-03-14",
         "name": [{"family": mark, "given": [mark]}], "identifier": [{"system": "urn:mrn", "value": mark}]},
        {"resourceType": "Condition", "id": f"{patient}-c1", "subject": subject, "code": {"text": f"asthma {mark}"},
         "clinicalStatus": {"coding": [{"system": clinical, "code": "active"}]}, "recordedDate": "2026-10-02"},
        {"resourceType": "AllergyIntolerance", "id": f"{patient}-a1", "patient": subject,
         "code": {"text": f"penicillin {mark}"}, "clinicalStatus": {"coding": [{"system": allergy, "code": "active"}]}},
    ]  # fmt: skip
    if patient == PATIENTS[0]:
        resources += [
            {"resourceType": "Practitioner", "id": user, "name": [{"family": user_mark(ehr, user)}]}
            for user in USERS
        ]
    lines = "\n".join(json.dumps(resource) for resource in resources)
    (folder / "chart.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    manifest = {
        "name": patient,
        "title": patient,
        "patient": patient,
        "as_of": "2026-11-20T08:42:00-06:00",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
