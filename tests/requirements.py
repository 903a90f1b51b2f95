"""Protocol rules that a test proves: id, where the rule stands, and the rule in one sentence.

`@requirement("smart:launch:aud")` ties a test to a rule. The suite fails on an unknown id and on a rule that no
test cites. `python -m tests.requirements` writes `docs/conformance.md`.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

SMART = "https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html"
SMART_SCOPES = "https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html"
SMART_CONFORMANCE = "https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html"
SMART_ASYMMETRIC = (
    "https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html"
)
SMART_SYMMETRIC = "https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-symmetric.html"
SMART_BACKEND = "https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html"
SMART_INTROSPECTION = "https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html"
SMART_PRACTICES = "https://hl7.org/fhir/smart-app-launch/STU2.2/best-practices.html"
RFC7009 = "https://www.rfc-editor.org/rfc/rfc7009"
OIDC_REFRESH = "https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse"
OIDC = "https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation"
PKCE = "https://www.rfc-editor.org/rfc/rfc7636"
RFC9207 = "https://www.rfc-editor.org/rfc/rfc9207"
FHIR_SEARCH = "https://hl7.org/fhir/R4/search.html"
FHIR_BUNDLE = "https://hl7.org/fhir/R4/bundle.html"
PROBLEM = "https://www.rfc-editor.org/rfc/rfc9457"
PRODUCT = "docs/security.md"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `applies_when` says why a rule is not proved yet; then no test may cite it."""

    source: str
    text: str
    applies_when: str = ""


# What an attacker may try, by number; each is proved to fail.
ATTACKS = {
    "attack-01": "An unknown `iss`: 403, no request to it.",
    "attack-02": "Two `iss` or two `launch` parameters: refused.",
    "attack-03": "An `iss` that looks like a registered one: refused.",
    "attack-04": "An `iss` on a metadata service, this machine or a file: refused without a socket.",
    "attack-05": "A SMART configuration that names another host for tokens: refused.",
    "attack-06": "A SMART configuration that redirects, is huge, never ends, or is HTML: a bounded error.",
    "attack-07": "A registered name whose DNS leads to a metadata address: refused before a byte is sent.",
    "attack-08": "A launch that is replayed: a new state each time, and no session without the EHR.",
    "attack-09": "A flood of launches: the waiting ones are capped and expire.",
    "attack-10": "A callback with a missing, unknown or expired `state`: refused.",
    "attack-11": "A `state` of one registration at another's callback: refused.",
    "attack-12": "An `iss` of another authorization server in the callback: refused; the FHIR base is not taken for the issuer.",
    "attack-13": "A callback opened in another browser: refused.",
    "attack-14": "A callback that is replayed: refused, nothing is redeemed.",
    "attack-15": "HTML in an authorization error: never shown.",
    "attack-16": "A link scanner that reads the callback address: nothing is consumed.",
    "attack-17": "A victim led to an attacker's callback: refused.",
    "attack-18": "A code redeemed without the verifier: refused; the verifier never leaves the server.",
    "attack-19": "`next`, `return_to` and their like: ignored.",
    "attack-20": "A token response without a patient: said, and no session.",
    "attack-21": "Fewer scopes than asked: not used; more than asked or launched with: not used either.",
    "attack-22": "An id_token by another key, algorithm, issuer, audience, nonce, time or header: refused.",
    "attack-23": "A `fhirUser` on another host: refused, never fetched.",
    "attack-24": "Two refreshes at once, by threads and processes: one request.",
    "attack-25": "A refresh that answers for another patient: the launch ends, audited.",
    "attack-26": "An assertion that is stale, replayed or for another server: refused; ours never is one.",
    "attack-27": "A key that changes: old and new are published, no private part is.",
    "attack-28": "Secrets, tokens and codes: in no log, page, cookie, address or plain row.",
    "attack-29": "Two tabs with two patients: each keeps its own.",
    "attack-31": "A reload: the same patient, a new key, the old one dead.",
    "attack-33": "A duplicated tab: one key works at a time.",
    "attack-34": "A key of one launch at another's address: refused.",
    "attack-35": "A forged resume cookie, or a resume from another site: refused.",
    "attack-36": "Stored bytes that were changed or moved: they do not open, nothing is unpickled.",
    "attack-37": "Idle and absolute limits: enforced on the server, during streams too.",
    "attack-38": "The end of a launch: kills a stream in flight and revokes.",
    "attack-39": "A page framed by another origin: refused by policy.",
    "attack-60": "A hostile `intent` or `fhirContext`: left out unless it has the required form.",
    "attack-64": "One patient opened twice: the launches share nothing.",
    "attack-65": "Guessed ids of launches and turns: nothing is told.",
    "attack-66": "A tenant that is not registered: refused.",
}

