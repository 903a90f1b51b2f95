"""What every test lives under: no sockets."""

import pytest
from pytest_socket import disable_socket, enable_socket

# Real servers and browsers, on loopback only.
WITH_SOCKETS = ("tests/e2e/",)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(WITH_SOCKETS):
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)
