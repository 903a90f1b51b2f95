"""The analyst's sign-in and API: the EHR says who it is, the registration what they may; no launch, no patient, no few."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.cohort_store import store
from tests.interaction.policy.it import it
from tests.stack import APP, ISS, Browser, Stack, make_stack, registered

COUNTS, LISTS = "Practitioner/quality-analyst", "Practitioner/care-manager"
WOMEN = {"all": [{"of": "sex", "is": "female"}]}


def patients() -> Iterator[dict[str, Any]]:
    for n in range(43):
        gender = "female" if n % 2 else "male"
        yield {"resourceType": "Patient", "id": f"p{n}", "gender": gender, "birthDate": f"19{50 + n % 3}-01-01"}  # fmt: skip
        if n < 5:
            yield {"resourceType": "Condition", "id": f"c{n}", "subject": {"reference": f"Patient/p{n}"},
                   "clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]}}  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("analyst")
    store(folder / "warehouse" / "sandbox" / "all", patients(), base=ISS)
    return make_stack(folder)


class Signed:
    """A browser in which an analyst has signed in."""

    def __init__(self, stack: Stack, user: str) -> None:
        self.browser = stack.browser()
        page = self.browser.sign_in_page(user)
        self.scope = page["authorize"]
        self.answer = self.browser.complete(self.browser.authorize(page["authorize"]))
        self.key = (self.answer.get_json() or {}).get("key", "")

    def call(self, path: str = "", body: object = None, method: str = "POST") -> TestResponse:
        return self.browser.client.open(
            f"/api/analyst/sandbox{path}", base_url=APP, method=method, json=body, headers={"Authorization": f"Bearer {self.key}"}
        )  # fmt: skip

    def ask(self, tool: str, **arguments: object) -> dict[str, Any]:
        answer = self.call("/ask", {"tool": tool, "arguments": arguments})
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())


def audited(stack: Stack, kind: str = "cohort") -> list[dict[str, Any]]:
    events = [one for one in stack.services.audit.events() if one.kind == kind]
    return [{**json.loads(one.detail), "user": one.who.user_reference, "patient": one.who.patient} for one in events]  # fmt: skip


def test_an_analyst_signs_in_at_the_ehr_and_gets_counts(stack: Stack) -> None:
    signed = Signed(stack, COUNTS)
    assert "scope=launch+openid+fhirUser&" in signed.scope
    assert signed.answer.get_json() == {"launch_id": "", "key": signed.key, "next": "", "analyst": "sandbox"}  # fmt: skip
    assert all("Max-Age=0" in one for one in signed.answer.headers.getlist("Set-Cookie"))
    desk = signed.call(method="GET").get_json()
    assert (desk["as_of"], desk["lists"], desk["groups"]) == ("15-Jan-2026", False, ["everyone"])
    assert desk["whole"]
    assert len(desk["rules"]) >= 10
    assert {"name": "diabetes", "kinds": ["condition"]} in desk["sets"]
    answer = signed.ask("cohort_count", criteria=WOMEN, by=["age"])
    (table,) = answer["tables"]
    assert table["rows"][-1] == ["all", "21"]
    assert {mark["n"] for mark in table["marks"]} <= {None, 21}
    assert answer["csv"].startswith("age,patients\n")
    few = {"all": [{"of": "record", "kind": "condition", "set": "diabetes"}]}
    assert signed.ask("cohort_count", criteria=few)["tables"][0]["rows"] == [["fewer than 11"]]
    group = signed.call("/group", {"criteria": few, "name": "Diabetes"}).get_json()
    assert ("quantity" in json.loads(group["text"]), "p0" in group["text"]) == (False, False)
    assert "Refused" in signed.ask("cohort_query", sql="SELECT rowid FROM patient")["refused"]
    rows = audited(stack)
    assert {row["patient"] for row in rows} == {""}
    assert [(row["what"], row["user"]) for row in rows][:3] == [("sign_in", COUNTS), ("count", COUNTS), ("count", COUNTS)]  # fmt: skip
    assert {row.get("via") for row in rows[1:]} == {"page"}


def test_lists_need_their_right_and_a_chart_is_opened_by_the_ehr(stack: Stack) -> None:
    without, signed = Signed(stack, COUNTS), Signed(stack, LISTS)
    for path, body in (
        ("/list", {"criteria": WOMEN}), ("/list", {"rule": "influenza"}), ("/group", {"criteria": WOMEN, "name": "Women", "members": True}),
    ):  # fmt: skip
        refused = without.call(path, body).get_json()
        assert ("counts only" in refused["refused"], "p1" in json.dumps(refused)) == (True, False)
        assert signed.call(path, body).get_json()["refused"] == ""
    found = signed.call("/list", {"criteria": WOMEN}).get_json()["patients"]
    assert len(found) == 21
    assert found[0]["chart"] == f"http://ehr.localhost:9000/chart/{found[0]['id']}?app=chartside"
    group = json.loads(signed.call("/group", {"criteria": WOMEN, "name": "Women", "members": True}).get_json()["text"])  # fmt: skip
    assert (group["actual"], group["quantity"], len(group["member"])) == (True, 21, 21)
    listed = [row for row in audited(stack) if row["what"] in ("list", "group") and row["user"] == LISTS]  # fmt: skip
    assert [row["patients"] for row in listed] == [21, 43, 21, 21, 21]


def test_whoever_is_not_named_gets_no_session(stack: Stack) -> None:
    clinician = next(iter(stack.state.users.values()))[0].reference
    signed = Signed(stack, clinician)
    assert (signed.answer.status_code, signed.answer.get_json()["code"]) == (403, "cohort.not_analyst")  # fmt: skip
    assert signed.call(method="GET").status_code == 401
    assert audited(stack)[-1]["refused"].startswith("not an analyst")


def test_a_launch_is_no_session_of_an_analyst_and_the_other_way_round(stack: Stack) -> None:
    launched, signed = stack.browser().launch("newborn"), Signed(stack, COUNTS)
    for key in (launched.key, "", "x" * 43):
        signed.key = key
        assert signed.call("/ask", {"tool": "cohort_count", "arguments": {"criteria": {}}}).status_code == 401  # fmt: skip
    other = Signed(stack, COUNTS)
    for path in ("", "/card", "/sources/1", "/life"):
        answer = other.browser.client.get(
            f"/api/launches/{launched.launch_id}{path}", base_url=APP, headers={"Authorization": f"Bearer {other.key}"}
        )  # fmt: skip
        assert answer.status_code == 401, path
    # The callback of one kind does not finish the other.
    browser: Browser = stack.browser()
    back = browser.authorize(browser.sign_in_page(COUNTS)["authorize"])
    crossed = {**back, "state": back["state"].removeprefix("analyst.")}
    assert browser.complete(crossed).status_code == 400
    back = browser.authorize(browser.launch_page("newborn")["authorize"])
    browser.binds["analyst." + back["state"]] = browser.binds[back["state"]]
    assert browser.complete({**back, "state": "analyst." + back["state"]}).status_code == 400


def test_the_ehrs_tokens_of_a_sign_in_are_revoked(stack: Stack) -> None:
    Signed(stack, COUNTS)
    stack.services.smart.revoker.wait()
    asked = [one for one in stack.state.wire.entries() if one.path == "/auth/revoke"]
    assert asked


def test_a_session_ends_by_sign_out_time_switch_and_registration(stack: Stack, tmp_path: Path) -> None:  # fmt: skip
    signed = Signed(stack, COUNTS)
    assert signed.call(method="DELETE").status_code == 204
    assert signed.call(method="GET").status_code == 401
    signed = Signed(stack, COUNTS)
    for _ in range(3):
        stack.clock.forward(minutes=20)
        assert signed.call(method="GET").status_code == 200
    stack.clock.forward(minutes=31)
    assert signed.call(method="GET").status_code == 401
    signed = Signed(stack, COUNTS)
    it(stack, "disable", "action", "cohort", "--reason", "drill")
    try:
        assert signed.call(method="GET").status_code == 503
        assert signed.browser.open("/analyst/sandbox/").status_code == 503
    finally:
        it(stack, "enable", "action", "cohort")
    assert signed.call(method="GET").status_code == 200
    config = registered(tmp_path, ('analysts = ["Practitioner/quality-analyst", ', "analysts = ["))
    later = make_stack(tmp_path, launch_config=config)
    # The same database: what the same site has after a restart with another list.
    later.services.cohorts.opened._rows = stack.services.cohorts.opened._rows
    signed.browser.client = later.app.test_client()
    assert (signed.call(method="GET").status_code, signed.call(method="GET").get_json()["code"]) == (403, "cohort.not_analyst")  # fmt: skip


def test_a_user_of_another_tenant_is_refused(tmp_path: Path) -> None:
    config = registered(tmp_path, ('iss = ["', 'tenants = ["ours"]\niss = ["'))
    signed = Signed(make_stack(tmp_path, launch_config=config), COUNTS)
    assert (signed.answer.status_code, signed.key) == (403, "")


def test_data_of_another_ehr_are_not_asked(stack: Stack, tmp_path: Path) -> None:
    store(tmp_path / "warehouse" / "sandbox" / "all", patients(), base="https://other.example/fhir")
    signed = Signed(make_stack(tmp_path), COUNTS)
    assert "another EHR" in signed.ask("cohort_count", criteria={})["refused"]


def test_no_word_of_a_question_reaches_a_log(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    signed = Signed(stack, COUNTS)
    with caplog.at_level("DEBUG"):
        signed.ask("cohort_query", sql="SELECT lovelace FROM lovelace")
        signed.ask("cohort_count", criteria={"lovelace": []})
        signed.ask("lovelace")
        signed.call("/list", {"criteria": {"lovelace": 1}})
        signed.call("/group", {"criteria": {"lovelace": 1}, "name": "lovelace"})
        signed.call("/ask", {"lovelace": 1})
    assert "lovelace" not in caplog.text
    assert "lovelace" not in str(audited(stack))
