"""Loopback sockets only."""

import pytest
from pytest_socket import enable_socket


@pytest.fixture(autouse=True)
def _sockets() -> None:
    enable_socket()
