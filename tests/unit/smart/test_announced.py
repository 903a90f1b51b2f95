"""What an EHR announces, judged against registrations that use more, or less, than the sandbox's."""

from pathlib import Path
from typing import Any

import pytest

from app.smart.announced import Finding, Issuer, client_type, grants, pins
from tests.unit.smart.test_registry import GOOD
from tests.unit.smart.test_sheet import registration

BACKEND = '[backend]\nid = "b"\nalg = "ES384"\nscopes = ["system/Patient.rs"]\n'
PINS = '[pins]\nissuer = "https://fhir.mercy.example/api/FHIR/R4"\n'


def at(folder: Path, more: str = "") -> Issuer:
    found = registration(folder, GOOD + more)
    return Issuer(registration=found, iss=found.fhir.iss[0], file="mercy.toml")


def test_pins_that_hold_are_named(tmp_path: Path) -> None:
    announced = {"issuer": "https://fhir.mercy.example/api/FHIR/R4"}
    said = "Pinned in mercy.toml: issuer."
    assert [*pins(at(tmp_path, PINS), announced)] == [
        Finding(level="fine", about="pins", sentence=said)
    ]


@pytest.mark.parametrize(
    ("more", "offered", "found"),
    [
        ("", ["authorization_code"], [("fine", "Offered: authorization_code.")]),
        (
            BACKEND,
            ["authorization_code"],
            [
                (
                    "fix",
                    "The EHR does not offer client_credentials. Have it switched on at the EHR, or take [backend] out (mercy.toml).",
                )
            ],
        ),
    ],
)
def test_only_the_grants_that_a_registration_uses_must_be_offered(
    tmp_path: Path, more: str, offered: list[str], found: list[tuple[str, str]]
) -> None:
    told = grants(at(tmp_path, more), {"grant_types_supported": offered})
    assert [(one.level, one.sentence) for one in told] == found


def test_the_backend_clients_algorithm_must_be_taken_as_well(tmp_path: Path) -> None:
    announced: dict[str, Any] = {
        "capabilities": ["client-public"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384"],
    }
    told = [one.sentence for one in client_type(at(tmp_path, BACKEND), announced)]
    assert told == [
        "public is offered.",
        "The EHR does not take ES384 (it takes RS384). Change backend.alg (mercy.toml).",
    ]
