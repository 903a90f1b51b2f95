import base64
import dataclasses
import re
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.settings import KNOWN, PROVIDERS, Settings

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
GOOD = {"CHARTSIDE_ORIGIN": "https://chartside.example", "CHARTSIDE_SECRET_KEY": KEY}


def test_every_setting_is_documented_and_nothing_else() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (?:`(\w+)`)? ?\|", Path("docs/configuration.md").read_text(), re.M
    )
    assert {name for name, _ in rows} == KNOWN | PROVIDERS
    assert {field for _, field in rows if field} == {
        item.name for item in dataclasses.fields(Settings)
    }


def test_secrets_never_show_themselves() -> None:
    settings = Settings.from_env({**GOOD, "OPENAI_API_KEY": "kkkk-provider"})
    assert "kkkk" not in repr(settings)
    assert settings.variables["OPENAI_API_KEY"].reveal() == b"kkkk-provider"
    assert KEY not in repr(settings)
    assert settings.secret_key.reveal() == b"k" * 32


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"CHARTSIDE_SECRET_KEY": ""}, "CHARTSIDE_SECRET_KEY"),
        ({"CHARTSIDE_SECRET_KEY": "short"}, "CHARTSIDE_SECRET_KEY"),
        ({"CHARTSIDE_SECRET_KEY": "*"}, "CHARTSIDE_SECRET_KEY"),
        ({"CHARTSIDE_ORIGIN": "chartside.example"}, "CHARTSIDE_ORIGIN"),
        ({"CHARTSIDE_ORIGIN": "https://chartside.example/app"}, "CHARTSIDE_ORIGIN"),
        ({"CHARTSIDE_ENVIRONMENT": "prod"}, "CHARTSIDE_ENVIRONMENT"),
        ({"CHARTSIDE_ORIGN": "x"}, "CHARTSIDE_ORIGN"),
    ],
)
def test_a_wrong_variable_stops_the_start_by_name(change: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Settings.from_env({**GOOD, **change})
