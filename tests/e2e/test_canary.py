"""A whole run in a browser, with what goes wrong in it; then everything it wrote is searched for what must not be there.

Marks stand for a patient's data in every place of the chart. Tokens, codes and keys are the real ones: recorders before
both servers have seen them pass. Searched are the servers' logs with the access log, every page, every address and
Referer, every error, the browser's history and the database.
"""

import base64
import gzip
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Behind, NewContext, Servers, app_frame, free_port, panel, started
from tests.e2e.recorder import Passed, Recorder, recording
from tests.e2e.test_main_job import answered, ask
from tests.requirements import requirement

pytestmark = pytest.mark.e2e
PATIENT = "zqpatientid"
MARKS = ("zqfamily", "zqgiven", "zqrecord", "zqproblem", "zqresult", "zqnote", "zqallergy", "zqquestion")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Place:
    """Both servers behind recorders, and the file of what they said."""

    servers: Servers
    app: Recorder
    ehr: Recorder
    log: Path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    environ = {
        **os.environ,
        "SANDBOX_CHARTS": str(marked_chart(tmp_path / "chart")),
        "GUNICORN_CMD_ARGS": f"--access-logfile={tmp_path / 'access'}",
    }
    log = tmp_path / "log"
    with recording(free_port()) as app, recording(free_port()) as ehr:
        behind = Behind(app=(app.port, app.behind), ehr=(ehr.port, ehr.behind))
        with started(tmp_path, environ, behind=behind, log=log) as servers:
            yield Place(servers=servers, app=app, ehr=ehr, log=log)


@requirement("attack-28")
def test_a_whole_run_writes_no_secret_and_nothing_of_the_chart(
    place: Place, new_context: NewContext
) -> None:
    page = new_context().new_page()
    addresses = whole_run(place, page)
    secrets, codes = secrets_of(place)
    assert all(len(found) >= 1 for found in secrets.values()), secrets.keys()
    hidden = [secret for found in secrets.values() for secret in found]
    seen = "\n".join(one.body.decode("utf-8", "replace") for one in place.app.exchanges).lower()
    assert [mark for mark in MARKS if mark not in seen] == [], "the marks did reach the screen"
    told = place.log.read_text() + (place.log.parent / "access").read_text()
    assert "request.refused" in told
    assert {401, 403, 404} <= {one.status for one in place.app.exchanges}
    assert 500 in {one.status for one in place.ehr.exchanges}
    assert '"GET /smart/sandbox/callback"' in told
    ours = "\n".join(line for line in told.splitlines() if not re.search(r"/(fhir|chart)/", line))
    assert found_in(told, (*hidden, *codes, *MARKS)) == []
    assert found_in(ours, (PATIENT,)) == []
    for one in place.app.exchanges:
        where = f"{one.method} {one.target}"
        if one.answered.get("content-type", "").startswith("text/html"):
            # SMART App Launch 2.2: the page that goes on to the EHR takes its own state there.
            states = () if "/launch?" in one.target else codes
            told_here = found_in(one.body.decode(), (*hidden, *states, *MARKS, PATIENT))
            assert told_here == [], where
        if one.status >= 400:
            assert found_in(one.body.decode(), (*hidden, *codes, *MARKS, PATIENT)) == [], where
        assert found_in(str(one.body), secrets_not_for_the_browser(secrets)) == [], where
    for address in (*addresses, *referrers(place.app), *referrers(place.ehr)):
        assert found_in(address, (*hidden, *codes, *MARKS)) == [], address
    # SMART App Launch 2.2: the code comes in the callback's address. It is in no other.
    carrying = {urlsplit(one.target).path for one in place.app.exchanges if found_in(one.target, codes)}  # fmt: skip
    assert carrying <= {"/smart/sandbox/callback"}
    asked = [one.target for one in (*place.app.exchanges, *place.ehr.exchanges)]
    assert found_in("\n".join(asked), (*hidden, *MARKS)) == []
    stored = b"".join(path.read_bytes() for path in place.servers.folder.glob("chartside.db*"))
    assert found_in(stored.decode("latin-1"), (*hidden, *codes, *MARKS)) == []


def whole_run(place: Place, page: Page) -> list[str]:
    """Do what people do, and let go wrong what may; return the addresses that the browser's history holds."""
    servers = place.servers
    chart = f"{servers.ehr}/chart/{PATIENT}?app=chartside"
    page.goto(chart)
    expect(panel(page).locator(".card .cardfoot")).to_be_visible()
    ask(page, "What problems are active? zqquestion")
    answered(page)
    ask(page, "What did the last note say about ibuprofen?")
    answered(page, 2)
    ask(page, "What was the last potassium?")
    answered(page, 3)
    panel(page).locator("article.turn .cite").first.click()
    expect(panel(page).locator(".evidence")).to_be_visible()
    app_frame(page, servers).evaluate("location.reload()")
    answered(page, 3)
    servers.fault(match="Observation", fault="server_error_500")
    with page.expect_response(lambda answer: "again=1" in answer.url):
        panel(page).get_by_role("button", name="Read again").first.click()
    servers.mend()
    frame = app_frame(page, servers)
    history: list[str] = frame.evaluate(
        "[location.href, document.referrer, ...navigation.entries().map(({ url }) => url)]"
    )
    launch = urlsplit(frame.url).path.split("/")[2]
    # Expired: the launch is ended, then its page is loaded and its API is asked again.
    panel(page).get_by_role("button", name="Menu").first.click()
    panel(page).get_by_role("button", name="End this launch").click()
    expect(panel(page).locator("h1")).to_contain_text("You ended this launch")
    frame.evaluate("location.reload()")
    expect(panel(page).locator("h1")).to_contain_text("ended")
    frame.evaluate(f"fetch('/api/launches/{launch}/card').then((answer) => answer.text())")
    # Refused: by consent, by identity, by an address that was made up.
    for rule in ({"match": "authorize", "fault": "deny_consent"}, {"match": "token", "fault": "bad_id_token"}):  # fmt: skip
        servers.fault(**rule)
        page.goto(chart)
        expect(panel(page).locator("main h1")).to_be_visible()
        servers.mend()
    for path in ("/smart/sandbox/launch?iss=https://evil.example&launch=x", "/register/sandbox", "/selftest/sandbox", "/l/unknown/", "/nothing"):  # fmt: skip
        page.goto(f"{servers.app}{path}")
    return history


