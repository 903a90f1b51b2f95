"""What a template asks an EHR for, before a site has changed anything."""

import tomllib
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.smart.scopes import is_well_formed, parse_scopes
from app.smart.templates import VENDORS, provisional, template
from tests.requirements import requirement


@requirement("smart:scopes:minimum", "smart:authorize:identity")
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_template_asks_for_named_types_to_read_and_for_nothing_else(vendor: str) -> None:
    raw = tomllib.loads(template(vendor, "mercy", "https://chartside.example"))
    asked = [*raw["scopes"]["required"], *raw["scopes"]["optional"]]
    assert [scope for scope in asked if not is_well_formed(scope)] == []
    grants = parse_scopes(" ".join(asked))
    assert "*" not in {grant.resource_type for grant in grants}
    assert {verb for grant in grants for verb in grant.verbs} == {"r", "s"}
    others = {scope for scope in asked if "/" not in scope}
    assert others == {"launch", "openid", "fhirUser", "online_access"}


@requirement("smart:client:preferred")
def test_a_template_asks_for_an_asymmetric_client_wherever_the_ehr_takes_one() -> None:
    found = {
        vendor: tomllib.loads(template(vendor, "mercy", "https://chartside.example"))["client"]["auth"]
        for vendor in VENDORS
    }  # fmt: skip
    assert found == {
        "epic": "private_key_jwt",
        "oracle": "private_key_jwt",
        # Its portal gives a secret and takes no keys; the public launcher has no register of clients at all.
        "athenahealth": "client_secret_basic",
        "smarthealthit": "public",
        "meditech": "private_key_jwt",
        "medplum": "private_key_jwt",
    }


def test_a_draft_that_is_no_registration_whatever_is_filled_in_says_why(tmp_path: Path) -> None:
    draft = tmp_path / "mercy.toml"
    draft.write_text(template("epic", "mercy", "https://chartside.example") + "\n[colours]\n")
    with pytest.raises(ConfigurationError, match=r"mercy\.toml: .*colours"):
        provisional(draft)
