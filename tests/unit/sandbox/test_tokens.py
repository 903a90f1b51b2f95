import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.unit.sandbox.parties import ALBA, BASE, CALLBACK, Ehr

IDENTITY = "launch openid fhirUser online_access patient/*.rs"


def refused(ehr: Ehr, code: str, **changes: str | None) -> tuple[int, str]:
    response = ehr.exchange(code, **changes)
    return response.status_code, response.get_json()["error"]


def patient_status(ehr: Ehr, token: str) -> int:
    return ehr.fhir(f"Patient/{ALBA}", token).status_code


def test_a_token_response_carries_the_launch(ehr: Ehr) -> None:
    response = ehr.exchange(ehr.code(f"{IDENTITY} patient/MedicationDispense.rs foo"))
    body = response.get_json()
    opaque = {
        name: body.pop(name) for name in ("access_token", "refresh_token", "id_token", "scope")
    }
    assert body == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "patient": ALBA,
        "encounter": f"{ALBA}-visit",
        "need_patient_banner": False,
        "__clinical_time": "2026-11-20T08:42:00-06:00",
    }
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == (
        "no-store",
        "no-cache",
    )
    granted = opaque["scope"].split()
    assert granted[:5] == ["launch", "openid", "fhirUser", "online_access", "patient/Patient.rs"]
    assert "patient/Observation.rs" in granted
    assert not [scope for scope in granted if "MedicationDispense" in scope or scope == "foo"]


