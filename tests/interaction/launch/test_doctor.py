"""`check --online` against the sandbox EHR, well and with one thing wrong at a time: every sentence."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx2
import pytest
from werkzeug.http import http_date
from werkzeug.wrappers import Response

from app.cli import main
from tests.stack import APP, ROOT, Stack, registered

Change = Callable[[dict[str, Any]], object]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WELL_KNOWN = "/fhir/.well-known/smart-configuration"
AT = f"http://ehr.localhost:9000{WELL_KNOWN}"
TLS = "LOOK TLS: ehr.localhost:9000 is asked by plain http, which a sandbox may. Production: https in fhir.iss (sandbox.toml)."
UNLISTED = "LOOK scopes: The EHR does not list {}. Allow it in the EHR's form, or take it out of {} (sandbox.toml); if it is not granted, {}."
# The sandbox EHR gives no fills on purpose, and has no TLS.
FILLS = UNLISTED.format(
    "patient/MedicationDispense.rs", "scopes.optional", "that part of the chart is not read"
)
USUAL = (TLS, FILLS)


def environ(folder: Path, launch_config: Path = ROOT / "launch_config") -> dict[str, str]:
    return {
        "CHARTSIDE_ENVIRONMENT": "development",
        "CHARTSIDE_ORIGIN": APP,
        "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{folder}/doctor.db",
        "CHARTSIDE_LAUNCH_CONFIG": str(launch_config),
        "CLINIC_SECRET": "s3cret",
    }


def altered(
    stack: Stack,
    path: str,
    change: Callable[[Response], object] = lambda _response: None,
    off_s: float | None = 0,
) -> WSGIApplication:
    """Return the EHR behind a server that sets Date, and that changes one document."""

    def app(request: WSGIEnvironment, start: StartResponse) -> Any:
        response = Response.from_app(stack.ehr, request)
        if off_s is not None:
            response.headers["Date"] = http_date(NOW + timedelta(seconds=off_s))
        if request["PATH_INFO"] == path:
            change(response)
        return response(request, start)

    return app


def announcing(change: Change) -> Callable[[Response], object]:
    """Change what a document announces."""

    def changed(response: Response) -> None:
        said: dict[str, Any] = json.loads(response.get_data())
        change(said)
        response.set_data(json.dumps(said))

    return changed


class Doctor:
    """Runs the command against an EHR, and keeps what it prints."""

    def __init__(self, stack: Stack, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.stack, self.folder, self._capsys = stack, folder, capsys

    def run(
        self, ehr: WSGIApplication | None = None, launch_config: Path = ROOT / "launch_config"
    ) -> tuple[int, list[str]]:
        """Return the exit code and the findings that are not fine, without the sandbox's usual ones."""
        transport = httpx2.WSGITransport(app=ehr or altered(self.stack, ""))
        code = main(
            ["check", "sandbox", "--online"],
            environ(self.folder, launch_config),
            transport=transport,
            clock=lambda: NOW,
        )
        self.out = self._capsys.readouterr().out
        lines = self.out.splitlines()[:-1]
        return code, [line for line in lines if not line.startswith("ok") and line not in USUAL]

    def told(self, change: Change, path: str = WELL_KNOWN) -> tuple[int, list[str]]:
        """Run against an EHR that announces something else."""
        return self.run(altered(self.stack, path, announcing(change)))


@pytest.fixture
def doctor(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(stack, tmp_path, capsys)


def test_a_healthy_ehr_needs_nothing_and_every_check_is_told(doctor: Doctor) -> None:
    assert doctor.run() == (0, [])
    assert doctor.out.splitlines() == [
        "ok   file: sandbox.toml holds what a registration needs.",
        f"ok   redirect: The EHR's form must hold exactly {APP}/smart/sandbox/callback.",
        f"ok   JWKS: The EHR's form must hold {APP}/.well-known/jwks.json, and the EHR must reach it: its first launch shows whether it does.",
        "ok   framing: May frame Chartside: http://ehr.localhost:9000. If the panel stays empty, the browser's console names the origin that is missing in embed.frame_ancestors (sandbox.toml).",
        TLS,
        "ok   clock: The clocks differ by 0 s.",
        f"ok   discovery: {AT} answers with JSON.",
        "ok   endpoints: On registered hosts: ehr.localhost:9000.",
        "ok   PKCE: S256 is offered.",
        "ok   grants: Offered: authorization_code, refresh_token, client_credentials.",
        "ok   client: public is offered.",
        FILLS,
        "ok   keys: http://ehr.localhost:9000/auth/jwks holds 1 key.",
        "ok   id_token: The issuer is http://ehr.localhost:9000/fhir.",
        "0 to fix, 2 to look at.",
    ]


def test_no_token_and_nothing_but_public_documents_are_asked(doctor: Doctor, stack: Stack) -> None:
    asked: list[tuple[str, str, bool]] = []

    def ehr(request: WSGIEnvironment, start: StartResponse) -> Any:
        asked.append(
            (request["REQUEST_METHOD"], request["PATH_INFO"], "HTTP_AUTHORIZATION" in request)
        )
        return stack.ehr(request, start)

    doctor.run(ehr)
    assert set(asked) == {
        ("GET", WELL_KNOWN, False),
        ("GET", "/auth/jwks", False),
        ("GET", "/fhir/.well-known/openid-configuration", False),
    }


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"]
)
def test_an_endpoint_on_another_host_names_the_host_and_the_key(doctor: Doctor, name: str) -> None:
    told = doctor.told(lambda said: said.update({name: "http://login.other.example/x"}))
    assert told[0] == 1
    assert told[1][0] == (
        f"FIX  endpoints: {name} is on login.other.example, which is not registered. If the EHR confirms that this host "
        'is its own, add "login.other.example" to pins.hosts (sandbox.toml).'
    )


