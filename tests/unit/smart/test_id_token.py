import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from app.smart.errors import IdentityRefused, UserRefused
from app.smart.id_token import User, verify_id_token
from tests.requirements import requirement

ISS, CLIENT, NONCE = "https://ehr.example/fhir", "client-1", "n-1"
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1"})
OTHER = RSAKey.generate_key(2048, parameters={"kid": "k1"})
NOW = int(time.time())
CLAIMS = {
    "iss": ISS, "aud": CLIENT, "sub": "u", "exp": NOW + 300, "iat": NOW, "nonce": NONCE,
    "fhirUser": f"{ISS}/Practitioner/7", "name": "A. Osei, MD",
}  # fmt: skip


def verify(token: str) -> User:
    return verify_id_token(
        token, keys_for=lambda _: KeySet([KEY]), issuer=ISS, client_id=CLIENT, nonce=NONCE, iss=ISS, now_s=NOW
    )  # fmt: skip


def signed(claims: dict[str, Any], header: dict[str, Any] | None = None, key: RSAKey = KEY) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1", **(header or {})}, claims, key)


@pytest.mark.parametrize("user", [f"{ISS}/Practitioner/7", "Practitioner/7"])
def test_a_valid_token_names_the_clinician(user: str) -> None:
    assert verify(signed({**CLAIMS, "fhirUser": user})) == User(
        reference="Practitioner/7", subject="u", name="A. Osei, MD"
    )


@requirement("oidc:id-token:claims", "attack-22", "attack-23")
@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"aud": "someone"},
        {"aud": [CLIENT, "someone"]},
        {"aud": [CLIENT, "someone"], "azp": "someone"},
        {"azp": "someone"},
        {"nonce": "other"},
        {"exp": NOW - 120},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"nonce": None},
        {"fhirUser": None},
        {"fhirUser": "https://evil.example/Practitioner/7"},
        {"fhirUser": "Practitioner/7/../../x"},
        {"fhirUser": "Practitioner/7?_include=x"},
        {"fhirUser": "Practitioner/.."},
        {"fhirUser": "Device/7"},
    ],
)
def test_a_claim_that_does_not_hold_is_refused(change: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    with pytest.raises(IdentityRefused):
        verify(signed(claims))


@requirement("oidc:id-token:signature", "attack-22")
def test_only_the_issuers_own_asymmetric_signature_counts() -> None:
    unsigned = "eyJhbGciOiJub25lIn0." + signed(CLAIMS).split(".")[1] + "."
    symmetric = jwt.encode({"alg": "HS256", "kid": "k1"}, CLAIMS, OctKey.import_key("x" * 32))
    foreign = signed(CLAIMS, key=OTHER)
    pointed = signed(CLAIMS, {"jku": "https://evil.example/jwks"}, key=OTHER)
    good = signed(CLAIMS)
    changed = ".".join(
        [good.split(".")[0], signed({**CLAIMS, "sub": "v"}).split(".")[1], good.split(".")[2]]
    )
    for token in (unsigned, symmetric, foreign, pointed, changed, "", "a.b.c"):
        with pytest.raises(IdentityRefused):
            verify(token)


@requirement("oidc:id-token:fhir-user")
@pytest.mark.parametrize("kind", ["Patient", "RelatedPerson"])
def test_a_patient_or_relative_is_refused(kind: str) -> None:
    with pytest.raises(UserRefused):
        verify(signed({**CLAIMS, "fhirUser": f"{kind}/1"}))