def test_without_openid_and_online_access_there_is_no_id_token_and_no_refresh_token(
    ehr: Ehr,
) -> None:
    assert {"id_token", "refresh_token"}.isdisjoint(ehr.tokens("launch patient/Patient.r"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code_verifier": "w" * 43}, (400, "invalid_grant")),
        ({"code_verifier": "short"}, (400, "invalid_grant")),
        ({"code_verifier": None}, (400, "invalid_request")),
        ({"redirect_uri": f"{CALLBACK}/"}, (400, "invalid_grant")),
        ({"redirect_uri": None}, (400, "invalid_request")),
        ({"client_id": "other-app"}, (400, "invalid_grant")),
        ({"client_id": "nobody"}, (401, "invalid_client")),
        ({"client_id": None}, (400, "invalid_request")),
        ({"code": "guessed"}, (400, "invalid_grant")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
    ],
)
def test_a_wrong_token_request_is_refused(
    ehr: Ehr, changes: dict[str, str | None], expected: tuple[int, str]
) -> None:
    code = changes.pop("code", None) or ehr.code()
    assert refused(ehr, code, **changes) == expected


def test_a_token_request_that_is_not_a_form_is_refused(ehr: Ehr) -> None:
    response = ehr.client.post("/auth/token", json={"grant_type": "authorization_code"})
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_a_secret_of_a_public_client_is_refused(ehr: Ehr) -> None:
    form = {"client_id": "chartside-sandbox", "grant_type": "authorization_code"}
    response = ehr.client.post("/auth/token", data=form, auth=("chartside-sandbox", "secret"))
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")


def test_a_code_expires_after_a_minute(ehr: Ehr) -> None:
    code = ehr.code()
    ehr.clock.forward(60)
    assert refused(ehr, code) == (400, "invalid_grant")


def test_a_replayed_code_revokes_the_tokens_issued_from_it(ehr: Ehr) -> None:
    code = ehr.code(IDENTITY)
    tokens = ehr.exchange(code).get_json()
    assert patient_status(ehr, tokens["access_token"]) == 200
    assert refused(ehr, code) == (400, "invalid_grant")
    assert patient_status(ehr, tokens["access_token"]) == 401
    assert refresh(ehr, tokens["refresh_token"])[0] == 400


def test_an_access_token_expires(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    ehr.clock.forward(3600)
    assert patient_status(ehr, token) == 401


def test_the_id_token_verifies_against_the_published_keys(ehr: Ehr) -> None:
    token = ehr.tokens(IDENTITY, nonce="n-1")["id_token"]
    keys = KeySet.import_key_set(ehr.client.get("/auth/jwks").get_json())
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    claims = dict(decoded.claims)
    subject, issued_at, expires_at = (claims.pop(name) for name in ("sub", "iat", "exp"))
    assert claims == {
        "iss": BASE,
        "aud": "chartside-sandbox",
        "nonce": "n-1",
        "fhirUser": f"{BASE}/Practitioner/osei",
        "profile": f"{BASE}/Practitioner/osei",
    }
    assert len(subject) <= 255
    assert issued_at == int(ehr.clock.now.timestamp()) < expires_at
    assert decoded.header["kid"] == keys.keys[0].kid
    assert not {"d", "p", "q"}.intersection(keys.keys[0].as_dict())


def test_only_a_scope_for_the_user_names_the_user(ehr: Ehr) -> None:
    token = ehr.tokens("launch openid")["id_token"]
    keys = KeySet.import_key_set(ehr.client.get("/auth/jwks").get_json())
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert {"fhirUser", "profile", "nonce"}.isdisjoint(claims)


def refresh(ehr: Ehr, token: str, scope: str | None = None) -> tuple[int, dict[str, str]]:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": "chartside-sandbox",
        "scope": scope,
    }
    response = ehr.post_form("/auth/token", form)
    return response.status_code, response.get_json()


def test_a_refresh_gives_new_tokens_with_the_same_launch(ehr: Ehr) -> None:
    first = ehr.tokens(IDENTITY)
    status, second = refresh(ehr, first["refresh_token"])
    assert (status, second["patient"], second["scope"]) == (200, ALBA, first["scope"])
    assert second["refresh_token"] != first["refresh_token"]
    assert patient_status(ehr, second["access_token"]) == 200


def test_a_reused_refresh_token_ends_the_grant(ehr: Ehr) -> None:
    first = ehr.tokens(IDENTITY)
    _, second = refresh(ehr, first["refresh_token"])
    assert refresh(ehr, first["refresh_token"])[1]["error"] == "invalid_grant"
    assert patient_status(ehr, second["access_token"]) == 401
    assert refresh(ehr, second["refresh_token"])[1]["error"] == "invalid_grant"


def test_a_refresh_may_narrow_but_not_widen(ehr: Ehr) -> None:
    first = ehr.tokens(IDENTITY)
    status, refused_body = refresh(ehr, first["refresh_token"], "patient/MedicationDispense.rs")
    assert (status, refused_body["error"]) == (400, "invalid_scope")
    status, second = refresh(ehr, first["refresh_token"], "patient/Patient.r")
    assert (status, second["scope"]) == (200, "patient/Patient.r")
    assert patient_status(ehr, second["access_token"]) == 200
    assert ehr.fhir(f"Observation?patient={ALBA}", second["access_token"]).status_code == 403


def test_a_revoked_access_token_ends(ehr: Ehr) -> None:
    token = ehr.tokens()["access_token"]
    form = {"token": token, "client_id": "chartside-sandbox"}
    assert ehr.post_form("/auth/revoke", form).status_code == 200
    assert patient_status(ehr, token) == 401
    assert ehr.post_form("/auth/revoke", form).status_code == 200


def test_revoking_a_refresh_token_ends_the_grant(ehr: Ehr) -> None:
    tokens = ehr.tokens(IDENTITY)
    form = {"token": tokens["refresh_token"], "client_id": "chartside-sandbox"}
    foreign = form | {"client_id": "other-app"}
    assert ehr.post_form("/auth/revoke", foreign).status_code == 400
    assert patient_status(ehr, tokens["access_token"]) == 200
    assert ehr.post_form("/auth/revoke", form).status_code == 200
    assert patient_status(ehr, tokens["access_token"]) == 401
