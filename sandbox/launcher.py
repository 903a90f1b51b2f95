"""The profile `smarthealthit`: the public SMART launcher's addresses and wire behaviour, with its quirks.

It is here to prove that a launch works there, never that one is safe: as the launcher does, it gives charts without a
token, checks no scope and no patient, takes a code twice, and knows no revocation. The strict EHR of this sandbox is
apart from it. Below `/v/r4/fhir` the options of a launch travel in `launch`, below `/v/r4/sim/…/fhir` in the address.

Not imitated: DSTU2 and STU3, other FHIR servers (place 17 is ignored), patient logins, backend services, dynamic
registration, and the older form of the launch value.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.launcher_codec import LaunchValue
from sandbox.launcher_tokens import Statements
from sandbox.state import SandboxState

SIGNING = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
CAPABILITIES = (
    "launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-passthrough-banner", "context-passthrough-style",
    "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter",
    "permission-offline", "permission-patient", "permission-user", "permission-v1", "permission-v2", "authorize-post",
)  # fmt: skip
SCOPES = (
    "openid", "profile", "fhirUser", "launch", "launch/patient", "launch/encounter", "patient/*.*", "user/*.*",
    "offline_access",
)  # fmt: skip
STYLE = {
    "color_background": "#edeae3", "color_error": "#9e2d2d", "color_highlight": "#69b5ce", "color_modal_backdrop": "",
    "color_success": "#498e49", "color_text": "#303030", "dim_border_radius": "6px", "dim_font_size": "13px",
    "dim_spacing_size": "20px", "font_family_body": "Georgia, Times, 'Times New Roman', serif",
    "font_family_heading": "'HelveticaNeue-Light', Helvetica, Arial, 'Lucida Grande', sans-serif;",
}  # fmt: skip
BASES = ("/v/r4", "/v/r4/sim/<sim>")


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """What the launcher's doors share."""

    state: SandboxState
    statements: Statements

    def base(self, sim: str) -> str:
        """Return the address under which `/fhir` and `/auth` stand."""
        return f"{self.state.settings.ehr_origin}/v/r4" + (f"/sim/{sim}" if sim else "")


def blueprint(launcher: Launcher) -> Blueprint:
    """Return the addresses that need no launch: the launcher itself, discovery, keys and style."""
    routes = Blueprint("launcher", __name__)
    origin = launcher.state.settings.ehr_origin

    @routes.get("/launcher")
    def launch() -> AnyResponse:
        launch_uri = request.args.get("launch_uri", "").strip()
        if not urlsplit(launch_uri).netloc:
            return Response("launch_uri is required", 400, mimetype="text/plain")
        if request.args.get("fhir_ver") != "4":
            return Response("Only fhir_ver=4 is served here.", 400, mimetype="text/plain")
        value = LaunchValue(
            patient=request.args.get("patient", ""),
            provider=request.args.get("provider", ""),
            sim_ehr=_yes("sim_ehr"),
            encounter="MANUAL" if _yes("select_encounter") else "AUTO",
            auth_error=request.args.get("auth_error", ""),
        )
        return redirect(launch_address(launcher.base(""), launch_uri, value), 302)

    def smart_configuration(sim: str = "") -> Response:
        return jsonify(_configuration(launcher.base(sim), origin))

    def openid_configuration(sim: str = "") -> Response:
        found = _configuration(launcher.base(sim), origin)
        shared = (
            "issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "introspection_endpoint",
            "token_endpoint_auth_methods_supported",
        )  # fmt: skip
        return jsonify({name: found[name] for name in shared} | {
            "subject_types_supported": ["public"], "response_types_supported": ["code", "id_token", "token id_token"],
            "id_token_signing_alg_values_supported": SIGNING,
            "token_endpoint_auth_signing_alg_values_supported": SIGNING,
        })  # fmt: skip

    for base in BASES:
        routes.get(f"{base}/fhir/.well-known/smart-configuration")(smart_configuration)
        routes.get(f"{base}/fhir/.well-known/openid-configuration")(openid_configuration)

    @routes.get("/keys")
    def keys() -> Response:
        return jsonify(launcher.state.signer.key_set())

    @routes.get("/smart-style.json")
    def style() -> Response:
        return jsonify(STYLE)

    @routes.after_request
    def open_to_all(answer: Response) -> Response:
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    return routes


def launch_address(base: str, launch_uri: str, value: LaunchValue) -> str:
    """Return the address that starts an app; `iss` takes the scheme of the app's own address."""
    iss = f"{urlsplit(launch_uri).scheme}://{base.partition('://')[2]}/fhir"
    separator = "&" if urlsplit(launch_uri).query else "?"
    return f"{launch_uri}{separator}{urlencode({'iss': iss, 'launch': value.encode()})}"


def _yes(name: str) -> bool:
    return request.args.get(name, "").strip().lower() not in ("", "0", "no", "false", "off", "null")


def _configuration(base: str, origin: str) -> dict[str, object]:
    return {
        "issuer": f"{base}/fhir",
        "jwks_uri": f"{origin}/keys",
        "authorization_endpoint": f"{base}/auth/authorize",
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint": f"{base}/auth/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "introspection_endpoint": f"{base}/auth/introspect",
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": SCOPES,
        "response_types_supported": ["code", "token", "id_token", "token id_token", "refresh_token"],
        "capabilities": CAPABILITIES,
    }  # fmt: skip
