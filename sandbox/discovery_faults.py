"""The faults inside a SMART configuration: what real ones leave out, write otherwise, or must never be believed in."""

from collections.abc import Mapping

from sandbox.faults import Fault, Struck

Document = Mapping[str, object]

LEFT_OUT: Mapping[Fault, str] = {
    "no_revocation": "revocation_endpoint",
    "no_introspection": "introspection_endpoint",
    "no_pkce_announced": "code_challenge_methods_supported",
}
ENDPOINTS = (
    "authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri",
)  # fmt: skip


def changed(document: Document, struck: Struck, origin: str) -> Document:
    """Return the configuration as the striking rules make it."""
    left_out = {name for fault, name in LEFT_OUT.items() if struck.rule(fault)}
    found = {name: value for name, value in document.items() if name not in left_out}
    if struck.rule("relative_endpoints"):
        # SMART App Launch 2.2.0, Conformance: a relative address is resolved against the FHIR base.
        found |= {
            name: str(found[name]).replace(f"{origin}/", "../", 1)
            for name in ENDPOINTS
            if name in found
        }
    if struck.rule("foreign_token_endpoint"):
        found["token_endpoint"] = "https://tokens.elsewhere.example/token"
    return found
