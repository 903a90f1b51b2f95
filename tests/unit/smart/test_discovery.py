from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import RSAKey

from app.boundary import Boundary
from app.smart.discovery import Discovery
from app.smart.errors import DiscoveryFailed
from app.smart.registry import Registration, load_registry
from tests.requirements import requirement
from tests.unit.smart.test_registry import GOOD, ORIGIN

ISS = "https://fhir.mercy.example/api/FHIR/R4"
METADATA = {
    "authorization_endpoint": "https://fhir.mercy.example/auth",
    "token_endpoint": "https://fhir.mercy.example/token",
    "issuer": "https://fhir.mercy.example",
    "jwks_uri": "https://fhir.mercy.example/jwks",
    "code_challenge_methods_supported": ["S256"],
}
Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def registration(tmp_path: Path) -> Registration:
    (tmp_path / "a.toml").write_text(GOOD)
    found = load_registry(tmp_path, origin=ORIGIN, production=True).get("mercy")
    assert found is not None
    return found


def discovery(
    registration: Registration, handler: Handler, clock_s: Callable[[], float] = lambda: 0.0
) -> Discovery:
    boundary = Boundary(registration.origins(), False, httpx2.MockTransport(handler))
    return Discovery(lambda _: boundary, clock_s)


def answering(**change: object) -> Handler:
    return lambda _: httpx2.Response(200, json={**METADATA, **change})


@requirement("smart:conformance:hosts")
def test_relative_endpoints_resolve_against_the_base(registration: Registration) -> None:
    found = discovery(registration, answering(token_endpoint="auth/token")).configuration(
        registration, ISS
    )
    assert found.token_endpoint == f"{ISS}/auth/token"


@requirement("smart:conformance:hosts")
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://fhir.mercy.example/x",
        "https://fhir.mercy.example:8443/x",
        "https://fhir.mercy.example@evil.example/x",
        "//evil.example/x",
        "https://fhir.mercy.example/x#fragment",
        "javascript:alert(1)",
    ],
)
def test_an_endpoint_elsewhere_is_refused(
    registration: Registration, name: str, address: str
) -> None:
    with pytest.raises(DiscoveryFailed):
        discovery(registration, answering(**{name: address})).configuration(registration, ISS)


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(404),
        httpx2.Response(302, headers={"Location": "https://evil.example/"}),
        httpx2.Response(200, text="<html>"),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"token_endpoint": "x"}),
        httpx2.Response(200, json={**METADATA, "code_challenge_methods_supported": ["plain"]}),
    ],
)
def test_an_unusable_configuration_is_a_clear_error(
    registration: Registration, response: httpx2.Response
) -> None:
    with pytest.raises(DiscoveryFailed):
        discovery(registration, lambda _: response).configuration(registration, ISS)


def test_an_unknown_key_is_looked_up_again_at_most_once_a_minute(
    registration: Registration,
) -> None:
    now, asked = [0.0], []
    keys = {"keys": [RSAKey.generate_key(2048, parameters={"kid": "k1"}).as_dict(private=False)]}

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200, json=keys if request.url.path == "/jwks" else METADATA)

    found = discovery(registration, handler, lambda: now[0])
    configuration = found.configuration(registration, ISS)
    for at, kid in ((0, "k1"), (1, "k1"), (2, "forged"), (30, "forged"), (61, "forged")):
        now[0] = float(at)
        found.keys(registration, configuration, kid)
    assert asked.count("/jwks") == 2
    assert found.configuration(registration, ISS) == configuration
    assert len([path for path in asked if path.endswith("smart-configuration")]) == 1
