from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from sandbox.faults import Fault, FaultRule
from tests.unit.sandbox.parties import ALBA, BASE, BRUNO, Ehr, answer_of

SEARCH = f"Observation?patient={ALBA}&_count=3"


def strike(ehr: Ehr, match: str, fault: Fault, **more: Any) -> None:
    ehr.state.faults.set(FaultRule(match=match, fault=fault, **more))


def entries(ehr: Ehr, path: str = SEARCH) -> list[dict[str, Any]]:
    response = ehr.fhir(path, ehr.tokens()["access_token"])
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.get_json()["entry"]
    return found


@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        ("unauthorized_401", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}),
        ("forbidden_403", 403, {}),
        ("too_many_429", 429, {"Retry-After": "7"}),
        ("server_error_500", 500, {}),
    ],
)
@pytest.mark.parametrize("match", ["Observation", "*"])
def test_a_status_fault_answers_instead_of_the_ehr(
    ehr: Ehr, match: str, fault: Fault, status: int, headers: dict[str, str]
) -> None:
    token = ehr.tokens()["access_token"]
    strike(ehr, match, fault, seconds=7)
    response = ehr.fhir(SEARCH, token)
    assert response.status_code == status
    assert response.get_json()["resourceType"] == "OperationOutcome"
    assert {name: response.headers[name] for name in headers} == headers


def test_a_fault_strikes_its_type_only(ehr: Ehr) -> None:
    strike(ehr, "Condition", "server_error_500")
    assert len(entries(ehr)) == 3


