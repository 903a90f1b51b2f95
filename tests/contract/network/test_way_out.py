"""`[network]` over real sockets: the EHR and the model are reached through the site's proxy, by the site's authorities."""

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.boundary import Boundary
from app.errors import BoundaryRefused, ConfigurationError, EhrUnavailable
from app.llm.transport import http_client
from app.settings import Secret
from app.smart.network import way_out
from app.smart.registration import Registration
from app.smart.registry import load_registry
from tests.contract.llm.test_stop import tunnel
from tests.requirements import requirement
from tests.unit.smart.test_registry import GOOD, ORIGIN

HOST = "fhir.mercy.example"
BASE = f"https://{HOST}/api/FHIR/R4"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of the EHR that no public authority knows."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])  # fmt: skip
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "ehr.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.with_suffix(".key").write_bytes(private)
    return path


class _Ehr(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"resourceType": "Patient", "id": "1"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy(certificate: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Serve the EHR by TLS, reached through a proxy only; give the proxy's port and what it was asked."""
    server = HTTPServer(("127.0.0.1", 0), _Ehr)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with tunnel(server.server_address[1]) as (port, heads):
        yield port, heads
    server.shutdown()
    server.server_close()


def registration(tmp_path: Path, network: str) -> Registration:
    (tmp_path / "a.toml").write_text(f"{GOOD}\n[network]\n{network}", "utf-8")
    found = load_registry(tmp_path, origin=ORIGIN, production=True).get("mercy")
    assert found is not None
    return found


def test_an_ehr_is_reached_through_the_proxy_by_the_sites_authority(
    tmp_path: Path,
    certificate: Path,
    proxy: tuple[int, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, heads = proxy
    # The environment's proxies have no part in it.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    known = registration(
        tmp_path,
        f'proxy = "http://127.0.0.1:{port}"\nproxy_env = "SITE_PROXY"\nca_file = "{certificate}"\negress = ["{HOST}"]',
    )
    boundary = way_out(known, {"SITE_PROXY": Secret(b"chartside:pa:ss")})
    try:
        assert boundary.get_json(f"{BASE}/Patient/1").json == {"resourceType": "Patient", "id": "1"}
        with pytest.raises(BoundaryRefused):
            boundary.get_json("https://elsewhere.example/Patient/1")
    finally:
        boundary.close()
    (head,) = heads
    assert head.startswith(f"CONNECT {HOST}:443 ".encode())
    assert base64.b64encode(b"chartside:pa:ss") in head


def test_without_the_sites_authority_nothing_is_sent(
    tmp_path: Path, proxy: tuple[int, list[bytes]]
) -> None:
    port, heads = proxy
    boundary = way_out(registration(tmp_path, f'proxy = "http://127.0.0.1:{port}"'), {})
    try:
        with pytest.raises(EhrUnavailable) as caught:
            boundary.get_json(f"{BASE}/Patient/1", bearer="secret")
    finally:
        boundary.close()
    assert "certificate verify failed" in str(caught.value.__cause__).lower()
    assert b"secret" not in b"".join(heads)


def test_a_model_is_reached_through_its_own_proxy_by_its_own_authority(
    certificate: Path, proxy: tuple[int, list[bytes]]
) -> None:
    from app.llm.call import Call  # noqa: PLC0415  # what a model's connections belong to
    from app.llm.config import Timeouts  # noqa: PLC0415
    from app.llm.connections import serving  # noqa: PLC0415
    from app.llm.hang_up import HangUp  # noqa: PLC0415

    port, heads = proxy
    client = http_client(f"https://{HOST}/v1", f"http://127.0.0.1:{port}", str(certificate))
    with client, serving(Call(Timeouts(), HangUp())):
        assert client.get(f"https://{HOST}/v1/models").json()["id"] == "1"
    assert heads[0].startswith(f"CONNECT {HOST}:443 ".encode())


@requirement("attack-06")
@pytest.mark.parametrize(
    "told", [b"HTTP/1.1 200 OK\r\nX-Drip: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_a_server_that_drips_headers_or_bytes_is_left_when_the_whole_answer_is_late(
    monkeypatch: pytest.MonkeyPatch, told: bytes
) -> None:
    monkeypatch.setattr("app.boundary.WHOLE_ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripped: list[bytes] = []

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(told)
                for _ in range(400):
                    connection.sendall(b" ")
                    dripped.append(b" ")
                    threading.Event().wait(0.01)

        dripping = threading.Thread(target=drip)
        dripping.start()
        origin = f"http://127.0.0.1:{server.getsockname()[1]}"
        boundary = Boundary(frozenset((origin,)), True)
        with pytest.raises(EhrUnavailable, match="no answer in time"):
            boundary.get(f"{origin}/metadata")
        boundary.close()
        dripping.join()
    assert len(dripped) < 400


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ('proxy = "https://proxy.example:3128"', "network.proxy https://proxy.example:3128 is not"),
        ('proxy = "http://me:secret@proxy.example:3128"', "network.proxy"),
        ('proxy_env = "X"', "network.proxy_env does not go without"),
        ('ca_file = "/nowhere/ca.pem"', "network.ca_file /nowhere/ca.pem is not a file"),
        ('egress = ["other.example"]', "network.egress does not name fhir.mercy.example"),
        ('egress = ["https://fhir.mercy.example"]', "network.egress https://fhir.mercy.example is not"),
    ],
)  # fmt: skip
def test_a_wrong_network_stops_the_start_and_names_the_key(
    tmp_path: Path, network: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        registration(tmp_path, network)


def test_a_proxys_secret_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    known = registration(tmp_path, 'proxy = "http://127.0.0.1:9"\nproxy_env = "SITE_PROXY"')
    for variables in ({}, {"SITE_PROXY": Secret(b"no-colon")}):
        with pytest.raises(
            ConfigurationError, match=r"mercy: network\.proxy_env: SITE_PROXY is not"
        ):
            way_out(known, variables)