@pytest.mark.parametrize("address", ["http://[", "mailto:it@example"])
def test_an_endpoint_that_is_no_address_is_said(doctor: Doctor, address: str) -> None:
    assert doctor.told(lambda said: said.update(token_endpoint=address)) == (
        1,
        [
            "FIX  endpoints: token_endpoint is not an address. Ask the EHR to correct its SMART configuration."
        ],
    )


def test_a_missing_endpoint_is_said(doctor: Doctor) -> None:
    assert doctor.told(lambda said: said.pop("token_endpoint")) == (
        1,
        [
            "FIX  endpoints: The SMART configuration names no token_endpoint. Ask the EHR to publish it; without it no launch succeeds."
        ],
    )


def test_pkce_that_is_not_announced_is_to_look_at_and_another_method_is_wrong(
    doctor: Doctor,
) -> None:
    key = "code_challenge_methods_supported"
    assert doctor.told(lambda said: said.pop(key)) == (
        0,
        [
            "LOOK PKCE: The EHR does not say that it supports S256 (code_challenge_methods_supported). Chartside sends it always; ask the EHR whether it counts."
        ],
    )
    assert doctor.told(lambda said: said.update({key: ["plain"]})) == (
        1,
        [
            "FIX  PKCE: The EHR offers PKCE by plain only. Have S256 switched on at the EHR; Chartside sends nothing else."
        ],
    )


def test_grants_that_are_not_offered_are_said(doctor: Doctor) -> None:
    key = "grant_types_supported"
    assert doctor.told(lambda said: said.update({key: ["client_credentials"]})) == (
        1,
        [
            "FIX  grants: The EHR does not offer authorization_code. Have it switched on at the EHR; a launch needs it.",
            "LOOK grants: The EHR does not offer refresh_token. A launch will end with its first access token; have it switched on in the EHR's form.",
        ],
    )
    assert doctor.told(lambda said: said.pop(key)) == (
        0,
        [
            "LOOK grants: The EHR does not say which grant types it supports (grant_types_supported)."
        ],
    )


def test_scopes_that_are_not_listed_say_what_follows(doctor: Doctor) -> None:
    left = {"patient/Patient.rs", "patient/Flag.rs", "online_access"}
    drop: Change = lambda said: said.update(  # noqa: E731  # reads as one change
        scopes_supported=[one for one in said["scopes_supported"] if one not in left]
    )
    assert doctor.told(drop) == (
        0,
        [
            UNLISTED.format("patient/Patient.r", "scopes.required", "the launch is refused"),
            UNLISTED.format(
                "online_access", "scopes.optional", "that part of the chart is not read"
            ),
            UNLISTED.format(
                "patient/Flag.rs", "scopes.optional", "that part of the chart is not read"
            ),
        ],
    )


def test_scopes_of_version_one_count_as_listed(doctor: Doctor) -> None:
    older = ["launch", "openid", "fhirUser", "online_access", "patient/*.read", "user/*.read"]
    assert doctor.told(lambda said: said.update(scopes_supported=older)) == (0, [])
    assert "ok   scopes: Every scope that is asked for is listed." in doctor.out.splitlines()


def test_an_ehr_with_the_older_scope_syntax_or_no_list_is_said(doctor: Doctor) -> None:
    assert doctor.told(lambda said: said["capabilities"].remove("permission-v2")) == (
        1,
        [
            "FIX  scopes: The EHR reads scopes of version 1 only. Write .read for .r and .rs in scopes.required and scopes.optional (sandbox.toml)."
        ],
    )
    assert doctor.told(lambda said: said.pop("scopes_supported")) == (
        0,
        [
            "LOOK scopes: The EHR does not list its scopes (scopes_supported): a launch shows what is granted."
        ],
    )


