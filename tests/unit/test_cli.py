"""The commands for IT: a registration from nothing to a checked file and its sheet."""

import base64
import json
import re
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from app.cli import main, schema
from app.errors import ConfigurationError
from app.smart.registry import load_registry
from app.smart.templates import VENDORS, template
from tests.requirements import requirement
from tests.stack import APP, Stack, make_stack, registered

ORIGIN = "https://chartside.example"
FILLED = {
    'name = "FILL-IN"': 'name = "Mercy"',
    "iss = []": 'iss = ["https://fhir.mercy.example/R4"]',
    'id = ""': 'id = "mercy-client"',
    "frame_ancestors = []": 'frame_ancestors = ["https://ehr.mercy.example"]',
    'time_zone = "FILL-IN"': 'time_zone = "America/Chicago"',
    'help_desk = "FILL-IN"': 'help_desk = "555"',
    'secret_env = ""': 'secret_env = "MERCY_SECRET"',
    "enabled = false": "enabled = true",
}
MODELS = """
[[model]]
id = "covered"
label = "Covered"
dialect = "responses"
client = "azure"
model = "m"
base_url = "https://models.mercy.example/x"
data_handling = "BAA, US, not retained"
baa = true
[[model]]
id = "uncovered"
label = "Uncovered"
dialect = "anthropic"
client = "anthropic"
model = "m"
[[model]]
id = "elsewhere"
label = "Elsewhere"
dialect = "anthropic"
client = "anthropic"
model = "m"
"""


