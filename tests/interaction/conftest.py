from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.faults import FaultRule
from tests.stack import Browser, Stack, make_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """One copilot and one EHR per module; tests of it take fresh browsers."""
    folder: Path = tmp_path_factory.mktemp("stack")
    return make_stack(folder)


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "stack" in request.fixturenames:
        stack: Stack = request.getfixturevalue("stack")
        stack.state.faults.clear()
        stack.clock.ahead *= 0


@pytest.fixture
def browser(stack: Stack) -> Browser:
    return stack.browser()


__all__ = ["FaultRule"]
