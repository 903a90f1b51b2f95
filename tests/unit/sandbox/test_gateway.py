import pytest
from werkzeug.test import TestResponse

from tests.unit.sandbox.parties import ALBA, BASE, BRUNO, LABS, Ehr

OTHER_CALLBACK = "http://other.localhost:9005/callback"


def outcome_of(response: TestResponse) -> str:
    body = response.get_json()
    assert (response.mimetype, body["resourceType"]) == (
        "application/fhir+json",
        "OperationOutcome",
    )
    return str(body["issue"][0]["diagnostics"])


def other_token(ehr: Ehr, scope: str) -> str:
    """Return a token of the client whose registration has granular and wildcard scopes."""
    query = ehr.authorize(
        f"launch {scope}",
        client_id="other-app",
        redirect_uri=OTHER_CALLBACK,
        launch=ehr.state.start(ALBA, client_id="other-app"),
    ).location
    code = query.split("code=")[1].split("&")[0]
    response = ehr.exchange(code, client_id="other-app", redirect_uri=OTHER_CALLBACK)
    return str(response.get_json()["access_token"])


@pytest.mark.parametrize(
    ("token", "challenge"),
    [(None, "Bearer"), ("guessed", 'Bearer error="invalid_token"')],
)
def test_a_request_without_a_good_token_is_challenged(
    ehr: Ehr, token: str | None, challenge: str
) -> None:
    response = ehr.fhir(f"Patient/{ALBA}", token)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, challenge)
    assert outcome_of(response)


def test_metadata_is_open_and_names_the_endpoints(ehr: Ehr) -> None:
    response = ehr.fhir("metadata", None)
    body = response.get_json()
    types = {one["type"] for one in body["rest"][0]["resource"]}
    assert (response.status_code, body["fhirVersion"]) == (200, "4.0.1")
    assert {"Patient", "Observation", "Binary", "MedicationDispense"} <= types
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("patient/Observation.rs", "Observation?patient=alba", 200),
        ("patient/Observation.read", "Observation?patient=alba", 200),
        ("patient/*.rs", "Observation?patient=alba", 200),
        ("patient/*.read", "Observation/alba-laboratory-00", 200),
        ("patient/Observation.r", "Observation/alba-laboratory-00", 200),
        ("patient/Observation.r", "Observation?patient=alba", 403),
        ("patient/Observation.s", "Observation/alba-laboratory-00", 403),
        ("patient/Condition.rs", "Observation?patient=alba", 403),
        ("patient/*.rs", "MedicationDispense?patient=alba", 403),
        ("patient/MedicationDispense.rs", "MedicationDispense?patient=alba", 403),
        ("user/Practitioner.r", "Practitioner/osei", 200),
        ("user/Practitioner.rs", "Practitioner?_id=osei", 403),
        ("patient/Patient.r", "Practitioner/osei", 403),
        ("patient/*.rs", "Binary/alba-note", 200),
        ("patient/*.rs", "AllergyIntolerance?patient=alba", 200),
    ],
)
def test_a_request_needs_a_granted_scope(ehr: Ehr, scope: str, path: str, status: int) -> None:
    token = ehr.tokens(f"launch {scope}")["access_token"]
    assert ehr.fhir(path, token).status_code == status


def test_a_refusal_names_the_missing_scope(ehr: Ehr) -> None:
    response = ehr.fhir(f"MedicationDispense?patient={ALBA}", ehr.tokens()["access_token"])
    assert outcome_of(response) == "the scope patient/MedicationDispense.s was not granted"
    assert response.headers["WWW-Authenticate"] == (
        'Bearer error="insufficient_scope", scope="patient/MedicationDispense.s"'
    )


def test_a_granular_scope_shows_its_category_only(ehr: Ehr) -> None:
    token = other_token(ehr, "patient/Observation.rs?category=laboratory")
    bundle = ehr.fhir(f"Observation?patient={ALBA}&_summary=count", token).get_json()
    assert bundle["total"] == LABS
    assert ehr.fhir(f"Observation/{ALBA}-laboratory-00", token).status_code == 200
    assert ehr.fhir(f"Observation/{ALBA}-vital-signs-00", token).status_code == 403
    other = f"Observation?patient={ALBA}&category=vital-signs&_summary=count"
    assert ehr.fhir(other, token).get_json()["total"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "Observation",
        "Observation?category=laboratory",
        "Observation?_id=bruno-laboratory-00",
        "Observation?patient=bruno",
        "Observation?subject=Patient/bruno",
        "Observation?patient=alba,bruno",
        "Observation?patient=alba&patient=bruno",
        "Observation?patient:not=bruno",
        "Observation?patient:missing=true",
        "Observation?patient=http://evil.example/fhir/Patient/alba",
        "Observation/bruno-laboratory-00",
        "Patient",
        "Patient?_id=bruno",
        "Patient?name=bruno",
        "Patient/bruno",
        "Binary/bruno-note",
        "Encounter/bruno-visit",
        "AllergyIntolerance?patient=bruno",
        "AllergyIntolerance/bruno-allergy",
    ],
)
def test_another_patients_records_are_refused(ehr: Ehr, path: str) -> None:
    response = ehr.fhir(path, ehr.tokens()["access_token"])
    assert response.status_code == 403
    assert outcome_of(response)


