"""What every test lives under: no sockets, and every protocol rule proved."""

import pytest
from pytest_socket import disable_socket, enable_socket

from tests.requirements import RULES

# Real servers and browsers, on loopback only.
WITH_SOCKETS = ("tests/e2e/",)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(WITH_SOCKETS):
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Fail when a rule has no test; only a run of all in-process tests can tell."""
    given = set(session.config.args)
    whole = "tests" in given or {"tests/unit", "tests/interaction"} <= given
    if not whole or session.config.option.keyword:
        return
    cited = {
        rule for item in items for mark in item.iter_markers("requirement") for rule in mark.args
    }
    missing = sorted(
        name for name, rule in RULES.items() if name not in cited and not rule.applies_when
    )
    if missing:
        raise pytest.UsageError(f"no test cites: {', '.join(missing)}")
