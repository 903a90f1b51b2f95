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
