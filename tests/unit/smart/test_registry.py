from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.smart.errors import UnknownIssuer
from app.smart.policy import Models
from app.smart.registry import canonical_iss, load_registry
from tests.requirements import requirement

ORIGIN = "https://chartside.example"
GOOD = """
schema = 1
slug = "mercy"
name = "Mercy"
vendor = "epic"
environment = "production"
enabled = true
[fhir]
iss = ["https://fhir.mercy.example/api/FHIR/R4"]
[client]
id = "abc"
auth = "public"
redirect_uri = "https://chartside.example/smart/mercy/callback"
[scopes]
required = ["launch", "openid", "fhirUser", "patient/Patient.r"]
[embed]
frame_ancestors = ["https://ehr.mercy.example"]
[site]
name = "Mercy"
time_zone = "America/Chicago"
help_desk = "555"
"""


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path


def test_a_registration_names_its_own_hosts_only(tmp_path: Path) -> None:
    registry = load_registry(folder(tmp_path, a=GOOD), origin=ORIGIN, production=True)
    registration = registry.get("mercy")
    assert registration is not None
    assert registration.origins() == frozenset({"https://fhir.mercy.example"})


@requirement(
    "smart:launch:fixed-addresses",
    "smart:protect:tls",
    "smart:authorize:identity",
    "smart:context:hints",
)
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (GOOD.replace('time_zone = "America/Chicago"\n', ""), "time_zone"),
        (GOOD.replace("America/Chicago", "Mars/Olympus"), "site.time_zone"),
        (GOOD + "\ncolour = 1\n", "colour"),
        (GOOD.replace("https://fhir.mercy", "http://fhir.mercy"), "http"),
        (GOOD.replace("https://ehr.mercy.example", "https://*.mercy.example"), "frame_ancestors"),
        (GOOD.replace('["https://ehr.mercy.example"]', "[]"), "frame_ancestors"),
        (GOOD.replace("/smart/mercy/callback", "/callback"), "redirect_uri"),
        (GOOD + '[pins]\njwks_uri = "http://x.example/jwks"\n', "http"),
        (GOOD + '[pins]\ntoken_endpoint = "https://"\n', "pins.token_endpoint"),
        (GOOD + '[pins]\nhosts = ["https://x.example"]\n', "pins.hosts"),
        (GOOD.replace('help_desk = "555"', 'help_desk = "555"\nlocale = "de-DE"'), "locale"),
        (GOOD.replace("mercy.example/api", "me@mercy.example/api"), "fhir.iss"),
        (GOOD.replace("schema = 1", "schema = 2"), "schema"),
        (GOOD.replace('slug = "mercy"', 'slug = "Mer cy"'), "slug"),
        (GOOD.replace('environment = "production"', 'environment = "sandbox"'), "sandbox"),
        (GOOD + '[models]\nallowed = ["*"]\n', "models.allowed"),
        (GOOD + '[models]\nallowed = ["a"]\ndefault = "b"\n', "models.default b"),
        (GOOD + '[models]\nphi_without_baa = ["a"]\n', "models.phi_without_baa a"),
        (GOOD + '[models]\nopt_out = [{ code = "no-ai" }]\n', "opt_out"),
        (GOOD + "[models]\nallow = []\n", "allow"),
        (GOOD.replace('"openid", ', ""), "scopes.required must name openid"),
        (GOOD.replace('"fhirUser", ', ""), "scopes.required must name fhirUser"),
        (
            GOOD.replace("patient/Patient.r", "patient/Patient.sr"),
            "scopes.required patient/Patient",
        ),
        (GOOD.replace('"launch"', '"launch/List"'), "scopes.required launch/List is not a scope"),
        (
            GOOD.replace('"launch"', '"launch", "launch/list?role=home&role=ward"'),
            "scopes.required launch/list",
        ),
        (
            GOOD.replace("[embed]", 'optional = ["launchpad"]\n[embed]'),
            "scopes.optional launchpad is not a scope",
        ),
    ],
)
def test_a_wrong_registration_stops_the_start_and_names_the_key(
    tmp_path: Path, wrong: str, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_registry(folder(tmp_path, a=wrong), origin=ORIGIN, production=True)


@pytest.mark.parametrize(
    ("environment", "pattern", "said"),
    [
        ("production", "https://fhir.mercy.example/v/*/fhir", "for sandbox registrations only"),
        ("sandbox", "https://fhir.mercy.example/v/*/*/fhir", "with one segment"),
        ("sandbox", "https://fhir.mercy.example/v/x*/fhir", "with one segment"),
        ("sandbox", "https://other.example/v/*/fhir", "on another host than fhir.iss"),
        ("sandbox", "https://[", "with one segment"),
    ],
)
def test_an_address_with_a_free_segment_is_held_to_its_form_and_host(
    tmp_path: Path, environment: str, pattern: str, said: str
) -> None:
    text = GOOD.replace('"production"', f'"{environment}"')
    text = text.replace("[client]", f'iss_pattern = "{pattern}"\n[client]')
    with pytest.raises(ConfigurationError, match=said):
        load_registry(folder(tmp_path, a=text), origin=ORIGIN, production=False)


def test_a_folder_without_any_registration_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no registration in "):
        load_registry(tmp_path, origin=ORIGIN, production=False)


def test_a_draft_stops_nothing_whatever_it_lacks(tmp_path: Path) -> None:
    draft = 'enabled = false\nname = "FILL-IN"\ncolour = 1\n'
    registry = load_registry(folder(tmp_path, a=GOOD, b=draft), origin=ORIGIN, production=True)
    assert [item.slug for item in registry.all()] == ["mercy"]
    folder(tmp_path, b="enabled = false\nname = \n")
    with pytest.raises(ConfigurationError, match=r"b\.toml: Invalid value"):
        load_registry(tmp_path, origin=ORIGIN, production=True)


def test_production_is_reached_by_https_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CHARTSIDE_ORIGIN must be https"):
        load_registry(folder(tmp_path, a=GOOD), origin="http://chartside.example", production=True)


def test_a_pinned_endpoint_may_be_called_and_an_issuer_is_only_a_name(tmp_path: Path) -> None:
    pins = '[pins]\nissuer = "https://id.example"\ntoken_endpoint = "https://auth.example/token"\n'
    registry = load_registry(folder(tmp_path, a=GOOD + pins), origin=ORIGIN, production=True)
    registration = registry.get("mercy")
    assert registration is not None
    assert registration.origins() == {"https://fhir.mercy.example", "https://auth.example"}


@requirement("smart:context:hints", "smart:scopes:granular")
def test_context_and_restrictions_may_be_asked_for_in_their_syntax(tmp_path: Path) -> None:
    wanted = (
        "launch/encounter", "launch/list?role=https://roles.example/home", "launch/list?role=ward",
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "user/Practitioner.read", "patient/*.rs", "messaging/ui",
    )  # fmt: skip
    listed = ", ".join(f'"{scope}"' for scope in wanted)
    text = GOOD.replace("[embed]", f"optional = [{listed}]\n[embed]")
    registration = load_registry(folder(tmp_path, a=text), origin=ORIGIN, production=True).get(
        "mercy"
    )
    assert registration is not None
    assert registration.scopes.optional == wanted


def test_two_registrations_never_share_an_issuer(tmp_path: Path) -> None:
    other = GOOD.replace("mercy/callback", "other/callback").replace(
        'slug = "mercy"', 'slug = "other"'
    )
    with pytest.raises(ConfigurationError, match="two registrations"):
        load_registry(folder(tmp_path, a=GOOD, b=other), origin=ORIGIN, production=True)


def test_two_files_never_share_a_slug(tmp_path: Path) -> None:
    other = GOOD.replace("fhir.mercy.example", "fhir.other.example")
    with pytest.raises(ConfigurationError, match="slug mercy stands in two files"):
        load_registry(folder(tmp_path, a=GOOD, b=other), origin=ORIGIN, production=True)


@requirement("smart:protect:tls", "smart:launch:fixed-addresses")
def test_in_production_browsers_reach_chartside_by_https_only(tmp_path: Path) -> None:
    text = GOOD.replace("https://chartside.example", "http://chartside.example")
    with pytest.raises(ConfigurationError, match="https in production"):
        load_registry(folder(tmp_path, a=text), origin="http://chartside.example", production=True)


@requirement("smart:launch:iss-registered", "smart:launch:iss-once", "attack-03", "attack-04")
@pytest.mark.parametrize(
    "sent",
    [
        [],
        ["https://fhir.mercy.example/api/FHIR/R4", "https://fhir.mercy.example/api/FHIR/R4"],
        ["http://fhir.mercy.example/api/FHIR/R4"],
        ["https://fhir.mercy.example:444/api/FHIR/R4"],
        ["https://fhir.mercy.example./api/FHIR/R4"],
        ["https://fhir.mercy.example@evil.example/api/FHIR/R4"],
        ["https://evil.example/https://fhir.mercy.example/api/FHIR/R4"],
        ["https://fhir.mercy.example/api/FHIR/R4/../R4"],
        ["https://fhir.mercy.example/api/fhir/r4"],
        ["https://fhir.mercy.example/api/FHIR/R4?x=1"],
        ["http://169.254.169.254/"],
        ["file:///etc/passwd"],
        [""],
    ],
)
def test_a_look_alike_issuer_is_unknown(tmp_path: Path, sent: list[str]) -> None:
    registry = load_registry(folder(tmp_path, a=GOOD), origin=ORIGIN, production=True)
    with pytest.raises(UnknownIssuer):
        registry.by_iss("mercy", sent)


def test_only_case_of_the_host_and_a_slash_at_the_end_are_forgiven() -> None:
    assert (
        canonical_iss("HTTPS://Fhir.Mercy.Example/api/R4/") == "https://fhir.mercy.example/api/R4"
    )


def test_language_models_follow_their_file_and_a_broken_one_allows_none(tmp_path: Path) -> None:
    folder(tmp_path, a=GOOD + '[models]\nallowed = ["a", "b"]\ndefault = "b"\n')
    registry = load_registry(tmp_path, origin=ORIGIN, production=True)
    assert registry.models("mercy").allowed == ("a", "b")
    assert registry.models("other") == Models()
    for text, allowed in (
        (GOOD + '[models]\nallowed = ["a"]\n', ("a",)),
        ("not toml", ()),
        (GOOD + '[models]\nallowed = ["a", "b", "c"]\n', ("a", "b", "c")),
        (GOOD + '[models]\nallowed = ["*"]\n', ()),
        (GOOD.replace("enabled = true", "enabled = false") + '[models]\nallowed = ["a"]', ()),
        (GOOD, ()),
    ):
        folder(tmp_path, a=text)
        assert registry.models("mercy").allowed == allowed
    folder(tmp_path, a=GOOD + '[models]\nallowed = ["a"]\n')
    assert registry.models("mercy").allowed == ("a",)
    (tmp_path / "a.toml").unlink()
    assert registry.models("mercy") == Models()
