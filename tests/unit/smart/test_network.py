"""`[network]`: authorities that cannot be read stop the start."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from app.errors import ConfigurationError
from app.smart.network import way_out
from app.smart.policy import Network
from tests.unit.smart.test_registry import GOOD
from tests.unit.smart.test_sheet import registration


def test_a_file_without_certificates_stops_the_start_and_names_the_key(tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_text("nothing\n")
    found = replace(registration(tmp_path, GOOD), network=Network(ca_file=str(file)))
    with pytest.raises(ConfigurationError, match=r"mercy: network\.ca_file .* no certificates"):
        way_out(found, {})
