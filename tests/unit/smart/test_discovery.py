from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
import msgspec
import pytest
from joserfc.jwk import RSAKey

from app.boundary import Boundary
from app.smart.discovery import Discovery
from app.smart.errors import DiscoveryFailed
from app.smart.registration import Pins, Registration
from app.smart.registry import load_registry
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
    registration: Registration,
    handler: Handler,
    clock_s: Callable[[], float] = lambda: 0.0,
    **more: Any,
) -> Discovery:
    boundary = Boundary(registration.origins(), False, httpx2.MockTransport(handler), **more)
    return Discovery(lambda _: boundary, clock_s)


def answering(**change: object) -> Handler:
    return lambda _: httpx2.Response(200, json={**METADATA, **change})


@requirement("smart:conformance:relative")
@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("auth/token", f"{ISS}/auth/token"),
        ("/auth/token", "https://fhir.mercy.example/auth/token"),
        ("../auth/token?x=1", "https://fhir.mercy.example/api/FHIR/auth/token?x=1"),
        ("//fhir.mercy.example/token", "https://fhir.mercy.example/token"),
    ],
)
def test_relative_endpoints_resolve_against_the_base(
    registration: Registration, sent: str, meant: str
) -> None:
    found = discovery(registration, answering(token_endpoint=sent))
    assert found.configuration(registration, ISS).token_endpoint == meant


