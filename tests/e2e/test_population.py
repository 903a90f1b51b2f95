"""An analyst in the EHR's frame: signs in by the EHR, counts, describes, saves; few patients are in nothing that leaves."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.cohort_store import store
from tests.e2e.conftest import NewContext, Servers, panel
from tests.e2e.test_main_job import axe

pytestmark = pytest.mark.e2e
# Tables are made with the first question.
MOST_MS = 30_000
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def some_patients(servers: Servers) -> None:
    made: list[dict[str, object]] = []
    for n in range(60):
        made.append({"resourceType": "Patient", "id": f"p{n}", "gender": "female" if n < 45 else "male", "birthDate": f"{1940 + n}-01-01"})  # fmt: skip
        subject = {"reference": f"Patient/p{n}"}
        coding = [{"system": ICD, "code": "E11.9" if n < 40 else "I25.10", "display": "Type 2 diabetes mellitus" if n < 40 else "Coronary disease"}]  # fmt: skip
        made.append({"resourceType": "Condition", "id": f"c{n}", "subject": subject, "code": {"coding": coding},
                     "clinicalStatus": {"coding": [{"code": "active" if n < 48 else "inactive"}]}})  # fmt: skip
    store(servers.folder / "warehouse" / "sandbox" / "all", made, base=f"{servers.ehr}/fhir")


def test_an_analyst_counts_describes_and_saves(servers: Servers, new_context: NewContext, tmp_path: Path) -> None:  # fmt: skip
    some_patients(servers)
    page = new_context().new_page()
    page.goto(f"{servers.ehr}/population?user=Practitioner/care-manager")
    frame = panel(page)
    expect(frame.get_by_text("data as of 15-Jan-2026")).to_be_visible()
    frame.get_by_role("button", name="Describe").click()
    expect(frame.get_by_text("40 patients")).to_be_visible(timeout=MOST_MS)
    drawn = frame.get_by_role("img", name="Patients by sex: female 40.")
    expect(drawn).to_be_visible()
    assert axe(page, servers) == []
    with page.expect_download() as saved:
        frame.get_by_role("button", name="Download CSV").click()
    csv = saved.value.path().read_text()
    assert "sex,patients\nfemale,40\n" in csv
    frame.get_by_role("button", name="List the patients").click()
    chart = frame.get_by_role("link", name="p7, open in the EHR")
    assert chart.get_attribute("href") == f"{servers.ehr}/chart/p7?app=chartside"
    # Few patients: in no table, chart or file.
    frame.get_by_role("combobox", name="Value set").select_option("")
    frame.get_by_role("textbox", name="Codes").fill("I25")
    frame.get_by_role("button", name="Count").click()
    expect(frame.get_by_text("fewer than 11 patients")).to_be_visible(timeout=MOST_MS)
    with page.expect_download() as saved:
        frame.get_by_role("button", name="Save as FHIR Group").click()
    assert "quantity" not in json.loads(saved.value.path().read_text())
    frame.get_by_role("button", name="Measures").click()
    frame.get_by_role("button", name="Count").click()
    expect(frame.get_by_role("rowheader", name="Influenza vaccine this season")).to_be_visible(
        timeout=MOST_MS
    )
    page.set_viewport_size({"width": 350, "height": 800})
    page.emulate_media(color_scheme="dark")
    assert axe(page, servers) == []
    frame.get_by_role("button", name="Sign out").click()
    expect(frame.get_by_role("heading", name="You are signed out.")).to_be_visible()


def test_a_clinician_who_is_not_named_is_told_so(servers: Servers, new_context: NewContext) -> None:
    page = new_context().new_page()
    page.goto(f"{servers.ehr}/population")
    page.get_by_role("combobox").select_option(index=2)
    expect(panel(page).get_by_text("You are not registered for questions about many patients here")).to_be_visible()  # fmt: skip