@pytest.mark.parametrize(
    "query",
    [
        "_include=Observation:patient",
        "_include=MedicationRequest:medication",
        "_revinclude=Provenance:target",
        "_has:Observation:patient:code=1",
        "subject.name=bruno",
        "_elements=code",
        "_summary=text",
        "_count=many",
        "_offset=-1",
        "unknown=1",
        "date=yesterday",
    ],
)
def test_a_search_that_is_not_supported_is_refused_not_ignored(ehr: Ehr, query: str) -> None:
    response = ehr.fhir(f"Observation?patient={ALBA}&{query}", ehr.tokens()["access_token"])
    assert response.status_code == 400
    assert outcome_of(response)


@pytest.mark.parametrize("patient", [ALBA, f"Patient/{ALBA}", f"{BASE}/Patient/{ALBA}"])
def test_the_patient_may_be_named_in_each_form(ehr: Ehr, patient: str) -> None:
    token = ehr.tokens()["access_token"]
    for name in ("patient", "subject"):
        bundle = ehr.fhir(f"Observation?{name}={patient}&_summary=count", token).get_json()
        assert bundle["total"] == LABS + 5


def test_next_links_stay_at_the_gateway_and_lead_to_the_end(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    query = f"Observation?patient=Patient/{ALBA}&category=laboratory&_sort=-date&_count=20"
    address: str | None = f"{BASE}/{query}"
    seen, pages = list[str](), 0
    while address is not None:
        assert address.startswith(f"{BASE}/Observation?")
        bundle = ehr.fhir(address.removeprefix(f"{BASE}/"), token).get_json()
        assert bundle["total"] == LABS
        seen += [entry["resource"]["effectiveDateTime"] for entry in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        address, pages = links.get("next"), pages + 1
    assert (pages, len(seen), seen) == (3, LABS, sorted(seen, reverse=True))


def test_a_next_link_does_not_open_another_patients_pages(ehr: Ehr) -> None:
    query = f"Observation?patient={BRUNO}&_count=20&_offset=20"
    assert ehr.fhir(query, ehr.tokens()["access_token"]).status_code == 403


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("code=http://loinc.org|1-1&category=laboratory", 15),
        ("category=vital-signs", 5),
        ("date=ge2026-02-01&date=lt2026-03-01&category=laboratory", 4),
        ("status=final,amended", LABS + 5),
        ("status=entered-in-error", 0),
        ("_id=alba-laboratory-00,bruno-laboratory-00", 1),
    ],
)
def test_a_search_narrows_by_each_parameter(ehr: Ehr, query: str, total: int) -> None:
    response = ehr.fhir(f"Observation?patient={ALBA}&{query}", ehr.tokens()["access_token"])
    assert (response.status_code, response.get_json()["total"]) == (200, total)


def test_numbers_keep_the_digits_of_the_chart(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    assert '"value":1.10,' in ehr.fhir(f"Observation/{ALBA}-laboratory-00", token).text
    assert '"value":1.10,' in ehr.fhir(f"Observation?patient={ALBA}", token).text


def test_a_binary_is_given_as_fhir_or_as_its_content(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    as_fhir = ehr.fhir(f"Binary/{ALBA}-note", token, Accept="application/fhir+json")
    assert as_fhir.get_json()["securityContext"] == {"reference": f"Patient/{ALBA}"}
    as_text = ehr.fhir(f"Binary/{ALBA}-note", token, Accept="text/plain")
    assert (as_text.mimetype, as_text.text) == ("text/plain", "a note")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(ehr: Ehr, method: str) -> None:
    headers = {"Authorization": f"Bearer {ehr.tokens()['access_token']}"}
    response = ehr.client.open(f"/fhir/Patient/{ALBA}", method=method, headers=headers)
    assert response.status_code == 405
    assert outcome_of(response)


def test_an_unknown_record_is_not_found(ehr: Ehr) -> None:
    response = ehr.fhir("Observation/nothing", ehr.tokens()["access_token"])
    assert response.status_code == 404
    assert outcome_of(response)


def test_other_operations_are_not_supported(ehr: Ehr) -> None:
    response = ehr.fhir(f"Patient/{ALBA}/$everything", ehr.tokens()["access_token"])
    assert response.status_code == 405
