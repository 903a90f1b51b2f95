"""Every test here runs in each dialect that it names, over loopback sockets only."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_socket import enable_socket

from app.llm.hang_up import HangUp
from tests.doubles.dialects import BUILT, WIRES, Wire


@pytest.fixture(scope="session", autouse=True)
def _sockets_for_servers() -> None:
    enable_socket()


@pytest.fixture(autouse=True)
def _sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    enable_socket()
    # A proxy of the machine that runs the tests has no part in them.
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield
    while BUILT:
        BUILT.pop().close()


@pytest.fixture(params=WIRES, ids=[wire.name for wire in WIRES])
def wire(request: pytest.FixtureRequest) -> Wire:
    found = request.param
    assert isinstance(found, Wire)
    return found


@pytest.fixture
def hang_up() -> Iterator[HangUp]:
    stop = HangUp()
    yield stop
    stop.set()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", found, "-out", f"{found}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return found


@pytest.fixture
def tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificate}.crt", certificate)
    return context
