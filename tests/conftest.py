"""What every test lives under: no sockets, and garbage that is looked for seldom."""

import gc

import pytest
from pytest_socket import disable_socket, enable_socket

# Real servers and browsers, and programs that nobody here wrote, on loopback only.
WITH_SOCKETS = ("tests/e2e/", "tests/conformance/")
# Charts and applications are many objects that live as long as their test: looking through all of them after every
# 700 new ones took a sixth of the time of all tests.
GARBAGE_THRESHOLDS = (50_000, 10, 10)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(WITH_SOCKETS):
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)
