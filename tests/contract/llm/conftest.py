"""Every test here runs in each dialect that it names, over loopback sockets only."""

from collections.abc import Iterator

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