def test_a_fault_strikes_a_counted_number_of_times_after_a_counted_number(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    strike(ehr, "Observation", "server_error_500", after=1, times=2)
    assert [ehr.fhir(SEARCH, token).status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_fault_may_strike_one_patient_only(ehr: Ehr) -> None:
    strike(ehr, "Observation", "server_error_500", patient=BRUNO)
    assert len(entries(ehr)) == 3
    token = ehr.tokens(launch=ehr.state.start(BRUNO))["access_token"]
    assert ehr.fhir(f"Observation?patient={BRUNO}", token).status_code == 500


def test_slow_waits_and_then_answers(ehr: Ehr) -> None:
    strike(ehr, "Observation", "slow", seconds=12.5)
    assert (len(entries(ehr)), ehr.slept) == (3, [12.5])


def test_truncated_json_does_not_parse(ehr: Ehr) -> None:
    strike(ehr, "Observation", "truncated_json")
    response = ehr.fhir(SEARCH, ehr.tokens()["access_token"])
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"JSON|char"):
        response.json  # noqa: B018 - parsing is what must fail


def test_a_wrong_patient_entry_is_another_loaded_patients_record(ehr: Ehr) -> None:
    strike(ehr, "Observation", "wrong_patient_entry", times=1)
    found = entries(ehr)
    owners = [entry["resource"]["subject"]["reference"] for entry in found]
    assert owners == [f"Patient/{ALBA}"] * 3 + [f"Patient/{BRUNO}"]
    assert found[-1]["fullUrl"].startswith(f"{BASE}/Observation/bruno-")
    assert len(entries(ehr)) == 3


@pytest.mark.parametrize("outcome", ["59204", "4130"])
def test_an_outcome_entry_says_that_something_was_left_out(ehr: Ehr, outcome: str) -> None:
    ehr.state.faults.set(
        FaultRule.from_json({"match": "Observation", "fault": "outcome_entry", "outcome": outcome})
    )
    entry = entries(ehr)[-1]
    issue = entry["resource"]["issue"][0]
    assert entry["search"] == {"mode": "outcome"}
    assert (issue["severity"], issue["details"]["coding"][0]["code"]) == ("warning", outcome)


def test_deceased_and_merged_change_the_patient_in_reads_and_searches(ehr: Ehr) -> None:
    strike(ehr, "Patient", "deceased")
    strike(ehr, "Patient", "merged")
    token = ehr.tokens()["access_token"]
    read = ehr.fhir(f"Patient/{ALBA}", token).get_json()
    assert (read["deceasedDateTime"], read["active"]) == ("2026-10-02", False)
    link = {"other": {"reference": f"Patient/{BRUNO}"}, "type": "replaced-by"}
    assert read["link"] == [link]
    assert entries(ehr, f"Patient?_id={ALBA}")[0]["resource"] == read
    ehr.state.faults.clear()
    assert "deceasedDateTime" not in ehr.fhir(f"Patient/{ALBA}", token).get_json()


def test_denied_consent_comes_back_with_state(ehr: Ehr) -> None:
    strike(ehr, "authorize", "deny_consent", times=1)
    answer = answer_of(ehr.authorize())
    assert (answer["error"], answer["state"]) == ("access_denied", "s-1")
    assert "code" in answer_of(ehr.authorize())


def test_a_bad_id_token_does_not_verify(ehr: Ehr) -> None:
    strike(ehr, "token", "bad_id_token")
    token = ehr.tokens("launch openid")["id_token"]
    keys = KeySet.import_key_set(ehr.client.get("/auth/jwks").get_json())
    with pytest.raises(BadSignatureError):
        jwt.decode(token, keys, algorithms=["RS256"])


@pytest.mark.parametrize(
    ("fault", "user"),
    [
        ("fhir_user_patient", f"Patient/{ALBA}"),
        ("fhir_user_related", f"RelatedPerson/relative-{ALBA}"),
    ],
)
def test_the_signed_in_user_may_be_no_clinician(ehr: Ehr, fault: Fault, user: str) -> None:
    strike(ehr, "token", fault)
    token = ehr.tokens("launch openid fhirUser")["id_token"]
    keys = KeySet.import_key_set(ehr.client.get("/auth/jwks").get_json())
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert claims["fhirUser"] == f"{BASE}/{user}"


def test_a_token_response_may_lack_the_patient(ehr: Ehr) -> None:
    strike(ehr, "token", "missing_patient")
    assert "patient" not in ehr.tokens()


@pytest.mark.parametrize(
    ("fault", "status"), [("too_many_429", 429), ("server_error_500", 500), ("forbidden_403", 403)]
)
def test_the_token_endpoint_and_the_configuration_have_faults_too(
    ehr: Ehr, fault: Fault, status: int
) -> None:
    code = ehr.code()
    strike(ehr, "token", fault, times=1)
    strike(ehr, "well-known", fault, times=1)
    assert ehr.exchange(code).status_code == status
    assert ehr.exchange(code).status_code == 200
    path = "/fhir/.well-known/smart-configuration"
    assert [ehr.client.get(path).status_code for _ in range(2)] == [status, 200]


def test_faults_are_set_seen_and_cleared_over_http(ehr: Ehr) -> None:
    rule = {"match": "Observation", "fault": "slow", "seconds": 3}
    assert ehr.client.post("/sandbox/faults", json=rule).status_code == 201
    assert ehr.client.get("/sandbox/faults").get_json() == [
        {
            "match": "Observation",
            "fault": "slow",
            "patient": None,
            "times": None,
            "after": 0,
            "seconds": 3,
            "outcome": "59204",
        }
    ]
    assert ehr.client.delete("/sandbox/faults").status_code == 204
    assert ehr.state.faults.rules == ()


@pytest.mark.parametrize(
    "rule",
    [
        [],
        {},
        {"match": "token"},
        {"match": "token", "fault": "unheard_of"},
        {"match": 1, "fault": "slow"},
        {"match": "token", "fault": "slow", "times": "2"},
        {"match": "token", "fault": "slow", "typo": 1},
    ],
)
def test_a_wrong_fault_rule_is_refused(ehr: Ehr, rule: object) -> None:
    response = ehr.client.post("/sandbox/faults", json=rule)
    assert (response.status_code, ehr.state.faults.rules) == (400, ())