RULES: dict[str, Rule] = {
    "smart:launch:iss-registered": Rule(
        source=SMART, text="A launch from an `iss` that is not registered is refused without a request to it."
    ),
    "smart:launch:iss-once": Rule(
        source=SMART, text="A launch with `iss` or `launch` missing or given twice is refused."
    ),
    "smart:launch:aud": Rule(
        source=SMART, text="`aud` is the FHIR base address, exactly as registered."
    ),
    "smart:launch:state-entropy": Rule(
        source=SMART, text="`state` has at least 122 bits and differs for every launch."
    ),
    "smart:launch:state-mismatch": Rule(
        source=SMART, text="A callback with an unknown `state`, or another registration's, is refused."
    ),
    "smart:launch:state-bound": Rule(
        source=SMART, text="A callback from a browser that did not begin the launch is refused."
    ),
    "smart:launch:callback-once": Rule(
        source=SMART, text="A callback is answered once; replaying it redeems no code."
    ),
    "smart:launch:callback-post": Rule(
        source=PRODUCT, text="Reading the callback address consumes nothing; only the page's POST does."
    ),
    "smart:launch:error": Rule(
        source=SMART, text="An authorization error ends the launch with a sentence; its description is never shown."
    ),
    "smart:launch:pkce": Rule(
        source=PKCE, text="Every authorization request carries an S256 challenge whose verifier stays on the server."
    ),
    "smart:launch:public-client": Rule(
        source=SMART, text="A public client sends `client_id` and no secret in the token request."
    ),
    "smart:launch:token-form": Rule(
        source=SMART, text="A token response without Bearer token, scope or patient opens no session."
    ),
    "smart:launch:mix-up": Rule(
        source=RFC9207, text="An `iss` in the authorization response must be the discovered issuer."
    ),
    "smart:conformance:hosts": Rule(
        source=SMART_CONFORMANCE, text="Endpoints outside the registered hosts are refused; relative ones resolve against the base."
    ),
    "smart:scopes:syntax": Rule(
        source=SMART_SCOPES, text="v1 and v2 scopes are understood; letters out of order grant nothing."
    ),
    "smart:scopes:granted": Rule(
        source=SMART_SCOPES, text="What a launch may do follows from the granted scopes, not the requested ones."
    ),
    "oidc:id-token:signature": Rule(
        source=OIDC, text="Only asymmetric signatures by a discovered key are accepted; `none` and HMAC never."
    ),
    "oidc:id-token:claims": Rule(
        source=OIDC, text="Issuer, audience, authorized party, expiry and nonce are checked."
    ),
    "oidc:id-token:fhir-user": Rule(
        source=SMART_SCOPES, text="`fhirUser` is read relative or absolute under the FHIR base; a patient or relative is refused."
    ),
    "fhir:search:paging": Rule(
        source=FHIR_SEARCH, text="Next links are followed on the same base only, each once, within bounds."
    ),
    "fhir:search:outcome": Rule(
        source=FHIR_BUNDLE, text="An OperationOutcome entry in a searchset makes the section incomplete."
    ),
    "chartside:patient:compartment": Rule(
        source=PRODUCT, text="A resource of another patient is dropped, counted and never shown."
    ),
    "chartside:session:key": Rule(
        source=PRODUCT, text="A launch key opens its own launch only; without one nothing is answered."
    ),
    "chartside:session:resume": Rule(
        source=PRODUCT, text="A resume needs the launch's own cookie and our own page, and replaces the key."
    ),
    "chartside:session:limits": Rule(
        source=PRODUCT, text="Idle and absolute limits end a launch on the server."
    ),
    "chartside:session:sealed": Rule(
        source=PRODUCT, text="Stored values that were changed or moved do not open; nothing is unpickled."
    ),
    "chartside:errors:problem": Rule(
        source=PROBLEM, text="Every API error is problem+json with one sentence and no patient data."
    ),
    "chartside:audit:append-only": Rule(
        source=PRODUCT, text="Audit rows cannot be changed or removed, and a broken chain is found."
    ),
    "chartside:framing": Rule(
        source=PRODUCT, text="Pages may be framed by the registration's origins only."
    ),
    "smart:launch:post": Rule(
        source=SMART, text="The authorization request is posted where the registration asks for it, or where it is long and the EHR can."
    ),
    "smart:launch:standalone": Rule(
        source=SMART, text="A standalone launch names no `launch`, asks for `launch/patient`, and is off unless registered."
    ),
    "smart:launch:no-open-redirect": Rule(
        source=SMART, text="No parameter of a launch or callback makes the app send the browser elsewhere."
    ),
    "smart:launch:token-not-in-cookies": Rule(
        source=SMART, text="No access token, refresh token, code verifier or client secret reaches the browser or a cookie."
    ),
    "smart:conformance:json": Rule(
        source=SMART_CONFORMANCE, text="The SMART configuration is asked for as `application/json`."
    ),
    "smart:context:intent": Rule(
        source=SMART_SCOPES, text="An unknown `intent` opens the default view."
    ),
    "smart:context:fhir-context": Rule(
        source=SMART_SCOPES, text="`fhirContext` items are relative references; a `role` that is left out is `launch`."
    ),
    "smart:context:tenant": Rule(
        source=SMART_SCOPES, text="A launch of a tenant that the registration does not name is refused."
    ),
    "smart:scopes:minimum": Rule(
        source=SMART, text="Exactly the scopes of the registration are asked for."
    ),
    "smart:client:one-way": Rule(
        source=SMART, text="A client proves itself in its registered way only; `client_id` stands in the body of public clients only."
    ),
    "smart:client:symmetric": Rule(
        source=SMART_SYMMETRIC, text="A client secret goes by HTTP Basic, or in the body where the registration says so."
    ),
    "smart:client:asymmetric": Rule(
        source=SMART_ASYMMETRIC, text="An assertion has alg, kid and typ, iss = sub = client_id, aud = the token address, exp within 300 s, and a jti of its own."
    ),
    "smart:client:algorithms": Rule(
        source=SMART_ASYMMETRIC, text="RS384 and ES384 are both supported."
    ),
    "smart:client:jwks": Rule(
        source=SMART_ASYMMETRIC, text="The key set is served without authentication, with Cache-Control, each key with kty and kid, no private part."
    ),
    "smart:client:key-rotation": Rule(
        source=SMART_ASYMMETRIC, text="A new key is published before it signs, and an old one stays published after."
    ),
    "smart:client:fail-closed": Rule(
        source=PRODUCT, text="A client whose secret or key is missing stops the start by name."
    ),
    "smart:refresh:in-time": Rule(
        source=SMART, text="An access token is refreshed before it expires, and before a model is asked."
    ),
    "smart:refresh:once": Rule(
        source=SMART_PRACTICES, text="A refresh token is sent once, whatever else runs, fails or dies meanwhile."
    ),
    "smart:refresh:replace": Rule(
        source=SMART, text="A new refresh token replaces the old one before the new access token is used."
    ),
    "smart:refresh:no-wider": Rule(
        source=SMART, text="A refresh asks for no other scope, and what it grants beyond the launch is not used."
    ),
    "smart:refresh:narrower": Rule(
        source=SMART, text="Scopes that a refresh takes away are gone; a required one ends the launch."
    ),
    "smart:refresh:refused": Rule(
        source=SMART, text="A refused refresh ends the launch; one that fails leaves the access token its life."
    ),
    "oidc:refresh:same-user": Rule(
        source=OIDC_REFRESH, text="An id_token of a refresh speaks of the same user; left-out claims say nothing against it."
    ),
    "smart:token:401": Rule(
        source=SMART, text="A 401 of the FHIR server causes one forced refresh, then the end."
    ),
    "smart:revocation": Rule(
        source=RFC7009, text="The end of a launch revokes both tokens where the EHR can; a failure keeps nobody waiting."
    ),
    "smart:introspection": Rule(
        source=SMART_INTROSPECTION, text="A resume asks whether the token still counts where the registration says so."
    ),
    "smart:backend": Rule(
        source=SMART_BACKEND, text="Backend tokens come by client_credentials with an assertion, are kept until they expire, then asked for again."
    ),
    "chartside:session:park": Rule(
        source=PRODUCT, text="A page that was left parks its launch, which ends soon unless the page comes back."
    ),
    "chartside:session:stream-limits": Rule(
        source=PRODUCT, text="A running turn is stopped when its launch ends, whatever ends it."
    ),
    **{name: Rule(source=PRODUCT, text=text) for name, text in ATTACKS.items()},
}  # fmt: skip

Test = TypeVar("Test", bound=Callable[..., Any])


def requirement(*ids: str) -> Callable[[Test], Test]:
    """Mark a test as the proof of one or more rules."""
    unknown = [rule for rule in ids if rule not in RULES]
    if unknown:
        raise ValueError(f"unknown requirement {', '.join(unknown)}")
    return pytest.mark.requirement(*ids)


def conformance() -> str:
    """Return `docs/conformance.md`."""
    lines = [
        "# Conformance",
        "",
        "Generated from `tests/requirements.py`; every rule below is proved by a test.",
        "",
    ]
    lines += ["| Rule | Says | Stands in |", "| --- | --- | --- |"]
    for name, rule in sorted(RULES.items()):
        text = f"{rule.text} Not yet: {rule.applies_when}" if rule.applies_when else rule.text
        source = (
            f"[{rule.source.split('/')[-1] or rule.source}]({rule.source})"
            if rule.source.startswith("http")
            else f"`{rule.source}`"
        )
        lines.append(f"| `{name}` | {text} | {source} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path("docs/conformance.md").write_text(conformance(), "utf-8")
    sys.exit(0)