def test_html_instead_of_json_is_said(doctor: Doctor, stack: Stack) -> None:
    def page(response: Response) -> None:
        response.set_data("<html>Sign in</html>")
        response.content_type = "text/html; charset=utf-8"

    assert doctor.run(altered(stack, WELL_KNOWN, page)) == (
        1,
        [
            f"FIX  discovery: {AT} answers with text/html, not with a JSON object. Correct fhir.iss (sandbox.toml): the FHIR base address, as the EHR sends it in iss, or ask the EHR to publish its SMART configuration there.",
        ],
    )


def test_an_error_status_and_a_redirect_are_said(doctor: Doctor, stack: Stack) -> None:
    def missing(response: Response) -> None:
        response.status_code = 404

    def moved(response: Response) -> None:
        response.status_code = 302

    assert doctor.run(altered(stack, WELL_KNOWN, missing))[1] == [
        f"FIX  discovery: {AT} answers HTTP 404. Correct fhir.iss (sandbox.toml): the FHIR base address, as the EHR sends it in iss."
    ]
    assert doctor.run(altered(stack, WELL_KNOWN, moved)) == (
        1,
        [
            f"FIX  discovery: {AT} answers with a redirect (302), which Chartside never follows. Put the address that it leads to into fhir.iss (sandbox.toml)."
        ],
    )
    assert doctor.run(altered(stack, "/auth/jwks", moved))[1] == [
        "FIX  keys: http://ehr.localhost:9000/auth/jwks answers with a redirect (302), which Chartside never follows. Have the EHR put the address that it leads to into its configuration."
    ]


@pytest.mark.parametrize(("off_s", "way"), [(90, "ahead of"), (-90, "behind")])
def test_clocks_that_differ_say_which_way(
    doctor: Doctor, stack: Stack, off_s: int, way: str
) -> None:
    assert doctor.run(altered(stack, "", off_s=off_s)) == (
        1,
        [
            f"FIX  clock: The EHR's clock is 90 s {way} this machine's; more than 60 s make it refuse our assertions and us its id_tokens. Set this machine's clock by NTP; if it is right, tell the EHR."
        ],
    )


def test_an_ehr_without_a_date_is_said(doctor: Doctor, stack: Stack) -> None:
    assert doctor.run(altered(stack, "", off_s=None)) == (
        0,
        ["LOOK clock: The EHR sends no Date: its clock could not be compared."],
    )


def test_keys_that_are_not_there_are_said(doctor: Doctor, stack: Stack) -> None:
    assert doctor.told(lambda said: said.update(keys=[]), "/auth/jwks") == (
        1,
        [
            "FIX  keys: http://ehr.localhost:9000/auth/jwks answers HTTP 200 without a key set. Ask the EHR to publish the keys that sign its id_tokens there (jwks_uri)."
        ],
    )


def test_an_issuer_that_is_missing_foreign_or_contradicted_is_said(doctor: Doctor) -> None:
    issuer = "http://ehr.localhost:9000/fhir"
    openid = "/fhir/.well-known/openid-configuration"
    # As a launch does, its check reads what is left out where the issuer publishes it.
    assert doctor.told(lambda said: said.pop("issuer")) == (
        0,
        [
            f"LOOK id_token: The SMART configuration names no issuer; {issuer}/.well-known/openid-configuration does, and is read instead. Ask the EHR to publish it in both."
        ],
    )
    assert doctor.told(lambda said: (said.pop("jwks_uri"), said.update(issuer=f"{issuer}/x"))) == (
        1,
        [
            "FIX  endpoints: The SMART configuration names no jwks_uri. Ask the EHR to publish it; without it no launch succeeds.",
            f"LOOK id_token: {issuer}/x/.well-known/openid-configuration cannot be read. Chartside does not need it; id_tokens must name {issuer}/x.",
        ],
    )
    assert doctor.told(lambda said: said.update(issuer=7)) == (
        1,
        [
            "FIX  id_token: The SMART configuration names no issuer. Ask the EHR to publish it: without it nobody's id_token can be checked, and every launch is refused."
        ],
    )
    assert doctor.told(lambda said: said.update(issuer="https://idp.other.example")) == (
        0,
        [
            "LOOK id_token: id_tokens must name https://idp.other.example, whose host is not registered: its own configuration was not read. Keys come from jwks_uri."
        ],
    )
    assert doctor.told(lambda said: said.update(issuer="http://x.example"), openid) == (
        1,
        [
            f"FIX  id_token: The SMART configuration names the issuer {issuer}, the OpenID configuration http://x.example. Ask the EHR to publish one: an id_token that names the other is refused."
        ],
    )
    assert doctor.told(lambda said: said.update(jwks_uri="http://x.example"), openid) == (
        0,
        [
            "LOOK id_token: The SMART and the OpenID configuration name different key sets (jwks_uri). Ask the EHR which one signs id_tokens; Chartside reads the first."
        ],
    )
    key = "id_token_signing_alg_values_supported"
    assert doctor.told(lambda said: said.update({key: ["HS256"]}), openid) == (
        1,
        [
            "FIX  id_token: The EHR signs id_tokens by HS256 only. Have it sign by one of RS256, RS384, ES256, ES384."
        ],
    )