def secrets_of(place: Place) -> tuple[dict[str, list[str]], list[str]]:
    """Return the secrets that passed, by kind, and the authorization codes with their states."""
    tokens = [one for one in place.ehr.exchanges if one.target.startswith("/auth/token")]
    answers = [body for one in tokens if one.status == 200 for body in [json.loads(one.body)]]
    forms = [dict(parse_qsl(one.asked.decode())) for one in tokens]
    completed = [one for one in place.app.exchanges if opens_a_launch(one)]
    cookies = [re.search(r"__Secure-lr=([^;]+)", one.answered.get("set-cookie", "")) for one in completed]  # fmt: skip
    back = [
        parse_qs(urlsplit(one.answered["location"]).query)
        for one in place.ehr.exchanges
        if "code=" in one.answered.get("location", "")
    ]
    secrets = {
        "access": [body["access_token"] for body in answers],
        "refresh": [body["refresh_token"] for body in answers],
        "id": [body["id_token"] for body in answers],
        "verifier": [form["code_verifier"] for form in forms if "code_verifier" in form],
        "key": [json.loads(one.body)["key"] for one in completed],
        "resume": [found[1] for found in cookies if found],
        "sealing": [(place.servers.folder / "secret_key").read_text().strip()],
    }
    return secrets, [value for query in back for name in ("code", "state") for value in query[name]]


def secrets_not_for_the_browser(secrets: dict[str, list[str]]) -> tuple[str, ...]:
    kinds = ("access", "refresh", "id", "verifier", "sealing")
    return tuple(secret for kind in kinds for secret in secrets[kind])


def opens_a_launch(one: Passed) -> bool:
    return one.status == 200 and (
        one.target == "/api/launches/complete" or one.target.endswith("/resume")
    )


def referrers(recorder: Recorder) -> list[str]:
    return [one.sent["referer"] for one in recorder.exchanges if "referer" in one.sent]


def found_in(text: str, wanted: tuple[str, ...] | list[str]) -> list[str]:
    low = text.lower()
    return [one for one in wanted if one in text or one.lower() in low]


def marked_chart(folder: Path) -> Path:
    folder.mkdir()
    subject = {"reference": f"Patient/{PATIENT}"}
    doctor = {"reference": "Practitioner/canary-doctor"}
    active = {"coding": [{"code": "active"}]}
    note = base64.b64encode(
        b"Seen today. She takes ibuprofen zqnote every day for her back."
    ).decode()
    visit = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}]
    }
    lab = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]  # fmt: skip
    resources: list[dict[str, Any]] = [
        {"resourceType": "Practitioner", "id": "canary-doctor", "name": [{"family": "Osei"}]},
        {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1958-03-14",
         "name": [{"family": "zqfamily", "given": ["zqgiven"]}],
         "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn", "value": "zqrecord"}]},
        {"resourceType": "Encounter", "id": "canary-visit", "status": "finished", "class": visit["coding"][0],
         "subject": subject, "participant": [{"individual": doctor}], "period": {"start": "2026-11-10T09:00:00-06:00"}},
        {"resourceType": "Condition", "id": "canary-problem", "subject": subject, "clinicalStatus": active,
         "category": [{"coding": [{"code": "problem-list-item"}]}], "code": {"text": "zqproblem"}},
        {"resourceType": "AllergyIntolerance", "id": "canary-allergy", "patient": subject, "clinicalStatus": active,
         "code": {"text": "zqallergy"}},
        {"resourceType": "Observation", "id": "canary-result", "status": "final", "subject": subject, "category": lab,
         "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}], "text": "Potassium"},
         "valueQuantity": {"value": 5.6, "unit": "zqresult"}, "effectiveDateTime": "2026-11-18T09:00:00-06:00"},
        {"resourceType": "DocumentReference", "id": "canary-note", "status": "current", "subject": subject,
         "type": {"text": "Progress note"}, "date": "2026-11-18T10:00:00-06:00", "author": [doctor],
         "content": [{"attachment": {"contentType": "text/plain", "data": note}}]},
    ]  # fmt: skip
    lines = "\n".join(json.dumps(resource) for resource in resources)
    (folder / "chart.ndjson.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    manifest = {"name": "canary", "title": "canary", "patient": PATIENT, "as_of": "2026-11-20T08:42:00-06:00"}  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
