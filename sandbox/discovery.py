"""What this EHR says about itself: SMART configuration, OpenID configuration, key set.

Only what is really supported is announced. Every document may be read by any origin.
"""

from typing import get_args

from flask import Blueprint, Response, jsonify

from sandbox.assertions import ALGORITHMS
from sandbox.clients import Authentication
from sandbox.discovery_faults import changed
from sandbox.ordinary_faults import refusal, truncated
from sandbox.state import SandboxState

# SMART App Launch 2.2.0, capabilities.
CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def blueprint(state: SandboxState) -> Blueprint:
    """Return the well-known documents under the FHIR base, and `/auth/jwks`."""
    routes = Blueprint("discovery", __name__)
    origin = state.settings.ehr_origin
    shared = {
        "issuer": state.settings.fhir_base,
        "jwks_uri": f"{origin}/auth/jwks",
        "authorization_endpoint": f"{origin}/auth/authorize",
        "token_endpoint": f"{origin}/auth/token",
        "response_types_supported": ["code"],
        "scopes_supported": sorted({s for client in state.clients.values() for s in client.scopes}),
    }

    @routes.get("/fhir/.well-known/smart-configuration")
    def smart_configuration() -> Response:
        struck = state.faults.strike("well-known", "well-known", None)
        if fault := refusal(struck, state.settings.sleep):
            return Response(fault.text, fault.status, headers=dict(fault.headers))
        document = shared | {
            "revocation_endpoint": f"{origin}/auth/revoke",
            "introspection_endpoint": f"{origin}/auth/introspect",
            "token_endpoint_auth_methods_supported": list(get_args(Authentication)),
            "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": CAPABILITIES,
        }
        answer = _open(jsonify(changed(document, struck, origin)))
        return truncated(answer) if struck.rule("truncated_json") else answer

    @routes.get("/fhir/.well-known/openid-configuration")
    def openid_configuration() -> Response:
        document = shared | {
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return _open(jsonify(document))

    @routes.get("/auth/jwks")
    def jwks() -> Response:
        answer = _open(jsonify(state.signer.key_set()))
        answer.headers["Cache-Control"] = "max-age=300"
        return answer

    return routes


def _open(answer: Response) -> Response:
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer
