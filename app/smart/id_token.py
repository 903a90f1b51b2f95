"""Prove who is signed in: OpenID Connect Core 1.0, 3.1.3.7, as SMART's `openid fhirUser` asks for it."""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.smart.errors import IdentityRefused, UserRefused

# SMART servers SHALL sign with RS256; the others are what certified EHRs offer beside it. Never HMAC, never none.
ALGORITHMS = ["RS256", "RS384", "ES256", "ES384"]
LEEWAY_S = 60
FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
CLINICIANS = ("Practitioner", "PractitionerRole", "Person")
USERS = (*CLINICIANS, "Patient", "RelatedPerson")


@dataclass(frozen=True, kw_only=True)
class User:
    """Who is signed in. `reference` is relative (`Practitioner/1`); `subject` is the issuer's own name.

    `roles` are the values of the claim that the registration names.
    """

    reference: str
    subject: str
    name: str
    roles: tuple[str, ...] = ()


def verify_id_token(
    token: str,
    *,
    keys_for: Callable[[str], KeySet],
    issuer: str,
    client_id: str,
    nonce: str,
    iss: str,
    now_s: int,
    kinds: Container[str] = CLINICIANS,
    role_claim: str = "",
) -> User:
    """Return the user that a valid id_token names; `keys_for(kid)` gives the issuer's keys.

    Raises:
        IdentityRefused: the token, its signature or a claim does not hold.
        UserRefused: the user is not of `kinds`: a Patient or a RelatedPerson mostly.
    """
    claims = _verified_claims(token, keys_for, issuer=issuer, client_id=client_id, now_s=now_s)
    if claims.get("nonce") != nonce:
        raise IdentityRefused("nonce differs")
    audience = claims["aud"]
    # OpenID Connect Core 3.1.3.7, 4 and 5: with several audiences, azp must be this client.
    many = isinstance(audience, list) and len(audience) > 1
    if (many or "azp" in claims) and claims.get("azp") != client_id:
        raise IdentityRefused("azp differs")
    return read_user(claims, iss, kinds, role_claim)


def same_user_claims(
    token: str, *, issuer: str, subject: str, client_id: str, user_reference: str, iss: str
) -> bool:
    """Tell whether an id_token of a refresh speaks of the user that the launch's own id_token proved.

    A claim that is left out (some servers leave out `aud`) says nothing against it. The signature is not checked
    again: the token came from the token endpoint itself (OpenID Connect Core 1.0, 3.1.3.7 no. 6).

    Source: OpenID Connect Core 1.0, 12.2.
    """
    try:
        claims = orjson.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError):
        return False
    if not isinstance(claims, dict):
        return False
    audience = claims.get("aud", client_id)
    expected = {"iss": issuer, "sub": subject, "fhirUser": user_reference}
    found = {name: claims.get(name, value) for name, value in expected.items()}
    found["fhirUser"] = str(found["fhirUser"]).removeprefix(iss.rstrip("/") + "/")
    return found == expected and client_id in (
        audience if isinstance(audience, list) else [audience]
    )


def _verified_claims(
    token: str, keys_for: Callable[[str], KeySet], *, issuer: str, client_id: str, now_s: int
) -> dict[str, Any]:
    try:
        header = jws.extract_compact(token.encode()).headers()
        # `jku`, `jwk` and `x5u` of the header are never followed: keys come from discovery only.
        decoded = jwt.decode(token, keys_for(str(header.get("kid", ""))), algorithms=ALGORITHMS)
        jwt.JWTClaimsRegistry(
            now=now_s,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        ).validate(decoded.claims)
    except (JoseError, ValueError) as error:
        raise IdentityRefused(f"id_token: {type(error).__name__}") from error
    return dict(decoded.claims)


def read_user(claims: dict[str, Any], iss: str, kinds: Container[str], role_claim: str) -> User:
    """Read `fhirUser` (or `profile`, as older servers send it), relative or absolute, of claims that were proved.

    Raises:
        IdentityRefused, UserRefused: as `verify_id_token`.
    """
    sent = claims.get("fhirUser") or claims.get("profile")
    if not isinstance(sent, str):
        raise IdentityRefused("no fhirUser")
    base = iss.rstrip("/") + "/"
    parts = urlsplit(sent)
    if parts.scheme and not sent.startswith(base):
        raise IdentityRefused("fhirUser stands on another server")
    reference = sent.removeprefix(base)
    kind, _, fhir_id = reference.partition("/")
    # The id becomes part of an address: https://hl7.org/fhir/R4/datatypes.html#id
    if kind not in USERS or not FHIR_ID.fullmatch(fhir_id) or ".." in fhir_id:
        raise IdentityRefused("fhirUser is not a user's reference")
    if kind not in kinds:
        raise UserRefused(reference)
    name, sent_roles = claims.get("name"), claims.get(role_claim) if role_claim else None
    roles = sent_roles if isinstance(sent_roles, list) else [sent_roles]
    return User(
        reference=reference,
        subject=str(claims["sub"]),
        name=name if isinstance(name, str) else "",
        roles=tuple(role for role in roles if isinstance(role, str)),
    )