def test_a_client_type_or_algorithm_that_the_ehr_does_not_take_is_said(
    doctor: Doctor, stack: Stack, tmp_path: Path
) -> None:
    config = registered(tmp_path, ('auth = "public"', 'auth = "private_key_jwt"\nalg = "ES384"'))

    def older(said: dict[str, Any]) -> None:
        said["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
        said["token_endpoint_auth_signing_alg_values_supported"] = ["RS384"]
        said["capabilities"] = ["client-confidential-symmetric"]

    ehr = altered(stack, WELL_KNOWN, announcing(older))
    assert doctor.run(ehr, config) == (
        1,
        [
            "FIX  client: The EHR does not offer private_key_jwt (it offers client_secret_basic). Change client.auth (sandbox.toml) and the client type in the EHR's form.",
            "FIX  client: The EHR does not take ES384 (it takes RS384). Change client.alg (sandbox.toml).",
            "FIX  client: The EHR does not take ES384 (it takes RS384). Change backend.alg (sandbox.toml).",
        ],
    )


def test_what_an_ehr_says_cannot_steer_the_terminal(doctor: Doctor) -> None:
    told = doctor.told(lambda said: said.update(code_challenge_methods_supported=["\x1b[2Jplain"]))
    assert "\x1b" not in doctor.out
    assert told[1][0].startswith("FIX  PKCE: The EHR offers PKCE by ?[2Jplain only.")


def test_what_a_launch_would_refuse_is_never_called_fine(doctor: Doctor) -> None:
    address = "http://ehr.localhost:9000/auth/token#x"
    assert doctor.told(lambda said: said.update(token_endpoint=address)) == (
        1,
        [
            "FIX  discovery: A launch would stop here: smart-configuration names a host that is not registered. Ask the EHR to correct its SMART configuration."
        ],
    )


def test_a_pinned_address_that_moved_is_told_with_both(doctor: Doctor, tmp_path: Path) -> None:
    pins = '[pins]\nissuer = "http://ehr.localhost:9000/fhir"\ntoken_endpoint = "http://ehr.localhost:9000/auth/old"'
    assert doctor.run(launch_config=registered(tmp_path, more=pins)) == (
        1,
        [
            "FIX  pins: The EHR announces token_endpoint http://ehr.localhost:9000/auth/token, but pins.token_endpoint (sandbox.toml) is "
            "http://ehr.localhost:9000/auth/old. If the EHR confirms the change, correct pins.token_endpoint; if not, tell its security contact: no launch goes on meanwhile."
        ],
    )


def test_a_proxy_is_named(doctor: Doctor, tmp_path: Path) -> None:
    network = '[network]\nproxy = "http://proxy.mercy.example:3128"'
    assert doctor.run(launch_config=registered(tmp_path, more=network)) == (0, [])
    said = "ok   proxy: The EHR is asked through http://proxy.mercy.example:3128 (network.proxy, sandbox.toml).\n"
    assert said in doctor.out

    def down(_environ: WSGIEnvironment, _start: StartResponse) -> Any:
        raise httpx2.ConnectError("refused")

    code, (told,) = doctor.run(down, launch_config=tmp_path / "launch_config")
    assert code == 1
    assert f"FIX  discovery: {AT} gives nothing through http://proxy.mercy.example:3128: " in told
    assert "correct network.proxy or network.proxy_env (sandbox.toml)" in told


def test_an_address_of_another_form_is_not_asked(doctor: Doctor) -> None:
    keys = "http://ehr.localhost:9000/auth/%2e%2e/jwks"
    code, told = doctor.told(lambda said: said.update(jwks_uri=keys))
    assert code == 1
    assert told == [
        f"FIX  keys: {keys} was not asked: an address with dot segments or encoded separators. Ask the EHR to correct it.",
        "LOOK id_token: The SMART and the OpenID configuration name different key sets (jwks_uri). Ask the EHR which one signs id_tokens; Chartside reads the first.",
    ]