def published(smart: dict[str, Any], openid: Any) -> Handler:
    """Answer the SMART configuration with `smart`, an OpenID configuration below either base with `openid`."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/openid-configuration"):
            return httpx2.Response(200 if openid else 404, json=openid)
        return httpx2.Response(200, json=smart)

    return handler


@requirement("smart:identity:steps")
@pytest.mark.parametrize(
    ("left_out", "openid", "found"),
    [
        # What the SMART configuration says is not asked for again.
        ((), None, ("https://fhir.mercy.example", "https://fhir.mercy.example/jwks")),
        (
            ("jwks_uri",),
            {"issuer": "https://fhir.mercy.example", "jwks_uri": "https://fhir.mercy.example/keys"},
            ("https://fhir.mercy.example", "https://fhir.mercy.example/keys"),
        ),
        (
            ("issuer", "jwks_uri"),
            {"issuer": ISS, "jwks_uri": "keys"},
            (ISS, f"{ISS}/keys"),
        ),
        # One that speaks of another issuer, or that is not there, proves nobody.
        (("jwks_uri",), {"issuer": "https://evil.example", "jwks_uri": "keys"}, ("", "")),
        (("issuer",), {"issuer": "https://fhir.mercy.example", "jwks_uri": "keys"}, ("", "")),
        (("jwks_uri",), {"issuer": "https://fhir.mercy.example"}, ("", "")),
        (("jwks_uri",), None, ("", "")),
    ],
)
def test_the_keys_are_the_issuers_from_either_configuration(
    registration: Registration,
    left_out: tuple[str, ...],
    openid: object,
    found: tuple[str, str],
) -> None:
    smart = {name: value for name, value in METADATA.items() if name not in left_out}
    configuration = discovery(registration, published(smart, openid)).configuration(
        registration, ISS
    )
    assert (configuration.issuer, configuration.jwks_uri) == found


@requirement("smart:identity:steps", "attack-05")
@pytest.mark.parametrize(
    ("smart", "openid"),
    [
        ({"jwks_uri": ""}, {"issuer": METADATA["issuer"], "jwks_uri": "https://evil.example/k"}),
        ({"jwks_uri": "", "issuer": "https://evil.example"}, None),
    ],
)
def test_no_configuration_brings_keys_of_another_host(
    registration: Registration, smart: dict[str, Any], openid: object
) -> None:
    found = discovery(registration, published({**METADATA, **smart}, openid))
    try:
        configuration = found.configuration(registration, ISS)
    except DiscoveryFailed:
        return
    assert (configuration.issuer, configuration.jwks_uri) == ("", "")


@requirement("smart:conformance:hosts", "smart:protect:tls", "attack-05")
@pytest.mark.parametrize(
    "name",
    [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "introspection_endpoint",
    ],
)
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
        "http://[",
    ],
)
def test_an_endpoint_elsewhere_is_refused(
    registration: Registration, name: str, address: str
) -> None:
    with pytest.raises(DiscoveryFailed):
        discovery(registration, answering(**{name: address})).configuration(registration, ISS)


@requirement("attack-05")
@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_what_is_pinned_is_announced_exactly_so(registration: Registration, name: str) -> None:
    pins = msgspec.convert({name: METADATA[name]}, Pins)
    pinned = msgspec.structs.replace(registration, pins=pins)
    assert discovery(pinned, answering()).configuration(pinned, ISS).issuer == METADATA["issuer"]
    moved = {name: f"{METADATA[name]}/2"}
    with pytest.raises(DiscoveryFailed, match=f"another {name} than pins.{name}"):
        discovery(pinned, answering(**moved)).configuration(pinned, ISS)


@requirement("attack-06")
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


@requirement("attack-22")
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


@requirement("attack-06")
def test_configurations_without_end_are_not_remembered(
    registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.smart.discovery.MOST_KEPT", 2)
    found = discovery(registration, answering())
    for n in range(5):
        found.configuration(registration, f"{ISS}/{n}")
    assert 0 < len(found._configurations) <= 2


@requirement("oidc:id-token:signature")
@pytest.mark.parametrize("sent", [[], {}, {"keys": 7}, {"keys": [{"kty": "RSA"}]}, "keys"])
def test_what_is_no_key_set_proves_nobody(registration: Registration, sent: object) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=sent if request.url.path == "/jwks" else METADATA)

    found = discovery(registration, handler)
    with pytest.raises(DiscoveryFailed, match="not a JWKS"):
        found.keys(registration, found.configuration(registration, ISS), "k1")


@requirement("smart:conformance:json")
def test_the_configuration_is_asked_for_as_json_at_the_end_of_the_base(
    registration: Registration,
) -> None:
    asked: list[tuple[str, str]] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append((str(request.url), request.headers["Accept"]))
        return httpx2.Response(200, json=METADATA)

    found = discovery(registration, handler).configuration(registration, ISS)
    assert asked == [(f"{ISS}/.well-known/smart-configuration", "application/json")]
    assert (found.revocation_endpoint, found.introspection_endpoint) == ("", "")
    assert found.authorize_post is False


@requirement("attack-06")
def test_a_configuration_without_end_is_a_bounded_error(
    registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(65_536)
            yield b" " * 65_536

    def handler(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=endless())

    with pytest.raises(DiscoveryFailed, match="bytes"):
        discovery(registration, handler, byte_cap=2**20).configuration(registration, ISS)
    assert sum(sent) <= 2**20 + 2 * 65_536
    # A server that drips stays below every read time-out; the whole answer has one too.
    at = iter(range(0, 10_000, 20))
    monkeypatch.setattr("app.boundary.time.monotonic", lambda: next(at))
    with pytest.raises(DiscoveryFailed, match="took more than"):
        discovery(registration, handler).configuration(registration, ISS)


@requirement("attack-07")
@pytest.mark.parametrize("peer", ["169.254.169.254", "127.0.0.1", "fd00:ec2::254", "0.0.0.0"])
def test_a_name_that_leads_to_a_metadata_address_is_refused_before_a_byte_is_sent(
    registration: Registration, monkeypatch: pytest.MonkeyPatch, peer: str
) -> None:
    sent: list[bytes] = []

    class Rebound(httpcore2.NetworkStream):
        """A connection to where the name led."""

        def get_extra_info(self, info: str) -> Any:
            return (peer, 443) if info == "server_addr" else None

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            sent.append(buffer)

        def start_tls(self, *_: Any, **__: Any) -> httpcore2.NetworkStream:
            return self

        def close(self) -> None: ...

    # DNS has no public door in a test without sockets.
    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", lambda *_, **__: Rebound())
    boundary = Boundary(registration.origins())
    with pytest.raises(DiscoveryFailed):
        Discovery(lambda _: boundary, lambda: 0.0).configuration(registration, ISS)
    assert sent == []
