"""What IT pastes into the EHR's form and reviews, for registrations that use more than the ordinary."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.smart.policy import Models
from app.smart.registration import Registration
from app.smart.registry import load_registry
from app.smart.sheet import as_text, model_host, sheet
from app.smart.templates import write
from tests.unit.smart.test_registry import GOOD, ORIGIN


@dataclass(kw_only=True)
class Cloud:
    """A language model as the sheet sees it."""

    client: str
    id: str = "m"
    base_url: str = ""
    region: str = ""
    data_handling: str = ""
    baa: bool = True
    local: bool = False


def registration(folder: Path, text: str) -> Registration:
    (folder / "mercy.toml").write_text(text, "utf-8")
    found = load_registry(folder, origin=ORIGIN, production=True).get("mercy")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "host"),
    [
        (Cloud(client="azure", base_url="https://m.mercy.example/v1"), "m.mercy.example"),
        (Cloud(client="anthropic"), "api.anthropic.com"),
        (Cloud(client="openai"), "api.openai.com"),
        (Cloud(client="bedrock", region="us-east-1"), "bedrock-mantle.us-east-1.api.aws"),
        (Cloud(client="vertex", region="global"), "aiplatform.googleapis.com"),
        (Cloud(client="vertex", region="eu"), "aiplatform.eu.rep.googleapis.com"),
        (Cloud(client="vertex", region="us-east5"), "us-east5-aiplatform.googleapis.com"),
        (Cloud(client="azure"), "not configured: base_url of m is empty"),
    ],
)
def test_the_host_of_every_cloud_is_named(tmp_path: Path, model: Cloud, host: str) -> None:
    assert model_host(model) == host
    found = registration(tmp_path, GOOD + '[models]\nallowed = ["m"]\n')
    printed = as_text("Mercy", sheet(found, ORIGIN, Models(allowed=("m",)), [model]))
    assert f"To {host}: the questions and what was read" in printed
    clouds = "with the cloud's own credentials" in printed
    assert clouds == (model.client in ("bedrock", "vertex"))


def test_everything_that_a_registration_adds_stands_on_its_sheet(tmp_path: Path) -> None:
    text = GOOD.replace('"patient/Patient.r"]', '"patient/Patient.r"]\noptional = ["patient/*.rs", "patient/DocumentReference.c", "user/Slot.r", "user/PractitionerRole.rs", "messaging/ui"]')  # fmt: skip
    more = """
[launch]
standalone = true
[backend]
id = "mercy-backend"
alg = "RS384"
scopes = ["system/Patient.rs"]
[bulk]
analysts = ["Practitioner/3"]
[users]
pilot = ["Practitioner/1", "Practitioner/2"]
roles = [{ system = "urn:mercy:roles", code = "physician" }]
limited = [{ system = "urn:mercy:roles", code = "student", without = ["write"] }]
"""
    found = registration(tmp_path, text + more)
    lines = as_text("Mercy", sheet(found, ORIGIN, Models(), [])).splitlines()
    for line in (
        f"Standalone launch URL: {ORIGIN}/smart/mercy/standalone",
        f"Launch URL of the population page: {ORIGIN}/smart/mercy/analyst",
        f"JWKS URL: {ORIGIN}/.well-known/jwks.json",
        "Signing algorithm: RS384",
        "Backend client id: mercy-backend",
        "Pilot: 2 named users only",
        "Roles: urn:mercy:roles|physician",
        "Role urn:mercy:roles|student: without: write",
        "backend: system/Patient.rs",
        "    reads: every type at once; ask for the types instead, where the EHR allows it",
        "    more than reading is asked for: the list of notes",
        "To language models: nothing: no configured model is allowed for this EHR",
    ):
        assert line in lines, line


def test_a_registration_that_exists_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "mercy.toml"
    write(path, "mine")
    with pytest.raises(ConfigurationError, match="exists"):
        write(path, "another")
    assert path.read_text("utf-8") == "mine"
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path / "no" / "mercy.toml", "mine")


@pytest.mark.parametrize(
    ("table", "turns", "audit"),
    [
        ("", "end with their launch", "kept for good"),
        (
            "[retention]\nturn_days = 30\naudit_days = 2190\n",
            "kept sealed for 30 days after it",
            "kept for at least 2190 days",
        ),
    ],
)
def test_the_sheet_says_how_long_anything_is_kept(
    tmp_path: Path, table: str, turns: str, audit: str
) -> None:
    printed = as_text("Mercy", sheet(registration(tmp_path, GOOD + table), ORIGIN, Models(), ()))
    assert f"\nQuestions and answers: {turns}\nAudit: {audit}\n" in printed


def test_a_model_whose_host_may_not_be_reached_is_sent_nothing(tmp_path: Path) -> None:
    text = GOOD + '[models]\nallowed = ["m"]\n[network]\negress = ["fhir.mercy.example"]\n'
    found = registration(tmp_path, text)
    printed = as_text("Mercy", sheet(found, ORIGIN, found.models, [Cloud(client="openai")]))
    assert (
        "\nTo api.openai.com: nothing: [network] egress does not name this host; model m\n"
        in printed
    )


@pytest.mark.parametrize(
    ("more", "printed"),
    [
        ("", "FILL-IN: the site's own, where the form asks (site.privacy_url)"),
        ('privacy_url = "https://mercy.example/privacy"\n', "https://mercy.example/privacy"),
    ],
)
def test_the_sites_own_pages_stand_on_the_sheet_or_say_where_to_put_them(
    tmp_path: Path, more: str, printed: str
) -> None:
    found = as_text("Mercy", sheet(registration(tmp_path, GOOD + more), ORIGIN, Models(), ()))
    assert f"\nPrivacy policy URL: {printed}\n" in found
    assert "\nLogo URL: FILL-IN: the site's own, where the form asks (site.logo_url)\n" in found


def test_an_own_page_is_an_https_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"site\.privacy_url"):
        registration(tmp_path, GOOD + 'privacy_url = "http://mercy.example"\n')