class Desk:
    """IT's shell: a folder of registrations, the environment, and what was printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder / "launch_config", capsys
        self.folder.mkdir()
        self.environ = {
            "CHARTSIDE_ORIGIN": ORIGIN,
            "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
            "CHARTSIDE_DATABASE_URL": f"sqlite:///{folder}/cli.db",
            "CHARTSIDE_LAUNCH_CONFIG": str(self.folder),
        }

    def run(
        self, *arguments: str, transport: httpx2.BaseTransport | None = None
    ) -> tuple[int, list[str]]:
        """Return the exit code and the lines printed, errors included."""
        code = main(
            arguments, self.environ, transport=transport, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
        )  # fmt: skip
        out, err = self._capsys.readouterr()
        return code, [*out.splitlines(), *err.splitlines()]

    def filled(self, vendor: str, name: str, *changes: tuple[str, str]) -> Path:
        """Write a registration with everything filled in."""
        assert self.run("new", "--vendor", vendor, name)[0] == 0
        path = self.folder / f"{name}.toml"
        text = path.read_text("utf-8")
        for old, new in (*FILLED.items(), *changes):
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
        return path


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_template_fails_by_the_name_of_each_key_until_it_is_filled_in(
    desk: Desk, vendor: str
) -> None:
    desk.run("new", "--vendor", vendor, "mercy")
    code, lines = desk.run("check", "mercy")
    missing = {line.split()[1].rstrip(":") for line in lines[:-1]}
    always = {"name", "site.name", "site.time_zone", "site.help_desk"}
    assert code == 1
    assert {line[:4] for line in lines[:-1]} == {"FIX "}
    assert missing >= always
    assert load_registry(desk.folder, origin=ORIGIN, production=True).all() == ()
    path = desk.folder / "mercy.toml"
    path.write_text(path.read_text("utf-8").replace("enabled = false", "enabled = true"), "utf-8")
    with pytest.raises(ConfigurationError, match=r"mercy\.toml: .*(iss|time_zone)"):
        load_registry(desk.folder, origin=ORIGIN, production=False)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_filled_template_is_what_the_server_starts_with(desk: Desk, vendor: str) -> None:
    desk.environ |= {"MERCY_SECRET": "s", "CHARTSIDE_ENVIRONMENT": "development"}
    desk.filled(vendor, "mercy")
    assert desk.run("check", "mercy") == (
        0,
        ["ok   file: mercy.toml holds what a registration needs.", "0 to fix, 0 to look at."],
    )
    found = load_registry(desk.folder, origin=ORIGIN, production=False).get("mercy")
    assert found is not None
    assert (found.vendor, found.scopes.required[0]) == (vendor, "launch")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_draft_has_its_sheet_before_anything_is_filled_in(desk: Desk, vendor: str) -> None:
    """The EHR gives a client id only after its form holds our addresses."""
    desk.run("new", "--vendor", vendor, "mercy")
    code, lines = desk.run("sheet", "mercy")
    assert code == 0
    assert f"Redirect URI: {ORIGIN}/smart/mercy/callback" in lines
    known = VENDORS[vendor].client_id
    assert f"Client id: {known or '(not filled in yet)'}" in lines


def test_a_missing_value_says_what_to_fill_in_where(desk: Desk) -> None:
    path = desk.filled("epic", "mercy")
    path.write_text(path.read_text("utf-8").replace('"mercy-client"', '""'), "utf-8")
    assert desk.run("check", "mercy") == (
        1,
        [
            "FIX  client.id: Fill in client.id (mercy.toml): the client id that the EHR gives you when you register the app.",
            "1 to fix, 0 to look at.",
        ],
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[embed]", "[embedd]"), "Object contains unknown field `embedd`"),
        (('alg = "ES384"', ""), "client.alg does not go with auth private_key_jwt"),
        (("/callback", "/back"), f"client.redirect_uri must be {ORIGIN}/smart/mercy/callback"),
        (("https://fhir.", "http://fhir."), "http is for sandbox registrations only"),
    ],
)
def test_a_wrong_file_names_the_key(desk: Desk, change: tuple[str, str], said: str) -> None:
    desk.filled("epic", "mercy", change)
    code, lines = desk.run("check", "mercy")
    assert (code, lines[0].startswith(f"FIX  file: mercy.toml: {said}")) == (1, True), lines


def test_a_file_that_is_not_toml_is_said(desk: Desk) -> None:
    (desk.folder / "mercy.toml").write_text("schema = \n", "utf-8")
    code, lines = desk.run("check", "mercy")
    assert (code, lines[0].startswith("FIX  file: mercy.toml: Invalid value (at line 1")) == (1, True)  # fmt: skip


def test_a_secret_a_key_and_a_switch_that_are_missing_are_said(desk: Desk) -> None:
    desk.filled("athenahealth", "athena", ("enabled = true", "enabled = false"))
    assert desk.run("check", "athena") == (
        1,
        [
            "LOOK enabled: The registration is switched off. Set enabled = true (athena.toml) and restart when it is ready.",
            "FIX  client.secret_env: MERCY_SECRET is not set. Set it where the server runs, or correct client.secret_env (athena.toml).",
            "1 to fix, 1 to look at.",
        ],
    )
    (desk.folder / "athena.toml").unlink()
    desk.filled("epic", "mercy", ('alg = "ES384"', 'key = "gone"\nalg = "ES384"'))
    assert desk.run("check", "mercy")[1][0] == (
        "FIX  client.key: gone is no key of this server (python -m app.cli keys list). Correct client.key (mercy.toml), or leave it out."
    )


def test_a_sandbox_registration_does_not_go_with_production(desk: Desk) -> None:
    desk.filled("smarthealthit", "launcher")
    assert desk.run("check", "launcher")[1][0] == (
        "FIX  environment: This is a sandbox registration, and a production server does not start with one. Set enabled = false (launcher.toml)."
    )


def test_the_files_beside_it_that_stop_the_server_are_said(desk: Desk) -> None:
    desk.filled("epic", "mercy")
    desk.filled("epic", "twice")
    desk.run("new", "--vendor", "oracle", "draft")
    code, lines = desk.run("check", "mercy")
    assert code == 1
    assert lines[0] == (
        "FIX  folder: twice.toml: iss https://fhir.mercy.example/R4 stands in two registrations. The server does not start until this is corrected."
    )


def test_a_registration_is_never_overwritten_and_names_are_plain(desk: Desk) -> None:
    path = desk.filled("epic", "mercy")
    before = path.read_text("utf-8")
    code, lines = desk.run("new", "--vendor", "oracle", "mercy")
    assert (code, lines) == (2, [f"{path} exists and was left as it is"])
    assert path.read_text("utf-8") == before
    for name in ("../mercy", "Mercy", "a b"):
        assert desk.run("new", "--vendor", "epic", name) == (
            2,
            [f"{name}: a name has lower case letters, digits and hyphens only"],
        )
    assert desk.run("check", "../mercy")[0] == 2


def test_a_name_that_is_not_there_lists_those_that_are(desk: Desk) -> None:
    desk.filled("epic", "mercy")
    assert desk.run("sheet", "mercey") == (
        2,
        [f"no mercey.toml in {desk.folder}; there is: mercy"],
    )


def test_the_sheet_holds_every_address_reason_and_host(desk: Desk) -> None:
    models = desk.folder.parent / "models.toml"
    models.write_text(MODELS, "utf-8")
    desk.environ["CHARTSIDE_MODELS"] = str(models)
    path = desk.filled("epic", "mercy", ("hosts = []", 'hosts = ["login.mercy.example"]'))
    table = '[models]\nallowed = ["covered", "uncovered"]\n'
    path.write_text(path.read_text("utf-8") + table, "utf-8")
    code, lines = desk.run("sheet", "mercy")
    assert code == 0
    for line in (
        f"Launch URL: {ORIGIN}/smart/mercy/launch",
        f"Redirect URI: {ORIGIN}/smart/mercy/callback",
        f"JWKS URL: {ORIGIN}/.well-known/jwks.json",
        "Client authentication: signed assertion (private_key_jwt), and PKCE S256",
        "Signing algorithm: ES384",
        "Users: Practitioner, PractitionerRole, Person",
        "Support contact: 555",
        "Access tokens: refreshed by online_access",
        "A launch ends: after 30 minutes without use, and after 480 minutes in all",
        "Held back from all of them: what the EHR labels restricted",
        "optional: patient/Flag.rs",
        "    reads: warnings, and that a patient wants no language model",
        "Observation: read, search",
        "To models.mercy.example: the questions and what was read from the chart to answer them; model covered; BAA, US, not retained",
        "To api.anthropic.com: nothing: model uncovered has no agreement for patient data (baa) and is not local",
        "EHR: https://fhir.mercy.example",
        "EHR: https://login.mercy.example",
        "Language model: models.mercy.example",
        "Origin: https://ehr.mercy.example",
        f"Note: {VENDORS['epic'].notes[0]}",
    ):
        assert line in lines, line
    assert "Language model: api.anthropic.com" not in lines
    assert "elsewhere" not in "\n".join(lines)


def test_every_scope_of_a_template_has_a_reason(desk: Desk) -> None:
    desk.filled("epic", "mercy")
    assert "no use of its own" not in "\n".join(desk.run("sheet", "mercy")[1])


def test_the_sheet_never_names_a_secret_or_its_variable(desk: Desk) -> None:
    desk.environ["MERCY_SECRET"] = "s3cret"
    desk.filled("athenahealth", "mercy")
    printed = "\n".join(desk.run("sheet", "mercy")[1])
    assert ("s3cret" in printed, "MERCY_SECRET" in printed) == (False, False)
    assert "Client authentication: client secret by HTTP Basic, and PKCE S256" in printed


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return make_stack(tmp_path_factory.mktemp("register"))


def test_the_page_for_it_has_no_script_and_is_for_known_registrations_only(stack: Stack) -> None:
    client = stack.app.test_client()
    page = client.get("/register/sandbox", base_url=APP)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert f"<code>{APP}/smart/sandbox/launch</code>" in page.text
    assert "<code>patient/Flag.rs</code>" in page.text
    assert re.findall(r"<script|<form|<style|\son\w+=", page.text) == []
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert client.get("/register/mercy", base_url=APP).status_code == 404


def test_the_page_for_it_shows_names_as_text(tmp_path: Path) -> None:
    config = registered(tmp_path, ('name = "Sandbox EHR"', 'name = "<b>Mercy</b>"'))
    app = make_stack(tmp_path, launch_config=config).app
    page = app.test_client().get("/register/sandbox", base_url=APP)
    assert "<h1>Register Chartside at &lt;b&gt;Mercy&lt;/b&gt;</h1>" in page.text


def failing(error: Exception) -> httpx2.BaseTransport:
    """Return a network that never answers."""

    def fail(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no connection") from error

    return httpx2.MockTransport(fail)


WHERE = "https://fhir.mercy.example/R4/.well-known/smart-configuration"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ssl.SSLCertVerificationError("certificate verify failed"),
            "FIX  discovery: The certificate of fhir.mercy.example is not trusted by this machine. Have the EHR send its whole chain, or name the authority that signed it in network.ca_file (mercy.toml): a proxy that looks into TLS has one of its own.",
        ),
        (
            OSError("refused"),
            f"FIX  discovery: {WHERE} gives nothing: the connection broke. Open fhir.mercy.example in the firewall of this machine, name the site's proxy in network.proxy (mercy.toml), or correct fhir.iss (mercy.toml).",
        ),
    ],
)
def test_no_connection_and_no_trust_are_told_apart(desk: Desk, error: Exception, said: str) -> None:
    desk.filled("epic", "mercy")
    code, lines = desk.run("check", "mercy", "--online", transport=failing(error))
    assert (code, lines[-2]) == (1, said)


def test_frames_and_a_redirect_that_nobody_reaches_are_said(desk: Desk) -> None:
    desk.environ["CHARTSIDE_ORIGIN"] = "http://localhost:9001"
    desk.filled("epic", "mercy", ("https://ehr.mercy.example", "https://fhir.mercy.example"))
    lines = desk.run("check", "mercy", "--online", transport=failing(OSError()))[1]
    assert lines[1:4] == [
        "FIX  redirect: http://localhost:9001/smart/mercy/callback is not an https address that clinicians' browsers reach. Change CHARTSIDE_ORIGIN, then client.redirect_uri (mercy.toml) and the EHR's form.",
        "FIX  JWKS: The EHR reads our keys at http://localhost:9001/.well-known/jwks.json, which is not an https address that it reaches. Change CHARTSIDE_ORIGIN, then client.redirect_uri (mercy.toml) and the EHR's form.",
        "LOOK framing: Only the FHIR server may frame Chartside (https://fhir.mercy.example). Clinicians mostly work at another address: add its origin to embed.frame_ancestors (mercy.toml).",
    ]


def test_an_endpoint_without_https_is_refused_in_production(desk: Desk) -> None:
    desk.filled("epic", "mercy")

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"token_endpoint": "http://fhir.mercy.example/token"})

    lines = desk.run("check", "mercy", "--online", transport=httpx2.MockTransport(answer))[1]
    assert "ok   TLS: The certificate of fhir.mercy.example is trusted here." in lines
    assert (
        "FIX  endpoints: token_endpoint is a plain http address. Ask the EHR to announce it with https; nothing is sent there."
        in lines
    )


def test_the_schema_is_the_one_that_the_registration_gives(desk: Desk) -> None:
    assert Path("launch_config/registration.schema.json").read_text("utf-8") == schema(), (
        "run python -m app.cli schema > launch_config/registration.schema.json"
    )
    assert "\n".join(desk.run("schema")[1]) + "\n" == schema()


def test_what_was_run_where_is_told_alike_by_templates_and_docs() -> None:
    table = Path("docs/verified.md").read_text("utf-8")
    for vendor, facts in VENDORS.items():
        first = template(vendor, "x", ORIGIN).splitlines()[1]
        assert ("unverified" in first) == (not facts.verified)
        assert f"| {facts.label} | {facts.verified or 'not run'} |" in table


@requirement("smart:client:key-set-by-hand")
def test_keys_are_listed_and_rotated(desk: Desk) -> None:
    assert desk.run("keys", "list") == (0, [])
    code, lines = desk.run("keys", "rotate", "--alg", "RS384")
    assert (code, len(lines), "RS384  signing" in lines[0]) == (0, 1, True)
    code, lines = desk.run("keys", "show")
    (key,) = json.loads("\n".join(lines))["keys"]
    # Public members only (RFC 7517): it is pasted into a form.
    assert (code, sorted(key), key["alg"]) == (
        0, ["alg", "e", "kid", "kty", "n", "use"], "RS384",
    )  # fmt: skip


def test_a_setting_that_is_missing_is_named(desk: Desk) -> None:
    del desk.environ["CHARTSIDE_ORIGIN"]
    assert desk.run("check", "mercy") == (2, ["CHARTSIDE_ORIGIN is not set"])


def test_the_commands_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "schema"], check=True, capture_output=True, text=True
    )
    assert done.stdout == schema()
